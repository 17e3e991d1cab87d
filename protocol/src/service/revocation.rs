//! The provider's list of what is no longer good: epoch certificates of meters, and its own TLS certificates.
//!
//! Every list is whole and has a number that only grows, so an old one cannot be passed off to who saw a newer one; and
//! it says when the next is due, so an old one cannot be passed off for long to who did not.

use ed25519_dalek::SigningKey;
use metrology::cose::purpose;
use metrology::keys::{Hash, hash};
use minicbor::{Decode, Encode};

use super::VERSION;
use super::succession::Lineage;
use crate::wire::{self, WireError};

const WHAT: &str = "revocation list";
/// Longest list that is read: some ten thousand entries.
pub const MAX_BYTES: usize = 4 << 20;

/// An epoch certificate of a meter that is no longer good.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct RevokedEpoch {
    /// Hash of the certificate.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub certificate: Hash,
    /// First Unix second of readings under it that count no more.
    #[n(1)]
    pub since: u64,
    /// Why, for people.
    #[n(2)]
    pub reason: String,
}

/// A TLS certificate of the provider that is no longer good.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct RevokedLeaf {
    /// What names it: [`leaf_hash`] of its DER bytes.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub certificate: Hash,
    /// First Unix second at which it must not be accepted.
    #[n(1)]
    pub since: u64,
}

/// The name of a TLS certificate in lists: a hash over all of it, so that no parser decides which one is meant.
#[must_use]
pub fn leaf_hash(der: &[u8]) -> Hash {
    hash("wattseal/v1/tls-certificate", &[der])
}

/// A list.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Revocations {
    /// Format version, [`VERSION`].
    #[n(0)]
    pub version: u8,
    /// The provider's identity key, which signs.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub provider: [u8; 32],
    /// Its number; larger than that of every earlier list, whichever key signed it.
    #[n(2)]
    pub number: u64,
    /// When it was made, Unix seconds.
    #[n(3)]
    pub issued: u64,
    /// When the next one is due at the latest.
    #[n(4)]
    pub next: u64,
    /// Epoch certificates, by hash.
    #[n(5)]
    pub epochs: Vec<RevokedEpoch>,
    /// TLS certificates, by hash.
    #[n(6)]
    pub leaves: Vec<RevokedLeaf>,
}

/// Why a list is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    /// The bytes or the signature are wrong.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Signed by a key that did not speak for the provider then.
    #[error("the revocation list is signed by a key that is not the provider's, or no longer was")]
    OtherKey,
    /// Older than one that was seen.
    #[error(
        "the revocation list is number {found}, but number {seen} was seen before: an old list is being passed off"
    )]
    Older {
        /// Its number.
        found: u64,
        /// The newest that was seen.
        seen: u64,
    },
    /// Past the time by which the next one was due.
    #[error("the revocation list is out of date: the next one was due and has not come")]
    Stale,
    /// Made later than now.
    #[error("the revocation list is dated in the future; check the clock of this machine")]
    Future,
}

/// Seconds by which two clocks may differ.
pub const CLOCK_SKEW: u64 = 300;

impl Revocations {
    /// The signed message.
    #[must_use]
    pub fn sign(&self, identity: &SigningKey) -> Vec<u8> {
        wire::sign(identity, purpose::REVOCATIONS, &wire::encode(self))
    }

    /// An empty list of the current version.
    #[must_use]
    pub fn new(provider: [u8; 32], number: u64, issued: u64, next: u64) -> Self {
        Self { version: VERSION, provider, number, issued, next, epochs: Vec::new(), leaves: Vec::new() }
    }

    /// Reads a list. `seen` is the newest that this reader ever took.
    ///
    /// # Errors
    /// When it is wrong, of another provider, older than `seen`, stale, or from the future.
    pub fn read(bytes: &[u8], lineage: &Lineage, seen: Option<&Self>, now: u64) -> Result<Self, RevocationError> {
        let list = Self::read_seen(bytes, lineage)?;
        if let Some(seen) =
            seen.filter(|seen| list.number < seen.number || (list.number == seen.number && list != **seen))
        {
            return Err(RevocationError::Older { found: list.number, seen: seen.number });
        }
        if now >= list.next.saturating_add(CLOCK_SKEW) {
            return Err(RevocationError::Stale);
        }
        if list.issued > now.saturating_add(CLOCK_SKEW) {
            return Err(RevocationError::Future);
        }
        Ok(list)
    }

    /// Reads a list that was taken before: its dates no longer matter, what it revoked stays revoked.
    ///
    /// # Errors
    /// When it is wrong or of another provider.
    pub fn read_seen(bytes: &[u8], lineage: &Lineage) -> Result<Self, RevocationError> {
        let (list, _) = super::read::<Self>(bytes, purpose::REVOCATIONS, WHAT, MAX_BYTES, |l| l.provider)?;
        if lineage.speaks_at(&list.provider, list.issued) { Ok(list) } else { Err(RevocationError::OtherKey) }
    }

    /// The entry of a meter's certificate.
    #[must_use]
    pub fn epoch(&self, certificate: &Hash) -> Option<&RevokedEpoch> {
        self.epochs.iter().find(|entry| entry.certificate == *certificate)
    }

    /// Whether a TLS certificate is revoked at a time.
    #[must_use]
    pub fn revokes_leaf(&self, certificate: &Hash, now: u64) -> bool {
        self.leaves.iter().any(|leaf| leaf.certificate == *certificate && leaf.since <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_a_stale_and_a_foreign_list_are_refused() {
        let key = SigningKey::from_bytes(&[4; 32]);
        let public = metrology::cose::public_key(&key);
        let lineage = Lineage::pinned(public);
        let list = |number, issued| {
            let mut list = Revocations::new(public, number, issued, issued + 1000);
            list.leaves.push(RevokedLeaf { certificate: [9; 32], since: 60 });
            list
        };
        let seen = list(5, 100);
        let read = |l: &Revocations, now| Revocations::read(&l.sign(&key), &lineage, Some(&seen), now);
        assert_eq!(read(&seen, 200), Ok(seen.clone()));
        assert_eq!(read(&list(6, 150), 200), Ok(list(6, 150)));
        assert_eq!(read(&list(4, 150), 200), Err(RevocationError::Older { found: 4, seen: 5 }));
        assert_eq!(read(&list(5, 150), 200), Err(RevocationError::Older { found: 5, seen: 5 }), "two of one number");
        assert_eq!(read(&seen, 1100 + CLOCK_SKEW), Err(RevocationError::Stale));
        assert_eq!(read(&list(6, 1000), 100), Err(RevocationError::Future));
        let other = SigningKey::from_bytes(&[5; 32]);
        let foreign = Revocations { provider: metrology::cose::public_key(&other), ..list(9, 150) };
        let read = Revocations::read(&foreign.sign(&other), &lineage, None, 200);
        assert_eq!(read, Err(RevocationError::OtherKey));
        assert!(
            seen.revokes_leaf(&[9; 32], 60) && !seen.revokes_leaf(&[9; 32], 59) && !seen.revokes_leaf(&[8; 32], 60)
        );
    }
}
