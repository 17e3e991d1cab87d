//! State of a home.

use serde::{Deserialize, Serialize};

/// Meters, registers, gaps, what was refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Meters, in order of pairing.
    pub meters: Vec<MeterInfo>,
    /// Bills made so far.
    pub bills: usize,
    /// What was discarded lately, newest first.
    pub refusals: Vec<NoteInfo>,
    /// Whether the gateway is running.
    #[serde(default)]
    pub running: bool,
    /// What a person should do, in sentences.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A paired meter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MeterInfo {
    /// What is printed on it.
    pub meter: String,
    /// Its key for life, hex.
    pub identity: String,
    /// Number of its newest known epoch.
    #[serde(default)]
    pub epoch: u32,
    /// What sealed its readings: `certified` (the meter itself), `beside-the-meter`, or `self-sealed` (this gateway).
    #[serde(default)]
    pub class: String,
    /// Its registers.
    pub registers: Vec<RegisterInfo>,
}

/// What is stored of a register.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegisterInfo {
    /// Its code.
    pub code: String,
    /// Unit of its readings.
    pub unit: String,
    /// Number of blocks.
    pub blocks: usize,
    /// From, as text; none when nothing is stored.
    pub from: Option<String>,
    /// Until, as text.
    pub until: Option<String>,
    /// Times between that no block covers.
    pub gaps: Vec<GapInfo>,
    /// Intervals that the meter did not measure.
    pub missing: u64,
    /// Intervals with a substituted value.
    pub estimated: u64,
    /// Intervals measured while a tamper sensor was active.
    pub tamper: u64,
    /// What the meter reported.
    pub events: Vec<String>,
}

/// A gap, as text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GapInfo {
    /// Start.
    pub from: String,
    /// End.
    pub until: String,
}

/// Something that was noted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NoteInfo {
    /// When, Unix seconds.
    pub at: i64,
    /// Short stable name.
    pub code: String,
    /// What happened.
    pub message: String,
}
