//! How a provider changes its identity key: the old key names the new one, and the new one consents.
//!
//! Whoever pinned the old key follows the chain of hand-overs to the present one. A hand-over says from when the old
//! key's word counts no more, which may lie in the past when the key was stolen; a key has one successor, the first that
//! a reader took.

use ed25519_dalek::SigningKey;
use metrology::cose::purpose;
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};

use super::VERSION;
use crate::wire::{self, Signed, WireError, verify_signature};

const WHAT: &str = "succession";
const KIND: &str = "wattseal/succession";
/// Longest message that is read.
pub const MAX_BYTES: usize = 512;
/// Seconds for which both keys may speak, so that what the old one was signing at the change stays good.
pub const OVERLAP: u64 = 86_400;
/// Longest chain of hand-overs that is followed.
pub const MAX_CHAIN: usize = 32;

/// A hand-over.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Succession {
    /// Format version, [`VERSION`].
    #[n(0)]
    pub version: u8,
    /// The key that hands over, and signs.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub old: [u8; 32],
    /// Its successor, which countersigns.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub new: [u8; 32],
    /// First Unix second of which the new key speaks.
    #[n(3)]
    pub from: u64,
    /// First Unix second of which the old key speaks no more.
    #[n(4)]
    pub old_until: u64,
}

/// The message: the old key's signed hand-over and the new key's signature over the same payload.
#[derive(Encode, Decode)]
#[cbor(array)]
struct Message {
    #[n(0)]
    kind: String,
    #[n(1)]
    version: u8,
    #[n(2)]
    signed: ByteVec,
    #[n(3)]
    accepted: ByteArray<64>,
}

impl Succession {
    /// A hand-over signed by both keys.
    #[must_use]
    pub fn sign(old: &SigningKey, new: &SigningKey, from: u64, old_until: u64) -> Vec<u8> {
        let keys = (old.verifying_key().to_bytes(), new.verifying_key().to_bytes());
        let payload = wire::encode(&Self { version: VERSION, old: keys.0, new: keys.1, from, old_until });
        let accepted = wire::sign(new, purpose::SUCCESSION_ACCEPTED, &payload);
        // Our own bytes: the signature is the end of the message.
        let accepted = accepted.last_chunk().copied().unwrap_or([0; 64]).into();
        let signed = wire::sign(old, purpose::SUCCESSION, &payload).into();
        wire::encode(&Message { kind: KIND.into(), version: VERSION, signed, accepted })
    }

    /// Reads a hand-over and checks both signatures.
    ///
    /// # Errors
    /// When bytes or a signature are wrong, or a key hands over to itself.
    pub fn read(bytes: &[u8]) -> Result<Self, WireError> {
        if bytes.len() > MAX_BYTES {
            return Err(WireError::TooLong(WHAT));
        }
        wire::expect(bytes, KIND, WHAT)?;
        let message: Message = wire::decode(bytes, WHAT)?;
        let signed = Signed::read(&message.signed, WHAT)?;
        wire::expect_version(signed.payload, WHAT)?;
        let succession: Self = wire::decode(signed.payload, WHAT)?;
        signed.verify(&succession.old, purpose::SUCCESSION, WHAT)?;
        let (new, accepted) = (&succession.new, &message.accepted);
        if !verify_signature(new, purpose::SUCCESSION_ACCEPTED, signed.payload, accepted) {
            return Err(WireError::Signature(WHAT));
        }
        if succession.old == succession.new || succession.old_until > succession.from.saturating_add(OVERLAP) {
            return Err(WireError::NotCanonical(WHAT));
        }
        Ok(succession)
    }
}

/// Why a chain of hand-overs does not continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineageError {
    /// The bytes or a signature are wrong.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Another successor of a key that handed over already.
    #[error(
        "two different successors are named for one key of the provider: the key was stolen or the provider erred. Ask the provider by another way before you go on"
    )]
    Forked,
    /// Longer than any honest chain.
    #[error("the chain of successions is longer than the limit")]
    TooLong,
}

/// A key and the time of which it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenure {
    /// The key.
    pub key: [u8; 32],
    /// First Unix second; 0 for the pinned key, whose beginning is not known.
    pub from: u64,
    /// First Unix second after; none for the present key.
    pub until: Option<u64>,
}

/// The provider's keys as one reader knows them: the pinned one and those it handed over to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    first: Tenure,
    later: Vec<Tenure>,
}

impl Lineage {
    /// A lineage of the pinned key alone.
    #[must_use]
    pub fn pinned(key: [u8; 32]) -> Self {
        Self { first: Tenure { key, from: 0, until: None }, later: Vec::new() }
    }

    /// All keys, the pinned one first.
    pub fn tenures(&self) -> impl Iterator<Item = &Tenure> {
        std::iter::once(&self.first).chain(&self.later)
    }

    /// The key that speaks now.
    #[must_use]
    pub fn present(&self) -> [u8; 32] {
        self.later.last().unwrap_or(&self.first).key
    }

    /// Takes a hand-over into the lineage; `true` when it was new. One that is of other keys altogether, as those before
    /// the pinned key are, changes nothing.
    ///
    /// # Errors
    /// When it is wrong, or names another successor than the one that was taken.
    pub fn extend(&mut self, message: &[u8]) -> Result<bool, LineageError> {
        let succession = Succession::read(message)?;
        let keys: Vec<[u8; 32]> = self.tenures().map(|t| t.key).collect();
        let Some(place) = keys.iter().position(|key| *key == succession.old) else { return Ok(false) };
        if let Some(known) = keys.get(place + 1) {
            return if *known == succession.new { Ok(false) } else { Err(LineageError::Forked) };
        }
        // A key that came back would make the chain a circle.
        if keys.contains(&succession.new) {
            return Err(LineageError::Forked);
        }
        if keys.len() > MAX_CHAIN {
            return Err(LineageError::TooLong);
        }
        self.later.last_mut().unwrap_or(&mut self.first).until = Some(succession.old_until);
        self.later.push(Tenure { key: succession.new, from: succession.from, until: None });
        Ok(true)
    }

    /// Whether a key spoke for the provider at a time.
    #[must_use]
    pub fn speaks_at(&self, key: &[u8; 32], time: u64) -> bool {
        self.tenures().any(|t| t.key == *key && t.from <= time && t.until.is_none_or(|until| time < until))
    }

    /// Whether a key ever spoke for the provider.
    #[must_use]
    pub fn knows(&self, key: &[u8; 32]) -> bool {
        self.tenures().any(|t| t.key == *key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn public(seed: u8) -> [u8; 32] {
        metrology::cose::public_key(&key(seed))
    }

    #[test]
    fn a_pinned_key_leads_to_the_present_one() {
        let (one, two) = (Succession::sign(&key(1), &key(2), 100, 100), Succession::sign(&key(2), &key(3), 200, 150));
        let mut lineage = Lineage::pinned(public(1));
        assert_eq!(lineage.extend(&two), Ok(false), "out of order it says nothing yet");
        assert_eq!((lineage.extend(&one), lineage.extend(&two), lineage.extend(&one)), (Ok(true), Ok(true), Ok(false)));
        assert_eq!(lineage.present(), public(3));
        for (seed, time, speaks) in [
            (1, 0, true),
            (1, 99, true),
            (1, 100, false),
            (2, 99, false),
            (2, 149, true),
            (2, 150, false),
            (3, 200, true),
            (3, 199, false),
        ] {
            assert_eq!(lineage.speaks_at(&public(seed), time), speaks, "key {seed} at {time}");
        }
        let mut late = Lineage::pinned(public(2));
        assert_eq!((late.extend(&one), late.extend(&two)), (Ok(false), Ok(true)));
        assert!(late.knows(&public(3)) && !late.knows(&public(1)));
    }

    #[test]
    fn forged_and_forked_hand_overs_are_refused() {
        let good = Succession::sign(&key(1), &key(2), 100, 100);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(Succession::read(&bad).is_err(), "byte {at}");
        }
        // The countersignature of another key than the named one.
        let other: Message = wire::decode(&good, WHAT).unwrap();
        let third: Message = wire::decode(&Succession::sign(&key(1), &key(3), 100, 100), WHAT).unwrap();
        let mixed = wire::encode(&Message {
            kind: KIND.into(),
            version: VERSION,
            signed: other.signed,
            accepted: third.accepted,
        });
        assert_eq!(Succession::read(&mixed), Err(WireError::Signature(WHAT)));

        let mut lineage = Lineage::pinned(public(1));
        assert_eq!(lineage.extend(&good), Ok(true));
        assert_eq!(lineage.extend(&Succession::sign(&key(1), &key(9), 90, 90)), Err(LineageError::Forked));
        assert_eq!(
            lineage.extend(&Succession::sign(&key(2), &key(1), 300, 300)),
            Err(LineageError::Forked),
            "a circle"
        );
        assert_eq!(lineage.extend(&Succession::sign(&key(8), &key(9), 90, 90)), Ok(false), "another provider's");
        assert_eq!(lineage.present(), public(2));
        assert!(
            Succession::read(&Succession::sign(&key(1), &key(2), 100, 101 + OVERLAP)).is_err(),
            "both speak for long"
        );
    }
}
