//! What a line turned out to be, and in words for people. No word holds anything that a meter measured.

use std::fmt;

use super::Heard;
use crate::plain::Protocol;
use crate::profile::Wire;

/// After so many telegrams that the line changed no good one will come soon.
pub(super) const DAMAGED: u64 = 3;

/// What was heard at one setting, or on a port when all were tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing at all.
    Silent,
    /// Bytes that are nothing known.
    Noise {
        /// How many.
        bytes: u64,
    },
    /// Text of seven bits with a parity bit, in no known protocol.
    SevenBits {
        /// How the line is set.
        wire: Wire,
    },
    /// Telegrams of a known protocol, each changed on the line.
    Damaged {
        /// Which.
        protocol: Protocol,
        /// How the line is set.
        wire: Wire,
        /// How many.
        count: u64,
    },
    /// Telegrams that no key here opens.
    Encrypted {
        /// In which protocol.
        protocol: Protocol,
        /// How the line is set.
        wire: Wire,
        /// A key was given, and does not fit.
        wrong_key: bool,
    },
    /// A meter: what each protocol made of it, one at least, as a telegram may be read by two. See [`super::best`].
    Found(Vec<Heard>),
}

impl Verdict {
    /// A short name that stays the same, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Noise { .. } => "noise",
            Self::SevenBits { .. } => "seven-bits",
            Self::Damaged { .. } => "damaged",
            Self::Encrypted { wrong_key: false, .. } => "encrypted",
            Self::Encrypted { wrong_key: true, .. } => "wrong-key",
            Self::Found(_) => "found",
        }
    }

    /// How much it says, more greater.
    const fn weight(&self) -> u8 {
        match self {
            Self::Silent => 0,
            Self::Noise { .. } => 1,
            Self::SevenBits { .. } => 2,
            Self::Damaged { .. } => 3,
            Self::Encrypted { .. } => 4,
            Self::Found(_) => 5,
        }
    }

    /// Whether other settings of the port need not be tried.
    #[must_use]
    pub const fn settles(&self) -> bool {
        match self {
            Self::Found(_) | Self::Encrypted { .. } => true,
            // What another setting makes of a line repeats with each telegram, and may look like frames of another protocol.
            Self::Damaged { .. } | Self::Silent | Self::Noise { .. } | Self::SevenBits { .. } => false,
        }
    }
}

/// What a port turned out to be, of what was heard at each setting: that which says most.
#[must_use]
pub fn conclude(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
    let mut best = Verdict::Silent;
    for verdict in verdicts {
        if verdict.weight() > best.weight() {
            best = verdict;
        }
    }
    best
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str(
                "nothing was heard. Look whether the cable sits on both ends and is one for this port; a P1 cable must ask \
                 for data (pin 2); many customer ports are closed until the grid operator opens them; a reading head must \
                 sit right on the diode",
            ),
            Self::Noise { bytes } => write!(
                f,
                "{bytes} bytes came, and they are nothing known at any speed. The signal may be upside down (an older P1 port \
                 needs an inverter), wired M-Bus on a cable without an adapter, cut off by a reading head that sits askew, or \
                 of something that is no meter"
            ),
            Self::SevenBits { wire } => write!(
                f,
                "text came with a parity bit in it: the line is set to {wire}, and a port set to eight bits without parity \
                 takes the top bit for a part of each letter. Nothing known was said yet; listen longer with --seconds"
            ),
            Self::Damaged { protocol, count, .. } => write!(
                f,
                "a meter that speaks {protocol} was heard, and each of its {count} telegrams was changed on the line: shorten \
                 or replace the cable, or turn the reading head until it sits right"
            ),
            Self::Encrypted { protocol, wrong_key: false, .. } => write!(
                f,
                "a meter that speaks {protocol} was heard, and it encrypts. Ask the grid operator for the meter's key (often \
                 in its portal), then try again with --meter-key-file"
            ),
            Self::Encrypted { protocol, wrong_key: true, .. } => write!(
                f,
                "a meter that speaks {protocol} was heard, and the key that was given does not open it: compare it with what \
                 the grid operator sent, also which of two keys it is, and whether it is for this meter"
            ),
            Self::Found(heard) => {
                let protocols: Vec<_> = heard.iter().map(|heard| heard.protocol.name()).collect();
                write!(f, "a meter that speaks {} was heard", protocols.join(" or "))
            }
        }
    }
}
