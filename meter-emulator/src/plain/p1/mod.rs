//! P1: the customer port of the Netherlands and of those who took it over.
//!
//! ```text
//! /AAA5ident CRLF CRLF (line CRLF)* ! [CRC] CRLF
//! ```
//!
//! Standards: NTA 8130 with DSMR 2.2 and 3.0 (9600 baud 7E1, no checksum), DSMR 4.2 and 5.0.2 P1 companion (115,200
//! baud, CRC-16/ARC), Fluvius e-MUCS-P1, the Swedish industry's recommendation for the HAN port, and the encrypted forms
//! of Luxembourg (Smarty) and Austria, where the whole telegram lies in one general-glo-ciphering frame.

mod lines;

use super::check;
use super::cipher::{Keys, title};
use super::quirk::Quirk;
use super::state::State;

/// Whose P1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// DSMR 2.2 and 3.0.
    Dsmr2,
    /// DSMR 4.2.
    Dsmr4,
    /// DSMR 5.0.2.
    Dsmr5,
    /// Belgium.
    Fluvius,
    /// Sweden.
    Sweden,
    /// Luxembourg, encrypted.
    Luxembourg,
    /// Austria, encrypted.
    Austria,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Dsmr2, Self::Dsmr4, Self::Dsmr5, Self::Fluvius, Self::Sweden, Self::Luxembourg, Self::Austria];

    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dsmr2 => "dsmr2",
            Self::Dsmr4 => "dsmr4",
            Self::Dsmr5 => "dsmr5",
            Self::Fluvius => "fluvius",
            Self::Sweden => "sweden",
            Self::Luxembourg => "luxembourg",
            Self::Austria => "austria",
        }
    }

    /// Whether its telegrams are encrypted.
    #[must_use]
    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::Luxembourg | Self::Austria)
    }

    /// Whether totals are printed rate by rate alone.
    #[must_use]
    pub fn by_rate(self) -> bool {
        matches!(self, Self::Dsmr2 | Self::Dsmr4 | Self::Dsmr5 | Self::Fluvius)
    }
}

/// One telegram. With keys it is encrypted as in Luxembourg and Austria, which always authenticate.
#[must_use]
pub fn encode(dialect: Dialect, state: &State, keys: Option<&Keys>) -> Vec<u8> {
    let telegram = telegram(dialect, state);
    match keys {
        Some(keys) => keys.authenticated().seal(title(state), state.sequence, &telegram),
        None => telegram,
    }
}

fn telegram(dialect: Dialect, state: &State) -> Vec<u8> {
    let mut text = Vec::new();
    for (place, line) in lines::lines(dialect, state).into_iter().enumerate() {
        text.extend(line.as_bytes());
        if place == 0 && state.quirks.has(Quirk::NonAscii) {
            text.push(0xb2);
        }
        text.extend(b"\r\n");
    }
    text.push(b'!');
    if dialect != Dialect::Dsmr2 {
        let sum = check::arc(&text);
        let printed = if state.quirks.has(Quirk::ShortCrc) { format!("{sum:X}") } else { format!("{sum:04X}") };
        text.extend(printed.bytes());
    }
    text.extend(b"\r\n");
    text
}

#[cfg(test)]
mod tests;
