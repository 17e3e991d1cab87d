//! Amounts that are not prices: standing charges, tax rates, and steps to round to.

use protocol::money::{Currency, Mode, PRICE_LIMIT};
use protocol::tariff::Per;

use super::decimal::Decimal;
use super::error::Problem;
use super::price::{money_shift, split, whole_nano};

/// A standing amount stays below this in a tariff, in 10⁻⁹ currency units; it is multiplied by days alone.
const STANDING_LIMIT: u64 = 1 << 60;

/// Reads a standing amount, `0.4525 EUR/day`, with what it is for.
///
/// # Errors
/// When it is malformed, in another currency, too fine without rounding, or out of range.
pub fn standing(text: &str, currency: &Currency, rounding: Option<Mode>) -> Result<(i64, Per), Problem> {
    let (number, unit) = split(text)?;
    let (money, per) = unit.split_once('/').unwrap_or((unit, ""));
    let per = match per.trim() {
        "day" => Per::Day,
        "month" => Per::Month,
        "year" => Per::Year,
        "bill" => Per::Bill,
        _ => {
            return Err(Problem::new(format!(
                "a standing amount is per day, month, year or bill, as in \"0.45 {}/day\"",
                currency.code
            )));
        }
    };
    let exact = number.shifted(money_shift(money.trim(), currency)?);
    Ok((whole_nano(exact, rounding, STANDING_LIMIT, &|| text.trim().to_owned())?, per))
}

/// Reads a rate, `5 %`, as a fraction in lowest terms.
///
/// # Errors
/// When the per cent sign is missing, the number is negative or has too many digits.
pub fn rate(text: &str) -> Result<(u64, u64), Problem> {
    let number = text.trim().strip_suffix('%').ok_or_else(|| {
        Problem::new(format!("\"{}\" lacks its per cent sign; write it as in \"5 %\"", text.escape_debug()))
    })?;
    let number: Decimal = number.trim_end().parse()?;
    if number.is_negative() {
        return Err(Problem::new("a tax rate is not negative"));
    }
    number
        .shifted(-2)
        .and_then(Decimal::fraction)
        .and_then(|(n, d)| Some((u64::try_from(n).ok()?, d)))
        .filter(|(n, d)| *n < PRICE_LIMIT && *d < PRICE_LIMIT)
        .ok_or_else(|| Problem::new(format!("the rate {text} has more digits than a tariff can carry")))
}

/// Reads a rounding step in currency units, `0.01`, in 10⁻⁹ units.
///
/// # Errors
/// When it is not a positive whole number of 10⁻⁹ units below the limit.
pub fn step(text: &str) -> Result<u64, Problem> {
    let number: Decimal = text.trim().parse()?;
    number
        .shifted(9)
        .and_then(Decimal::whole)
        .and_then(|nano| u64::try_from(nano).ok())
        .filter(|nano| (1..PRICE_LIMIT).contains(nano))
        .ok_or_else(|| Problem::new(format!("{number} is not a step to round to; write one such as \"0.01\"")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::currency::currency;

    #[test]
    fn standing_amounts_rates_and_steps() {
        let gbp = currency("GBP", None).unwrap();
        let read = |text| standing(text, &gbp, None).map_err(|p| p.to_string());
        assert_eq!(read("45.25 p/day"), Ok((452_500_000, Per::Day)));
        assert_eq!(read("-12 GBP/bill"), Ok((-12_000_000_000, Per::Bill)));
        assert!(read("45.25 p/week").unwrap_err().contains("per day"));
        assert!(read("45.25 p").unwrap_err().contains("per day"));
        assert_eq!(read("1200 GBP/year"), Ok((1_200_000_000_000, Per::Year)));
        assert_eq!(read("1152921504.606846975 GBP/bill"), Ok((1_152_921_504_606_846_975, Per::Bill)));
        let beyond = read("1152921504.606846976 GBP/bill").unwrap_err();
        assert!(beyond.contains("out of range") && beyond.contains("1152921504.606846976 currency units"), "{beyond}");
        assert_eq!(rate("5 %").unwrap(), (1, 20));
        assert_eq!(rate("5.11269632%").unwrap(), (1_997_147, 39_062_500));
        assert_eq!(rate("0 %").unwrap(), (0, 1));
        assert!(rate("0.05").is_err() && rate("-5 %").is_err() && rate("1e-20 %").is_err());
        assert_eq!(step("0.01").unwrap(), 10_000_000);
        assert!(step("0").is_err() && step("-1").is_err() && step("1e-10").is_err() && step("5000").is_err());
    }
}
