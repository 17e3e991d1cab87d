//! Times on the command line: RFC 3339, or a local date in a zone.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use protocol::show;
use protocol::time::{Change, Zone};

use crate::Failure;

/// How a bare date becomes a moment.
pub enum Calendar<'a> {
    /// By the offsets of a tariff.
    Tariff(&'a Zone),
    /// By the time-zone database.
    Named(TimeZone),
}

impl Calendar<'_> {
    /// A named zone.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn named(name: &str) -> Result<Self, Failure> {
        TimeZone::get(name).map(Self::Named).map_err(|_| {
            Failure::refused(
                "zone",
                format!("there is no time zone {name:?}; use a name such as Europe/Amsterdam or UTC"),
            )
        })
    }

    /// Reads a moment as Unix seconds.
    ///
    /// # Errors
    /// When it is neither RFC 3339 nor a date, or lies before 1970.
    pub fn moment(&self, text: &str) -> Result<u64, Failure> {
        let refuse = || {
            Failure::refused(
                "time",
                format!("{text:?} is not a time: write 2026-03-01 for the start of that day, or 2026-03-01T00:00:00Z"),
            )
        };
        let seconds = if let Ok(moment) = text.parse::<Timestamp>() {
            let whole = moment.round(Unit::Second).is_ok_and(|rounded| rounded == moment);
            u64::try_from(moment.as_second()).ok().filter(|_| whole)
        } else {
            let date: Date = text.parse().map_err(|_| refuse())?;
            // A date with a time but no offset would be guessed at; only a bare date is taken.
            if text.len() != "2026-03-01".len() {
                return Err(refuse());
            }
            match self {
                Self::Tariff(zone) => zone.start_of(date),
                Self::Named(zone) => zone
                    .to_ambiguous_zoned(date.at(0, 0, 0, 0))
                    .compatible()
                    .ok()
                    .and_then(|z| u64::try_from(z.timestamp().as_second()).ok()),
            }
        };
        seconds.ok_or_else(refuse)
    }

    /// A moment as local time with its offset, for people.
    #[must_use]
    pub fn show(&self, time: u64) -> String {
        match self {
            Self::Tariff(zone) => show::local(zone, time),
            Self::Named(zone) => {
                let moment = i64::try_from(time).ok().and_then(|s| Timestamp::from_second(s).ok());
                moment.map_or_else(|| time.to_string(), |m| m.display_with_offset(zone.to_offset(m)).to_string())
            }
        }
    }
}

/// Until here the rules of a named zone are written down: 2100-01-01.
const LAST: i64 = 4_102_444_800;

/// A zone's rules from 1970 on, by its name; what a tariff knows of it where the name is unknown here.
#[must_use]
pub fn days_of(zone: &Zone) -> Zone {
    let Ok(named) = TimeZone::get(&zone.name) else { return zone.clone() };
    let changes = named.following(Timestamp::UNIX_EPOCH).take_while(|change| change.timestamp().as_second() < LAST);
    let changes = changes.filter_map(|change| {
        let at = u64::try_from(change.timestamp().as_second()).ok()?;
        Some(Change { at, offset: change.offset().seconds() })
    });
    let offset = named.to_offset(Timestamp::UNIX_EPOCH).seconds();
    Zone { name: zone.name.clone(), offset, changes: changes.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_of_a_named_zone_are_known_beyond_a_tariff() {
        let tariff = Zone { name: "Europe/London".into(), offset: 0, changes: Vec::new() };
        let days = days_of(&tariff);
        assert!(days.is_well_formed());
        for (time, offset) in [(1_364_691_599, 0), (1_364_691_600, 3600), (1_382_835_600, 0), (2_540_000_000, 3600)] {
            assert_eq!(days.offset_at(time), offset, "{time}");
        }
        let unknown = Zone { name: "Europe/Nowhere".into(), ..tariff };
        assert_eq!(days_of(&unknown), unknown);
    }

    #[test]
    fn moments() {
        let zone = Calendar::named("Europe/Amsterdam").unwrap();
        assert_eq!(zone.moment("2013-01-01").unwrap(), 1_356_994_800);
        assert_eq!(zone.moment("2013-07-01").unwrap(), 1_372_629_600);
        assert_eq!(zone.moment("2013-01-01T00:00:00Z").unwrap(), 1_356_998_400);
        assert_eq!(zone.moment("2013-01-01T01:00:00+01:00").unwrap(), 1_356_998_400);
        assert_eq!(zone.show(1_356_994_800), "2013-01-01T00:00:00+01:00");
        for bad in [
            "",
            "yesterday",
            "2013-13-01",
            "2013-01-01T00:00:00",
            "2013-01-01 00:00",
            "1969-01-01",
            "2013-01-01T00:00:00.5Z",
        ] {
            assert!(zone.moment(bad).is_err(), "{bad}");
        }
        assert!(Calendar::named("Europe/Nowhere").is_err());
    }
}
