//! Parameters made on one machine, for trying out: whoever makes them could forge proofs, and everything says so.
//!
//! Groth, EUROCRYPT 2016, §3.2, Setup. The powers of the same τ come along, so that whoever is given such parameters can
//! check them as he checks a ceremony's.

use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use ff::Field;
use group::prime::PrimeCurveAffine;
use group::{Curve, Group};
use rand_core::RngCore;

use super::points::{Progress, Secret, draw};
use super::powers::Trapdoor;
use super::quadratic::{Columns, at, domain_size, used};
use super::table::Table;
use super::{Parameters, Powers, VerifyingKey};
use crate::circuit::System;

impl Parameters {
    /// Makes parameters of a circuit, and the powers that they rest on. `watch` is told how many of how many points there
    /// are. `None` when the randomness hits a point of the domain, which does not happen.
    pub fn trial(
        system: &System,
        rng: &mut impl RngCore,
        watch: &(dyn Fn(usize, usize) + Sync),
    ) -> Option<(Self, Powers)> {
        make(system, &Trapdoor::draw(rng), &draw(rng), watch)
    }
}

/// Parameters and powers from what nobody should know.
pub(super) fn make(
    system: &System,
    trapdoor: &Trapdoor,
    delta: &Secret,
    watch: &(dyn Fn(usize, usize) + Sync),
) -> Option<(Parameters, Powers)> {
    let columns = at(system, trapdoor.tau.0)?;
    let inputs = system.inputs();
    let delta_inverse: Scalar = Option::from(delta.0.invert())?;
    let ic = (0..inputs).map(|place| mixed(&columns, trapdoor, place)).collect::<Option<Vec<_>>>()?;
    let private = inputs..inputs + system.private();
    let l = private.map(|place| Some(mixed(&columns, trapdoor, place)? * delta_inverse)).collect::<Option<Vec<_>>>()?;
    let size = domain_size(system);
    let first = columns.vanishing * delta_inverse;
    let h: Vec<Scalar> =
        std::iter::successors(Some(first), |power| Some(power * trapdoor.tau.0)).take(size - 1).collect();
    let of = |values: &[Scalar], side| {
        used(system, side).into_iter().map(|column| values.get(column).copied()).collect::<Option<Vec<_>>>()
    };
    let (a, b) = (of(&columns.a, 0)?, of(&columns.b, 1)?);

    let (g1, g2) = (Table::new(G1Projective::generator(), size), Table::new(G2Projective::generator(), size));
    let queries = ic.len() + l.len() + h.len() + a.len() + 2 * b.len();
    let progress = Progress::new(queries + Trapdoor::points(size), watch);
    let in_g1 = |list: &[Scalar]| -> Vec<G1Affine> { g1.all(list, &progress) };
    let one_g1 = |scalar: Scalar| (G1Affine::generator() * scalar).to_affine();
    let one_g2 = |scalar: Scalar| (G2Affine::generator() * scalar).to_affine();
    let parameters = Parameters {
        circuit: system.hash(),
        origin: [0; 32],
        demonstration: true,
        key: VerifyingKey {
            alpha_g1: one_g1(trapdoor.alpha.0),
            beta_g2: one_g2(trapdoor.beta.0),
            gamma_g2: G2Affine::generator(),
            delta_g2: one_g2(delta.0),
            ic: in_g1(&ic),
        },
        beta_g1: one_g1(trapdoor.beta.0),
        delta_g1: one_g1(delta.0),
        h: in_g1(&h),
        l: in_g1(&l),
        a: in_g1(&a),
        b_g1: in_g1(&b),
        b_g2: g2.all(&b, &progress),
    };
    let powers = trapdoor.powers(size, &g1, &g2, &progress);
    Some((parameters, powers))
}

/// β·aᵢ + α·bᵢ + cᵢ of a column.
pub(super) fn mixed(columns: &Columns, trapdoor: &Trapdoor, place: usize) -> Option<Scalar> {
    let (a, b, c) = (columns.a.get(place)?, columns.b.get(place)?, columns.c.get(place)?);
    Some(*a * trapdoor.beta.0 + *b * trapdoor.alpha.0 + c)
}
