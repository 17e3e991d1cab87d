//! Days, weeks and months, each with a budget of bits.

use std::collections::BTreeMap;

use metrology::label::DAY_SECONDS;
use minicbor::{Decode, Encode};

use super::{DAY_FLOOR_BITS, FLOOR_BITS, TYPICAL_HALF_HOUR};
use crate::time::{Zone, date_of_day, day_of_date};

/// A stretch of local time that has a budget. Numbers grow with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Window {
    /// Days since 1970-01-01.
    #[n(0)]
    Day(#[n(0)] i64),
    /// Weeks from Monday, the first that of 1970-01-01.
    #[n(1)]
    Week(#[n(0)] i64),
    /// Months since January of the year 0.
    #[n(2)]
    Month(#[n(0)] i64),
}

impl Window {
    /// The windows that hold a day.
    #[must_use]
    pub fn of_day(day: i64) -> [Self; 3] {
        let date = date_of_day(day);
        // 1970-01-01 was a Thursday.
        let week = (day + 3).div_euclid(7);
        [Self::Day(day), Self::Week(week), Self::Month(i64::from(date.year()) * 12 + i64::from(date.month()) - 1)]
    }

    /// Its first day, since 1970-01-01.
    #[must_use]
    pub fn first_day(self) -> i64 {
        match self {
            Self::Day(day) => day,
            Self::Week(week) => week * 7 - 3,
            Self::Month(month) => {
                let year = i16::try_from(month.div_euclid(12)).unwrap_or(i16::MAX);
                let month = i8::try_from(month.rem_euclid(12) + 1).unwrap_or(1);
                jiff::civil::Date::new(year, month, 1).map_or(0, day_of_date)
            }
        }
    }

    /// How many days it has.
    #[must_use]
    pub fn days(self) -> i64 {
        match self {
            Self::Day(_) => 1,
            Self::Week(_) => 7,
            Self::Month(month) => Self::Month(month + 1).first_day() - self.first_day(),
        }
    }

    /// Bits that may be learnt of it: a quarter of what its typical readings are, ¼·log₂(1 + x_typ) a slot, and no less than
    /// one exact sum.
    #[must_use]
    pub fn budget(self, interval: u64) -> f64 {
        let slots = self.days() as f64 * (DAY_SECONDS / interval.max(1)) as f64;
        DAY_FLOOR_BITS.max(slots * bits_of_slot(interval))
    }
}

/// Bits that may be learnt of so few slots, fewer than a day has.
pub(super) fn budget_of_few(slots: usize, interval: u64) -> f64 {
    FLOOR_BITS.max(slots as f64 * bits_of_slot(interval))
}

fn bits_of_slot(interval: u64) -> f64 {
    let typical = (TYPICAL_HALF_HOUR * interval / 1800) as f64;
    0.25 * (1.0 + typical).log2()
}

/// Bits by window.
pub type Bits = BTreeMap<Window, f64>;

/// The slots of one register on local days.
pub(super) struct Days<'a> {
    pub(super) zone: &'a Zone,
    pub(super) interval: u64,
}

impl Days<'_> {
    /// What slots have, summed over each window that they lie in.
    pub(super) fn windows<'r>(&self, slots: impl Iterator<Item = (u64, f64)> + 'r) -> Bits {
        let mut days: BTreeMap<i64, f64> = BTreeMap::new();
        for (slot, value) in slots {
            let time = slot.saturating_mul(self.interval);
            let local = i128::from(time) + i128::from(self.zone.offset_at(time));
            let day = i64::try_from(local.div_euclid(i128::from(DAY_SECONDS))).unwrap_or(i64::MAX);
            *days.entry(day).or_default() += value;
        }
        let mut sums = Bits::new();
        for (day, value) in days {
            for window in Window::of_day(day) {
                *sums.entry(window).or_default() += value;
            }
        }
        sums
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first = date_of_day(self.first_day());
        match self {
            Self::Day(_) => write!(f, "{first}"),
            Self::Week(_) => write!(f, "the week from {first}"),
            Self::Month(_) => write!(f, "{}-{:02}", first.year(), first.month()),
        }
    }
}
