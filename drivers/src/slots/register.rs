//! One register: which of its readings are believed, what it showed at the edges of slots, and the slots between.

use std::cmp::Ordering;

use super::{Edge, How, Slot, Terms};
use crate::plain::Energy;

/// How often a register must say that it was reset, and for how many milliseconds.
const BELIEVED: (u32, u64) = (3, 60_000);
/// A register that counts whole kilowatt-hours leaps by one, and the meter may have counted the next meanwhile.
const STEP: i128 = 2 * 1000 * PARTS;
/// Parts of a watt-hour.
const PARTS: i128 = 10_000;
/// Milliseconds of an hour.
const HOUR: i128 = 3_600_000;

/// What a register showed, and when.
#[derive(Clone, Copy)]
struct Reading {
    /// Unix milliseconds.
    at: u64,
    /// 10⁻⁴ Wh.
    total: i64,
}

/// Readings that contradict what was read before.
#[derive(Clone, Copy)]
struct Doubt {
    first: Reading,
    last: Reading,
    count: u32,
}

/// Where the first slot that was not told stands.
#[derive(Clone, Copy)]
struct Open {
    /// Its number.
    slot: u64,
    /// What the register showed when it began; before a reset, what it would have shown.
    total: i64,
    /// How that is known; [`How::Missing`] when what came before is not.
    how: How,
    /// Whether slots were told or known to be missing before: not so where the series begins.
    begun: bool,
}

/// A register whose readings become slots.
#[derive(Clone)]
pub struct Register {
    terms: Terms,
    last: Option<Reading>,
    doubt: Option<Doubt>,
    open: Option<Open>,
    replaced: bool,
}

impl core::fmt::Debug for Register {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Register").field("terms", &self.terms).finish_non_exhaustive()
    }
}

impl Register {
    /// Nothing read yet.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        let terms = Terms { interval: terms.interval.max(1), ..terms };
        Self { terms, last: None, doubt: None, open: None, replaced: false }
    }

    /// Goes on where it stood when a slot began.
    #[must_use]
    pub fn resume(terms: Terms, edge: Edge) -> Self {
        let mut register = Self::new(terms);
        register.last = edge.slot.checked_mul(register.millis()).map(|at| Reading { at, total: edge.total });
        let open = Open { slot: edge.slot, total: edge.total, how: How::Measured, begun: true };
        register.open = register.last.map(|_| open);
        register
    }

    /// Where it stood when the first slot began that is not told; none before any was told.
    #[must_use]
    pub fn told(&self) -> Option<Edge> {
        self.open.filter(|open| open.begun).map(|open| Edge { slot: open.slot, total: open.total })
    }

    /// Another meter hangs there: the next reading has nothing to do with those before.
    pub fn replaced(&mut self) {
        self.replaced = self.last.is_some();
        self.doubt = None;
    }

    /// Takes a reading of this moment (Unix milliseconds); gives the slots that it completes.
    pub fn read(&mut self, at: u64, total: Energy) -> Vec<Slot> {
        let mut slots = Vec::new();
        let reading = Reading { at, total: total.0 };
        let Some(last) = self.last else {
            self.begin(reading);
            return slots;
        };
        if at <= last.at {
            return slots;
        }
        if self.replaced {
            self.replaced = false;
            self.reset(last, reading, &mut slots);
        } else if self.follows(last, reading) {
            self.doubt = None;
            self.cross(last, reading, &mut slots);
            self.last = Some(reading);
        } else {
            self.doubted(last, reading, &mut slots);
        }
        slots
    }

    /// Whether a load that wires carry leads from one reading to the next.
    fn follows(&self, before: Reading, after: Reading) -> bool {
        let advance = i128::from(after.total) - i128::from(before.total);
        let time = i128::from(after.at.saturating_sub(before.at));
        let most = i128::from(self.terms.most) * PARTS * time / HOUR + STEP;
        (0..=most).contains(&advance)
    }

    fn doubted(&mut self, last: Reading, reading: Reading, slots: &mut Vec<Slot>) {
        if self.doubt.is_some_and(|doubt| reading.at <= doubt.last.at) {
            return;
        }
        let doubt = match self.doubt.filter(|doubt| self.follows(doubt.last, reading)) {
            Some(doubt) => Doubt { last: reading, count: doubt.count + 1, ..doubt },
            None => Doubt { first: reading, last: reading, count: 1 },
        };
        self.doubt = Some(doubt);
        if doubt.count >= BELIEVED.0 && doubt.last.at.saturating_sub(doubt.first.at) >= BELIEVED.1 {
            self.doubt = None;
            self.reset(last, doubt.first, slots);
            self.cross(doubt.first, doubt.last, slots);
            self.last = Some(doubt.last);
        }
    }

    /// The series begins: at an edge that was shortly before, or within a slot that is not told.
    fn begin(&mut self, reading: Reading) {
        let how = if reading.at % self.millis() <= self.reach() { How::Measured } else { How::Missing };
        self.open = Some(Open { slot: reading.at / self.millis(), total: reading.total, how, begun: false });
        self.last = Some(reading);
    }

    /// The register goes on from another number: what passed between the two readings is not known.
    fn reset(&mut self, last: Reading, first: Reading, slots: &mut Vec<Slot>) {
        let edge = (last.at / self.millis() + 1) * self.millis();
        if edge <= first.at && edge - last.at <= self.reach() {
            self.edge(edge / self.millis(), last.total, How::Measured, slots);
        }
        if let Some(open) = &mut self.open {
            // What had passed before is kept, for the sum of what is missing.
            open.total = first.total.saturating_sub(last.total.saturating_sub(open.total));
            open.how = How::Missing;
        }
        self.last = Some(first);
    }

    /// Settles the edges after one reading, up to the next.
    fn cross(&mut self, before: Reading, after: Reading, slots: &mut Vec<Slot>) {
        let millis = self.millis();
        let (first, last) = (before.at / millis + 1, after.at / millis);
        let (since, until) = (first * millis - before.at, after.at - last * millis);
        match first.cmp(&last) {
            Ordering::Greater => {}
            Ordering::Equal if since.min(until) > self.reach() => {
                self.edge(first, between(before, after, first * millis), How::Estimated, slots);
            }
            Ordering::Equal => {
                let total = if since < until { before.total } else { after.total };
                self.edge(first, total, How::Measured, slots);
            }
            Ordering::Less => {
                if since <= self.reach() {
                    self.edge(first, before.total, How::Measured, slots);
                }
                if until <= self.reach() {
                    self.edge(last, after.total, How::Measured, slots);
                }
            }
        }
    }

    /// What the register showed at the beginning of a slot.
    fn edge(&mut self, number: u64, total: i64, how: How, slots: &mut Vec<Slot>) {
        let Some(open) = self.open else { return };
        if number <= open.slot {
            return;
        }
        let sum = u64::try_from(total.saturating_sub(open.total)).unwrap_or(0);
        if number == open.slot + 1 && open.how != How::Missing {
            let how = if open.how == How::Measured { how } else { open.how };
            slots.push(Slot { number: open.slot, advance: u32::try_from(sum).unwrap_or(u32::MAX), how });
        } else if open.begun || open.how != How::Missing {
            let from = slots.len();
            slots.extend((open.slot..number).map(|number| Slot { number, advance: 0, how: How::Missing }));
            let mut left = sum;
            for slot in slots.iter_mut().skip(from).rev() {
                slot.advance = u32::try_from(left).unwrap_or(u32::MAX);
                left -= u64::from(slot.advance);
            }
        }
        self.open = Some(Open { slot: number, total, how, begun: true });
    }

    fn millis(&self) -> u64 {
        u64::from(self.terms.interval) * 1000
    }

    fn reach(&self) -> u64 {
        u64::from(self.terms.reach) * 1000
    }
}

/// In proportion to time, cut down to whole parts.
fn between(before: Reading, after: Reading, at: u64) -> i64 {
    let advance = i128::from(after.total) - i128::from(before.total);
    let part = advance * i128::from(at - before.at) / i128::from((after.at - before.at).max(1));
    before.total.saturating_add(i64::try_from(part).unwrap_or(0))
}
