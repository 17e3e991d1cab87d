//! Prices as people write them ("24.37 p/kWh") and as tariffs hold them (10⁻⁹ currency units per register unit).

use protocol::metrology::label::Unit;
use protocol::money::{Currency, Mode, PRICE_LIMIT};

use super::decimal::Decimal;
use super::error::Problem;

/// Names of a hundredth of a currency.
const HUNDREDTHS: &[&str] = &["ct", "c", "p", "øre", "öre"];
/// Units that take the prefixes k, M and G. Litres stand for volumes: a cubic metre is a thousand of them.
const BASES: &[&str] = &["Wh", "varh", "VAh", "m", "L", "J", "g"];

/// A unit of prices: what one of it is worth in 10⁻⁹ currency units per register unit, as a power of ten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceUnit {
    text: String,
    shift: i32,
}

impl PriceUnit {
    /// Reads `EUR/kWh`, `p/kWh`, `EUR/km` for prices in `currency` of a register that counts `unit`.
    ///
    /// # Errors
    /// When the money or the quantity is another.
    pub fn parse(text: &str, currency: &Currency, unit: &Unit) -> Result<Self, Problem> {
        let (money, per) = text.split_once('/').ok_or_else(|| {
            Problem::new(format!(
                "\"{}\" is not a unit of prices, such as \"{}/kWh\"",
                text.escape_debug(),
                currency.code
            ))
        })?;
        let (asked, counted) = (quantity(per.trim()), quantity(unit.as_str()));
        if asked.0 != counted.0 {
            return Err(Problem::new(format!(
                "a price per {} cannot be charged on a register that counts {unit}",
                per.trim()
            )));
        }
        let shift = money_shift(money.trim(), currency)? - asked.1 + counted.1;
        Ok(Self { text: text.to_owned(), shift })
    }

    /// The value in 10⁻⁹ currency units per register unit, not yet a whole number.
    pub(super) fn nano(&self, value: Decimal) -> Option<Decimal> {
        value.shifted(self.shift)
    }
}

/// The power of ten that makes 10⁻⁹ currency units of one unit of money.
pub(super) fn money_shift(name: &str, currency: &Currency) -> Result<i32, Problem> {
    if name == currency.code {
        return Ok(9);
    }
    if HUNDREDTHS.contains(&name) {
        return match currency.exponent {
            2 => Ok(7),
            _ => Err(Problem::new(format!(
                "\"{name}\" is a hundredth, which {} does not have; write {0}",
                currency.code
            ))),
        };
    }
    Err(Problem::new(format!(
        "\"{}\" is not the tariff's currency {} or a hundredth of it (ct, c, p, øre)",
        name.escape_debug(),
        currency.code
    )))
}

/// A unit as a base and a power of ten. What is not in the table is its own base.
pub(super) fn quantity(unit: &str) -> (&str, i32) {
    if BASES.contains(&unit) {
        return (unit, 0);
    }
    match unit {
        "m3" | "m³" => return ("L", 3),
        "l" => return ("L", 0),
        "t" => return ("g", 6),
        _ => {}
    }
    for (prefix, power) in [("k", 3), ("M", 6), ("G", 9)] {
        if let Some(base) = unit.strip_prefix(prefix).filter(|base| BASES.contains(base)) {
            return (base, power);
        }
    }
    (unit, 0)
}

/// How the numbers of a line become prices: number · factor + addition, rounded only on request, negated for credits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// The unit of the numbers.
    pub unit: PriceUnit,
    /// What they are multiplied by first.
    pub factor: Decimal,
    /// What is added, in 10⁻⁹ currency units per register unit.
    pub add: Decimal,
    /// How a price finer than 10⁻⁹ is rounded; none refuses it.
    pub rounding: Option<Mode>,
    /// Whether the line pays the household: the price is negated after rounding.
    pub credit: bool,
}

impl Conversion {
    /// Numbers in `unit` that are prices as they stand.
    #[must_use]
    pub fn plain(unit: PriceUnit, rounding: Option<Mode>, credit: bool) -> Self {
        Self { unit, factor: Decimal::ONE, add: Decimal::ZERO, rounding, credit }
    }

    /// The price of a number.
    ///
    /// # Errors
    /// When it is finer than 10⁻⁹ and no rounding is set, or out of range.
    pub fn price(&self, value: Decimal) -> Result<i64, Problem> {
        let exact = value.times(self.factor).and_then(|v| self.unit.nano(v)).and_then(|v| v.plus(self.add));
        let written = || format!("{value} {}", self.unit.text);
        let nano = whole_nano(exact, self.rounding, PRICE_LIMIT, &written)?;
        Ok(if self.credit { -nano } else { nano })
    }
}

/// A price with its unit, `0.30 EUR/kWh`: the number and the unit's text.
pub(super) fn split(text: &str) -> Result<(Decimal, &str), Problem> {
    let text = text.trim();
    let (number, unit) = text.split_once(char::is_whitespace).ok_or_else(|| {
        Problem::new(format!("\"{}\" lacks its unit; write it as in \"0.30 EUR/kWh\"", text.escape_debug()))
    })?;
    Ok((number.parse()?, unit.trim()))
}

/// Reads one price, `0.30 EUR/kWh`.
///
/// # Errors
/// When it is malformed, in another currency or unit, too fine without rounding, or out of range.
pub fn price(
    text: &str,
    currency: &Currency,
    unit: &Unit,
    rounding: Option<Mode>,
    credit: bool,
) -> Result<i64, Problem> {
    let (number, per) = split(text)?;
    Conversion::plain(PriceUnit::parse(per, currency, unit)?, rounding, credit).price(number)
}

/// Reads an addition to every price of a series, `2.1 p/kWh`, or a bare number in the unit of the series.
///
/// # Errors
/// When it is malformed or in another currency or unit. Any fineness is taken: only the sum must fit.
pub fn addition(text: &str, series: &PriceUnit, currency: &Currency, unit: &Unit) -> Result<Decimal, Problem> {
    let bare = !text.trim().contains(char::is_whitespace);
    let (number, own) = if bare { (text.trim().parse()?, None) } else { split(text).map(|(n, u)| (n, Some(u)))? };
    let parsed = own.map(|own| PriceUnit::parse(own, currency, unit)).transpose()?;
    parsed.as_ref().unwrap_or(series).nano(number).ok_or_else(|| Problem::new(format!("\"{text}\" is out of range")))
}

/// A number of 10⁻⁹ currency units as a tariff holds it; `written` is what a person wrote.
pub(super) fn whole_nano(
    exact: Option<Decimal>,
    rounding: Option<Mode>,
    limit: u64,
    written: &dyn Fn() -> String,
) -> Result<i64, Problem> {
    let exact = exact.ok_or_else(|| Problem::new(format!("{} has too many digits", written())))?;
    let whole = match (exact.whole(), rounding) {
        (Some(whole), _) => whole,
        (None, Some(mode)) => exact
            .rounded(mode)
            .ok_or_else(|| Problem::new(format!("{} has too many digits to be rounded", written())))?,
        (None, None) => {
            return Err(Problem::new(format!(
                "{} comes to {exact} · 10⁻⁹, which is not whole; say how to round it with price_rounding = \"half-even\", or write fewer digits",
                written()
            )));
        }
    };
    i64::try_from(whole).ok().filter(|nano| nano.unsigned_abs() < limit).ok_or_else(|| {
        let limit = Decimal::new(i128::from(limit), -9).map(|l| l.to_string()).unwrap_or_default();
        Problem::new(format!(
            "{} is out of range: it comes to {limit} currency units or more for one register unit or standing period",
            written()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::currency::currency;
    use proptest::prelude::*;

    fn read(text: &str, code: &str, unit: &str) -> Result<i64, String> {
        let currency = currency(code, None).unwrap();
        price(text, &currency, &Unit::new(unit).unwrap(), None, false).map_err(|p| p.to_string())
    }

    #[test]
    fn prices_in_every_unit() {
        for (text, code, unit, nano) in [
            ("0.30 EUR/kWh", "EUR", "Wh", 300_000),
            ("30 ct/kWh", "EUR", "Wh", 300_000),
            ("24.3705 p/kWh", "GBP", "Wh", 243_705),
            ("-19.9 p/kWh", "GBP", "Wh", -199_000),
            ("97.21 EUR/MWh", "EUR", "Wh", 97_210),
            ("1e-05 EUR/kWh", "EUR", "Wh", 10),
            ("0.0003 EUR/Wh", "EUR", "Wh", 300_000),
            ("40 øre/kWh", "NOK", "Wh", 400_000),
            ("31 JPY/kWh", "JPY", "Wh", 31_000_000),
            ("0.348 EUR/km", "EUR", "m", 348_000),
            ("2.5 EUR/m3", "EUR", "L", 2_500_000),
            ("2.5 EUR/m³", "EUR", "L", 2_500_000),
            ("1.2 EUR/crossing", "EUR", "crossing", 1_200_000_000),
            ("0.30 EUR/kWh", "EUR", "kWh", 300_000_000),
        ] {
            assert_eq!(read(text, code, unit), Ok(nano), "{text}");
        }
    }

    #[test]
    fn what_is_no_price_says_why() {
        for (text, code, unit, why) in [
            ("0.30", "EUR", "Wh", "lacks its unit"),
            ("0,30 EUR/kWh", "EUR", "Wh", "point"),
            ("0.30 EUR", "EUR", "Wh", "not a unit of prices"),
            ("0.30 GBP/kWh", "EUR", "Wh", "not the tariff's currency EUR"),
            ("30 ct/kWh", "JPY", "Wh", "hundredth"),
            ("0.30 EUR/km", "EUR", "Wh", "a register that counts Wh"),
            ("0.30 EUR/kvarh", "EUR", "Wh", "a register that counts Wh"),
            ("0.1234567 EUR/kWh", "EUR", "Wh", "price_rounding"),
            ("2000 EUR/Wh", "EUR", "Wh", "1099.511627776"),
        ] {
            let problem = read(text, code, unit).unwrap_err();
            assert!(problem.contains(why), "{text}: {problem}");
        }
    }

    #[test]
    fn rounding_comes_before_the_sign_of_a_credit() {
        let eur = currency("EUR", None).unwrap();
        let wh = Unit::new("Wh").unwrap();
        let at = |mode, credit| price("0.1234565 EUR/kWh", &eur, &wh, Some(mode), credit).unwrap();
        assert_eq!(at(Mode::HalfEven, false), 123_456);
        assert_eq!(at(Mode::HalfAway, false), 123_457);
        assert_eq!(at(Mode::Floor, true), -123_456);
    }

    #[test]
    fn a_spot_formula_is_exact() {
        // 1.1 c/kWh + 0.1 c/kWh for each EUR/MWh.
        let (eur, wh) = (currency("EUR", None).unwrap(), Unit::new("Wh").unwrap());
        let unit = PriceUnit::parse("EUR/MWh", &eur, &wh).unwrap();
        let add = addition("1.1 c/kWh", &unit, &eur, &wh).unwrap();
        let conversion = Conversion { add, ..Conversion::plain(unit.clone(), None, false) };
        assert_eq!(conversion.price("97.21".parse().unwrap()).unwrap(), 97_210 + 11_000);
        assert_eq!(addition("-2", &unit, &eur, &wh).unwrap().whole(), Some(-2_000));
        let taxed = Conversion { factor: "1.06".parse().unwrap(), ..conversion };
        assert_eq!(taxed.price("-10".parse().unwrap()).unwrap(), -10_600 + 11_000);
    }

    proptest! {
        #[test]
        fn pence_are_hundredths(value in -100_000i64..100_000) {
            let pence = Decimal::new(i128::from(value), -3).unwrap();
            let pounds = pence.shifted(-2).unwrap();
            prop_assert_eq!(read(&format!("{pence} p/kWh"), "GBP", "Wh"), read(&format!("{pounds} GBP/kWh"), "GBP", "Wh"));
            prop_assert_eq!(read(&format!("{pence} p/kWh"), "GBP", "Wh"), Ok(value * 10));
        }
    }
}
