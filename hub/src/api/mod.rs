//! The typed API: what may be asked of a running gateway, what it answers, and what it tells unasked.
//!
//! ```text
//! command line ─┐
//! window        ├─► Request ─► Gateway::answer ─► Answer        (one place; nothing is done twice for a host)
//! page          ┘            Event ◄─ the running gateway
//! ```
//!
//! Every type here is plain data: it serialises to JSON that stays readable for older and newer programs (unknown fields
//! are ignored, new ones have defaults). Times are Unix seconds unless a field says that it is text; energy and money
//! are integers. Readings occur in [`Readings`] and [`Now`] alone; keys and codes only where a person hands them in.

mod account;
mod bill;
mod circuit;
mod event;
mod ledger;
mod line;
mod publish;
mod reading;
pub mod serve;
pub mod socket;
mod status;
pub mod text;
mod text_account;
mod text_bill;
mod text_circuit;
mod text_ledger;
mod text_line;
mod text_publish;

pub use account::{
    AccountAdd, AccountInfo, Accounts, CommandInfo, Commands, StandingAdd, StandingInfo, SubmissionInfo, Submissions,
    TariffInfo, Tariffs,
};
pub use bill::{
    BandInfo, BillAsk, BillInfo, BillMade, BillSaved, Bills, LineInfo, PeriodText, ProviderInfo, QuantityInfo,
};
pub use circuit::{CircuitAdd, CircuitInfo, Circuits, ProofKind};
pub use event::Event;
pub use ledger::{Budgets, Explained, RegisterBudget, ReleaseInfo, Releases, WindowInfo};
pub use line::{LineAdd, LineInfo as Line, LineState, Lines, Now, NowMeter, NowRegister, PairAsk, Paired, PlainMeter};
pub use publish::{PublicationInfo, Publications, PublishAdd, PublishState, TopicInfo, UnknownWhat, What};
pub use reading::{Imported, ReadingRow, Readings, RefusedFile, RegisterReadings};
pub use status::{GapInfo, MeterInfo, NoteInfo, RegisterInfo, Status};

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Version of the API; a host that speaks another says so instead of guessing.
pub const VERSION: u32 = 1;

/// What may be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Meters, registers, gaps, what was refused.
    Status,
    /// Stored readings.
    Readings(ReadingsAsk),
    /// Verify and store block files below a directory.
    Import {
        /// The directory, absolute.
        directory: std::path::PathBuf,
    },
    /// Pair by a pairing file.
    PairFile {
        /// The file, absolute.
        file: std::path::PathBuf,
    },
    /// Compute a bill and prove it.
    Bill(BillAsk),
    /// Bills that were made.
    Bills,
    /// Write a bill's file again, exactly as it left or would leave.
    SaveBill {
        /// Digest of the bill, hex, or its first digits.
        bill: String,
        /// Where it is written, an absolute path.
        out: std::path::PathBuf,
    },
    /// What left this home.
    Releases {
        /// At most so many, the newest.
        limit: u32,
    },
    /// What more may leave, by day, week and month.
    Budgets,
    /// What a bill would tell, and whether it may leave; nothing is computed, and nothing is written.
    Explain(BillAsk),
    /// Circuits that bills can be proved with.
    Circuits,
    /// Check proving parameters and keep them: a minute or more.
    AddCircuit(CircuitAdd),
    /// Fetch and check the parameters of the circuits that a provider takes bills by.
    FetchCircuits {
        /// The account; needed when there are several.
        account: Option<i64>,
        /// Only these, by name; all that the provider takes bills by when empty.
        #[serde(default)]
        names: Vec<String>,
    },
    /// Make parameters on this machine, for trying out.
    MakeCircuit {
        /// The circuit's name.
        name: String,
    },
    /// Forget a circuit and remove its parameters.
    RemoveCircuit {
        /// Its name, or the first digits of its parameters' hash.
        circuit: String,
    },
    /// Lines to meters.
    Lines,
    /// Add a line, or change its sign-in.
    AddLine(LineAdd),
    /// Forget a line.
    RemoveLine {
        /// Its number.
        line: i64,
    },
    /// Pair with the meter on a line, by the code on its display.
    Pair(PairAsk),
    /// What the meters show at this moment.
    Now,
    /// Brokers that current readings are published to, and exactly what.
    Publications,
    /// Publish to a broker, or change what is published there.
    AddPublication(PublishAdd),
    /// Stop publishing to a broker, and take back what it keeps.
    RemovePublication {
        /// Its number.
        publication: i64,
        /// Leave at the broker what it keeps.
        #[serde(default)]
        forget: bool,
    },
    /// Accounts with providers.
    Accounts,
    /// Enrol with a provider.
    AddAccount(AccountAdd),
    /// Give the provider a new key for this home and use it from then on.
    RotateKey {
        /// The account.
        account: i64,
    },
    /// Forget an account that never enrolled.
    RemoveAccount {
        /// The account.
        account: i64,
    },
    /// Tariffs that a provider publishes.
    Tariffs {
        /// The account; needed when there are several.
        account: Option<i64>,
    },
    /// Send a bill now, or at its scheduled time when the provider cannot be reached.
    Submit {
        /// Digest of the bill, hex, or its first digits.
        bill: String,
        /// The account; needed when there are several.
        account: Option<i64>,
    },
    /// Bills on their way, and standing submissions.
    Submissions,
    /// Make and send a bill every month.
    AddStanding(StandingAdd),
    /// Stop doing so.
    EndStanding {
        /// Its number.
        standing: i64,
    },
    /// Commands of providers to meters.
    Commands,
    /// Write everything that is held in memory to the store.
    Flush,
    /// Stop the running gateway.
    Stop,
    /// Events from now on.
    Watch,
}

impl Request {
    /// What it is called on the command line.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Readings(_) => "readings",
            Self::Import { .. } => "import",
            Self::PairFile { .. } | Self::Pair(_) => "pair",
            Self::Bill(_) => "bill",
            Self::Bills => "bills",
            Self::SaveBill { .. } => "bills save",
            Self::Releases { .. } => "ledger history",
            Self::Budgets => "ledger budget",
            Self::Explain(_) => "ledger explain",
            Self::Circuits => "circuits",
            Self::AddCircuit(_) => "circuits add",
            Self::FetchCircuits { .. } => "circuits fetch",
            Self::MakeCircuit { .. } => "circuits make",
            Self::RemoveCircuit { .. } => "circuits remove",
            Self::Lines => "line list",
            Self::AddLine(_) => "line add",
            Self::RemoveLine { .. } => "line remove",
            Self::Now => "now",
            Self::Publications => "publish list",
            Self::AddPublication(_) => "publish add",
            Self::RemovePublication { .. } => "publish remove",
            Self::Accounts => "account list",
            Self::AddAccount(_) => "account add",
            Self::RemoveAccount { .. } => "account remove",
            Self::RotateKey { .. } => "account rotate-key",
            Self::Tariffs { .. } => "account tariffs",
            Self::Submit { .. } => "submit",
            Self::Submissions => "submissions",
            Self::AddStanding(_) => "standing add",
            Self::EndStanding { .. } => "standing end",
            Self::Commands => "commands",
            Self::Flush => "flush",
            Self::Stop => "stop",
            Self::Watch => "watch",
        }
    }

    /// Whether its answer takes so long that people want to see how far it is.
    #[must_use]
    pub fn is_long(&self) -> bool {
        matches!(self, Self::Bill(_) | Self::AddCircuit(_) | Self::FetchCircuits { .. } | Self::MakeCircuit { .. })
    }

    /// How long an honest answer may take: what computes or reads much, what talks to others, and the rest, which may have
    /// to wait for the store.
    #[must_use]
    pub fn patience(&self) -> Duration {
        Duration::from_secs(match self {
            Self::Import { .. } => 6 * 3600,
            Self::Readings(_) | Self::Bill(_) => 3600,
            Self::AddCircuit(_) | Self::FetchCircuits { .. } | Self::MakeCircuit { .. } => 3600,
            Self::AddAccount(_) | Self::RotateKey { .. } | Self::Tariffs { .. } => 900,
            Self::Submit { .. } | Self::AddStanding(_) | Self::Pair(_) => 900,
            _ => 60,
        })
    }
}

/// Which readings.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadingsAsk {
    /// Start: RFC 3339, or a date in the zone.
    pub from: String,
    /// End, not included.
    pub to: String,
    /// Zone of bare dates and of the times shown.
    pub zone: String,
    /// Only this register.
    #[serde(default)]
    pub register: Option<String>,
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// To [`Request::Status`].
    Status(Status),
    /// To [`Request::Readings`].
    Readings(Readings),
    /// To [`Request::Import`].
    Imported(Imported),
    /// To [`Request::PairFile`] and [`Request::Pair`].
    Paired(Paired),
    /// To [`Request::Bill`].
    BillMade(Box<BillMade>),
    /// To [`Request::Bills`].
    Bills(Bills),
    /// To [`Request::SaveBill`].
    BillSaved(BillSaved),
    /// To [`Request::Releases`].
    Releases(Releases),
    /// To [`Request::Budgets`].
    Budgets(Budgets),
    /// To [`Request::Explain`].
    Explained(Explained),
    /// To [`Request::Circuits`], and to what changes them.
    Circuits(Circuits),
    /// To [`Request::Lines`], and to what changes them.
    Lines(Lines),
    /// To [`Request::Now`].
    Now(Now),
    /// To [`Request::Publications`], and to what changes them.
    Publications(Publications),
    /// To [`Request::Accounts`], and to what changes them.
    Accounts(Accounts),
    /// To [`Request::Tariffs`].
    Tariffs(Tariffs),
    /// To [`Request::Submit`], [`Request::Submissions`], and to what changes them.
    Submissions(Submissions),
    /// To [`Request::Commands`].
    Commands(Commands),
    /// To what has nothing to say but that it is done.
    Done,
}

impl Answer {
    /// Whether part of what was asked was refused: exit code 1, although something was done.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Imported(imported) if !imported.refused.is_empty())
    }
}
