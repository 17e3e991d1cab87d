//! The bound on hostile tariffs: what one exact bill may reveal, whatever its prices.
//!
//! Prices are weights, and weights can be chosen to decode readings: superincreasing ones give back every slot of a
//! day from one exact sum, and one heavy slot among light ones gives that slot. Two rules, from docs/protocol.md
//! ("Inference ledger"), applied here to one bill; both look at public data alone, so a refusal reveals nothing.
//!
//! 1. Leverage: with Q an orthonormal basis of the bill's weight vectors, ‖Qᵢ‖² ≤ 1/m for every slot i, so that no
//!    set of fewer than m slots lies in their span. A slot without a measurement weighs the fallback
//!    price: its energy is in the residual.
//! 2. Bits: in every day an exact sum costs log₂(1 + Σ|wᵢ|·x_max/ρ) bits, ρ what all weights have in common;
//!    together at most ¼·log₂(1 + x_typ) a slot.
#![allow(clippy::float_arithmetic, clippy::cast_precision_loss)] // geometry of weights, no money or energy

mod geometry;
mod proved;

use std::ops::Range;

use metrology::label::DAY_SECONDS;

use crate::bill::Weights;
use crate::time::Span;
use geometry::Echelon;
pub use geometry::leverage;
pub use proved::{HostileProof, check_proved};

/// m: the smallest set of slots whose sum may be learnt.
pub const MIN_SLOTS: u32 = 8;
/// x_max: the largest reading.
pub const MAX_READING: u64 = 65_535;
/// x_typ: a household's typical use in half an hour, in the register's unit; in proportion for other intervals.
pub const TYPICAL_HALF_HOUR: u64 = 250;
/// A budget is never below one rounded bill of this many bits.
pub const FLOOR_BITS: f64 = 24.0;
/// For a whole day it is never below one 64-bit sum, so that hourly prices and a grid fee can be billed together.
pub const DAY_FLOOR_BITS: f64 = 64.0;

/// Why a bill would reveal too much.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Hostile {
    /// One slot weighs so much that the sum tells its reading.
    #[error(
        "this tariff weighs the metering interval at Unix time {at} so heavily that the bill would tell its reading; \
         nothing was computed"
    )]
    Leverage {
        /// Start of the slot.
        at: u64,
    },
    /// The exact sums could carry the readings of a day.
    #[error(
        "the prices of this tariff are so fine that the exact sums could carry {bits:.1} bits about the day at Unix \
         time {at}, of {budget:.1} allowed; nothing was computed"
    )]
    Bits {
        /// Start of the day.
        at: u64,
        /// What the sums could carry.
        bits: f64,
        /// What is allowed.
        budget: f64,
    },
}

/// What is public about the slots of a register in a period.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    /// Seconds of a slot.
    pub interval: u64,
    /// Places of slots without a measurement: their energy is in the residual, at the fallback price.
    pub missing: Vec<usize>,
    /// How many slots have a substituted or cut value: an excess may be in the residual.
    pub estimated: usize,
}

/// Checks the weights of all energy lines of one bill. `registers` are the tariff's, in its order.
///
/// # Errors
/// The first rule that is broken.
pub fn check(weights: &[Weights], period: &Span, registers: &[Slots]) -> Result<(), Hostile> {
    for (register, slots) in registers.iter().enumerate() {
        let of_register = weights.iter().filter(|w| w.register == register);
        let rows: Vec<Vec<i64>> = of_register.map(|line| coordinates(line, slots)).collect();
        check_leverage(&rows, period, slots.interval)?;
        check_bits(&rows, period, slots.interval)?;
    }
    Ok(())
}

/// What a line weighs each slot's true energy with: its price, or the fallback price where the slot was not measured.
/// Excesses over a cut value have coordinates of their own at the end.
fn coordinates(line: &Weights, slots: &Slots) -> Vec<i64> {
    let mut row = line.prices.clone();
    for place in &slots.missing {
        if let Some(weight) = row.get_mut(*place) {
            *weight = line.fallback;
        }
    }
    row.extend(std::iter::repeat_n(line.fallback, slots.estimated));
    row
}

fn check_leverage(rows: &[Vec<i64>], period: &Span, interval: u64) -> Result<(), Hostile> {
    // Excesses have no place of their own; the end of the period stands for them.
    let at = |place: usize| (period.from + place as u64 * interval).min(period.until);
    let limit = 1.0 / f64::from(MIN_SLOTS);
    let shares = leverage(rows).map_err(|place| Hostile::Leverage { at: at(place) })?;
    // Rounding of the basis must not refuse a set of exactly m slots.
    match shares.iter().position(|share| *share > limit * (1.0 + 1e-9)) {
        Some(place) => Err(Hostile::Leverage { at: at(place) }),
        None => Ok(()),
    }
}

fn check_bits(rows: &[Vec<i64>], period: &Span, interval: u64) -> Result<(), Hostile> {
    // A line that depends on the others says nothing new.
    let mut exact = Echelon::default();
    let rows: Vec<&Vec<i64>> = rows.iter().filter(|row| exact.add(row)).collect();
    let count = usize::try_from(period.seconds() / interval.max(1)).unwrap_or(usize::MAX);
    let per_day = usize::try_from(DAY_SECONDS / interval.max(1)).unwrap_or(usize::MAX);
    let typical = (TYPICAL_HALF_HOUR * interval / 1800) as f64;
    // Days are counted from the start of the period; what is left at its end belongs to the last one.
    let days = (count / per_day).max(1);
    for number in 0..days {
        let start = number * per_day;
        let day = start..if number + 1 == days { usize::MAX } else { start + per_day };
        let slots = day.end.min(count) - start;
        let bits: f64 = rows.iter().map(|row| line_bits(row, day.clone())).sum();
        let floor = if slots >= per_day { DAY_FLOOR_BITS } else { FLOOR_BITS };
        let budget = floor.max(0.25 * (1.0 + typical).log2() * slots as f64);
        if bits > budget {
            return Err(Hostile::Bits { at: period.from + start as u64 * interval, bits, budget });
        }
    }
    Ok(())
}

/// What the exact sum of a line can carry about a day.
fn line_bits(row: &[i64], day: Range<usize>) -> f64 {
    let unit = row.iter().fold(0, |unit, weight| gcd(unit, weight.unsigned_abs())).max(1) as f64;
    let weights = row.get(day.start..day.end.min(row.len())).unwrap_or(&[]);
    let sum: f64 = weights.iter().map(|weight| weight.unsigned_abs() as f64 / unit).sum();
    (1.0 + sum * MAX_READING as f64).log2()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = DAY_SECONDS;

    fn month(price: impl Fn(usize) -> i64) -> Vec<Weights> {
        vec![Weights { register: 0, prices: (0..31 * 48).map(price).collect(), fallback: 0 }]
    }

    fn judge(weights: &[Weights]) -> Result<(), Hostile> {
        let slots = weights[0].prices.len() as u64;
        check(weights, &Span { from: 100 * DAY, until: 100 * DAY + slots * 1800 }, &[half_hours(&[])])
    }

    fn half_hours(missing: &[usize]) -> Slots {
        Slots { interval: 1800, missing: missing.to_vec(), estimated: 0 }
    }

    #[test]
    fn honest_tariffs_pass() {
        assert_eq!(judge(&month(|_| 300_000)), Ok(()));
        assert_eq!(judge(&month(|i| if i % 48 < 14 { 93_500 } else { 243_700 })), Ok(()));
        // Half-hourly prices with two decimals of a penny, one of them ten times the others for three hours.
        assert_eq!(
            judge(&month(|i| if (700..706).contains(&i) {
                2_000_000
            } else {
                150_000 + 100 * (i as i64 * 7919 % 900)
            })),
            Ok(())
        );
        // Two bands as two lines.
        let band = |night: bool| move |i: usize| if (i % 48 < 14) == night { 100_000 } else { 0 };
        assert_eq!(judge(&[month(band(true)), month(band(false))].concat()), Ok(()));
    }

    #[test]
    fn superincreasing_prices_are_refused() {
        let day = |price: &dyn Fn(usize) -> i64| month(|i| if i / 48 == 3 { price(i % 48) } else { 0 });
        assert!(matches!(judge(&day(&|i| 1 << (i % 40))), Err(Hostile::Leverage { .. })));
        // Random 40-bit prices weigh evenly, but two lines of them carry more than a day may.
        let random = |seed: u64| day(&|i| ((i as u64 + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24) as i64 | 1);
        assert_eq!(judge(&random(1)), Ok(()));
        assert!(matches!(judge(&[random(1), random(1000)].concat()), Err(Hostile::Bits { .. })));
    }

    #[test]
    fn one_heavy_slot_is_refused() {
        let heavy = judge(&month(|i| if i == 700 { 1 << 20 } else { 1 }));
        assert_eq!(heavy, Err(Hostile::Leverage { at: 100 * DAY + 700 * 1800 }));
    }

    #[test]
    fn two_lines_that_differ_in_one_slot_are_refused() {
        let base = month(|_| 1000);
        let other = month(|i| if i == 5 { 1001 } else { 1000 });
        assert!(matches!(judge(&[base, other].concat()), Err(Hostile::Leverage { .. })));
        // So close to each other that floating point alone would call them the same.
        for difference in [1, 2, 100] {
            let base = month(|_| 243_700 * 1000);
            let other = month(|i| if i == 5 { 243_700 * 1000 + difference } else { 243_700 * 1000 });
            assert!(matches!(judge(&[base, other].concat()), Err(Hostile::Leverage { .. })), "{difference}");
        }
        // The same prices twice, or a multiple of them, add nothing.
        assert_eq!(judge(&[month(|_| 243_700), month(|_| 243_700), month(|_| 487_400)].concat()), Ok(()));
    }

    #[test]
    fn a_fallback_price_cannot_single_out_what_was_missed() {
        let judge = |weights: &[Weights], missing: &[usize]| {
            check(weights, &Span { from: 100 * DAY, until: 131 * DAY }, &[half_hours(missing)])
        };
        let mut alone = month(|_| 0);
        alone[0].fallback = 1;
        let mut differ = [month(|_| 1000), month(|_| 500)].concat();
        (differ[0].fallback, differ[1].fallback) = (1000, 501);
        for hostile in [&alone, &differ] {
            assert_eq!(judge(hostile, &[]), Ok(()), "nothing was missed");
            assert!(matches!(judge(hostile, &[77]), Err(Hostile::Leverage { .. })));
            assert_eq!(judge(hostile, &[1, 2, 3, 4, 5, 6, 7, 8]), Ok(()), "a sum of eight slots may be learnt");
        }
        let mut dear = month(|_| 300_000);
        dear[0].fallback = 900_000;
        assert_eq!(judge(&dear, &[77]), Ok(()));
        let cut = Slots { interval: 1800, missing: Vec::new(), estimated: 1 };
        assert!(check(&differ, &Span { from: 100 * DAY, until: 131 * DAY }, &[cut]).is_err());
    }

    #[test]
    fn an_hourly_spot_price_with_flat_lines_passes() {
        let line = |price: &dyn Fn(usize) -> i64| Weights {
            register: 0,
            prices: (0..31 * 24).map(price).collect(),
            fallback: 300_000,
        };
        let spot = line(&|i| 10_300 + 10 * (i as i64 * 7919 % 30_000));
        let (grid, levy) = (line(&|_| 52_300), line(&|_| 21_600));
        let hours = Slots { interval: 3600, ..Slots::default() };
        let period = Span { from: 100 * DAY, until: 131 * DAY };
        assert_eq!(check(&[spot, grid, levy], &period, &[hours]), Ok(()));
    }

    #[test]
    fn a_few_slots_are_not_a_period() {
        let few = |n: usize| vec![Weights { register: 0, prices: vec![1; n], fallback: 1 }];
        assert!(judge(&few(7)).is_err());
        assert_eq!(judge(&few(8)), Ok(()));
    }
}
