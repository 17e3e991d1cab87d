//! A program as a list of numbers, in the one order in which circuits and verifiers take them.

use super::program::{Affine, Program};
use super::run::{RunError, TOTAL_BITS};
use super::shape::CELLS;

/// Weights of single readings stay below 2 to this.
const WEIGHT_BITS: u32 = 44;
/// Weights of values in rows stay below 2 to this.
const ROW_BITS: u32 = 112;

impl Program {
    /// The numbers: sums (slots, residuals); tiers (counts, then each threshold with its weights); demands (weights, later,
    /// joined, picks with the mark of an end, best); hinges (thresholds, linear, square, count); rows by stage (a
    /// weight for each value before, then what the row does); cells (a weight for each cell and each row of the first two stages).
    ///
    /// # Errors
    /// When a list does not have the shape's length or a number is out of bounds.
    pub fn numbers(&self) -> Result<Vec<i128>, RunError> {
        let mut out = Numbers(Vec::new());
        let shape = &self.shape;
        let (readings, blocks) = (shape.readings(), shape.blocks);
        same(self.sums.len(), shape.sums)?;
        for sum in &self.sums {
            out.weights(&sum.weights, readings)?;
            out.weights(&sum.residuals, blocks)?;
        }
        same(usize::from(self.tiers.is_some()), usize::from(shape.tiers > 0))?;
        if let Some(tiers) = &self.tiers {
            out.bits(&tiers.counts, readings)?;
            same(tiers.thresholds.len(), shape.tiers)?;
            for threshold in &tiers.thresholds {
                out.small(u64::from(threshold.at), 1 << (TOTAL_BITS - 1))?;
                out.weights(&threshold.weights, readings)?;
            }
        }
        same(self.demands.len(), shape.demands)?;
        for demand in &self.demands {
            same(demand.weights.len(), readings)?;
            for weight in &demand.weights {
                out.small(u64::from(*weight), 4)?;
            }
            out.bits(&demand.later, readings)?;
            out.bits(&demand.joined, blocks)?;
            same(demand.picks.len(), blocks + 1)?;
            for picks in &demand.picks {
                out.small(u64::from(*picks > 0), 1)?;
                out.small(u64::from(*picks), 16)?;
            }
            out.small(u64::from(demand.best), 16)?;
        }
        same(self.hinges.len(), shape.hinges)?;
        for hinge in &self.hinges {
            same(hinge.thresholds.len(), readings)?;
            for threshold in &hinge.thresholds {
                out.small(u64::from(*threshold), 1 << 16)?;
            }
            out.weights(&hinge.linear, readings)?;
            let powers = if shape.powers { readings } else { 0 };
            out.weights(&hinge.square, powers)?;
            out.weights(&hinge.count, powers)?;
        }
        for stage in 0..2 {
            let narrow = self.narrow.get(stage).map_or(&[][..], Vec::as_slice);
            same(narrow.len(), shape.narrow.get(stage).copied().unwrap_or(0))?;
            for (place, row) in narrow.iter().enumerate() {
                out.affine(&row.of, shape.first_row(2 * stage) + place)?;
                out.0.extend([i128::from(row.hinge), i128::from(row.reached)]);
            }
            let wide = self.wide.get(stage).map_or(&[][..], Vec::as_slice);
            same(wide.len(), shape.wide.get(stage).copied().unwrap_or(0))?;
            for (place, row) in wide.iter().enumerate() {
                out.affine(&row.of, shape.first_row(2 * stage + 1) + place)?;
                let round = row.round();
                let whole = |x: u128| i128::try_from(x).map_err(|_| RunError::TooLarge);
                let divisor = whole(row.divisor)?;
                out.0.extend([i128::from(round.scale), i128::from(round.scale) * divisor, whole(round.offset)?]);
                out.0.extend([round.even, round.away, round.truncate].map(i128::from));
            }
        }
        let first = shape.first_cell();
        for affine in &self.next {
            let places = || (first..first + CELLS).chain(shape.first_row(0)..shape.first_row(2));
            out.sparse(affine, places)?;
        }
        Ok(out.0)
    }
}

fn same(length: usize, expected: usize) -> Result<(), RunError> {
    if length == expected { Ok(()) } else { Err(RunError::Size) }
}

struct Numbers(Vec<i128>);

impl Numbers {
    fn weights(&mut self, list: &[i64], expected: usize) -> Result<(), RunError> {
        same(list.len(), expected)?;
        if list.iter().any(|weight| weight.unsigned_abs() >= 1 << WEIGHT_BITS) {
            return Err(RunError::TooLarge);
        }
        self.0.extend(list.iter().map(|weight| i128::from(*weight)));
        Ok(())
    }

    fn bits(&mut self, list: &[bool], expected: usize) -> Result<(), RunError> {
        same(list.len(), expected)?;
        self.0.extend(list.iter().map(|bit| i128::from(*bit)));
        Ok(())
    }

    fn small(&mut self, number: u64, most: u64) -> Result<(), RunError> {
        self.0.push(i128::from(number));
        if number <= most { Ok(()) } else { Err(RunError::TooLarge) }
    }

    /// A weight for each value before a row.
    fn affine(&mut self, affine: &Affine, before: usize) -> Result<(), RunError> {
        self.sparse(affine, || 0..before)
    }

    fn sparse<I: Iterator<Item = usize>>(&mut self, affine: &Affine, places: impl Fn() -> I) -> Result<(), RunError> {
        let mut terms = affine.0.iter().peekable();
        for place in places() {
            let weight = terms.next_if(|(at, _)| *at == place).map_or(0, |(_, weight)| *weight);
            if weight.unsigned_abs() >= 1 << ROW_BITS {
                return Err(RunError::TooLarge);
            }
            self.0.push(weight);
        }
        // A term that is left names a value that the row cannot see, or stands out of order.
        if terms.next().is_some() { Err(RunError::Size) } else { Ok(()) }
    }
}
