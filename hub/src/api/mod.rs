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
mod line;
mod reading;
pub mod socket;
mod status;
pub mod text;

pub use account::{
    AccountAdd, AccountInfo, Accounts, CommandInfo, Commands, StandingAdd, StandingInfo, SubmissionInfo, Submissions,
    TariffInfo, Tariffs,
};
pub use bill::{BandInfo, BillAsk, BillInfo, BillMade, BillSaved, Bills, LineInfo, PeriodText, ProviderInfo};
pub use line::{LineAdd, LineInfo as Line, LineState, Lines, Now, NowMeter, NowRegister, PairAsk, Paired};
pub use reading::{Imported, ReadingRow, Readings, RefusedFile, RegisterReadings};
pub use status::{GapInfo, MeterInfo, NoteInfo, RegisterInfo, Status};

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
    /// Accounts with providers.
    Accounts,
    /// Enrol with a provider.
    AddAccount(AccountAdd),
    /// Give the provider a new key for this home and use it from then on.
    RotateKey {
        /// The account.
        account: i64,
    },
    /// Tariffs that a provider publishes.
    Tariffs {
        /// The account.
        account: i64,
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
    /// To [`Request::Lines`], and to what changes them.
    Lines(Lines),
    /// To [`Request::Now`].
    Now(Now),
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

/// What a running gateway tells unasked. No event holds a reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A line is open.
    LineUp {
        /// The line.
        line: i64,
    },
    /// A line is closed; it is tried again.
    LineDown {
        /// The line.
        line: i64,
        /// Why.
        why: String,
    },
    /// A meter answers on a line.
    MeterFound {
        /// The line.
        line: i64,
        /// What is printed on it.
        meter: String,
        /// Whether this home is paired with it.
        paired: bool,
    },
    /// A pairing is complete.
    Paired {
        /// The meter.
        meter: String,
        /// Number of the pairing.
        pairing: u32,
    },
    /// Another household has been paired with a meter of this home.
    PairedElsewhere {
        /// The meter.
        meter: String,
    },
    /// Blocks were verified and are durable.
    Stored {
        /// The meter.
        meter: String,
        /// How many.
        blocks: u64,
    },
    /// Something that arrived was discarded.
    Refused {
        /// The meter.
        meter: String,
        /// Short stable name.
        code: String,
        /// Why.
        message: String,
    },
    /// A bill was made.
    BillMade {
        /// Its digest.
        digest: String,
    },
    /// A bill was sent and has an answer.
    Submitted {
        /// Its digest.
        digest: String,
        /// `accepted`, `refused`, or `waiting` when it could not be sent.
        state: String,
        /// What was said.
        message: String,
    },
    /// A provider's command was carried out or refused by a meter.
    Command {
        /// The meter.
        meter: String,
        /// Its number.
        sequence: u64,
        /// What became of it.
        outcome: String,
    },
    /// Something needs a person.
    Attention {
        /// Short stable name.
        code: String,
        /// What happened and what to do.
        message: String,
    },
    /// Events were missed because the listener was slow.
    Missed {
        /// How many.
        count: u64,
    },
}
