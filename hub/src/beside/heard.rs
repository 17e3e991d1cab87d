//! What the slots of a plain meter say passed: the source that the device's recorder asks.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use drivers::plain::Power;
use drivers::slots::{How, Mark, Slot, Way};
use protocol::metrology::label::{Interval, Status};
use sealer::{Begins, Source};

/// Slots that are remembered after they were recorded: a recorder asks for the one that ends alone.
const KEPT: usize = 8;

/// What was heard. A series is a way that the meter counts, in the order in which they were found.
pub(super) struct Heard {
    interval: Interval,
    /// Unix milliseconds.
    now: fn() -> u64,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    series: Vec<Series>,
    /// As the last telegram that told it did.
    power: Option<Power>,
    /// The first slot that is not recorded.
    recorded: u64,
}

struct Series {
    way: Way,
    slots: BTreeMap<u64, Slot>,
    /// What the register showed at the end of the last slot.
    edge: Option<Mark>,
    /// What it showed last, as far as that is believed.
    believed: Option<i64>,
    /// Whether the device has recorded of it.
    begun: bool,
    /// Slots that were recorded as missing, as nothing had been told of them.
    untold: std::ops::Range<u64>,
    /// What passed in slots that the device had recorded as missing before they were told.
    late: u64,
}

/// What is known of one way after a telegram.
pub(super) struct Word {
    /// Which.
    pub(super) way: Way,
    /// What the register showed at the end of the last slot.
    pub(super) edge: Option<Mark>,
    /// What it showed last, as far as that is believed.
    pub(super) believed: Option<i64>,
}

impl Heard {
    /// Nothing yet.
    pub(super) fn new(interval: Interval, now: fn() -> u64) -> Self {
        Self { interval, now, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ways that are known, as series.
    pub(super) fn ways(&self) -> Vec<Way> {
        self.known().series.iter().map(|series| series.way).collect()
    }

    /// Makes a series of a way, if there is none.
    pub(super) fn add(&self, way: Way) {
        let mut known = self.known();
        if known.series.iter().all(|series| series.way != way) {
            let (slots, edge, believed, untold) = Default::default();
            known.series.push(Series { way, slots, edge, believed, begun: false, untold, late: 0 });
        }
    }

    /// The device has recorded of these ways.
    pub(super) fn begun(&self, ways: &[Way]) {
        for series in self.known().series.iter_mut().filter(|series| ways.contains(&series.way)) {
            series.begun = true;
        }
    }

    /// Takes what a telegram completed, and what is known after it.
    pub(super) fn hear(&self, completed: &[(Way, Slot)], words: &[Word]) {
        let mut known = self.known();
        for series in &mut known.series {
            let way = series.way;
            for (_, slot) in completed.iter().filter(|(of, _)| *of == way) {
                series.take(*slot);
            }
            for word in words.iter().filter(|word| word.way == series.way) {
                series.edge = word.edge.or(series.edge);
                series.believed = word.believed.or(series.believed);
            }
        }
    }

    /// What is shown as power from now on.
    pub(super) fn set_power(&self, power: Option<Power>) {
        self.known().power = power;
    }

    /// The moment up to which every series is known that has spoken within the last day of slots; none before any has. One
    /// that is silent for longer is missing from then on, and keeps no other back.
    pub(super) fn until(&self) -> Option<u64> {
        let known = self.known();
        let edges = || known.series.iter().filter_map(|series| Some(series.edge?.slot));
        let newest = edges().max()?;
        let until = edges().filter(|edge| newest - edge <= self.interval.slots_per_day()).min()?;
        Some(until * self.interval.seconds())
    }

    /// When the first slot begins that was told of a time from a moment on.
    pub(super) fn next(&self, at: u64) -> Option<u64> {
        let from = at / self.interval.seconds();
        let known = self.known();
        let first =
            known.series.iter().filter_map(|series| series.slots.range(from..).next()).map(|(slot, _)| *slot).min();
        first.map(|slot| slot * self.interval.seconds())
    }

    /// All until this moment is recorded: forgets slots before.
    pub(super) fn recorded(&self, until: u64) {
        let slot = until / self.interval.seconds();
        let mut known = self.known();
        let before = std::mem::replace(&mut known.recorded, slot);
        for series in &mut known.series {
            let told = series.edge.map_or(before, |edge| edge.slot);
            series.untold = if series.begun { told..slot } else { 0..0 };
            let old = series.slots.range(..slot).count().saturating_sub(KEPT);
            for _ in 0..old {
                series.slots.pop_first();
            }
        }
    }

    fn whole(&self, from: u64, until: u64) -> std::ops::Range<u64> {
        from.div_ceil(self.interval.seconds())..until / self.interval.seconds()
    }
}

impl Series {
    /// Takes a slot. One that comes when its time is recorded, because another series was told earlier, is part of the next.
    fn take(&mut self, mut slot: Slot) {
        if self.untold.contains(&slot.number) {
            self.late = self.late.saturating_add(slot.advance.into());
        } else if self.late > 0 {
            let room = u32::MAX - slot.advance;
            let late = u32::try_from(self.late).unwrap_or(u32::MAX).min(room);
            (slot.advance, slot.how) = (slot.advance + late, How::Missing);
            self.late -= u64::from(late);
        }
        self.slots.insert(slot.number, slot);
    }

    /// What passed in the slots from one to before another.
    fn passed(&self, from: u64, until: u64) -> u64 {
        if from >= until {
            return 0;
        }
        self.slots.range(from..until).map(|(_, slot)| u64::from(slot.advance)).sum()
    }
}

impl Source for Heard {
    fn interval(&self) -> Interval {
        self.interval
    }

    fn from(&self) -> u64 {
        0
    }

    fn until(&self) -> u64 {
        u64::MAX
    }

    /// Of whole slots; the device goes from one edge to another.
    fn passed(&self, series: usize, from: u64, until: u64) -> u64 {
        let slots = self.whole(from, until);
        self.known().series.get(series).map_or(0, |series| series.passed(slots.start, slots.end))
    }

    fn status(&self, series: usize, from: u64, until: u64) -> Status {
        let slots = self.whole(from, until);
        let known = self.known();
        let of = |number: u64| known.series.get(series).and_then(|series| series.slots.get(&number));
        let worst = slots.map(|number| match of(number).map(|slot| slot.how) {
            Some(How::Measured) => Status::Measured,
            Some(How::Estimated) => Status::Estimated,
            Some(How::Missing) | None => Status::Missing,
        });
        worst.max_by_key(|status| rank(*status)).unwrap_or(Status::Missing)
    }

    /// A plain meter tells import less export, whatever its registers.
    fn power(&self, _: &[(usize, i64)], _: u64) -> Option<i64> {
        self.known().power.map(|Power(net)| net)
    }

    fn clock(&self, _: u64) -> u64 {
        (self.now)() / 1000
    }

    /// With the first slot that is told of it. A register that is found late may be told of a time that others are sealed
    /// beyond.
    fn begins(&self, series: usize, at: u64) -> Begins {
        let known = self.known();
        let slot = at / self.interval.seconds();
        let Some(series) = known.series.get(series).filter(|series| series.slots.contains_key(&slot)) else {
            return Begins::Later;
        };
        let Some(edge) = series.edge.filter(|edge| edge.slot > slot) else { return Begins::Later };
        let passed = i64::try_from(series.passed(slot, edge.slot)).ok();
        let total = passed.and_then(|passed| u64::try_from(edge.total.checked_sub(passed)?).ok());
        total.map_or(Begins::Later, Begins::At)
    }

    /// What is recorded, what was told since, and what is believed to have passed after that: it differs from what the register
    /// of the meter shows where another meter took over.
    fn shown(&self, series: usize, total: u64, has_begun: bool) -> Option<u64> {
        let known = self.known();
        let series = known.series.get(series)?;
        if !has_begun {
            return series.believed.and_then(|total| u64::try_from(total).ok());
        }
        let Some(edge) = series.edge else { return Some(total) };
        let after = series.believed.map_or(0, |believed| believed.saturating_sub(edge.total));
        let waits = series.passed(known.recorded, edge.slot);
        Some(total.saturating_add(waits).saturating_add(u64::try_from(after).unwrap_or(0)))
    }
}

/// The greater, the less is known.
fn rank(status: Status) -> u8 {
    match status {
        Status::Measured => 0,
        Status::Tamper => 1,
        Status::Estimated => 2,
        Status::Missing => 3,
    }
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heard").field("interval", &self.interval).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(way: Way, numbers: std::ops::Range<u64>, advance: u32, how: How) -> Vec<(Way, Slot)> {
        numbers.map(|number| (way, Slot { number, advance, how })).collect()
    }

    fn word(way: Way, slot: u64) -> Word {
        Word { way, edge: Some(Mark { slot, total: 0 }), believed: None }
    }

    #[test]
    fn what_is_told_of_a_time_that_is_recorded_is_in_the_next_slot() {
        let heard = Heard::new(Interval::QUARTER, || 0);
        let both = [Way::Import, Way::Export];
        both.into_iter().for_each(|way| heard.add(way));
        heard.begun(&both);
        heard.hear(&[], &[word(Way::Import, 100), word(Way::Export, 100)]);
        // Two days of silence; the import is told first, and the device records both up to there.
        heard.hear(&slots(Way::Import, 100..300, 7, How::Missing), &[word(Way::Import, 300), word(Way::Export, 100)]);
        assert_eq!(heard.until(), Some(300 * 900), "the export is left behind");
        heard.recorded(300 * 900);
        let told =
            [slots(Way::Export, 100..299, 0, How::Missing), slots(Way::Export, 299..300, 5000, How::Missing)].concat();
        heard.hear(&told, &[word(Way::Export, 300)]);
        let next =
            [slots(Way::Import, 300..301, 7, How::Measured), slots(Way::Export, 300..301, 9, How::Measured)].concat();
        heard.hear(&next, &[word(Way::Import, 301), word(Way::Export, 301)]);
        assert_eq!((heard.passed(0, 300 * 900, 301 * 900), heard.passed(1, 300 * 900, 301 * 900)), (7, 5009));
        assert_eq!(heard.status(1, 300 * 900, 301 * 900), Status::Missing);
        assert_eq!(heard.status(0, 300 * 900, 301 * 900), Status::Measured);
        // What was told in time and comes again, as after a restart, is not counted again.
        heard.recorded(301 * 900);
        heard.hear(&next, &[word(Way::Export, 301)]);
        heard.hear(&slots(Way::Export, 301..302, 9, How::Measured), &[word(Way::Export, 302)]);
        assert_eq!(heard.passed(1, 301 * 900, 302 * 900), 9);
    }
}
