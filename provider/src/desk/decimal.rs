//! Exact decimals: the numbers of tariff sources and price files, never a float.

use std::fmt;
use std::str::FromStr;

use protocol::money::{Amount, Mode, Rounding};

use super::error::Problem;

/// A decimal number, mantissa · 10^exponent, without trailing zeros in the mantissa.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    mantissa: i128,
    exponent: i32,
}

/// Exponents stay within this on either side, so that no power of ten leaves its type unnoticed.
const MAX_EXPONENT: i32 = 60;

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0, exponent: 0 };
    /// One.
    pub const ONE: Self = Self { mantissa: 1, exponent: 0 };

    /// Minus one.
    pub const MINUS_ONE: Self = Self { mantissa: -1, exponent: 0 };

    /// mantissa · 10^exponent. `None` when the exponent is beyond ±60.
    #[must_use]
    pub fn new(mantissa: i128, exponent: i32) -> Option<Self> {
        let (mut mantissa, mut exponent) = (mantissa, exponent);
        if mantissa == 0 {
            return Some(Self::ZERO);
        }
        while mantissa % 10 == 0 {
            mantissa /= 10;
            exponent = exponent.checked_add(1)?;
        }
        (exponent.abs() <= MAX_EXPONENT).then_some(Self { mantissa, exponent })
    }

    /// Whether it is below zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// Product, exact. `None` when it has too many digits.
    #[must_use]
    pub fn times(self, other: Self) -> Option<Self> {
        Self::new(self.mantissa.checked_mul(other.mantissa)?, self.exponent.checked_add(other.exponent)?)
    }

    /// Sum, exact. `None` when it has too many digits.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let exponent = self.exponent.min(other.exponent);
        Self::new(self.units_of(exponent)?.checked_add(other.units_of(exponent)?)?, exponent)
    }

    /// The number times 10^power. `None` when the exponent leaves its range.
    #[must_use]
    pub fn shifted(self, power: i32) -> Option<Self> {
        Self::new(self.mantissa, self.exponent.checked_add(power)?)
    }

    /// The number when it is a whole one.
    #[must_use]
    pub fn whole(self) -> Option<i128> {
        self.units_of(0)
    }

    /// The number rounded to a whole one. `None` when it is out of range.
    #[must_use]
    pub fn rounded(self, mode: Mode) -> Option<i128> {
        if self.exponent >= 0 {
            return self.whole();
        }
        let denominator = 10i128.checked_pow(self.exponent.unsigned_abs())?;
        Amount::fraction(self.mantissa, denominator).ok()?.round(Rounding { step: 1, mode }).ok()?.whole_nano()
    }

    /// Numerator and denominator in lowest terms. `None` when either is out of range.
    #[must_use]
    pub fn fraction(self) -> Option<(i128, u64)> {
        if self.exponent >= 0 {
            return Some((self.whole()?, 1));
        }
        let denominator = 10i128.checked_pow(self.exponent.unsigned_abs())?;
        let divisor = gcd(self.mantissa.unsigned_abs(), denominator.unsigned_abs());
        let divisor = i128::try_from(divisor).ok()?;
        Some((self.mantissa / divisor, u64::try_from(denominator / divisor).ok()?))
    }

    /// How many 10^exponent it holds, when that is a whole number.
    fn units_of(self, exponent: i32) -> Option<i128> {
        let power = u32::try_from(self.exponent.checked_sub(exponent)?).ok();
        if self.mantissa == 0 { Some(0) } else { self.mantissa.checked_mul(10i128.checked_pow(power?)?) }
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

impl FromStr for Decimal {
    type Err = Problem;

    /// Reads `-12.5`, `.5`, `7`, `1e-05`.
    fn from_str(text: &str) -> Result<Self, Problem> {
        let wrong = || {
            let hint = if text.contains(',') { "; write the decimal point as a point" } else { "" };
            Problem::new(format!("\"{}\" is not a decimal number{hint}", text.escape_debug()))
        };
        let (negative, rest) = match text.strip_prefix(['-', '+']) {
            Some(rest) => (text.starts_with('-'), rest),
            None => (false, text),
        };
        let (digits, power) = match rest.split_once(['e', 'E']) {
            Some((digits, power)) => {
                let plain = power.strip_prefix(['-', '+']).unwrap_or(power);
                if plain.is_empty() || !plain.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(wrong());
                }
                (digits, power.parse::<i32>().map_err(|_| wrong())?)
            }
            None => (rest, 0),
        };
        let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
        if (before.is_empty() && after.is_empty()) || !before.bytes().chain(after.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let too_long = || Problem::new(format!("\"{text}\" has more digits than can be computed exactly"));
        // Zeros at the end say nothing, and a file may be full of them.
        let after = after.trim_end_matches('0');
        let mut mantissa = 0i128;
        for digit in before.bytes().chain(after.bytes()) {
            mantissa =
                mantissa.checked_mul(10).and_then(|m| m.checked_add(i128::from(digit - b'0'))).ok_or_else(too_long)?;
        }
        let places = i32::try_from(after.len()).map_err(|_| too_long())?;
        let exponent = power.checked_sub(places).ok_or_else(too_long)?;
        Self::new(if negative { -mantissa } else { mantissa }, exponent).ok_or_else(too_long)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative() { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs().to_string();
        match usize::try_from(-self.exponent) {
            Ok(places) if places > 0 => {
                let digits = format!("{digits:0>width$}", width = places + 1);
                let (before, after) = digits.split_at(digits.len() - places);
                write!(f, "{sign}{before}.{after}")
            }
            _ => {
                let zeros = usize::try_from(self.exponent).unwrap_or(0);
                write!(f, "{sign}{digits}{}", "0".repeat(zeros))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn reads_what_sources_write() {
        for (text, shown) in [
            ("0.30", "0.3"),
            ("-19.9", "-19.9"),
            ("1e-05", "0.00001"),
            ("-3E+2", "-300"),
            (".5", "0.5"),
            ("5.", "5"),
            ("+7", "7"),
            ("0.000", "0"),
            ("-0", "0"),
            ("24.370500000000000000000000000000000000000000", "24.3705"),
            ("0.16349999999999998", "0.16349999999999998"),
        ] {
            assert_eq!(decimal(text).to_string(), shown, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_number() {
        for text in
            ["", ".", "-", "1,5", "1 000", "1_000", "0x10", "NaN", "inf", "1e", "1e+", "1e1.5", "--1", "1e99", "٣"]
        {
            assert!(text.parse::<Decimal>().is_err(), "{text:?}");
        }
        assert!("9".repeat(60).parse::<Decimal>().is_err());
        assert!("1,5".parse::<Decimal>().unwrap_err().to_string().contains("as a point"));
    }

    #[test]
    fn fractions_are_in_lowest_terms() {
        assert_eq!(decimal("0.05").fraction(), Some((1, 20)));
        assert_eq!(decimal("0.0511269632").fraction(), Some((1_997_147, 39_062_500)));
        assert_eq!(decimal("0").fraction(), Some((0, 1)));
        assert_eq!(decimal("3").fraction(), Some((3, 1)));
    }

    #[test]
    fn rounding_is_the_protocols() {
        assert_eq!(decimal("2.5").rounded(Mode::HalfEven), Some(2));
        assert_eq!(decimal("-2.5").rounded(Mode::HalfAway), Some(-3));
        assert_eq!(decimal("2.49").rounded(Mode::HalfAway), Some(2));
        assert_eq!(decimal("2.5").whole(), None);
    }

    proptest! {
        #[test]
        fn reads_what_it_shows(mantissa in any::<i64>(), exponent in -30i32..10) {
            let value = Decimal::new(i128::from(mantissa), exponent).unwrap();
            prop_assert_eq!(decimal(&value.to_string()), value);
        }

        #[test]
        fn arithmetic_is_that_of_integers(a in any::<i32>(), b in any::<i32>(), places in 0u8..9) {
            let at = |n: i128, places: u8| Decimal::new(n, -i32::from(places)).unwrap();
            let (x, y) = (at(i128::from(a), places), at(i128::from(b), places));
            prop_assert_eq!(x.plus(y).unwrap(), at(i128::from(a) + i128::from(b), places));
            prop_assert_eq!(x.times(y).unwrap(), at(i128::from(a) * i128::from(b), 2 * places));
        }
    }
}
