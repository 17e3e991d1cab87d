//! Time zones: from IANA names to the offset changes that a tariff carries.
//!
//! The rules come from the database that is built into the program, never from the machine's, so the same source
//! compiles to the same bytes everywhere.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use protocol::metrology::label::DAY_SECONDS;
use protocol::time::{Change, Span, Zone};

use super::error::Problem;

/// Seconds of the finest metering interval; every boundary falls on this grid.
pub const QUARTER: u64 = 900;

/// The time zone of a name.
///
/// # Errors
/// When there is none of that name.
pub fn named(name: &str) -> Result<TimeZone, Problem> {
    TimeZoneDatabase::bundled().get(name).ok().filter(|tz| tz.iana_name().is_some()).ok_or_else(|| {
        Problem::new(format!(
            "\"{}\" is not a time zone; write an IANA name, such as \"Europe/London\"",
            name.escape_debug()
        ))
    })
}

/// The rules of a time zone for a span, with a day to either side so that both ends are local days in full.
///
/// # Errors
/// When the span leaves the years that calendars handle.
pub fn compile(tz: &TimeZone, span: Span) -> Result<Zone, Problem> {
    let start = timestamp(span.from.saturating_sub(DAY_SECONDS))?;
    let end = timestamp(span.until.saturating_add(DAY_SECONDS))?;
    let mut offset = tz.to_offset(start).seconds();
    let mut zone = Zone { name: tz.iana_name().unwrap_or_default().to_owned(), offset, changes: Vec::new() };
    for transition in tz.following(start).take_while(|t| t.timestamp() <= end) {
        let new = transition.offset().seconds();
        // Some transitions change only the abbreviation.
        if new != offset {
            let at = u64::try_from(transition.timestamp().as_second()).unwrap_or(0);
            zone.changes.push(Change { at, offset: new });
            offset = new;
        }
    }
    Ok(zone)
}

/// The moment a text names: a local date (its first second), or a date and time with an offset (RFC 3339).
///
/// # Errors
/// When it is neither, before 1970, or not on a quarter of an hour.
pub fn moment(text: &str, tz: &TimeZone) -> Result<u64, Problem> {
    let text = text.trim();
    let seconds = match text.parse::<Timestamp>() {
        Ok(timestamp) if timestamp.subsec_nanosecond() == 0 => Some(timestamp.as_second()),
        Ok(_) => None,
        Err(_) => Some(first_second(date(text)?, tz)?),
    };
    let seconds = seconds.and_then(|s| u64::try_from(s).ok()).filter(|s| s.is_multiple_of(QUARTER));
    seconds.ok_or_else(|| Problem::new(format!("{text} is before 1970 or not on a quarter of an hour")))
}

/// A date.
///
/// # Errors
/// When the text is not exactly `YYYY-MM-DD`.
pub fn date(text: &str) -> Result<Date, Problem> {
    text.parse::<Date>().ok().filter(|date| date.to_string() == text).ok_or_else(|| {
        Problem::new(format!(
            "\"{}\" is not a date such as \"2013-01-01\", nor a time such as \"2013-01-01T00:00:00Z\"",
            text.escape_debug()
        ))
    })
}

fn first_second(date: Date, tz: &TimeZone) -> Result<i64, Problem> {
    let start = date.to_zoned(tz.clone()).and_then(|noon| noon.start_of_day());
    start.map(|start| start.timestamp().as_second()).map_err(|_| Problem::new(format!("{date} is out of range")))
}

/// A clock that never changes, `utc`, `utc+1`, `utc-03:30`, for meters locked to standard time; `None` for `local`.
///
/// # Errors
/// When the text is neither.
pub fn clock(text: &str) -> Result<Option<Zone>, Problem> {
    if text == "local" {
        return Ok(None);
    }
    let offset = text.strip_prefix("utc").and_then(fixed_offset).ok_or_else(|| {
        Problem::new(format!(
            "\"{}\" is not a clock; write \"local\", or a fixed one such as \"utc+0\" or \"utc+05:30\"",
            text.escape_debug()
        ))
    })?;
    Ok(Some(Zone { name: text.to_owned(), offset, changes: Vec::new() }))
}

fn fixed_offset(text: &str) -> Option<i32> {
    if text.is_empty() {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.strip_prefix(['+', '-'])?;
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "00"));
    if !(1..=2).contains(&hours.len())
        || minutes.len() != 2
        || !(hours.to_owned() + minutes).bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// A moment as people write it, `2013-03-31 01:30`, by the clock of a zone.
#[must_use]
pub fn shown(time: u64, zone: &Zone) -> String {
    let (date, seconds) = zone.local(time);
    format!("{date} {:02}:{:02}", seconds / 3600, seconds / 60 % 60)
}

/// A moment in UTC, `2013-03-31T01:30Z`.
#[must_use]
pub fn shown_utc(time: u64) -> String {
    let utc = Zone { name: String::new(), offset: 0, changes: Vec::new() };
    shown(time, &utc).replace(' ', "T") + "Z"
}

fn timestamp(seconds: u64) -> Result<Timestamp, Problem> {
    let timestamp = i64::try_from(seconds).ok().and_then(|s| Timestamp::from_second(s).ok());
    timestamp.ok_or_else(|| Problem::new("the validity is out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn year(name: &str, year: i16) -> Zone {
        let tz = named(name).unwrap();
        let from = moment(&format!("{year}-01-01"), &tz).unwrap();
        let until = moment(&format!("{}-01-01", year + 1), &tz).unwrap();
        compile(&tz, Span { from, until }).unwrap()
    }

    #[test]
    fn london_2013() {
        let changes = vec![Change { at: 1_364_691_600, offset: 3600 }, Change { at: 1_382_835_600, offset: 0 }];
        assert_eq!(year("Europe/London", 2013), Zone { name: "Europe/London".into(), offset: 0, changes });
    }

    #[test]
    fn the_southern_summer_spans_the_new_year() {
        let sydney = year("Australia/Sydney", 2013);
        assert_eq!(sydney.offset, 11 * 3600);
        assert_eq!(sydney.changes.iter().map(|c| c.offset / 3600).collect::<Vec<_>>(), [10, 11]);
        assert_eq!(year("Australia/Brisbane", 2013).changes, []);
    }

    #[test]
    fn a_validity_that_begins_in_a_skipped_midnight_keeps_the_offset_before() {
        let tz = named("America/Sao_Paulo").unwrap();
        let from = moment("2018-10-21", &tz).unwrap();
        let span = Span { from, until: from + 10 * DAY_SECONDS };
        let zone = compile(&tz, span).unwrap();
        assert_eq!(zone.start_of(date("2018-10-21").unwrap()), Some(from));
        assert_eq!(zone.offset, -3 * 3600);
    }

    #[test]
    fn moments_and_clocks() {
        let tz = named("Europe/Brussels").unwrap();
        assert_eq!(moment("2024-01-01", &tz), moment("2023-12-31T23:00:00Z", &tz));
        assert_eq!(moment("2024-01-01T00:00:00+01:00", &tz), moment("2024-01-01", &tz));
        for bad in ["2024-1-1", "2024-02-30", "2024-01-01T00:00", "2024-01-01T00:07:00Z", "1969-12-31", "tomorrow", ""]
        {
            assert!(moment(bad, &tz).is_err(), "{bad}");
        }
        let offset = |text| clock(text).map(|zone| zone.map(|z| z.offset));
        assert_eq!(offset("local"), Ok(None));
        assert_eq!(offset("utc"), Ok(Some(0)));
        assert_eq!(offset("utc+10"), Ok(Some(36_000)));
        assert_eq!(offset("utc-03:30"), Ok(Some(-12_600)));
        for bad in ["", "gmt", "utc+", "utc10", "utc+1:5", "utc+15", "utc+01:60", "utc++1", "UTC+1"] {
            assert!(clock(bad).is_err(), "{bad}");
        }
        assert!(named("Europe/Atlantis").is_err());
        assert_eq!(named("europe/london").unwrap().iana_name(), Some("Europe/London"));
        assert_eq!(shown_utc(1_364_691_600), "2013-03-31T01:00Z");
    }

    proptest! {
        /// The protocol, without a database, finds the same days as the database.
        #[test]
        fn local_days_begin_where_the_database_says(
            name in prop::sample::select(vec!["Europe/London", "Australia/Sydney", "America/Sao_Paulo", "Asia/Kathmandu", "Africa/Casablanca", "America/St_Johns", "Asia/Gaza"]),
            start in 10_000i64..20_000,
            days in 1i64..800,
        ) {
            let tz = named(name).unwrap();
            let at = |day| first_second(protocol::time::date_of_day(day), &tz).unwrap() as u64;
            let span = Span { from: at(start), until: at(start + days) };
            let zone = compile(&tz, span).unwrap();
            for day in start..=start + days {
                prop_assert_eq!(zone.start_of(protocol::time::date_of_day(day)), Some(at(day)));
            }
            prop_assert_eq!(zone.days(&span).map(|d| d.len() as i64), Some(days));
        }
    }
}
