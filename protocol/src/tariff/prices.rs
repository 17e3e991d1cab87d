//! Prices on the UTC grid: bands as runs, or a series with one price for each unit of time.

use minicbor::{Decode, Encode};

/// A step function of time: prices for units of `base` seconds, from unit number `first`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Schedule {
    /// Seconds of one unit; a divisor of a day.
    #[n(0)]
    pub base: u32,
    /// Number of the first unit: Unix time / base.
    #[n(1)]
    pub first: u64,
    /// The prices.
    #[n(2)]
    pub prices: Prices,
}

/// The values of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Prices {
    /// Few prices, each with a name, that alternate.
    #[n(0)]
    Bands {
        /// The bands; names are unique.
        #[n(0)]
        bands: Vec<Band>,
        /// Which band holds for how long; neighbours differ.
        #[n(1)]
        runs: Vec<Run>,
    },
    /// A price for each unit.
    #[n(1)]
    Series(#[n(0)] Vec<i64>),
}

/// A named price.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Band {
    /// For people.
    #[n(0)]
    pub name: String,
    /// 10⁻⁹ currency units per unit of the register.
    #[n(1)]
    pub price: i64,
}

/// A band for a number of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Run {
    /// Units of the schedule's base, at least 1.
    #[n(0)]
    pub units: u32,
    /// Place of the band.
    #[n(1)]
    pub band: u8,
}

/// Why a slot has no one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// The time is outside the schedule.
    #[error("the tariff has no price for part of the period")]
    NoPrice,
    /// The price changes within a slot.
    #[error("the price changes within a metering interval; the meter's interval is too long for this tariff")]
    ChangesWithinSlot,
}

impl Schedule {
    /// Units that have a price.
    #[must_use]
    pub fn units(&self) -> u64 {
        match &self.prices {
            Prices::Bands { runs, .. } => runs.iter().map(|r| u64::from(r.units)).sum(),
            Prices::Series(prices) => prices.len() as u64,
        }
    }

    /// The price of each slot from Unix time `from` on; slots last `interval` seconds.
    ///
    /// # Errors
    /// When a slot has no price or several.
    pub fn slots(&self, from: u64, interval: u64, count: usize) -> Result<Vec<i64>, PriceError> {
        Ok(self.select(from, interval, count)?.into_iter().map(|place| self.value(place)).collect())
    }

    /// The band of each slot, for showing sums by band; `None` when this is a series.
    ///
    /// # Errors
    /// As [`Schedule::slots`].
    pub fn bands(&self, from: u64, interval: u64, count: usize) -> Result<Option<Vec<usize>>, PriceError> {
        match &self.prices {
            Prices::Bands { .. } => self.select(from, interval, count).map(Some),
            Prices::Series(_) => Ok(None),
        }
    }

    /// Names of the bands; a series counts as one without a name of its own.
    #[must_use]
    pub fn band_names(&self) -> Vec<String> {
        match &self.prices {
            Prices::Bands { bands, .. } => bands.iter().map(|b| b.name.clone()).collect(),
            Prices::Series(_) => vec!["all prices".into()],
        }
    }

    fn value(&self, place: usize) -> i64 {
        match &self.prices {
            Prices::Bands { bands, .. } => bands.get(place).map_or(0, |b| b.price),
            Prices::Series(prices) => prices.get(place).copied().unwrap_or(0),
        }
    }

    /// For each slot the place of its price: a band, or a unit of the series.
    fn select(&self, from: u64, interval: u64, count: usize) -> Result<Vec<usize>, PriceError> {
        let base = u64::from(self.base).max(1);
        let first = self.first.checked_mul(base).ok_or(PriceError::NoPrice)?;
        let mut cursor = Cursor::new(self);
        let mut chosen = Vec::with_capacity(count);
        for slot in 0..count as u64 {
            let start = from + slot * interval;
            let end = start + interval - 1;
            let offset = start.checked_sub(first).ok_or(PriceError::NoPrice)?;
            let mut unit = offset / base;
            let last = (end - first) / base;
            let place = cursor.at(unit).ok_or(PriceError::NoPrice)?;
            while unit < last {
                unit += 1;
                let other = cursor.at(unit).ok_or(PriceError::NoPrice)?;
                if self.value(other) != self.value(place)
                    || matches!(self.prices, Prices::Bands { .. }) && other != place
                {
                    return Err(PriceError::ChangesWithinSlot);
                }
            }
            chosen.push(place);
        }
        Ok(chosen)
    }
}

/// Walks a schedule forwards.
struct Cursor<'a> {
    schedule: &'a Schedule,
    run: usize,
    before: u64,
}

impl<'a> Cursor<'a> {
    fn new(schedule: &'a Schedule) -> Self {
        Self { schedule, run: 0, before: 0 }
    }

    fn at(&mut self, unit: u64) -> Option<usize> {
        match &self.schedule.prices {
            Prices::Series(prices) => usize::try_from(unit).ok().filter(|place| *place < prices.len()),
            Prices::Bands { runs, .. } => loop {
                let run = runs.get(self.run)?;
                if unit < self.before + u64::from(run.units) {
                    return Some(usize::from(run.band));
                }
                self.before += u64::from(run.units);
                self.run += 1;
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bands(runs: &[(u32, u8)]) -> Schedule {
        let bands = [("day", 30), ("night", 10)].map(|(name, price)| Band { name: name.into(), price }).to_vec();
        let runs = runs.iter().map(|&(units, band)| Run { units, band }).collect();
        Schedule { base: 900, first: 96, prices: Prices::Bands { bands, runs } }
    }

    #[test]
    fn slots_take_the_price_that_holds_throughout() {
        let schedule = bands(&[(2, 1), (3, 0), (3, 1)]);
        assert_eq!(schedule.slots(86_400, 900, 8), Ok(vec![10, 10, 30, 30, 30, 10, 10, 10]));
        assert_eq!(schedule.slots(86_400, 1800, 2), Ok(vec![10, 30]));
        assert_eq!(schedule.slots(86_400, 1800, 3), Err(PriceError::ChangesWithinSlot));
        assert_eq!(schedule.slots(86_400, 900, 9), Err(PriceError::NoPrice));
        assert_eq!(schedule.slots(86_400 - 900, 900, 1), Err(PriceError::NoPrice));
        assert_eq!(schedule.bands(86_400 + 900, 900, 2), Ok(Some(vec![1, 0])));
    }

    #[test]
    fn an_hourly_price_serves_quarter_hours() {
        let schedule = Schedule { base: 3600, first: 10, prices: Prices::Series(vec![7, -2]) };
        assert_eq!(schedule.slots(36_000, 900, 8), Ok(vec![7, 7, 7, 7, -2, -2, -2, -2]));
        assert_eq!(schedule.slots(36_000, 7200, 1), Err(PriceError::ChangesWithinSlot));
    }

    proptest! {
        #[test]
        fn runs_equal_the_series_they_write_out(runs in proptest::collection::vec((1u32..5, 0u8..2), 1..20), at in 0usize..20) {
            let schedule = bands(&runs);
            let flat: Vec<i64> = runs.iter().flat_map(|&(n, b)| vec![[30, 10][usize::from(b)]; n as usize]).collect();
            let series = Schedule { prices: Prices::Series(flat.clone()), ..schedule.clone() };
            prop_assert_eq!(schedule.units(), series.units());
            let at = at.min(flat.len() - 1);
            let from = 86_400 + 900 * at as u64;
            prop_assert_eq!(schedule.slots(from, 900, flat.len() - at).unwrap(), &flat[at..]);
            prop_assert_eq!(series.slots(from, 900, flat.len() - at).unwrap(), &flat[at..]);
        }
    }
}
