//! The linear proof: that the sums of a statement are the weighted sums of committed readings.
//!
//! For each energy line, P = Σ (pᵢ/g)·Cᵢ + (f/g)·ΣC_res − (a/g)·G is r̄·H exactly when a is the true sum; the proof is
//! Schnorr's proof of knowledge of r̄ (CRYPTO '89), one challenge for all lines, bound to the statement's digest.
//! g divides all weights. r̄ itself never leaves: beside a rounded or noisy value it would give the exact sum to a
//! small search, and so the format has no place for it.

mod msm;

pub use msm::{multiple, scalar_multiple, weighted_sum};

use jubjub::Fr;
use metrology::curve::{Extended, Niels, POINT_BYTES, read_point};
use metrology::keys::{Hash, Opening, SecretScalar};
use metrology::pedersen::{mul_opening_generator, value_generator};
use minicbor::{Decode, Encode};
use rand_core::{CryptoRng, RngCore};
use sha2::{Digest, Sha512};
use zeroize::Zeroize;

use crate::bill::Weights;

/// A proof: for each energy line a commitment to the nonce and a response.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct LinearProof {
    /// One for each energy line, in the tariff's order.
    #[n(0)]
    pub lines: Vec<LineProof>,
}

/// R = k·H and s = k + c·r̄.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct LineProof {
    /// R, affine.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub commitment: [u8; POINT_BYTES],
    /// s, little-endian and reduced.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub response: [u8; 32],
}

/// Why a linear proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinearError {
    /// Another number of lines than the tariff has.
    #[error("the proof has another number of lines than the tariff")]
    Shape,
    /// A point or scalar is not one.
    #[error("a number in the proof is not a valid point or scalar")]
    Encoding,
    /// A claimed sum cannot be a sum of these prices.
    #[error("a claimed sum is not a multiple of what all prices of its line have in common")]
    Divisor,
    /// The equation does not hold: fee, readings or statement are not the proved ones.
    #[error("the sums do not agree with the meter's commitments")]
    Equation,
}

/// What one energy line claims, with everything public that it rests on.
#[derive(Clone, Copy, Debug)]
pub struct LineClaim<'a> {
    /// The weights.
    pub weights: &'a Weights,
    /// The claimed sum in 10⁻⁹ currency units.
    pub amount: i64,
    /// Commitments to the readings of the period, in order.
    pub commitments: &'a [Niels],
    /// Commitments to the residuals that belong to the period.
    pub residuals: &'a [Niels],
}

impl LineClaim<'_> {
    /// P, which is r̄·H when the claim is true.
    fn target(&self) -> Result<Extended, LinearError> {
        let (quotients, fallback, amount) = self.quotients()?;
        if quotients.len() != self.commitments.len() {
            return Err(LinearError::Shape);
        }
        let slots = weighted_sum(self.commitments, &quotients);
        let rest = weighted_sum(self.residuals, &vec![fallback; self.residuals.len()]);
        Ok(slots.add(&rest).add(&multiple(&value_generator(), amount).negated()))
    }

    fn quotients(&self) -> Result<(Vec<i64>, i64, i64), LinearError> {
        let divisor = i64::try_from(self.weights.divisor()).map_err(|_| LinearError::Divisor)?;
        if self.amount % divisor != 0 {
            return Err(LinearError::Divisor);
        }
        let quotients = self.weights.prices.iter().map(|p| p / divisor).collect();
        Ok((quotients, self.weights.fallback / divisor, self.amount / divisor))
    }
}

/// r̄ of a line: the weighted sum of the openings, modulo the group order.
#[must_use]
pub fn combined_opening(weights: &Weights, openings: &[Opening], residuals: &[Opening]) -> Opening {
    let divisor = i64::try_from(weights.divisor()).unwrap_or(1);
    let mut sum = Fr::zero();
    for (price, opening) in weights.prices.iter().zip(openings) {
        sum += scalar(price / divisor) * opening.expose();
    }
    let fallback = scalar(weights.fallback / divisor);
    for opening in residuals {
        sum += fallback * opening.expose();
    }
    SecretScalar::new(sum)
}

fn scalar(value: i64) -> Fr {
    let magnitude = Fr::from(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

/// Proves all lines of a statement. The caller has checked that the claims are true.
///
/// The nonces mix fresh randomness with the secret and the digest, so that neither a poor generator nor a repeated
/// state repeats a nonce under another challenge.
///
/// # Errors
/// [`LinearError::Divisor`] or [`LinearError::Shape`] when a claim cannot be true.
pub fn prove(
    digest: &Hash,
    claims: &[LineClaim<'_>],
    openings: &[Opening],
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<LinearProof, LinearError> {
    if claims.len() != openings.len() {
        return Err(LinearError::Shape);
    }
    let targets = claims.iter().map(LineClaim::target).collect::<Result<Vec<_>, _>>()?;
    let nonces: Vec<Opening> =
        (0u32..).zip(openings).map(|(place, opening)| nonce(digest, place, opening, rng)).collect();
    let commitments: Vec<_> = nonces.iter().map(|k| mul_opening_generator(k.expose()).to_bytes()).collect();
    let challenge = challenge(digest, &targets, &commitments);
    let lines = nonces
        .iter()
        .zip(openings)
        .zip(commitments)
        .map(|((k, opening), commitment)| LineProof {
            commitment,
            response: (k.expose() + challenge * opening.expose()).to_bytes(),
        })
        .collect();
    Ok(LinearProof { lines })
}

/// Checks a proof: 8·(s·H − R − c·P) = 0 for every line.
///
/// # Errors
/// The reason it is refused.
pub fn verify(digest: &Hash, claims: &[LineClaim<'_>], proof: &LinearProof) -> Result<(), LinearError> {
    if claims.len() != proof.lines.len() {
        return Err(LinearError::Shape);
    }
    let targets = claims.iter().map(LineClaim::target).collect::<Result<Vec<_>, _>>()?;
    let commitments: Vec<_> = proof.lines.iter().map(|l| l.commitment).collect();
    let challenge = challenge(digest, &targets, &commitments);
    for (line, target) in proof.lines.iter().zip(&targets) {
        let commitment = read_point(&line.commitment).ok_or(LinearError::Encoding)?;
        let response: Fr = Option::from(Fr::from_bytes(&line.response)).ok_or(LinearError::Encoding)?;
        let left = mul_opening_generator(&response);
        let right = scalar_multiple(target, &challenge).add_niels(&commitment);
        let zero = left.add(&right.negated()).mul_by_cofactor();
        if !bool::from(zero.is_identity()) {
            return Err(LinearError::Equation);
        }
    }
    Ok(())
}

/// c = SHA-512(domain ‖ digest ‖ P₁ ‖ R₁ ‖ P₂ ‖ …) modulo the group order.
fn challenge(digest: &Hash, targets: &[Extended], commitments: &[[u8; POINT_BYTES]]) -> Fr {
    let mut hash = Sha512::new();
    hash.update(b"wattseal/v1/linear-proof");
    hash.update(digest);
    for (target, commitment) in targets.iter().zip(commitments) {
        hash.update(target.to_bytes());
        hash.update(commitment);
    }
    Fr::from_bytes_wide(&hash.finalize().into())
}

fn nonce(digest: &Hash, place: u32, opening: &Opening, rng: &mut (impl RngCore + CryptoRng)) -> Opening {
    let mut fresh = [0; 64];
    rng.fill_bytes(&mut fresh);
    let mut secret = opening.expose().to_bytes();
    let mut hash = Sha512::new();
    hash.update(b"wattseal/v1/linear-nonce");
    hash.update(fresh);
    hash.update(secret);
    hash.update(digest);
    hash.update(place.to_le_bytes());
    let mut wide: [u8; 64] = hash.finalize().into();
    let scalar = SecretScalar::new(Fr::from_bytes_wide(&wide));
    wide.zeroize();
    fresh.zeroize();
    secret.zeroize();
    scalar
}
