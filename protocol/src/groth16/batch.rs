//! Many proofs at once: one final exponentiation, and one pairing for each proof instead of three.
//!
//! Each equation is raised to a random power of 128 bits; the product of all holds if each holds, and if one does not, with
//! probability below 2⁻¹²⁷ (Bellare, Garay, Rabin, EUROCRYPT '98, §3, small exponents). Keys of one circuit share γ and δ,
//! whatever the tariff, so those pairings are shared as well.

use blstrs::{G1Affine, G1Projective, G2Affine, Scalar};
use ff::Field;
use group::{Curve, Group};
use rand_core::RngCore;

use super::fold::{FoldedKey, sum_bits};
use super::product::is_one;
use super::proof::Proof;
use crate::circuit::Publics;

/// Bits of a random power.
const POWER_BITS: usize = 128;

/// Proofs that are checked together.
#[derive(Debug, Default)]
pub struct Batch<'a> {
    entries: Vec<(&'a FoldedKey, &'a Publics, Proof)>,
}

impl<'a> Batch<'a> {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a proof under the key of its tariff.
    pub fn push(&mut self, key: &'a FoldedKey, publics: &'a Publics, proof: Proof) {
        self.entries.push((key, publics, proof));
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether all are right.
    #[must_use]
    pub fn verify(&self, rng: &mut impl RngCore) -> bool {
        self.part(&self.entries, rng)
    }

    /// The places of those that are not, found by halving.
    #[must_use]
    pub fn wrong(&self, rng: &mut impl RngCore) -> Vec<usize> {
        let mut found = Vec::new();
        let mut parts = vec![(0, self.entries.len())];
        while let Some((from, until)) = parts.pop() {
            let Some(part) = self.entries.get(from..until) else { continue };
            if self.part(part, rng) {
                continue;
            }
            if let [(key, publics, proof)] = part {
                if !key.verify(publics, proof) {
                    found.push(from);
                }
                continue;
            }
            let middle = from.midpoint(until);
            parts.extend([(middle, until), (from, middle)]);
        }
        found
    }

    fn part(&self, entries: &[(&FoldedKey, &Publics, Proof)], rng: &mut impl RngCore) -> bool {
        let mut weighted: Vec<G1Projective> = Vec::with_capacity(entries.len());
        let mut tariffs: Vec<Tariff<'_>> = Vec::new();
        for (key, publics, proof) in entries {
            let power = power(rng);
            weighted.push(sum_bits(&[proof.a], &[power], POWER_BITS));
            let place = tariffs.iter().position(|tariff| core::ptr::eq(tariff.key, *key)).unwrap_or_else(|| {
                tariffs.push(Tariff::of(key));
                tariffs.len() - 1
            });
            let Some(tariff) = tariffs.get_mut(place) else { return false };
            if !tariff.add(publics, proof, power) {
                return false;
            }
        }
        let mut affine = vec![G1Affine::default(); weighted.len()];
        G1Projective::batch_normalize(&weighted, &mut affine);
        let mut pairs: Vec<(G1Affine, G2Affine)> =
            affine.into_iter().zip(entries.iter().map(|(_, _, proof)| proof.b)).collect();
        while let Some(first) = tariffs.pop() {
            let (same, others): (Vec<_>, Vec<_>) = tariffs.into_iter().partition(|other| other.key.shares(first.key));
            tariffs = others;
            let key = first.key;
            let (mut powers, mut inputs, mut points) =
                (Scalar::ZERO, G1Projective::identity(), G1Projective::identity());
            for tariff in core::iter::once(first).chain(same) {
                powers += tariff.powers;
                inputs += tariff.key.weighted(tariff.powers, &tariff.inputs);
                points += sum_bits(&tariff.points, &tariff.factors, POWER_BITS);
            }
            pairs.push(((key.alpha_g1 * -powers).to_affine(), key.beta_g2));
            pairs.push(((-inputs).to_affine(), key.gamma_g2));
            pairs.push(((-points).to_affine(), key.delta_g2));
        }
        is_one(&pairs)
    }
}

/// The proofs of one tariff: their inputs are summed as numbers, and meet the key's points once.
struct Tariff<'a> {
    key: &'a FoldedKey,
    powers: Scalar,
    inputs: Vec<Scalar>,
    points: Vec<G1Affine>,
    factors: Vec<Scalar>,
}

impl<'a> Tariff<'a> {
    fn of(key: &'a FoldedKey) -> Self {
        let inputs = vec![Scalar::ZERO; key.heads.len()];
        Self { key, powers: Scalar::ZERO, inputs, points: Vec::new(), factors: Vec::new() }
    }

    fn add(&mut self, publics: &Publics, proof: &Proof, power: Scalar) -> bool {
        let list = publics.list();
        if list.len() != self.inputs.len() {
            return false;
        }
        self.inputs.iter_mut().zip(&list).for_each(|(sum, input)| *sum += *input * power);
        self.powers += power;
        self.points.push(proof.c);
        self.factors.push(power);
        true
    }
}

/// A random number of 128 bits, never zero.
fn power(rng: &mut impl RngCore) -> Scalar {
    let (low, high) = (rng.next_u64() | 1, rng.next_u64());
    Option::from(Scalar::from_u64s_le(&[low, high, 0, 0])).unwrap_or(Scalar::from(1))
}
