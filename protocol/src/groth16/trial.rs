//! Parameters made on one machine, for trying out: whoever makes them could forge proofs, and everything says so.
//!
//! Groth, EUROCRYPT 2016, §3.2, Setup.

use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use ff::Field;
use group::prime::PrimeCurveAffine;
use group::{Curve, Group};
use rand_core::RngCore;

use super::quadratic::{at, domain_size, used};
use super::{Parameters, VerifyingKey};
use crate::circuit::System;

/// Bits of a window of the tables.
const WINDOW: usize = 12;

/// What was drawn and must be forgotten.
struct Toxic {
    tau: Scalar,
    alpha: Scalar,
    beta: Scalar,
    delta: Scalar,
}

impl Parameters {
    /// Makes parameters of a circuit. `watch` is told how many of how many points there are. `None` when the randomness hits
    /// a point of the domain, which does not happen.
    pub fn trial(system: &System, rng: &mut impl RngCore, watch: &(dyn Fn(usize, usize) + Sync)) -> Option<Self> {
        let draw = |rng: &mut _| Scalar::random(rng);
        let toxic = Toxic { tau: draw(&mut *rng), alpha: draw(&mut *rng), beta: draw(&mut *rng), delta: draw(&mut *rng) };
        let columns = at(system, toxic.tau)?;
        let inputs = system.inputs();
        let delta_inverse: Scalar = Option::from(toxic.delta.invert())?;
        let sum = |place: usize| -> Option<Scalar> {
            Some(*columns.a.get(place)? * toxic.beta + *columns.b.get(place)? * toxic.alpha + columns.c.get(place)?)
        };
        let ic = (0..inputs).map(sum).collect::<Option<Vec<_>>>()?;
        let private = inputs..inputs + system.private();
        let l = private.map(|place| Some(sum(place)? * delta_inverse)).collect::<Option<Vec<_>>>()?;
        let mut power = columns.vanishing * delta_inverse;
        let h: Vec<Scalar> = (1..domain_size(system))
            .map(|_| {
                let this = power;
                power *= toxic.tau;
                this
            })
            .collect();
        let of = |values: &[Scalar], side| {
            used(system, side).into_iter().map(|column| values.get(column).copied()).collect::<Option<Vec<_>>>()
        };
        let (a, b) = (of(&columns.a, 0)?, of(&columns.b, 1)?);

        let (g1, g2) = (Table::new(G1Projective::generator()), Table::new(G2Projective::generator()));
        let total = ic.len() + l.len() + h.len() + a.len() + 2 * b.len();
        let done = std::sync::atomic::AtomicUsize::new(0);
        let note = |points: usize| {
            let before = done.fetch_add(points, std::sync::atomic::Ordering::Relaxed);
            watch(before + points, total);
        };
        let in_g1 = |list: &[Scalar]| -> Vec<G1Affine> { g1.all(list, &note) };
        let in_g2 = |list: &[Scalar]| -> Vec<G2Affine> { g2.all(list, &note) };
        let one_g1 = |scalar: Scalar| (G1Affine::generator() * scalar).to_affine();
        let one_g2 = |scalar: Scalar| (G2Affine::generator() * scalar).to_affine();
        Some(Self {
            circuit: system.hash(),
            origin: [0; 32],
            demonstration: true,
            key: VerifyingKey {
                alpha_g1: one_g1(toxic.alpha),
                beta_g2: one_g2(toxic.beta),
                gamma_g2: G2Affine::generator(),
                delta_g2: one_g2(toxic.delta),
                ic: in_g1(&ic),
            },
            beta_g1: one_g1(toxic.beta),
            delta_g1: one_g1(toxic.delta),
            h: in_g1(&h),
            l: in_g1(&l),
            a: in_g1(&a),
            b_g1: in_g1(&b),
            b_g2: in_g2(&b),
        })
    }
}

/// Multiples of a fixed point: table w holds 0…2^WINDOW − 1 times 2^(WINDOW·w) times it.
struct Table<G: Curve>(Vec<Vec<G::AffineRepr>>);

impl<G> Table<G>
where
    G: Curve + Group<Scalar = Scalar> + Send + Sync,
    G::AffineRepr: Copy + Send + Sync + PrimeCurveAffine<Curve = G>,
{
    fn new(generator: G) -> Self {
        let mut base = generator;
        let windows = (0..255usize.div_ceil(WINDOW)).map(|_| {
            let mut multiple = G::identity();
            let mut list = Vec::with_capacity(1 << WINDOW);
            for _ in 0..1usize << WINDOW {
                list.push(multiple);
                multiple += base;
            }
            base = multiple;
            affine(&list)
        });
        Self(windows.collect())
    }

    /// scalar · generator for each scalar, on all processors.
    fn all(&self, scalars: &[Scalar], note: &(dyn Fn(usize) + Sync)) -> Vec<G::AffineRepr> {
        const PART: usize = 4096;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let length = scalars.len().div_ceil(threads).max(1);
        let parts = std::thread::scope(|scope| {
            let work = |chunk: &[Scalar]| {
                let mut points = Vec::with_capacity(chunk.len());
                for part in chunk.chunks(PART) {
                    let list: Vec<G> = part.iter().map(|scalar| self.multiply(scalar)).collect();
                    points.extend(affine(&list));
                    note(part.len());
                }
                points
            };
            let running: Vec<_> = scalars.chunks(length).map(|chunk| scope.spawn(move || work(chunk))).collect();
            running.into_iter().map(|thread| thread.join().unwrap_or_default()).collect::<Vec<_>>()
        });
        parts.concat()
    }

    fn multiply(&self, scalar: &Scalar) -> G {
        let bytes = scalar.to_bytes_le();
        let bit = |place: usize| bytes.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1);
        let mut sum = G::identity();
        for (window, list) in self.0.iter().enumerate() {
            let digit = (0..WINDOW).filter(|place| bit(window * WINDOW + place)).map(|place| 1 << place).sum::<usize>();
            if let Some(point) = list.get(digit).filter(|_| digit > 0) {
                sum += *point;
            }
        }
        sum
    }
}

fn affine<G: Curve>(points: &[G]) -> Vec<G::AffineRepr>
where
    G::AffineRepr: PrimeCurveAffine<Curve = G>,
{
    let mut list = vec![G::AffineRepr::identity(); points.len()];
    G::batch_normalize(points, &mut list);
    list
}
