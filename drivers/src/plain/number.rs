//! What plain meters count, as integers. A meter's decimals are kept exactly; no float touches them.

use std::fmt;

/// A decimal number as a meter writes it: `mantissa · 10^exponent`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// Digits with sign.
    pub mantissa: i64,
    /// Power of ten.
    pub exponent: i8,
}

impl Decimal {
    /// A whole number.
    #[must_use]
    pub const fn whole(mantissa: i64) -> Self {
        Self { mantissa, exponent: 0 }
    }

    /// Reads `[+|-]digits[.|,digits]`, at most 18 digits; nothing else, no exponent and no blanks.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (negative, digits) = match text.split_first()? {
            (b'-', rest) => (true, rest),
            (b'+', rest) => (false, rest),
            _ => (false, text),
        };
        let (mut mantissa, mut exponent, mut count, mut after) = (0_i64, 0_i8, 0_u8, false);
        for &byte in digits {
            match byte {
                b'0'..=b'9' => {
                    count = count.checked_add(1).filter(|count| *count <= 18)?;
                    mantissa = mantissa * 10 + i64::from(byte - b'0');
                    exponent -= i8::from(after);
                }
                b'.' | b',' if !after => after = true,
                _ => return None,
            }
        }
        (count > 0).then_some(Self { mantissa: if negative { -mantissa } else { mantissa }, exponent })
    }

    /// Times a power of ten.
    #[must_use]
    pub const fn shifted(self, by: i8) -> Self {
        Self { mantissa: self.mantissa, exponent: self.exponent.saturating_add(by) }
    }

    /// How many `10^unit` it is, cut towards zero; `None` when that does not fit.
    #[must_use]
    pub fn in_units_of(self, unit: i8) -> Option<i64> {
        if self.mantissa == 0 {
            return Some(0);
        }
        let power = i32::from(self.exponent) - i32::from(unit);
        let factor = 10_i64.checked_pow(power.unsigned_abs());
        if power >= 0 { self.mantissa.checked_mul(factor?) } else { Some(factor.map_or(0, |f| self.mantissa / f)) }
    }
}

impl fmt::Debug for Decimal {
    /// Not the number: it is a reading.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decimal(…)")
    }
}

impl fmt::Display for Decimal {
    /// Without superfluous digits after the point, and without an exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa.unsigned_abs().to_string();
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let after = usize::from(self.exponent.min(0).unsigned_abs());
        if after == 0 {
            let zeros = if self.mantissa == 0 { 0 } else { usize::from(self.exponent.unsigned_abs()) };
            return write!(f, "{sign}{digits}{}", "0".repeat(zeros));
        }
        let digits = format!("{digits:0>width$}", width = after + 1);
        let (whole, rest) = digits.split_at(digits.len() - after);
        match rest.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            rest => write!(f, "{sign}{whole}.{rest}"),
        }
    }
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $digits:literal, $unit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub i64);

        impl $name {
            /// From a number of
            #[doc = $unit]
            /// ; `None` when it is out of range. Finer digits than this holds are cut.
            #[must_use]
            pub fn new(number: Decimal) -> Option<Self> {
                number.in_units_of(-$digits).map(Self)
            }

            /// The sum; `None` when it is out of range.
            #[must_use]
            pub fn plus(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map(Self)
            }
        }

        impl fmt::Debug for $name {
            /// Not what it stands at: that is a reading.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl fmt::Display for $name {
            /// A plain decimal without superfluous digits and without the unit.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let one = 10_u64.pow($digits);
                let (whole, rest) = (self.0.unsigned_abs() / one, self.0.unsigned_abs() % one);
                let sign = if self.0 < 0 { "-" } else { "" };
                if rest == 0 {
                    return write!(f, "{sign}{whole}");
                }
                let digits = format!("{rest:0width$}", width = $digits);
                write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
            }
        }
    };
}

quantity!(
    /// Energy in 10⁻⁴ Wh.
    Energy, 4, "watt-hours"
);
quantity!(
    /// Power in 10⁻⁴ W; negative when more is exported than imported.
    Power, 4, "watts"
);
quantity!(
    /// A volume, or whatever else another meter counts, in thousandths of its unit.
    Volume, 3, "the unit it is counted in"
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_read_exactly_or_not_at_all() {
        for (text, read) in [
            ("32549.5061662", Some(325_495_061_662)),
            ("000302.826", Some(302_826 * 10_000)),
            ("-1,5", Some(-15_000_000)),
            ("+7", Some(70_000_000)),
            ("", None),
            (".", None),
            ("-", None),
            ("1.2.3", None),
            ("1e3", None),
            (" 1", None),
            ("1234567890123456789", None),
        ] {
            let energy = Decimal::parse(text.as_bytes()).and_then(|kwh| Energy::new(kwh.shifted(3)));
            assert_eq!(energy.map(|energy| energy.0), read, "{text:?}");
        }
        assert_eq!(Energy::new(Decimal { mantissa: i64::MAX, exponent: 3 }), None);
        assert_eq!(Energy::new(Decimal { mantissa: 5, exponent: i8::MIN }), Some(Energy(0)));
        assert_eq!(Energy(325_495_061_662).to_string(), "32549506.1662");
        for (mantissa, exponent, text) in [
            (2596, -4, "0.2596"),
            (-10, -1, "-1"),
            (12, 2, "1200"),
            (0, 5, "0"),
            (5, -3, "0.005"),
            (i64::MIN, 0, "-9223372036854775808"),
        ] {
            assert_eq!(Decimal { mantissa, exponent }.to_string(), text);
        }
        assert_eq!(Power(-200_000).to_string(), "-20");
        let shown = format!("{:?} {:?}", Energy(4711), Decimal { mantissa: 4711, exponent: 0 });
        assert_eq!(shown, "Energy(…) Decimal(…)");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in (-999_999_999_999_999_999_i64..=999_999_999_999_999_999)) {
            let text = Energy(number).to_string();
            prop_assert_eq!(Decimal::parse(text.as_bytes()).and_then(Energy::new), Some(Energy(number)));
        }

        #[test]
        fn nothing_panics(mantissa: i64, exponent: i8, unit: i8, text: Vec<u8>) {
            let _ = Decimal { mantissa, exponent }.in_units_of(unit);
            let _ = Decimal::parse(&text);
        }
    }
}
