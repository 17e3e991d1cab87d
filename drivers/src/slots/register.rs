//! One register: which of its readings are believed.
//!
//! ```text
//! checked, and a load leads to it ────────────────────────► believed ─► Edges
//! unchecked, and a load leads to it ─► next ─ confirmed ──►
//! no load leads to it ─► doubt ─ three in a minute agree ─► reset
//! ```
//!
//! A reading without a checksum waits for the one after it. When that one follows on, the reading lies between two that
//! agree, and whatever the line did to it, it is wrong by no more than what passed between them. When they contradict each
//! other, one was changed and nobody knows which: neither is believed, and the next decides. So an outlier never becomes
//! energy, and what comes after it is no reset. Even the first of all waits: it only bears witness for the second.

use super::edges::{Edges, Reading};
use super::{Mark, Slot, Terms};

/// How often a register must say that it was reset, and for how many milliseconds.
const BELIEVED: (u32, u64) = (3, 60_000);
/// So often where another number tells that another meter hangs there: a first word, the one believed, a witness.
const EXCHANGED: (u32, u64) = (3, 0);
/// Milliseconds of an hour and of a day.
const HOUR: i128 = 3_600_000;
const DAY: i128 = 24 * HOUR;
/// A clock that goes back by more was set; by less, telegrams came in another order.
const SET_BACK: u64 = 60_000;
/// Telegrams without this register after which a reading that waits for a witness has none.
const UNHEARD: u32 = 32;
/// The year 10000 in Unix milliseconds: no clock is there yet.
const LATEST: u64 = 253_402_300_800_000;

/// What a register counts in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// Parts of what the hourly advance [`Terms::most`] bounds.
    parts: i128,
    /// A register that counts whole steps leaps by one, and the meter may have counted the next meanwhile.
    step: i128,
}

impl Scale {
    /// Watt-hours in 10⁻⁴; registers count whole kilowatt-hours at worst.
    pub(super) const ENERGY: Self = Self { parts: 10_000, step: 2 * 1000 * 10_000 };
    /// Any unit in 10⁻⁴ of a thousandth; registers count whole units at worst. Its most is told in thousandths, as that of
    /// energy in watt-hours.
    pub(super) const VOLUME: Self = Self { parts: 10_000, step: 2 * 1000 * 10_000 };
}

/// Readings that contradict what was read before.
#[derive(Clone, Copy)]
struct Doubt {
    since: u64,
    /// Where the register goes on from if it was reset.
    first: Reading,
    last: Reading,
    count: u32,
}

/// A register whose readings become slots.
#[derive(Clone)]
pub(super) struct Register {
    most: i128,
    scale: Scale,
    edges: Edges,
    /// The last that is believed; before any is, the first of all.
    last: Option<Reading>,
    /// Follows on from the last, has no checksum and no witness yet.
    next: Option<Reading>,
    doubt: Option<Doubt>,
    replaced: bool,
    /// When the newest reading came.
    heard: u64,
    unheard: u32,
}

impl Register {
    /// Nothing read yet.
    pub(super) fn new(terms: Terms, scale: Scale) -> Self {
        Self {
            most: i128::from(terms.most) * scale.parts,
            scale,
            edges: Edges::new(terms),
            last: None,
            next: None,
            doubt: None,
            replaced: false,
            heard: 0,
            unheard: 0,
        }
    }

    /// Goes on where it stood when a slot began.
    pub(super) fn resume(terms: Terms, scale: Scale, mark: Mark) -> Self {
        let mut register = Self::new(terms, scale);
        let at = mark.slot.saturating_mul(u64::from(terms.interval.max(1)) * 1000);
        register.last = Some(Reading { at, total: mark.total, checked: true });
        register.edges = Edges::resume(terms, mark);
        register.heard = at;
        register
    }

    /// Where it stood when the first slot began that is not told; none before any was.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.edges.mark()
    }

    /// Another meter hangs there: the next reading has nothing to do with those before.
    pub(super) fn replaced(&mut self) {
        self.replaced = self.last.is_some();
        (self.next, self.doubt) = (None, None);
    }

    /// A telegram that nothing checks came without this register. What once stood under it for want of a better line must
    /// not find its witness weeks later.
    pub(super) fn unheard(&mut self) {
        self.unheard = self.unheard.saturating_add(1);
        if self.unheard > UNHEARD {
            (self.next, self.doubt) = (None, None);
            self.last = self.last.filter(|_| self.edges.is_open());
        }
    }

    /// Takes what the register showed at this moment (Unix milliseconds), and whether a checksum stands behind it; gives
    /// the slots that it completes.
    pub(super) fn read(&mut self, at: u64, total: i64, checked: bool) -> Vec<Slot> {
        let mut slots = Vec::new();
        let reading = Reading { at, total, checked };
        if at >= LATEST || (self.last.is_some() && at <= self.heard && self.heard - at <= SET_BACK) {
            return slots;
        }
        self.unheard = 0;
        if at < self.heard {
            self.set_back(at);
        }
        self.heard = at;
        match self.last {
            None => {
                self.last = Some(reading);
                if checked {
                    self.edges.begin(reading);
                }
            }
            Some(last) if self.replaced => self.doubted(last, reading, &mut slots),
            Some(last) => self.heard_after(last, reading, &mut slots),
        }
        slots
    }

    /// How much time passed meanwhile nobody knows: the last total stands as if it had just been read.
    fn set_back(&mut self, at: u64) {
        (self.next, self.doubt) = (None, None);
        self.last = self.last.map(|last| Reading { at: at.saturating_sub(1), ..last });
        self.edges.set_back(at);
    }

    fn heard_after(&mut self, mut last: Reading, reading: Reading, slots: &mut Vec<Slot>) {
        let follows_last = self.follows(last, reading);
        if let Some(next) = self.next {
            if self.follows(next, reading) {
                self.believe(last, next, slots);
                last = next;
            } else if follows_last {
                // They contradict each other; a checksum decides.
                self.next = None;
                if !reading.checked {
                    return;
                }
            }
        }
        if self.follows(last, reading) {
            self.doubt = None;
            self.take(last, reading, slots);
        } else {
            self.doubted(last, reading, slots);
        }
    }

    /// Takes a reading that follows on.
    fn take(&mut self, last: Reading, reading: Reading, slots: &mut Vec<Slot>) {
        if reading.checked {
            self.believe(last, reading, slots);
        } else {
            self.next = Some(reading);
        }
    }

    fn believe(&mut self, last: Reading, reading: Reading, slots: &mut Vec<Slot>) {
        if self.edges.is_open() {
            self.edges.cross(last, reading, slots);
        } else {
            self.edges.begin(reading);
        }
        (self.last, self.next) = (Some(reading), None);
    }

    /// Whether a load that wires carry leads from one reading to the next: the most for a day, a tenth of it for longer.
    fn follows(&self, before: Reading, after: Reading) -> bool {
        let advance = i128::from(after.total) - i128::from(before.total);
        let time = i128::from(after.at.saturating_sub(before.at));
        let time = time.min(DAY) + (time - DAY).max(0) / 10;
        (0..=self.most * time / HOUR + self.scale.step).contains(&advance)
    }

    fn doubted(&mut self, last: Reading, reading: Reading, slots: &mut Vec<Slot>) {
        let doubt = match self.doubt.filter(|doubt| self.follows(doubt.last, reading)) {
            // What nothing checks counts from its second word on: the first bears witness.
            Some(doubt) if doubt.count == 1 && !doubt.first.checked => {
                Doubt { first: reading, last: reading, count: 2, ..doubt }
            }
            Some(doubt) => Doubt { last: reading, count: doubt.count + 1, ..doubt },
            None => Doubt { since: reading.at, first: reading, last: reading, count: 1 },
        };
        self.doubt = Some(doubt);
        let (times, long) = match (self.replaced, reading.checked) {
            (true, true) => (1, 0),
            (true, false) => EXCHANGED,
            (false, _) => BELIEVED,
        };
        if doubt.count < times || reading.at - doubt.since < long {
            return;
        }
        (self.doubt, self.next, self.replaced) = (None, None, false);
        self.edges.reset(last, doubt.first, slots);
        self.last = Some(doubt.first);
        if doubt.first.at < reading.at {
            self.take(doubt.first, reading, slots);
        }
    }
}
