//! Publishing current readings to a broker of the household's choice, and the list of what that is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A kind of value that can be published. Nothing else of a meter can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Power of this moment.
    Power,
    /// Energy taken from the grid.
    Import,
    /// Energy fed in.
    Export,
    /// Gas.
    Gas,
    /// Water, cold or warm.
    Water,
    /// Heat.
    Heat,
}

impl What {
    /// All kinds.
    pub const ALL: [Self; 6] = [Self::Power, Self::Import, Self::Export, Self::Gas, Self::Water, Self::Heat];

    /// Its name on the command line and in topics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Import => "import",
            Self::Export => "export",
            Self::Gas => "gas",
            Self::Water => "water",
            Self::Heat => "heat",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what can be published: power, import, export, gas, water, heat; or now, for all of them")]
pub struct UnknownWhat;

impl FromStr for What {
    type Err = UnknownWhat;

    fn from_str(text: &str) -> Result<Self, UnknownWhat> {
        Self::ALL.into_iter().find(|what| what.name() == text).ok_or(UnknownWhat)
    }
}

/// A broker to publish to. One that is published to already gets the new settings.
#[derive(Serialize, Deserialize)]
pub struct PublishAdd {
    /// `mqtt://[user@]host[:port]` or `mqtts://…`.
    pub address: String,
    /// Password at the broker; the user stands in the address.
    #[serde(default)]
    pub password: Option<Zeroizing<String>>,
    /// File with the certificate of the broker's authority, an absolute path; none means the system's authorities.
    #[serde(default)]
    pub authority: Option<std::path::PathBuf>,
    /// What is published; all kinds when empty.
    #[serde(default)]
    pub what: Vec<What>,
    /// Home Assistant's discovery prefix; its own default when none.
    #[serde(default)]
    pub prefix: Option<String>,
    /// A value is published every so many seconds at most; every ten when none.
    #[serde(default)]
    pub every: Option<u32>,
    /// Whether the broker may be outside of the home.
    #[serde(default)]
    pub not_local: bool,
}

impl fmt::Debug for PublishAdd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishAdd").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Brokers that are published to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Publications {
    /// In order of adding.
    pub publications: Vec<PublicationInfo>,
}

/// A broker, and exactly what is published to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PublicationInfo {
    /// Its number.
    pub publication: i64,
    /// Where it is.
    pub address: String,
    /// Home Assistant's discovery prefix there.
    pub prefix: String,
    /// The kinds of values that were allowed.
    pub what: Vec<What>,
    /// A value is published every so many seconds at most.
    pub every: u32,
    /// Whether it was ended: nothing is published, and the broker may still keep descriptions.
    pub ended: bool,
    /// How it is.
    #[serde(flatten)]
    pub state: PublishState,
    /// What a person should know before agreeing to it, in sentences.
    pub warnings: Vec<String>,
    /// Every topic, whether it was published on already or would be now; of one that was ended, those that the broker may
    /// still keep.
    pub topics: Vec<TopicInfo>,
}

/// How a publication is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishState {
    /// Whether a gateway keeps it.
    #[serde(default)]
    pub running: bool,
    /// Whether the broker is connected.
    pub up: bool,
    /// Why it is not.
    pub why: Option<String>,
}

/// One topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TopicInfo {
    /// The meter that it speaks of, by the name printed on it, which is not published; none when it speaks of this gateway.
    pub meter: Option<String>,
    /// What Home Assistant calls the meter.
    #[serde(default)]
    pub device: Option<String>,
    /// The topic.
    pub topic: String,
    /// What Home Assistant calls the value.
    pub entity: String,
    /// Unit of its values; none when it carries none.
    pub unit: Option<String>,
    /// How often.
    pub when: String,
    /// Whether the broker keeps it for whoever comes later.
    pub retained: bool,
    /// What it tells whoever reads the broker.
    pub tells: String,
}
