//! Times as files and people write them, all in UTC.

use jiff::{Timestamp, civil::Date};
use metrology::label::DAY_SECONDS;
use protocol::time::{Span, date_of_day, day_of_date};

/// Reads `YYYY-MM-DDTHH:MMZ`, the same with seconds, or RFC 3339 with an offset. `None` before 1970 and for fractions
/// of a second.
#[must_use]
pub fn parse_time(text: &str) -> Option<u64> {
    if text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let time: Timestamp = text.parse().ok()?;
    if time.subsec_nanosecond() != 0 {
        return None;
    }
    u64::try_from(time.as_second()).ok()
}

/// Reads a time as [`parse_time`] does, or a date, which means its midnight in UTC.
#[must_use]
pub fn parse_moment(text: &str) -> Option<u64> {
    if text.len() != "YYYY-MM-DD".len() {
        return parse_time(text);
    }
    let date: Date = text.parse().ok()?;
    u64::try_from(day_of_date(date)).ok()?.checked_mul(DAY_SECONDS)
}

/// Reads `FROM..UNTIL`, a half-open span that is not empty.
#[must_use]
pub fn parse_span(text: &str) -> Option<Span> {
    let (from, until) = text.split_once("..")?;
    let span = Span { from: parse_moment(from)?, until: parse_moment(until)? };
    (span.seconds() > 0).then_some(span)
}

/// The date of a Unix time in UTC.
#[must_use]
pub fn date_of(time: u64) -> Date {
    date_of_day(i64::try_from(time / DAY_SECONDS).unwrap_or(i64::MAX))
}

/// Hours, minutes and seconds of a Unix time in UTC.
#[must_use]
pub fn clock_of(time: u64) -> (u64, u64, u64) {
    let seconds = time % DAY_SECONDS;
    (seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Writes a Unix time as `YYYY-MM-DDTHH:MMZ`, with seconds only when there are some.
#[must_use]
pub fn show(time: u64) -> String {
    let date = date_of(time);
    match clock_of(time) {
        (hours, minutes, 0) => format!("{date}T{hours:02}:{minutes:02}Z"),
        (hours, minutes, seconds) => format!("{date}T{hours:02}:{minutes:02}:{seconds:02}Z"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_files() {
        let noon = 1_356_998_400 + 12 * 3600;
        for text in [
            "2013-01-01T12:00Z",
            "2013-01-01T12:00:00Z",
            "2013-01-01T13:00+01:00",
            "2013-01-01T06:30:00-05:30",
            "2013-01-01T12:00:00.000Z",
        ] {
            assert_eq!(parse_time(text), Some(noon), "{text}");
        }
        for text in [
            "",
            "2013-01-01",
            "2013-01-01T12:00",
            "2013-01-01 12:00Z",
            "2013-02-29T12:00Z",
            "2013-01-01T24:00Z",
            "2013-01-01T12:00:00.5Z",
            "1969-12-31T23:59Z",
            "01/01/2013 12:00",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn moments_and_spans() {
        assert_eq!(parse_moment("2013-01-01"), Some(1_356_998_400));
        assert_eq!(parse_moment("2013-01-01T00:30Z"), Some(1_357_000_200));
        assert_eq!(parse_moment("2013-02-30"), None);
        let span = parse_span("2013-01-01..2013-01-02T00:30Z").unwrap();
        assert_eq!((span.from, span.seconds()), (1_356_998_400, 88_200));
        for bad in ["2013-01-01", "2013-01-01..", "2013-01-02..2013-01-01", "2013-01-01..2013-01-01"] {
            assert_eq!(parse_span(bad), None, "{bad}");
        }
    }

    #[test]
    fn shown_times_can_be_read_again() {
        for (time, text) in
            [(0, "1970-01-01T00:00Z"), (1_357_000_200, "2013-01-01T00:30Z"), (61, "1970-01-01T00:01:01Z")]
        {
            assert_eq!(show(time), text);
            assert_eq!(parse_time(text), Some(time));
        }
    }
}
