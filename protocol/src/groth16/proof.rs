//! A proof: three points, 192 bytes.

use blstrs::{G1Affine, G2Affine};
use group::prime::PrimeCurveAffine;

/// Length of a proof: two points of G1 and one of G2, compressed.
pub const PROOF_BYTES: usize = 192;

/// A Groth16 proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// A.
    pub a: G1Affine,
    /// B.
    pub b: G2Affine,
    /// C.
    pub c: G1Affine,
}

/// The bytes are no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof is malformed: its points are not on the curve, not in the right group, or zero")]
pub struct ProofError;

impl Proof {
    /// A, B, C, compressed as Zcash does (big-endian, flags in the highest bits).
    #[must_use]
    pub fn write(&self) -> [u8; PROOF_BYTES] {
        let mut out = [0; PROOF_BYTES];
        let (a, rest) = out.split_at_mut(48);
        let (b, c) = rest.split_at_mut(96);
        a.copy_from_slice(&self.a.to_compressed());
        b.copy_from_slice(&self.b.to_compressed());
        c.copy_from_slice(&self.c.to_compressed());
        out
    }

    /// Reads a proof; every point must be in the group of prime order and not zero.
    ///
    /// # Errors
    /// When a point is not.
    pub fn read(bytes: &[u8]) -> Result<Self, ProofError> {
        let bytes: &[u8; PROOF_BYTES] = bytes.try_into().map_err(|_| ProofError)?;
        let (a, rest) = bytes.split_at(48);
        let (b, c) = rest.split_at(96);
        let g1 = |bytes: &[u8]| -> Option<G1Affine> { G1Affine::from_compressed(bytes.try_into().ok()?).into() };
        let g2 = |bytes: &[u8]| -> Option<G2Affine> { G2Affine::from_compressed(bytes.try_into().ok()?).into() };
        let (a, b, c) = (g1(a).ok_or(ProofError)?, g2(b).ok_or(ProofError)?, g1(c).ok_or(ProofError)?);
        if bool::from(a.is_identity()) || bool::from(b.is_identity()) || bool::from(c.is_identity()) {
            return Err(ProofError);
        }
        Ok(Self { a, b, c })
    }
}
