//! Accounts with providers, tariffs, submissions and commands.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Enrol with a provider.
#[derive(Serialize, Deserialize)]
pub struct AccountAdd {
    /// Host and port of its service.
    pub address: String,
    /// Its key (hex) as it stands in the contract or letter.
    pub provider_key: String,
    /// The meters that it bills: what is printed on each, or its identity key in hex. None is named when there is one.
    #[serde(default)]
    pub meters: Vec<String>,
    /// The one-time code that the provider sent.
    pub code: Zeroizing<String>,
}

impl std::fmt::Debug for AccountAdd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccountAdd({})", self.address)
    }
}

/// Accounts with providers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Accounts {
    /// In order of making.
    pub accounts: Vec<AccountInfo>,
}

/// An account with a provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountInfo {
    /// Its number.
    pub account: i64,
    /// The provider's name.
    pub provider: String,
    /// Fingerprint of its key.
    pub fingerprint: String,
    /// Where it is reached.
    pub address: String,
    /// The contract; none while the enrolment is not answered.
    pub contract: Option<String>,
}

/// Tariffs that a provider publishes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tariffs {
    /// As the provider lists them.
    pub tariffs: Vec<TariffInfo>,
}

/// A published tariff.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TariffInfo {
    /// Its hash, hex.
    pub hash: String,
    /// Its name in the provider's list.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// First second it is valid for.
    pub from: u64,
    /// First second it is no longer valid for.
    pub until: u64,
}

/// A standing submission.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StandingAdd {
    /// The account; needed when there are several.
    #[serde(default)]
    pub account: Option<i64>,
    /// The tariff's name in the provider's list.
    pub tariff: String,
    /// The first month, as `2026-03`.
    pub from: String,
    /// Hours after the end of a month at which its bill is sent.
    pub after_hours: u32,
    /// Whether what each register took is sent too.
    #[serde(default)]
    pub totals: bool,
}

/// Bills on their way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Submissions {
    /// Oldest first.
    pub submissions: Vec<SubmissionInfo>,
    /// Standing submissions.
    pub standing: Vec<StandingInfo>,
}

/// A bill on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SubmissionInfo {
    /// Digest of the bill, hex.
    pub bill: String,
    /// The account.
    pub account: i64,
    /// `waiting`, `accepted` or `refused`.
    pub state: String,
    /// When it is sent next, Unix seconds.
    pub due_at: i64,
    /// How often it was sent.
    pub attempts: u32,
    /// What was said last.
    pub message: Option<String>,
    /// Whether the provider's signed receipt is stored.
    pub receipt: bool,
}

/// A standing submission.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StandingInfo {
    /// Its number.
    pub standing: i64,
    /// The account.
    pub account: i64,
    /// The tariff's name in the provider's list.
    pub tariff: String,
    /// Start of the next month to be billed, Unix seconds.
    pub next: u64,
    /// Why it is not sent yet.
    pub message: Option<String>,
    /// Whether it was ended.
    pub ended: bool,
}

/// Commands of providers to meters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Commands {
    /// By meter and number.
    pub commands: Vec<CommandInfo>,
}

/// A command of a provider to a meter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CommandInfo {
    /// The meter.
    pub meter: String,
    /// Its number.
    pub sequence: u64,
    /// What it orders.
    pub action: String,
    /// What the meter said; none while it has not.
    pub outcome: Option<String>,
    /// Whether the provider has the meter's receipt.
    pub delivered: bool,
}
