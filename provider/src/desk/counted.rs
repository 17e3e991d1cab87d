//! What values count: money, or a meter's unit; and the numbers with units by which forms multiply, shift and compare them.

use protocol::metrology::label::Unit;
use protocol::money::Currency;
use protocol::tariff::Per;

use super::decimal::Decimal;
use super::error::Problem;
use super::price::{PriceUnit, money_shift, quantity, split};

/// What a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// 10⁻⁹ currency units.
    Money,
    /// Units of a register; the window is that of a load, so that a power can be told from it.
    Units { unit: Unit, window: Option<u16> },
    /// A number that fits beside anything: a cell, or a plain constant.
    Number,
}

impl Counted {
    /// What a sum of both counts; `None` when they do not add up.
    pub(super) fn with(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Number, other) | (other, Self::Number) => Some(other),
            (Self::Money, Self::Money) => Some(Self::Money),
            (Self::Units { unit: a, window }, Self::Units { unit: b, .. }) if a == b => {
                Some(Self::Units { unit: a, window })
            }
            _ => None,
        }
    }

    pub(super) fn name(self, currency: &Currency) -> String {
        match self {
            Self::Money => currency.code.clone(),
            Self::Units { unit, .. } => unit.to_string(),
            Self::Number => "a number".into(),
        }
    }
}

/// Windows in an hour, for loads that are spoken of as power.
fn windows_in_hour(window: u16) -> Decimal {
    Decimal::new(3600 / i128::from(window.max(1)), 0).unwrap_or(Decimal::ONE)
}

/// Hours of a window: a quarter, a half, or one.
fn hours_of_window(window: u16) -> Decimal {
    match window {
        900 => Decimal::new(25, -2),
        1800 => Decimal::new(5, -1),
        _ => Decimal::new(1, 0),
    }
    .unwrap_or(Decimal::ONE)
}

fn out_of_range(text: &str) -> Problem {
    Problem::new(format!("\"{}\" has too many digits", text.escape_debug()))
}

/// Reads a number without a unit: `0.8`, `80 %`.
pub(super) fn bare(text: &str) -> Option<Result<Decimal, Problem>> {
    let text = text.trim();
    if let Some(per_cent) = text.strip_suffix('%') {
        return Some(
            per_cent.trim_end().parse::<Decimal>().and_then(|d| d.shifted(-2).ok_or_else(|| out_of_range(text))),
        );
    }
    (!text.contains(char::is_whitespace)).then(|| text.parse())
}

/// What a value is multiplied by, and what the product counts: `-1`, `80 %`, `0.30 EUR/kWh`, `12 EUR/kW`, `300 h`.
pub(super) fn factor(text: &str, of: Counted, currency: &Currency) -> Result<(Decimal, Counted), Problem> {
    if let Some(number) = bare(text) {
        return Ok((number?, of));
    }
    let (number, unit) = split(text)?;
    let Counted::Units { unit: counted, window } = of else {
        let problem = format!("\"{}\" is a price, and what it is for is no quantity of a meter", text.trim());
        return Err(Problem::new(problem));
    };
    let load = || {
        window
            .ok_or_else(|| Problem::new(format!("\"{unit}\" is for loads; a quantity of kind greatest measures them")))
    };
    if unit == "h" {
        let hours = number.times(windows_in_hour(load()?)).ok_or_else(|| out_of_range(text))?;
        return Ok((hours, of));
    }
    let (per, scale) = match unit.split_once('/') {
        Some((money, power)) if power.trim().ends_with('W') => {
            (format!("{money}/{}h", power.trim()), windows_in_hour(load()?))
        }
        _ => (unit.to_owned(), Decimal::ONE),
    };
    let price = PriceUnit::parse(&per, currency, &counted)?;
    let nano = price.nano(number).and_then(|nano| nano.times(scale)).ok_or_else(|| out_of_range(text))?;
    Ok((nano, Counted::Money))
}

/// A number beside values, with the time it is for: `-5`, `2 EUR/month`, `-12 kWh/day`, `2.5 kW`.
pub(super) fn constant(text: &str, beside: Counted, currency: &Currency) -> Result<(Decimal, Per, Counted), Problem> {
    if let Some(number) = bare(text) {
        return Ok((number?, Per::Bill, Counted::Number));
    }
    let (number, unit) = split(text)?;
    let (unit, per) = match unit.rsplit_once('/') {
        Some((unit, "day")) => (unit.trim(), Per::Day),
        Some((unit, "month")) => (unit.trim(), Per::Month),
        Some((unit, "year")) => (unit.trim(), Per::Year),
        Some((unit, "bill")) => (unit.trim(), Per::Bill),
        _ => (unit, Per::Bill),
    };
    let exact = match (beside, money_shift(unit, currency)) {
        (Counted::Money | Counted::Number, Ok(shift)) => {
            return Ok((number.shifted(shift).ok_or_else(|| out_of_range(text))?, per, Counted::Money));
        }
        (Counted::Units { unit: counted, window }, Err(_)) => {
            let (energy, scale) = match window {
                Some(window) if unit.ends_with('W') => (format!("{unit}h"), hours_of_window(window)),
                _ => (unit.to_owned(), Decimal::ONE),
            };
            let ((base, power), (own, own_power)) = (quantity(&energy), quantity(counted.as_str()));
            (base == own).then(|| number.shifted(power - own_power).and_then(|n| n.times(scale)))
        }
        _ => None,
    };
    let exact = exact.ok_or_else(|| {
        Problem::new(format!("\"{}\" does not count what stands beside it: {}", text.trim(), beside.name(currency)))
    })?;
    Ok((exact.ok_or_else(|| out_of_range(text))?, per, beside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::currency::currency;

    #[test]
    fn loads_are_priced_and_compared_as_power() {
        let eur = currency("EUR", None).unwrap();
        let load = |window| Counted::Units { unit: Unit::new("Wh").unwrap(), window: Some(window) };
        // 12 EUR/kW for a quarter-hour's 250 Wh, which are 1 kW.
        let (times, counted) = factor("12 EUR/kW", load(900), &eur).unwrap();
        assert_eq!((times.whole(), counted), (Some(48_000_000), Counted::Money));
        assert_eq!(times.whole().unwrap() * 250, 12_000_000_000);
        assert_eq!(factor("300 h", load(1800), &eur).unwrap().0.whole(), Some(600));
        assert_eq!(constant("2.5 kW", load(900), &eur).unwrap().0.whole(), Some(625));
        assert_eq!(constant("2.5 kW", load(3600), &eur).unwrap().0.whole(), Some(2500));
        assert_eq!(constant("-12 kWh/day", load(900), &eur).unwrap().0.whole(), Some(-12_000));
        assert!(factor("12 EUR/kW", Counted::Units { unit: Unit::new("Wh").unwrap(), window: None }, &eur).is_err());
        assert!(factor("12 EUR/kWh", Counted::Money, &eur).is_err());
        assert!(constant("3 EUR", load(900), &eur).is_err() && constant("3 km", load(900), &eur).is_err());
        assert_eq!(bare("80 %").unwrap().unwrap(), "0.8".parse().unwrap());
    }
}
