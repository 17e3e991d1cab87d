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
            known.series.push(Series { way, slots: BTreeMap::new(), edge: None, believed: None });
        }
    }

    /// Takes what a telegram completed, and what is known after it.
    pub(super) fn hear(&self, completed: &[(Way, Slot)], words: &[Word]) {
        let mut known = self.known();
        for series in &mut known.series {
            let of_way = completed.iter().filter(|(of, _)| *of == series.way);
            series.slots.extend(of_way.map(|(_, slot)| (slot.number, *slot)));
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
        known.recorded = slot;
        for series in &mut known.series {
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
