//! The inference ledger: what all recipients together could learn from all that was released, and whether more may be.
//!
//! ```text
//! tariff, period, statuses ─► Release (rows, bits) ─► Lane::consider ─► Fits ─► book
//!                                                          └─► Reveals: refused, with the reason
//! ```
//!
//! A release is a set of weights, for a tariff is one, and weights can be chosen to decode readings: superincreasing prices
//! give back every slot of a day from one exact sum; one heavy slot among light ones gives that slot even from a rounded
//! sum; two sums over sets that differ in one slot give that slot; and twenty harmless ones together, a whole quiet day, by
//! lattice reduction. Nothing here looks at a reading, so a refusal tells nothing. Three rules, for each register:
//!
//! 1. **Leverage.** Q is an orthonormal basis of all released weight vectors, whoever received them. ‖Qᵢ‖² ≤ 1/m for every
//!    slot i, so that no combination of answers is about fewer than m slots (a vector in the span that is zero outside a set
//!    S has ‖v‖² ≤ Σ_S ‖Qᵢ‖²·‖v‖²). A vector within 2⁻²⁰ of the span lies in it exactly, or is refused.
//! 2. **Bits.** In every local day, week and month V a release costs as many bits as the number that leaves has values when
//!    the readings of V change and nothing else does; together at most ¼·log₂(1 + x_typ) a slot.
//! 3. **Sets.** Where a maximum, a count or tiers are asked, no intersection of the sets of slots is smaller than m.
//!
//! What is public about a household counts as known: statuses, and what a tariff is.
#![allow(clippy::float_arithmetic, clippy::cast_precision_loss, clippy::cast_possible_truncation)] // geometry, no money or energy

mod atoms;
mod basis;
mod exact;
mod field;
mod lane;
mod release;
mod row;
#[cfg(test)]
mod tests;
mod vector;
mod window;

pub use lane::{Fits, Lane, Record};
pub use release::{Kind, Output, Release, linear, proved};
pub use row::{Row, Slots};
pub use window::{Bits, Window};

/// m: the smallest set of slots whose sum may be learnt.
pub const MIN_SLOTS: u32 = 8;
/// x_max: the largest reading.
pub const MAX_READING: u64 = 65_535;
/// x_typ: a household's typical use in half an hour, in the register's unit; in proportion for other intervals.
pub const TYPICAL_HALF_HOUR: u64 = 250;
/// The budget of a few slots is never below one rounded bill of this many bits.
pub const FLOOR_BITS: f64 = 24.0;
/// For a whole day it is never below one 64-bit sum, so that hourly prices and a grid fee can be billed together.
pub const DAY_FLOOR_BITS: f64 = 64.0;
/// What answers other than bills leave in each window, so that the supplier's rounded bill always has its place.
pub const RESERVED_BITS: f64 = 24.0;

/// Whether a release may leave when nothing left before; `registers` are those of its lists.
///
/// # Errors
/// The first rule that it would break.
pub fn alone(release: &[Vec<Output>], registers: &[Slots]) -> Result<(), Reveals> {
    for (outputs, slots) in release.iter().zip(registers) {
        Lane::new(slots.interval).consider(outputs, true)?;
    }
    Ok(())
}

/// Why a release would reveal too much.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Reveals {
    /// A few slots could be singled out.
    #[error(
        "from this answer, with those that left before, somebody could work out what a few metering intervals around Unix \
         time {at} took; nothing was computed"
    )]
    Few {
        /// Start of a slot that would stand out.
        at: u64,
    },
    /// A window's budget would be overdrawn.
    #[error(
        "this answer could carry {bits:.1} bits about {window}, of which {spent:.1} of {budget:.1} are spent; nothing was \
         computed"
    )]
    Bits {
        /// The window.
        window: Window,
        /// What this release costs.
        bits: f64,
        /// What was spent before.
        spent: f64,
        /// What is allowed.
        budget: f64,
    },
    /// Answers about a few slots alone are so fine that they could carry the readings.
    #[error(
        "answers about {slots} metering intervals from Unix time {at} on could carry {bits:.1} bits, of {budget:.1} \
         allowed for so few; nothing was computed"
    )]
    Fine {
        /// Start of the first.
        at: u64,
        /// How many.
        slots: usize,
        /// What all that was said of them could carry.
        bits: f64,
        /// What is allowed.
        budget: f64,
    },
}
