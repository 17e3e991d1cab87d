//! Where the values of a bridge stand: a small declarative file, read once.
//!
//! ```toml
//! name = "bridge"                         # short, as it is typed
//! title = "What a householder calls it"
//! kind = "json"
//! inputs = ["0", "1"]                     # stands for {n} below; each is a meter of its own
//! label = "in{n}"                         # its number, where no value tells one
//!
//! [[value]]
//! is = "import"                           # import, export, power, power-in, power-out, apparent, volume, time, meter
//! rate = 1                                # of import and export: this rate alone; without it the total
//! topic = "home/+/in{n}"                  # + stands for any one level; several: ["…", "…"]
//! path = "/energy/*/total"                # * stands for any one name; several likewise; none: the payload is it
//! unit = "kWh"                            # Wh kWh MWh, W kW, VA kVA, m3 dm3; none for time and meter
//! scale = "-1"                            # times this decimal
//! clock = "local"                         # of time: rfc3339, local, unix, unix-ms
//! ```
//!
//! Where several entries say the same thing, the first that is found counts.

use serde::Deserialize;

use super::super::number::Decimal;

/// The maps that come with the program, by name; those that fit the fewest payloads first.
pub const BUILT_IN: [(&str, &str); 7] = [
    ("glow", include_str!("../../../meters/glow.toml")),
    ("shelly-em1", include_str!("../../../meters/shelly-em1.toml")),
    ("shelly-em", include_str!("../../../meters/shelly-em.toml")),
    ("dsmr-reader", include_str!("../../../meters/dsmr-reader.toml")),
    ("tasmota", include_str!("../../../meters/tasmota.toml")),
    ("zigbee2mqtt", include_str!("../../../meters/zigbee2mqtt.toml")),
    ("esphome", include_str!("../../../meters/esphome.toml")),
];

/// Values of one map.
const MAX_VALUES: usize = 64;
/// Inputs of one map.
const MAX_INPUTS: usize = 8;

/// Why a map cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// Not the keys that a map has.
    #[error("the map is not written as maps are: {0}")]
    Keys(String),
    /// A value without a unit that fits it.
    #[error("the map's value on topic {0} needs a unit: Wh, kWh, MWh, W, kW, VA, kVA, m3 or dm3, whichever fits it")]
    Unit(String),
    /// A scale that is no decimal.
    #[error("the map's scale {0} is no decimal number, such as 0.001 or -1")]
    Scale(String),
    /// No values, or too many.
    #[error("a map has 1 to 64 values, and at most 8 inputs")]
    Size,
}

/// Where the values of one bridge stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Short name.
    pub name: String,
    /// What a householder calls it.
    pub title: String,
    pub(super) meters: Vec<Meter>,
}

/// The values of one meter behind a bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meter {
    pub(super) label: Option<String>,
    pub(super) values: Vec<Value>,
}

/// Where one value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) is: Is,
    pub(super) topic: Vec<String>,
    /// `None` when the payload is the value.
    pub(super) path: Option<Vec<String>>,
    pub(super) scale: Decimal,
    pub(super) clock: Clock,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    /// Rate 0 is the total.
    Energy {
        export: bool,
        rate: u8,
    },
    Power(Way),
    Apparent,
    Volume,
    Time,
    Meter,
}

/// Which way a power flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Import less export.
    Net,
    In,
    Out,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Clock {
    /// With its zone.
    #[default]
    Rfc3339,
    /// As the device's clock shows it.
    Local,
    /// Seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    UnixMs,
}

#[derive(Deserialize)]
struct File {
    name: String,
    title: String,
    #[serde(default)]
    inputs: Vec<String>,
    label: Option<String>,
    #[serde(rename = "value", default)]
    values: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    is: What,
    #[serde(default)]
    rate: u8,
    topic: Several,
    path: Option<Several>,
    unit: Option<String>,
    scale: Option<String>,
    #[serde(default)]
    clock: Clock,
}

/// One text or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Several {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    Import,
    Export,
    Power,
    PowerIn,
    PowerOut,
    Apparent,
    Volume,
    Time,
    Meter,
}

impl Map {
    /// Reads a map. Keys beside those of a map are left to whoever else reads the file.
    ///
    /// # Errors
    /// [`MapError`] when it cannot be used.
    pub fn parse(text: &str) -> Result<Self, MapError> {
        let file: File = toml::from_str(text).map_err(|error| MapError::Keys(error.message().into()))?;
        let size = file.values.iter().map(Entry::size).fold(0, usize::saturating_add);
        if !(1..=MAX_VALUES).contains(&size) || file.inputs.len() > MAX_INPUTS {
            return Err(MapError::Size);
        }
        let inputs = if file.inputs.is_empty() { vec![String::new()] } else { file.inputs };
        let meters = inputs.iter().map(|input| {
            let values: Vec<_> = file.values.iter().map(|entry| entry.values(input)).collect::<Result<_, _>>()?;
            Ok(Meter { label: file.label.as_ref().map(|label| label.replace("{n}", input)), values: values.concat() })
        });
        Ok(Self { meters: meters.collect::<Result<_, _>>()?, name: file.name, title: file.title })
    }

    /// The built-in map of this name.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        BUILT_IN.iter().find(|(known, _)| *known == name).and_then(|(_, text)| Self::parse(text).ok())
    }

    /// The topics on which its values stand, as filters of MQTT, each once.
    #[must_use]
    pub fn topics(&self) -> Vec<String> {
        let values = self.meters.iter().flat_map(|meter| &meter.values);
        let mut topics: Vec<_> = values.map(|value| value.topic.join("/")).collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    /// True when values stand on this topic.
    pub(super) fn speaks_on(&self, topic: &str) -> bool {
        self.meters.iter().flat_map(|meter| &meter.values).any(|value| value.stands_on(topic))
    }
}

impl Several {
    fn all(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

impl Entry {
    fn size(&self) -> usize {
        self.topic.all().len().saturating_mul(self.path.as_ref().map_or(1, |path| path.all().len()))
    }

    /// The value on each of its topics and paths, in order.
    fn values(&self, input: &str) -> Result<Vec<Value>, MapError> {
        let is = match self.is {
            What::Import => Is::Energy { export: false, rate: self.rate },
            What::Export => Is::Energy { export: true, rate: self.rate },
            What::Power => Is::Power(Way::Net),
            What::PowerIn => Is::Power(Way::In),
            What::PowerOut => Is::Power(Way::Out),
            What::Apparent => Is::Apparent,
            What::Volume => Is::Volume,
            What::Time => Is::Time,
            What::Meter => Is::Meter,
        };
        let unit = self.unit.as_deref();
        let shift = is.shift(unit).ok_or_else(|| MapError::Unit(self.topic.all().concat()))?;
        let scale = match self.scale.as_deref() {
            Some(scale) => Decimal::parse(scale.as_bytes()).ok_or_else(|| MapError::Scale(scale.into()))?,
            None => Decimal::whole(1),
        };
        let paths: Vec<_> = match &self.path {
            Some(paths) => paths.all().iter().map(|path| Some(names(path, input))).collect(),
            None => vec![None],
        };
        let scale = scale.shifted(shift);
        let topics = self.topic.all().iter().map(|topic| levels(topic, input));
        let values = topics.flat_map(|topic| {
            let value = move |path: &Option<Vec<String>>| Value {
                is,
                topic: topic.clone(),
                path: path.clone(),
                scale,
                clock: self.clock,
            };
            paths.iter().map(value)
        });
        Ok(values.collect())
    }
}

fn levels(topic: &str, input: &str) -> Vec<String> {
    topic.replace("{n}", input).split('/').map(str::to_owned).collect()
}

/// The names of a path, escaped as in RFC 6901.
fn names(path: &str, input: &str) -> Vec<String> {
    let names = path.strip_prefix('/').unwrap_or(path).split('/');
    names.map(|name| name.replace("{n}", input).replace("~1", "/").replace("~0", "~")).collect()
}

impl Is {
    /// The power of ten from a unit to the one that is counted in; `None` when the unit does not fit.
    fn shift(self, unit: Option<&str>) -> Option<i8> {
        match (self, unit) {
            (Self::Energy { .. }, Some("Wh")) | (Self::Power(_), Some("W")) | (Self::Apparent, Some("VA")) => Some(0),
            (Self::Energy { .. }, Some("kWh")) | (Self::Power(_), Some("kW")) | (Self::Apparent, Some("kVA")) => {
                Some(3)
            }
            (Self::Energy { .. }, Some("MWh")) => Some(6),
            (Self::Volume, Some("m3")) | (Self::Time | Self::Meter, None) => Some(0),
            (Self::Volume, Some("dm3")) => Some(-3),
            _ => None,
        }
    }
}

impl Value {
    /// True when it stands on this topic. On one that is not known stands what has a path: a bare number says nothing.
    pub(super) fn stands_on(&self, topic: &str) -> bool {
        if topic.is_empty() {
            return self.path.is_some();
        }
        topic.split('/').count() == self.topic.len()
            && topic.split('/').zip(&self.topic).all(|(level, named)| named == "+" || named == level)
    }
}
