//! SML: what German meters push through their optical eye.
//!
//! ```text
//! 1B1B1B1B 01010101 │ open · list · close │ padding │ 1B1B1B1B 1A n CRC      (BSI TR-03109-1 annex IV, SML 1.04)
//! ```
//!
//! Totals in tenths of a watt-hour, power in watts, the seconds index as time: these meters have no clock.

mod value;

use super::check;
use super::quirk::Quirk;
use super::state::State;
use value::{list, octets, optional, signed, unsigned};

const ESCAPE: [u8; 4] = [0x1b; 4];
const BEGIN: [u8; 4] = [0x01; 4];

/// Unit of IEC 62056-6-2: Wh.
const WATT_HOURS: u8 = 30;
/// Unit of IEC 62056-6-2: W.
const WATTS: u8 = 27;

/// Whose SML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Totals as 64 bits, power whole watts, with a status word.
    Emh,
    /// As few bytes as a value needs, power in hundredths of a watt.
    Dzg,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Emh, Self::Dzg];

    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Emh => "emh",
            Self::Dzg => "dzg",
        }
    }
}

/// One file of three messages in one transport frame.
#[must_use]
pub fn encode(dialect: Dialect, state: &State) -> Vec<u8> {
    let server = server(state);
    let mut file = Vec::new();
    let transaction = |part: u32| state.sequence.wrapping_mul(4).wrapping_add(part).to_be_bytes();
    // Open: codepage, client, request file, server, reference time, version.
    let mut open = list(6);
    optional(&mut open);
    optional(&mut open);
    octets(&mut open, &transaction(0));
    octets(&mut open, &server);
    optional(&mut open);
    optional(&mut open);
    message(&mut file, &transaction(1), 0x0101, &open);
    message(&mut file, &transaction(2), 0x0701, &values(dialect, state, &server));
    let mut close = list(1);
    optional(&mut close);
    message(&mut file, &transaction(3), 0x0201, &close);
    transport(&file)
}

/// The meter's identity of DIN 43863-5: electricity, maker, fabrication block, number.
fn server(state: &State) -> [u8; 10] {
    let [a, b, c] = state.maker;
    let [d, e, f, g] = state.number.to_be_bytes();
    [0x0a, 0x01, a, b, c, 0x00, d, e, f, g]
}

/// Transaction, group, abort on error, body, checksum, end.
fn message(file: &mut Vec<u8>, transaction: &[u8], kind: u16, body: &[u8]) {
    let mut out = list(6);
    octets(&mut out, transaction);
    unsigned(&mut out, 0, 1);
    unsigned(&mut out, 0, 1);
    out.extend(list(2));
    unsigned(&mut out, kind.into(), 2);
    out.extend(body);
    let sum = check::x25(&out);
    out.push(0x63);
    out.extend(sum);
    out.push(0);
    file.extend(out);
}

/// The list of values: client, server, list name, sensor time, values, signature, gateway time.
fn values(dialect: Dialect, state: &State, server: &[u8]) -> Vec<u8> {
    let locked = state.quirks.has(Quirk::PinLocked);
    let mut entries = vec![
        // Maker: of the older register of makers, still sent.
        text([0x81, 0x81, 0xc7, 0x82, 0x03, 0xff], &state.maker),
        text([1, 0, 96, 1, 0, 255], server),
        energy(dialect, state, 1, state.import.total()),
    ];
    let [low, high] = state.import.rates;
    if !locked {
        entries.push(energy(dialect, state, 0x0101, low));
        entries.push(energy(dialect, state, 0x0102, high));
    }
    entries.push(energy(dialect, state, 2, state.export.total()));
    if !locked {
        entries.push(power(dialect, state));
    }
    let mut out = list(7);
    optional(&mut out);
    octets(&mut out, server);
    octets(&mut out, &[1, 0, 98, 10, 255, 255]);
    out.extend(list(2));
    // Choice 1: seconds index.
    unsigned(&mut out, 1, 1);
    unsigned(&mut out, state.uptime.into(), 4);
    out.extend(list(entries.len()));
    out.extend(entries.concat());
    optional(&mut out);
    optional(&mut out);
    out
}

/// An entry whose value is bytes.
fn text(name: [u8; 6], value: &[u8]) -> Vec<u8> {
    let mut out = list(7);
    octets(&mut out, &name);
    (0..4).for_each(|_| optional(&mut out));
    octets(&mut out, value);
    optional(&mut out);
    out
}

/// An entry that has a unit and a scaler, up to its value.
fn measured(name: [u8; 6], status: Option<u32>, unit: u8, scaler: i8) -> Vec<u8> {
    let mut out = list(7);
    octets(&mut out, &name);
    match status {
        Some(status) => unsigned(&mut out, status.into(), 4),
        None => optional(&mut out),
    }
    optional(&mut out);
    unsigned(&mut out, unit.into(), 1);
    signed(&mut out, scaler.into(), 1);
    out
}

/// A total; `code` is the C field, with the rate in its high byte's place.
fn energy(dialect: Dialect, state: &State, code: u16, total: u64) -> Vec<u8> {
    let [rated, low] = code.to_be_bytes();
    let (direction, rate) = if rated == 0 { (low, 0) } else { (rated, low) };
    // Bit 8: the meter counts; the first total carries the state of the meter.
    let status = (dialect == Dialect::Emh && code == 1).then_some(0x0000_0182);
    let (scaler, value) = if state.quirks.has(Quirk::PinLocked) { (3, total / 10_000_000) } else { (-1, total / 1000) };
    let mut out = measured([1, 0, direction, 8, rate, 255], status, WATT_HOURS, scaler);
    match dialect {
        Dialect::Emh => unsigned(&mut out, value, 8),
        Dialect::Dzg => unsigned(&mut out, value, value::bytes_of(value)),
    }
    optional(&mut out);
    out
}

fn power(dialect: Dialect, state: &State) -> Vec<u8> {
    let net = state.net_power();
    let scaler = if dialect == Dialect::Emh { 0 } else { -2 };
    let value = net / if dialect == Dialect::Emh { 1000 } else { 10 };
    let value = value.clamp(i32::MIN.into(), i32::MAX.into());
    let mut out = measured([1, 0, 16, 7, 0, 255], None, WATTS, scaler);
    match u64::try_from(value) {
        // The mistake of the DVS74: bytes of an unsigned number, as many as it needs, marked as signed.
        Ok(value) if state.quirks.has(Quirk::UnsignedPower) => {
            value::raw(&mut out, 0x50, value, value::bytes_of(value));
        }
        _ => signed(&mut out, value, 4),
    }
    optional(&mut out);
    out
}

/// Escapes, padding to four bytes, checksum over all of it.
fn transport(file: &[u8]) -> Vec<u8> {
    let mut out = Vec::from(ESCAPE);
    out.extend(BEGIN);
    let mut run = 0;
    for byte in file {
        out.push(*byte);
        run = if *byte == 0x1b { run + 1 } else { 0 };
        if run == 4 {
            // An escape in the content is said twice.
            out.extend(ESCAPE);
            run = 0;
        }
    }
    let padding = (4 - out.len() % 4) % 4;
    out.extend(std::iter::repeat_n(0, padding));
    out.extend(ESCAPE);
    out.extend([0x1a, u8::try_from(padding).unwrap_or(0)]);
    let sum = check::x25(&out);
    out.extend(sum);
    out
}

#[cfg(test)]
mod tests;
