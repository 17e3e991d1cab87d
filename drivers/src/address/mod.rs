//! Where a meter is read: an address in one line of text, which never holds a password.
//!
//! ```text
//! serial:/dev/serial/by-id/…?baud=115200&parity=even&bits=7&stop=1    default 115200 8N1
//! tcp://HOST:PORT
//! mqtt://[USER@]HOST[:1883]/TOPIC        mqtts://[USER@]HOST[:8883]/TOPIC
//! file:PATH[?pace=BYTES_PER_SECOND]      recorded bytes, played once
//! ```
//!
//! TOPIC is what stands before the dialect's own part: `wattseal/METER`. Other characters than letters, digits and the
//! usual marks are written `%XX`, as in any address.

mod parse;
mod percent;
#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroU32;

pub use parse::AddressError;
use percent::Encoded;

use crate::transport::Mode;

/// Where a meter is read. [`str::parse`] reads it, `Display` writes the canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A serial port of this machine.
    Serial(Serial),
    /// A stream of bytes from the network.
    Tcp(Tcp),
    /// A topic of an MQTT broker.
    Mqtt(Mqtt),
    /// Recorded bytes.
    File(Recording),
}

impl Address {
    /// How messages are delimited there.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self {
            Self::Mqtt(_) => Mode::Datagram,
            Self::Serial(_) | Self::Tcp(_) | Self::File(_) => Mode::Stream,
        }
    }
}

/// A serial port and its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serial {
    /// Absolute; best one below `/dev/serial/by-id`, which stays when plugs are changed.
    pub path: String,
    /// Bits per second.
    pub baud: u32,
    /// Bits of a character.
    pub bits: Bits,
    /// Parity bit.
    pub parity: Parity,
    /// Stop bits.
    pub stop: Stop,
}

impl Serial {
    /// A port with 115200 bits per second, eight bits, no parity, one stop bit.
    #[must_use]
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), baud: DEFAULT_BAUD, bits: Bits::Eight, parity: Parity::None, stop: Stop::One }
    }
}

const DEFAULT_BAUD: u32 = 115_200;
const MQTT_PORT: u16 = 1883;
const MQTTS_PORT: u16 = 8883;

/// Bits of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    /// As D0 and older P1 meters speak.
    Seven,
    /// The usual.
    Eight,
}

/// Parity of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    /// None.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

/// Stop bits of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// One.
    One,
    /// Two.
    Two,
}

/// A stream of bytes from the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// A topic of an MQTT broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    /// Who logs in; the password is given apart.
    pub user: Option<String>,
    /// Name or address; an IPv6 address without brackets, and none with TLS.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether by TLS.
    pub tls: bool,
    /// What stands before the dialect's part, without wildcards.
    pub topic: String,
}

/// Recorded bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Of the file.
    pub path: String,
    /// Bytes a second; as fast as they are taken when absent.
    pub pace: Option<NonZeroU32>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(serial) => write_serial(serial, f),
            Self::Tcp(tcp) => write!(f, "tcp://{}:{}", Host(&tcp.host), tcp.port),
            Self::Mqtt(mqtt) => {
                f.write_str(if mqtt.tls { "mqtts://" } else { "mqtt://" })?;
                if let Some(user) = &mqtt.user {
                    write!(f, "{}@", Encoded::part(user))?;
                }
                write!(f, "{}:{}/{}", Host(&mqtt.host), mqtt.port, Encoded::path(&mqtt.topic))
            }
            Self::File(recording) => {
                write!(f, "file:{}", Encoded::path(&recording.path))?;
                recording.pace.map_or(Ok(()), |pace| write!(f, "?pace={pace}"))
            }
        }
    }
}

/// Only what differs from the usual is written.
fn write_serial(serial: &Serial, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "serial:{}", Encoded::path(&serial.path))?;
    let mut mark = '?';
    let mut setting = |name: &str, value: &dyn fmt::Display| {
        let written = write!(f, "{mark}{name}={value}");
        mark = '&';
        written
    };
    if serial.baud != DEFAULT_BAUD {
        setting("baud", &serial.baud)?;
    }
    match serial.parity {
        Parity::None => {}
        Parity::Even => setting("parity", &"even")?,
        Parity::Odd => setting("parity", &"odd")?,
    }
    if serial.bits == Bits::Seven {
        setting("bits", &7)?;
    }
    if serial.stop == Stop::Two {
        setting("stop", &2)?;
    }
    Ok(())
}

/// A host as it stands in an address.
struct Host<'a>(&'a str);

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') { write!(f, "[{}]", self.0) } else { f.write_str(self.0) }
    }
}
