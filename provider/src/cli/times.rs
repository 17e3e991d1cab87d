//! Times on the command line and in answers.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use protocol::show;
use protocol::time::Zone;
use provider::desk;

use super::answer::Failure;

/// The current Unix second; the clock is read here and nowhere else.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The current Unix second, unsigned.
pub(super) fn seconds() -> u64 {
    u64::try_from(now()).unwrap_or(0)
}

/// A length of time such as 90s, 30m, 12h or 14d, in seconds.
pub(super) fn duration(text: &str) -> Result<u64, String> {
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let parts = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, *seconds)));
    let length = parts.and_then(|(number, unit): (&str, u64)| number.parse::<u32>().ok().map(|n| u64::from(n) * unit));
    // A hundred years are for ever.
    length
        .filter(|n| (1..=36_525 * 86_400).contains(n))
        .ok_or_else(|| "takes a length such as 90s, 30m, 12h or 14d".into())
}

/// A Unix second of the ledger's own doing, in UTC.
pub(super) fn stamp(seconds: i64) -> String {
    let utc = Zone { name: "UTC".into(), offset: 0, changes: Vec::new() };
    u64::try_from(seconds).map_or_else(|_| seconds.to_string(), |time| show::local(&utc, time))
}

/// A time zone by its IANA name; UTC without one.
pub(super) fn zone(name: Option<&str>) -> Result<TimeZone, Failure> {
    match name {
        None | Some("UTC") => Ok(TimeZone::UTC),
        Some(name) => desk::named(name).map_err(|problem| Failure::refused("zone", problem.to_string())),
    }
}

/// A moment: RFC 3339, or the start of a date in the zone.
pub(super) fn moment(text: &str, zone: &TimeZone) -> Result<u64, Failure> {
    desk::moment(text, zone).map_err(|problem| Failure::refused("time", problem.to_string()))
}

/// A Unix second as local time with its offset.
pub(super) fn local(time: u64, zone: &TimeZone) -> String {
    let moment = i64::try_from(time).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.map_or_else(|| time.to_string(), |m| m.display_with_offset(zone.to_offset(m)).to_string())
}
