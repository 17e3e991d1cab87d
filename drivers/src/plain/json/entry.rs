//! How the values of a bridge are written in its [profile](crate::profile), and the values that they stand for.

use serde::Deserialize;

use super::super::number::Decimal;
use super::map::{Clock, GAS, Is, MapError, Value, WATER, Way, is_topic};

/// The part `[mqtt]` of a profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bridge {
    pub(super) device: String,
    #[serde(default)]
    pub(super) inputs: Vec<String>,
    pub(super) label: Option<String>,
}

/// One `[[value]]` of a profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    is: What,
    #[serde(default)]
    rate: u8,
    #[serde(default)]
    topic: Several,
    path: Option<Several>,
    unit: Option<String>,
    scale: Option<String>,
    #[serde(default)]
    clock: Clock,
}

/// One text or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Several {
    One(String),
    Many(Vec<String>),
}

impl Default for Several {
    fn default() -> Self {
        Self::One(String::new())
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    Import,
    Export,
    Power,
    PowerIn,
    PowerOut,
    Apparent,
    Gas,
    Water,
    Time,
    Meter,
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
    pub(super) fn size(&self) -> usize {
        self.topic.all().len().saturating_mul(self.path.as_ref().map_or(1, |path| path.all().len()))
    }

    /// The value on each of its topics and paths, in order.
    pub(super) fn values(&self, input: &str) -> Result<Vec<Value>, MapError> {
        let is = match self.is {
            What::Import => Is::Energy { export: false, rate: self.rate },
            What::Export => Is::Energy { export: true, rate: self.rate },
            What::Power => Is::Power(Way::Net),
            What::PowerIn => Is::Power(Way::In),
            What::PowerOut => Is::Power(Way::Out),
            What::Apparent => Is::Apparent,
            What::Gas => Is::Volume { device: GAS },
            What::Water => Is::Volume { device: WATER },
            What::Time => Is::Time,
            What::Meter => Is::Meter,
        };
        let unit = self.unit.as_deref();
        let shift = is.shift(unit).ok_or(MapError::Unit)?;
        let scale = match self.scale.as_deref() {
            Some(scale) => Decimal::parse(scale.as_bytes()).ok_or_else(|| MapError::Scale(scale.into()))?,
            None => Decimal::whole(1),
        };
        let paths: Vec<_> = match &self.path {
            Some(paths) => paths.all().iter().map(|path| Some(names(path, input))).collect(),
            None => vec![None],
        };
        let scale = scale.shifted(shift);
        let topics: Vec<_> = self.topic.all().iter().map(|topic| topic.replace("{n}", input)).collect();
        if let Some(wrong) = topics.iter().find(|topic| !topic.is_empty() && !is_topic(topic)) {
            return Err(MapError::Topic(wrong.clone()));
        }
        let values = topics.into_iter().flat_map(|topic| {
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
            (Self::Volume { .. }, Some("m3")) | (Self::Time | Self::Meter, None) => Some(0),
            (Self::Volume { .. }, Some("dm3")) => Some(-3),
            _ => None,
        }
    }
}
