//! What a running meter tells its operator: one line each, for people or as JSON. No reading stands in any of them.

use std::fmt;

use metrology::label::RegisterCode;
use serde::{Serialize, Serializer};

use crate::time::{date_of, show};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The meter is there.
    Meter {
        /// Its name.
        meter: String,
        /// Fingerprint of its identity key.
        fingerprint: String,
        /// The identity key.
        identity_key: String,
        /// How often it has been paired.
        pairing: u32,
        /// The world's time.
        #[serde(serialize_with = "moment")]
        at: u64,
    },
    /// A line is open.
    Listening {
        /// `serial`, `tcp` or `mqtt`.
        transport: &'static str,
        /// Path, address or URL.
        address: String,
    },
    /// A line could not be used for now.
    Line {
        /// `serial`, `tcp` or `mqtt`.
        transport: &'static str,
        /// Whether somebody can be there.
        up: bool,
        /// What happened.
        message: String,
    },
    /// The button was pressed.
    PairingCode {
        /// The code on the display. It is secret until it is used.
        code: String,
        /// Real seconds until it expires.
        expires_in: u64,
    },
    /// The code expired or was refused too often.
    PairingEnded {
        /// Why.
        reason: &'static str,
    },
    /// A household is paired.
    Paired {
        /// How often the meter has been paired.
        pairing: u32,
        /// Fingerprint of the household.
        household: String,
    },
    /// A block is durable and on offer.
    Sealed {
        /// The register.
        #[serde(serialize_with = "code")]
        register: RegisterCode,
        /// Number of the block.
        block: u64,
        /// UTC day.
        day: String,
    },
    /// The meter did not do what the line asked.
    Refused {
        /// What was asked.
        request: &'static str,
        /// Why not.
        reason: String,
    },
    /// A command was answered.
    Command {
        /// What.
        action: &'static str,
        /// Number of the command.
        sequence: u64,
        /// What became of it.
        outcome: &'static str,
    },
    /// The switch opened or closed.
    Supply {
        /// Whether it is closed.
        closed: bool,
        /// Why.
        reason: &'static str,
    },
    /// A fault was switched on or off, or did something.
    Fault {
        /// Its name.
        kind: String,
        /// Whether it is on.
        on: bool,
    },
    /// The power was cut and is back.
    PowerCut {
        /// World time at which the meter was last known to run.
        #[serde(serialize_with = "moment")]
        from: u64,
        /// World time at which it runs again.
        #[serde(serialize_with = "moment")]
        until: u64,
    },
    /// The memory is full or has space again.
    Memory {
        /// Whether blocks can be stored.
        full: bool,
        /// Blocks that wait.
        waiting: usize,
    },
    /// The clock was set.
    Clock {
        /// By how many seconds.
        step: i64,
        /// What it shows.
        #[serde(serialize_with = "moment")]
        clock: u64,
        /// The epoch it is in.
        epoch: u32,
    },
    /// Everything until here was sealed at once.
    CaughtUp {
        /// The world's time.
        #[serde(serialize_with = "moment")]
        at: u64,
    },
    /// Nothing passes any more; the meter goes on answering.
    LoadEnded {
        /// The world's time.
        #[serde(serialize_with = "moment")]
        at: u64,
    },
    /// How things are.
    Status {
        /// The world's time.
        #[serde(serialize_with = "moment")]
        at: u64,
        /// The meter's clock.
        #[serde(serialize_with = "moment")]
        clock: u64,
        /// Number of the epoch.
        epoch: u32,
        /// How often the meter has been paired.
        pairing: u32,
        /// Whether it waits for a pairing.
        pairing_open: bool,
        /// Blocks on offer.
        blocks: usize,
        /// Blocks that wait for memory.
        waiting: usize,
        /// Whether the switch is closed.
        supply: bool,
        /// What faults on the line have done.
        line_faults: u64,
    },
    /// A plain meter begins to speak.
    Plays {
        /// Its number.
        meter: String,
        /// What it speaks.
        protocol: &'static str,
        /// In which dialect.
        dialect: &'static str,
        /// Key that its signed records are checked with, when it signs.
        public_key: Option<String>,
        /// The world's time.
        #[serde(serialize_with = "moment")]
        at: u64,
    },
    /// A plain meter has said all.
    Played {
        /// Frames or publications that were sent.
        sent: u64,
        /// How many of them were damaged on purpose.
        damaged: u64,
        /// How many no line had room for.
        lost: u64,
        /// The world's time.
        #[serde(serialize_with = "moment")]
        at: u64,
    },
    /// A control command that is none.
    Unknown {
        /// What is possible.
        message: String,
    },
    /// The meter stops; all is durable.
    Stopped {
        /// The world's time.
        #[serde(serialize_with = "moment")]
        at: u64,
    },
}

fn moment<S: Serializer>(at: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&show(*at))
}

fn code<S: Serializer>(code: &RegisterCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.as_str())
}

impl Event {
    /// A block that is on offer.
    #[must_use]
    pub fn sealed(block: &crate::Block) -> Self {
        Self::Sealed { register: block.register, block: block.number, day: date_of(block.span.from).to_string() }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meter { meter, fingerprint, pairing, at, .. } => {
                write!(f, "Meter {meter}, fingerprint {fingerprint}, at {}", show(*at))?;
                if *pairing == 0 { write!(f, ", not paired yet") } else { write!(f, ", pairing {pairing}") }
            }
            Self::Listening { transport, address } => write!(f, "Listening on {transport} {address}"),
            Self::Line { transport, message, .. } => write!(f, "Line {transport}: {message}"),
            Self::PairingCode { code, expires_in } => {
                write!(f, "Pairing code {code} (for {} minutes)", expires_in / 60)
            }
            Self::PairingEnded { reason } => write!(f, "Pairing ended: {reason}"),
            Self::Paired { pairing, household } => write!(f, "Paired ({pairing}) with household {household}"),
            Self::Sealed { register, block, day } => write!(f, "Sealed block {block} of {register}, {day}"),
            Self::Refused { request, reason } => write!(f, "Refused {request}: {reason}"),
            Self::Command { action, sequence, outcome } => write!(f, "Command {sequence}, {action}: {outcome}"),
            Self::Supply { closed: true, reason } => write!(f, "Supply closed: {reason}"),
            Self::Supply { closed: false, reason } => write!(f, "Supply opened: {reason}"),
            Self::Fault { kind, on } => write!(f, "Fault {kind} is {}", if *on { "on" } else { "off" }),
            Self::PowerCut { from, until } => write!(f, "Power was out from {} to {}", show(*from), show(*until)),
            Self::Memory { full: true, waiting } => write!(f, "Memory is full; {waiting} blocks wait"),
            Self::Memory { full: false, .. } => write!(f, "Memory has space again"),
            Self::Clock { step, clock, epoch } => {
                write!(f, "Clock set by {step} s, shows {}, epoch {epoch}", show(*clock))
            }
            Self::CaughtUp { at } => write!(f, "Caught up to {}", show(*at)),
            Self::LoadEnded { at } => write!(f, "The readings end at {}; the meter goes on answering", show(*at)),
            Self::Status { at, clock, epoch, pairing, pairing_open, blocks, waiting, supply, line_faults } => write!(
                f,
                "At {}, clock {}, epoch {epoch}, pairing {pairing}{}, {blocks} blocks on offer, {waiting} waiting, supply \
                 {}, {line_faults} faults on the line",
                show(*at),
                show(*clock),
                if *pairing_open { " (open)" } else { "" },
                if *supply { "closed" } else { "open" },
            ),
            Self::Plays { meter, protocol, dialect, at, .. } => {
                write!(f, "Meter {meter} speaks {protocol} ({dialect}) from {}", show(*at))
            }
            Self::Played { sent, damaged, lost, at } => {
                write!(f, "Sent {sent} frames until {}: {damaged} damaged, {lost} lost", show(*at))
            }
            Self::Unknown { message } => f.write_str(message),
            Self::Stopped { at } => write!(f, "Stopped at {}", show(*at)),
        }
    }
}
