//! Quantities from readings, in plain integers.

use jiff::civil::Weekday;

use super::BillError;
use super::days::share;
use crate::money::{Amount, OutOfRange};
use crate::tariff::{Limit, Measure, Quantity, TENS, Tariff, TariffRegister, Within};
use crate::time::Span;

/// What a register took in a period.
#[derive(Clone, PartialEq, Eq)]
pub struct Metered<'a> {
    /// Seconds of a slot.
    pub interval: u64,
    /// One for each slot of the period.
    pub readings: &'a [u16],
    /// The residuals that belong to the period.
    pub residuals: &'a [u32],
}

impl core::fmt::Debug for Metered<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Metered({} slots)", self.readings.len())
    }
}

/// The energy lines' sums and all quantities, in the tariff's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// 10⁻⁹ currency units.
    pub energy: Vec<i128>,
    /// In their own units.
    pub quantities: Vec<i128>,
}

/// Measures everything that a tariff asks for. `metered` are the tariff's registers in its order.
///
/// # Errors
/// When the tariff cannot bill this period from these registers.
pub fn measure(tariff: &Tariff, period: &Span, metered: &[Metered<'_>]) -> Result<Measured, BillError> {
    let intervals: Vec<u64> = metered.iter().map(|register| register.interval).collect();
    let rounded: Vec<Vec<u32>> = tariff.registers.iter().zip(metered).map(|(r, m)| readings(r, m)).collect();
    let energy = super::weights(tariff, period, &intervals)?
        .iter()
        .map(|weights| {
            let (Some(readings), Some(metered)) = (rounded.get(weights.register), metered.get(weights.register)) else {
                return Err(BillError::NotOnGrid);
            };
            if readings.len() != weights.prices.len() {
                return Err(BillError::NotOnGrid);
            }
            let slots: i128 = weights.prices.iter().zip(readings).map(|(p, x)| i128::from(*p) * i128::from(*x)).sum();
            let rest: i128 = metered.residuals.iter().map(|x| i128::from(*x)).sum();
            Ok(slots + i128::from(weights.fallback) * rest)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let quantities = tariff.quantities().iter().map(|quantity| {
        let metered = metered.get(usize::from(quantity.register)).ok_or(BillError::NotOnGrid)?;
        let rounded = rounded.get(usize::from(quantity.register)).ok_or(BillError::NotOnGrid)?;
        of_quantity(tariff, quantity, period, metered, rounded)
    });
    Ok(Measured { quantities: quantities.collect::<Result<_, _>>()?, energy })
}

/// Readings as a tariff prices them. The greatest, 65,535, rounds to 65,540, which 16 bits do not hold.
#[must_use]
pub fn readings(register: &TariffRegister, metered: &Metered<'_>) -> Vec<u32> {
    let tens = |x: u32| {
        let (tens, rest) = (x / 10, x % 10);
        10 * if rest > 5 || (rest == 5 && tens % 2 == 1) { tens + 1 } else { tens }
    };
    let readings = metered.readings.iter().map(|x| u32::from(*x));
    if register.rounding == Some(TENS) { readings.map(tens).collect() } else { readings.collect() }
}

fn of_quantity(
    tariff: &Tariff,
    quantity: &Quantity,
    period: &Span,
    metered: &Metered<'_>,
    rounded: &[u32],
) -> Result<i128, BillError> {
    let count = super::slots_in(period, metered.interval.max(1))?;
    if metered.readings.len() != count {
        return Err(BillError::NotOnGrid);
    }
    let of = |schedule: &crate::tariff::Schedule| {
        Ok::<_, BillError>(schedule.slots(period.from, metered.interval, count)?)
    };
    let exact = metered.readings.iter().map(|x| i128::from(*x));
    match &quantity.measure {
        Measure::Sum { weights, fallback } => {
            let slots: i128 = of(weights)?.iter().zip(rounded).map(|(w, x)| i128::from(*w) * i128::from(*x)).sum();
            let rest: i128 = metered.residuals.iter().map(|x| i128::from(*x)).sum();
            Ok(slots + i128::from(*fallback) * rest)
        }
        Measure::Beyond { counts, limit, weights } => {
            let limit = whole_limit(tariff, limit, period)?;
            let (mut total, mut sum) = (0i128, 0i128);
            for ((counts, weight), x) in of(counts)?.iter().zip(of(weights)?).zip(exact) {
                let before = (total - limit).max(0);
                total += i128::from(*counts) * x;
                sum += i128::from(weight) * ((total - limit).max(0) - before);
            }
            Ok(sum)
        }
        Measure::Greatest { weights, window, within, picks, best } => {
            if u64::from(*window) != metered.interval {
                return Err(BillError::OtherWindow);
            }
            let loads: Vec<i128> = of(weights)?.iter().zip(exact).map(|(w, x)| i128::from(*w) * x).collect();
            let mut tops = Vec::new();
            for stretch in stretches(tariff, period, metered.interval, count, *within)? {
                let mut part = loads.get(stretch).unwrap_or_default().to_vec();
                part.sort_unstable_by(|a, b| b.cmp(a));
                tops.push(part.iter().take(usize::from(*picks)).sum::<i128>());
            }
            tops.sort_unstable_by(|a, b| b.cmp(a));
            Ok(tops.iter().take(usize::from(*best)).sum())
        }
        Measure::Over { thresholds, linear, square, count: counts } => {
            let none = || vec![0; count];
            let square = square.as_ref().map_or_else(|| Ok(none()), of)?;
            let counts = counts.as_ref().map_or_else(|| Ok(none()), of)?;
            let weights = of(linear)?.into_iter().zip(square).zip(counts);
            let slots = of(thresholds)?.into_iter().zip(weights).zip(exact);
            Ok(slots
                .map(|((threshold, ((linear, square), count)), x)| {
                    let above = (x - i128::from(threshold)).max(0);
                    let reached = i128::from(x >= i128::from(threshold));
                    i128::from(linear) * above + i128::from(square) * above * above + i128::from(count) * reached
                })
                .sum())
        }
    }
}

/// A limit over a period as a whole number: what is left of a fraction is left out.
pub(crate) fn whole_limit(tariff: &Tariff, limit: &Limit, period: &Span) -> Result<i128, BillError> {
    let exact: Amount = share(tariff, limit.amount, limit.per, period)?;
    let floor = crate::money::Rounding { step: 1, mode: crate::money::Mode::Floor };
    Ok(exact.round(floor)?.whole_nano().ok_or(OutOfRange)?)
}

/// The stretches of a period as ranges of slots, in order. A slot belongs to the local day in which it begins.
pub(crate) fn stretches(
    tariff: &Tariff,
    period: &Span,
    interval: u64,
    count: usize,
    within: Within,
) -> Result<Vec<core::ops::Range<usize>>, BillError> {
    if within == Within::Period {
        return Ok(core::iter::once(0..count).collect());
    }
    let days = tariff.zone.days(period).ok_or(BillError::NotLocalDays)?;
    let mut bounds = Vec::with_capacity(days.len() + 1);
    for (place, date) in days.iter().enumerate() {
        if place == 0 || within == Within::Day || date.weekday() == Weekday::Monday {
            let start = tariff.zone.start_of(*date).ok_or(BillError::NotLocalDays)?;
            let slot = start.saturating_sub(period.from).div_ceil(interval.max(1));
            bounds.push(usize::try_from(slot).map_err(|_| BillError::TooLong)?);
        }
    }
    bounds.push(count);
    Ok(bounds
        .windows(2)
        .filter_map(|pair| match pair {
            [from, until] if from < until => Some(*from..*until),
            _ => None,
        })
        .collect())
}
