//! What a register showed at the edges of slots, and the slots between them. It takes only readings that are believed.

use std::cmp::Ordering;

use super::{How, Mark, Slot, Terms};

/// A gap of more slots begins a new series instead: 400 days of quarters of an hour, more than a meter's own history can
/// fill and than a year's bill asks for. So no clock that leaps from 1970 makes slots by the million.
pub(super) const MOST_SLOTS: u64 = 400 * 96;
/// Runs of told slots that are kept apart; a clock must leap by years to begin one more.
const RUNS: usize = 8;

/// What a register showed, and when.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    /// Unix milliseconds.
    pub(super) at: u64,
    /// 10⁻⁴ Wh, or 10⁻⁴ of a thousandth of a channel's unit.
    pub(super) total: i64,
    /// Whether a checksum stands behind it.
    pub(super) checked: bool,
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

/// The edges of one register's slots.
#[derive(Clone)]
pub(super) struct Edges {
    /// Milliseconds of a slot.
    millis: u64,
    /// Milliseconds from an edge within which a reading stands for it.
    reach: u64,
    open: Option<Open>,
    told: Told,
}

impl Edges {
    pub(super) fn new(terms: Terms) -> Self {
        let millis = u64::from(terms.interval.max(1)) * 1000;
        Self { millis, reach: u64::from(terms.reach) * 1000, open: None, told: Told::default() }
    }

    /// Goes on where a slot began; those before were told.
    pub(super) fn resume(terms: Terms, mark: Mark) -> Self {
        let mut edges = Self::new(terms);
        edges.open = Some(Open { slot: mark.slot, total: mark.total, how: How::Measured, begun: true });
        edges.told.add(mark.slot.saturating_sub(MOST_SLOTS), mark.slot);
        edges
    }

    /// Where the first slot begins that is not told; none before any was.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.open.filter(|open| open.begun).map(|open| Mark { slot: open.slot, total: open.total })
    }

    /// Whether a series has begun.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The series begins: at an edge that was shortly before, or within a slot that is not told.
    pub(super) fn begin(&mut self, reading: Reading) {
        let how = if reading.at % self.millis <= self.reach { How::Measured } else { How::Missing };
        self.open = Some(Open { slot: reading.at / self.millis, total: reading.total, how, begun: false });
    }

    /// The listener's clock went back to this moment. What passes from now on belongs to slots that were told, or were
    /// passed by: it is kept for the first that is told again, which is then not its own alone.
    pub(super) fn set_back(&mut self, at: u64) {
        if let Some(open) = &mut self.open {
            let slot = at / self.millis;
            // Within a series numbers only rise; what a clock told that was wrong by years stands apart.
            if slot < open.slot && open.slot - slot <= MOST_SLOTS {
                self.told.add(slot, open.slot);
            }
            open.slot = slot;
            open.begun |= open.how != How::Missing;
            open.how = How::Missing;
        }
    }

    /// The register goes on from another number: what passed between the two readings is not known.
    pub(super) fn reset(&mut self, last: Reading, first: Reading, slots: &mut Vec<Slot>) {
        let (after, within) = (last.at / self.millis + 1, first.at / self.millis);
        if after <= within && after * self.millis - last.at <= self.reach {
            self.edge(after, last.total, How::Measured, slots);
        }
        let Some(open) = &mut self.open else { return self.begin(first) };
        // What had passed before is kept, for the sum of what is missing.
        let passed = last.total.saturating_sub(open.total);
        let just = open.slot == within && open.how == How::Measured && passed == 0;
        open.total = first.total.saturating_sub(passed);
        open.begun |= open.how != How::Missing;
        open.how = How::Missing;
        // The new register may have been read at the edge that the old one was not.
        if first.at % self.millis <= self.reach && last.at < within * self.millis {
            if just {
                open.how = How::Measured;
            }
            self.edge(within, first.total, How::Measured, slots);
        }
    }

    /// Settles the edges after one reading, up to the next.
    pub(super) fn cross(&mut self, before: Reading, after: Reading, slots: &mut Vec<Slot>) {
        let millis = self.millis;
        let (first, last) = (before.at / millis + 1, after.at / millis);
        let (since, until) = ((first * millis).saturating_sub(before.at), after.at - last * millis);
        match first.cmp(&last) {
            Ordering::Greater => {}
            Ordering::Equal if since.min(until) > self.reach => {
                self.edge(first, between(before, after, first * millis), How::Estimated, slots);
            }
            Ordering::Equal => {
                let total = if since < until { before.total } else { after.total };
                self.edge(first, total, How::Measured, slots);
            }
            Ordering::Less => {
                if since <= self.reach {
                    self.edge(first, before.total, How::Measured, slots);
                }
                if until <= self.reach {
                    self.edge(last, after.total, How::Measured, slots);
                }
            }
        }
    }

    /// What the register showed at the beginning of a slot.
    fn edge(&mut self, number: u64, total: i64, how: How, slots: &mut Vec<Slot>) {
        let Some(open) = self.open.filter(|open| number > open.slot) else { return };
        let span = number - open.slot;
        let begun = open.begun || open.how != How::Missing;
        if !begun || span > MOST_SLOTS {
            self.open = Some(Open { slot: number, total, how, begun: false });
            return;
        }
        let slot_how = match (span, open.how) {
            (1, How::Measured) => how,
            (1, open) => open,
            _ => How::Missing,
        };
        let from = slots.len();
        let fresh = (open.slot..number).filter(|number| !self.told.has(*number));
        slots.extend(fresh.map(|number| Slot { number, advance: 0, how: slot_how }));
        self.told.add(open.slot, number);
        let mut left = u64::try_from(total.saturating_sub(open.total)).unwrap_or(0);
        for slot in slots.iter_mut().skip(from).rev() {
            slot.advance = u32::try_from(left).unwrap_or(u32::MAX);
            left -= u64::from(slot.advance);
        }
        // What no slot took goes to the next, which is then not its own alone.
        let how = if left > 0 { How::Missing } else { how };
        self.open = Some(Open { slot: number, total: total.saturating_sub_unsigned(left), how, begun: true });
    }
}

/// In proportion to time, cut down to whole parts.
fn between(before: Reading, after: Reading, at: u64) -> i64 {
    let advance = i128::from(after.total) - i128::from(before.total);
    let part = advance * i128::from(at - before.at) / i128::from((after.at - before.at).max(1));
    before.total.saturating_add(i64::try_from(part).unwrap_or(0))
}

/// The slots that were told, as runs from one number to before another. Where there are too many runs, the two nearest
/// become one: no slot is told twice, at worst one is not told.
#[derive(Clone, Default)]
struct Told(Vec<(u64, u64)>);

impl Told {
    fn has(&self, number: u64) -> bool {
        self.0.iter().any(|(from, until)| (*from..*until).contains(&number))
    }

    fn add(&mut self, from: u64, until: u64) {
        self.0.push((from, until));
        self.0.sort_unstable();
        let mut runs: Vec<(u64, u64)> = Vec::with_capacity(RUNS + 1);
        for (from, until) in self.0.drain(..) {
            match runs.last_mut().filter(|last| from <= last.1) {
                Some(last) => last.1 = last.1.max(until),
                None => runs.push((from, until)),
            }
        }
        if runs.len() > RUNS {
            let gap = |pair: &[(u64, u64)]| if let [one, other] = pair { other.0 - one.1 } else { u64::MAX };
            let nearest = runs.windows(2).enumerate().min_by_key(|(_, pair)| gap(pair)).map_or(0, |(at, _)| at);
            let (_, until) = runs.remove(nearest + 1);
            if let Some(run) = runs.get_mut(nearest) {
                run.1 = until;
            }
        }
        self.0 = runs;
    }
}
