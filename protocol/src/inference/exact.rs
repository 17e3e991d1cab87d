//! Whether a row is an exact combination of others: arithmetic modulo two primes that nobody can choose rows for.
//!
//! The primes follow from a hash of the rows. With one prime p that is known beforehand, rows (a, …, a, b) and (c, …, c, d)
//! with ad − bc = p depend on each other modulo p, although together they give the slot in which they differ.
//!
//! ```text
//! rows ─► peeled: factors that a place tells by itself ─► sketch of the rest: places fall into buckets at random
//!      ─► factors c ─► Σ cⱼ·rowⱼ = row, checked at every place
//! ```

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::field::{Field, prime};
use super::row::Row;
use super::vector::{CHUNK, Place};

/// Sketches that are tried before a row counts as independent.
const SKETCHES: u64 = 4;

/// Whether `row` is a combination of `known` with rational coefficients. `known` do not depend on each other.
///
/// What is not is taken for one with a chance below ((n + 1)·2⁻⁵⁵)² for n known rows: a minor of so many rows of 48 bits has
/// fewer than n + 1 of the 2⁵⁵ primes as factors. What is may fail to be seen, and is refused then.
pub(super) fn depends(known: &[&Row], row: &Row) -> bool {
    let mut hash = Sha256::new().chain_update(b"wattseal/inference/primes");
    for each in known.iter().copied().chain([row]) {
        hash.update(each.digest());
    }
    let seed: [u8; 32] = hash.finalize().into();
    (0..2).all(|number| depends_modulo(&Field::new(prime(&seed, number)), &seed, known, row))
}

fn depends_modulo(field: &Field, seed: &[u8; 32], known: &[&Row], row: &Row) -> bool {
    let (known, left) = peeled(field, known, row);
    if known.is_empty() {
        return left.is_zero();
    }
    let buckets = 2 * known.len() + 64;
    for attempt in 0..SKETCHES {
        let sketch = |entries: &mut dyn Iterator<Item = (Place, u64)>| sketch(field, seed, attempt, buckets, entries);
        let rows = known.iter().map(|row| sketch(&mut values(field, row)));
        match combination(field, rows, sketch(&mut left.entries())) {
            Combination::Of(factors) => {
                let mut left = left.clone();
                known.iter().zip(&factors).for_each(|(row, factor)| left.take(field, row, *factor));
                if left.is_zero() {
                    return true;
                }
            }
            Combination::No => return false,
            Combination::Unclear => {}
        }
    }
    false
}

/// What is left of a row once every known one is taken away whose factor a place tells by itself, as no other known one is
/// there; and the known ones that are left. Days within a month all go this way.
fn peeled<'r>(field: &Field, known: &[&'r Row], row: &Row) -> (Vec<&'r Row>, Values) {
    let mut left = Values::default();
    left.take(field, row, field.subtract(0, field.one()));
    // How many known ones are at a place, and the exclusive or of their numbers: of the only one, its number.
    let mut at: BTreeMap<Place, (usize, usize)> = BTreeMap::new();
    for (number, row) in known.iter().enumerate() {
        for (place, _) in row.entries() {
            let (count, numbers) = at.entry(place).or_default();
            (*count, *numbers) = (*count + 1, *numbers ^ number);
        }
    }
    let mut alone: Vec<Place> = at.iter().filter(|(_, (count, _))| *count == 1).map(|(place, _)| *place).collect();
    let mut unknown: BTreeMap<usize, &'r Row> = known.iter().copied().enumerate().collect();
    while let Some(place) = alone.pop() {
        let Some((1, number)) = at.get(&place).copied() else { continue };
        let Some(row) = unknown.remove(&number) else { continue };
        let weight = row.entries().find(|(other, _)| *other == place).map_or(0, |(_, weight)| weight);
        let factor = field.multiply(left.at(place), field.inverse(field.signed(weight)));
        left.take(field, row, factor);
        for (place, _) in row.entries() {
            if let Some((count, numbers)) = at.get_mut(&place) {
                (*count, *numbers) = (*count - 1, *numbers ^ number);
                if *count == 1 {
                    alone.push(place);
                }
            }
        }
    }
    (unknown.into_values().collect(), left)
}

fn values<'a>(field: &'a Field, row: &'a Row) -> impl Iterator<Item = (Place, u64)> + 'a {
    row.entries().map(|(place, weight)| (place, field.signed(weight)))
}

/// Numbers of a field at places, kept where they may not be zero.
#[derive(Clone, Default)]
struct Values(BTreeMap<u64, [u64; CHUNK]>);

impl Values {
    /// Takes away a row, so many times.
    fn take(&mut self, field: &Field, row: &Row, factor: u64) {
        if factor == 0 {
            return;
        }
        for (place, weight) in values(field, row) {
            let chunk = self.0.entry(place / CHUNK as u64).or_insert([0; CHUNK]);
            if let Some(value) = chunk.get_mut((place % CHUNK as u64) as usize) {
                *value = field.subtract(*value, field.multiply(factor, weight));
            }
        }
    }

    fn at(&self, place: Place) -> u64 {
        let chunk = self.0.get(&(place / CHUNK as u64));
        chunk.and_then(|chunk| chunk.get((place % CHUNK as u64) as usize)).copied().unwrap_or(0)
    }

    fn entries(&self) -> impl Iterator<Item = (Place, u64)> {
        let of_chunk = |(number, values): (&u64, &[u64; CHUNK])| {
            let first = number * CHUNK as u64;
            (first..).zip(*values).filter(|(_, value)| *value != 0).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of_chunk)
    }

    fn is_zero(&self) -> bool {
        self.0.values().flatten().all(|value| *value == 0)
    }
}

/// Each bucket the sum of the values that fall into it, each multiplied at random.
fn sketch(
    field: &Field,
    seed: &[u8; 32],
    attempt: u64,
    buckets: usize,
    entries: &mut dyn Iterator<Item = (Place, u64)>,
) -> Vec<u64> {
    let mut sums = vec![0; buckets];
    for (place, value) in entries {
        let random = mix(seed, attempt, place);
        let bucket = usize::try_from(random[0] % buckets as u64).unwrap_or(0);
        if let Some(sum) = sums.get_mut(bucket) {
            *sum = field.add(*sum, field.multiply(field.number(random[1]), value));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(first: u64, weights: Vec<i64>) -> Row {
        Row { first, weights, excess: vec![(first, 3)] }
    }

    proptest! {
        /// Combinations of rows that overlap depend on them, and one more anywhere does not.
        #[test]
        fn combinations_depend_and_others_do_not(
            rows in proptest::collection::vec((0u64..40, proptest::collection::vec(-1000i64..1000, 1..60)), 1..12),
            factors in proptest::collection::vec(-50i64..50, 12),
            place in 0usize..100,
        ) {
            let mut known: Vec<Row> = Vec::new();
            for (first, weights) in rows {
                let next = row(first, weights);
                if !depends(&known.iter().collect::<Vec<_>>(), &next) {
                    known.push(next);
                }
            }
            let mut sum = Row { first: 0, weights: vec![0; 100], excess: Vec::new() };
            let mut excess: BTreeMap<u64, i64> = BTreeMap::new();
            for (row, factor) in known.iter().zip(&factors) {
                for (place, weight) in row.entries() {
                    match usize::try_from(place).ok().and_then(|place| sum.weights.get_mut(place)) {
                        Some(to) => *to += factor * weight,
                        None => *excess.entry(place & !(1 << 63)).or_default() += factor * weight,
                    }
                }
            }
            sum.excess = excess.into_iter().collect();
            let all: Vec<&Row> = known.iter().collect();
            prop_assert!(depends(&all, &sum));
            let single = Row { first: place as u64, weights: vec![1], excess: Vec::new() };
            if !depends(&all, &single) {
                sum.weights[place] += 1;
                prop_assert!(!depends(&all, &sum));
            }
        }
    }
}
