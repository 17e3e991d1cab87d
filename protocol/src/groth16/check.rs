//! Whether parameters are what phase 1 and the circuit make of them, for some δ: the gateway's check before it proves.
//!
//! Groth16 hides the witness only under parameters of the right form. Whoever makes others, with a wrong point in a query
//! or a δ of zero, can read readings out of proofs (Bellare, Fuchsbauer, Scafuro, ASIACRYPT 2016; Fuchsbauer, PKC 2018,
//! shows that Groth16 with a checked form keeps zero knowledge even then). Neither α, β, γ, δ nor τ need be unknown for this:
//! soundness is another matter, and the ceremony's.
//!
//! Every query point is determined by phase 1, the circuit and δ. Rather than compute each, which takes minutes, lists are
//! compared by one random combination each. This equals comparing points, up to a chance of 2⁻¹²⁸ for each list: all points
//! are in the group of prime order q > 2²⁵⁴ (looked at first). Let Dᵢ be the difference of a given point and the right one.
//! The factors ρᵢ are uniform among 2¹²⁸ numbers below q, and drawn after all Dᵢ are fixed. If Dₖ ≠ 0, then for any choice
//! of the other factors Σ ρᵢ·Dᵢ = 0 holds for one ρₖ modulo q at most. In the group a point has one encoding, so equal
//! points are equal bytes.
//!
//! The right side costs one sum: Σ ρᵢ·aᵢ(X) takes the value Σ ρᵢ·A[row][i] at the root of each row; an inverse transform of
//! these values gives its coefficients, and these with the powers of τ its value at τ. So for b, and for β·a + α·b + c with
//! the powers times β and α. h and l are such sums divided by δ: pairings compare them.

use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use ff::Field;
use group::prime::PrimeCurveAffine;
use group::{Curve, Group};
use rand_core::RngCore;

use super::Parameters;
use super::points::{Factors, Point, Progress, parallel, same_ratio, sum};
use super::polynomial::coefficients;
use super::powers::{Cut, Powers, PowersError};
use super::quadratic::{domain_size, used};
use crate::circuit::System;

/// A part of a parameter file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// α in G1.
    Alpha,
    /// β in G1 or G2.
    Beta,
    /// γ in G2.
    Gamma,
    /// δ in G1 or G2.
    Delta,
    /// Points of the public inputs.
    Ic,
    /// τⁱ·Z(τ)/δ.
    H,
    /// Points of private columns.
    L,
    /// Side A.
    A,
    /// Side B in G1.
    BG1,
    /// Side B in G2.
    BG2,
}

impl core::fmt::Display for Part {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::Gamma => "gamma",
            Self::Delta => "delta",
            Self::Ic => "the list ic",
            Self::H => "the list h",
            Self::L => "the list l",
            Self::A => "the list a",
            Self::BG1 => "the list b in G1",
            Self::BG2 => "the list b in G2",
        })
    }
}

/// Why parameters must not be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// What they rest on.
    #[error(transparent)]
    Powers(#[from] PowersError),
    /// Of another circuit.
    #[error("these parameters are for another circuit")]
    OtherCircuit,
    /// The powers are a demonstration's, the parameters not, or the other way round.
    #[error(
        "these parameters and these powers of tau do not agree whether they are a demonstration's; do not use them"
    )]
    Mark,
    /// Too many points, or too few.
    #[error("these parameters are wrong: {0} has another length than the circuit asks for; do not use them")]
    Length(Part),
    /// Not on the curve, or outside the group.
    #[error("these parameters are wrong: {0} holds a point that is not in the group; do not use them")]
    Group(Part),
    /// Zero.
    #[error("these parameters could leak readings: {0} is zero; do not use them, and tell the provider")]
    Zero(Part),
    /// G1 and G2 hold different numbers.
    #[error(
        "these parameters could leak readings: {0} differs between the two groups; do not use them, and tell the provider"
    )]
    Twins(Part),
    /// Not what phase 1 and the circuit make.
    #[error(
        "these parameters could leak readings: {0} is not what the circuit makes; do not use them, and tell the provider"
    )]
    Rebuilt(Part),
}

impl Parameters {
    /// Checks everything but who took part: form, groups, and that each point is the one that these powers and this circuit
    /// make for the file's δ. `rng` must not be foreseen by whoever made the file. `watch` is told how many of how many
    /// points are done.
    ///
    /// # Errors
    /// With the part that is wrong.
    pub fn check(
        &self,
        system: &System,
        powers: &Powers,
        rng: &mut impl RngCore,
        watch: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<(), CheckError> {
        let size = domain_size(system);
        self.lengths(system, size)?;
        if self.demonstration != powers.is_demonstration() {
            return Err(CheckError::Mark);
        }
        let queries = self.key.ic.len() + self.h.len() + self.l.len() + self.a.len() + 2 * self.b_g1.len();
        // Queries are met twice, single points once, phase 1 in its own check and in six sums.
        let progress = Progress::new(2 * queries + 6 + 11 * size, watch);
        self.groups(&progress)?;
        powers.verify(size, rng, &|_, _| ())?;
        progress.note(5 * size);
        let cut = powers.cut(size)?;
        self.singles(powers, &cut)?;
        Rebuilding { parameters: self, system, cut, size, progress: &progress }.all(rng)
    }

    fn lengths(&self, system: &System, size: usize) -> Result<(), CheckError> {
        if self.circuit != system.hash() {
            return Err(CheckError::OtherCircuit);
        }
        let (a, b) = (used(system, 0).len(), used(system, 1).len());
        let lengths = [
            (Part::Ic, self.key.ic.len(), system.inputs()),
            (Part::H, self.h.len(), size - 1),
            (Part::L, self.l.len(), system.private()),
            (Part::A, self.a.len(), a),
            (Part::BG1, self.b_g1.len(), b),
            (Part::BG2, self.b_g2.len(), b),
        ];
        lengths
            .into_iter()
            .find(|(_, has, needs)| has != needs)
            .map_or(Ok(()), |(part, ..)| Err(CheckError::Length(part)))
    }

    fn groups(&self, progress: &Progress<'_>) -> Result<(), CheckError> {
        fn all<P: Point>(part: Part, points: &[P], progress: &Progress<'_>) -> Result<(), CheckError> {
            let right = parallel(points, progress, Point::in_group).into_iter().all(|right| right);
            if right { Ok(()) } else { Err(CheckError::Group(part)) }
        }
        let key = &self.key;
        all(Part::Alpha, &[key.alpha_g1], progress)?;
        all(Part::Beta, &[self.beta_g1], progress)?;
        all(Part::Beta, &[key.beta_g2], progress)?;
        all(Part::Gamma, &[key.gamma_g2], progress)?;
        all(Part::Delta, &[self.delta_g1], progress)?;
        all(Part::Delta, &[key.delta_g2], progress)?;
        all(Part::Ic, &key.ic, progress)?;
        all(Part::H, &self.h, progress)?;
        all(Part::L, &self.l, progress)?;
        all(Part::A, &self.a, progress)?;
        all(Part::BG1, &self.b_g1, progress)?;
        all(Part::BG2, &self.b_g2, progress)
    }

    /// α, β, γ, δ.
    fn singles(&self, powers: &Powers, cut: &Cut<'_>) -> Result<(), CheckError> {
        let key = &self.key;
        let zeros = [
            (Part::Alpha, key.alpha_g1.is_identity()),
            (Part::Beta, self.beta_g1.is_identity() | key.beta_g2.is_identity()),
            (Part::Gamma, key.gamma_g2.is_identity()),
            (Part::Delta, self.delta_g1.is_identity() | key.delta_g2.is_identity()),
        ];
        if let Some((part, _)) = zeros.into_iter().find(|(_, zero)| bool::from(*zero)) {
            return Err(CheckError::Zero(part));
        }
        for (part, g1, g2) in [(Part::Beta, self.beta_g1, key.beta_g2), (Part::Delta, self.delta_g1, key.delta_g2)] {
            let ones = (G1Projective::generator(), G2Projective::generator());
            if !same_ratio([ones.0, g1.to_curve()], [ones.1, g2.to_curve()]) {
                return Err(CheckError::Twins(part));
            }
        }
        let right = [
            (Part::Alpha, cut.alpha_g1.first() == Some(&key.alpha_g1)),
            (Part::Beta, cut.beta_g1.first() == Some(&self.beta_g1) && powers.beta_g2 == key.beta_g2),
            (Part::Gamma, key.gamma_g2 == G2Affine::generator()),
        ];
        right.into_iter().find(|(_, right)| !right).map_or(Ok(()), |(part, _)| Err(CheckError::Rebuilt(part)))
    }
}

/// The lists, each by a random combination.
struct Rebuilding<'a> {
    parameters: &'a Parameters,
    system: &'a System,
    cut: Cut<'a>,
    size: usize,
    progress: &'a Progress<'a>,
}

impl Rebuilding<'_> {
    fn all(&self, rng: &mut impl RngCore) -> Result<(), CheckError> {
        let Self { parameters, system, .. } = self;
        let (inputs, columns) = (system.inputs(), system.inputs() + system.private());
        let delta = [G2Projective::generator(), parameters.key.delta_g2.to_curve()];

        let side_a = used(system, 0);
        let factors = Factors::draw(side_a.len(), rng);
        let polynomial = coefficients(system, 0, &self.spread(&side_a, &factors));
        self.equal(Part::A, factors.combine(&parameters.a), sum(self.tau(), &polynomial))?;

        let side_b = used(system, 1);
        let factors = Factors::draw(side_b.len(), rng);
        let polynomial = coefficients(system, 1, &self.spread(&side_b, &factors));
        self.equal(Part::BG1, factors.combine(&parameters.b_g1), sum(self.tau(), &polynomial))?;
        self.equal(Part::BG2, factors.combine(&parameters.b_g2), sum(self.cut.tau_g2, &polynomial))?;

        let public: Vec<usize> = (0..inputs).collect();
        let factors = Factors::draw(public.len(), rng);
        let rebuilt = self.mixed(&self.spread(&public, &factors));
        self.equal(Part::Ic, factors.combine(&parameters.key.ic), rebuilt)?;

        let private: Vec<usize> = (inputs..columns).collect();
        let factors = Factors::draw(private.len(), rng);
        let rebuilt = self.mixed(&self.spread(&private, &factors));
        self.divided(Part::L, factors.combine(&parameters.l), rebuilt, delta)?;

        let count = parameters.h.len();
        let factors = Factors::draw(count, rng);
        let raised = self.cut.tau_g1.get(self.size..).unwrap_or_default();
        let rebuilt = factors.combine(raised) - factors.combine(self.tau().get(..count).unwrap_or_default());
        self.divided(Part::H, factors.combine(&parameters.h), rebuilt, delta)
    }

    /// τⁱ below the size.
    fn tau(&self) -> &[G1Affine] {
        self.cut.tau_g1.get(..self.size).unwrap_or_default()
    }

    /// Factors at their columns, zero elsewhere.
    fn spread(&self, columns: &[usize], factors: &Factors) -> Vec<Scalar> {
        let mut weights = vec![Scalar::ZERO; self.system.inputs() + self.system.private()];
        for (column, factor) in columns.iter().zip(factors.scalars()) {
            if let Some(weight) = weights.get_mut(*column) {
                *weight = factor;
            }
        }
        weights
    }

    /// Σ weight · (β·a + α·b + c)(τ).
    fn mixed(&self, weights: &[Scalar]) -> G1Projective {
        let side = |side| coefficients(self.system, side, weights);
        sum(self.cut.beta_g1, &side(0)) + sum(self.cut.alpha_g1, &side(1)) + sum(self.tau(), &side(2))
    }

    fn equal<G: Curve>(&self, part: Part, given: G, rebuilt: G) -> Result<(), CheckError> {
        self.note(part);
        if given == rebuilt { Ok(()) } else { Err(CheckError::Rebuilt(part)) }
    }

    /// given · δ = rebuilt.
    fn divided(
        &self,
        part: Part,
        given: G1Projective,
        rebuilt: G1Projective,
        delta: [G2Projective; 2],
    ) -> Result<(), CheckError> {
        self.note(part);
        if same_ratio([given, rebuilt], delta) { Ok(()) } else { Err(CheckError::Rebuilt(part)) }
    }

    fn note(&self, part: Part) {
        let parameters = self.parameters;
        let given = match part {
            Part::Ic => parameters.key.ic.len(),
            Part::H => parameters.h.len(),
            Part::L => parameters.l.len(),
            Part::A => parameters.a.len(),
            Part::BG1 | Part::BG2 => parameters.b_g1.len(),
            Part::Alpha | Part::Beta | Part::Gamma | Part::Delta => 0,
        };
        self.progress.note(given + self.size);
    }
}
