//! Bands: from local windows to runs on the UTC grid.

use std::collections::BTreeSet;

use jiff::civil::Date;
use protocol::tariff::{Band, Prices, Run, Schedule};
use protocol::time::{Span, Zone};

use super::calendar::Window;
use super::zone::QUARTER;

/// A band of a source: its price, and when it holds.
#[derive(Clone, Debug)]
pub struct BandRule {
    /// Name and price.
    pub band: Band,
    /// Any of these; `None` is the rest.
    pub windows: Option<Vec<Window>>,
}

/// Why bands do not make a schedule. Bands are named by their place; times are Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BandError {
    /// Two bands hold at the same time.
    Overlap {
        /// One band.
        first: usize,
        /// The other.
        second: usize,
        /// When.
        at: u64,
    },
    /// No band holds.
    Uncovered {
        /// When.
        at: u64,
    },
    /// Two bands are the rest.
    TwoRests {
        /// The second of them.
        second: usize,
    },
    /// The clock is not on quarter-hours of UTC.
    OffGrid {
        /// When.
        at: u64,
    },
    /// More bands, or a longer validity, than a tariff can carry.
    TooMany,
}

/// The schedule of one price.
///
/// # Errors
/// When the span is longer than a tariff can carry.
pub fn flat(price: i64, span: Span) -> Result<Schedule, BandError> {
    let rule = BandRule { band: Band { name: "flat".into(), price }, windows: None };
    let quarters = (span.from / QUARTER, span.until.div_ceil(QUARTER));
    schedule_of(&[rule], &[(quarters.0, 0)], quarters.1)
}

/// The schedule of bands over a span, by a clock.
///
/// # Errors
/// When some moment has no band or several, or the clock is off the quarter-hour.
pub fn schedule(
    rules: &[BandRule],
    span: Span,
    clock: &Zone,
    holidays: &BTreeSet<Date>,
) -> Result<Schedule, BandError> {
    let rest = rest(rules)?;
    let quarters = span.from / QUARTER..span.until.div_ceil(QUARTER);
    // A change beyond the span may be off the grid: it decides nothing.
    let changes = clock.changes.iter().map(|c| c.at).filter(|at| (span.from..span.until).contains(at));
    for at in std::iter::once(span.from).chain(changes) {
        if i64::from(clock.offset_at(at)).rem_euclid(900) != 0 || !at.is_multiple_of(QUARTER) {
            return Err(BandError::OffGrid { at });
        }
    }
    let mut starts: Vec<(u64, usize)> = Vec::new();
    for quarter in quarters.clone() {
        let at = quarter * QUARTER;
        let (date, seconds) = clock.local(at);
        let mut holding = rules.iter().enumerate().filter(|(_, rule)| {
            rule.windows.as_ref().is_some_and(|windows| windows.iter().any(|w| w.holds(date, seconds, holidays)))
        });
        let place = match (holding.next(), holding.next()) {
            (Some((first, _)), Some((second, _))) => return Err(BandError::Overlap { first, second, at }),
            (Some((place, _)), None) => place,
            (None, _) => rest.ok_or(BandError::Uncovered { at })?,
        };
        if starts.last().is_none_or(|(_, last)| *last != place) {
            starts.push((quarter, place));
        }
    }
    schedule_of(rules, &starts, quarters.end)
}

fn rest(rules: &[BandRule]) -> Result<Option<usize>, BandError> {
    let mut rests = rules.iter().enumerate().filter(|(_, rule)| rule.windows.is_none()).map(|(place, _)| place);
    match (rests.next(), rests.next()) {
        (_, Some(second)) => Err(BandError::TwoRests { second }),
        (rest, None) => Ok(rest),
    }
}

/// Runs from quarter-hours at which bands begin, in the coarsest unit that all inner boundaries allow. The outer ends
/// are extended to that unit: what lies beyond the validity is never billed.
fn schedule_of(rules: &[BandRule], starts: &[(u64, usize)], end: u64) -> Result<Schedule, BandError> {
    let inner = starts.get(1..).unwrap_or(&[]);
    let fits = |quarters: u64| inner.iter().all(|(at, _)| at.is_multiple_of(quarters));
    let (quarters, base) = [(4, 3600), (2, 1800)].into_iter().find(|(q, _)| fits(*q)).unwrap_or((1, 900));
    let first = starts.first().map_or(0, |(at, _)| at / quarters);
    let mut runs = Vec::with_capacity(starts.len());
    for (place, (at, band)) in starts.iter().enumerate() {
        let next = starts.get(place + 1).map_or(end.div_ceil(quarters), |(next, _)| next / quarters);
        let units = u32::try_from(next - at / quarters).map_err(|_| BandError::TooMany)?;
        runs.push(Run { units, band: u8::try_from(*band).map_err(|_| BandError::TooMany)? });
    }
    let bands = rules.iter().map(|rule| rule.band.clone()).collect();
    Ok(Schedule { base, first, prices: Prices::Bands { bands, runs } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::calendar::Written;
    use crate::desk::zone;
    use proptest::prelude::*;

    fn rule(price: i64, written: Option<&[Written<'_>]>) -> BandRule {
        let windows = written.map(|w| w.iter().map(|w| Window::read(*w).unwrap()).collect());
        BandRule { band: Band { name: format!("at {price}"), price }, windows }
    }

    fn time<'a>(from: &'a str, to: &'a str) -> Written<'a> {
        Written { from: Some(from), to: Some(to), ..Written::default() }
    }

    fn span(zone: &str, from: &str, until: &str) -> (Span, Zone) {
        let tz = zone::named(zone).unwrap();
        let span = Span { from: zone::moment(from, &tz).unwrap(), until: zone::moment(until, &tz).unwrap() };
        (span, zone::compile(&tz, span).unwrap())
    }

    fn made(rules: &[BandRule], span: Span, clock: &Zone) -> Result<Schedule, BandError> {
        schedule(rules, span, clock, &BTreeSet::new())
    }

    fn count(schedule: &Schedule, span: Span, price: i64) -> usize {
        let prices = schedule.slots(span.from, 900, usize::try_from(span.seconds() / 900).unwrap()).unwrap();
        prices.iter().filter(|p| **p == price).count()
    }

    #[test]
    fn clock_change_days_follow_the_wall_clock() {
        let night = [time("23:00", "07:00")];
        let rules = [rule(30, None), rule(10, Some(&night))];
        // Night quarter-hours of the day with 23 hours, the day before, and the day with 25 hours.
        for (zone, days) in [
            (
                "Europe/London",
                [("2013-03-31", "2013-04-01", 28), ("2013-03-30", "2013-03-31", 32), ("2013-10-27", "2013-10-28", 36)],
            ),
            (
                "Europe/Brussels",
                [("2024-03-31", "2024-04-01", 28), ("2024-03-30", "2024-03-31", 32), ("2024-10-27", "2024-10-28", 36)],
            ),
            (
                "Australia/Sydney",
                [("2013-10-06", "2013-10-07", 28), ("2013-10-05", "2013-10-06", 32), ("2013-04-07", "2013-04-08", 36)],
            ),
        ] {
            for (from, until, expected) in days {
                let (span, clock) = span(zone, from, until);
                let schedule = made(&rules, span, &clock).unwrap();
                assert_eq!(schedule.base, 3600);
                assert_eq!((count(&schedule, span, 10), count(&schedule, span, 30)), (expected, 64), "{zone} {from}");
            }
        }
    }

    #[test]
    fn a_fixed_clock_moves_against_the_wall() {
        // Seven hours from midnight GMT: 01:00 to 08:00 in summer by the wall clock.
        let rules = [rule(30, None), rule(10, Some(&[time("00:00", "07:00")]))];
        let (span, _) = span("Europe/London", "2013-07-01", "2013-07-02");
        let clock = zone::clock("utc+0").unwrap().unwrap();
        let schedule = made(&rules, span, &clock).unwrap();
        let hours = schedule.slots(span.from, 3600, 24).unwrap();
        assert_eq!(hours.iter().position(|p| *p == 10), Some(1));
        assert_eq!(hours.iter().filter(|p| **p == 10).count(), 7);
    }

    #[test]
    fn the_unit_is_as_coarse_as_boundaries_allow() {
        let (london, clock) = span("Europe/London", "2013-01-01", "2013-02-01");
        for (from, base) in [("07:00", 3600), ("07:30", 1800), ("07:15", 900)] {
            let rules = [rule(30, None), rule(10, Some(&[time("00:00", from)]))];
            assert_eq!(made(&rules, london, &clock).unwrap().base, base, "{from}");
        }
        let (kathmandu, clock) = span("Asia/Kathmandu", "2013-01-01", "2013-02-01");
        let rules = [rule(30, None), rule(10, Some(&[time("00:00", "07:00")]))];
        assert_eq!(made(&rules, kathmandu, &clock).unwrap().base, 900);
        let plain = flat(30, kathmandu).unwrap();
        assert_eq!(plain.base, 3600);
        assert_eq!(plain.slots(kathmandu.from, 900, 31 * 96).unwrap(), vec![30; 31 * 96]);
    }

    #[test]
    fn overlaps_gaps_and_two_rests_are_refused() {
        let (span, clock) = span("Europe/London", "2013-01-01", "2013-02-01");
        let day = rule(30, Some(&[time("07:00", "23:00")]));
        let night = rule(10, Some(&[time("22:00", "07:00")]));
        assert_eq!(
            made(&[day.clone(), night], span, &clock),
            Err(BandError::Overlap { first: 0, second: 1, at: span.from + 22 * 3600 })
        );
        assert_eq!(made(std::slice::from_ref(&day), span, &clock), Err(BandError::Uncovered { at: span.from }));
        let rests = [day, rule(10, None), rule(20, None)];
        assert_eq!(made(&rests, span, &clock), Err(BandError::TwoRests { second: 2 }));
        // A band's own windows may overlap each other.
        let twice = rule(10, Some(&[time("00:00", "07:00"), time("06:00", "08:00")]));
        assert_eq!(count(&made(&[rule(30, None), twice], span, &clock).unwrap(), span, 10), 31 * 32);
    }

    #[test]
    fn a_clock_off_the_quarter_hour_is_refused() {
        let clock = Zone { name: "odd".into(), offset: 1172, changes: vec![] };
        let rules = [rule(30, None), rule(10, Some(&[time("00:00", "07:00")]))];
        let span = Span { from: 0, until: 86_400 };
        assert_eq!(made(&rules, span, &clock), Err(BandError::OffGrid { at: 0 }));
    }

    proptest! {
        /// Every quarter-hour has the price of the window its wall clock is in, whatever the unit chosen.
        #[test]
        fn the_grid_agrees_with_the_wall_clock(from in 0u32..96, length in 1u32..95, start in 15_000u64..16_500, days in 1u64..40) {
            let text = |quarter: u32| format!("{:02}:{:02}", quarter / 4, quarter % 4 * 15);
            let to = (from + length) % 96;
            let (first, end) = (text(from), text(to));
            let rules = [rule(30, None), rule(10, Some(&[time(&first, &end)]))];
            let tz = zone::named("Europe/London").unwrap();
            let span = Span { from: start * 86_400, until: (start + days) * 86_400 };
            let clock = zone::compile(&tz, span).unwrap();
            let schedule = made(&rules, span, &clock).unwrap();
            let prices = schedule.slots(span.from, 900, (days * 96) as usize).unwrap();
            for (place, price) in prices.iter().enumerate() {
                let quarter = clock.local(span.from + place as u64 * 900).1 / 900;
                let inside = (quarter + 96 - from) % 96 < length;
                prop_assert_eq!(*price, if inside { 10 } else { 30 });
            }
        }
    }
}
