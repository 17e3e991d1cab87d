//! Vectors over slots, kept where they are not zero.

use std::cmp::Ordering;

/// Places that lie together.
pub(super) const CHUNK: usize = 64;

/// A slot, or what exceeded a cut value of it; see [`super::Row`].
pub(super) type Place = u64;

/// Marks a place that stands for an excess: slots count below it.
pub(super) const EXCESS: Place = 1 << 63;

/// A sparse vector: runs of 64 places, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Vector(Vec<(u64, [f64; CHUNK])>);

impl Vector {
    /// From entries in order of their places.
    pub(super) fn new(entries: impl Iterator<Item = (Place, f64)>) -> Self {
        let mut chunks: Vec<(u64, [f64; CHUNK])> = Vec::new();
        for (place, value) in entries.filter(|(_, value)| *value != 0.0) {
            let (number, within) = split(place);
            if chunks.last().is_none_or(|(last, _)| *last != number) {
                chunks.push((number, [0.0; CHUNK]));
            }
            if let Some(slot) = chunks.last_mut().and_then(|(_, values)| values.get_mut(within)) {
                *slot = value;
            }
        }
        Self(chunks)
    }

    /// Entries that are not zero, in order of their places.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Place, f64)> {
        self.0.iter().flat_map(|(number, values)| {
            let first = number * CHUNK as u64;
            values.iter().enumerate().map(move |(within, value)| (first + within as u64, *value))
        })
    }

    /// Σ aᵢ·bᵢ.
    pub(super) fn dot(&self, other: &Self) -> f64 {
        let (mut here, mut there) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut sum = 0.0;
        while let (Some((a, left)), Some((b, right))) = (here.peek(), there.peek()) {
            match a.cmp(b) {
                Ordering::Less => _ = here.next(),
                Ordering::Greater => _ = there.next(),
                Ordering::Equal => {
                    sum += dot(left, right);
                    (_, _) = (here.next(), there.next());
                }
            }
        }
        sum
    }

    /// √Σ aᵢ².
    pub(super) fn length(&self) -> f64 {
        self.dot(self).sqrt()
    }

    /// Adds `factor · other`.
    pub(super) fn add(&mut self, factor: f64, other: &Self) {
        let mut grown = Vec::new();
        let mut at = 0;
        for (number, values) in &other.0 {
            while self.0.get(at).is_some_and(|(here, _)| here < number) {
                at += 1;
            }
            match self.0.get_mut(at).filter(|(here, _)| here == number) {
                Some((_, here)) => here.iter_mut().zip(values).for_each(|(a, b)| *a += factor * b),
                None => grown.push((*number, values.map(|b| factor * b))),
            }
        }
        if !grown.is_empty() {
            self.0.append(&mut grown);
            self.0.sort_unstable_by_key(|(number, _)| *number);
        }
    }

    /// Multiplies every value.
    pub(super) fn scale(&mut self, factor: f64) {
        self.0.iter_mut().for_each(|(_, values)| values.iter_mut().for_each(|value| *value *= factor));
    }

    /// Replaces every value by its square.
    pub(super) fn squared(&self) -> Self {
        Self(self.0.iter().map(|(number, values)| (*number, values.map(|value| value * value))).collect())
    }

    /// The sum of two at the places of the first.
    pub(super) fn plus_at_own(&self, other: &Self) -> impl Iterator<Item = (Place, f64)> {
        self.entries().filter(|(_, value)| *value != 0.0).map(|(place, value)| (place, value + other.at(place)))
    }

    fn at(&self, place: Place) -> f64 {
        let (number, within) = split(place);
        let found = self.0.binary_search_by_key(&number, |(here, _)| *here).ok();
        found.and_then(|at| self.0.get(at)?.1.get(within).copied()).unwrap_or(0.0)
    }
}

fn split(place: Place) -> (u64, usize) {
    (place / CHUNK as u64, (place % CHUNK as u64) as usize)
}

/// In eight sums, so that the processor can take them side by side.
fn dot(a: &[f64; CHUNK], b: &[f64; CHUNK]) -> f64 {
    let mut sums = [0.0; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}
