//! Whether powers are powers of one τ, by pairings over random combinations.
//!
//! For a list Pᵢ and τ in the other group, every Pᵢ₊₁ = τ·Pᵢ if and only if all differences Pᵢ₊₁ − τ·Pᵢ are zero. With
//! factors ρᵢ of 128 random bits, drawn after the list is fixed, Σ ρᵢ·(Pᵢ₊₁ − τ·Pᵢ) is zero for another list with
//! probability at most 2⁻¹²⁸: the group has prime order above 2²⁵⁴, so given the other factors one value of ρᵢ at most does
//! it. (Bowe, Gabizon, Miers, eprint 2017/1050, check consistency this way.)

use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective};
use group::Group;
use group::prime::PrimeCurveAffine;
use rand_core::RngCore;

use super::super::points::{Factors, Progress, same_ratio};
use super::{Cut, Powers, PowersError, Section};

impl Powers {
    /// Checks what a circuit of this size uses. `watch` is told how many of how many points are done.
    ///
    /// # Errors
    /// With the list that is wrong.
    pub fn verify(
        &self,
        size: usize,
        rng: &mut impl RngCore,
        watch: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<(), PowersError> {
        let Cut { tau_g1, tau_g2, alpha_g1, beta_g1 } = self.cut(size)?;
        let progress = Progress::new(tau_g1.len() + tau_g2.len() + alpha_g1.len() + beta_g1.len(), watch);
        // Below two there is no τ to look at.
        let ([one_g1, tau_in_g1, ..], [one_g2, tau_in_g2, ..]) = (tau_g1, tau_g2) else {
            return Err(PowersError::Length);
        };
        if *one_g1 != G1Affine::generator() {
            return Err(PowersError::Inconsistent(Section::TauG1));
        }
        if *one_g2 != G2Affine::generator() {
            return Err(PowersError::Inconsistent(Section::TauG2));
        }
        // τ^size = 1 makes every point of the quotient zero.
        if bool::from(tau_in_g1.is_identity()) || tau_g1.get(size) == Some(one_g1) {
            return Err(PowersError::Degenerate(Section::TauG1));
        }
        let zero = |list: &[G1Affine]| list.first().is_none_or(|point| bool::from(point.is_identity()));
        for (list, section) in [(alpha_g1, Section::AlphaG1), (beta_g1, Section::BetaG1)] {
            if zero(list) {
                return Err(PowersError::Degenerate(section));
            }
        }
        let tau = [G2Projective::generator(), tau_in_g2.to_curve()];
        for (list, section) in [(tau_g1, Section::TauG1), (alpha_g1, Section::AlphaG1), (beta_g1, Section::BetaG1)] {
            let (from, to) = neighbours(list);
            let factors = Factors::draw(to.len(), rng);
            if !same_ratio([factors.combine(from), factors.combine(to)], tau) {
                return Err(PowersError::Inconsistent(section));
            }
            progress.note(list.len());
        }
        let (from, to) = neighbours(tau_g2);
        let factors = Factors::draw(to.len(), rng);
        let tau = [G1Projective::generator(), tau_in_g1.to_curve()];
        if !same_ratio(tau, [factors.combine(from), factors.combine(to)]) {
            return Err(PowersError::Inconsistent(Section::TauG2));
        }
        progress.note(tau_g2.len());
        let beta = beta_g1.first().map_or_else(G1Projective::identity, PrimeCurveAffine::to_curve);
        let twins = [G2Projective::generator(), self.beta_g2.to_curve()];
        if same_ratio([G1Projective::generator(), beta], twins) {
            Ok(())
        } else {
            Err(PowersError::Inconsistent(Section::BetaG2))
        }
    }
}

/// All but the last, and all but the first.
fn neighbours<P>(list: &[P]) -> (&[P], &[P]) {
    (list.get(..list.len().saturating_sub(1)).unwrap_or_default(), list.get(1..).unwrap_or_default())
}
