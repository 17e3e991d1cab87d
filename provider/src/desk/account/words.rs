//! Prices, rates and roundings in words; money is text, never a float.

use protocol::money::{Mode, Rounding};
use protocol::tariff::Tariff;

use crate::desk::decimal::Decimal;

/// A price in the unit people know: per kWh, km or m³ rather than per Wh, m or L.
pub(super) fn price_text(nano: i64, unit: &str, tariff: &Tariff) -> String {
    let (exponent, per) = match unit {
        "L" => (-6, "m³".to_owned()),
        "Wh" | "varh" | "VAh" | "m" | "g" => (-6, format!("k{unit}")),
        _ => (-9, unit.to_owned()),
    };
    format!("{} {}/{per}", money(nano, exponent, tariff), tariff.currency.code)
}

/// An amount with at least the decimals of the currency.
pub(in super::super) fn money(value: i64, exponent: i32, tariff: &Tariff) -> String {
    let text = Decimal::new(i128::from(value), exponent).map(|d| d.to_string()).unwrap_or_default();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let places = usize::from(tariff.currency.exponent);
    if decimals.is_empty() && places == 0 { whole.to_owned() } else { format!("{whole}.{decimals:0<places$}") }
}

/// A rate in per cent where that is a decimal.
pub(super) fn rate_text(numerator: u64, denominator: u64) -> String {
    let (numerator, denominator) = (u128::from(numerator), u128::from(denominator.max(1)));
    let exact = (0..=18).find_map(|places: u32| {
        let scaled = numerator * 100 * 10u128.pow(places);
        let whole = scaled.is_multiple_of(denominator).then_some(scaled / denominator)?;
        Decimal::new(i128::try_from(whole).ok()?, -i32::try_from(places).ok()?)
    });
    exact.map_or_else(|| format!("{numerator}/{denominator}"), |percent| format!("{percent} %"))
}

/// A line aside need not be money: its step is a number of whatever it counts.
pub(super) fn rounding_of(rounding: Rounding, line: &protocol::tariff::Line, tariff: &Tariff) -> String {
    if line.is_charged() {
        rounding_text(rounding, tariff)
    } else {
        format!("to {}, {}", rounding.step, mode_text(rounding.mode))
    }
}

/// A rounding of money.
pub(super) fn rounding_text(rounding: Rounding, tariff: &Tariff) -> String {
    let mode = mode_text(rounding.mode);
    let step = i64::try_from(rounding.step).map(|step| money(step, -9, tariff)).unwrap_or_default();
    format!("to {step} {}, {mode}", tariff.currency.code)
}

fn mode_text(mode: Mode) -> &'static str {
    match mode {
        Mode::HalfEven => "halves to even",
        Mode::HalfAway => "halves away from zero",
        Mode::HalfUp => "halves up",
        Mode::Floor => "downwards",
        Mode::Ceiling => "upwards",
        Mode::Truncate => "towards zero",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_cent_where_they_can_be() {
        for (numerator, denominator, shown) in
            [(1, 20, "5 %"), (1_997_147, 39_062_500, "5.11269632 %"), (0, 1, "0 %"), (3, 1, "300 %"), (1, 3, "1/3")]
        {
            assert_eq!(rate_text(numerator, denominator), shown);
        }
    }
}
