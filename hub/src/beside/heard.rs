//! What the slots of a plain meter say passed: the source that the device's recorder asks.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use drivers::plain::{Power, Telegram};
use drivers::slots::{How, Marks, Slot, Way};
use protocol::metrology::label::{Interval, Status};
use sealer::Source;

/// Slots that are remembered after they were recorded: a recorder asks for the one that ends alone.
const KEPT: usize = 8;

/// What was heard.
pub(super) struct Heard {
    interval: Interval,
    from: u64,
    clock: fn() -> u64,
    known: Mutex<Known>,
}

struct Known {
    /// In the order of the device's registers.
    series: Vec<Series>,
    /// The last telegram's.
    power: Option<Power>,
}

struct Series {
    way: Way,
    slots: BTreeMap<u64, Slot>,
    /// What the register showed at the end of the last slot.
    edge: Option<(u64, i64)>,
    /// What it showed last.
    shown: Option<i64>,
}

impl Heard {
    /// Nothing yet. `from` is the first second that may be sealed; `clock` gives Unix seconds.
    pub(super) fn new(ways: &[Way], interval: Interval, from: u64, clock: fn() -> u64) -> Self {
        let none = |way: &Way| Series { way: *way, slots: BTreeMap::new(), edge: None, shown: None };
        let known = Known { series: ways.iter().map(none).collect(), power: None };
        Self { interval, from, clock, known: Mutex::new(known) }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what a telegram completed, and what it shows.
    pub(super) fn hear(&self, telegram: &Telegram, completed: &[(Way, Slot)], marks: &Marks) {
        let mut known = self.known();
        known.power = telegram.power;
        for series in &mut known.series {
            let way = series.way;
            for (_, slot) in completed.iter().filter(|(of, _)| *of == way) {
                series.slots.insert(slot.number, *slot);
            }
            if let Some(mark) = marks.of(way) {
                series.edge = Some((mark.slot, mark.total));
            }
            let total = match way {
                Way::Import => telegram.import,
                Way::Export => telegram.export,
            };
            series.shown = total.map(|total| total.0).or(series.shown);
        }
    }

    /// The moment up to which every series is known that has spoken within the last day of slots; none before any has. One
    /// that is silent for longer is missing from then on, and keeps no other back.
    pub(super) fn until(&self) -> Option<u64> {
        let known = self.known();
        let edges = || known.series.iter().filter_map(|series| Some(series.edge?.0));
        let newest = edges().max()?;
        let until = edges().filter(|edge| newest - edge <= self.interval.slots_per_day()).min()?;
        Some(until * self.interval.seconds())
    }

    /// Forgets slots that were recorded.
    pub(super) fn recorded(&self, until: u64) {
        let slot = until / self.interval.seconds();
        for series in &mut self.known().series {
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

impl Source for Heard {
    fn interval(&self) -> Interval {
        self.interval
    }

    fn from(&self) -> u64 {
        self.from
    }

    fn until(&self) -> u64 {
        u64::MAX
    }

    /// Of whole slots; the device goes from one edge to another.
    fn passed(&self, series: usize, from: u64, until: u64) -> u64 {
        let slots = self.whole(from, until);
        if slots.is_empty() {
            return 0;
        }
        let known = self.known();
        let slots = known.series.get(series).into_iter().flat_map(|series| series.slots.range(slots.clone()));
        slots.map(|(_, slot)| u64::from(slot.advance)).sum()
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

    fn rate(&self, series: usize, _: u64) -> Option<u64> {
        let known = self.known();
        // The telegram tells import less export.
        let Power(net) = known.power?;
        let one_way = match known.series.get(series)?.way {
            Way::Import => net,
            Way::Export => net.saturating_neg(),
        };
        Some(u64::try_from(one_way).unwrap_or(0))
    }

    fn clock(&self, _: u64) -> u64 {
        (self.clock)()
    }

    fn start(&self, series: usize, at: u64) -> Option<u64> {
        let known = self.known();
        let series = known.series.get(series)?;
        let (edge, total) = series.edge?;
        let slots = series.slots.range(at / self.interval.seconds()..edge);
        let passed: i64 = slots.map(|(_, slot)| i64::from(slot.advance)).sum();
        u64::try_from(total.checked_sub(passed)?).ok()
    }

    fn since(&self, series: usize) -> u64 {
        let known = self.known();
        let Some(series) = known.series.get(series) else { return 0 };
        let passed = series.shown.zip(series.edge).map_or(0, |(shown, (_, edge))| shown.saturating_sub(edge));
        u64::try_from(passed).unwrap_or(0)
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
        f.debug_struct("Heard").field("interval", &self.interval).field("from", &self.from).finish_non_exhaustive()
    }
}
