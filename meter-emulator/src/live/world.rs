//! What passes through the registers, as a function of time: the world outside the meter.
//!
//! World time is not the meter's: a meter whose clock is wrong still counts what passes. All amounts are 10⁻⁴ units.

use metrology::label::{Interval, Status};
use sealer::Source;

use crate::load::{Load, LoadError};

/// A load that can be asked at any second.
#[derive(Clone, Debug)]
pub struct World {
    load: Load,
    /// For each series, what has passed before each slot; one more than there are slots.
    before: Vec<Vec<u64>>,
}

impl World {
    /// Takes a load over.
    ///
    /// # Errors
    /// When its amounts go beyond what a register can count.
    pub fn new(load: Load) -> Result<Self, LoadError> {
        let mut before = Vec::new();
        for series in load.series() {
            let mut sums = Vec::with_capacity(series.amounts.len() + 1);
            let mut sum = 0u64;
            sums.push(sum);
            for amount in &series.amounts {
                sum = sum.checked_add(amount.unwrap_or(0).into()).ok_or(LoadError::NothingLeft)?;
                sums.push(sum);
            }
            before.push(sums);
        }
        Ok(Self { load, before })
    }

    /// The load.
    #[must_use]
    pub fn load(&self) -> &Load {
        &self.load
    }

    /// Whether the load knows what passed between two moments; outside of the load it does not.
    fn known(&self, series: usize, from: u64, until: u64) -> bool {
        let seconds = self.load.interval().seconds();
        let amounts = self.load.series().get(series).map_or(&[][..], |series| &series.amounts);
        (from / seconds..until.div_ceil(seconds)).all(|slot| {
            let place = slot.checked_sub(self.load.first()).and_then(|place| usize::try_from(place).ok());
            place.and_then(|place| amounts.get(place)).is_some_and(Option::is_some)
        })
    }

    /// Power of a series, in 10⁻⁴ units an hour: the mean of the current slot; none where the load knows nothing.
    pub(crate) fn rate(&self, series: usize, at: u64) -> Option<u64> {
        let seconds = self.load.interval().seconds();
        let place = usize::try_from((at / seconds).checked_sub(self.load.first())?).ok()?;
        let amount = *self.load.series().get(series)?.amounts.get(place)?;
        Some(u64::from(amount?) * 3600 / seconds)
    }

    /// What has passed since the load's beginning; within a slot in proportion to its time.
    fn total(&self, series: usize, at: u64) -> u64 {
        let (span, seconds) = (self.load.span(), self.load.interval().seconds());
        let at = at.clamp(span.from, span.until) - span.from;
        let Some(sums) = self.before.get(series) else { return 0 };
        let place = usize::try_from(at / seconds).unwrap_or(usize::MAX);
        let sum = |place: usize| sums.get(place).or(sums.last()).copied().unwrap_or(0);
        let within = sum(place.saturating_add(1)) - sum(place);
        // An amount has 32 bits and a slot less than 2¹² seconds.
        sum(place) + within * (at % seconds) / seconds
    }
}

impl Source for World {
    fn interval(&self) -> Interval {
        self.load.interval()
    }

    fn from(&self) -> u64 {
        self.load.span().from
    }

    fn until(&self) -> u64 {
        self.load.span().until
    }

    fn passed(&self, series: usize, from: u64, until: u64) -> u64 {
        self.total(series, until).saturating_sub(self.total(series, from))
    }

    fn status(&self, series: usize, from: u64, until: u64) -> Status {
        if self.known(series, from, until) { Status::Measured } else { Status::Missing }
    }

    /// A certified meter knows it always: where the load knows nothing, nothing passes.
    fn power(&self, ways: &[(usize, i64)], at: u64) -> Option<i64> {
        let rate = |series: usize| i64::try_from(self.rate(series, at).unwrap_or(0)).unwrap_or(i64::MAX);
        let power = ways.iter().map(|(series, sign)| sign * rate(*series)).fold(0, i64::saturating_add);
        (!ways.is_empty()).then_some(power)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Series;

    fn world() -> World {
        let amounts = vec![Some(1800), None, Some(3600)];
        World::new(Load::new(Interval::HALF, 10, vec![Series { name: "a".into(), amounts }]).unwrap()).unwrap()
    }

    #[test]
    fn parts_of_slots_add_up() {
        let (world, start) = (world(), 18_000);
        assert_eq!((world.from(), world.until()), (start, start + 5400));
        assert_eq!(world.passed(0, 0, u64::MAX), 5400);
        assert_eq!(world.passed(0, start, start + 1), 1);
        assert_eq!(world.passed(0, start + 900, start + 3601), 900 + 2);
        for cut in (0..6000).step_by(7) {
            let (a, b) = (world.passed(0, start, start + cut), world.passed(0, start + cut, start + 6000));
            assert_eq!(a + b, 5400, "{cut}");
        }
        assert_eq!(world.passed(1, 0, u64::MAX), 0, "no such series");
    }

    #[test]
    fn missing_and_outside_is_not_known() {
        let (world, start) = (world(), 18_000);
        assert!(world.known(0, start, start + 1800) && world.known(0, start + 3600, start + 5400));
        for (from, until) in [(start - 1, start), (start, start + 1801), (start + 5400, start + 5401)] {
            assert!(!world.known(0, from, until));
        }
        assert_eq!(world.rate(0, start + 5), Some(3600));
        assert_eq!((world.rate(0, start + 1800), world.rate(0, start - 1), world.rate(1, start)), (None, None, None));
    }
}
