//! Phase 1 of the set-up: powers of a τ that nobody knows, for circuits of any kind up to a size.
//!
//! ```text
//! response file of a public ceremony ── read(size) ─┐
//! demonstration(size) ── write ─► the same layout ──┴─► Powers ── verify ─► ceremony, check of parameters
//! ```
//!
//! BLS12-381 has two public ones in this layout: Zcash's Powers of Tau (2²¹) and Filecoin's (2²⁷). Who knows τ, α and β can
//! prove anything under any parameters that rest on them, whoever took part in phase 2; so powers that one machine made are
//! for demonstrations, and the file itself, everything that rests on it and every verdict say so.
//!
//! [`Powers::verify`] shows that powers are powers. That somebody forgot his part of τ it cannot show: this is what the
//! public transcript and the published BLAKE2b hash of the file are for, which [`Origin`] carries.

mod file;
mod local;
mod verify;

use blstrs::{G1Affine, G2Affine};
use group::GroupEncoding;
use sha2::{Digest, Sha256};

pub(super) use local::Trapdoor;

/// Powers for circuits of `size` rows. All points are in their groups: they come from [`Powers::read`] or are made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Powers {
    pub(super) origin: Origin,
    /// τⁱ, 2·size − 1 of them.
    pub(super) tau_g1: Vec<G1Affine>,
    /// τⁱ, `size` of them.
    pub(super) tau_g2: Vec<G2Affine>,
    /// α·τⁱ, `size` of them.
    pub(super) alpha_g1: Vec<G1Affine>,
    /// β·τⁱ, `size` of them.
    pub(super) beta_g1: Vec<G1Affine>,
    /// β.
    pub(super) beta_g2: G2Affine,
}

/// Who made them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file whose BLAKE2b-512 hash this is; who uses it compares the hash with the one that its ceremony published.
    File([u8; 64]),
    /// One machine, whose owner can forge.
    Demonstration,
}

/// Which part of a file of powers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// τⁱ in G1.
    TauG1,
    /// τⁱ in G2.
    TauG2,
    /// α·τⁱ in G1.
    AlphaG1,
    /// β·τⁱ in G1.
    BetaG1,
    /// β in G2.
    BetaG2,
}

impl core::fmt::Display for Section {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TauG1 => "the powers of tau in G1",
            Self::TauG2 => "the powers of tau in G2",
            Self::AlphaG1 => "the multiples by alpha",
            Self::BetaG1 => "the multiples by beta",
            Self::BetaG2 => "beta in G2",
        })
    }
}

/// Why powers are refused.
#[derive(Debug, thiserror::Error)]
pub enum PowersError {
    /// The file cannot be read or written.
    #[error("the powers of tau could not be read or written: {0}")]
    File(#[from] std::io::Error),
    /// The length fits to no size.
    #[error("this is no file of powers of tau: take the compressed response file of the ceremony, whole")]
    Length,
    /// Too small for a circuit.
    #[error("these powers of tau are for circuits of {has} rows, and this one needs {needs}; take a larger file")]
    TooSmall {
        /// Rows the file is for.
        has: usize,
        /// Rows that are needed.
        needs: usize,
    },
    /// A point is not in its group.
    #[error("{0} hold a point that is not in the group; do not use this file")]
    Group(Section),
    /// Zero, or what makes Z(τ) zero.
    #[error("{0} hold zero or a root of unity: anybody could forge proofs; do not use this file")]
    Degenerate(Section),
    /// The list is not what it should be.
    #[error("{0} are not consistent powers; do not use this file")]
    Inconsistent(Section),
    /// A public file is not made anew from the part that was kept.
    #[error("only powers made for demonstration are written; a public file is used as it is")]
    Public,
}

impl Powers {
    /// How many rows a circuit may have.
    #[must_use]
    pub fn size(&self) -> usize {
        self.tau_g2.len()
    }

    /// Who made them.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Whether one machine made them.
    #[must_use]
    pub fn is_demonstration(&self) -> bool {
        self.origin == Origin::Demonstration
    }

    /// SHA-256 over the origin and what a circuit of this size uses, in the order of the file: what a ceremony rests on.
    ///
    /// # Errors
    /// When they are for smaller circuits.
    pub fn digest(&self, size: usize) -> Result<[u8; 32], PowersError> {
        let cut = self.cut(size)?;
        let mut hash = Sha256::new();
        hash.update(b"wattseal-powers\0");
        hash.update(self.origin.head());
        hash.update(u64::try_from(size).unwrap_or(u64::MAX).to_le_bytes());
        let g1 = |hash: &mut Sha256, list: &[G1Affine]| list.iter().for_each(|point| hash.update(point.to_bytes()));
        g1(&mut hash, cut.tau_g1);
        cut.tau_g2.iter().for_each(|point| hash.update(point.to_bytes()));
        g1(&mut hash, cut.alpha_g1);
        g1(&mut hash, cut.beta_g1);
        hash.update(self.beta_g2.to_bytes());
        Ok(hash.finalize().into())
    }

    /// What a circuit of this size uses.
    pub(super) fn cut(&self, size: usize) -> Result<Cut<'_>, PowersError> {
        let part = || {
            Some(Cut {
                tau_g1: self.tau_g1.get(..(2 * size).checked_sub(1)?)?,
                tau_g2: self.tau_g2.get(..size)?,
                alpha_g1: self.alpha_g1.get(..size)?,
                beta_g1: self.beta_g1.get(..size)?,
            })
        };
        part().ok_or(PowersError::TooSmall { has: self.size(), needs: size })
    }
}

/// A part of [`Powers`].
pub(super) struct Cut<'a> {
    pub(super) tau_g1: &'a [G1Affine],
    pub(super) tau_g2: &'a [G2Affine],
    pub(super) alpha_g1: &'a [G1Affine],
    pub(super) beta_g1: &'a [G1Affine],
}

#[cfg(test)]
mod tests;
