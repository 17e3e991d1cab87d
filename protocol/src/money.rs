//! Money as integers: 10⁻⁹ of a currency unit, exact fractions between roundings, and the rounding rules.
//!
//! Bounds (docs/protocol.md, "Money"): |price| < 2⁴⁰ per unit of energy; a statement's sums are 64-bit integers; at most
//! two factors N/D, each below 2⁴⁰, stand between two roundings, and denominators stay below 2⁸⁰.

use core::cmp::Ordering;

use ethnum::I256;
use minicbor::{Decode, Encode};
use serde::Serialize;

/// 10⁻⁹ units in one currency unit.
pub const NANO: i64 = 1_000_000_000;
/// Prices and fixed amounts stay below this: 2⁴⁰.
pub const PRICE_LIMIT: u64 = 1 << 40;

/// A currency and how many decimals its smallest unit has.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(array)]
pub struct Currency {
    /// ISO 4217 code.
    #[n(0)]
    pub code: String,
    /// Decimals of the minor unit: 2 for cents, 0 for yen.
    #[n(1)]
    pub exponent: u8,
}

impl Currency {
    /// The size of the minor unit in 10⁻⁹ units. `None` for more than nine decimals.
    #[must_use]
    pub fn minor(&self) -> Option<u64> {
        10u64.checked_pow(9u32.checked_sub(u32::from(self.exponent))?)
    }
}

/// How a number between two steps is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// To the nearest step; a tie to the even one.
    #[n(0)]
    HalfEven,
    /// To the nearest step; a tie away from zero (DIN 1333).
    #[n(1)]
    HalfAway,
    /// To the nearest step; a tie upwards.
    #[n(2)]
    HalfUp,
    /// Downwards, towards minus infinity.
    #[n(3)]
    Floor,
    /// Upwards, towards plus infinity.
    #[n(4)]
    Ceiling,
    /// Towards zero.
    #[n(5)]
    Truncate,
}

/// A rounding: to multiples of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(array)]
pub struct Rounding {
    /// Step in 10⁻⁹ units, at least 1.
    #[n(0)]
    pub step: u64,
    /// What happens in between.
    #[n(1)]
    pub mode: Mode,
}

/// An amount of money as an exact fraction of 10⁻⁹ units, in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    numerator: I256,
    denominator: I256,
}

/// A number left the range in which everything is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an amount leaves the range in which it can be computed exactly")]
pub struct OutOfRange;

/// |numerator| < 2¹⁴⁸ and denominator < 2⁸⁰ (docs/protocol.md).
const NUMERATOR_BITS: u32 = 148;
const DENOMINATOR_BITS: u32 = 80;

impl Amount {
    /// Zero.
    pub const ZERO: Self = Self { numerator: I256::ZERO, denominator: I256::ONE };

    /// A whole number of 10⁻⁹ units.
    #[must_use]
    pub fn from_nano(nano: i128) -> Self {
        Self { numerator: I256::from(nano), denominator: I256::ONE }
    }

    /// numerator / denominator.
    ///
    /// # Errors
    /// When the denominator is not positive or the fraction is out of range.
    pub fn fraction(numerator: i128, denominator: i128) -> Result<Self, OutOfRange> {
        Self::reduced(I256::from(numerator), I256::from(denominator))
    }

    fn reduced(numerator: I256, denominator: I256) -> Result<Self, OutOfRange> {
        if denominator < I256::ONE {
            return Err(OutOfRange);
        }
        let divisor = gcd(numerator, denominator);
        let (numerator, denominator) = (numerator / divisor, denominator / divisor);
        let fits = numerator.unsigned_abs().leading_zeros() >= 256 - NUMERATOR_BITS
            && denominator.leading_zeros() >= 256 - DENOMINATOR_BITS;
        if fits { Ok(Self { numerator, denominator }) } else { Err(OutOfRange) }
    }

    /// Sum.
    ///
    /// # Errors
    /// When the sum is out of range.
    pub fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        let left = self.numerator.checked_mul(other.denominator).ok_or(OutOfRange)?;
        let right = other.numerator.checked_mul(self.denominator).ok_or(OutOfRange)?;
        let denominator = self.denominator.checked_mul(other.denominator).ok_or(OutOfRange)?;
        Self::reduced(left.checked_add(right).ok_or(OutOfRange)?, denominator)
    }

    /// Product with numerator / denominator.
    ///
    /// # Errors
    /// When the product is out of range.
    pub fn times(self, numerator: i128, denominator: i128) -> Result<Self, OutOfRange> {
        let top = self.numerator.checked_mul(I256::from(numerator)).ok_or(OutOfRange)?;
        let bottom = self.denominator.checked_mul(I256::from(denominator)).ok_or(OutOfRange)?;
        Self::reduced(top, bottom)
    }

    /// Whether it is below zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.numerator < I256::ZERO
    }

    /// Whether it is above zero.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.numerator > I256::ZERO
    }

    /// The greater of two amounts.
    ///
    /// # Errors
    /// When their difference is out of range.
    pub fn greater(self, other: Self) -> Result<Self, OutOfRange> {
        let difference = self.plus(other.times(-1, 1)?)?;
        Ok(if difference.is_negative() { other } else { self })
    }

    /// Numerator and denominator in lowest terms.
    pub(crate) fn fraction_parts(self) -> (I256, I256) {
        (self.numerator, self.denominator)
    }

    /// Rounds to a multiple of the step.
    ///
    /// # Errors
    /// When the step is zero or the result is out of range.
    pub fn round(self, rounding: Rounding) -> Result<Self, OutOfRange> {
        let step = I256::from(rounding.step);
        let unit = self.denominator.checked_mul(step).filter(|unit| *unit > I256::ZERO).ok_or(OutOfRange)?;
        let below = self.numerator.div_euclid(unit);
        let rest = self.numerator.rem_euclid(unit);
        let half = (rest + rest).cmp(&unit);
        let negative = self.numerator < I256::ZERO;
        let up = match rounding.mode {
            Mode::Floor => false,
            Mode::Ceiling => rest != I256::ZERO,
            Mode::Truncate => negative && rest != I256::ZERO,
            Mode::HalfUp => half != Ordering::Less,
            Mode::HalfAway => half == Ordering::Greater || (half == Ordering::Equal && !negative),
            Mode::HalfEven => {
                half == Ordering::Greater || (half == Ordering::Equal && below.rem_euclid(I256::from(2)) == I256::ONE)
            }
        };
        let steps = if up { below + I256::ONE } else { below };
        Self::reduced(steps.checked_mul(step).ok_or(OutOfRange)?, I256::ONE)
    }

    /// The amount when it is a whole number of 10⁻⁹ units.
    #[must_use]
    pub fn whole_nano(self) -> Option<i128> {
        (self.denominator == I256::ONE).then(|| i128::try_from(self.numerator).ok()).flatten()
    }

    /// Numerator and denominator in lowest terms, as decimal digits: for showing and for checking elsewhere.
    #[must_use]
    pub fn parts(self) -> (String, String) {
        (self.numerator.to_string(), self.denominator.to_string())
    }
}

fn gcd(a: I256, b: I256) -> I256 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != I256::ZERO {
        (a, b) = (b, a % b);
    }
    if a == I256::ZERO { I256::ONE } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rounded(numerator: i128, denominator: i128, step: u64, mode: Mode) -> i128 {
        let amount = Amount::fraction(numerator, denominator).unwrap();
        amount.round(Rounding { step, mode }).unwrap().whole_nano().unwrap()
    }

    #[test]
    fn ties_go_where_the_mode_says() {
        use Mode::*;
        for (mode, expected) in [
            (HalfEven, [-2, -2, 0, 0, 2, 2]),
            (HalfAway, [-3, -2, -1, 1, 2, 3]),
            (HalfUp, [-2, -1, 0, 1, 2, 3]),
            (Floor, [-3, -2, -1, 0, 1, 2]),
            (Ceiling, [-2, -1, 0, 1, 2, 3]),
            (Truncate, [-2, -1, 0, 0, 1, 2]),
        ] {
            let got = [-5, -3, -1, 1, 3, 5].map(|halves| rounded(halves, 2, 1, mode));
            assert_eq!(got, expected, "{mode:?}");
        }
        assert_eq!(rounded(1_250_000_000, 1, 100_000_000, HalfEven), 1_200_000_000);
    }

    #[test]
    fn exponents() {
        let minor = |exponent| Currency { code: "EUR".into(), exponent }.minor();
        assert_eq!((minor(2), minor(0), minor(9), minor(10)), (Some(10_000_000), Some(1_000_000_000), Some(1), None));
    }

    #[test]
    fn out_of_range_is_refused() {
        let big = Amount::from_nano(i128::MAX);
        assert_eq!(big.times(1 << 30, 1), Err(OutOfRange));
        assert_eq!(Amount::fraction(1, i128::MAX), Err(OutOfRange));
        assert_eq!(Amount::fraction(1, 0), Err(OutOfRange));
        assert_eq!(Amount::ZERO.round(Rounding { step: 0, mode: Mode::Floor }), Err(OutOfRange));
    }

    proptest! {
        #[test]
        fn rounding_moves_less_than_a_step(n in -1i128 << 60..1i128 << 60, d in 1i128..1 << 40, step in 1u64..1 << 30) {
            for mode in [Mode::HalfEven, Mode::HalfAway, Mode::HalfUp, Mode::Floor, Mode::Ceiling, Mode::Truncate] {
                let result = rounded(n, d, step, mode);
                prop_assert_eq!(result % i128::from(step), 0);
                let error = (result * d - n).abs();
                let limit = i128::from(step) * d;
                prop_assert!(error < limit);
                if matches!(mode, Mode::HalfEven | Mode::HalfAway | Mode::HalfUp) { prop_assert!(2 * error <= limit); }
            }
        }

        #[test]
        fn addition_is_exact(a in -1i128 << 60..1 << 60, b in 1i128..1 << 20, c in -1i128 << 60..1 << 60, d in 1i128..1 << 20) {
            let sum = Amount::fraction(a, b).unwrap().plus(Amount::fraction(c, d).unwrap()).unwrap();
            prop_assert_eq!(sum, Amount::fraction(a * d + c * b, b * d).unwrap());
        }
    }
}
