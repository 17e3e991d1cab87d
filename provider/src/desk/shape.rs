//! Tariff sources of format 2: the shape of quantities, forms, tables and cells.

use serde::Deserialize;
use toml::Spanned;

use super::source::{ModeName, Moment, Quoted, Series, When};

/// A number that follows from the readings of one register.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quantity {
    pub(super) name: Spanned<Quoted>,
    pub(super) kind: Spanned<QuantityKind>,
    pub(super) register: Option<Spanned<Quoted>>,
    pub(super) weight: Option<Spanned<Quoted>>,
    pub(super) series: Option<Spanned<Series>>,
    pub(super) band: Option<Vec<QuantityBand>>,
    pub(super) clock: Option<Spanned<Quoted>>,
    pub(super) price_rounding: Option<Spanned<ModeName>>,
    pub(super) residual: Option<Spanned<Quoted>>,
    pub(super) limit: Option<Spanned<Quoted>>,
    pub(super) window: Option<Spanned<u16>>,
    pub(super) within: Option<Spanned<WithinName>>,
    pub(super) picks: Option<Spanned<u8>>,
    pub(super) best: Option<Spanned<u8>>,
    pub(super) threshold: Option<Spanned<Quoted>>,
    pub(super) square: Option<Spanned<Quoted>>,
    pub(super) count: Option<Spanned<Quoted>>,
}

/// How a quantity follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum QuantityKind {
    Sum,
    Beyond,
    Greatest,
    Over,
}

/// Stretches of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WithinName {
    Period,
    Day,
    Week,
}

/// A band of a quantity; what it leaves out is as the quantity says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuantityBand {
    pub(super) name: Spanned<Quoted>,
    pub(super) when: Option<Spanned<Vec<Spanned<When>>>>,
    pub(super) weight: Option<Spanned<Quoted>>,
    pub(super) counts: Option<Spanned<bool>>,
    pub(super) threshold: Option<Spanned<Quoted>>,
    pub(super) square: Option<Spanned<Quoted>>,
    pub(super) count: Option<Spanned<Quoted>>,
}

/// (Σ factor · value + add) / divisor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    pub(super) sum: Option<Vec<Term>>,
    pub(super) add: Option<Spanned<Quoted>>,
    pub(super) divisor: Option<Spanned<u64>>,
}

/// A value by its name, and what it is multiplied by: 1 when left out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Term {
    pub(super) of: Spanned<Quoted>,
    pub(super) times: Option<Spanned<Quoted>>,
}

/// A step of a table: what holds from there on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) at: Spanned<Quoted>,
    pub(super) amount: Spanned<Quoted>,
    pub(super) inclusive: Option<bool>,
}

/// A tier: its price up to a total; the last has none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tier {
    pub(super) upto: Option<Spanned<Quoted>>,
    pub(super) price: Spanned<Quoted>,
}

/// When a line counts: local dates, half-open, or months of every year.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Season {
    pub(super) from: Option<Spanned<Moment>>,
    pub(super) to: Option<Spanned<Moment>>,
    pub(super) months: Option<Spanned<Quoted>>,
}

/// A number that one period leaves to the next.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cell {
    pub(super) name: Spanned<Quoted>,
    pub(super) first: Option<Spanned<Quoted>>,
    pub(super) next: Spanned<Quoted>,
}
