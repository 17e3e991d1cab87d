//! When bills are due: the periods of a billing calendar, and the second from which each is late.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span as Months, Timestamp};
use protocol::time::Span;

use crate::desk;

/// Longest calendar that is looked at: forty years of months.
const MOST_PERIODS: usize = 480;

/// When a contract's bills are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billing {
    /// Calendar months of a period: 1, 3 or 12.
    pub months: u8,
    /// IANA time zone of the calendar.
    pub zone: String,
    /// Days after the end of a period until its bill is late.
    pub due_days: u16,
    /// Unix second from which bills are expected.
    pub from: u64,
}

impl Billing {
    /// The periods whose bills are late at a time, oldest first; none when the zone is not known here.
    #[must_use]
    pub fn overdue(&self, now: u64) -> Option<Vec<Span>> {
        let zone = desk::named(&self.zone).ok()?;
        let late = self.periods(&zone).take_while(|(_, late_from)| *late_from <= now);
        Some(late.map(|(period, _)| period).collect())
    }

    /// Periods with the second from which each is late. They begin on the first of a month; the first one may be cut.
    fn periods<'a>(&'a self, zone: &'a TimeZone) -> impl Iterator<Item = (Span, u64)> + 'a {
        let first = i64::try_from(self.from).ok().and_then(|s| Timestamp::from_second(s).ok());
        let month = first.map(|moment| moment.to_zoned(zone.clone()).date().first_of_month());
        // Quarters and years begin where the calendar has them.
        let aligned = month.and_then(|date| {
            let back = i64::from((date.month() - 1).rem_euclid(i8::try_from(self.months).unwrap_or(1).max(1)));
            date.checked_sub(Months::new().months(back)).ok()
        });
        let midnight = |date: Date| date.to_zoned(zone.clone()).ok().map(|z| z.timestamp().as_second());
        let unix = move |date: Date| midnight(date).and_then(|second| u64::try_from(second).ok());
        (0..MOST_PERIODS).map_while(move |place| {
            let months = i64::from(self.months);
            let start = aligned?.checked_add(Months::new().months(months * i64::try_from(place).ok()?)).ok()?;
            let end = start.checked_add(Months::new().months(months)).ok()?;
            let late = end.checked_add(Months::new().days(i64::from(self.due_days))).ok()?;
            let period = Span { from: unix(start)?.max(self.from), until: unix(end)? };
            Some((period, unix(late)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(text: &str) -> u64 {
        u64::try_from(text.parse::<Timestamp>().unwrap().as_second()).unwrap()
    }

    #[test]
    fn a_bill_is_late_some_days_after_its_local_month() {
        let zone = "Europe/Amsterdam".to_owned();
        let billing = Billing { months: 1, zone, due_days: 10, from: second("2026-02-27T23:00:00Z") };
        let days = |now: &str| billing.overdue(second(now)).unwrap().len();
        assert_eq!(days("2026-03-10T22:59:59Z"), 0);
        assert_eq!(days("2026-03-10T23:00:00Z"), 1, "ten days after the first of March, local time");
        assert_eq!(days("2026-04-10T21:59:59Z"), 1);
        assert_eq!(days("2026-04-10T22:00:00Z"), 2, "summer time");
        let periods = billing.overdue(second("2026-05-01T00:00:00Z")).unwrap();
        assert_eq!(periods[0], Span { from: billing.from, until: second("2026-02-28T23:00:00Z") });
        assert_eq!(periods[1], Span { from: second("2026-02-28T23:00:00Z"), until: second("2026-03-31T22:00:00Z") });
        let quarter = Billing { months: 3, ..billing.clone() };
        assert_eq!(quarter.overdue(second("2026-04-20T00:00:00Z")).unwrap()[0].until, second("2026-03-31T22:00:00Z"));
        let year = Billing { months: 12, ..billing.clone() };
        assert_eq!(year.overdue(second("2027-01-20T00:00:00Z")).unwrap()[0].until, second("2026-12-31T23:00:00Z"));
        let lost = Billing { zone: "Nowhere/Here".into(), ..billing };
        assert_eq!(lost.overdue(second("2027-01-20T00:00:00Z")), None);
    }
}
