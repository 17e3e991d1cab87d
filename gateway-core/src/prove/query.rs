//! One list of points of a proving key, and the sum that a proof needs over it.
//!
//! ```text
//! numbers of the tariff  public: zeros are left out, and the rest costs what its length costs
//! bits                   pairs of signs
//! short numbers          shifted, 96 bits
//! field elements         255 bits
//! ```

use blstrs::Scalar;
use ff::Field;
use protocol::circuit::{SHORT_BITS, Width};
use zeroize::Zeroizing;

use super::ProveError;
use super::pairs::Pairs;
use super::points::Points;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// A public input.
    Public,
    /// A value of the prover's, of a width that follows from its place in the circuit.
    Private(Width),
}

/// A query of a key: its points by what their columns hold.
pub(super) struct Query<G: Points> {
    public: Part<G::Point>,
    bits: Pairs<G>,
    short: Part<G::Raw>,
    /// What short numbers are shifted by, a number of one bit more for each: the sum is positive and has no zero digits
    /// but by chance, and the chance does not depend on the number.
    shifts: Vec<[u8; 12]>,
    /// Σ shift · point.
    surplus: G,
    full: Part<G::Raw>,
}

/// Points, and which column each belongs to.
struct Part<P> {
    columns: Vec<u32>,
    points: Vec<P>,
}

impl<P> Part<P> {
    fn of<T>(entries: &[(u32, Holds, T)], holds: Holds, point: impl Fn(&T) -> P) -> Self {
        let own = || entries.iter().filter(move |(_, what, _)| *what == holds);
        Self { columns: own().map(|(column, ..)| *column).collect(), points: own().map(|(.., p)| point(p)).collect() }
    }
}

impl<G: Points> Query<G> {
    /// Sorts points by what their columns hold.
    pub(super) fn new(entries: impl Iterator<Item = (usize, Holds, G::Point)>) -> Self {
        let entries: Vec<(u32, Holds, G::Point)> =
            entries.map(|(column, holds, point)| (u32::try_from(column).unwrap_or(u32::MAX), holds, point)).collect();
        let bits = Part::of(&entries, Holds::Private(Width::Bit), |point| *point);
        let short = Part::of(&entries, Holds::Private(Width::Short), G::raw);
        let shifts: Vec<[u8; 12]> = short.columns.iter().map(|column| fixed(*column)).collect();
        Self {
            public: Part::of(&entries, Holds::Public, |point| *point),
            bits: Pairs::new(&bits.columns, &bits.points),
            surplus: G::multiply(&short.points, shifts.as_flattened(), 96),
            short,
            shifts,
            full: Part::of(&entries, Holds::Private(Width::Full), G::raw),
        }
    }

    /// Σ value of column · point.
    pub(super) fn sum(&self, values: &[Scalar]) -> Result<G, ProveError> {
        Ok(self.of_public(values)? + self.bits.sum(values)? + self.of_short(values)? + self.of_full(values)?)
    }

    /// Numbers that everybody knows: a small negative one is the opposite of a small one times the opposite of its point.
    fn of_public(&self, values: &[Scalar]) -> Result<G, ProveError> {
        const LENGTHS: [usize; 3] = [6, 16, 32];
        let mut lists: [(Vec<G::Raw>, Vec<u8>); 3] = Default::default();
        for (column, point) in self.public.columns.iter().zip(&self.public.points) {
            let value = value(column, values)?;
            let (there, back) = (value.to_bytes_le(), (-value).to_bytes_le());
            let length = |bytes: &[u8; 32]| bytes.iter().rposition(|byte| *byte > 0).map_or(0, |place| place + 1);
            let (bytes, point) = if length(&back) < length(&there) { (back, -*point) } else { (there, *point) };
            let length = length(&bytes);
            if length == 0 {
                continue;
            }
            for ((points, scalars), room) in lists.iter_mut().zip(LENGTHS).filter(|(_, room)| length <= *room).take(1) {
                points.push(G::raw(&point));
                scalars.extend_from_slice(bytes.get(..room).unwrap_or_default());
            }
        }
        let sums = lists.iter().zip(LENGTHS).map(|((points, scalars), room)| G::multiply(points, scalars, 8 * room));
        Ok(sums.fold(G::identity(), |sum, part| sum + part))
    }

    fn of_short(&self, values: &[Scalar]) -> Result<G, ProveError> {
        let mut scalars = Zeroizing::new(Vec::with_capacity(12 * self.shifts.len()));
        for (column, shift) in self.short.columns.iter().zip(&self.shifts) {
            scalars.extend_from_slice(&shifted(value(column, values)?, shift)?);
        }
        Ok(G::multiply(&self.short.points, &scalars, 96) - self.surplus)
    }

    fn of_full(&self, values: &[Scalar]) -> Result<G, ProveError> {
        let mut scalars = Zeroizing::new(Vec::with_capacity(32 * self.full.points.len()));
        for column in &self.full.columns {
            scalars.extend_from_slice(&value(column, values)?.to_bytes_le());
        }
        Ok(G::multiply(&self.full.points, &scalars, 255))
    }
}

fn value<'a>(column: &u32, values: &'a [Scalar]) -> Result<&'a Scalar, ProveError> {
    usize::try_from(*column).ok().and_then(|column| values.get(column)).ok_or(ProveError::OtherCircuit)
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

#[cfg(test)]
mod tests {
    use blstrs::{G1Projective, G2Projective};
    use group::prime::PrimeCurveAffine;
    use group::{Curve, Group};
    use rand_core::{OsRng, RngCore};

    use super::*;

    /// Sums of every kind of column against scalar multiplications one by one: lists of every length parity, equal points,
    /// opposite points and zero among them.
    fn sums_are_those_of_single_products<G: Points>() {
        for count in [0, 1, 2, 3, 9, 700] {
            let mut points: Vec<G::Point> = (0..count).map(|_| G::random(OsRng).to_affine()).collect();
            if count > 8 {
                (points[3], points[5], points[6]) = (points[2], -points[4], G::Point::identity());
            }
            let kinds =
                [Holds::Public, Holds::Private(Width::Bit), Holds::Private(Width::Short), Holds::Private(Width::Full)];
            for kind in kinds {
                for extreme in [false, true] {
                    let sign = |x: Scalar| if OsRng.next_u32().is_multiple_of(2) { x } else { -x };
                    let values: Vec<Scalar> = (0..count)
                        .map(|place| match (kind, extreme) {
                            (Holds::Private(Width::Bit), true) => Scalar::ONE,
                            (_, true) if place % 3 == 0 => Scalar::ZERO,
                            (Holds::Private(Width::Bit), false) => Scalar::from(u64::from(OsRng.next_u32() % 2)),
                            (Holds::Private(Width::Short), true) => sign(Scalar::from(1 << 43).square() - Scalar::ONE),
                            (Holds::Private(Width::Short), false) => sign(Scalar::from(OsRng.next_u64())),
                            (Holds::Public, _) if place % 4 < 2 => sign(Scalar::from(OsRng.next_u64() >> (place % 60))),
                            (Holds::Public, true) => sign(Scalar::from(OsRng.next_u64()).square()),
                            (_, true) => -Scalar::ONE,
                            (_, false) => Scalar::random(OsRng),
                        })
                        .collect();
                    let entries = points.iter().enumerate().map(|(column, point)| (column, kind, *point));
                    let sum = Query::<G>::new(entries).sum(&values).unwrap();
                    let single = points.iter().zip(&values).fold(G::identity(), |sum, (p, x)| sum + *p * *x);
                    assert!(sum == single, "{count} of {kind:?}, extreme: {extreme}");
                }
            }
        }
    }

    #[test]
    fn sums_in_g1() {
        sums_are_those_of_single_products::<G1Projective>();
    }

    #[test]
    fn sums_in_g2() {
        sums_are_those_of_single_products::<G2Projective>();
    }

    #[test]
    fn what_is_too_wide_for_its_place_is_refused() {
        let point = G1Projective::generator().to_affine();
        for (width, value) in
            [(Width::Bit, Scalar::from(2)), (Width::Bit, -Scalar::ONE), (Width::Short, Scalar::from(1 << 45).square())]
        {
            let query = Query::<G1Projective>::new([(0, Holds::Private(width), point)].into_iter());
            assert!(matches!(query.sum(&[value]), Err(ProveError::TooWide)), "{width:?} {value:?}");
        }
    }
}
