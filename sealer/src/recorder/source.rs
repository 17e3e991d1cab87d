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

    /// Power of a series at a moment, in 10⁻⁴ units an hour; none where it is not known.
    fn rate(&self, series: usize, at: u64) -> Option<u64>;

    /// What the meter's clock shows while its registers stand at a moment: the same, unless they are known later than they
    /// pass.
    fn clock(&self, at: u64) -> u64 {
        at
    }

    /// What a series' register showed at a moment, for one that begins there; none where it begins at what it was set up
    /// with.
    fn start(&self, _series: usize, _at: u64) -> Option<u64> {
        None
    }

    /// What has passed through a series' register since the moment at which it stands.
    fn since(&self, _series: usize) -> u64 {
        0
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
