//! Between values on the domain and coefficients: of polynomials, and of points whose logarithms are such.

use bellman::domain::{EvaluationDomain, Scalar as Value};
use bellman::multicore::Worker;
use blstrs::Scalar;
use ff::{Field, PrimeField};
use group::{Curve, Group};

use super::points::{Point, Progress, threads};
use super::quadratic::domain_size;
use crate::circuit::System;

/// Coefficients of Σ weight · columnᵢ(X) on a side.
pub(super) fn coefficients(system: &System, side: usize, weights: &[Scalar]) -> Vec<Scalar> {
    let mut values: Vec<Value<Scalar>> =
        (0..system.constraints()).map(|row| Value(system.evaluate(side, row, weights))).collect();
    if side == 0 {
        // Groth16's own rows, input · 0 = 0.
        values.extend(weights.iter().take(system.inputs()).map(|weight| Value(*weight)));
    }
    values.resize(domain_size(system), Value(Scalar::ZERO));
    // The size is within the field's roots of unity: a system of 2³² rows does not fit into memory.
    let Ok(mut domain) = EvaluationDomain::from_coeffs(values) else { return Vec::new() };
    domain.ifft(&Worker::new());
    domain.into_coeffs().into_iter().map(|value| value.0).collect()
}

/// Lⱼ(τ)·P for each root of the domain, from τⁱ·P: an inverse transform in the exponent (Bowe, Gabizon, Miers, eprint
/// 2017/1050, use it to make phase 1 serve any circuit). The length is a power of two. Notes one point for each multiple.
pub(super) fn lagrange<P: Point>(powers: &[P], progress: &Progress<'_>) -> Vec<P> {
    let size = powers.len();
    let bits = size.trailing_zeros();
    let mut values: Vec<P::Curve> =
        (0..size).filter_map(|place| powers.get(reversed(place, bits))).map(P::to_curve).collect();
    let mut half = 1;
    while half < size {
        // ω⁻¹ of order 2·half.
        let root = (half.trailing_zeros() + 1..Scalar::S).fold(Scalar::ROOT_OF_UNITY_INV, |root, _| root.square());
        let twiddles: Vec<Scalar> =
            std::iter::successors(Some(Scalar::ONE), |power| Some(power * root)).take(half).collect();
        stage(&mut values, &twiddles, progress);
        half *= 2;
    }
    let inverse: Scalar = Option::from(Scalar::from(u64::try_from(size).unwrap_or(1)).invert()).unwrap_or(Scalar::ONE);
    let mut list = vec![P::identity(); size];
    let length = size.div_ceil(threads()).max(1);
    std::thread::scope(|scope| {
        for (values, list) in values.chunks_mut(length).zip(list.chunks_mut(length)) {
            scope.spawn(move || {
                for value in values.iter_mut() {
                    *value *= inverse;
                }
                P::Curve::batch_normalize(values, list);
                progress.note(values.len());
            });
        }
    });
    list
}

/// How many multiples [`lagrange`] notes.
pub(super) fn lagrange_work(size: usize) -> usize {
    let bits = usize::try_from(size.trailing_zeros()).unwrap_or(0);
    size / 2 * bits + size
}

/// Butterflies of one width on all processors: blocks when there are many, parts of blocks when there are few.
fn stage<G: Group<Scalar = Scalar> + Send>(values: &mut [G], twiddles: &[Scalar], progress: &Progress<'_>) {
    let half = twiddles.len();
    let length = (values.len() / 2).div_ceil(threads()).max(1);
    std::thread::scope(|scope| {
        if half <= length {
            for blocks in values.chunks_mut(2 * half * length.div_ceil(half)) {
                scope.spawn(move || {
                    for block in blocks.chunks_mut(2 * half) {
                        let (low, high) = block.split_at_mut(half);
                        butterflies(low, high, twiddles, progress);
                    }
                });
            }
        } else {
            for block in values.chunks_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                let parts = low.chunks_mut(length).zip(high.chunks_mut(length)).zip(twiddles.chunks(length));
                for ((low, high), twiddles) in parts {
                    scope.spawn(move || butterflies(low, high, twiddles, progress));
                }
            }
        }
    });
}

fn butterflies<G: Group<Scalar = Scalar>>(low: &mut [G], high: &mut [G], twiddles: &[Scalar], progress: &Progress<'_>) {
    for ((low, high), twiddle) in low.iter_mut().zip(high.iter_mut()).zip(twiddles) {
        let turned = if *twiddle == Scalar::ONE { *high } else { *high * twiddle };
        *high = *low - turned;
        *low += turned;
    }
    progress.note(low.len());
}

/// A place with its bits in reverse.
fn reversed(place: usize, bits: u32) -> usize {
    (0..bits).fold(0, |reversed, bit| reversed << 1 | (place >> bit & 1))
}
