//! DLMS/COSEM push: what meters of Norway, Austria and Switzerland send unasked through their customer port.
//!
//! ```text
//! list ─► data-notification ─► [general-glo-ciphering] ─► HDLC frame, M-Bus segments, or block transfer in HDLC
//!        (IEC 62056-5-3)                                  (IEC 62056-46, EN 13757-2)
//! ```
//!
//! Layouts: NEK's OBIS lists of Aidon, Kaifa and Kamstrup for the Norwegian HAN port; Netz NÖ's description of the
//! customer port (Kaifa MA309M, Sagemcom T210-D); Landis+Gyr's E450 push in general block transfer.

mod austria;
mod data;
mod frame;
mod norway;
mod swiss;

use super::cipher::{Keys, title};
use super::state::State;

/// Whose push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Norway: an array of code, value, unit.
    Aidon,
    /// Norway: values in a fixed order.
    Kaifa,
    /// Norway and Denmark: codes and values in turn.
    Kamstrup,
    /// Austria: Kaifa MA309M in M-Bus segments, encrypted.
    Austria,
    /// Austria: Sagemcom T210-D, the same from another maker.
    Sagemcom,
    /// Switzerland: a list of attributes, then their values, in general block transfer.
    Landis,
    /// Switzerland: code, value and unit in turn, in one frame.
    Swiss,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Aidon, Self::Kaifa, Self::Kamstrup, Self::Austria, Self::Sagemcom, Self::Landis, Self::Swiss];

    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Aidon => "aidon",
            Self::Kaifa => "kaifa",
            Self::Kamstrup => "kamstrup",
            Self::Austria => "austria",
            Self::Sagemcom => "sagemcom",
            Self::Landis => "landis",
            Self::Swiss => "swiss",
        }
    }

    /// Whether it always encrypts.
    #[must_use]
    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::Austria | Self::Sagemcom)
    }

    /// Whether totals come in a list of their own, after every full hour.
    #[must_use]
    pub fn is_hourly(self) -> bool {
        matches!(self, Self::Aidon | Self::Kaifa | Self::Kamstrup)
    }

    /// Seconds after the hour at which the totals of the hour are sent.
    #[must_use]
    pub fn lag(self) -> u64 {
        match self {
            Self::Kamstrup => 5,
            Self::Aidon | Self::Kaifa => 10,
            _ => 0,
        }
    }
}

/// Which of a meter's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Power alone.
    Power,
    /// Power, currents, voltages.
    Values,
    /// All of that and totals. Meters without hourly lists have no other.
    Totals,
}

/// One list, framed. With keys its content is encrypted.
#[must_use]
pub fn encode(dialect: Dialect, list: List, state: &State, keys: Option<&Keys>) -> Vec<u8> {
    let content = notification(dialect, list, state);
    let content = match keys {
        Some(keys) => keys.seal(title(state), state.sequence, &content),
        None => content,
    };
    match dialect {
        Dialect::Aidon => frame::hdlc(&[0x41, 0x08, 0x83], 0x13, true, &content),
        Dialect::Kaifa => frame::hdlc(&[0x01, 0x02, 0x01], 0x10, true, &content),
        Dialect::Kamstrup => frame::hdlc(&[0x2b, 0x21], 0x13, true, &content),
        Dialect::Swiss => frame::hdlc(&[0xce, 0xff, 0x03], 0x13, true, &content),
        Dialect::Austria | Dialect::Sagemcom => frame::mbus(&content),
        Dialect::Landis => frame::blocks(&[0xce, 0xff, 0x03], 0x13, &content),
    }
}

/// The data-notification before it is encrypted and framed.
fn notification(dialect: Dialect, list: List, state: &State) -> Vec<u8> {
    match dialect {
        Dialect::Aidon => norway::aidon(list, state),
        Dialect::Kaifa => norway::kaifa(list, state),
        Dialect::Kamstrup => norway::kamstrup(list, state),
        Dialect::Austria | Dialect::Sagemcom => austria::list(state),
        Dialect::Landis => swiss::attributes(state),
        Dialect::Swiss => swiss::units(state),
    }
}

#[cfg(test)]
mod tests;
