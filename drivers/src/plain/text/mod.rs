//! Data lines of IEC 62056-21 as P1 and D0 telegrams hold them: codes, values in brackets, and the registers they fill.
//!
//! ```text
//! 1-0:1.8.1*255(000123.456*kWh)          code ( value ) …, several to a line where the meter likes
//! └ Code ────┘ └ Sets::values ┘          Registers: totals, rates, power
//! ```

#![deny(clippy::indexing_slicing)]

mod registers;

use jiff::civil::DateTime;

use super::number::{Decimal, Energy, Power};
use super::telegram::Stamp;

pub(super) use registers::Registers;

/// Longest number or name of a meter that is kept.
const MAX_NAME: usize = 64;

/// A reduced OBIS code (IEC 62056-6-1): `A-B:C.D.E*F`, where A, B, E and F may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) a: Option<u8>,
    pub(super) b: Option<u8>,
    pub(super) c: u8,
    pub(super) d: u8,
    pub(super) e: Option<u8>,
    f: Option<u8>,
}

impl Code {
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let mut rest = text.trim_ascii();
        let mut field = part(&mut rest)?;
        let (mut a, mut b) = (None, None);
        if eat(&mut rest, b"-").is_some() {
            a = Some(std::mem::replace(&mut field, part(&mut rest)?));
        }
        if eat(&mut rest, b":").is_some() {
            b = Some(std::mem::replace(&mut field, part(&mut rest)?));
        }
        eat(&mut rest, b".")?;
        let d = part(&mut rest)?;
        let e = if eat(&mut rest, b".").is_some() { Some(part(&mut rest)?) } else { None };
        let f = if eat(&mut rest, b"*&.").is_some() { Some(part(&mut rest)?) } else { None };
        (rest.is_empty() && a.is_some() <= b.is_some()).then_some(Self { a, b, c: field, d, e, f })
    }

    /// False for what stood at an earlier reading (`1.8.0*12`, `1.8.0&12`).
    pub(super) fn is_current(&self) -> bool {
        matches!(self.f, None | Some(255))
    }

    /// C.D.E, with 0 for an E that is not written.
    pub(super) fn cde(&self) -> (u8, u8, u8) {
        (self.c, self.d, self.e.unwrap_or(0))
    }
}

/// One part of a code: up to three digits, or a letter that stands for a number (IEC 62056-6-1, 7.11).
fn part(rest: &mut &[u8]) -> Option<u8> {
    let (&first, mut tail) = rest.split_first()?;
    let value = match first {
        b'0'..=b'9' => {
            let mut value = first - b'0';
            while let Some((digit @ b'0'..=b'9', after)) = tail.split_first() {
                value = value.checked_mul(10)?.checked_add(digit - b'0')?;
                tail = after;
            }
            value
        }
        b'C' => 96,
        b'F' => 97,
        b'L' => 98,
        b'P' => 99,
        // Of the maker's own.
        b'A'..=b'Z' => 255,
        _ => return None,
    };
    *rest = tail;
    Some(value)
}

fn eat(rest: &mut &[u8], any_of: &[u8]) -> Option<()> {
    let (first, tail) = rest.split_first()?;
    any_of.contains(first).then(|| *rest = tail)
}

/// The lines of a telegram that hold something.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| matches!(byte, b'\r' | b'\n')).filter(|line| !line.is_empty())
}

/// The data sets of one line: each a code and its values. A code is empty where a line goes on from the one before.
pub(super) struct Sets<'a>(&'a [u8]);

impl<'a> Sets<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self(line)
    }
}

impl<'a> Iterator for Sets<'a> {
    /// A set, or `None` for the rest of a line that is built otherwise.
    type Item = Option<(&'a [u8], Values<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = std::mem::take(&mut self.0).trim_ascii();
        if line.is_empty() {
            return None;
        }
        let opened = line.iter().position(|byte| *byte == b'(');
        let Some((code, mut rest)) = opened.and_then(|at| line.split_at_checked(at)) else { return Some(None) };
        let values = rest;
        while rest.first() == Some(&b'(') {
            let closed = rest.iter().position(|byte| *byte == b')');
            let Some((_, after)) = closed.and_then(|at| rest.split_at_checked(at + 1)) else { return Some(None) };
            rest = after;
        }
        self.0 = rest;
        let values = values.get(..values.len() - rest.len()).unwrap_or_default();
        Some(Some((code, Values(values))))
    }
}

/// The values of a data set, without their brackets.
#[derive(Clone, Copy)]
pub(super) struct Values<'a>(&'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (_, rest) = self.0.split_first()?;
        let closed = rest.iter().position(|byte| *byte == b')').unwrap_or(rest.len());
        self.0 = rest.get(closed + 1..).unwrap_or_default();
        rest.get(..closed)
    }
}

/// A number with its unit, where one is written.
pub(super) fn quantity(value: &[u8]) -> Option<(Decimal, &[u8])> {
    let mut parts = value.splitn(2, |byte| *byte == b'*');
    let number = Decimal::parse(parts.next()?.trim_ascii())?;
    Some((number, parts.next().unwrap_or_default().trim_ascii()))
}

/// A power of ten before a unit.
fn prefix(unit: &[u8], of: &[u8]) -> Option<i8> {
    let at = unit.len().checked_sub(of.len())?;
    let (prefix, base) = unit.split_at_checked(at)?;
    if !base.eq_ignore_ascii_case(of) {
        return None;
    }
    match prefix {
        b"" => Some(0),
        b"k" | b"K" => Some(3),
        b"M" => Some(6),
        _ => None,
    }
}

/// Energy; kilowatt-hours where no unit is written, as household meters of the first digital years leave it out.
fn energy(value: &[u8]) -> Option<Energy> {
    let (number, unit) = quantity(value)?;
    let shift = if unit.is_empty() { 3 } else { prefix(unit, b"Wh")? };
    Energy::new(number.shifted(shift))
}

/// Power; nothing where no unit is written.
fn power(value: &[u8]) -> Option<Power> {
    let (number, unit) = quantity(value)?;
    Power::new(number.shifted(prefix(unit, b"W")?))
}

/// A date and time in digits, `YYMMDDhhmm[ss]`, with `S` or `W` behind it for summer and winter. The letters name no zone:
/// Central European time is taken, where nearly all of these meters hang.
/// Placeholders such as `000000000000W` are no time, as they are no date.
pub(super) fn stamp(text: &[u8]) -> Option<Stamp> {
    let (digits, ahead) = match text.split_last()? {
        (b'S' | b's', digits) => (digits, Some(120)),
        (b'W' | b'w', digits) => (digits, Some(60)),
        _ => (text, None),
    };
    let mut numbers = [0_i8; 6];
    if !matches!(digits.len(), 10 | 12) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    for (number, pair) in numbers.iter_mut().zip(digits.chunks(2)) {
        *number = pair.iter().fold(0, |number, digit| number * 10 + digit - b'0').try_into().ok()?;
    }
    let [year, month, day, hour, minute, second] = numbers;
    // A clock that was never set counts from 1970 in some meters.
    let century = if year >= 70 { 1900 } else { 2000 };
    let shown = DateTime::new(century + i16::from(year), month, day, hour, minute, second, 0).ok()?;
    Some(Stamp { shown, ahead })
}

/// What a meter sends for its number: as it stands, or the text that it hides in hexadecimal.
pub(super) fn name(value: &[u8]) -> Option<String> {
    let value = value.trim_ascii();
    let hidden = (value.len() >= 2 && value.len().is_multiple_of(2)).then(|| {
        value
            .chunks(2)
            .map(|pair| {
                let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'))?;
                u8::from_str_radix(pair, 16).ok().filter(|byte| matches!(byte, b' '..=b'~'))
            })
            .collect::<Option<Vec<u8>>>()
    });
    hidden.flatten().and_then(|text| plain_name(&text)).or_else(|| plain_name(value))
}

/// What a meter sends for its number, as it stands. Noughts alone are none.
pub(super) fn plain_name(value: &[u8]) -> Option<String> {
    let text = value.trim_ascii();
    let shows = text.len() <= MAX_NAME && text.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let says = shows && text.iter().any(|byte| *byte != b'0');
    says.then(|| String::from_utf8_lossy(text).into_owned())
}

/// Who made the meter: the three letters behind the slash.
pub(super) fn maker(telegram: &[u8]) -> Option<String> {
    let letters = telegram.get(1..4)?;
    letters.iter().all(u8::is_ascii_alphabetic).then(|| String::from_utf8_lossy(letters).into_owned())
}
