//! Meters and bridges by name: one small declarative file each, in `drivers/meters` and in a folder of the household's
//! own. What a file says turns an [`Address`] into a [`Spoken`] dialect that a [`Reader`](crate::Reader) runs.
//!
//! ```text
//! meters/*.toml ──► file: parse ──► Profile ──► Profiles (built in, or with a folder of one's own)
//!                                     └─ dialect(keys, address) ─► Spoken ─► Reader
//! ```
//!
//! ```toml
//! title = "What a householder calls it"
//! makers = ["Who makes it"]
//! countries = ["NL"]                      # where it hangs, ISO 3166
//! protocol = "dsmr-p1"                    # as `wattseal decode --protocol` calls it
//! cadence = 10                            # seconds between two telegrams
//! gives = ["import", "export", "power", "gas"]
//! needs = ["key"]                         # key, authentication-key, public-key, pin, activation, request
//! connect = "How its cable is plugged in."
//! quirks = ["What surprises people about it."]
//! winter = 0                              # of P1: minutes ahead of UTC in winter, where that is not 60
//!
//! [known-by]                              # what its telegrams tell; without it, any of its protocol may be one
//! maker = ["ISK"]                         # three letters
//! number = ["735999"]                     # how the meter's number begins
//! rates = true                            # whether it tells its rates beside, or instead of, the total
//! checksum = true                         # whether a checksum or a signature stands behind what it tells
//!
//! [[serial]]                              # the usual settings first
//! baud = 115200                           # bits = 8, parity = "none", stop = 1
//! ```
//!
//! A bridge has `[mqtt]` and `[[value]]` instead of `[[serial]]`: see [`Map`].

mod file;
mod set;
mod spoken;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::address::{Address, Bits, Mqtt, Parity, Serial, Stop};
use crate::plain::json::Map;
use crate::plain::{Protocol, Telegram};
use crate::reader::silence_for;

pub use file::{FileReason, ProfileError};
pub use set::{Profiles, UnknownProfile};
pub use spoken::{DialectError, Spoken};

/// What is known of one kind of meter or bridge.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name on the command line: that of its file.
    pub id: String,
    /// What a householder calls it.
    pub title: String,
    /// Who makes it.
    pub makers: Vec<String>,
    /// Where it hangs, as ISO 3166 writes countries; everywhere when none is named.
    pub countries: Vec<String>,
    /// What it speaks.
    pub protocol: Protocol,
    /// How its serial port is set, the usual first; none where it has no serial port.
    pub serial: Vec<Wire>,
    /// How often it speaks, or is asked.
    pub cadence: Duration,
    /// What it needs beside a cable.
    pub needs: Vec<Need>,
    /// What it tells.
    pub gives: Vec<Gives>,
    /// How its cable is plugged in, for people.
    pub connect: String,
    /// What surprises people about it.
    pub quirks: Vec<String>,
    /// Where the values of a bridge stand.
    pub map: Option<Map>,
    known_by: KnownBy,
    winter: Option<i16>,
}

/// Settings of a serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Bits per second.
    pub baud: u32,
    /// Bits of a character.
    pub bits: Bits,
    /// Parity bit.
    pub parity: Parity,
    /// Stop bits.
    pub stop: Stop,
}

/// What a meter needs beside a cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The key that opens its telegrams.
    Key,
    /// The key that its telegrams are authenticated with.
    AuthenticationKey,
    /// The public key that its records are checked with.
    PublicKey,
    /// A PIN, entered at the meter.
    Pin,
    /// The grid operator must switch its customer port on.
    Activation,
    /// It speaks when it is asked. The reader does that.
    Request,
}

/// What a meter tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// Energy taken from the grid.
    Import,
    /// Energy given to the grid.
    Export,
    /// Power just now.
    Power,
    /// Apparent power just now.
    Apparent,
    /// A gas meter.
    Gas,
    /// A water meter.
    Water,
    /// A heat meter.
    Heat,
}

/// What the telegrams of a meter tell of it; nothing when any of its protocol may be one.
#[derive(Clone, Debug, Default)]
struct KnownBy {
    maker: Vec<String>,
    number: Vec<String>,
    rates: Option<bool>,
    checksum: Option<bool>,
}

/// How well a telegram fits a profile, better ones greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It says who made the meter, and that is somebody else.
    Not,
    /// The profile is of that protocol, and nothing speaks against it.
    Possible,
    /// The telegram names a maker or a number that the profile names.
    Named,
}

impl Need {
    /// What it is, for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Key => "the meter's key from the grid operator: give its file with --meter-key-file",
            Self::AuthenticationKey => {
                "the authentication key from the grid operator, where it gives one: --meter-auth-key-file"
            }
            Self::PublicKey => "the station's public key, where its records are to be checked",
            Self::Pin => {
                "the PIN from the meter's operator, entered at the meter: else it tells whole kWh and no power"
            }
            Self::Activation => "the customer port switched on: ask the grid operator, often in its portal",
            Self::Request => "to be asked for each readout, which this program does",
        }
    }

    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::AuthenticationKey => "authentication-key",
            Self::PublicKey => "public-key",
            Self::Pin => "pin",
            Self::Activation => "activation",
            Self::Request => "request",
        }
    }
}

impl Gives {
    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Export => "export",
            Self::Power => "power",
            Self::Apparent => "apparent",
            Self::Gas => "gas",
            Self::Water => "water",
            Self::Heat => "heat",
        }
    }
}

impl Wire {
    /// A port with these settings.
    #[must_use]
    pub fn at(self, path: impl Into<String>) -> Serial {
        let Self { baud, bits, parity, stop } = self;
        Serial { path: path.into(), baud, bits, parity, stop }
    }

    /// The settings of a port.
    #[must_use]
    pub fn of(serial: &Serial) -> Self {
        Self { baud: serial.baud, bits: serial.bits, parity: serial.parity, stop: serial.stop }
    }
}

impl std::fmt::Display for Wire {
    /// As people write it: `9600 7E1`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bits = if self.bits == Bits::Seven { '7' } else { '8' };
        let parity = match self.parity {
            Parity::None => 'N',
            Parity::Even => 'E',
            Parity::Odd => 'O',
        };
        let stop = if self.stop == Stop::Two { '2' } else { '1' };
        write!(f, "{} {bits}{parity}{stop}", self.baud)
    }
}

impl Profile {
    /// Whether it needs this.
    #[must_use]
    pub fn needs(&self, need: Need) -> bool {
        self.needs.contains(&need)
    }

    /// The silence after which its line is opened anew.
    #[must_use]
    pub fn silence(&self) -> Duration {
        silence_for(self.cadence)
    }

    /// The address with the settings of this meter, where a port was named without any. An address of another kind, or
    /// with settings of its own, stays as it is.
    #[must_use]
    pub fn settle(&self, address: Address) -> Address {
        match (address, self.serial.first()) {
            (Address::Serial(serial), Some(wire)) if serial == Serial::new(serial.path.as_str()) => {
                Address::Serial(wire.at(serial.path))
            }
            (address, _) => address,
        }
    }

    /// Whether its serial line has this speed.
    #[must_use]
    pub fn has_speed(&self, wire: Wire) -> bool {
        self.serial.iter().any(|known| known.baud == wire.baud)
    }

    /// How well a telegram fits.
    #[must_use]
    pub fn fit(&self, telegram: &Telegram) -> Fit {
        let KnownBy { maker, number, rates, checksum } = &self.known_by;
        let says = |told: &Option<String>, known: &[String]| {
            let told = told.as_ref().filter(|_| !known.is_empty())?.to_ascii_uppercase();
            Some(known.iter().any(|known| told.starts_with(&known.to_ascii_uppercase())))
        };
        let totals = telegram.import.is_some() || telegram.export.is_some();
        if rates.is_some_and(|rates| totals && rates == telegram.rates.is_empty()) {
            return Fit::Not;
        }
        if checksum.is_some_and(|checksum| checksum != telegram.checked) {
            return Fit::Not;
        }
        match (says(&telegram.maker, maker), says(&telegram.meter, number)) {
            (Some(true), _) | (_, Some(true)) => Fit::Named,
            (Some(false), _) | (_, Some(false)) => Fit::Not,
            (None, None) => Fit::Possible,
        }
    }

    /// What an address of it looks like, with words in capitals for what differs from home to home.
    #[must_use]
    pub fn example(&self) -> String {
        if let Some(map) = &self.map {
            let topic = map.device().replace('+', "NAME");
            let mqtt = Mqtt { user: None, host: "BROKER".into(), port: 1883, tls: false, topic };
            return Address::Mqtt(mqtt).to_string().replace(":1883", "");
        }
        let wire = self.serial.first().map(|wire| Address::Serial(wire.at("/dev/serial/by-id/PORT")).to_string());
        wire.unwrap_or_else(|| "file:RECORDS".into())
    }
}
