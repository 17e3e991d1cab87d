//! Whether a row is an exact combination of others: arithmetic modulo two primes that nobody can choose rows for.
//!
//! The primes follow from a hash of the rows. With one prime p that is known beforehand, rows (a, …, a, b) and (c, …, c, d)
//! with ad − bc = p depend on each other modulo p, although together they give the slot in which they differ.
//!
//! ```text
//! rows ─► sketch: places fall into buckets at random ─► coefficients c ─► Σ cⱼ·rowⱼ = row, checked at every place
//! ```

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::row::Row;
use super::vector::{CHUNK, Place};

/// Sketches that are tried before a row counts as independent.
const SKETCHES: u64 = 4;

/// Whether `row` is a combination of `known` with rational coefficients. `known` do not depend on each other.
///
/// What is not is never taken for one but by a chance of less than 2⁻¹⁰⁰; what is may fail to be seen by a chance as small.
pub(super) fn depends(known: &[&Row], row: &Row) -> bool {
    let mut hash = Sha256::new().chain_update(b"wattseal/inference/primes");
    for each in known.iter().copied().chain([row]) {
        hash.update(each.digest());
    }
    let seed: [u8; 32] = hash.finalize().into();
    (0..2).all(|number| depends_modulo(&Field::new(prime(&seed, number)), &seed, known, row))
}

fn depends_modulo(field: &Field, seed: &[u8; 32], known: &[&Row], row: &Row) -> bool {
    let buckets = 2 * known.len() + 64;
    for attempt in 0..SKETCHES {
        let sketch = |row: &Row| sketch(field, seed, attempt, buckets, row);
        match combination(field, known.iter().map(|row| sketch(row)), sketch(row)) {
            Combination::Of(factors) => {
                if holds(field, known, &factors, row) {
                    return true;
                }
            }
            Combination::No => return false,
            Combination::Unclear => {}
        }
    }
    false
}

/// Each bucket the sum of the weights that fall into it, each multiplied at random.
fn sketch(field: &Field, seed: &[u8; 32], attempt: u64, buckets: usize, row: &Row) -> Vec<u64> {
    let mut sums = vec![0; buckets];
    for (place, weight) in row.entries() {
        let random = mix(seed, attempt, place);
        let bucket = usize::try_from(random[0] % buckets as u64).unwrap_or(0);
        if let Some(sum) = sums.get_mut(bucket) {
            *sum = field.add(*sum, field.multiply(field.number(random[1]), field.signed(weight)));
        }
    }
    sums
}

fn mix(seed: &[u8; 32], attempt: u64, place: Place) -> [u64; 2] {
    let word = |at: usize| {
        let bytes = seed.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
        u64::from_le_bytes(bytes)
    };
    // SplitMix64 of two places of the seed: rows are hashed before it is known.
    let round = |state: u64| {
        let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^ (state >> 31)
    };
    let place = place.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [round(round(word(0) ^ attempt) ^ place), round(round(word(8) ^ attempt) ^ place)]
}

enum Combination {
    /// With these factors, as far as the sketch shows.
    Of(Vec<u64>),
    /// It is none.
    No,
    /// The sketch lost what makes the known ones independent.
    Unclear,
}

/// The factors with which the known make the wanted: elimination, with an account of what was added to what.
fn combination(field: &Field, known: impl Iterator<Item = Vec<u64>>, wanted: Vec<u64>) -> Combination {
    let mut reduced: Vec<(usize, Vec<u64>, Vec<u64>)> = Vec::new();
    for (number, row) in known.enumerate() {
        let (mut rest, mut account) = (row, vec![0; number + 1]);
        if let Some(own) = account.last_mut() {
            *own = field.one();
        }
        reduce(field, &reduced, &mut rest, &mut account);
        let Some(pivot) = rest.iter().position(|value| *value != 0) else { return Combination::Unclear };
        let inverse = field.inverse(rest.get(pivot).copied().unwrap_or_default());
        for value in rest.iter_mut().chain(&mut account) {
            *value = field.multiply(*value, inverse);
        }
        reduced.push((pivot, rest, account));
    }
    let (mut rest, mut account) = (wanted, vec![0; reduced.len()]);
    reduce(field, &reduced, &mut rest, &mut account);
    if rest.iter().any(|value| *value != 0) {
        return Combination::No;
    }
    // What was taken away to reach zero.
    Combination::Of(account.iter().map(|value| field.subtract(0, *value)).collect())
}

fn reduce(field: &Field, reduced: &[(usize, Vec<u64>, Vec<u64>)], rest: &mut [u64], account: &mut [u64]) {
    for (pivot, row, of) in reduced {
        let factor = rest.get(*pivot).copied().unwrap_or_default();
        if factor == 0 {
            continue;
        }
        for (to, from) in rest.iter_mut().zip(row).chain(account.iter_mut().zip(of)) {
            *to = field.subtract(*to, field.multiply(factor, *from));
        }
    }
}

/// Whether Σ factor · known is the row, at every place.
fn holds(field: &Field, known: &[&Row], factors: &[u64], row: &Row) -> bool {
    let mut left: BTreeMap<Place, [u64; CHUNK]> = BTreeMap::new();
    let mut take = |row: &Row, factor: u64| {
        for (place, weight) in row.entries() {
            let chunk = left.entry(place / CHUNK as u64).or_insert([0; CHUNK]);
            if let Some(value) = chunk.get_mut((place % CHUNK as u64) as usize) {
                *value = field.subtract(*value, field.multiply(factor, field.signed(weight)));
            }
        }
    };
    take(row, field.subtract(0, field.one()));
    known.iter().zip(factors).filter(|(_, factor)| **factor != 0).for_each(|(row, factor)| take(row, *factor));
    left.values().flatten().all(|value| *value == 0)
}

/// Arithmetic modulo an odd number below 2⁶², in Montgomery's form (Math. Comp. 44, 1985).
struct Field {
    modulus: u64,
    /// −modulus⁻¹ mod 2⁶⁴.
    minus_inverse: u64,
    /// 2¹²⁸ mod modulus.
    square: u64,
}

impl Field {
    fn new(modulus: u64) -> Self {
        // Newton's iteration doubles the correct bits.
        let inverse = (0..6).fold(modulus, |x, _| x.wrapping_mul(2u64.wrapping_sub(modulus.wrapping_mul(x))));
        let square = (u128::MAX % u128::from(modulus) + 1) % u128::from(modulus);
        Self { modulus, minus_inverse: inverse.wrapping_neg(), square: u64::try_from(square).unwrap_or(0) }
    }

    fn multiply(&self, a: u64, b: u64) -> u64 {
        let product = u128::from(a) * u128::from(b);
        let factor = (product as u64).wrapping_mul(self.minus_inverse);
        let sum = (product + u128::from(factor) * u128::from(self.modulus)) >> 64;
        self.below(sum as u64)
    }

    fn below(&self, value: u64) -> u64 {
        if value >= self.modulus { value - self.modulus } else { value }
    }

    fn add(&self, a: u64, b: u64) -> u64 {
        self.below(a + b)
    }

    fn subtract(&self, a: u64, b: u64) -> u64 {
        self.below(a + (self.modulus - b))
    }

    fn number(&self, value: u64) -> u64 {
        self.multiply(value % self.modulus, self.square)
    }

    fn signed(&self, value: i64) -> u64 {
        let magnitude = self.number(value.unsigned_abs());
        if value < 0 { self.subtract(0, magnitude) } else { magnitude }
    }

    fn one(&self) -> u64 {
        self.number(1)
    }

    fn power(&self, base: u64, exponent: u64) -> u64 {
        (0..64).rev().fold(self.one(), |power, bit| {
            let square = self.multiply(power, power);
            if exponent >> bit & 1 == 1 { self.multiply(square, base) } else { square }
        })
    }

    fn inverse(&self, value: u64) -> u64 {
        self.power(value, self.modulus - 2)
    }
}

/// A prime between 2⁶¹ and 2⁶² that follows from the seed.
fn prime(seed: &[u8; 32], number: u8) -> u64 {
    let hash = Sha256::new().chain_update(seed).chain_update([number]).finalize();
    let bytes = hash.first_chunk::<8>().copied().unwrap_or_default();
    let mut candidate = u64::from_le_bytes(bytes) >> 2 | 1 << 61 | 1;
    while !is_prime(candidate) {
        // The gap between primes of this size is below 2000.
        candidate = if candidate >= (1 << 62) - 3 { (1 << 61) + 1 } else { candidate + 2 };
    }
    candidate
}

/// Miller and Rabin's test; with the first twelve primes it is exact below 2⁶⁴ (Sorenson and Webster, Math. Comp. 86, 2017).
fn is_prime(candidate: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if BASES.iter().any(|base| candidate.is_multiple_of(*base)) {
        return BASES.contains(&candidate);
    }
    let field = Field::new(candidate);
    let (one, minus_one) = (field.one(), field.subtract(0, field.one()));
    let twos = (candidate - 1).trailing_zeros();
    let odd = (candidate - 1) >> twos;
    BASES.iter().all(|base| {
        let mut power = field.power(field.number(*base), odd);
        if power == one || power == minus_one {
            return true;
        }
        (1..twos).any(|_| {
            power = field.multiply(power, power);
            power == minus_one
        })
    })
}
