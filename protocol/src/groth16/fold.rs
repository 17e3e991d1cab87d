//! A verifying key with one tariff's numbers summed into it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use blst::{MultiPoint, blst_fp12, blst_p1_affine};
use blstrs::{G1Affine, G1Projective, G2Affine, Scalar};
use group::{Curve, Group};

use super::key::VerifyingKey;
use super::product::product;
use super::proof::Proof;
use super::windows::Windows;
use crate::circuit::Publics;

/// A verifying key for one program: a home's own inputs are all that is left to add.
#[derive(Clone)]
pub struct FoldedKey {
    pub(super) alpha_g1: G1Affine,
    pub(super) beta_g2: G2Affine,
    alpha_beta: blst_fp12,
    pub(super) gamma_g2: G2Affine,
    pub(super) delta_g2: G2Affine,
    /// Points of a home's inputs, and the sum of everything else.
    pub(super) heads: Vec<G1Affine>,
    constant: G1Projective,
    /// Multiples of the heads, for proofs that are checked one by one; worth their making from the second on.
    windows: OnceLock<Windows>,
    used: Arc<AtomicBool>,
}

impl core::fmt::Debug for FoldedKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "FoldedKey({} inputs of a home)", self.heads.len())
    }
}

impl VerifyingKey {
    /// Folds the numbers of a program; `heads` is how many inputs a home has of its own. `None` when the key is for
    /// another number of inputs.
    #[must_use]
    pub fn fold(&self, heads: usize, numbers: &[i128]) -> Option<FoldedKey> {
        if self.ic.len() != 1 + heads + numbers.len() {
            return None;
        }
        let (own, public) = self.ic.split_at(1 + heads);
        let scalars: Vec<Scalar> = numbers.iter().map(|n| crate::circuit::field((*n).into())).collect();
        Some(FoldedKey {
            alpha_g1: self.alpha_g1,
            beta_g2: self.beta_g2,
            gamma_g2: self.gamma_g2,
            delta_g2: self.delta_g2,
            alpha_beta: product(&[(self.alpha_g1, self.beta_g2)]),
            heads: own.get(1..)?.to_vec(),
            constant: multiply(public, &scalars) + own.first()?,
            windows: OnceLock::new(),
            used: Arc::default(),
        })
    }
}

impl FoldedKey {
    /// Σ input · point over a home's inputs, with what was folded as often as `powers` says.
    pub(super) fn weighted(&self, powers: Scalar, inputs: &[Scalar]) -> G1Projective {
        multiply(&self.heads, inputs) + self.constant * powers
    }

    /// Whether two keys are of one circuit, for whatever tariffs.
    pub(super) fn shares(&self, other: &Self) -> bool {
        (self.alpha_g1, self.beta_g2, self.gamma_g2, self.delta_g2)
            == (other.alpha_g1, other.beta_g2, other.gamma_g2, other.delta_g2)
    }

    /// Whether a proof shows these publics: e(A, B) = e(α, β)·e(inputs, γ)·e(C, δ).
    #[must_use]
    pub fn verify(&self, publics: &Publics, proof: &Proof) -> bool {
        let list = publics.list();
        if list.len() != self.heads.len() {
            return false;
        }
        let inputs = if self.used.swap(true, Ordering::Relaxed) {
            self.windows.get_or_init(|| Windows::of(&self.heads)).sum(&list)
        } else {
            multiply(&self.heads, &list)
        };
        let inputs = inputs + self.constant;
        let pairs = [(proof.a, proof.b), (-inputs.to_affine(), self.gamma_g2), (-proof.c, self.delta_g2)];
        product(&pairs) == self.alpha_beta
    }
}

/// Σ scalar · point, public numbers: the time taken follows from them.
#[must_use]
pub fn multiply(points: &[G1Affine], scalars: &[Scalar]) -> G1Projective {
    sum_bits(points, scalars, 255)
}

/// Σ scalar · point, scalars of so many bits.
pub(super) fn sum_bits(points: &[G1Affine], scalars: &[Scalar], bits: usize) -> G1Projective {
    if points.is_empty() {
        return G1Projective::identity();
    }
    let points: Vec<blst_p1_affine> = points.iter().map(|point| *point.as_ref()).collect();
    let scalars: Vec<u8> = scalars.iter().flat_map(|s| s.to_bytes_le().into_iter().take(bits.div_ceil(8))).collect();
    let mut sum = G1Projective::identity();
    *sum.as_mut() = points.as_slice().mult(&scalars, bits);
    sum
}
