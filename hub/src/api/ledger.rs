//! What left this home, and what more may.

use serde::{Deserialize, Serialize};

use super::{PeriodText, ProviderInfo};

/// What left, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Releases {
    /// One each.
    pub releases: Vec<ReleaseInfo>,
}

/// Something that left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReleaseInfo {
    /// Its number.
    pub release: i64,
    /// When it was made, Unix seconds.
    pub at: i64,
    /// Who receives it.
    pub recipient: ProviderInfo,
    /// What for.
    pub purpose: String,
    /// Digest of its statement, hex.
    pub statement: String,
    /// The time that it is about.
    pub period: PeriodText,
    /// What it tells.
    pub sentence: String,
}

/// What was spent and what is left, of all windows that some release touched.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Budgets {
    /// One for each register.
    pub registers: Vec<RegisterBudget>,
}

/// The account of a register.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegisterBudget {
    /// Its meter's name.
    pub meter: String,
    /// Its code.
    pub register: String,
    /// Seconds of a slot.
    pub interval: u64,
    /// Its days, weeks and months.
    pub windows: Vec<WindowInfo>,
}

/// A day, week or month of a register.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowInfo {
    /// `day`, `week` or `month`.
    pub window: String,
    /// Its first day.
    pub from: String,
    /// Bits that what left could carry.
    pub spent: f64,
    /// Bits that answers other than bills may still carry.
    pub left: f64,
    /// Bits in all.
    pub budget: f64,
}

/// What an answer would tell, and whether it may leave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explained {
    /// Whether it may leave.
    pub allowed: bool,
    /// Why not.
    #[serde(default)]
    pub reason: Option<String>,
    /// What whoever receives it would know.
    pub sentence: String,
    /// What says less and may leave, where this may not.
    #[serde(default)]
    pub coarser: Option<String>,
    /// Whether the same has left before: it then tells nothing new.
    pub known: bool,
    /// What the windows that it takes most of would have left: one day, one week, one month.
    pub windows: Vec<WindowInfo>,
}
