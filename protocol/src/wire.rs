//! Bytes on the wire: canonical CBOR and COSE_Sign1 envelopes.
//!
//! Every message is deterministic CBOR (RFC 8949, §4.2). A decoder accepts only the bytes that its encoder would
//! write: it decodes, encodes again and compares, so no message has two forms. Signatures are Ed25519 over
//! COSE_Sign1 with a purpose as `external_aad`, verified by the ZIP-215 rules (docs/decisions/0003).

use ed25519_dalek::{Signer, SigningKey};
use metrology::cose::PROTECTED;
use minicbor::{Decode, Decoder, Encode, Encoder, data::Tag};
use zeroize::Zeroizing;

/// Largest message that is read: a tariff of quarter-hour prices for some years, or a package of a year.
pub const MAX_MESSAGE: usize = 64 << 20;

/// Bytes that are not the message they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not CBOR of the expected shape.
    #[error("the bytes are not a {0}, or it is damaged or cut short")]
    Malformed(&'static str),
    /// Correct CBOR, but not the one canonical form of the message.
    #[error("the {0} is not in canonical form")]
    NotCanonical(&'static str),
    /// A newer or unknown version.
    #[error("the {0} has a format version this program does not know; update it")]
    Version(&'static str),
    /// Longer than any honest message.
    #[error("the {0} is longer than the limit")]
    TooLong(&'static str),
    /// The signature does not verify under the key.
    #[error("the signature of the {0} is wrong")]
    Signature(&'static str),
}

/// Encodes to bytes. Encoding to memory cannot fail.
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = minicbor::encode(value, &mut bytes);
    debug_assert!(written.is_ok());
    bytes
}

/// Encodes what holds a secret: into room for all of it, since a buffer that grows leaves copies behind.
pub fn encode_secret<T: Encode<()>>(value: &T) -> Zeroizing<Vec<u8>> {
    let mut length = Length(0);
    let measured = minicbor::encode(value, &mut length);
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.0));
    let written = minicbor::encode(value, &mut *bytes);
    debug_assert!(measured.is_ok() && written.is_ok());
    bytes
}

/// Counts what is written.
struct Length(usize);

impl minicbor::encode::Write for Length {
    type Error = core::convert::Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0 += bytes.len();
        Ok(())
    }
}

/// Decodes the whole of `bytes` and insists on the canonical form.
///
/// # Errors
/// [`WireError`] with `what` naming the message.
pub fn decode<'b, T: Encode<()> + Decode<'b, ()>>(bytes: &'b [u8], what: &'static str) -> Result<T, WireError> {
    read_canonical(bytes, what, |value| encode(value) == bytes)
}

/// As [`decode`], for a message that is secret: the copy made for the comparison does not stay in memory.
///
/// # Errors
/// [`WireError`] with `what` naming the message.
pub fn decode_secret<'b, T: Encode<()> + Decode<'b, ()>>(bytes: &'b [u8], what: &'static str) -> Result<T, WireError> {
    read_canonical(bytes, what, |value| **encode_secret(value) == *bytes)
}

fn read_canonical<'b, T: Decode<'b, ()>>(
    bytes: &'b [u8],
    what: &'static str,
    same: impl FnOnce(&T) -> bool,
) -> Result<T, WireError> {
    if bytes.len() > MAX_MESSAGE {
        return Err(WireError::TooLong(what));
    }
    let mut decoder = Decoder::new(bytes);
    let value: T = decoder.decode().map_err(|_| WireError::Malformed(what))?;
    if decoder.position() == bytes.len() && same(&value) { Ok(value) } else { Err(WireError::NotCanonical(what)) }
}

/// Checks the first two elements of a file, its kind and version, before the rest is interpreted: a file of a later
/// version then says so, whatever its layout.
///
/// # Errors
/// When it is of another kind or version.
pub fn expect(bytes: &[u8], kind: &str, what: &'static str) -> Result<(), WireError> {
    let mut decoder = Decoder::new(bytes);
    let known = decoder.array().is_ok() && decoder.str().is_ok_and(|found| found == kind);
    if !known {
        return Err(WireError::Malformed(what));
    }
    check_version(decoder.u8().ok(), what)
}

/// Checks the first element of a signed payload, its version.
///
/// # Errors
/// When it is another.
pub fn expect_version(payload: &[u8], what: &'static str) -> Result<(), WireError> {
    let mut decoder = Decoder::new(payload);
    if decoder.array().is_err() {
        return Err(WireError::Malformed(what));
    }
    check_version(decoder.u8().ok(), what)
}

/// As [`expect_version`], for messages that have more than one.
///
/// # Errors
/// When it is none of them.
pub fn expect_versions(payload: &[u8], what: &'static str, known: &[u8]) -> Result<(), WireError> {
    let mut decoder = Decoder::new(payload);
    decoder.array().map_err(|_| WireError::Malformed(what))?;
    let found = decoder.u8().map_err(|_| WireError::Malformed(what))?;
    if known.contains(&found) { Ok(()) } else { Err(WireError::Version(what)) }
}

fn check_version(found: Option<u8>, what: &'static str) -> Result<(), WireError> {
    match found {
        Some(metrology::VERSION) => Ok(()),
        Some(_) => Err(WireError::Version(what)),
        None => Err(WireError::Malformed(what)),
    }
}

/// A COSE_Sign1 message taken apart; the signature is not yet checked.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The payload as received; hashes are taken over it.
    pub payload: &'a [u8],
    /// The signature.
    pub signature: [u8; 64],
}

impl<'a> Signed<'a> {
    /// Takes a message apart.
    ///
    /// # Errors
    /// When it is not the canonical form of a COSE_Sign1 with our protected header.
    pub fn read(message: &'a [u8], what: &'static str) -> Result<Self, WireError> {
        if message.len() > MAX_MESSAGE {
            return Err(WireError::TooLong(what));
        }
        let parts = || {
            let mut d = Decoder::new(message);
            d.tag()?;
            d.array()?;
            let protected = d.bytes()?;
            d.map()?;
            Ok::<_, minicbor::decode::Error>((protected, d.bytes()?, d.bytes()?))
        };
        let (protected, payload, signature) = parts().map_err(|_| WireError::Malformed(what))?;
        let signature: [u8; 64] = signature.try_into().map_err(|_| WireError::Malformed(what))?;
        if protected != PROTECTED || frame(payload, &signature) != message {
            return Err(WireError::NotCanonical(what));
        }
        Ok(Self { payload, signature })
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// [`WireError::Signature`].
    pub fn verify(&self, key: &[u8; 32], purpose: &[u8], what: &'static str) -> Result<(), WireError> {
        verify_signature(key, purpose, self.payload, &self.signature).then_some(()).ok_or(WireError::Signature(what))
    }
}

/// Whether a signature over a payload verifies (ZIP-215: cofactored, as in every other equation here).
#[must_use]
pub fn verify_signature(key: &[u8; 32], purpose: &[u8], payload: &[u8], signature: &[u8; 64]) -> bool {
    let signature = ed25519_zebra::Signature::from(*signature);
    ed25519_zebra::VerificationKey::try_from(*key)
        .and_then(|key| key.verify(&signature, &to_sign(purpose, payload)))
        .is_ok()
}

/// Signs a payload of any length as a tagged COSE_Sign1.
#[must_use]
pub fn sign(key: &SigningKey, purpose: &[u8], payload: &[u8]) -> Vec<u8> {
    frame(payload, &key.sign(&to_sign(purpose, payload)).to_bytes())
}

/// The bytes of a tagged COSE_Sign1.
#[must_use]
pub fn frame(payload: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + 80);
    let mut e = Encoder::new(&mut bytes);
    let written =
        (|| e.tag(Tag::new(18))?.array(4)?.bytes(&PROTECTED)?.map(0)?.bytes(payload)?.bytes(signature)?.ok())();
    debug_assert!(written.is_ok());
    bytes
}

/// `Sig_structure` of RFC 9052, §4.4.
fn to_sign(purpose: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + purpose.len() + 32);
    let mut e = Encoder::new(&mut bytes);
    let written = (|| e.array(4)?.str("Signature1")?.bytes(&PROTECTED)?.bytes(purpose)?.bytes(payload)?.ok())();
    debug_assert!(written.is_ok());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrology::cose::purpose;

    #[test]
    fn meter_and_party_sign_alike() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let ours = sign(&key, purpose::TARIFF, b"payload");
        let meters = metrology::cose::sign1(&key, purpose::TARIFF, b"payload").unwrap();
        assert_eq!(ours, meters.as_slice());
        let public = metrology::cose::public_key(&key);
        let read = Signed::read(&ours, "tariff").unwrap();
        assert_eq!(read.verify(&public, purpose::TARIFF, "tariff"), Ok(()));
        assert_eq!(read.verify(&public, purpose::DAY_BLOCK, "tariff"), Err(WireError::Signature("tariff")));
    }

    #[test]
    fn every_changed_byte_is_refused() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let good = sign(&key, purpose::TARIFF, &[5; 40]);
        let public = metrology::cose::public_key(&key);
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                let ok = Signed::read(&bad, "tariff").and_then(|s| s.verify(&public, purpose::TARIFF, "tariff"));
                assert!(ok.is_err(), "byte {at} bit {bit}");
            }
        }
        assert!(Signed::read(&[&good[..], &[0]].concat(), "tariff").is_err());
        assert!(Signed::read(&good[..good.len() - 1], "tariff").is_err());
    }
}
