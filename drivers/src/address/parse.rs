//! Reads an [`Address`]. No error repeats what was typed: people do write passwords where they do not belong.

use std::net::Ipv6Addr;
use std::num::NonZeroU32;
use std::str::FromStr;

use super::percent::decode;
use super::{Address, Bits, MQTT_PORT, MQTTS_PORT, Mqtt, Parity, Recording, Serial, Stop, Tcp};

/// Longest address; what it names is shorter, so that it has room when written as `%XX`.
const MAX_TEXT: usize = 4096;
const MAX_PATH: usize = 1024;
/// Longest topic, host or name of a user.
const MAX_PART: usize = 255;
const BAUD: std::ops::RangeInclusive<u32> = 50..=4_000_000;

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not begin with a kind of line.
    #[error("an address begins with serial:, tcp://, mqtt://, mqtts:// or file:")]
    Kind,
    /// A port of this machine without its kind.
    #[error("that looks like a port of this machine: write serial: before it")]
    BarePort,
    /// Longer than any address.
    #[error("the address is longer than {MAX_TEXT} characters, or its path than {MAX_PATH}")]
    TooLong,
    /// There is a password inside.
    #[error(
        "the address holds a password, or an @ in a wrong place: a password is given apart, another @ is written %40"
    )]
    PasswordInside,
    /// The path of a serial port is missing or relative.
    #[error("a serial port is named by its whole path: serial:/dev/serial/by-id/…")]
    SerialPath,
    /// The path of a recording is missing.
    #[error("a recording is named by its path: file:PATH")]
    FilePath,
    /// The host is missing or wrong.
    #[error("the host is a name or an address, an IPv6 address in brackets: meter.lan, 192.0.2.7, [2001:db8::7]")]
    Host,
    /// IPv6 with TLS.
    #[error("a broker by TLS is named as in its certificate, or by an IPv4 address, not by an IPv6 address")]
    HostOfTls,
    /// The port is missing or wrong.
    #[error("the port is a number from 1 to 65535, after a colon: HOST:PORT")]
    Port,
    /// Something stands after the port.
    #[error("nothing follows the port of a tcp address")]
    Trailing,
    /// The user's name is empty or too long.
    #[error("the user's name before the @ has 1 to {MAX_PART} characters")]
    User,
    /// The topic is missing or wrong.
    #[error(
        "the topic has 1 to {MAX_PART} characters between single slashes, no + and no #: mqtt://HOST/wattseal/METER"
    )]
    Topic,
    /// A setting that is not known.
    #[error(
        "known settings: baud, parity, bits and stop of a serial port (?baud=9600&parity=even), pace of a recording"
    )]
    Setting,
    /// A setting twice.
    #[error("a setting is given twice")]
    Twice,
    /// The speed is none.
    #[error("baud is a number from {} to {}", BAUD.start(), BAUD.end())]
    Baud,
    /// The parity is none.
    #[error("parity is none, even or odd")]
    Parity,
    /// The bits are none.
    #[error("bits is 7 or 8")]
    Bits,
    /// The stop bits are none.
    #[error("stop is 1 or 2")]
    Stop,
    /// The pace is none.
    #[error("pace is the number of bytes a second, at least 1")]
    Pace,
    /// A `%` that means nothing.
    #[error("a % is followed by two hexadecimal digits; a % itself is written %25")]
    Percent,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_TEXT {
            return Err(AddressError::TooLong);
        }
        if text.starts_with("/dev/") {
            return Err(AddressError::BarePort);
        }
        let (kind, rest) = text.split_once(':').ok_or(AddressError::Kind)?;
        let network = || rest.strip_prefix("//").ok_or(AddressError::Kind);
        match kind {
            "serial" => serial(rest).map(Self::Serial),
            "file" => file(rest).map(Self::File),
            "tcp" => tcp(network()?).map(Self::Tcp),
            "mqtt" => mqtt(network()?, false).map(Self::Mqtt),
            "mqtts" => mqtt(network()?, true).map(Self::Mqtt),
            _ => Err(AddressError::Kind),
        }
    }
}

fn serial(text: &str) -> Result<Serial, AddressError> {
    let (path, settings) = settings(text)?;
    if !path.starts_with('/') {
        return Err(AddressError::SerialPath);
    }
    let mut serial = Serial::new(path);
    for (name, value) in settings {
        match name {
            "baud" => {
                let baud = value.parse().ok().filter(|baud| BAUD.contains(baud));
                serial.baud = baud.ok_or(AddressError::Baud)?;
            }
            "parity" => {
                serial.parity = match value {
                    "none" => Parity::None,
                    "even" => Parity::Even,
                    "odd" => Parity::Odd,
                    _ => return Err(AddressError::Parity),
                }
            }
            "bits" => {
                serial.bits = match value {
                    "7" => Bits::Seven,
                    "8" => Bits::Eight,
                    _ => return Err(AddressError::Bits),
                }
            }
            "stop" => {
                serial.stop = match value {
                    "1" => Stop::One,
                    "2" => Stop::Two,
                    _ => return Err(AddressError::Stop),
                }
            }
            _ => return Err(AddressError::Setting),
        }
    }
    Ok(serial)
}

fn file(text: &str) -> Result<Recording, AddressError> {
    let (path, settings) = settings(text)?;
    if path.is_empty() {
        return Err(AddressError::FilePath);
    }
    let mut recording = Recording { path, pace: None };
    for (name, value) in settings {
        match name {
            "pace" => recording.pace = Some(value.parse::<NonZeroU32>().map_err(|_| AddressError::Pace)?),
            _ => return Err(AddressError::Setting),
        }
    }
    Ok(recording)
}

fn tcp(text: &str) -> Result<Tcp, AddressError> {
    no_password(text)?;
    if text.contains(['/', '?', '#']) {
        return Err(AddressError::Trailing);
    }
    let (host, port) = host_and_port(text)?;
    Ok(Tcp { host, port: port.ok_or(AddressError::Port)? })
}

fn mqtt(text: &str, tls: bool) -> Result<Mqtt, AddressError> {
    no_password(text)?;
    let (authority, topic) = text.split_once('/').ok_or(AddressError::Topic)?;
    let (user, place) = match authority.split_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, authority),
    };
    let user = match user.map(|user| decode(user).ok_or(AddressError::Percent)).transpose()? {
        Some(user) if !(1..=MAX_PART).contains(&user.len()) || user.contains('\0') => return Err(AddressError::User),
        user => user,
    };
    let (host, port) = host_and_port(place)?;
    if tls && host.contains(':') {
        return Err(AddressError::HostOfTls);
    }
    if topic.contains('?') {
        return Err(AddressError::Setting);
    }
    let topic = decode(topic).ok_or(AddressError::Percent)?;
    let levels = topic.split('/').all(|level| !level.is_empty() && !level.contains(['+', '#']));
    if !levels || topic.len() > MAX_PART || topic.starts_with('$') || topic.chars().any(char::is_control) {
        return Err(AddressError::Topic);
    }
    Ok(Mqtt { user, host, port: port.unwrap_or(if tls { MQTTS_PORT } else { MQTT_PORT }), tls, topic })
}

/// Refuses `user:password@`, whatever marks the password holds: an `@` stands after a plain name or nowhere.
fn no_password(text: &str) -> Result<(), AddressError> {
    match text.rsplit_once('@') {
        Some((before, _)) if before.contains([':', '/', '@', '?']) => Err(AddressError::PasswordInside),
        _ => Ok(()),
    }
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), AddressError> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (inside, port) = rest.split_once(']').ok_or(AddressError::Host)?;
        // Written anew, so that one address has one form.
        let address: Ipv6Addr = inside.parse().map_err(|_| AddressError::Host)?;
        (address.to_string(), port)
    } else {
        let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
        let named = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if host.is_empty() || host.len() > MAX_PART || !named {
            return Err(AddressError::Host);
        }
        (host.to_owned(), port)
    };
    if port.is_empty() {
        return Ok((host, None));
    }
    let digits = port.strip_prefix(':').filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let port = digits.and_then(|port| port.parse().ok()).filter(|port| *port != 0);
    Ok((host, Some(port.ok_or(AddressError::Port)?)))
}

type Settings<'a> = Vec<(&'a str, &'a str)>;

/// What stands before the `?`, decoded, and the settings after it, each once.
fn settings(text: &str) -> Result<(String, Settings<'_>), AddressError> {
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    };
    let mut found = Settings::new();
    for setting in query.into_iter().flat_map(|query| query.split('&')) {
        let (name, value) = setting.split_once('=').ok_or(AddressError::Setting)?;
        if found.iter().any(|(known, _)| *known == name) {
            return Err(AddressError::Twice);
        }
        found.push((name, value));
    }
    let path = decode(path).filter(|path| !path.contains('\0')).ok_or(AddressError::Percent)?;
    if path.len() > MAX_PATH {
        return Err(AddressError::TooLong);
    }
    Ok((path, found))
}
