//! The bound for bills of which only the amount due leaves.
//!
//! A rounded amount due is one number, but prices can be chosen so that it tells one reading: a heavy slot among light
//! ones, a greatest load that looks at one slot only, thresholds that leave out all others. Whatever a tariff makes of its
//! quantities, it sees readings only through weights; so every set of weights that it holds goes into one span, and no set
//! of fewer than m slots may lie in it (rule 1 of this module). A tariff that would be harmless because it does not
//! combine what it measures is refused with the others: the bound looks at what could be combined.

use super::{Hostile, MAX_READING, Slots, TYPICAL_HALF_HOUR, check_leverage, coordinates};
use crate::bill::{BillError, Weights, weights};
use crate::tariff::{Measure, Quantity, Schedule, Tariff};
use crate::time::Span;

/// Why a proved bill is not made under a tariff.
#[derive(Debug, thiserror::Error)]
pub enum HostileProof {
    /// It would reveal too much.
    #[error(transparent)]
    Hostile(#[from] Hostile),
    /// The tariff cannot bill the period.
    #[error(transparent)]
    Period(#[from] BillError),
}

/// Checks everything through which a tariff sees readings. `registers` are the tariff's, in its order.
///
/// # Errors
/// When a few slots stand out, or the tariff cannot bill the period.
pub fn check_proved(tariff: &Tariff, period: &Span, registers: &[Slots]) -> Result<(), HostileProof> {
    let intervals: Vec<u64> = registers.iter().map(|slots| slots.interval).collect();
    let mut seen = weights(tariff, period, &intervals)?;
    for quantity in tariff.quantities() {
        let register = usize::from(quantity.register);
        let Some(slots) = registers.get(register) else { return Err(BillError::NotOnGrid.into()) };
        let rows = views(quantity, period, slots.interval)?;
        seen.extend(rows.into_iter().map(|(prices, fallback)| Weights { register, prices, fallback }));
    }
    for (register, slots) in registers.iter().enumerate() {
        let rows: Vec<Vec<i64>> =
            seen.iter().filter(|row| row.register == register).map(|row| coordinates(row, slots)).collect();
        check_leverage(&rows, period, slots.interval)?;
    }
    Ok(())
}

/// The weights with which a quantity sees slots and residual.
fn views(quantity: &Quantity, period: &Span, interval: u64) -> Result<Vec<(Vec<i64>, i64)>, BillError> {
    let count = crate::bill::slots_in(period, interval.max(1))?;
    let of = |schedule: &Schedule| -> Result<Vec<i64>, BillError> { Ok(schedule.slots(period.from, interval, count)?) };
    Ok(match &quantity.measure {
        Measure::Sum { weights, fallback } => vec![(of(weights)?, *fallback)],
        Measure::Greatest { weights, .. } => vec![(of(weights)?, 0)],
        Measure::Beyond { counts, weights, .. } => {
            let counts = of(counts)?;
            // What does not count takes nothing.
            let takes = of(weights)?.iter().zip(&counts).map(|(weight, counts)| weight * counts).collect();
            vec![(takes, 0), (counts, 0)]
        }
        Measure::Over { thresholds, linear, square, count } => {
            let thresholds = of(thresholds)?;
            let typical = i64::try_from(TYPICAL_HALF_HOUR * interval / 1800).unwrap_or(i64::MAX);
            let low = thresholds.iter().min().map_or(0, |least| least.saturating_mul(2)).max(4 * typical);
            let most = i64::try_from(MAX_READING).unwrap_or(i64::MAX);
            // A slot whose threshold no reading reaches is not seen; one whose threshold is far above others', hardly.
            let mut rows = Vec::new();
            for weights in [Some(linear), square.as_ref(), count.as_ref()].into_iter().flatten() {
                let weights = of(weights)?;
                for reach in [most, low] {
                    let seen = weights.iter().zip(&thresholds).map(|(w, at)| if *at > reach { 0 } else { *w });
                    rows.push((seen.collect(), 0));
                }
            }
            rows
        }
    })
}

#[cfg(test)]
mod tests;
