//! A small circuit and bellman's prover, for the tests of the set-up.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod check;
mod forgery;

use std::sync::Arc;

use bellman::{Circuit, ConstraintSystem, LinearCombination, SynthesisError, groth16};
use blstrs::{Bls12, G1Affine, G2Affine, Scalar};
use ff::Field;
use group::Curve;
use group::prime::PrimeCurveAffine;
use rand_core::RngCore;
use sha2::{Digest, Sha256};

use super::ceremony::{self, begin, contribute, finish};
use super::powers::Trapdoor;
use super::quadratic::{at, domain_size};
use super::trial::mixed;
use super::*;
use crate::circuit::{Publics, System};

/// Repeatable randomness.
pub(super) struct Repeatable([u8; 32]);

impl Repeatable {
    pub(super) fn new(seed: &str) -> Self {
        Self(Sha256::digest(seed).into())
    }
}

impl RngCore for Repeatable {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(32) {
            self.0 = Sha256::digest(self.0).into();
            part.copy_from_slice(&self.0[..part.len()]);
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

/// Four public inputs; the second is the first after some rounds of x ← 3·x² − x, from a private start that is shown to be
/// the root of the third.
#[derive(Clone, Copy)]
pub(super) struct Rounds {
    pub(super) rounds: usize,
    pub(super) start: Option<Scalar>,
}

impl Rounds {
    pub(super) fn empty() -> Self {
        Self { rounds: 20, start: None }
    }

    fn turn(x: Scalar) -> Scalar {
        Scalar::from(3) * x.square() - x
    }

    pub(super) fn publics(start: Scalar, rounds: usize) -> Publics {
        let output = (0..rounds).fold(start, |x, _| Self::turn(x));
        Publics { digest: Scalar::from(7), output, before: start.square(), after: Scalar::from(9), blocks: Vec::new() }
    }
}

impl Circuit<Scalar> for Rounds {
    fn synthesize<CS: ConstraintSystem<Scalar>>(self, cs: &mut CS) -> Result<(), SynthesisError> {
        let publics = self.start.map(|start| Self::publics(start, self.rounds).list());
        let mut inputs = Vec::new();
        for place in 0..4 {
            let value = publics.as_ref().map(|list| list[place]);
            inputs.push(cs.alloc_input(|| "", || value.ok_or(SynthesisError::AssignmentMissing))?);
        }
        let mut value = self.start;
        let first = cs.alloc(|| "", || value.ok_or(SynthesisError::AssignmentMissing))?;
        cs.enforce(|| "", |lc| lc + first, |lc| lc + first, |lc| lc + inputs[2]);
        let mut sum = LinearCombination::zero() + first;
        let mut last = first;
        for _ in 0..self.rounds {
            value = value.map(Self::turn);
            let next = cs.alloc(|| "", || value.ok_or(SynthesisError::AssignmentMissing))?;
            cs.enforce(|| "", |lc| lc + (Scalar::from(3), last), |lc| lc + last, |lc| lc + next + last);
            sum = sum + (Scalar::from(5), next);
            last = next;
        }
        // A long row on side B, with an input on it.
        let product = sum.clone() + inputs[3];
        let known = self.start.map(|start| {
            let values = (0..self.rounds).scan(start, |x, _| {
                *x = Self::turn(*x);
                Some(*x * Scalar::from(5))
            });
            (start + values.sum::<Scalar>() + Scalar::from(9)) * Scalar::from(7)
        });
        let product_value = cs.alloc(|| "", || known.ok_or(SynthesisError::AssignmentMissing))?;
        cs.enforce(|| "", |lc| lc + inputs[0], |_| product.clone(), |lc| lc + product_value);
        cs.enforce(|| "", |lc| lc + last, |lc| lc + CS::one(), |lc| lc + inputs[1]);
        Ok(())
    }
}

/// A proof by bellman's own prover.
pub(super) fn prove<C: Circuit<Scalar>>(parameters: &Parameters, circuit: C) -> Proof {
    let key = &parameters.key;
    let ours: groth16::Parameters<Bls12> = groth16::Parameters {
        vk: groth16::VerifyingKey {
            alpha_g1: key.alpha_g1,
            beta_g1: parameters.beta_g1,
            beta_g2: key.beta_g2,
            gamma_g2: key.gamma_g2,
            delta_g1: parameters.delta_g1,
            delta_g2: key.delta_g2,
            ic: key.ic.clone(),
        },
        h: Arc::new(parameters.h.clone()),
        l: Arc::new(parameters.l.clone()),
        a: Arc::new(parameters.a.clone()),
        b_g1: Arc::new(parameters.b_g1.clone()),
        b_g2: Arc::new(parameters.b_g2.clone()),
    };
    let proof = groth16::create_random_proof(circuit, &ours, &mut Repeatable::new("proof")).unwrap();
    Proof { a: proof.a, b: proof.b, c: proof.c }
}

/// Another point.
pub(super) fn next<P: PrimeCurveAffine>(point: &P) -> P {
    (P::generator().to_curve() + point).to_affine()
}

pub(super) fn quiet(_: usize, _: usize) {}

pub(super) fn small() -> System {
    System::of(Rounds::empty()).unwrap()
}

fn trial() -> (System, Parameters, Powers) {
    let system = small();
    let (parameters, powers) = Parameters::trial(&system, &mut Repeatable::new("trial"), &quiet).unwrap();
    (system, parameters, powers)
}

#[test]
fn the_trial_s_parameters_pass_and_prove() {
    let (system, parameters, powers) = trial();
    check::checked(&parameters, &system, &powers).unwrap();
    let start = Scalar::from(11);
    let proof = prove(&parameters, Rounds { start: Some(start), ..Rounds::empty() });
    let publics = Rounds::publics(start, 20);
    let key = parameters.key.fold(4, &[]).unwrap();
    assert!(key.verify(&publics, &proof));
    assert!(!key.verify(&Publics { output: publics.output + Scalar::ONE, ..publics }, &proof));
}
