//! One list of points of a proving key, and the sum that a proof needs over it.

use blst::{MultiPoint, blst_p1_affine, blst_p2_affine};
use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use ff::Field;
use protocol::circuit::{SHORT_BITS, Width};

use super::ProveError;

/// A group whose points blst adds up.
pub(super) trait Points: Sized {
    type Affine: Clone;
    fn affine(point: &Self::Affine) -> Self::Raw;
    type Raw;
    fn multiply(points: &[Self::Raw], scalars: &[u8], bits: usize) -> Self;
    fn plus(self, other: &Self) -> Self;
    fn minus(self, other: &Self) -> Self;
    fn zero() -> Self;
}

impl Points for G1Projective {
    type Affine = G1Affine;
    type Raw = blst_p1_affine;

    fn affine(point: &G1Affine) -> blst_p1_affine {
        *point.as_ref()
    }

    fn multiply(points: &[blst_p1_affine], scalars: &[u8], bits: usize) -> Self {
        let mut sum = <Self as group::Group>::identity();
        if !points.is_empty() {
            *sum.as_mut() = points.mult(scalars, bits);
        }
        sum
    }

    fn plus(self, other: &Self) -> Self {
        self + other
    }

    fn minus(self, other: &Self) -> Self {
        self - other
    }

    fn zero() -> Self {
        <Self as group::Group>::identity()
    }
}

impl Points for G2Projective {
    type Affine = G2Affine;
    type Raw = blst_p2_affine;

    fn affine(point: &G2Affine) -> blst_p2_affine {
        *point.as_ref()
    }

    fn multiply(points: &[blst_p2_affine], scalars: &[u8], bits: usize) -> Self {
        let mut sum = <Self as group::Group>::identity();
        if !points.is_empty() {
            *sum.as_mut() = points.mult(scalars, bits);
        }
        sum
    }

    fn plus(self, other: &Self) -> Self {
        self + other
    }

    fn minus(self, other: &Self) -> Self {
        self - other
    }

    fn zero() -> Self {
        <Self as group::Group>::identity()
    }
}

/// Points of one width, and which column each belongs to.
struct Part<G: Points> {
    columns: Vec<u32>,
    points: Vec<G::Raw>,
    /// Bits of a shifted scalar.
    bits: usize,
    /// What scalars are shifted by, by column in order; short and bits only.
    shift: Shift,
    /// Σ shift · point.
    surplus: G,
}

/// How the scalars of a part are shifted, so that the digits of a sum do not follow the values.
enum Shift {
    /// Full scalars are as random as they come.
    None,
    /// A bit becomes 1 or 2.
    One,
    /// A short number has a fixed random number of one bit more added to it: it is positive and has no zero digits but by
    /// chance, and the chance does not depend on it.
    Fixed(Vec<[u8; 12]>),
}

/// A query of a key: its points by the widths of their columns.
pub(super) struct Query<G: Points> {
    parts: Vec<Part<G>>,
}

impl<G: Points> Query<G> {
    /// Sorts points by the widths of their columns.
    pub fn new(entries: impl Iterator<Item = (usize, Width, G::Affine)>) -> Self {
        let mut lists: [(Vec<u32>, Vec<G::Raw>); 3] = Default::default();
        for (column, width, point) in entries {
            let list = match width {
                Width::Bit => &mut lists[0],
                Width::Short => &mut lists[1],
                Width::Full => &mut lists[2],
            };
            list.0.push(u32::try_from(column).unwrap_or(u32::MAX));
            list.1.push(G::affine(&point));
        }
        let [bits, short, full] = lists;
        let mut parts = Vec::with_capacity(3);
        for ((columns, points), width, kind) in [(bits, 2, 0), (short, 96, 1), (full, 255, 2)] {
            let shift = match kind {
                0 => Shift::One,
                1 => Shift::Fixed(columns.iter().map(|column| fixed(*column)).collect()),
                _ => Shift::None,
            };
            let mut part = Part { columns, points, bits: width, shift, surplus: G::zero() };
            part.surplus = part.of_shift();
            parts.push(part);
        }
        Self { parts }
    }

    /// Σ value of column · point.
    pub fn sum(&self, values: &[Scalar]) -> Result<G, ProveError> {
        self.parts.iter().try_fold(G::zero(), |sum, part| Ok(sum.plus(&part.sum(values)?)))
    }
}

/// A number of 88 bits with the highest set, the same for a column every time.
fn fixed(column: u32) -> [u8; 12] {
    use sha2::{Digest, Sha256};
    let hash = Sha256::new().chain_update(b"wattseal/prover/shift").chain_update(column.to_le_bytes()).finalize();
    let mut number = [0; 12];
    number[..11].copy_from_slice(&hash[..11]);
    number[10] |= 0x80;
    number
}

impl<G: Points> Part<G> {
    /// Σ shift · point.
    fn of_shift(&self) -> G {
        match &self.shift {
            Shift::None => G::zero(),
            Shift::One => G::multiply(&self.points, &vec![1; self.points.len()], 2),
            Shift::Fixed(list) => G::multiply(&self.points, list.as_flattened(), 96),
        }
    }

    fn sum(&self, values: &[Scalar]) -> Result<G, ProveError> {
        let value = |column: &u32| {
            usize::try_from(*column).ok().and_then(|column| values.get(column)).ok_or(ProveError::OtherCircuit)
        };
        let mut scalars = zeroize::Zeroizing::new(Vec::with_capacity(self.points.len() * self.bits.div_ceil(8)));
        match &self.shift {
            Shift::None => {
                for column in &self.columns {
                    scalars.extend_from_slice(&value(column)?.to_bytes_le());
                }
            }
            Shift::One => {
                for column in &self.columns {
                    let value = value(column)?;
                    let one = u8::from(*value == Scalar::ONE);
                    if one == 0 && *value != Scalar::ZERO {
                        return Err(ProveError::TooWide);
                    }
                    scalars.push(1 + one);
                }
            }
            Shift::Fixed(list) => {
                for (column, shift) in self.columns.iter().zip(list) {
                    scalars.extend_from_slice(&shifted(value(column)?, shift)?);
                }
            }
        }
        Ok(G::multiply(&self.points, &scalars, self.bits).minus(&self.surplus))
    }
}

/// value + shift for |value| < 2^(SHORT_BITS − 1), as twelve bytes.
fn shifted(value: &Scalar, shift: &[u8; 12]) -> Result<[u8; 12], ProveError> {
    let mut wide = [0; 32];
    wide[..12].copy_from_slice(shift);
    let shift: Option<Scalar> = Scalar::from_bytes_le(&wide).into();
    let sum = (shift.unwrap_or(Scalar::ZERO) + value).to_bytes_le();
    let (low, high) = sum.split_at(12);
    let fits = high.iter().all(|byte| *byte == 0) && low.get(11).is_some_and(|byte| *byte <= 1);
    let low: Option<[u8; 12]> = low.try_into().ok();
    debug_assert_eq!(SHORT_BITS, 87, "the shift has one bit more");
    low.filter(|_| fits).ok_or(ProveError::TooWide)
}
