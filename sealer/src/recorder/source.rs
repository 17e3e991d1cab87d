//! Where what passes comes from, and who sees what is sealed of it.

use std::fmt::Debug;

use metrology::label::{Interval, RegisterCode, Status};

use crate::meter::{Block, SealingMeter};
use crate::record::Advance;

/// What passes through the registers, as a function of time. Times are Unix seconds of the world outside; amounts are
/// 10⁻⁴ units. A register's `series` is its place in [`Setup::intakes`](super::Setup::intakes).
pub trait Source: Debug + Send + Sync {
    /// The slots that are sealed.
    fn interval(&self) -> Interval;

    /// First second that it knows.
    fn from(&self) -> u64;

    /// First second that it will never know; the end of time where it goes on.
    fn until(&self) -> u64;

    /// What passes through a series' register between two moments.
    fn passed(&self, series: usize, from: u64, until: u64) -> u64;

    /// How that is known, when the meter ran all the while: [`Status::Missing`] when it is not.
    fn status(&self, series: usize, from: u64, until: u64) -> Status;

    /// Power at a moment, import less export in 10⁻⁴ W; none where it is not known. `ways` are the series of the registers
    /// that count one of the two: 1 goes with import, -1 with export.
    fn power(&self, ways: &[(usize, i64)], at: u64) -> Option<i64>;

    /// What the meter's clock shows while its registers stand at a moment: the same, unless they are known later than they
    /// pass.
    fn clock(&self, at: u64) -> u64 {
        at
    }

    /// How a series' register begins that has recorded nothing yet, with the slot that begins at a moment.
    fn begins(&self, _series: usize, _at: u64) -> Begins {
        Begins::AsSetUp
    }

    /// What a series' register shows now that stands at a total, or has recorded nothing yet; none where that is not known.
    fn shown(&self, _series: usize, total: u64, _has_begun: bool) -> Option<u64> {
        Some(total)
    }
}

/// How a register begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    /// At what it was set up with.
    AsSetUp,
    /// At what it showed then, in 10⁻⁴ units.
    At(u64),
    /// Not with this slot: nothing is known of it yet.
    Later,
}

impl Debug for Begins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AsSetUp => "AsSetUp",
            Self::At(_) => "At(…)",
            Self::Later => "Later",
        })
    }
}

/// Sees every slot before it is sealed and every block after, and may hand out another block in place of one: a meter that
/// lies, in tests of those who must notice.
pub trait Witness: Debug + Send {
    /// A slot is about to be recorded.
    fn slot(&mut self, meter: &SealingMeter, slot: u64, advance: &Advance);

    /// A block was sealed.
    fn block(&mut self, meter: &SealingMeter, block: &Block);

    /// What is handed out besides the block of this number.
    fn another(&self, code: &RegisterCode, number: u64) -> Option<&Vec<u8>>;
}
