//! One way in: the database key, wrapped under one key-encryption key.
//!
//! XChaCha20-Poly1305 with a random nonce; the additional data bind the file's kind and version, the kind of the slot
//! and the home, so that a slot is good for nothing in another place.

use std::fmt;

use chacha20poly1305::{AeadInPlace, KeyInit, XChaCha20Poly1305};
use minicbor::{Decode, Encode};
use protocol::wire;
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::keys::{KIND, VERSION};
use super::{CustodyError, HomeId, Kek};
use crate::StoreKey;

const TAG: usize = 16;

/// Where the key-encryption key of a slot comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum SlotKind {
    /// The printed sheet.
    #[n(0)]
    Recovery,
    /// The keyring of the operating system.
    #[n(1)]
    Keyring,
    /// A credential file.
    #[n(2)]
    Credential,
}

impl SlotKind {
    /// Its name in commands and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Recovery => "recovery",
            Self::Keyring => "keyring",
            Self::Credential => "credential",
        }
    }

    pub(super) fn refusal(self) -> &'static str {
        match self {
            Self::Recovery => {
                "the sheet is without typing mistakes, but it is not this home's: it belongs to another home, or it \
                 was replaced by a newer sheet"
            }
            Self::Keyring => "what the keyring holds does not open this home; run: wattseal recover --keyring",
            Self::Credential => {
                "the credential file does not open this home: it belongs to another home, or it was replaced"
            }
        }
    }
}

impl fmt::Display for SlotKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The database key under one key-encryption key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Slot {
    /// What opens it.
    #[n(0)]
    pub kind: SlotKind,
    /// When it was made, Unix seconds.
    #[n(1)]
    pub made_at: i64,
    /// Random nonce; it also names the slot in the keyring.
    #[cbor(n(2), with = "minicbor::bytes")]
    nonce: [u8; 24],
    /// The wrapped key and its tag.
    #[cbor(n(3), with = "minicbor::bytes")]
    sealed: [u8; 32 + TAG],
}

impl Slot {
    /// Wraps a database key.
    pub fn seal(
        kind: SlotKind,
        home: &HomeId,
        kek: &Kek,
        key: &StoreKey,
        made_at: i64,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Self {
        let mut nonce = [0; 24];
        rng.fill_bytes(&mut nonce);
        let mut body = Zeroizing::new(*key.expose());
        let cipher = XChaCha20Poly1305::new(kek.expose().into());
        let tag = cipher.encrypt_in_place_detached(&nonce.into(), &bound(kind, home), body.as_mut_slice());
        // Only a message of more than 256 GB is refused.
        debug_assert!(tag.is_ok());
        let mut sealed = [0; 32 + TAG];
        sealed[..32].copy_from_slice(body.as_slice());
        sealed[32..].copy_from_slice(&tag.unwrap_or_default());
        Self { kind, made_at, nonce, sealed }
    }

    /// Unwraps the database key.
    ///
    /// # Errors
    /// When the key-encryption key is another slot's or the slot was changed.
    pub fn open(&self, home: &HomeId, kek: &Kek) -> Result<StoreKey, CustodyError> {
        let mut body = Zeroizing::new([0; 32]);
        body.copy_from_slice(&self.sealed[..32]);
        let mut tag = [0; TAG];
        tag.copy_from_slice(&self.sealed[32..]);
        XChaCha20Poly1305::new(kek.expose().into())
            .decrypt_in_place_detached(&self.nonce.into(), &bound(self.kind, home), body.as_mut_slice(), &tag.into())
            .map_err(|_| CustodyError::WrongKey(self.kind))?;
        Ok(StoreKey::from_bytes(*body))
    }

    /// The name under which a keyring holds this slot's key: a new slot never overwrites an older one's entry, so the
    /// change from one to the other is the replacement of one file.
    #[must_use]
    pub fn entry(&self, home: &HomeId) -> String {
        format!("{}-{}", hex::encode(home.as_bytes()), hex::encode(&self.nonce[..8]))
    }
}

/// The additional data.
fn bound(kind: SlotKind, home: &HomeId) -> Vec<u8> {
    wire::encode(&(KIND, VERSION, kind, minicbor::bytes::ByteArray::from(*home.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::OsRng;

    #[test]
    fn a_slot_opens_for_its_key_kind_and_home_alone() {
        let (home, other) = (HomeId::from_bytes([1; 16]), HomeId::from_bytes([2; 16]));
        let (kek, key) = (Kek::generate(&mut OsRng), StoreKey::from_bytes([9; 32]));
        let slot = Slot::seal(SlotKind::Keyring, &home, &kek, &key, 7, &mut OsRng);
        assert_eq!(slot.open(&home, &kek).unwrap().expose(), &[9; 32]);
        assert!(slot.open(&other, &kek).is_err());
        assert!(slot.open(&home, &Kek::generate(&mut OsRng)).is_err());
        assert!(Slot { kind: SlotKind::Credential, ..slot.clone() }.open(&home, &kek).is_err());
        for at in 0..slot.sealed.len() {
            let mut bad = slot.clone();
            bad.sealed[at] ^= 1;
            assert!(bad.open(&home, &kek).is_err());
        }
        let again = Slot::seal(SlotKind::Keyring, &home, &kek, &key, 7, &mut OsRng);
        assert_ne!(again.entry(&home), slot.entry(&home));
    }
}
