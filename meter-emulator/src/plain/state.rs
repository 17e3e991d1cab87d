//! What a plain meter knows at one moment: the input of every encoder.
//!
//! Energy is 10⁻⁴ Wh, gas 10⁻⁴ litres, power mW. Encoders cut to the digits of their protocol, as registers do, and roll
//! over where a register rolls over: they never fail.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::quirk::Quirks;

/// A meter's clock at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// What it shows, as Unix seconds.
    pub unix: u64,
    /// Seconds that its local time is ahead of UTC.
    pub offset: i32,
    /// Whether that is summer time.
    pub summer: bool,
    /// Whether the meter itself knows that it is wrong.
    pub doubtful: bool,
}

impl Clock {
    /// Local time.
    #[must_use]
    pub fn local(&self) -> DateTime {
        civil(self.unix, self.offset)
    }

    /// Universal time.
    #[must_use]
    pub fn utc(&self) -> DateTime {
        civil(self.unix, 0)
    }
}

fn civil(unix: u64, offset: i32) -> DateTime {
    let offset = Offset::from_seconds(offset).unwrap_or(Offset::UTC);
    let stamp = i64::try_from(unix).ok().and_then(|unix| jiff::Timestamp::from_second(unix).ok());
    stamp.map_or(DateTime::MIN, |stamp| offset.to_datetime(stamp))
}

/// One direction's energy: two rates, whose sum is the total.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Register {
    /// The night rate and the day rate.
    pub rates: [u64; 2],
}

impl Register {
    /// The total.
    #[must_use]
    pub fn total(&self) -> u64 {
        let [low, high] = self.rates;
        low.saturating_add(high)
    }
}

/// A gas meter behind the electricity meter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Gas {
    /// What it counted.
    pub total: u64,
    /// When it said so.
    pub clock: Clock,
}

/// A plain meter at a moment.
#[derive(Clone, PartialEq, Eq)]
pub struct State {
    /// Serial number, at most eight digits.
    pub number: u32,
    /// Number of the bridge that speaks for it on a broker.
    pub bridge: u32,
    /// Maker, as three letters of the FLAG association.
    pub maker: [u8; 3],
    /// The clock.
    pub clock: Clock,
    /// Seconds that the meter runs.
    pub uptime: u32,
    /// Number of this frame: invocation counter, transaction or pagination.
    pub sequence: u32,
    /// Energy taken from the grid.
    pub import: Register,
    /// Energy given to the grid.
    pub export: Register,
    /// Power taken from the grid.
    pub power_import: u64,
    /// Power given to the grid.
    pub power_export: u64,
    /// Which rate counts: 0 night, 1 day.
    pub rate: u8,
    /// The gas meter.
    pub gas: Option<Gas>,
    /// What this meter does otherwise than its standard.
    pub quirks: Quirks,
}

// Readings do not print.
impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Register(…)")
    }
}

impl fmt::Debug for Gas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gas(…, {:?})", self.clock)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "State({}, {:?}, sequence {}, …)", self.number, self.clock, self.sequence)
    }
}

impl State {
    /// The maker as text.
    #[must_use]
    pub fn maker_text(&self) -> String {
        self.maker.iter().map(|letter| char::from(*letter)).collect()
    }

    /// Power taken less power given, in mW.
    #[must_use]
    pub fn net_power(&self) -> i64 {
        let (import, export) = (i64::try_from(self.power_import), i64::try_from(self.power_export));
        import.unwrap_or(i64::MAX).saturating_sub(export.unwrap_or(i64::MAX))
    }

    /// The phase current in mA at 230 V, when all power is on the first phase.
    #[must_use]
    pub fn milliamperes(&self) -> u64 {
        self.power_import.max(self.power_export) / 230
    }
}

/// A decimal number with `decimals` digits behind the point and `digits` before it, from a number with `have` digits
/// behind the point: more precise digits are cut, and what does not fit rolls over, as in a register.
#[must_use]
pub fn fixed(value: u64, have: u32, digits: usize, decimals: u32) -> String {
    let value = if have >= decimals {
        value / power_of_ten(have - decimals)
    } else {
        value.saturating_mul(power_of_ten(decimals - have))
    };
    let one = power_of_ten(decimals);
    let whole = value / one % power_of_ten(u32::try_from(digits).unwrap_or(u32::MAX));
    match usize::try_from(decimals) {
        Ok(width) if width > 0 => format!("{whole:0digits$}.{:0width$}", value % one),
        _ => format!("{whole:0digits$}"),
    }
}

/// A decimal number without leading zeros, as JSON wants it.
#[must_use]
pub fn number(value: u64, have: u32, decimals: u32) -> String {
    let text = fixed(value, have, 15, decimals);
    let kept = text.trim_start_matches('0');
    if kept.is_empty() || kept.starts_with('.') { format!("0{kept}") } else { kept.to_owned() }
}

/// A decimal number with a sign, without leading zeros.
#[must_use]
pub fn signed(value: i64, have: u32, decimals: u32) -> String {
    let text = number(value.unsigned_abs(), have, decimals);
    let zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if value < 0 && !zero { format!("-{text}") } else { text }
}

fn power_of_ten(exponent: u32) -> u64 {
    10u64.checked_pow(exponent).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_cut_and_roll_over_as_registers_do() {
        assert_eq!(fixed(1_234_567_890_123, 7, 6, 3), "123456.789");
        assert_eq!(fixed(9_999, 7, 6, 3), "000000.000");
        assert_eq!(fixed(10_000_000_000_000 + 50_000_000, 7, 6, 3), "000005.000", "a millionth kWh rolls over");
        assert_eq!(fixed(1, 0, 3, 2), "001.00");
        assert_eq!(fixed(u64::MAX, 7, 5, 0).len(), 5);
        assert_eq!(
            (number(0, 3, 0), number(1, 3, 2), number(12_345, 3, 3)),
            ("0".into(), "0.00".into(), "12.345".into())
        );
        assert_eq!((signed(-1, 3, 0), signed(-12_345, 3, 1)), ("0".into(), "-12.3".into()));
    }

    #[test]
    fn clocks_show_local_time() {
        let clock = Clock { unix: 1_748_736_000, offset: 7200, summer: true, doubtful: false };
        assert_eq!(clock.local().to_string(), "2025-06-01T02:00:00");
        assert_eq!(clock.utc().to_string(), "2025-06-01T00:00:00");
    }
}
