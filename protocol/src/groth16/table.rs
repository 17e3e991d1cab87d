//! Multiples of a fixed point, many of them.

use blstrs::Scalar;
use group::prime::PrimeCurveAffine;
use group::{Curve, Group};

use super::points::{Progress, affine, parallel};

/// Multiples of a point: list w holds 0…2^window − 1 times 2^(window·w) times it.
pub(super) struct Table<G: Curve> {
    window: usize,
    lists: Vec<Vec<G::AffineRepr>>,
}

impl<G> Table<G>
where
    G: Curve + Group<Scalar = Scalar> + Send + Sync,
    G::AffineRepr: Copy + Send + Sync + PrimeCurveAffine<Curve = G>,
{
    /// A table for about so many multiples.
    pub(super) fn new(generator: G, count: usize) -> Self {
        let window = usize::try_from(count.max(1).ilog2()).unwrap_or(0).clamp(4, 12);
        let mut base = generator;
        let windows = (0..255usize.div_ceil(window)).map(|_| {
            let mut multiple = G::identity();
            let mut list = Vec::with_capacity(1 << window);
            for _ in 0..1usize << window {
                list.push(multiple);
                multiple += base;
            }
            base = multiple;
            affine(&list)
        });
        Self { window, lists: windows.collect() }
    }

    /// scalar · generator for each scalar, on all processors.
    pub(super) fn all(&self, scalars: &[Scalar], progress: &Progress<'_>) -> Vec<G::AffineRepr> {
        affine(&parallel(scalars, progress, |scalar| self.multiply(scalar)))
    }

    fn multiply(&self, scalar: &Scalar) -> G {
        let bytes = scalar.to_bytes_le();
        let bit = |place: usize| bytes.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1);
        let mut sum = G::identity();
        for (place, list) in self.lists.iter().enumerate() {
            let first = place * self.window;
            let digit = (0..self.window).filter(|place| bit(first + place)).map(|place| 1 << place).sum::<usize>();
            if let Some(point) = list.get(digit).filter(|_| digit > 0) {
                sum += *point;
            }
        }
        sum
    }
}
