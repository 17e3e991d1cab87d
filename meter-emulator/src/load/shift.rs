//! Moving a load by whole calendar years, so that old readings meet today's prices.

use jiff::civil::Date;
use metrology::label::DAY_SECONDS;
use protocol::time::day_of_date;

use super::{Load, LoadError, Series};
use sealer::time::date_of;

impl Load {
    /// The same load `years` later, every slot at the same month, day and time. Where the way leads over a
    /// 29 February that the load does not have, that day is missing.
    ///
    /// # Errors
    /// When the load holds a 29 February that the target year does not have, or leaves the years that can be counted.
    pub fn shift_years(self, years: i32) -> Result<Self, LoadError> {
        let per_day = self.interval().slots_per_day();
        let moved = |slot: u64| Ok::<_, LoadError>(moved_day(slot / per_day, years)? * per_day + slot % per_day);
        let first = moved(self.first())?;
        let last = moved(self.first() + self.length() - 1)?;
        let length = usize::try_from(last - first + 1).map_err(|_| LoadError::ShiftOutOfRange)?;
        let mut places = Vec::new();
        let mut day = None;
        for slot in self.first()..self.first() + self.length() {
            let start = match day {
                Some((known, start)) if known == slot / per_day => start,
                _ => moved_day(slot / per_day, years)? * per_day,
            };
            day = Some((slot / per_day, start));
            places.push(usize::try_from(start + slot % per_day - first).map_err(|_| LoadError::ShiftOutOfRange)?);
        }
        let interval = self.interval();
        let series = self.series.into_iter().map(|series| {
            let mut amounts = vec![None; length];
            for (place, amount) in places.iter().zip(series.amounts) {
                if let Some(free) = amounts.get_mut(*place) {
                    *free = amount;
                }
            }
            Series { name: series.name, amounts }
        });
        Self::new(interval, first, series.collect()).ok_or(LoadError::ShiftOutOfRange)
    }
}

/// The day of the same date `years` later.
fn moved_day(day: u64, years: i32) -> Result<u64, LoadError> {
    let date = date_of(day.saturating_mul(DAY_SECONDS));
    let target = i32::from(date.year()).saturating_add(years);
    let year = i16::try_from(target).ok().filter(|y| (1970..=9999).contains(y)).ok_or(LoadError::ShiftOutOfRange)?;
    let moved =
        Date::new(year, date.month(), date.day()).map_err(|_| LoadError::LeapDay { year: date.year(), target })?;
    u64::try_from(day_of_date(moved)).map_err(|_| LoadError::ShiftOutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrology::label::Interval;
    use sealer::time::{parse_moment, show};

    fn days(from: &str, until: &str) -> Load {
        let hour = |text| parse_moment(text).unwrap() / 3600;
        let amounts = (0..u32::try_from(hour(until) - hour(from)).unwrap()).map(Some).collect();
        Load::new(Interval::HOUR, hour(from), vec![Series { name: "a".into(), amounts }]).unwrap()
    }

    fn bounds(load: &Load) -> (String, String) {
        (show(load.span().from), show(load.span().until))
    }

    #[test]
    fn dates_stay_and_years_move() {
        let moved = days("2013-01-01", "2013-12-31").shift_years(12).unwrap();
        assert_eq!(bounds(&moved), ("2025-01-01T00:00Z".into(), "2025-12-31T00:00Z".into()));
        let back = moved.shift_years(-12).unwrap();
        assert_eq!(back, days("2013-01-01", "2013-12-31"));
    }

    #[test]
    fn a_leap_day_needs_a_leap_year() {
        assert_eq!(bounds(&days("2012-02-28", "2012-03-02").shift_years(4).unwrap()).0, "2016-02-28T00:00Z");
        let error = days("2012-02-28", "2012-03-02").shift_years(1).unwrap_err();
        assert_eq!(error, LoadError::LeapDay { year: 2012, target: 2013 });
    }

    #[test]
    fn a_leap_day_that_the_load_lacks_is_missing() {
        let moved = days("2013-02-28", "2013-03-02").shift_years(3).unwrap();
        let amounts = &moved.series()[0].amounts;
        assert_eq!(
            (amounts.len(), amounts[23], amounts[24], amounts[47], amounts[48]),
            (72, Some(23), None, None, Some(24))
        );
    }

    #[test]
    fn years_have_limits() {
        for years in [-44, 8000, i32::MAX, i32::MIN] {
            assert_eq!(days("2013-01-01", "2013-01-02").shift_years(years), Err(LoadError::ShiftOutOfRange));
        }
    }
}
