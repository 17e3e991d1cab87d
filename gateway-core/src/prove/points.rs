//! The two groups, for sums: blst's buckets for scalars, blst's sums by shared inversions for plain points.

use blst::{MultiPoint, blst_p1_affine, blst_p2_affine};
use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use group::Curve;
use group::prime::PrimeCurveAffine;
use subtle::ConditionallySelectable;

/// A group whose points are summed.
pub(super) trait Points:
    Curve<AffineRepr = Self::Point> + group::Group<Scalar = Scalar> + Send + Sync + Sized
{
    /// A point of a key.
    type Point: PrimeCurveAffine<Curve = Self, Scalar = Scalar> + ConditionallySelectable + Send + Sync;
    /// As blst has it.
    type Raw: Copy + Default + Send + Sync;

    fn raw(point: &Self::Point) -> Self::Raw;
    /// Σ scalar · point; scalars are little-endian, of so many bits.
    fn multiply(points: &[Self::Raw], scalars: &[u8], bits: usize) -> Self;
    /// Σ point.
    fn plain(points: &[Self::Raw]) -> Self;
}

impl Points for G1Projective {
    type Point = G1Affine;
    type Raw = blst_p1_affine;

    fn raw(point: &G1Affine) -> blst_p1_affine {
        *point.as_ref()
    }

    fn multiply(points: &[blst_p1_affine], scalars: &[u8], bits: usize) -> Self {
        let mut sum = <Self as group::Group>::identity();
        if !points.is_empty() {
            *sum.as_mut() = points.mult(scalars, bits);
        }
        sum
    }

    fn plain(points: &[blst_p1_affine]) -> Self {
        let mut sum = <Self as group::Group>::identity();
        if !points.is_empty() {
            *sum.as_mut() = MultiPoint::add(points);
        }
        sum
    }
}

impl Points for G2Projective {
    type Point = G2Affine;
    type Raw = blst_p2_affine;

    fn raw(point: &G2Affine) -> blst_p2_affine {
        *point.as_ref()
    }

    fn multiply(points: &[blst_p2_affine], scalars: &[u8], bits: usize) -> Self {
        let mut sum = <Self as group::Group>::identity();
        if !points.is_empty() {
            *sum.as_mut() = points.mult(scalars, bits);
        }
        sum
    }

    fn plain(points: &[blst_p2_affine]) -> Self {
        let mut sum = <Self as group::Group>::identity();
        if !points.is_empty() {
            *sum.as_mut() = MultiPoint::add(points);
        }
        sum
    }
}
