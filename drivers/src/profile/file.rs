//! Reads one profile. An error names the file and the line, as people write these files by hand.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::{Gives, KnownBy, Need, Profile, Wire};
use crate::address::{Bits, Parity, Stop};
use crate::plain::Protocol;
use crate::plain::json::{Bridge, Entry, Map};

/// Longest profile; the longest here has a twentieth of this.
pub(super) const MAX_FILE: usize = 64 << 10;
/// Longest text in one.
const MAX_TEXT: usize = 500;
/// Settings of a serial port that one profile names.
const MAX_SERIAL: usize = 4;

/// Why a profile cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// A file that cannot be read as one.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// Of the file or folder.
        path: PathBuf,
        /// Why.
        reason: FileReason,
    },
    /// Something in it is not as it should be.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// Of the file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
}

/// Why a file cannot be read as a profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileReason {
    /// The system says so.
    #[error("cannot be read: {0}")]
    System(String),
    /// Its name is no name of a meter.
    #[error("a meter's file is named in small letters, digits and dashes, 40 at most, such as my-meter.toml")]
    Name,
    /// Longer than any profile.
    #[error("is longer than any meter's file ({MAX_FILE} bytes)")]
    Long,
    /// Too many files.
    #[error("holds more files than there are kinds of meters")]
    Many,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(deserialize_with = "text")]
    title: String,
    #[serde(default)]
    makers: Vec<String>,
    #[serde(default, deserialize_with = "countries")]
    countries: Vec<String>,
    protocol: Spanned<Name<Protocol>>,
    #[serde(deserialize_with = "cadence")]
    cadence: Duration,
    gives: Vec<Name<Gives>>,
    #[serde(default)]
    needs: Vec<Spanned<Name<Need>>>,
    #[serde(default)]
    connect: String,
    #[serde(default)]
    quirks: Vec<String>,
    winter: Option<Spanned<i16>>,
    #[serde(default)]
    known_by: Marks,
    #[serde(default)]
    serial: Vec<Spanned<Line>>,
    mqtt: Option<Spanned<Bridge>>,
    #[serde(default)]
    value: Vec<Spanned<Entry>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Marks {
    #[serde(default)]
    maker: Vec<String>,
    #[serde(default)]
    number: Vec<String>,
    rates: Option<bool>,
    checksum: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(deserialize_with = "baud")]
    baud: u32,
    #[serde(default = "eight", deserialize_with = "bits")]
    bits: Bits,
    #[serde(default = "none", deserialize_with = "parity")]
    parity: Parity,
    #[serde(default = "one", deserialize_with = "stop")]
    stop: Stop,
}

fn eight() -> Bits {
    Bits::Eight
}

fn none() -> Parity {
    Parity::None
}

fn one() -> Stop {
    Stop::One
}

/// A word out of a fixed list.
struct Name<T>(T);

trait Word: Sized {
    fn named(word: &str) -> Result<Self, String>;
}

impl<'de, T: Word> Deserialize<'de> for Name<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        T::named(&word).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Word for Protocol {
    fn named(word: &str) -> Result<Self, String> {
        word.parse().map_err(|error: crate::plain::UnknownProtocol| error.to_string())
    }
}

impl Word for Need {
    fn named(word: &str) -> Result<Self, String> {
        let all = [Self::Key, Self::AuthenticationKey, Self::PublicKey, Self::Pin, Self::Activation, Self::Request];
        one_of(word, &all, Self::name)
    }
}

impl Word for Gives {
    fn named(word: &str) -> Result<Self, String> {
        let all = [Self::Import, Self::Export, Self::Power, Self::Apparent, Self::Gas, Self::Water, Self::Heat];
        one_of(word, &all, Self::name)
    }
}

fn one_of<T: Copy>(word: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    all.iter().copied().find(|known| name(*known) == word).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|known| name(*known)).collect();
        format!("{word:?} is none of {}", names.join(", "))
    })
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let fits = !text.trim().is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err(serde::de::Error::custom("a title is one line of text")) }
}

fn countries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let list = Vec::<String>::deserialize(deserializer)?;
    let fits = list.iter().all(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()));
    if fits { Ok(list) } else { Err(serde::de::Error::custom("a country is two capital letters, such as NL")) }
}

fn cadence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    match u32::deserialize(deserializer)? {
        seconds @ 1..=86_400 => Ok(Duration::from_secs(seconds.into())),
        _ => Err(serde::de::Error::custom("cadence is 1 to 86400 seconds")),
    }
}

fn baud<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        baud @ 50..=4_000_000 => Ok(baud),
        _ => Err(serde::de::Error::custom("baud is 50 to 4000000")),
    }
}

fn bits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bits, D::Error> {
    match u8::deserialize(deserializer)? {
        7 => Ok(Bits::Seven),
        8 => Ok(Bits::Eight),
        _ => Err(serde::de::Error::custom("bits is 7 or 8")),
    }
}

fn parity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Parity, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "none" => Ok(Parity::None),
        "even" => Ok(Parity::Even),
        "odd" => Ok(Parity::Odd),
        _ => Err(serde::de::Error::custom("parity is none, even or odd")),
    }
}

fn stop<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Stop, D::Error> {
    match u8::deserialize(deserializer)? {
        1 => Ok(Stop::One),
        2 => Ok(Stop::Two),
        _ => Err(serde::de::Error::custom("stop is 1 or 2")),
    }
}

impl Profile {
    /// Reads a profile; `path` is where it stands, for its errors, and `id` its name.
    ///
    /// # Errors
    /// [`ProfileError`], with the line.
    pub fn parse(id: &str, path: &std::path::Path, text: &str) -> Result<Self, ProfileError> {
        let at = |offset: usize, reason: String| {
            let line = text.bytes().take(offset).filter(|byte| *byte == b'\n').count().saturating_add(1);
            ProfileError::Line { path: path.into(), line, reason }
        };
        let file: File = toml::from_str(text)
            .map_err(|error| at(error.span().map_or(0, |span| span.start), error.message().into()))?;
        let protocol = file.protocol.get_ref().0;
        let here = |reason: &str| Err(at(file.protocol.span().start, reason.into()));
        match (protocol == Protocol::Json, file.mqtt.is_some(), file.value.is_empty(), file.serial.is_empty()) {
            (true, true, false, true) | (false, false, true, _) => {}
            (true, ..) => return here("a bridge of protocol mqtt has [mqtt] and [[value]], and no [[serial]]"),
            (false, ..) => return here("only a bridge of protocol mqtt has [mqtt] and [[value]]"),
        }
        if let Some(winter) =
            file.winter.as_ref().filter(|winter| protocol != Protocol::P1 || !(-720..=840).contains(winter.get_ref()))
        {
            return Err(at(winter.span().start, "winter is of dsmr-p1 alone: minutes from -720 to 840".into()));
        }
        let asked = file.needs.iter().find(|need| need.get_ref().0 == Need::Request);
        if let Some(need) = asked.filter(|_| protocol != Protocol::D0) {
            return Err(at(need.span().start, "only a meter of protocol d0 can be asked".into()));
        }
        if let Some(more) = file.serial.get(MAX_SERIAL) {
            return Err(at(more.span().start, format!("at most {MAX_SERIAL} settings of a serial port")));
        }
        let map = match file.mqtt {
            Some(bridge) => {
                let starts: Vec<_> = file.value.iter().map(|value| value.span().start).collect();
                let start = bridge.span().start;
                let values: Vec<_> = file.value.into_iter().map(Spanned::into_inner).collect();
                let map = Map::new(id, bridge.into_inner(), &values);
                Some(map.map_err(|(value, error)| {
                    let place = value.and_then(|value| starts.get(value).copied()).unwrap_or(start);
                    at(place, error.to_string())
                })?)
            }
            None => None,
        };
        let wire = |line: Spanned<Line>| {
            let Line { baud, bits, parity, stop } = line.into_inner();
            Wire { baud, bits, parity, stop }
        };
        Ok(Self {
            id: id.into(),
            title: file.title,
            makers: file.makers,
            countries: file.countries,
            protocol,
            serial: file.serial.into_iter().map(wire).collect(),
            cadence: file.cadence,
            needs: file.needs.into_iter().map(|need| need.into_inner().0).collect(),
            gives: file.gives.into_iter().map(|gives| gives.0).collect(),
            connect: file.connect,
            quirks: file.quirks,
            map,
            known_by: KnownBy {
                maker: file.known_by.maker,
                number: file.known_by.number,
                rates: file.known_by.rates,
                checksum: file.known_by.checksum,
            },
            winter: file.winter.map(Spanned::into_inner),
        })
    }
}
