//! Numbers and times of JSON, exact: no float touches them.

use jiff::Timestamp;
use jiff::fmt::temporal::{Pieces, PiecesOffset};
use jiff::tz::Offset;

use super::super::number::Decimal;
use super::super::telegram::Stamp;
use super::map::Clock;

/// Digits that count; what a float's printer adds behind them is cut.
const DIGITS: u32 = 18;

/// Reads a number as JSON writes it, with or without an exponent; nothing else.
pub(super) fn number(text: &str) -> Option<Decimal> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = digits.strip_prefix('-').map_or((false, digits), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || digits.ends_with('.') {
        return None;
    }
    let (mut mantissa, mut count, mut shift) = (0_i64, 0, 0_i32);
    for (byte, after) in whole.bytes().map(|byte| (byte, false)).chain(fraction.bytes().map(|byte| (byte, true))) {
        if !byte.is_ascii_digit() {
            return None;
        }
        if count == DIGITS {
            // A digit more before the point is a number that no meter means.
            if !after {
                return None;
            }
            continue;
        }
        mantissa = mantissa * 10 + i64::from(byte - b'0');
        count += u32::from(mantissa != 0);
        shift += i32::from(after);
    }
    let exponent = exponent.checked_sub(shift)?;
    match i8::try_from(exponent) {
        _ if mantissa == 0 => Some(Decimal::whole(0)),
        Ok(exponent) => Some(Decimal { mantissa: if negative { -mantissa } else { mantissa }, exponent }),
        // So small that it is none of any unit.
        Err(_) if exponent < 0 => Some(Decimal::whole(0)),
        Err(_) => None,
    }
}

/// The product, to as many digits as are held; `None` when it is out of range.
pub(super) fn times(number: Decimal, scale: Decimal) -> Option<Decimal> {
    let mut product = i128::from(number.mantissa) * i128::from(scale.mantissa);
    let mut exponent = number.exponent.checked_add(scale.exponent)?;
    loop {
        if let Ok(mantissa) = i64::try_from(product) {
            return Some(Decimal { mantissa, exponent });
        }
        product /= 10;
        exponent = exponent.checked_add(1)?;
    }
}

/// Reads a time. A count of seconds that stands at nought is no time.
pub(super) fn time(text: &str, clock: Clock) -> Option<Stamp> {
    let unit = match clock {
        Clock::Rfc3339 | Clock::Local => return written(text, clock),
        Clock::Unix => 0,
        Clock::UnixMs => -3,
    };
    let seconds = number(text)?.shifted(unit).in_units_of(0).filter(|seconds| *seconds > 0)?;
    let shown = Offset::UTC.to_datetime(Timestamp::from_second(seconds).ok()?);
    Some(Stamp { shown, ahead: Some(0) })
}

fn written(text: &str, clock: Clock) -> Option<Stamp> {
    let pieces = Pieces::parse(text).ok()?;
    let shown = pieces.date().to_datetime(pieces.time()?);
    let ahead = match (clock, pieces.offset()) {
        (Clock::Local, _) => None,
        (_, Some(PiecesOffset::Zulu)) => Some(0),
        (_, Some(PiecesOffset::Numeric(offset))) => Some(i16::try_from(offset.offset().seconds() / 60).ok()?),
        _ => return None,
    };
    Some(Stamp { shown, ahead })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_exact() {
        for (text, mantissa, exponent) in [
            ("1.2345e3", 12_345, -1),
            ("1234.5", 12_345, -1),
            ("-0.5E-2", -5, -3),
            ("1e+2", 1, 2),
            ("0.30000000000000004", 30_000_000_000_000_004, -17),
            ("0.1000000000000000055511151231257827", 100_000_000_000_000_005, -18),
            ("000123.40", 12_340, -2),
            ("0e999999", 0, 0),
            ("1e-400", 0, 0),
        ] {
            assert_eq!(number(text), Some(Decimal { mantissa, exponent }), "{text}");
        }
        for text in ["", "-", ".5", "5.", "+5", "1e", "1e5.0", "0x1", "nan", "1 ", "1e400", "1234567890123456789"] {
            assert_eq!(number(text), None, "{text}");
        }
        let number = |mantissa, exponent| Decimal { mantissa, exponent };
        assert_eq!(times(number(5, -1), number(-2, -3)), Some(number(-10, -4)));
        // A float's last digits times a long factor: what fits is kept.
        let long = times(number(123_456_789_012_345_678, -12), number(1_000_000_000, -9));
        assert_eq!(long.and_then(|long| long.in_units_of(-4)), Some(1_234_567_890));
        assert_eq!(times(number(i64::MAX, 0), number(i64::MIN, 0)).map(|long| long.exponent), Some(19));
        assert_eq!(times(number(i64::MAX, i8::MAX), number(2, 0)), None);
    }

    #[test]
    fn times_are_read_as_their_kind() {
        let shown = |text, clock| time(text, clock).map(|stamp| stamp.to_string());
        assert_eq!(shown("2026-07-05T06:07:08Z", Clock::Rfc3339).as_deref(), Some("2026-07-05T06:07:08Z"));
        assert_eq!(shown("2026-07-05 06:07:08+02:00", Clock::Rfc3339).as_deref(), Some("2026-07-05T06:07:08+02:00"));
        assert_eq!(shown("2026-07-05T06:07:08", Clock::Rfc3339), None);
        assert_eq!(shown("2026-07-05T06:07:08", Clock::Local).as_deref(), Some("2026-07-05T06:07:08"));
        assert_eq!(shown("2026-07-05T06:07:08Z", Clock::Local).as_deref(), Some("2026-07-05T06:07:08"));
        assert_eq!(shown("1783231628", Clock::Unix).as_deref(), Some("2026-07-05T06:07:08Z"));
        assert_eq!(shown("1783231628.75", Clock::Unix).as_deref(), Some("2026-07-05T06:07:08Z"));
        assert_eq!(shown("1783231628750", Clock::UnixMs).as_deref(), Some("2026-07-05T06:07:08Z"));
        for (text, clock) in
            [("0", Clock::Unix), ("1e300", Clock::Unix), ("2026-06-24", Clock::Local), ("", Clock::Local)]
        {
            assert_eq!(shown(text, clock), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_safe(text: String, digits in "-?[0-9]{1,25}(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,12})?") {
            for text in [text, digits] {
                let _ = number(&text);
                for clock in [Clock::Rfc3339, Clock::Local, Clock::Unix, Clock::UnixMs] {
                    let _ = time(&text, clock);
                }
            }
        }

        #[test]
        fn what_is_printed_is_read(mantissa in 1_i64..=999_999_999_999_999_999, negative: bool, exponent in -30_i8..30) {
            let mantissa = if negative { -mantissa } else { mantissa };
            prop_assert_eq!(number(&format!("{mantissa}e{exponent}")), Some(Decimal { mantissa, exponent }));
        }
    }
}
