//! COSEM's date-time (IEC 62056-6-2): what a meter's clock shows, in twelve bytes.

#![deny(clippy::indexing_slicing)]

use jiff::civil::DateTime;

use crate::plain::Stamp;

/// What the clock shows: year, month, day, weekday, hour, minute, second, hundredths, deviation, state. `None` when no
/// date stands there.
///
/// The deviation is what must be added to the shown time to have UTC. Only a zone east of Greenwich is believed, as every
/// market of these meters has: 0 and 0x8000 come from meters that know no zone, and a positive one from those that
/// turned the sign round.
pub(super) fn stamp(bytes: &[u8]) -> Option<Stamp> {
    let &[high, low, month, day, _, hour, minute, second, _, ahead_high, ahead_low, _] = bytes else { return None };
    let deviation = i16::from_be_bytes([ahead_high, ahead_low]);
    let ahead = if (-840..0).contains(&deviation) { deviation.checked_neg() } else { None };
    shown([high, low, month, day], [hour, minute, second]).map(|shown| Stamp { shown, ahead })
}

/// A date of year, month and day and a time of hour, minute and second. A second left out is the first.
pub(super) fn shown([high, low, month, day]: [u8; 4], [hour, minute, second]: [u8; 3]) -> Option<DateTime> {
    let year = i16::try_from(u16::from_be_bytes([high, low])).ok()?;
    let small = |byte: u8| i8::try_from(byte).ok();
    let second = if second == 0xff { 0 } else { second };
    DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0).ok()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn read(deviation: [u8; 2]) -> Option<String> {
        let [high, low] = deviation;
        stamp(&[0x07, 0xe6, 2, 3, 4, 5, 6, 7, 0xff, high, low, 0]).map(|stamp| stamp.to_string())
    }

    #[test]
    fn the_deviation_is_added_to_have_utc() {
        assert_eq!(read([0xff, 0xc4]).as_deref(), Some("2022-02-03T05:06:07+01:00"));
        assert_eq!(read([0xff, 0x88]).as_deref(), Some("2022-02-03T05:06:07+02:00"));
        for unset in [[0x80, 0], [0, 0], [0, 60], [0x7f, 0xff]] {
            assert_eq!(read(unset).as_deref(), Some("2022-02-03T05:06:07"), "{unset:?}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        assert_eq!(stamp(b"181220000009"), None);
        assert_eq!(stamp(&[0xff; 12]), None);
        assert_eq!(stamp(&[7, 0xe6, 2, 30, 0, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(stamp(&[7, 0xe6, 2]), None);
        let without = stamp(&[7, 0xe6, 2, 3, 0xff, 1, 2, 0xff, 0xff, 0x80, 0, 0xff]).unwrap();
        assert_eq!(without.to_string(), "2022-02-03T01:02:00");
    }
}
