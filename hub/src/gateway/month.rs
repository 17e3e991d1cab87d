//! Local months, by the offsets that a tariff carries.

use jiff::civil::Date;
use protocol::time::{Span, Zone};

/// The local month that begins at a Unix second; none when none begins there.
#[must_use]
pub fn month_from(zone: &Zone, first: u64) -> Option<Span> {
    let (date, second) = zone.local(first);
    if date.day() != 1 || second != 0 {
        return None;
    }
    let next = date.last_of_month().tomorrow().ok()?;
    Some(Span { from: first, until: zone.start_of(next)? })
}

/// The first second of a month written as `2026-03`.
#[must_use]
pub fn start_of_month(zone: &Zone, text: &str) -> Option<u64> {
    let date: Date = format!("{text}-01").parse().ok()?;
    if text.len() != "2026-03".len() {
        return None;
    }
    zone.start_of(date)
}

/// A time at or shortly before the end of the local month that begins at a Unix second, in whichever zone: within the month
/// the clocks change by an hour at most.
#[must_use]
pub fn ends_at_the_earliest(first: u64) -> u64 {
    let utc = Zone { name: "UTC".into(), offset: 0, changes: Vec::new() };
    // Any zone is within a day of UTC: the middle of the month lies in it everywhere.
    let (middle, _) = utc.local(first.saturating_add(15 * 86_400));
    let days = u64::from(middle.days_in_month().unsigned_abs());
    first.saturating_add(days * 86_400 - 3600)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::time::Change;

    #[test]
    fn months_of_a_zone_with_summer_time() {
        let zone = Zone {
            name: "Europe/Amsterdam".into(),
            offset: 3600,
            changes: vec![
                Change { at: 1_774_746_000, offset: 7200 }, // 29 March 2026
                Change { at: 1_792_890_000, offset: 3600 }, // 25 October 2026
            ],
        };
        let march = start_of_month(&zone, "2026-03").unwrap();
        assert_eq!(march, 1_772_319_600);
        let span = month_from(&zone, march).unwrap();
        assert_eq!(span.seconds(), 31 * 86_400 - 3600);
        let october = month_from(&zone, start_of_month(&zone, "2026-10").unwrap()).unwrap();
        assert_eq!(october.seconds(), 31 * 86_400 + 3600);
        let december = month_from(&zone, start_of_month(&zone, "2026-12").unwrap()).unwrap();
        assert_eq!(december.until, start_of_month(&zone, "2027-01").unwrap());
        assert_eq!(month_from(&zone, march + 3600), None);
        for month in 1..=12 {
            let span = month_from(&zone, start_of_month(&zone, &format!("2026-{month:02}")).unwrap()).unwrap();
            let earliest = ends_at_the_earliest(span.from);
            assert!((span.until - 2 * 3600..=span.until).contains(&earliest), "month {month}");
        }
        for bad in ["", "2026-3", "2026-13", "March 2026", "2026-03-01", "2026-03-"] {
            assert_eq!(start_of_month(&zone, bad), None, "{bad}");
        }
    }
}
