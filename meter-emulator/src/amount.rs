//! Amounts as people write them: decimal text to whole 10⁻⁴ units, exactly.

/// Decimals that 10⁻⁴ units can hold.
const DECIMALS: usize = 4;

/// Why a text is no amount. The text itself is a reading and stays out of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// A sign in front.
    #[error("the amount is negative; a register only grows, so give what flows back a column of its own")]
    Negative,
    /// Not digits with at most one point between them.
    #[error("this is not a number; write digits with a point before the decimals, or leave the field empty")]
    NotANumber,
    /// More decimals than a register counts.
    #[error("the amount has more than 4 decimals; round it to 4")]
    TooFine,
    /// Beyond what can be counted.
    #[error("the amount is too large for one interval; check the unit of the column")]
    TooLarge,
}

/// Reads a decimal amount in 10⁻⁴ units.
///
/// # Errors
/// See [`AmountError`].
pub fn parse_parts(text: &str) -> Result<u64, AmountError> {
    if let Some(rest) = text.strip_prefix('-') {
        return Err(if is_decimal(rest) { AmountError::Negative } else { AmountError::NotANumber });
    }
    if !is_decimal(text) {
        return Err(AmountError::NotANumber);
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > DECIMALS {
        return Err(AmountError::TooFine);
    }
    let digits = whole.bytes().chain(decimals.bytes()).chain(std::iter::repeat_n(b'0', DECIMALS - decimals.len()));
    digits
        .map(|digit| u64::from(digit - b'0'))
        .try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(digit))
        .ok_or(AmountError::TooLarge)
}

/// Digits, and perhaps a point with digits behind it.
fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, decimals)) => digits(whole) && digits(decimals),
        None => digits(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_exact() {
        for (text, parts) in [
            ("0", 0),
            ("292", 2_920_000),
            ("0.0001", 1),
            ("70.267", 702_670),
            ("00012.5000", 125_000),
            ("32549506.1662", 325_495_061_662),
            ("1844674407370955.1615", u64::MAX),
        ] {
            assert_eq!(parse_parts(text), Ok(parts), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", ".", "5.", ".5", "1,5", "1e3", "+1", " 1", "1 ", "NaN", "--1", "-", "1.2.3", "٣", "0x10"] {
            assert_eq!(parse_parts(text), Err(AmountError::NotANumber), "{text:?}");
        }
        assert_eq!(parse_parts("-1"), Err(AmountError::Negative));
        assert_eq!(parse_parts("-0.5"), Err(AmountError::Negative));
        assert_eq!(parse_parts("1.00000"), Err(AmountError::TooFine));
        assert_eq!(parse_parts("1844674407370955.1616"), Err(AmountError::TooLarge));
        assert_eq!(parse_parts("99999999999999999999999"), Err(AmountError::TooLarge));
    }

    proptest! {
        #[test]
        fn every_amount_survives_being_written(parts: u64) {
            let text = format!("{}.{:04}", parts / 10_000, parts % 10_000);
            prop_assert_eq!(parse_parts(&text), Ok(parts));
        }
    }
}
