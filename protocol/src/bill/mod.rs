//! The bill relation in plain integers: what a bill says, whoever proves it and however.
//!
//! ```text
//! weights(tariff, period) ─► energy(weights, readings) ─► settle(tariff, period, energy sums) ─► fee
//! ```
//!
//! The household runs all three steps. A verifier runs the first and the last; the middle one it checks against
//! the commitments (`linear`). Eccles and Halak (2017), §II.C; Rial and Danezis (2010), §4 "linear policies".

pub mod bounded;
mod days;
pub mod measure;
pub mod package;
pub mod proved;
pub mod settle;
pub mod statement;

use metrology::label::Interval;

use crate::money::OutOfRange;
use crate::tariff::{PriceError, Tariff};
use crate::time::Span;

pub(crate) use days::share;
pub use measure::{Measured, measure};
pub use package::{Chain, ChainBlock, Package};
pub use settle::{Settled, SettledLine, Settlement, settle, settle_with, to_minor};
pub use statement::{Metered, Segment, Statement};

/// Most slots of one register in one bill: a year of quarter-hours and more.
pub const MAX_SLOTS: u64 = 1 << 16;

/// Why a period cannot be billed under a tariff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BillError {
    /// The period is empty or the wrong way round.
    #[error("the billing period is empty; its end must come after its start")]
    EmptyPeriod,
    /// More slots than a bill may have.
    #[error("the billing period is too long for one bill")]
    TooLong,
    /// The tariff does not apply throughout.
    #[error("the tariff is not valid for the whole period")]
    OutsideValidity,
    /// Start or end lies within a metering interval.
    #[error("the period must start and end on a metering interval of the meter")]
    NotOnGrid,
    /// Start or end lies within a local day, but the tariff charges by days.
    #[error("the tariff charges by days, so the period must start and end at local midnight")]
    NotLocalDays,
    /// A load is measured over another time than the meter's.
    #[error("this tariff charges for loads over another interval than the meter's")]
    OtherWindow,
    /// The tariff has quantities, forms or cells, and the proof at hand is of sums alone.
    #[error("this tariff has more than prices, standing amounts and taxes, which this kind of bill cannot show")]
    NotLinear,
    /// A slot has no one price.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// Numbers beyond exact computation.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

/// The public weights of one energy line over a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// Place of the register in the tariff.
    pub register: usize,
    /// Price of each slot, 10⁻⁹ currency units per unit.
    pub prices: Vec<i64>,
    /// Price of residuals.
    pub fallback: i64,
}

impl Weights {
    /// The greatest common divisor of all weights, at least 1.
    ///
    /// Every honest sum is a multiple of it, and the proof runs on the quotients: smaller numbers, faster sums.
    #[must_use]
    pub fn divisor(&self) -> u64 {
        self.prices.iter().chain([&self.fallback]).fold(0, |g, w| gcd(g, w.unsigned_abs())).max(1)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The number of slots of a period at an interval in seconds.
///
/// # Errors
/// When the period is empty, too long, or not on the grid.
pub fn slots_in(period: &Span, interval: u64) -> Result<usize, BillError> {
    if period.from >= period.until {
        return Err(BillError::EmptyPeriod);
    }
    if !period.from.is_multiple_of(interval) || !period.until.is_multiple_of(interval) {
        return Err(BillError::NotOnGrid);
    }
    let count = period.seconds() / interval;
    if count > MAX_SLOTS {
        return Err(BillError::TooLong);
    }
    usize::try_from(count).map_err(|_| BillError::TooLong)
}

/// Whether a tariff can bill a period at all, whatever the meters: not empty, not too long, within the validity, and
/// of whole local days when the tariff charges by days.
///
/// # Errors
/// The first of these that does not hold.
pub fn check_period(tariff: &Tariff, period: &Span) -> Result<(), BillError> {
    if period.from >= period.until {
        return Err(BillError::EmptyPeriod);
    }
    if period.seconds() > MAX_SLOTS * Interval::HOUR.seconds() {
        return Err(BillError::TooLong);
    }
    if !tariff.valid.contains(period) {
        return Err(BillError::OutsideValidity);
    }
    if tariff.counts_days() && tariff.zone.days(period).is_none() {
        return Err(BillError::NotLocalDays);
    }
    Ok(())
}

/// Whether a bill of sums alone can show what a tariff charges. Sums of the energy lines say nothing about greatest
/// loads, running totals or cells, so a bill that shows no more must not claim to follow such a tariff.
///
/// # Errors
/// When it is of version 2.
pub fn check_linear(tariff: &Tariff) -> Result<(), BillError> {
    if tariff.is_linear() { Ok(()) } else { Err(BillError::NotLinear) }
}

/// The weights of every energy line, in the tariff's order. `intervals` are the slot lengths of the tariff's
/// registers in seconds.
///
/// # Errors
/// When the tariff cannot bill this period.
pub fn weights(tariff: &Tariff, period: &Span, intervals: &[u64]) -> Result<Vec<Weights>, BillError> {
    check_period(tariff, period)?;
    tariff
        .energy_lines()
        .map(|(_, line)| {
            let interval = intervals.get(line.register).copied().filter(|i| *i > 0).ok_or(BillError::NotOnGrid)?;
            let count = slots_in(period, interval)?;
            let prices = line.schedule.slots(period.from, interval, count)?;
            Ok(Weights { register: line.register, prices, fallback: line.fallback })
        })
        .collect()
}

/// The weights of the certified extra: every unit of every register counts one, unmeasured ones too.
///
/// # Errors
/// When the period does not fit an interval.
pub fn total_weights(period: &Span, intervals: &[u64]) -> Result<Vec<Weights>, BillError> {
    let weights = |(register, interval): (usize, &u64)| {
        let count = slots_in(period, (*interval).max(1))?;
        Ok(Weights { register, prices: vec![1; count], fallback: 1 })
    };
    intervals.iter().enumerate().map(weights).collect()
}

/// What an energy line comes to, in 10⁻⁹ currency units: Σ price · reading + fallback · Σ residuals.
#[must_use]
pub fn energy(weights: &Weights, readings: &[u16], residuals: &[u32]) -> i128 {
    let slots: i128 = weights.prices.iter().zip(readings).map(|(p, x)| i128::from(*p) * i128::from(*x)).sum();
    let rest: i128 = residuals.iter().map(|x| i128::from(*x)).sum();
    slots + i128::from(weights.fallback) * rest
}
