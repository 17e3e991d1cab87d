//! Bills.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ProofKind;

/// What to bill.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BillAsk {
    /// The provider's signed tariff, an absolute path.
    pub tariff: PathBuf,
    /// Start: RFC 3339, or a date in the tariff's zone.
    pub from: String,
    /// End, not included.
    pub to: String,
    /// Where the bill is written, an absolute path.
    pub out: PathBuf,
    /// The meter's identity key in hex, when several could be meant.
    #[serde(default)]
    pub meter: Option<String>,
    /// Whether unmeasured intervals are accepted.
    #[serde(default)]
    pub allow_incomplete: bool,
    /// The provider's key in hex, checked against the tariff.
    #[serde(default)]
    pub provider_key: Option<String>,
    /// A nonce that the provider asked for, in hex.
    #[serde(default)]
    pub nonce: Option<String>,
    /// Digest of the bill that this one corrects, in hex.
    #[serde(default)]
    pub corrects: Option<String>,
    /// Whether what each register took leaves too, as a certified extra.
    #[serde(default)]
    pub totals: bool,
    /// Which proof it carries.
    #[serde(default)]
    pub proof: ProofKind,
    /// Whether a tariff that carries numbers from bill to bill begins with its first values, although there are earlier
    /// bills.
    #[serde(default)]
    pub restart: bool,
}

/// A bill that was made, with the account that only the household sees.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BillMade {
    /// Its identity, hex.
    pub digest: String,
    /// The amount due in minor units.
    pub fee_minor: i64,
    /// The currency's code.
    pub currency: String,
    /// Digits of a minor unit.
    pub exponent: u8,
    /// Intervals over all registers.
    pub slots: usize,
    /// Intervals that were not measured.
    pub missing: u32,
    /// Whether all were.
    pub complete: bool,
    /// The period.
    pub period: PeriodText,
    /// Size of what may leave.
    pub bytes_left: usize,
    /// Where it was written.
    pub out: PathBuf,
    /// The tariff's name.
    #[serde(default)]
    pub tariff: String,
    /// Which proof it carries: linear or private.
    #[serde(default)]
    pub proof: ProofKind,
    /// Name of the circuit of a private one.
    #[serde(default)]
    pub circuit: Option<String>,
    /// Whether the circuit's maker could forge bills.
    #[serde(default)]
    pub demonstration: bool,
    /// What was measured for a private one, such as a month's peak; it stays at home.
    #[serde(default)]
    pub quantities: Vec<QuantityInfo>,
    /// Its lines.
    pub lines: Vec<LineInfo>,
    /// Who set the tariff.
    pub provider: ProviderInfo,
}

/// A period as local time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PeriodText {
    /// Start.
    pub from: String,
    /// End, not included.
    pub until: String,
}

/// A provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProviderInfo {
    /// Its name.
    pub name: String,
    /// Its key, hex.
    pub key: String,
}

/// A line of a bill.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LineInfo {
    /// Its name.
    pub line: String,
    /// Numerator of the amount in 10⁻⁹ currency units.
    pub nano: String,
    /// Its denominator.
    pub nano_denominator: String,
    /// What a person reads.
    #[serde(default)]
    pub shown: String,
    /// Its bands; they stay at home.
    pub at_home: Vec<BandInfo>,
}

/// A band of a line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BandInfo {
    /// Its name.
    pub band: String,
    /// What it took, in the unit.
    pub amount: u64,
    /// The unit.
    pub unit: String,
    /// What it came to, in 10⁻⁹ currency units.
    pub nano: String,
}

/// A number that a tariff measures over a period.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QuantityInfo {
    /// Its name.
    pub name: String,
    /// How much, in the unit.
    pub amount: String,
    /// The unit.
    pub unit: String,
}

/// Bills that were made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bills {
    /// Newest first.
    pub bills: Vec<BillInfo>,
}

/// A bill that was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BillInfo {
    /// Its identity, hex.
    pub digest: String,
    /// Hash of its tariff, hex.
    pub tariff: String,
    /// The amount due in minor units.
    pub fee_minor: i64,
    /// The period.
    pub period: PeriodText,
    /// When it was made, Unix seconds.
    pub made_at: i64,
}

/// A bill's file that was written again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BillSaved {
    /// Digest of the bill, hex.
    pub digest: String,
    /// Where it was written.
    pub out: PathBuf,
    /// Its size.
    pub bytes: usize,
}
