//! From a tariff and a period to a program.
//!
//! ```text
//! Layout (which block holds which slots) ─► units: weights by place      ┐
//! tariff's lines ─► exact forms over values ─► rows where one must round ┴─► Program
//! ```
//!
//! Whoever verifies compiles for himself. Nothing of a household goes in but what headers say: which days its blocks
//! cover, and whether their residuals belong to the period.

mod forms;
mod layout;
mod units;

use super::program::{Affine, Program, Wide};
use super::run::RunError;
use super::shape::Shape;
use crate::bill::{BillError, check_period};
use crate::money::{Amount, OutOfRange};
use crate::tariff::{Charge, Ref, Tariff};
use crate::time::Span;
use forms::{Exact, Rows};

pub use layout::{Layout, LayoutBlock};

/// Why a tariff has no program of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The tariff cannot bill the period at all.
    #[error(transparent)]
    Bill(#[from] BillError),
    /// The shape is too small, or lacks a unit.
    #[error("the tariff needs {0} than this circuit has")]
    Shape(&'static str),
    /// A number does not fit.
    #[error("a number of the tariff is too large for a proof: {0}")]
    TooLarge(&'static str),
}

impl From<OutOfRange> for CompileError {
    fn from(error: OutOfRange) -> Self {
        Self::Bill(error.into())
    }
}

impl From<RunError> for CompileError {
    fn from(_: RunError) -> Self {
        Self::TooLarge("a weight")
    }
}

/// Compiles a tariff for a period and the blocks that hold it.
///
/// # Errors
/// When the tariff cannot bill the period, or does not fit the shape.
pub fn compile(tariff: &Tariff, period: &Span, layout: &Layout, shape: Shape) -> Result<Program, CompileError> {
    check_period(tariff, period)?;
    if layout.blocks.len() > shape.blocks || layout.slots != shape.slots {
        return Err(CompileError::Shape("more blocks, or another interval,"));
    }
    let mut program = Program::idle(shape);
    let places = units::place(tariff, period, layout, &mut program)?;
    let mut rows = Rows::new(shape);
    let mut energy = places.energy.iter();
    let mut lines: Vec<Exact> = Vec::with_capacity(tariff.lines.len());
    for line in &tariff.lines {
        let of_energy = if matches!(line.charge, Charge::Energy { .. }) { energy.next().copied() } else { None };
        let counts = line.rule.as_ref().is_none_or(|rule| rule.counts(period));
        let mut exact = if counts {
            forms::charge(tariff, period, &line.charge, of_energy, &places, &lines, &mut rows, shape)?
        } else {
            Exact::default()
        };
        if let Some(rounding) = line.rounding {
            exact = rows.round(&exact, rounding)?;
        }
        lines.push(exact);
    }
    let charged = tariff.lines.iter().zip(&lines).filter(|(line, _)| line.is_charged());
    let sum = charged.map(|(_, exact)| exact).try_fold(Exact::default(), |sum, line| sum.plus(line))?;
    for (place, cell) in tariff.cells().iter().enumerate() {
        let of = match cell.next {
            Ref::Cell(of) => Exact::value(shape.first_cell() + usize::from(of)),
            Ref::Line(of) => lines.get(usize::from(of)).cloned().unwrap_or_default(),
            Ref::Quantity(of) => {
                let quantity = places.quantities.get(usize::from(of)).copied().ok_or(OutOfRange)?;
                rows.copy(&Exact::value(quantity))?
            }
        };
        let next = program.next.get_mut(place).ok_or(CompileError::Shape("more cells"))?;
        *next = of.whole().ok_or(CompileError::TooLarge("a cell that is no whole number"))?;
        let seen = next.0.iter().all(|(value, _)| (shape.first_cell()..shape.first_row(2)).contains(value));
        // A constant has no place among what a cell can become; a row that copies it has.
        if !seen {
            *next = rows.copy(&of)?.whole().ok_or(CompileError::TooLarge("a cell"))?;
        }
    }
    let minor = tariff.currency.minor().ok_or(OutOfRange)?;
    finish(&mut program, rows, &sum, tariff, minor)?;
    program.numbers()?;
    Ok(program)
}

/// Puts the rows in their places; the last row of all is the amount due in minor units.
fn finish(program: &mut Program, rows: Rows, sum: &Exact, tariff: &Tariff, minor: u64) -> Result<(), CompileError> {
    let shape = program.shape;
    let steps = i128::from(tariff.total.step / minor);
    let (of, divisor) = sum.over(Amount::from_nano(i128::from(tariff.total.step)))?;
    let last = shape.wide[1].checked_sub(1).ok_or(CompileError::Shape("more rows"))?;
    let total = Wide { of, divisor, mode: tariff.total.mode };
    let (narrow, mut wide) = rows.take();
    let ending = if steps == 1 {
        vec![total]
    } else {
        let place = shape.first_row(3) + last.checked_sub(1).ok_or(CompileError::Shape("more rows"))?;
        let scaled = Wide { of: Affine(vec![(place, steps)]), ..Wide::default() };
        vec![total, scaled]
    };
    let start = shape.wide[1].checked_sub(ending.len()).filter(|start| *start >= wide[1].len());
    let start = start.ok_or(CompileError::Shape("more rows that round"))?;
    wide[1].resize(start, Wide::default());
    wide[1].extend(ending);
    for (stage, list) in narrow.into_iter().enumerate() {
        list.into_iter().zip(&mut program.narrow[stage]).for_each(|(row, slot)| *slot = row);
    }
    for (stage, list) in wide.into_iter().enumerate() {
        list.into_iter().zip(&mut program.wide[stage]).for_each(|(row, slot)| *slot = row);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
