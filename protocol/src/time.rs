//! Civil time without a time-zone database: local days follow from the offsets that a tariff carries.

use jiff::civil::Date;
use metrology::label::DAY_SECONDS;
use minicbor::{Decode, Encode};

/// A half-open span of Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(array)]
pub struct Span {
    /// First second.
    #[n(0)]
    pub from: u64,
    /// First second after it.
    #[n(1)]
    pub until: u64,
}

impl Span {
    /// Length in seconds; zero when it is empty or the wrong way round.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        self.until.saturating_sub(self.from)
    }

    /// Whether two spans share a second.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from < other.until && other.from < self.until
    }

    /// Whether `other` lies within this span.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.from <= other.from && other.until <= self.until
    }
}

/// A change of the offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Change {
    /// Unix second from which the offset holds.
    #[n(0)]
    pub at: u64,
    /// Seconds east of UTC.
    #[n(1)]
    pub offset: i32,
}

/// A time zone's rules for the span of a tariff.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Zone {
    /// IANA name, for people.
    #[n(0)]
    pub name: String,
    /// Seconds east of UTC before the first change.
    #[n(1)]
    pub offset: i32,
    /// Changes in order of time.
    #[n(2)]
    pub changes: Vec<Change>,
}

/// Offsets stay within a day.
const MAX_OFFSET: i32 = 86_400;

impl Zone {
    /// Whether changes are in order and every offset is below a day.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let ordered = self.changes.windows(2).all(|w| matches!(w, [a, b] if a.at < b.at));
        ordered
            && std::iter::once(self.offset).chain(self.changes.iter().map(|c| c.offset)).all(|o| o.abs() < MAX_OFFSET)
    }

    /// Seconds east of UTC at a Unix time.
    #[must_use]
    pub fn offset_at(&self, time: u64) -> i32 {
        self.changes.iter().rev().find(|c| c.at <= time).map_or(self.offset, |c| c.offset)
    }

    /// The local date and the seconds since its nominal midnight.
    #[must_use]
    pub fn local(&self, time: u64) -> (Date, u32) {
        let local = i128::from(time) + i128::from(self.offset_at(time));
        let seconds = u32::try_from(local.rem_euclid(i128::from(DAY_SECONDS))).unwrap_or(0);
        (date_of_day(i64::try_from(local.div_euclid(i128::from(DAY_SECONDS))).unwrap_or(0)), seconds)
    }

    /// The Unix time at which a local date begins. `None` when it is before 1970.
    ///
    /// When midnight is skipped by a clock change this is the moment of the change; when it happens twice, the first.
    #[must_use]
    pub fn start_of(&self, date: Date) -> Option<u64> {
        let nominal = i128::from(day_of_date(date)) * i128::from(DAY_SECONDS);
        let mut offsets: Vec<i32> = std::iter::once(self.offset).chain(self.changes.iter().map(|c| c.offset)).collect();
        offsets.sort_unstable();
        offsets.dedup();
        let exact = offsets
            .iter()
            .filter_map(|offset| u64::try_from(nominal - i128::from(*offset)).ok())
            .filter(|time| self.local(*time) == (date, 0))
            .min();
        exact.or_else(|| self.changes.iter().map(|c| c.at).find(|at| self.local(*at).0 == date))
    }

    /// The local days of a span that begins and ends at the start of a local day, in order. `None` otherwise.
    #[must_use]
    pub fn days(&self, span: &Span) -> Option<Vec<Date>> {
        let (first, _) = self.local(span.from);
        let (end, _) = self.local(span.until);
        if self.start_of(first)? != span.from || self.start_of(end)? != span.until || first >= end {
            return None;
        }
        Some((day_of_date(first)..day_of_date(end)).map(date_of_day).collect())
    }
}

/// Days since 1970-01-01.
#[must_use]
pub fn day_of_date(date: Date) -> i64 {
    let epoch = Date::constant(1970, 1, 1);
    date.since((jiff::Unit::Day, epoch)).map_or(0, |span| i64::from(span.get_days()))
}

/// The date of a day counted from 1970-01-01.
#[must_use]
pub fn date_of_day(day: i64) -> Date {
    Date::constant(1970, 1, 1).saturating_add(jiff::Span::new().try_days(day).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// London 2013: +1 h from 31 March 01:00Z to 27 October 01:00Z.
    fn london() -> Zone {
        let changes = vec![Change { at: 1_364_691_600, offset: 3600 }, Change { at: 1_382_835_600, offset: 0 }];
        Zone { name: "Europe/London".into(), offset: 0, changes }
    }

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn days_and_dates() {
        assert_eq!(day_of_date(date("1970-01-01")), 0);
        assert_eq!(day_of_date(date("2013-03-31")), 15_795);
        for day in [-719_162, -1, 0, 59, 15_795, 40_000] {
            assert_eq!(day_of_date(date_of_day(day)), day);
        }
    }

    #[test]
    fn clock_change_days_have_23_and_25_hours() {
        let zone = london();
        for (day, next, hours) in
            [("2013-03-30", "2013-03-31", 24), ("2013-03-31", "2013-04-01", 23), ("2013-10-27", "2013-10-28", 25)]
        {
            let length = zone.start_of(date(next)).unwrap() - zone.start_of(date(day)).unwrap();
            assert_eq!(length, hours * 3600, "{day}");
        }
    }

    #[test]
    fn local_days_of_a_month() {
        let zone = london();
        let span = Span {
            from: zone.start_of(date("2013-03-01")).unwrap(),
            until: zone.start_of(date("2013-04-01")).unwrap(),
        };
        let days = zone.days(&span).unwrap();
        assert_eq!((days.len(), days[0], days[30]), (31, date("2013-03-01"), date("2013-03-31")));
        assert_eq!(span.seconds(), (31 * 24 - 1) * 3600);
        assert_eq!(zone.days(&Span { from: span.from + 1800, ..span }), None);
        assert_eq!(zone.days(&Span { until: span.until + 1, ..span }), None);
    }

    #[test]
    fn a_skipped_midnight_begins_at_the_change() {
        // São Paulo, 21 October 2018: 00:00 became 01:00 at 03:00Z.
        let zone = Zone {
            name: "America/Sao_Paulo".into(),
            offset: -10_800,
            changes: vec![Change { at: 1_540_090_800, offset: -7200 }],
        };
        assert_eq!(zone.start_of(date("2018-10-21")), Some(1_540_090_800));
        assert_eq!(zone.start_of(date("2018-10-22")), Some(1_540_090_800 + 23 * 3600));
    }

    #[test]
    fn disorder_is_noticed() {
        let mut zone = london();
        zone.changes.reverse();
        assert!(!zone.is_well_formed());
    }
}
