//! A circuit's parameters as a file: the verifying key and the points that provers sum over.
//!
//! ```text
//! "wattseal-proving\0" ‖ version 1 ‖ demonstration ‖ circuit hash (32) ‖ origin (32)
//! ‖ α₁ β₁ δ₁ (96 each) β₂ γ₂ δ₂ (192 each)
//! ‖ ic h l a b₁ (count u32, points of 96) b₂ (count u32, points of 192) ‖ SHA-256 of all before (32)
//! ```
//!
//! Points are uncompressed: such a file of 70 MB is read in a fifth of a second when its hash is pinned. Integers are
//! little-endian. `a`, `b₁`, `b₂` hold the columns that their side uses, in order; `origin` is the hash of the ceremony's
//! transcript, or zero.

use blstrs::{G1Affine, G2Affine};
use sha2::{Digest, Sha256};

use super::VerifyingKey;
use super::reader::{Reader, count};

const MAGIC: &[u8; 17] = b"wattseal-proving\0";
const VERSION: u8 = 1;

/// Everything that a ceremony makes for a circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Hash of the constraint system.
    pub circuit: [u8; 32],
    /// Hash of the ceremony's transcript.
    pub origin: [u8; 32],
    /// Whether somebody could have kept what forges proofs: made on one machine, for trying out.
    pub demonstration: bool,
    /// For verifiers.
    pub key: VerifyingKey,
    /// β in G1.
    pub beta_g1: G1Affine,
    /// δ in G1.
    pub delta_g1: G1Affine,
    /// τⁱ·Z(τ)/δ.
    pub h: Vec<G1Affine>,
    /// (β·aᵢ + α·bᵢ + cᵢ)/δ of private columns.
    pub l: Vec<G1Affine>,
    /// aᵢ of the columns that side A uses.
    pub a: Vec<G1Affine>,
    /// bᵢ of those that side B uses.
    pub b_g1: Vec<G1Affine>,
    /// The same in G2.
    pub b_g2: Vec<G2Affine>,
}

/// Why a parameter file is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    /// Not such a file, cut, or with something behind it.
    #[error("this is no file of proving parameters, or it is cut")]
    Malformed,
    /// A later version.
    #[error("these proving parameters are of a version that this program does not know; update it")]
    Version,
    /// The hash at the end is another.
    #[error("the proving parameters are damaged; fetch them again")]
    Damaged,
    /// A point is not on its curve, or outside the group of prime order.
    #[error("the proving parameters hold a point that is not in the group; do not use them")]
    Point,
}

impl Parameters {
    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(MAGIC);
        out.extend([VERSION, u8::from(self.demonstration)]);
        out.extend_from_slice(&self.circuit);
        out.extend_from_slice(&self.origin);
        for point in [&self.key.alpha_g1, &self.beta_g1, &self.delta_g1] {
            out.extend_from_slice(&point.to_uncompressed());
        }
        for point in [&self.key.beta_g2, &self.key.gamma_g2, &self.key.delta_g2] {
            out.extend_from_slice(&point.to_uncompressed());
        }
        for list in [&self.key.ic, &self.h, &self.l, &self.a, &self.b_g1] {
            out.extend_from_slice(&count(list.len()));
            list.iter().for_each(|point| out.extend_from_slice(&point.to_uncompressed()));
        }
        out.extend_from_slice(&count(self.b_g2.len()));
        self.b_g2.iter().for_each(|point| out.extend_from_slice(&point.to_uncompressed()));
        let hash: [u8; 32] = Sha256::digest(&out).into();
        out.extend_from_slice(&hash);
        out
    }

    /// Reads a file. `checked` looks at every point (seconds); without it the caller has to know the file's hash.
    ///
    /// # Errors
    /// When the file is not whole, or a point is wrong.
    pub fn read(bytes: &[u8], checked: bool) -> Result<Self, ParametersError> {
        let split = bytes.len().checked_sub(32).ok_or(ParametersError::Malformed)?;
        let (body, hash) = bytes.split_at(split);
        let mut reader = Reader::new(body, checked);
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(ParametersError::Malformed);
        }
        let [version, demonstration] = *reader.array::<2>()?;
        if version != VERSION {
            return Err(ParametersError::Version);
        }
        if Sha256::digest(body).as_slice() != hash {
            return Err(ParametersError::Damaged);
        }
        let (circuit, origin) = (*reader.array::<32>()?, *reader.array::<32>()?);
        let (alpha_g1, beta_g1, delta_g1) = (reader.g1()?, reader.g1()?, reader.g1()?);
        let (beta_g2, gamma_g2, delta_g2) = (reader.g2()?, reader.g2()?, reader.g2()?);
        let ic = reader.g1_list()?;
        let parameters = Self {
            circuit,
            origin,
            demonstration: match demonstration {
                0 => false,
                1 => true,
                _ => return Err(ParametersError::Malformed),
            },
            key: VerifyingKey { alpha_g1, beta_g2, gamma_g2, delta_g2, ic },
            beta_g1,
            delta_g1,
            h: reader.g1_list()?,
            l: reader.g1_list()?,
            a: reader.g1_list()?,
            b_g1: reader.g1_list()?,
            b_g2: reader.g2_list()?,
        };
        reader.end(parameters)
    }

    /// The hash that pins a file: the one at its end.
    #[must_use]
    pub fn pin(file: &[u8]) -> Option<[u8; 32]> {
        file.get(file.len().checked_sub(32)?..)?.try_into().ok()
    }
}
