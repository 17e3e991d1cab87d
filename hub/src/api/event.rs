//! What a running gateway tells unasked.

use serde::{Deserialize, Serialize};

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
    /// How far a long piece of work is.
    Progress {
        /// What is being done.
        what: String,
        /// Of a hundred.
        percent: u8,
    },
    /// Events were missed because the listener was slow.
    Missed {
        /// How many.
        count: u64,
    },
}
