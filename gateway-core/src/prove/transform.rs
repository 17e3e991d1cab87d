//! Number-theoretic transforms between a domain of roots of unity and its coset, with tables made once for a key.
//!
//! Decimation in frequency takes values to coefficients in bit-reversed order, decimation in time takes those to values on the
//! coset (Gentleman, Sande 1966; Cooley, Tukey 1965): nothing is ever put in order. Every butterfly is done whatever the
//! values are.

use blstrs::Scalar;
use ff::{Field, PrimeField};

/// Below this a half is not worth a thread.
const SMALL: usize = 1 << 12;

/// A domain with its tables.
pub(super) struct Domain {
    /// For each level from the widest: powers of its root.
    roots: Vec<Vec<Scalar>>,
    /// The same of the inverse roots.
    inverse: Vec<Vec<Scalar>>,
    /// gⁱ/n in bit-reversed order: from coefficients of the domain to the coset.
    shift: Vec<Scalar>,
    /// g⁻ⁱ/(n·Z(g)) in bit-reversed order: back, divided by Z, which is the same everywhere on the coset.
    back: Vec<Scalar>,
}

impl Domain {
    /// The domain of a power of two. `None` when the field has no such root, which is beyond 2³² points.
    pub(super) fn new(size: usize) -> Option<Self> {
        let bits = size.trailing_zeros();
        if !size.is_power_of_two() || bits > Scalar::S {
            return None;
        }
        let generator = Scalar::MULTIPLICATIVE_GENERATOR;
        let whole: Option<Scalar> = Scalar::from(u64::try_from(size).ok()?).invert().into();
        let vanishing = (0..bits).fold(generator, |power, _| power.square()) - Scalar::ONE;
        let outside: Option<Scalar> = vanishing.invert().into();
        let away: Option<Scalar> = generator.invert().into();
        let (whole, outside, away) = (whole?, outside?, away?);
        Some(Self {
            roots: levels(Scalar::ROOT_OF_UNITY, size),
            inverse: levels(Scalar::ROOT_OF_UNITY_INV, size),
            shift: reversed(whole, generator, size),
            back: reversed(whole * outside, away, size),
        })
    }

    /// Values on the domain become values of the same polynomial on the coset.
    pub(super) fn to_coset(&self, values: &mut [Scalar]) {
        let threads = threads();
        down(values, &self.inverse, threads);
        values.iter_mut().zip(&self.shift).for_each(|(value, factor)| *value *= factor);
        up(values, &self.roots, threads);
    }

    /// Values on the coset, of a polynomial times Z, become the polynomial's coefficients in bit-reversed order.
    pub(super) fn divide(&self, values: &mut [Scalar]) {
        down(values, &self.inverse, threads());
        values.iter_mut().zip(&self.back).for_each(|(value, factor)| *value *= factor);
    }
}

/// A place with its bits in reverse, of so many places.
pub(super) fn reverse(place: usize, size: usize) -> usize {
    match size.trailing_zeros() {
        0 => place,
        bits => place.reverse_bits() >> (usize::BITS - bits),
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn levels(root: Scalar, size: usize) -> Vec<Vec<Scalar>> {
    let bits = size.trailing_zeros();
    let mut root = (bits..Scalar::S).fold(root, |root, _| root.square());
    let mut list = Vec::new();
    let mut half = size / 2;
    while half > 0 {
        list.push(std::iter::successors(Some(Scalar::ONE), |power| Some(power * root)).take(half).collect());
        root = root.square();
        half /= 2;
    }
    list
}

/// first · ratioⁱ, in bit-reversed order.
fn reversed(first: Scalar, ratio: Scalar, size: usize) -> Vec<Scalar> {
    let mut list = vec![Scalar::ZERO; size];
    let mut power = first;
    for place in 0..size {
        if let Some(value) = list.get_mut(reverse(place, size)) {
            *value = power;
        }
        power *= ratio;
    }
    list
}

/// Decimation in frequency: in order to bit-reversed order.
fn down(values: &mut [Scalar], levels: &[Vec<Scalar>], threads: usize) {
    let Some((roots, rest)) = levels.split_first() else { return };
    let (low, high) = values.split_at_mut(roots.len());
    let turn = |low: &mut Scalar, high: &mut Scalar, root: &Scalar| {
        let difference = *low - *high;
        *low += *high;
        *high = difference * root;
    };
    butterflies(low, high, roots, threads, turn);
    halves(low, high, threads, |half, threads| down(half, rest, threads));
}

/// Decimation in time: bit-reversed order to in order.
fn up(values: &mut [Scalar], levels: &[Vec<Scalar>], threads: usize) {
    let Some((roots, rest)) = levels.split_first() else { return };
    let (low, high) = values.split_at_mut(roots.len());
    halves(low, high, threads, |half, threads| up(half, rest, threads));
    let turn = |low: &mut Scalar, high: &mut Scalar, root: &Scalar| {
        let turned = *high * root;
        *high = *low - turned;
        *low += turned;
    };
    butterflies(low, high, roots, threads, turn);
}

/// Both halves, each with its share of the threads.
fn halves(low: &mut [Scalar], high: &mut [Scalar], threads: usize, work: impl Fn(&mut [Scalar], usize) + Sync) {
    if threads < 2 || low.len() < SMALL {
        work(low, 1);
        work(high, 1);
        return;
    }
    std::thread::scope(|scope| {
        scope.spawn(|| work(low, threads.div_ceil(2)));
        work(high, threads / 2);
    });
}

fn butterflies(
    low: &mut [Scalar],
    high: &mut [Scalar],
    roots: &[Scalar],
    threads: usize,
    turn: impl Fn(&mut Scalar, &mut Scalar, &Scalar) + Copy + Send + Sync,
) {
    let run = |low: &mut [Scalar], high: &mut [Scalar], roots: &[Scalar]| {
        for ((low, high), root) in low.iter_mut().zip(high).zip(roots) {
            turn(low, high, root);
        }
    };
    if threads < 2 || low.len() < SMALL {
        return run(low, high, roots);
    }
    let length = low.len().div_ceil(threads);
    std::thread::scope(|scope| {
        for ((low, high), roots) in low.chunks_mut(length).zip(high.chunks_mut(length)).zip(roots.chunks(length)) {
            scope.spawn(move || run(low, high, roots));
        }
    });
}

#[cfg(test)]
mod tests {
    use bellman::domain::{EvaluationDomain, Scalar as Value};
    use bellman::multicore::Worker;
    use rand_core::OsRng;

    use super::*;

    #[test]
    fn transforms_are_bellmans() {
        let worker = Worker::new();
        for bits in [0, 1, 2, 5, 10, 14] {
            let size = 1 << bits;
            let domain = Domain::new(size).unwrap();
            let values: Vec<Scalar> = (0..size).map(|_| Scalar::random(OsRng)).collect();
            let mut other = EvaluationDomain::from_coeffs(values.iter().map(|v| Value(*v)).collect()).unwrap();
            let mut own = values.clone();
            domain.to_coset(&mut own);
            other.ifft(&worker);
            other.coset_fft(&worker);
            assert_eq!(own, other.as_ref().iter().map(|value| value.0).collect::<Vec<_>>(), "2^{bits} to the coset");
            domain.divide(&mut own);
            other.divide_by_z_on_coset(&worker);
            other.icoset_fft(&worker);
            for (place, value) in other.as_ref().iter().enumerate() {
                assert_eq!(own[reverse(place, size)], value.0, "2^{bits}, coefficient {place}");
            }
        }
        assert!(Domain::new(12).is_none());
    }
}
