//! A load: what passes through a meter's registers, slot by slot, before the meter sees it.
//!
//! It comes from a file ([`read_csv`]) or from [`crate::household`]; it can be cut and moved by whole years, and is
//! sealed by a [`crate::Course`]. Amounts are exact 10⁻⁴ units and never print.

mod error;
mod rebin;
mod shift;
mod table;

pub use error::LoadError;
pub use table::{Import, read_csv};

use std::fmt;

use metrology::label::Interval;
use protocol::time::Span;

/// What one register counts.
#[derive(Clone, PartialEq, Eq)]
pub struct Series {
    /// What its source calls it.
    pub name: String,
    /// The advance in each slot in 10⁻⁴ units; none where it is missing.
    pub amounts: Vec<Option<u32>>,
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Series({:?}, {} slots)", self.name, self.amounts.len())
    }
}

/// Series over the same run of slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    interval: Interval,
    first: u64,
    length: u64,
    series: Vec<Series>,
}

impl Load {
    /// Series that begin at slot `first`. `None` when there is none, when they are empty or of unequal length, or when
    /// their time goes beyond what can be counted.
    #[must_use]
    pub fn new(interval: Interval, first: u64, series: Vec<Series>) -> Option<Self> {
        let length = u64::try_from(series.first()?.amounts.len()).ok()?;
        let equal = series.windows(2).all(|w| matches!(w, [a, b] if a.amounts.len() == b.amounts.len()));
        first.checked_add(length)?.checked_mul(interval.seconds())?;
        (equal && length > 0).then_some(Self { interval, first, length, series })
    }

    /// How long a slot lasts.
    #[must_use]
    pub fn interval(&self) -> Interval {
        self.interval
    }

    /// The first slot on the UTC grid.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Number of slots.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The series.
    #[must_use]
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// The time it covers.
    #[must_use]
    pub fn span(&self) -> Span {
        let seconds = self.interval.seconds();
        Span { from: self.first * seconds, until: (self.first + self.length) * seconds }
    }

    /// Keeps the slots that lie wholly within `[from, until)`.
    ///
    /// # Errors
    /// When none is left.
    pub fn cut(self, from: Option<u64>, until: Option<u64>) -> Result<Self, LoadError> {
        let seconds = self.interval.seconds();
        let first = from.map_or(0, |from| from.div_ceil(seconds)).max(self.first);
        let end = until.map_or(u64::MAX, |until| until / seconds).min(self.first + self.length);
        let skip = usize::try_from(first - self.first).unwrap_or(usize::MAX);
        let keep = usize::try_from(end.saturating_sub(first)).unwrap_or(usize::MAX);
        let series = self.series.into_iter().map(|mut series| {
            series.amounts = series.amounts.into_iter().skip(skip).take(keep).collect();
            series
        });
        Self::new(self.interval, first, series.collect()).ok_or(LoadError::NothingLeft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(amounts: &[u32]) -> Load {
        let amounts = amounts.iter().map(|a| Some(*a)).collect();
        Load::new(Interval::HALF, 100, vec![Series { name: "a".into(), amounts }]).unwrap()
    }

    #[test]
    fn cutting_keeps_whole_slots() {
        let slot = 1800;
        let cut = |from, until| load(&[1, 2, 3, 4]).cut(from, until);
        assert_eq!(cut(None, None).unwrap(), load(&[1, 2, 3, 4]));
        let inner = cut(Some(101 * slot), Some(103 * slot)).unwrap();
        assert_eq!((inner.first(), inner.length(), inner.series()[0].amounts[0]), (101, 2, Some(2)));
        let ragged = cut(Some(101 * slot - 1), Some(104 * slot - 1)).unwrap();
        assert_eq!((ragged.first(), ragged.length()), (101, 2));
        assert_eq!(cut(Some(0), Some(u64::MAX)).unwrap().length(), 4);
        for (from, until) in [(104 * slot, u64::MAX), (0, 100 * slot), (102 * slot, 101 * slot)] {
            assert_eq!(cut(Some(from), Some(until)), Err(LoadError::NothingLeft));
        }
    }

    #[test]
    fn unequal_or_empty_series_are_no_load() {
        let series = |n| Series { name: "a".into(), amounts: vec![None; n] };
        assert!(Load::new(Interval::HALF, 0, vec![]).is_none());
        assert!(Load::new(Interval::HALF, 0, vec![series(0)]).is_none());
        assert!(Load::new(Interval::HALF, 0, vec![series(2), series(3)]).is_none());
        assert!(Load::new(Interval::HALF, u64::MAX, vec![series(2)]).is_none());
    }

    #[test]
    fn readings_do_not_print() {
        assert!(!format!("{:?}", load(&[123_456])).contains("123456"));
    }
}
