//! What is to be played.

use jiff::tz::TimeZone;
use metrology::keys::hash;

use crate::household::{DEFAULT_PV_WATTS, MAX_DAYS, MAX_PV_WATTS};
use crate::live::fault::Chance;
use crate::plain::cipher::Keys;
use crate::plain::json;
use crate::plain::ocmf::Signer256;
use crate::plain::protocol::Protocol;
use crate::plain::quirk::{Quirk, Quirks};

/// The European rule, on the clocks of the Continent and of Britain.
const CONTINENT: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
const BRITAIN: &str = "GMT0BST,M3.5.0/1,M10.5.0";

/// A meter, its household, and how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it speaks.
    pub protocol: Protocol,
    /// Number of the household; the meter's number and registers follow from it.
    pub household: u64,
    /// Peak power of its panels, in watts.
    pub pv_watts: u32,
    /// Whether it heats with gas.
    pub gas: bool,
    /// First second.
    pub from: u64,
    /// Last second: a frame that is due then is sent.
    pub until: u64,
    /// Seconds between frames, when they are not the protocol's own.
    pub interval: Option<u32>,
    /// Keys of encrypted frames.
    pub keys: Option<Keys>,
    /// Key of signed records; made from the household's number when none.
    pub signing: Option<Signer256>,
    /// Per cent of the frames that the line damages.
    pub damage: u8,
    /// What the meter does otherwise than its standard.
    pub quirks: Quirks,
    /// Number of the bridge that speaks for the meter on a broker, when it is not made of the meter's: another meter may hang
    /// behind the same bridge.
    pub bridge: Option<u32>,
}

/// Why a plan makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Encrypted frames without a key.
    #[error("{0} meters encrypt; give the key that their operator hands out (32 hexadecimal digits)")]
    NoKey(&'static str),
    /// A key for frames that are not encrypted.
    #[error("{0} is not encrypted; leave the key out")]
    Unencrypted(&'static str),
    /// A quirk that such a meter cannot have.
    #[error("a {protocol} meter ({dialect}) cannot have the quirk {quirk}")]
    Quirk {
        /// The protocol.
        protocol: &'static str,
        /// The dialect.
        dialect: &'static str,
        /// The quirk.
        quirk: Quirk,
    },
    /// Time or panels out of range.
    #[error(
        "a household runs from its beginning to a later moment, at most {MAX_DAYS} days, with panels of at most {MAX_PV_WATTS} W"
    )]
    Time,
    /// More damage than there are frames.
    #[error("at most 100 per cent of the frames can be damaged")]
    Damage,
    /// An interval of nothing.
    #[error("frames are at least one second apart")]
    Interval,
    /// The numbers of a signing key.
    #[error("no signing key can be made of these bytes; give others")]
    Signing,
}

impl Plan {
    /// A meter of a protocol with the usual panels and neither damage nor quirks.
    #[must_use]
    pub fn new(protocol: Protocol, household: u64, from: u64, until: u64) -> Self {
        Self {
            protocol,
            household,
            pv_watts: DEFAULT_PV_WATTS,
            gas: false,
            from,
            until,
            interval: None,
            keys: None,
            signing: None,
            damage: 0,
            quirks: Quirks::default(),
            bridge: None,
        }
    }

    /// Whether it makes sense.
    pub(super) fn check(&self) -> Result<(), PlanError> {
        let protocol = self.protocol;
        if protocol.is_encrypted() && self.keys.is_none() {
            return Err(PlanError::NoKey(protocol.dialect()));
        }
        if !protocol.can_encrypt() && self.keys.is_some() {
            return Err(PlanError::Unencrypted(protocol.name()));
        }
        if let Some(quirk) = self.quirks.iter().find(|quirk| !protocol.can(*quirk)) {
            return Err(PlanError::Quirk { protocol: protocol.name(), dialect: protocol.dialect(), quirk });
        }
        let longest = u64::from(MAX_DAYS) * metrology::label::DAY_SECONDS;
        if self.until <= self.from || self.until - self.from >= longest || self.pv_watts > MAX_PV_WATTS {
            return Err(PlanError::Time);
        }
        if self.damage > 100 {
            return Err(PlanError::Damage);
        }
        if self.interval == Some(0) {
            return Err(PlanError::Interval);
        }
        Ok(())
    }

    /// Eight digits that belong to the household.
    pub(super) fn number(&self, chance: &mut Chance) -> u32 {
        // DZG made its mistake in meters of these numbers.
        let (from, count) =
            if self.quirks.has(Quirk::UnsignedPower) { (42_000_000, 7_000_000) } else { (10_000_000, 30_000_000) };
        from + u32::try_from(chance.below(count)).unwrap_or(0)
    }

    /// The clocks on the wall.
    pub(super) fn zone(&self) -> Result<TimeZone, PlanError> {
        let rule = if self.protocol == Protocol::Json(json::Dialect::Glow) { BRITAIN } else { CONTINENT };
        TimeZone::posix(rule).map_err(|_| PlanError::Time)
    }

    /// The key of signed records, where there are some.
    pub(super) fn signer(&self) -> Result<Option<Signer256>, PlanError> {
        if !matches!(self.protocol, Protocol::Ocmf(_)) {
            return Ok(None);
        }
        let made = || Signer256::new(&hash("wattseal/plain-meter/ocmf", &[&self.household.to_le_bytes()]));
        self.signing.clone().or_else(made).ok_or(PlanError::Signing).map(Some)
    }
}
