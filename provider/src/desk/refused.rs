//! What a source may ask for and its format does not have: named and refused, never approximated.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::DeskError;
use super::source::line_of;

/// What no format has: a formula is a program, and nobody who verifies a bill runs a provider's programs.
const NEVER: &[(&[&str], &str)] = &[(&["formula", "expression", "script"], "a formula, which is never evaluated")];

/// Words a source uses as a key, or as the kind of a line, and what each of them needs.
const BEYOND: &[(&[&str], &str)] = &[
    (&["tiers", "tier", "blocks", "block", "steps", "brackets", "thresholds", "threshold", "inclining"], "block tiers"),
    (&["demand", "power", "kw", "max_demand"], "a demand charge on the highest readings"),
    (&["peak", "peaks", "peak_price", "top"], "a charge on the peak of the readings"),
    (&["capacity", "capacity_charge"], "a capacity charge"),
    (&["minimum", "min", "minimum_charge", "floor"], "a minimum charge"),
    (&["maximum", "max", "maximum_charge", "cap", "ceiling"], "a cap on an amount"),
    (&["ratchet", "carry", "bank", "state", "lookback"], "state carried between billing periods"),
    (&["netting", "net_metering", "net"], "netting of one register against another"),
    (&["baseline", "baselines", "event", "events", "reward", "penalty"], "a comparison with a baseline"),
    (&["round_readings", "reading_rounding", "reading_step"], "rounding of readings"),
];

/// Looks through a source, before it is read, for what its format lacks: in the first, whatever is beyond sums of prices
/// times readings.
///
/// # Errors
/// The first such key or kind.
pub(super) fn check(source: &str, document: &DeTable<'_>, first: bool) -> Result<(), DeskError> {
    for (key, value) in document {
        // Below `registers` stand names of the source's own choice: a register may be called "peak".
        if key.get_ref() == "registers" {
            continue;
        }
        check_entry(source, key, value, first)?;
    }
    Ok(())
}

fn check_entry(
    source: &str,
    key: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    first: bool,
) -> Result<(), DeskError> {
    let asks = |word: &str, at: usize| match needs(word, first) {
        Some(needs) => Err(DeskError::BeyondLinear { line: line_of(source, at), key: word.to_owned(), needs }),
        None => Ok(()),
    };
    asks(key.get_ref(), key.span().start)?;
    if let (true, Some(kind)) = (key.get_ref() == "kind", value.get_ref().as_str()) {
        asks(kind, value.span().start)?;
    }
    check_value(source, value, first)
}

fn check_value(source: &str, value: &Spanned<DeValue<'_>>, first: bool) -> Result<(), DeskError> {
    match value.get_ref() {
        DeValue::Table(table) => table.iter().try_for_each(|(key, value)| check_entry(source, key, value, first)),
        DeValue::Array(values) => values.iter().try_for_each(|value| check_value(source, value, first)),
        _ => Ok(()),
    }
}

fn needs(word: &str, first: bool) -> Option<&'static str> {
    let word = word.to_lowercase().replace('-', "_");
    let beyond = if first { BEYOND } else { &[] };
    NEVER.iter().chain(beyond).find(|(words, _)| words.contains(&word.as_str())).map(|(_, needs)| *needs)
}
