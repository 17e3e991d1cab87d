//! Sums over bits: two at a time, one addition for each two, none left out.
//!
//! Let a bit b stand for the sign 2b − 1. Then Σ b·P = (Σ ±P + Σ P)/2, and two signs choose one of ±(P + Q), ±(P − Q): two
//! points for two, made once. What is added is chosen by masks, so that neither time nor addresses follow the bits, and the
//! additions share their inversions.

use blstrs::Scalar;
use ff::Field;
use group::prime::PrimeCurveAffine;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::ProveError;
use super::points::Points;

/// Points that are added in one go: blst sums fewer than 384 on the thread that asks.
const PART: usize = 256;

/// Points of columns that hold 0 or 1.
pub(super) struct Pairs<G: Points> {
    columns: Vec<[u32; 2]>,
    /// P + Q and P − Q; alone, a point is with zero.
    points: Vec<[G::Point; 2]>,
    total: G,
    half: Scalar,
}

impl<G: Points> Pairs<G> {
    pub(super) fn new(columns: &[u32], points: &[G::Point]) -> Self {
        let zero = G::Point::identity();
        let made = in_parts(points, |part| {
            let pair = |two: &[G::Point]| {
                let (first, second) = (two.first().unwrap_or(&zero), two.get(1).unwrap_or(&zero));
                [first.to_curve() + second, first.to_curve() - second]
            };
            let sums: Vec<G> = part.chunks(2).flat_map(pair).collect();
            let mut list = vec![zero; sums.len()];
            G::batch_normalize(&sums, &mut list);
            list
        });
        let last = columns.last().copied().unwrap_or(0);
        Self {
            columns: columns
                .chunks(2)
                .map(|two| [two.first(), two.get(1)].map(|c| c.copied().unwrap_or(last)))
                .collect(),
            points: made.concat().chunks_exact(2).filter_map(|pair| pair.try_into().ok()).collect(),
            total: G::plain(&points.iter().map(G::raw).collect::<Vec<_>>()),
            half: Option::from(Scalar::from(2).invert()).unwrap_or(Scalar::ZERO),
        }
    }

    /// Σ value of column · point.
    pub(super) fn sum(&self, values: &[Scalar]) -> Result<G, ProveError> {
        let places: Vec<usize> = (0..self.points.len()).collect();
        let parts = in_parts(&places, |places| {
            let mut chosen = Vec::with_capacity(places.len());
            for place in places {
                let (Some(columns), Some([sum, difference])) = (self.columns.get(*place), self.points.get(*place))
                else {
                    return Err(ProveError::OtherCircuit);
                };
                let [first, second] = [bit(columns[0], values)?, bit(columns[1], values)?];
                let mut point = G::Point::conditional_select(difference, sum, !(first ^ second));
                point = G::Point::conditional_select(&-point, &point, first);
                chosen.push(G::raw(&point));
            }
            let sum = chosen.chunks(PART).fold(G::identity(), |sum, part| sum + G::plain(part));
            chosen.fill(G::Raw::default());
            std::hint::black_box(&chosen);
            Ok(sum)
        });
        let signs = parts.into_iter().try_fold(G::identity(), |sum, part| Ok::<G, ProveError>(sum + part?))?;
        Ok((signs + self.total) * self.half)
    }
}

/// A column's value, which must be 0 or 1.
fn bit(column: u32, values: &[Scalar]) -> Result<Choice, ProveError> {
    let value = usize::try_from(column).ok().and_then(|column| values.get(column)).ok_or(ProveError::OtherCircuit)?;
    let one = value.ct_eq(&Scalar::ONE);
    if bool::from(one | value.ct_eq(&Scalar::ZERO)) { Ok(one) } else { Err(ProveError::TooWide) }
}

/// A list in parts of even length, one for each processor.
fn in_parts<T: Sync, R: Send>(items: &[T], work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let length = items.len().div_ceil(threads).next_multiple_of(2).max(2);
    std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = items.chunks(length).map(|part| scope.spawn(move || work(part))).collect();
        let ended = running.into_iter().map(|thread| thread.join());
        ended.map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}
