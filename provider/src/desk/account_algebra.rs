//! Quantities, forms, tables and cells of a tariff in words.

use protocol::tariff::{Form, Limit, Measure, Per, Prices, Quantity, Ref, Schedule, Step, Tariff, Within};
use serde::Serialize;

use super::account::money;
use super::zone::shown;

/// A quantity or a cell, for showing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ValueAccount {
    pub(super) name: String,
    pub(super) words: String,
}

/// The quantities of a tariff in words.
pub(super) fn quantities(tariff: &Tariff) -> Vec<ValueAccount> {
    let words =
        |quantity: &Quantity| ValueAccount { name: quantity.name.clone(), words: quantity_words(tariff, quantity) };
    tariff.quantities().iter().map(words).collect()
}

/// The cells of a tariff in words.
pub(super) fn cells(tariff: &Tariff) -> Vec<ValueAccount> {
    let words = |cell: &protocol::tariff::Cell| ValueAccount {
        name: cell.name.clone(),
        words: format!("{} at first, then \"{}\" of the period before", cell.first, name_of(tariff, cell.next)),
    };
    tariff.cells().iter().map(words).collect()
}

fn quantity_words(tariff: &Tariff, quantity: &Quantity) -> String {
    let register = tariff.registers.get(usize::from(quantity.register));
    let code = register.map_or_else(String::new, |register| register.code.to_string());
    let own = register.map_or_else(String::new, |register| register.unit.to_string());
    let unit = &quantity.unit;
    match &quantity.measure {
        Measure::Sum { weights, fallback } => {
            let each = if quantity.unit.as_str() == own { String::new() } else { format!(" for each {own}") };
            let fallback = value(tariff, *fallback, unit.as_str());
            format!(
                "the sum of register {code}, each slot at {}{each}; {fallback} for what cannot be placed in time",
                values(tariff, weights, unit.as_str())
            )
        }
        Measure::Beyond { counts, limit, weights } => {
            let counted = if one(counts) == Some(1) {
                String::new()
            } else {
                format!(", of slots at {}", values(tariff, counts, ""))
            };
            format!(
                "what register {code} takes after its running total{counted} has passed {}, each unit at {}",
                limit_words(tariff, limit, &own),
                values(tariff, weights, unit.as_str())
            )
        }
        Measure::Greatest { weights, window, within, picks, best } => {
            let loads =
                if *picks == 1 { "the greatest load".to_owned() } else { format!("the {picks} greatest loads") };
            let weighed =
                if one(weights) == Some(1) { String::new() } else { format!(" times {}", values(tariff, weights, "")) };
            let minutes = window / 60;
            let of = format!("of register {code}{weighed}, over {minutes} minutes each");
            match within {
                Within::Period => format!("the sum of {loads} {of}, in {own}")
                    .replace("the sum of the greatest load", "the greatest load"),
                Within::Day => {
                    format!("{loads} {of}, of each local day; of these days the {best} greatest, summed, in {own}")
                }
                Within::Week => {
                    format!("{loads} {of}, of each local week; of these weeks the {best} greatest, summed, in {own}")
                }
            }
        }
        Measure::Over { thresholds, linear, square, count } => {
            let mut words =
                format!("of each slot of register {code} what is above {}", values(tariff, thresholds, &own));
            words.push_str(&format!(": {} for each {own}", values(tariff, linear, unit.as_str())));
            if let Some(square) = square {
                words.push_str(&format!(", {} for each squared {own}", values(tariff, square, unit.as_str())));
            }
            if let Some(count) = count {
                words.push_str(&format!(", {} for each slot that reaches it", values(tariff, count, unit.as_str())));
            }
            words
        }
    }
}

fn value(tariff: &Tariff, value: i64, unit: &str) -> String {
    if unit == tariff.currency.code {
        format!("{} {unit}", money(value, -9, tariff))
    } else if unit.is_empty() {
        value.to_string()
    } else {
        format!("{value} {unit}")
    }
}

/// The one value of a schedule, when it has one.
fn one(schedule: &Schedule) -> Option<i64> {
    match &schedule.prices {
        Prices::Bands { bands, .. } => {
            let first = bands.first()?.price;
            bands.iter().all(|band| band.price == first).then_some(first)
        }
        Prices::Series(list) => {
            let first = *list.first()?;
            list.iter().all(|value| *value == first).then_some(first)
        }
    }
}

fn values(tariff: &Tariff, schedule: &Schedule, unit: &str) -> String {
    if let Some(flat) = one(schedule) {
        return value(tariff, flat, unit);
    }
    match &schedule.prices {
        Prices::Bands { bands, .. } => {
            let named = bands.iter().map(|band| format!("{} ({})", value(tariff, band.price, unit), band.name));
            named.collect::<Vec<_>>().join(" or ")
        }
        Prices::Series(list) => {
            let extreme = |found: Option<&i64>| value(tariff, found.copied().unwrap_or(0), unit);
            format!("{} values from {} to {}", list.len(), extreme(list.iter().min()), extreme(list.iter().max()))
        }
    }
}

fn limit_words(tariff: &Tariff, limit: &Limit, unit: &str) -> String {
    let per = match limit.per {
        Per::Day => " for each day",
        Per::Month => " for each month",
        Per::Year => " for each year",
        Per::Bill => "",
    };
    format!("{}{per}", value(tariff, limit.amount, unit))
}

fn name_of(tariff: &Tariff, value: Ref) -> String {
    match value {
        Ref::Quantity(at) => tariff.quantities().get(usize::from(at)).map(|of| of.name.clone()),
        Ref::Cell(at) => tariff.cells().get(usize::from(at)).map(|of| of.name.clone()),
        Ref::Line(at) => tariff.lines.get(usize::from(at)).map(|of| of.name.clone()),
    }
    .unwrap_or_default()
}

/// Whether a value is a number of 10⁻⁹ currency units.
fn is_money(tariff: &Tariff, value: Ref) -> Option<bool> {
    match value {
        Ref::Quantity(at) => tariff.quantities().get(usize::from(at)).map(|q| q.unit.as_str() == tariff.currency.code),
        Ref::Cell(_) => None,
        Ref::Line(at) => tariff.lines.get(usize::from(at)).and_then(|line| line.is_charged().then_some(true)),
    }
}

/// A form: `300000 × "Energy" + 5.00 EUR for each month, divided by 12`.
pub(super) fn form(tariff: &Tariff, form: &Form) -> String {
    let mut parts: Vec<String> = Vec::with_capacity(form.terms.len() + 1);
    for term in &form.terms {
        let name = format!("\"{}\"", name_of(tariff, term.of));
        parts.push(match term.factor {
            1 => name,
            factor => format!("{factor} × {name}"),
        });
    }
    if form.constant.amount != 0 || parts.is_empty() {
        // A constant beside money is money; beside a meter's units or cells alone it is a plain number.
        let in_money = form.terms.is_empty() || form.terms.iter().any(|term| is_money(tariff, term.of) == Some(true));
        let unit = if in_money { tariff.currency.code.as_str() } else { "" };
        parts.push(limit_words(tariff, &form.constant, unit));
    }
    let sum = parts.join(" + ").replace("+ -", "− ");
    if form.divisor == 1 { sum } else { format!("({sum}) / {}", form.divisor) }
}

/// The rows of a table: from where on, and what holds there.
pub(super) fn table(tariff: &Tariff, base: i64, steps: &[Step]) -> Vec<String> {
    let code = tariff.currency.code.as_str();
    let mut level = i128::from(base);
    let mut rows = vec![format!("{} below the first step", value(tariff, base, code))];
    for step in steps {
        level += i128::from(step.amount);
        let how = if step.inclusive { "from" } else { "above" };
        let level = i64::try_from(level).unwrap_or(i64::MAX);
        rows.push(format!("{} {how} {}", value(tariff, level, code), step.at));
    }
    rows
}

/// When a line counts, for people.
pub(super) fn seasons(tariff: &Tariff, when: &[protocol::time::Span]) -> Vec<String> {
    let zone = &tariff.zone;
    when.iter().map(|span| format!("{} until {}", shown(span.from, zone), shown(span.until, zone))).collect()
}
