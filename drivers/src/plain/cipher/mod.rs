//! Opens what an encrypting meter pushes: AES-128-GCM as DLMS security suite 0 uses it, for P1 and DLMS alike.
//!
//! ```text
//! general-glo-ciphering: system title ∥ security control ∥ frame counter ∥ body
//!     nonce           = system title ∥ frame counter
//!     additional data = security control ∥ authentication key
//!     body            = ciphertext ∥ tag of 12 bytes
//! ```
//!
//! Where no authentication key is given, the tag of an authenticated body is checked without one first: meters are met
//! that were set up so. When it does not fit, the body is deciphered all the same, as the householder may have been
//! told one key alone. Such a text is *unverified*: whoever takes it must find in it the checksum or the structure that
//! a wrong key would not leave there. Nothing of that makes a plain meter's word certified.
//!
//! Whoever can change the line can also leave the tag out. So where an authentication key was given, or a tag has fitted
//! since the line was opened, nothing is taken that carries none, be it ciphered or in the open ([`Lock`]).

#![deny(clippy::indexing_slicing)]

use std::fmt;

use aes_gcm::AesGcm;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInPlace, KeyInit, Nonce, Tag};
use aes_gcm::aes::Aes128;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Fault;

/// AES-128-GCM with the tag of 12 bytes that DLMS cuts.
type Gcm = AesGcm<Aes128, U12, U12>;

/// Bytes of the tag.
const TAG: usize = 12;
/// Security control: the body carries a tag.
const AUTHENTICATED: u8 = 0x10;
/// Security control: the body is encrypted.
const ENCRYPTED: u8 = 0x20;
/// Security control: the text was compressed first. No meter is known that does so.
const COMPRESSED: u8 = 0x80;
/// Security control: number of the suite. Suites 0 and 1 cipher alike.
const SUITE: u8 = 0x0f;

/// The keys that the grid operator gives for one meter.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MeterKey {
    encryption: [u8; 16],
    authentication: Option<[u8; 16]>,
}

/// Why a text is no meter's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A character that is none of 0 to 9, a to f.
    #[error("a meter's key is written in the digits 0 to 9 and the letters a to f; this one holds something else")]
    NotHex,
    /// Not 16 bytes.
    #[error("a meter's key has 32 digits; this one is shorter or longer, so copy it anew")]
    Length,
}

impl MeterKey {
    /// The keys as bytes.
    #[must_use]
    pub const fn new(encryption: [u8; 16], authentication: Option<[u8; 16]>) -> Self {
        Self { encryption, authentication }
    }

    /// The keys as the grid operator writes them: 32 hexadecimal digits each; blanks, colons and dashes are skipped.
    ///
    /// # Errors
    /// [`KeyError`] when one of them is no key.
    pub fn from_hex(encryption: &str, authentication: Option<&str>) -> Result<Self, KeyError> {
        let mut key = Self { encryption: [0; 16], authentication: None };
        read_hex(encryption, &mut key.encryption)?;
        if let Some(text) = authentication {
            read_hex(text, key.authentication.insert([0; 16]))?;
        }
        Ok(key)
    }
}

impl fmt::Debug for MeterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeterKey(…)")
    }
}

fn read_hex(text: &str, key: &mut [u8; 16]) -> Result<(), KeyError> {
    let mut digits = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, ':' | '-'));
    let mut digit = || digits.next().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
    for byte in key.iter_mut() {
        let high = digit().ok_or(KeyError::Length)?.ok_or(KeyError::NotHex)?;
        let low = digit().ok_or(KeyError::Length)?.ok_or(KeyError::NotHex)?;
        *byte = high << 4 | low;
    }
    digit().map_or(Ok(()), |_| Err(KeyError::Length))
}

/// The keys of a line, and whether its meter has shown that it authenticates what it sends.
#[derive(Default)]
pub(crate) struct Lock {
    key: Option<MeterKey>,
    tagged: bool,
}

impl Lock {
    pub(crate) fn new(key: Option<MeterKey>) -> Self {
        Self { key, tagged: false }
    }

    /// The line was opened anew: another meter may hang there.
    pub(crate) fn begin(&mut self) {
        self.tagged = false;
    }

    /// The same keys for what has nothing to do with the line so far.
    pub(crate) fn anew(&self) -> Self {
        Self::new(self.key.clone())
    }

    /// Opens the body of a ciphered APDU.
    ///
    /// # Errors
    /// [`Fault::Encrypted`] without a key, [`Fault::Unauthenticated`] when it carries no tag but must, else as [`open`].
    pub(crate) fn open(&mut self, head: Head, body: &[u8]) -> Result<Opened, Fault> {
        let opened = open(self.key.as_ref().ok_or(Fault::Encrypted)?, head, body)?;
        self.tagged |= opened.verified;
        match opened.verified {
            false if self.tagged && head.security & AUTHENTICATED == 0 => Err(Fault::Unauthenticated),
            false if self.tagged => Err(Fault::WrongKey),
            _ => Ok(opened),
        }
    }

    /// Whether what comes in the open may be taken.
    ///
    /// # Errors
    /// [`Fault::Unauthenticated`] when it must carry a tag.
    pub(crate) fn plain(&self) -> Result<(), Fault> {
        let must = self.tagged || self.key.as_ref().is_some_and(|key| key.authentication.is_some());
        if must { Err(Fault::Unauthenticated) } else { Ok(()) }
    }
}

/// What stands before the body of a ciphered APDU.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) system_title: [u8; 8],
    pub(crate) security: u8,
    pub(crate) counter: u32,
}

/// A text that was opened.
pub(crate) struct Opened {
    /// What the meter said.
    pub(crate) plain: Vec<u8>,
    /// The tag was checked and fits: the text is as the holder of the key wrote it.
    pub(crate) verified: bool,
}

/// Opens the body of a ciphered APDU.
///
/// # Errors
/// [`Fault::Cut`] when it is too short for its tag, [`Fault::WrongKey`] when the tag does not fit the keys,
/// [`Fault::Unauthenticated`] when an authentication key was given and it says that it carries no tag,
/// [`Fault::Malformed`] when its security control names what no meter uses.
fn open(key: &MeterKey, head: Head, body: &[u8]) -> Result<Opened, Fault> {
    let Head { system_title, security, counter } = head;
    if security & COMPRESSED != 0 || security & SUITE > 1 || security & ENCRYPTED == 0 {
        return Err(Fault::Malformed);
    }
    let nonce = nonce(system_title, counter);
    let gcm = Gcm::new((&key.encryption).into());
    if security & AUTHENTICATED == 0 {
        if key.authentication.is_some() {
            return Err(Fault::Unauthenticated);
        }
        return Ok(Opened { plain: deciphered(&gcm, &nonce, body)?, verified: false });
    }
    let (text, tag) = body.split_last_chunk::<TAG>().ok_or(Fault::Cut)?;
    let tag = Tag::<Gcm>::from(*tag);
    let opens = |additional: &[u8]| {
        let mut plain = text.to_vec();
        gcm.decrypt_in_place_detached(&nonce, additional, &mut plain, &tag).is_ok().then_some(plain)
    };
    let plain = match &key.authentication {
        Some(authentication) => {
            let mut additional = [security; 17];
            additional.iter_mut().skip(1).zip(authentication).for_each(|(to, from)| *to = *from);
            let plain = opens(&additional);
            additional.zeroize();
            Some(plain.ok_or(Fault::WrongKey)?)
        }
        None => opens(&[security]).or_else(|| opens(&[])),
    };
    match plain {
        Some(plain) => Ok(Opened { plain, verified: true }),
        None => Ok(Opened { plain: deciphered(&gcm, &nonce, text)?, verified: false }),
    }
}

fn nonce(system_title: [u8; 8], counter: u32) -> Nonce<Gcm> {
    let mut nonce = Nonce::<Gcm>::default();
    nonce.iter_mut().zip(system_title.into_iter().chain(counter.to_be_bytes())).for_each(|(to, from)| *to = from);
    nonce
}

/// The text without a check. The counter mode inside GCM is its own inverse, so enciphering deciphers.
fn deciphered(gcm: &Gcm, nonce: &Nonce<Gcm>, text: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut plain = text.to_vec();
    // Fails for a text of more than 64 gigabytes alone.
    gcm.encrypt_in_place_detached(nonce, &[], &mut plain).map_err(|_| Fault::TooLong)?;
    Ok(plain)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests;
