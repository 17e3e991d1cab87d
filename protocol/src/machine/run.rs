//! Running a program over readings: the relation in plain integers.

use ethnum::I256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::program::{Affine, Demand, Hinge, Narrow, Program, Tiers, Wide};
use super::shape::{CELL_BITS, CELLS, Shape};

/// Bits of a number that a narrow row compares with zero.
pub const NARROW_BITS: u32 = 63;
/// Bits of a quotient in a wide row, without its sign.
pub const QUOTIENT_BITS: u32 = 79;
/// Bits of a divisor in a wide row.
pub const DIVISOR_BITS: u32 = 70;
/// A running total stays below 2 to this.
pub const TOTAL_BITS: u32 = 28;

/// Readings in the order of the blocks; zero where a block does not reach.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Readings {
    /// One for each slot of each block.
    pub values: Vec<u16>,
    /// One for each block.
    pub residuals: Vec<u32>,
}

impl core::fmt::Debug for Readings {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Readings({} blocks)", self.residuals.len())
    }
}

/// Why a program does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Lists of another length than the shape's.
    #[error("these readings or this program do not have the size of the machine")]
    Size,
    /// A number that the machine has no room for.
    #[error("an amount of this bill is larger than the proof can carry")]
    TooLarge,
}

/// What a program comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// All values: one, units, cells, rows.
    pub values: Vec<i128>,
    /// The state after.
    pub next: [i64; CELLS],
    /// The last row.
    pub output: i64,
}

impl Program {
    /// Runs over readings and the state before.
    ///
    /// # Errors
    /// When sizes differ or a number is beyond what the machine carries.
    pub fn run(&self, readings: &Readings, cells: &[i64; CELLS]) -> Result<Outcome, RunError> {
        let shape = &self.shape;
        if readings.values.len() != shape.readings() || readings.residuals.len() != shape.blocks {
            return Err(RunError::Size);
        }
        let mut values: Vec<i128> = Vec::with_capacity(shape.first_row(4));
        values.push(1);
        for sum in &self.sums {
            let of = |x: u16| if shape.rounded { i128::from(to_tens(x)) * 10 } else { i128::from(x) };
            let slots: i128 = sum.weights.iter().zip(&readings.values).map(|(w, x)| i128::from(*w) * of(*x)).sum();
            let rest = sum.residuals.iter().zip(&readings.residuals);
            values.push(slots + rest.map(|(w, x)| i128::from(*w) * i128::from(*x)).sum::<i128>());
        }
        if let Some(tiers) = &self.tiers {
            tiers.come_to(&readings.values, &mut values)?;
        }
        for demand in &self.demands {
            values.push(i128::from(demand.greatest(shape, &readings.values)));
        }
        values.extend(self.hinges.iter().map(|hinge| hinge.come_to(&readings.values)));
        for cell in cells {
            values.push(i128::from(within_cell(i128::from(*cell))?));
        }
        for stage in 0..2 {
            for row in self.narrow.get(stage).into_iter().flatten() {
                values.push(row.come_to(&values)?);
            }
            for row in self.wide.get(stage).into_iter().flatten() {
                values.push(row.come_to(&values)?);
            }
        }
        let mut next = [0; CELLS];
        for (cell, affine) in next.iter_mut().zip(&self.next) {
            *cell = within_cell(i128::try_from(affine.of(&values)?).map_err(|_| RunError::TooLarge)?)?;
        }
        let output = values.last().copied().and_then(|last| i64::try_from(last).ok()).ok_or(RunError::TooLarge)?;
        Ok(Outcome { values, next, output })
    }
}

fn within_cell(value: i128) -> Result<i64, RunError> {
    let limit = 1i128 << (CELL_BITS - 1);
    let fits = (-limit..limit).contains(&value);
    i64::try_from(value).ok().filter(|_| fits).ok_or(RunError::TooLarge)
}

/// A reading rounded to tens, half to even: how many tens.
#[must_use]
pub fn to_tens(reading: u16) -> u16 {
    let (tens, rest) = (reading / 10, reading % 10);
    if rest > 5 || (rest == 5 && tens % 2 == 1) { tens + 1 } else { tens }
}

impl Affine {
    /// A constant.
    #[must_use]
    pub fn constant(value: i128) -> Self {
        if value == 0 { Self::default() } else { Self(vec![(0, value)]) }
    }

    /// A single value.
    #[must_use]
    pub fn value(place: usize) -> Self {
        Self(vec![(place, 1)])
    }

    /// What it comes to.
    ///
    /// # Errors
    /// When it names a value that is not there, or is out of range.
    pub fn of(&self, values: &[i128]) -> Result<I256, RunError> {
        self.0.iter().try_fold(I256::ZERO, |sum, (place, weight)| {
            let value = values.get(*place).ok_or(RunError::Size)?;
            I256::from(*weight)
                .checked_mul(I256::from(*value))
                .and_then(|product| sum.checked_add(product))
                .ok_or(RunError::TooLarge)
        })
    }
}

impl Tiers {
    fn come_to(&self, readings: &[u16], values: &mut Vec<i128>) -> Result<(), RunError> {
        for threshold in &self.thresholds {
            let mut cost = 0;
            let at = u64::from(threshold.at);
            let mut total = 0u64;
            for ((counts, x), weight) in self.counts.iter().zip(readings).zip(&threshold.weights) {
                let before = total.saturating_sub(at);
                total += if *counts { u64::from(*x) } else { 0 };
                cost += i128::from(*weight) * i128::from(total.saturating_sub(at) - before);
            }
            if total >= 1 << TOTAL_BITS {
                return Err(RunError::TooLarge);
            }
            values.push(cost);
        }
        Ok(())
    }
}

impl Demand {
    /// The places of the readings of each group that ends, in order of the groups.
    pub(crate) fn groups(&self, shape: &Shape) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = vec![Vec::new(); shape.blocks + 1];
        for place in 0..shape.readings() {
            let group = place / shape.slots + usize::from(self.later.get(place).copied().unwrap_or(false));
            if let Some(members) = groups.get_mut(group) {
                members.push(place);
            }
        }
        for group in 0..shape.blocks {
            if self.joined.get(group).copied().unwrap_or(false) {
                let before = groups.get_mut(group).map(core::mem::take).unwrap_or_default();
                if let Some(next) = groups.get_mut(group + 1) {
                    next.splice(0..0, before);
                }
            }
        }
        groups
    }

    fn greatest(&self, shape: &Shape, readings: &[u16]) -> u64 {
        let load = |place: &usize| {
            let weight = self.weights.get(*place).copied().unwrap_or(0);
            u64::from(readings.get(*place).copied().unwrap_or(0)) * u64::from(weight)
        };
        let mut best: Vec<u64> = self
            .groups(shape)
            .iter()
            .zip(&self.picks)
            .filter(|(_, picks)| **picks > 0)
            .map(|(members, picks)| {
                let mut loads: Vec<u64> = members.iter().map(load).collect();
                loads.sort_unstable_by(|a, b| b.cmp(a));
                loads.iter().take(usize::from(*picks)).sum()
            })
            .collect();
        best.sort_unstable_by(|a, b| b.cmp(a));
        best.iter().take(usize::from(self.best)).sum()
    }
}

impl Hinge {
    fn come_to(&self, readings: &[u16]) -> i128 {
        let weight = |list: &[i64], place: usize| list.get(place).copied().map_or(0, i128::from);
        let slots = self.thresholds.iter().zip(readings).enumerate();
        slots
            .map(|(place, (threshold, x))| {
                let above = i128::from(u32::from(*x).saturating_sub(*threshold));
                let reached = i128::from(u32::from(*x) >= *threshold);
                weight(&self.linear, place) * above
                    + weight(&self.square, place) * above * above
                    + weight(&self.count, place) * reached
            })
            .sum()
    }
}

impl Narrow {
    fn come_to(&self, values: &[i128]) -> Result<i128, RunError> {
        let of = i128::try_from(self.of.of(values)?).map_err(|_| RunError::TooLarge)?;
        if of.unsigned_abs() >= 1 << NARROW_BITS {
            return Err(RunError::TooLarge);
        }
        Ok(i128::from(self.hinge) * of.max(0) + i128::from(self.reached && of >= 0))
    }
}

impl Wide {
    fn come_to(&self, values: &[i128]) -> Result<i128, RunError> {
        if self.divisor == 0 || self.divisor >= 1 << DIVISOR_BITS {
            return Err(RunError::TooLarge);
        }
        let of = self.of.of(values)?;
        let round = self.round();
        let scale = I256::from(round.scale);
        let numerator = of.checked_mul(scale).ok_or(RunError::TooLarge)? + I256::from(round.offset);
        let divisor = scale * I256::from(self.divisor);
        let (mut quotient, rest) = (numerator.div_euclid(divisor), numerator.rem_euclid(divisor));
        let tie = rest == I256::ZERO;
        if (round.even && tie && quotient.rem_euclid(I256::from(2)) == I256::ONE)
            || (round.away && tie && quotient <= I256::ZERO)
        {
            quotient -= I256::ONE;
        } else if round.truncate && !tie && quotient < I256::ZERO {
            quotient += I256::ONE;
        }
        let quotient = i128::try_from(quotient).map_err(|_| RunError::TooLarge)?;
        if quotient.unsigned_abs() >= 1 << (QUOTIENT_BITS - 1) { Err(RunError::TooLarge) } else { Ok(quotient) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{Amount, Mode, Rounding};
    use proptest::prelude::*;

    #[test]
    fn tens_half_to_even() {
        let tens = [0, 4, 5, 6, 14, 15, 16, 25, 65_535].map(to_tens);
        assert_eq!(tens, [0, 0, 0, 1, 1, 2, 2, 2, 6554]);
    }

    proptest! {
        #[test]
        fn rows_round_as_money_does(top in -1i128 << 90..1i128 << 90, divisor in 1u128..1 << 40, ties in 0i128..4) {
            for mode in [Mode::HalfEven, Mode::HalfAway, Mode::HalfUp, Mode::Floor, Mode::Ceiling, Mode::Truncate] {
                for top in [top, ties * i128::try_from(divisor).unwrap() / 2, -ties * i128::try_from(divisor).unwrap() / 2] {
                    let row = Wide { of: Affine::constant(top), divisor, mode };
                    let expected = Amount::fraction(top, i128::try_from(divisor).unwrap()).unwrap();
                    let expected = expected.round(Rounding { step: 1, mode }).unwrap().whole_nano().unwrap();
                    let got = row.come_to(&[1]);
                    if expected.unsigned_abs() < 1 << (QUOTIENT_BITS - 1) {
                        prop_assert_eq!(got, Ok(expected));
                    } else {
                        prop_assert_eq!(got, Err(RunError::TooLarge));
                    }
                }
            }
        }
    }
}
