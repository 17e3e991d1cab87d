//! A household's next TLS key: the proof that whoever names it holds it.

use ed25519_dalek::SigningKey;
use metrology::cose::purpose;
use metrology::keys::{Hash, hash};
use minicbor::{Decode, Encode};

use super::VERSION;
use crate::wire::{self, WireError};

const WHAT: &str = "next key";
/// Longest message that is read.
pub const MAX_BYTES: usize = 256;
/// What stands before the key in the SubjectPublicKeyInfo of an Ed25519 certificate (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The SubjectPublicKeyInfo of an Ed25519 key, DER.
#[must_use]
pub fn spki(key: &[u8; 32]) -> [u8; 44] {
    let mut der = [0; 44];
    der[..12].copy_from_slice(&SPKI_PREFIX);
    der[12..].copy_from_slice(key);
    der
}

/// The key in a SubjectPublicKeyInfo, when it is an Ed25519 one.
#[must_use]
pub fn key_in(spki: &[u8]) -> Option<[u8; 32]> {
    spki.strip_prefix(&SPKI_PREFIX)?.try_into().ok()
}

/// The name by which a provider pins a household's key: SHA-256 over its SubjectPublicKeyInfo.
#[must_use]
pub fn pin(key: &[u8; 32]) -> Hash {
    hash("", &[&spki(key)])
}

/// A request to accept another key from its first use on. It is sent under the key that is valid now.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct NextKey {
    /// Format version, [`VERSION`].
    #[n(0)]
    pub version: u8,
    /// The provider's identity key: the message is for nobody else.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub provider: [u8; 32],
    /// The key that is valid now.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub present: [u8; 32],
    /// The next one, which signs.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub next: [u8; 32],
}

impl NextKey {
    /// The signed message.
    #[must_use]
    pub fn sign(provider: [u8; 32], present: [u8; 32], next: &SigningKey) -> Vec<u8> {
        let message = Self { version: VERSION, provider, present, next: next.verifying_key().to_bytes() };
        wire::sign(next, purpose::NEXT_KEY, &wire::encode(&message))
    }

    /// Reads the message and checks that the next key signed it.
    ///
    /// # Errors
    /// When bytes or signature are wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(super::read::<Self>(bytes, purpose::NEXT_KEY, WHAT, MAX_BYTES, |m| m.next)?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_key_proves_itself() {
        let next = SigningKey::from_bytes(&[4; 32]);
        let bytes = NextKey::sign([1; 32], [2; 32], &next);
        let read = NextKey::read(&bytes).unwrap();
        assert_eq!((read.provider, read.present, read.next), ([1; 32], [2; 32], next.verifying_key().to_bytes()));
        let other = NextKey { next: [9; 32], ..read };
        let forged = wire::sign(&next, purpose::NEXT_KEY, &wire::encode(&other));
        assert!(NextKey::read(&forged).is_err());
        assert_eq!(key_in(&spki(&[7; 32])), Some([7; 32]));
        assert_eq!(key_in(&spki(&[7; 32])[1..]), None);
    }
}
