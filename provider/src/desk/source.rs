//! Tariff sources: the shape of the TOML that a person writes.
//!
//! Only the shape is read here; what the texts mean is for `compile`. Every value keeps its place in the source, so
//! that a refusal can name the line. Numbers with a unit are texts in quotes: a bare `0.30` would pass through a float.

use std::collections::BTreeMap;
use std::fmt;

use protocol::money::Mode;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use toml::Spanned;
use toml::de::DeTable;

use super::error::{DeskError, Place};
use super::refused;
pub(super) use super::shape::{Cell, Form, Quantity, Season, Step, Tier};

/// The first format of sources: prices, standing amounts and taxes.
pub const FORMAT: u32 = 1;
/// The format of sources with anything else: quantities, forms, tables, seasons and cells.
pub const FORMAT_ALGEBRA: u32 = 2;

/// A tariff source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    pub(super) format: Spanned<u32>,
    pub(super) id: Spanned<Quoted>,
    pub(super) name: Spanned<Quoted>,
    pub(super) currency: Spanned<Quoted>,
    pub(super) exponent: Option<u8>,
    pub(super) zone: Spanned<Quoted>,
    pub(super) valid: Validity,
    pub(super) holidays: Option<Vec<Spanned<Moment>>>,
    pub(super) registers: BTreeMap<String, Register>,
    pub(super) quantity: Option<Vec<Quantity>>,
    pub(super) cell: Option<Vec<Cell>>,
    pub(super) line: Vec<Line>,
    pub(super) total: Option<Total>,
}

/// When the tariff applies, half-open.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Validity {
    pub(super) from: Spanned<Moment>,
    pub(super) to: Spanned<Moment>,
}

/// A register under the name that lines use for it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Register {
    pub(super) code: Spanned<Quoted>,
    pub(super) unit: Spanned<Quoted>,
    pub(super) rounding: Option<Spanned<Quoted>>,
}

/// A line of the bill. Which of the keys belong to it depends on its kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) name: Spanned<Quoted>,
    pub(super) kind: Spanned<Kind>,
    pub(super) register: Option<Spanned<Quoted>>,
    pub(super) price: Option<Spanned<Quoted>>,
    pub(super) series: Option<Spanned<Series>>,
    pub(super) band: Option<Vec<Band>>,
    pub(super) credit: Option<Spanned<bool>>,
    pub(super) fallback: Option<Spanned<Quoted>>,
    pub(super) clock: Option<Spanned<Quoted>>,
    pub(super) price_rounding: Option<Spanned<ModeName>>,
    pub(super) amount: Option<Spanned<Quoted>>,
    pub(super) rate: Option<Spanned<Quoted>>,
    pub(super) on: Option<Spanned<Vec<Spanned<Quoted>>>>,
    pub(super) of: Option<Spanned<Form>>,
    pub(super) or: Option<Spanned<Form>>,
    pub(super) base: Option<Spanned<Quoted>>,
    pub(super) step: Option<Spanned<Vec<Step>>>,
    pub(super) tier: Option<Spanned<Vec<Tier>>>,
    pub(super) aside: Option<Spanned<bool>>,
    pub(super) seasons: Option<Spanned<Vec<Season>>>,
    pub(super) rounding: Option<Rounding>,
}

/// What a line charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Energy,
    Standing,
    Tax,
    Form,
    Excess,
    Greater,
    Lesser,
    Steps,
    Blocks,
}

/// A band: a price, and when it holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Band {
    pub(super) name: Spanned<Quoted>,
    pub(super) price: Spanned<Quoted>,
    pub(super) when: Option<Spanned<Vec<Spanned<When>>>>,
}

/// A window of a band.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct When {
    pub(super) from: Option<Quoted>,
    pub(super) to: Option<Quoted>,
    pub(super) days: Option<Quoted>,
    pub(super) months: Option<Quoted>,
    pub(super) holidays: Option<bool>,
}

/// Prices from a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Series {
    pub(super) file: Spanned<Quoted>,
    pub(super) column: Spanned<Quoted>,
    pub(super) unit: Spanned<Quoted>,
    pub(super) factor: Option<Spanned<Quoted>>,
    pub(super) add: Option<Spanned<Quoted>>,
}

/// How an amount is rounded.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rounding {
    pub(super) to: Option<Spanned<Quoted>>,
    pub(super) mode: Option<ModeName>,
}

/// The amount due.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Total {
    pub(super) rounding: Rounding,
}

/// A rounding mode by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ModeName {
    HalfEven,
    HalfAway,
    HalfUp,
    Floor,
    Ceiling,
    Truncate,
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::HalfEven => Self::HalfEven,
            ModeName::HalfAway => Self::HalfAway,
            ModeName::HalfUp => Self::HalfUp,
            ModeName::Floor => Self::Floor,
            ModeName::Ceiling => Self::Ceiling,
            ModeName::Truncate => Self::Truncate,
        }
    }
}

/// A text; its own type so that a bare number gets told to stand in quotes.
#[derive(Debug)]
pub(super) struct Quoted(pub(super) String);

impl<'de> Deserialize<'de> for Quoted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Quoted;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes, with its unit if it has one, such as \"0.30 EUR/kWh\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Quoted, E> {
                Ok(Quoted(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A date or a time, as a text or as TOML's own.
#[derive(Debug)]
pub(super) struct Moment(pub(super) String);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => Ok(Self(text)),
            toml::Value::Datetime(moment) => Ok(Self(moment.to_string())),
            _ => Err(de::Error::custom("a date such as \"2013-01-01\" is expected")),
        }
    }
}

/// Reads the shape of a source.
///
/// # Errors
/// When it is not TOML, asks for what cannot be proved, has an unknown or missing key, or is of another format.
pub(super) fn read(text: &str) -> Result<Source, DeskError> {
    let syntax = |error: &toml::de::Error| DeskError::Syntax {
        line: error.span().map_or(1, |span| line_of(text, span.start)),
        problem: error.message().to_owned(),
    };
    let document = DeTable::parse(text).map_err(|e| syntax(&e))?;
    // A source of another format is refused as such further down, whatever else it has.
    let first = document.get_ref().iter().any(|(key, value)| {
        key.get_ref() == "format" && value.get_ref().as_integer().is_some_and(|format| format.as_str() == "1")
    });
    refused::check(text, document.get_ref(), first)?;
    let source: Source = toml::from_str(text).map_err(|e| syntax(&e))?;
    if ![FORMAT, FORMAT_ALGEBRA].contains(source.format.get_ref()) {
        let problem = format!(
            "format {} is not known here; this program reads formats {FORMAT} and {FORMAT_ALGEBRA}",
            source.format.get_ref()
        );
        return Err(DeskError::Syntax { line: line_of(text, source.format.span().start), problem });
    }
    Ok(source)
}

/// The line, from 1, of a byte of the source.
pub(super) fn line_of(source: &str, at: usize) -> usize {
    1 + source.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// The place of a value, under the name it has for people.
pub(super) fn place<T>(source: &str, value: &Spanned<T>, key: impl Into<String>) -> Place {
    Place::Source { line: line_of(source, value.span().start), key: key.into() }
}
