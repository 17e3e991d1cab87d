//! The last step's number, from a public value.

use blstrs::Scalar;
use ff::Field;
use sha2::{Digest, Sha256, Sha512};

/// The most hashes that a verifier repeats, as a power of two: a quarter of an hour on one processor.
pub const MOST_DOUBLINGS: u8 = 32;

/// A public value that nobody could foresee, and how often it is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// The value.
    pub value: [u8; 32],
    /// It is hashed 2^doublings times.
    pub doublings: u8,
}

impl Beacon {
    /// SHA-256 of SHA-256 of … the value, then a number from this and from all that came before.
    pub(super) fn factor(&self, head: &[u8; 32]) -> Scalar {
        let mut value = self.value;
        for _ in 0..1u64.checked_shl(self.doublings.into()).unwrap_or(0) {
            value = Sha256::digest(value).into();
        }
        let wide: [u8; 64] =
            Sha512::new().chain_update(b"wattseal-beacon\0").chain_update(head).chain_update(value).finalize().into();
        let (low, high) = wide.split_at(32);
        // 496 bits modulo a prime of 255: as good as uniform. Never zero, except for a hash that nobody finds.
        let part = |half: &[u8]| {
            let mut bytes = [0; 32];
            bytes.iter_mut().zip(half).take(31).for_each(|(byte, from)| *byte = *from);
            Option::from(Scalar::from_bytes_le(&bytes)).unwrap_or(Scalar::ZERO)
        };
        let shift = (0..248).fold(Scalar::ONE, |power, _| power.double());
        let factor = part(low) + part(high) * shift;
        if bool::from(factor.is_zero()) { Scalar::ONE } else { factor }
    }
}
