//! Lists of points of either group: sums with public factors, same-ratio checks, and work on all processors.

use std::sync::atomic::{AtomicUsize, Ordering};

use blst::{MultiPoint, blst_p1_affine, blst_p2_affine};
use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use ff::Field;
use group::prime::PrimeCurveAffine;
use group::{Curve, Group};
use rand_core::RngCore;
use zeroize::{DefaultIsZeroes, Zeroizing};

use super::product::is_one;

/// A scalar that somebody must forget: wiped when it goes out of scope.
pub(super) type Secret = Zeroizing<Drawn>;

/// What a [`Secret`] holds.
#[derive(Clone, Copy, Default)]
pub(super) struct Drawn(pub(super) Scalar);

impl DefaultIsZeroes for Drawn {}

/// Draws a secret that is not zero.
pub(super) fn draw(rng: &mut impl RngCore) -> Secret {
    loop {
        let secret = Zeroizing::new(Drawn(Scalar::random(&mut *rng)));
        if !bool::from(secret.0.is_zero()) {
            return secret;
        }
    }
}

/// Whom to tell how much of the work is done.
pub(super) struct Progress<'a> {
    done: AtomicUsize,
    total: usize,
    watch: &'a (dyn Fn(usize, usize) + Sync),
}

impl<'a> Progress<'a> {
    pub(super) fn new(total: usize, watch: &'a (dyn Fn(usize, usize) + Sync)) -> Self {
        Self { done: AtomicUsize::new(0), total, watch }
    }

    pub(super) fn note(&self, more: usize) {
        let before = self.done.fetch_add(more, Ordering::Relaxed);
        (self.watch)(before + more, self.total);
    }
}

/// A point of G1 or G2.
pub(super) trait Point: PrimeCurveAffine<Scalar = Scalar> + Send + Sync {
    /// Σ scalar · point over points that are not zero, by blst's buckets. Scalars are little-endian.
    fn buckets(points: &[Self], scalars: &[u8], bits: usize) -> Self::Curve;

    /// Whether it is on the curve and in the group of prime order.
    fn in_group(&self) -> bool;
}

impl Point for G1Affine {
    fn buckets(points: &[Self], scalars: &[u8], bits: usize) -> G1Projective {
        let points: Vec<blst_p1_affine> = points.iter().map(|point| *point.as_ref()).collect();
        let mut sum = G1Projective::identity();
        *sum.as_mut() = points.as_slice().mult(scalars, bits);
        sum
    }

    fn in_group(&self) -> bool {
        bool::from(self.is_identity() | (self.is_on_curve() & self.is_torsion_free()))
    }
}

impl Point for G2Affine {
    fn buckets(points: &[Self], scalars: &[u8], bits: usize) -> G2Projective {
        let points: Vec<blst_p2_affine> = points.iter().map(|point| *point.as_ref()).collect();
        let mut sum = G2Projective::identity();
        *sum.as_mut() = points.as_slice().mult(scalars, bits);
        sum
    }

    fn in_group(&self) -> bool {
        bool::from(self.is_identity() | (self.is_on_curve() & self.is_torsion_free()))
    }
}

/// Σ scalar · point, public numbers. Points without a scalar are left out.
pub(super) fn sum<P: Point>(points: &[P], scalars: &[Scalar]) -> P::Curve {
    bucket_sum(points.iter().zip(scalars.iter().map(Scalar::to_bytes_le)), 255)
}

/// Random numbers of 128 bits.
pub(super) struct Factors(Vec<[u8; 16]>);

impl Factors {
    pub(super) fn draw(count: usize, rng: &mut impl RngCore) -> Self {
        Self(
            std::iter::repeat_with(|| {
                let mut factor = [0; 16];
                rng.fill_bytes(&mut factor);
                factor
            })
            .take(count)
            .collect(),
        )
    }

    /// As field elements.
    pub(super) fn scalars(&self) -> impl Iterator<Item = Scalar> {
        self.0.iter().map(|factor| {
            let (low, high) = factor.split_at(8);
            let word = |half: &[u8]| half.iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
            Option::from(Scalar::from_u64s_le(&[word(low), word(high), 0, 0])).unwrap_or(Scalar::ZERO)
        })
    }

    /// Σ factor · point.
    pub(super) fn combine<P: Point>(&self, points: &[P]) -> P::Curve {
        bucket_sum(points.iter().zip(self.0.iter().copied()), 128)
    }
}

/// Zero points are taken out: they add nothing, and blst's tables want none.
fn bucket_sum<'a, P: Point, const N: usize>(terms: impl Iterator<Item = (&'a P, [u8; N])>, bits: usize) -> P::Curve {
    let (points, scalars): (Vec<P>, Vec<[u8; N]>) =
        terms.filter(|(point, _)| !bool::from(point.is_identity())).map(|(point, scalar)| (*point, scalar)).unzip();
    if points.is_empty() { P::Curve::identity() } else { P::buckets(&points, scalars.as_flattened(), bits) }
}

/// Whether second : first is the same in both groups: e(a₀, b₁) = e(a₁, b₀). Zero fits to everything: callers refuse it.
pub(super) fn same_ratio(a: [G1Projective; 2], b: [G2Projective; 2]) -> bool {
    let [a0, a1] = a.map(|point| point.to_affine());
    let [b0, b1] = b.map(|point| point.to_affine());
    is_one(&[(a0, b1), (-a1, b0)])
}

/// Does something to each item on all processors, in order.
pub(super) fn parallel<T: Sync, R: Send>(
    items: &[T],
    progress: &Progress<'_>,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    const PART: usize = 256;
    let parts: Vec<&[T]> = items.chunks(PART).collect();
    let next = AtomicUsize::new(0);
    let mut done: Vec<(usize, Vec<R>)> = std::thread::scope(|scope| {
        let run = || {
            let mut own = Vec::new();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(part) = parts.get(place) else { return own };
                own.push((place, part.iter().map(&work).collect::<Vec<R>>()));
                progress.note(part.len());
            }
        };
        let running: Vec<_> = (0..threads().min(parts.len())).map(|_| scope.spawn(run)).collect();
        running
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().flat_map(|(_, part)| part).collect()
}

/// Processors.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Points in affine form, by one inversion for each part.
pub(super) fn affine<G: Curve>(points: &[G]) -> Vec<G::AffineRepr>
where
    G::AffineRepr: PrimeCurveAffine<Curve = G>,
{
    let mut list = vec![G::AffineRepr::identity(); points.len()];
    G::batch_normalize(points, &mut list);
    list
}

/// scalar · point for each of a list.
pub(super) fn scale<P: Point>(points: &[P], scalar: &Scalar, progress: &Progress<'_>) -> Vec<P> {
    let points: Vec<P::Curve> = parallel(points, progress, |point| *point * *scalar);
    let mut list = vec![P::identity(); points.len()];
    P::Curve::batch_normalize(&points, &mut list);
    list
}
