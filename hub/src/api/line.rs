//! Lines to meters, pairing, and current readings.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A new line.
#[derive(Serialize, Deserialize)]
pub struct LineAdd {
    /// `serial:/dev/…`, `tcp://host:port`, `mqtt://user@host:port/TOPIC`, `mqtts://…`.
    pub address: String,
    /// Password at a broker; the user stands in the address.
    #[serde(default)]
    pub password: Option<Zeroizing<String>>,
    /// File with the certificate of the broker's authority, an absolute path; none means the system's authorities.
    #[serde(default)]
    pub authority: Option<std::path::PathBuf>,
    /// How a meter is read that seals nothing; none for a meter that seals.
    #[serde(default)]
    pub plain: Option<PlainMeter>,
}

/// How a meter is read that seals nothing.
#[derive(Serialize, Deserialize)]
pub struct PlainMeter {
    /// Name of its profile.
    pub profile: String,
    /// Minutes of a slot; a quarter of an hour when none.
    #[serde(default)]
    pub interval: Option<u32>,
    /// The key that opens its telegrams, in hexadecimal digits.
    #[serde(default)]
    pub key: Option<Zeroizing<String>>,
    /// The key that authenticates them.
    #[serde(default)]
    pub authentication_key: Option<Zeroizing<String>>,
    /// The key that checks records which it signs.
    #[serde(default)]
    pub public_key: Option<String>,
}

impl std::fmt::Debug for PlainMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PlainMeter({})", self.profile)
    }
}

impl std::fmt::Debug for LineAdd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineAdd").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Lines to meters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lines {
    /// In order of adding.
    pub lines: Vec<LineInfo>,
}

/// A line and how it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LineInfo {
    /// Its number.
    pub line: i64,
    /// Where it leads.
    pub address: String,
    /// The profile of a meter that seals nothing; this gateway seals what it says.
    #[serde(default)]
    pub profile: Option<String>,
    /// How it is.
    #[serde(flatten)]
    pub state: LineState,
}

/// How a line is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineState {
    /// Whether a gateway keeps it.
    #[serde(default)]
    pub running: bool,
    /// Whether it is open.
    pub up: bool,
    /// Why it is not.
    pub why: Option<String>,
    /// The meter that answers.
    pub meter: Option<String>,
    /// Its key for life, hex.
    pub identity: Option<String>,
    /// Whether this home is paired with it.
    pub paired: bool,
    /// Whether another household is paired with it.
    pub paired_elsewhere: bool,
    /// Whether it waits for a pairing.
    pub pairing_open: bool,
    /// The meter's clock less ours, seconds.
    pub clock_ahead: Option<i64>,
    /// Blocks that the meter holds for this home and that are not stored yet.
    pub behind: u64,
    /// Frames that came damaged.
    pub damaged: u64,
    /// Bytes that were no frame.
    pub noise: u64,
    /// When something whole was heard last, Unix seconds.
    pub heard_at: Option<i64>,
}

/// Pair with the meter on a line.
#[derive(Serialize, Deserialize)]
pub struct PairAsk {
    /// The line.
    pub line: i64,
    /// The code on the meter's display.
    pub code: Zeroizing<String>,
}

impl std::fmt::Debug for PairAsk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PairAsk({})", self.line)
    }
}

/// A pairing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Paired {
    /// What is printed on the meter.
    pub meter: String,
    /// Its key for life, hex.
    pub identity: String,
    /// Its fingerprint, to compare with the label.
    #[serde(default)]
    pub fingerprint: String,
    /// Number of the pairing.
    pub pairing: u32,
    /// Whether it was known before.
    pub known: bool,
    /// The pairing file, which should be deleted now.
    #[serde(default)]
    pub file: Option<std::path::PathBuf>,
}

/// What the meters show at this moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Now {
    /// By meter.
    pub meters: Vec<NowMeter>,
}

/// What a meter shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NowMeter {
    /// The meter.
    pub meter: String,
    /// Its key for life, hex; none as long as nothing of a plain meter was sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// When it was received, Unix seconds.
    pub received_at: i64,
    /// The meter's clock, Unix seconds.
    pub at: u64,
    /// Power in watts, feeding in negative.
    pub power: Option<i32>,
    /// Whether the supply switch is closed.
    pub supply: bool,
    /// Prepaid credit in minor units.
    pub credit: Option<i64>,
    /// Totals.
    pub registers: Vec<NowRegister>,
}

/// What a register shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NowRegister {
    /// Its code.
    pub code: String,
    /// Its unit.
    pub unit: String,
    /// Its total in 10⁻⁴ units.
    pub total: u64,
    /// What it counts, as an M-Bus device type, where a plain meter tells it: 3 gas, 4 heat, 7 water.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<u8>,
}

impl std::fmt::Debug for NowMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NowMeter({})", self.meter)
    }
}
