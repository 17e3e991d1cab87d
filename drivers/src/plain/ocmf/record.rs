//! An OCMF record: where its sections are, and what its readings say.
//!
//! ```text
//! OCMF|{ payload, which is signed byte for byte }|{ signature }
//! ```

#![deny(clippy::indexing_slicing)]

use std::borrow::Cow;
use std::fmt;

use jiff::civil::DateTime;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::verify::{PublicKey, Unchecked, Verdict, check};
use super::{der, group};
use crate::plain::{Decimal, Fault, MAX_TELEGRAM, Stamp, Telegram};

/// What every record begins with.
pub(super) const BEGIN: &[u8] = b"OCMF|";

/// A record that was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The meter's number, or the station's where the record names no meter.
    pub meter: Option<String>,
    /// Who made the meter.
    pub maker: Option<String>,
    /// Counter of the record, such as `T17`.
    pub page: Option<String>,
    /// The readings, in the order of the record.
    pub readings: Vec<Reading>,
    /// Whether the signature fits.
    pub verdict: Verdict,
}

/// One reading, as the record writes it. What it leaves out is absent here too: the one before holds on.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The time with the letter of its state: unknown, informative, synchronised, relative.
    pub time: Option<String>,
    /// What of the transaction it is: begin, charging, end and others.
    pub transaction: Option<String>,
    /// What the register stood at.
    pub value: Option<Decimal>,
    /// The register's OBIS code.
    pub register: Option<String>,
    /// The unit.
    pub unit: Option<String>,
    /// The meter's state: `G` is good.
    pub state: Option<String>,
    /// What must not be billed: energy, time.
    pub errors: Option<String>,
}

impl fmt::Debug for Record {
    /// What it is, nothing of what it says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readings = self.readings.len();
        f.debug_struct("Record").field("readings", &readings).field("verdict", &self.verdict).finish_non_exhaustive()
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("register", &self.register).field("state", &self.state).finish_non_exhaustive()
    }
}

impl Reading {
    /// The clock in [`time`](Self::time).
    #[must_use]
    pub fn at(&self) -> Option<Stamp> {
        stamp(self.time.as_deref()?)
    }
}

impl Record {
    /// What the record says, one telegram for each moment with a good energy reading.
    ///
    /// # Errors
    /// [`Fault::Signature`] when the signature does not fit or is none, [`Fault::OutOfRange`] for a reading beyond any,
    /// [`Fault::Nothing`] when no good reading of a meter's own register is in it.
    pub fn telegrams(&self) -> Result<Vec<Telegram>, Fault> {
        match self.verdict {
            Verdict::DoesNotFit | Verdict::Unchecked(Unchecked::Signature) => Err(Fault::Signature),
            _ => group::telegrams(self),
        }
    }
}

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow, rename = "GS")]
    station: Option<&'a RawValue>,
    #[serde(borrow, rename = "MS")]
    meter: Option<&'a RawValue>,
    #[serde(borrow, rename = "MV")]
    maker: Option<&'a RawValue>,
    #[serde(borrow, rename = "PG")]
    page: Option<&'a RawValue>,
    #[serde(borrow, rename = "RD")]
    readings: Vec<Raw<'a>>,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, rename = "TM")]
    time: Option<&'a RawValue>,
    #[serde(borrow, rename = "TX")]
    transaction: Option<&'a RawValue>,
    #[serde(borrow, rename = "RV")]
    value: Option<&'a RawValue>,
    #[serde(borrow, rename = "RI")]
    register: Option<&'a RawValue>,
    #[serde(borrow, rename = "RU")]
    unit: Option<&'a RawValue>,
    #[serde(borrow, rename = "ST")]
    state: Option<&'a RawValue>,
    #[serde(borrow, rename = "EF")]
    errors: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Signed<'a> {
    #[serde(borrow, rename = "SA")]
    algorithm: Option<&'a RawValue>,
    #[serde(borrow, rename = "SE")]
    encoding: Option<&'a RawValue>,
    #[serde(borrow, rename = "SD")]
    data: Option<&'a RawValue>,
}

/// Reads one record and checks its signature: the one function that gives all its readings and the verdict.
///
/// # Errors
/// [`Fault::Malformed`], [`Fault::Cut`] or [`Fault::TooLong`] when it is no record. A signature that does not fit is no
/// error here but a [`Verdict`].
pub fn read(record: &[u8], key: Option<&PublicKey>) -> Result<Record, Fault> {
    let record = record.trim_ascii();
    if record.len() > MAX_TELEGRAM {
        return Err(Fault::TooLong);
    }
    let text = std::str::from_utf8(record).map_err(|_| Fault::Malformed)?;
    let rest = text.strip_prefix("OCMF|").ok_or(Fault::Malformed)?;
    // The payload ends where its JSON does: a bar may stand in a text of it.
    let (payload, after) = first(rest)?;
    let bar = rest.get(after..).and_then(|rest| rest.find('|')).ok_or(Fault::Cut)?;
    let (section, rest) = rest.split_at_checked(after + bar).ok_or(Fault::Cut)?;
    if !section.get(after..).is_some_and(|blanks| blanks.trim_ascii().is_empty()) {
        return Err(Fault::Malformed);
    }
    let (signed, _) = first(rest.get(1..).unwrap_or_default())?;
    let payload: Payload<'_> = serde_json::from_str(payload.get()).map_err(|_| Fault::Malformed)?;
    let signed: Signed<'_> = serde_json::from_str(signed.get()).map_err(|_| Fault::Malformed)?;
    let data = signed.data.and_then(text_of);
    let base64 = signed.encoding.and_then(text_of).is_some_and(|name| name.eq_ignore_ascii_case("base64"));
    let data = data.and_then(|data| if base64 { der::base64(data.trim().as_bytes()) } else { der::bytes_of(&data) });
    let algorithm = signed.algorithm.and_then(text_of);
    Ok(Record {
        meter: payload.meter.and_then(filled).or_else(|| payload.station.and_then(filled)),
        maker: payload.maker.and_then(filled),
        page: payload.page.and_then(filled),
        readings: payload.readings.iter().map(Reading::from).collect(),
        verdict: check(section.as_bytes(), data.as_deref(), algorithm.as_deref(), key),
    })
}

/// The first JSON value of a text, and where it ends.
fn first(text: &str) -> Result<(&RawValue, usize), Fault> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    match values.next() {
        Some(Ok(value)) => Ok((value, values.byte_offset())),
        Some(Err(error)) if error.is_eof() => Err(Fault::Cut),
        None => Err(Fault::Cut),
        Some(Err(_)) => Err(Fault::Malformed),
    }
}

/// A text, or a number as it is written.
fn text_of(value: &RawValue) -> Option<Cow<'_, str>> {
    let written = value.get();
    match written.bytes().next()? {
        b'"' => serde_json::from_str::<String>(written).ok().map(Cow::Owned),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(written)),
        _ => None,
    }
}

/// A text that says something.
fn filled(value: &RawValue) -> Option<String> {
    text_of(value).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

impl From<&Raw<'_>> for Reading {
    fn from(raw: &Raw<'_>) -> Self {
        let text = |value: Option<&RawValue>| value.and_then(text_of).map(Cow::into_owned);
        Self {
            time: text(raw.time),
            transaction: text(raw.transaction),
            value: raw.value.and_then(text_of).and_then(|value| decimal(value.trim())),
            register: text(raw.register),
            unit: text(raw.unit),
            state: text(raw.state),
            errors: text(raw.errors),
        }
    }
}

/// A number as JSON writes it, exactly.
fn decimal(text: &str) -> Option<Decimal> {
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let number = Decimal::parse(digits.as_bytes())?;
    let exponent: i8 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    Some(number.shifted(exponent))
}

/// `2023-04-05T06:07:08,000+0200 S`: the fraction and the letter are left out. A zone may be `Z` or missing.
fn stamp(text: &str) -> Option<Stamp> {
    let text = text.trim();
    let (clock, rest) = text.split_at_checked(19)?;
    let shown: DateTime = clock.parse().ok()?;
    let rest = rest.trim_start_matches([',', '.']).trim_start_matches(|digit: char| digit.is_ascii_digit());
    let zone = rest.split_ascii_whitespace().next().unwrap_or_default();
    let ahead = match zone.as_bytes() {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h @ .., m1, m2] => {
            let two = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i16>().ok();
            let hours = two(h.strip_suffix(b":").unwrap_or(h)).filter(|hours| (0..24).contains(hours))?;
            let minutes = two(&[*m1, *m2]).filter(|minutes| (0..60).contains(minutes))?;
            let ahead = hours * 60 + minutes;
            Some(if *sign == b'-' { -ahead } else { ahead })
        }
        _ => None,
    };
    Some(Stamp { shown, ahead })
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_zone() {
        let read = |text| stamp(text).map(|stamp| stamp.to_string());
        assert_eq!(read("2023-04-05T06:07:08,000+0200 S").as_deref(), Some("2023-04-05T06:07:08+02:00"));
        assert_eq!(read("2023-04-05T06:07:08,123-0330 U").as_deref(), Some("2023-04-05T06:07:08-03:30"));
        assert_eq!(read("2023-04-05T06:07:08.5+02:00").as_deref(), Some("2023-04-05T06:07:08+02:00"));
        assert_eq!(read("2023-04-05T06:07:08Z").as_deref(), Some("2023-04-05T06:07:08Z"));
        assert_eq!(read("2023-04-05T06:07:08 I").as_deref(), Some("2023-04-05T06:07:08"));
        for wrong in ["", "2023-04-05", "2023-02-30T06:07:08", "2023-04-05T06:07:08+9900", "2023-04-05T06:07:0é,000"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_are_exact() {
        assert_eq!(decimal("62500.1271"), Some(Decimal { mantissa: 625_001_271, exponent: -4 }));
        assert_eq!(decimal("1.5e3"), Some(Decimal { mantissa: 15, exponent: 2 }));
        assert_eq!(decimal("2E-1"), Some(Decimal { mantissa: 2, exponent: -1 }));
        assert_eq!(decimal("1e999"), None);
        assert_eq!(decimal(""), None);
    }
}
