//! The weights with which a release sees a register's slots.

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::vector::{EXCESS, Place, Vector};
use crate::bill::Weights;
use crate::time::Span;

/// What everybody can see of a register's slots around a period: intervals, statuses and where blocks end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slots {
    /// Seconds of a slot.
    pub interval: u64,
    /// Slots of the period that were not measured: their sealed reading is zero.
    pub unmeasured: Vec<u64>,
    /// Slots that were not measured and whose energy is in a residual of the period. A residual belongs to the period in
    /// which its block ends, so these may lie before the period, and some of `unmeasured` may be missing here.
    pub in_residual: Vec<u64>,
    /// Slots with a substituted or cut value, whose excess may be in a residual of the period.
    pub exceeding: Vec<u64>,
}

/// A vector of weights: one for each slot, counted from 1970 in intervals of the register, and one for what exceeded a cut
/// value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Row {
    /// Number of the first slot.
    #[n(0)]
    pub first: u64,
    /// Weight of each slot from there on.
    #[n(1)]
    pub weights: Vec<i64>,
    /// Weight of what exceeded the value of some slots, in order.
    #[n(2)]
    pub excess: Vec<(u64, i64)>,
}

impl Row {
    /// The true energy of each slot weighs its price, or the fallback price where it is in a residual.
    #[must_use]
    pub fn of(line: &Weights, period: &Span, slots: &Slots) -> Self {
        let from = period.from / slots.interval.max(1);
        let first = slots.in_residual.iter().copied().chain([from]).min().unwrap_or(from);
        let ahead = usize::try_from(from - first).unwrap_or(0);
        let mut weights = vec![0; ahead];
        weights.extend_from_slice(&line.prices);
        let mut row = Self { first, weights, excess: Vec::new() };
        slots.unmeasured.iter().for_each(|slot| row.set(*slot, 0));
        slots.in_residual.iter().for_each(|slot| row.set(*slot, line.fallback));
        if line.fallback != 0 {
            row.excess = slots.exceeding.iter().map(|slot| (*slot, line.fallback)).collect();
        }
        row.trimmed()
    }

    fn set(&mut self, slot: u64, weight: i64) {
        let place = slot.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        if let Some(to) = place.and_then(|place| self.weights.get_mut(place)) {
            *to = weight;
        }
    }

    /// The same without zeros at either end.
    fn trimmed(mut self) -> Self {
        let end = self.weights.iter().rposition(|weight| *weight != 0).map_or(0, |last| last + 1);
        self.weights.truncate(end);
        let start = self.weights.iter().position(|weight| *weight != 0).unwrap_or(0);
        self.weights.drain(..start);
        self.first += start as u64;
        self
    }

    /// Whether it sees nothing.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.weights.iter().all(|weight| *weight == 0) && self.excess.iter().all(|(_, weight)| *weight == 0)
    }

    /// The greatest common divisor of all weights, at least 1: the sum is a multiple of it.
    #[must_use]
    pub fn divisor(&self) -> u64 {
        self.entries().fold(0, |divisor, (_, weight)| gcd(divisor, weight.unsigned_abs())).max(1)
    }

    /// Places that weigh something, in order, with their weights. A slot's excess is a place of its own, after all slots.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Place, i64)> {
        let slots = (self.first..).zip(self.weights.iter().copied());
        let excess = self.excess.iter().map(|(slot, weight)| (slot | EXCESS, *weight));
        slots.chain(excess).filter(|(_, weight)| *weight != 0)
    }

    /// The same direction, of length one. `None` when it sees nothing.
    pub(super) fn direction(&self) -> Option<Vector> {
        let mut vector = Vector::new(self.entries().map(|(place, weight)| (place, weight as f64)));
        let length = vector.length();
        vector.scale(1.0 / length);
        (length > 0.0).then_some(vector)
    }

    /// A hash of what it is.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (place, weight) in self.entries() {
            hash.update(place.to_le_bytes());
            hash.update(weight.to_le_bytes());
        }
        hash.finalize().into()
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
