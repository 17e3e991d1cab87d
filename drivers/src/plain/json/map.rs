//! Where the values of a bridge stand, as its [profile](crate::profile) says.
//!
//! ```toml
//! [mqtt]
//! device = "home/+"                       # where such a device publishes unless told otherwise: + is any one level
//! inputs = ["0", "1"]                     # stands for {n} below; each is a meter of its own
//! label = "in{n}"                         # what such a meter is called, where no value tells its number
//!
//! [[value]]
//! is = "import"                           # import, export, power, power-in, power-out, apparent, gas, water, time, meter
//! rate = 1                                # of import and export: this rate alone; without it the total
//! topic = "status/in{n}"                  # below the device; several: ["…", "…"]; none: the device's own
//! path = "/energy/*/total"                # * stands for any one name; several likewise; none: the payload is it
//! unit = "kWh"                            # Wh kWh MWh, W kW, VA kVA, m3 dm3; none for time and meter
//! scale = "-1"                            # times this decimal
//! clock = "local"                         # of time: rfc3339, local, unix, unix-ms
//! ```
//!
//! Where several entries say the same thing, the first that is found counts. The line's address names one device, so
//! that two that speak alike are two lines.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::number::Decimal;
use super::entry::{Bridge, Entry};
use super::set::Set;

/// Values of one map.
pub(super) const MAX_VALUES: usize = 64;
/// Inputs of one map.
const MAX_INPUTS: usize = 8;

/// M-Bus types of devices.
pub(super) const GAS: u8 = 3;
pub(super) const WATER: u8 = 7;
/// Longest topic, as in addresses.
const MAX_TOPIC: usize = 255;

/// Why a map cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// A value without a unit that fits it.
    #[error(
        "this value needs a unit: Wh, kWh, MWh, W, kW, VA, kVA, m3 or dm3, whichever fits it; time and meter have none"
    )]
    Unit,
    /// A scale that is no decimal.
    #[error("the scale {0} is no decimal number, such as 0.001 or -1")]
    Scale(String),
    /// A topic that cannot stand below a device.
    #[error("the topic {0:?} is not one below the device: names between single slashes, no + and no #")]
    Topic(String),
    /// The place of the device is no topic.
    #[error("device is the topic of such a device: names or + between single slashes, such as \"tele/+\"")]
    Device,
    /// No values, or too many.
    #[error("a bridge has 1 to {MAX_VALUES} values, and at most {MAX_INPUTS} inputs")]
    Size,
}

/// Where the values of one bridge stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Short name, that of its profile.
    pub name: String,
    device: String,
    pub(super) meters: Vec<Meter>,
}

/// The values of one meter behind a bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meter {
    pub(super) label: Option<String>,
    pub(super) values: Vec<Value>,
    /// The rates that its values name, of import and of export.
    pub(super) rates: [Vec<u8>; 2],
    /// Whether its values tell the power of either way by itself, in and out.
    pub(super) ways: [bool; 2],
}

/// Where one value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) is: Is,
    /// Below the device; empty for the device's own topic.
    pub(super) topic: String,
    /// `None` when the payload is the value.
    pub(super) path: Option<Vec<String>>,
    pub(super) scale: Decimal,
    pub(super) clock: Clock,
}

/// The values that stand on each topic that has any: a set for each meter of the map.
pub(super) type Topics = BTreeMap<String, Vec<Set>>;

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
    /// As M-Bus numbers devices.
    Volume {
        device: u8,
    },
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

impl Map {
    /// A map from the parts of a profile.
    ///
    /// # Errors
    /// [`MapError`] when it cannot be used, and the number of the value that is wrong, if it is one.
    pub(crate) fn new(name: &str, bridge: Bridge, values: &[Entry]) -> Result<Self, (Option<usize>, MapError)> {
        let size = values.iter().map(Entry::size).fold(0, usize::saturating_add);
        if !(1..=MAX_VALUES).contains(&size) || bridge.inputs.len() > MAX_INPUTS {
            return Err((None, MapError::Size));
        }
        if !is_topic(&bridge.device.replace('+', "any")) {
            return Err((None, MapError::Device));
        }
        let inputs = if bridge.inputs.is_empty() { vec![String::new()] } else { bridge.inputs };
        let meters = inputs.iter().map(|input| {
            let values = values.iter().enumerate();
            let values = values.map(|(number, entry)| entry.values(input).map_err(|error| (Some(number), error)));
            let values: Vec<_> = values.collect::<Result<_, _>>()?;
            Ok(Meter::new(bridge.label.as_ref().map(|label| label.replace("{n}", input)), values.concat()))
        });
        Ok(Self { meters: meters.collect::<Result<_, _>>()?, name: name.into(), device: bridge.device })
    }

    /// Where such a device publishes unless told otherwise: a topic in which `+` stands for any one level.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.device
    }

    /// What stands behind a device's topic where its values are, each once: empty, or `/` and more.
    #[must_use]
    pub fn suffixes(&self) -> Vec<String> {
        let values = self.meters.iter().flat_map(|meter| &meter.values);
        let mut all: Vec<_> = values
            .map(|value| if value.topic.is_empty() { String::new() } else { format!("/{}", value.topic) })
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The devices that could speak on this topic, likeliest first: one where such devices publish unless told
    /// otherwise, and those that stand where a householder put them.
    #[must_use]
    pub fn devices<'a>(&self, topic: &'a str) -> Vec<&'a str> {
        let mut suffixes = self.suffixes();
        suffixes.sort_by_key(|suffix| std::cmp::Reverse(suffix.len()));
        let mut devices: Vec<_> = suffixes.iter().filter_map(|suffix| topic.strip_suffix(suffix.as_str())).collect();
        devices.retain(|device| is_topic(device));
        devices.sort_by_key(|device| !self.is_usual(device));
        devices
    }

    /// Whether such a device publishes there unless told otherwise.
    #[must_use]
    pub fn is_usual(&self, device: &str) -> bool {
        device.split('/').count() == self.device.split('/').count()
            && device.split('/').zip(self.device.split('/')).all(|(level, named)| named == "+" || named == level)
    }

    /// What stands on each topic below a device.
    pub(super) fn topics(&self) -> Topics {
        let topics = self.meters.iter().flat_map(|meter| &meter.values).map(|value| value.topic.clone());
        topics.map(|topic| (topic.clone(), self.that(|value| value.topic == topic))).collect()
    }

    /// What may stand on a topic of which nothing is known, as if it were the device's own: only what has a path, as a
    /// bare number says nothing.
    pub(super) fn anywhere(&self) -> Topics {
        let sets = self.that(|value| value.path.is_some());
        sets.iter().any(|set| !set.is_empty()).then(|| (String::new(), sets)).into_iter().collect()
    }

    fn that(&self, fits: impl Fn(&Value) -> bool) -> Vec<Set> {
        self.meters.iter().map(|meter| Set::of(&meter.values, &fits)).collect()
    }
}

impl Meter {
    fn new(label: Option<String>, values: Vec<Value>) -> Self {
        let rates = [false, true].map(|export| {
            let rate = |value: &Value| match value.is {
                Is::Energy { export: way, rate } if rate > 0 && way == export => Some(rate),
                _ => None,
            };
            let mut rates: Vec<u8> = values.iter().filter_map(rate).collect();
            rates.sort_unstable();
            rates.dedup();
            rates
        });
        let ways = [Way::In, Way::Out].map(|way| values.iter().any(|value| value.is == Is::Power(way)));
        Self { label, values, rates, ways }
    }
}

/// Names between single slashes, without wildcards.
pub(super) fn is_topic(text: &str) -> bool {
    let levels = text.split('/').all(|level| !level.is_empty() && !level.contains(['+', '#']));
    levels && text.len() <= MAX_TOPIC && !text.starts_with('$') && !text.chars().any(char::is_control)
}
