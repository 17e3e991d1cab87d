//! The protocols of plain meters by name, and a decoder for each.

use std::fmt;
use std::str::FromStr;

use super::{Decode, MeterKey, d0, dlms, json, ocmf, p1, sml, tic};
use crate::profile::Profiles;

/// A protocol of plain meters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// The Dutch P1 port and its relatives (DSMR, ESMR, e-MUCS).
    P1,
    /// Pushes of DLMS/COSEM over HDLC or wired M-Bus.
    Dlms,
    /// The German Smart Message Language.
    Sml,
    /// The French télé-information client, both modes.
    Tic,
    /// IEC 62056-21, modes C and D.
    D0,
    /// Signed records of charging stations.
    Ocmf,
    /// JSON that bridges publish over MQTT.
    Json,
}

impl Protocol {
    /// Every one.
    pub const ALL: [Self; 7] = [Self::P1, Self::Dlms, Self::Sml, Self::Tic, Self::D0, Self::Ocmf, Self::Json];

    /// Its name on the command line and in profiles.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P1 => "dsmr-p1",
            Self::Dlms => "dlms-han",
            Self::Sml => "sml",
            Self::Tic => "teleinfo",
            Self::D0 => "d0",
            Self::Ocmf => "ocmf",
            Self::Json => "mqtt",
        }
    }

    /// A decoder. A key is used by those that need one. JSON is read as the first device that a known bridge is heard
    /// from; a device that is named is read by [`json::Decoder`].
    #[must_use]
    pub fn decoder(self, keys: Keys) -> Box<dyn Decode> {
        match self {
            Self::P1 => Box::new(p1::Decoder::new(keys.meter)),
            Self::Dlms => Box::new(dlms::Dlms::new(keys.meter)),
            Self::Sml => Box::new(sml::Sml::default()),
            Self::Tic => Box::new(tic::Decoder::default()),
            Self::D0 => Box::new(d0::Decoder::default()),
            Self::Ocmf => Box::new(ocmf::Ocmf::new(keys.public)),
            Self::Json => Box::new(json::Guess::new(Profiles::built_in().maps())),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no protocol of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no protocol {0:?}; there are dsmr-p1, dlms-han, sml, teleinfo, d0, ocmf and mqtt")]
pub struct UnknownProtocol(String);

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(name: &str) -> Result<Self, UnknownProtocol> {
        Self::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| UnknownProtocol(name.to_owned()))
    }
}

/// The keys of one meter.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// What opens encrypted telegrams.
    pub meter: Option<MeterKey>,
    /// What checks signed records.
    pub public: Option<ocmf::PublicKey>,
}
