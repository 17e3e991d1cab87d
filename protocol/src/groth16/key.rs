//! A circuit's verifying key.

use blstrs::{G1Affine, G2Affine};

/// What anybody needs to check proofs of one circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    /// α in G1.
    pub alpha_g1: G1Affine,
    /// β in G2.
    pub beta_g2: G2Affine,
    /// γ in G2.
    pub gamma_g2: G2Affine,
    /// δ in G2.
    pub delta_g2: G2Affine,
    /// One point for each public input, that of one first.
    pub ic: Vec<G1Affine>,
}
