//! Sums over points that stay the same from proof to proof: multiples of each are kept, signed windows of eight bits, and
//! all windows of one height are added at once with shared inversions.
//!
//! Straus' method with the digits of Brickell, Gordon, McCurley and Wilson (EUROCRYPT '92). The numbers are public.

use blst::{MultiPoint, blst_p1_affine};
use blstrs::{G1Affine, G1Projective, Scalar};
use group::{Curve, Group};

/// Bits of a window.
const BITS: usize = 8;
/// Multiples kept of each point: 1 to this.
const MULTIPLES: usize = 1 << (BITS - 1);
/// Windows of a scalar: 255 bits, and what is carried beyond.
const WINDOWS: usize = 255_usize.div_ceil(BITS) + 1;

/// Multiples of points, 12 kB for each.
#[derive(Clone)]
pub(super) struct Windows(Vec<G1Affine>);

impl Windows {
    /// Works out the multiples.
    pub(super) fn of(points: &[G1Affine]) -> Self {
        let mut multiples = Vec::with_capacity(MULTIPLES * points.len());
        for point in points {
            let mut multiple = G1Projective::identity();
            for _ in 0..MULTIPLES {
                multiple += point;
                multiples.push(multiple);
            }
        }
        let mut affine = vec![G1Affine::default(); multiples.len()];
        G1Projective::batch_normalize(&multiples, &mut affine);
        Self(affine)
    }

    /// Σ scalar · point; scalars beyond the points count nothing.
    pub(super) fn sum(&self, scalars: &[Scalar]) -> G1Projective {
        let rows: Vec<_> = scalars.iter().map(digits).zip(self.0.chunks_exact(MULTIPLES)).collect();
        let mut sum = G1Projective::identity();
        let mut height: Vec<blst_p1_affine> = Vec::with_capacity(rows.len());
        for window in (0..WINDOWS).rev() {
            for _ in 0..BITS {
                sum = sum.double();
            }
            height.clear();
            for (digits, multiples) in &rows {
                let digit = digits.get(window).copied().unwrap_or_default();
                let Some(place) = usize::from(digit.unsigned_abs()).checked_sub(1) else { continue };
                let Some(point) = multiples.get(place) else { continue };
                height.push(*(if digit < 0 { -*point } else { *point }).as_ref());
            }
            if !height.is_empty() {
                let mut part = G1Projective::identity();
                *part.as_mut() = height.as_slice().add();
                sum += part;
            }
        }
        sum
    }
}

/// Digits from −127 to 128, the lowest first.
fn digits(scalar: &Scalar) -> [i16; WINDOWS] {
    let mut digits = [0; WINDOWS];
    let mut carry = 0;
    let bytes = scalar.to_bytes_le();
    for (digit, byte) in digits.iter_mut().zip(bytes.iter().chain([&0])) {
        let value = i16::from(*byte) + carry;
        carry = i16::from(value > 128);
        *digit = value - 256 * carry;
    }
    digits
}

#[cfg(test)]
mod tests {
    use ff::Field;
    use rand_core::OsRng;

    use super::*;

    #[test]
    fn sums_are_those_of_single_products() {
        for count in [0, 1, 2, 40] {
            let mut points: Vec<G1Affine> = (0..count).map(|_| G1Projective::random(OsRng).to_affine()).collect();
            if count > 2 {
                (points[3], points[5], points[6]) = (points[2], -points[4], G1Affine::default());
            }
            let windows = Windows::of(&points);
            let edges = [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, Scalar::from(128), Scalar::from(129)];
            let edges = edges.into_iter().chain([Scalar::from(0x80_80_80_80_81), Scalar::from(u64::MAX)]);
            let lists = edges.map(|edge| vec![edge; count]);
            for scalars in lists.chain([(0..count).map(|_| Scalar::random(OsRng)).collect()]) {
                let single = points.iter().zip(&scalars).map(|(point, scalar)| point * scalar).sum();
                assert_eq!(windows.sum(&scalars), single, "{count}");
            }
        }
    }
}
