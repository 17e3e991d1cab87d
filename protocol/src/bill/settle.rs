//! From what was measured to lines and the amount due.

use super::days::share;
use super::measure::Measured;
use super::{BillError, check_linear, check_period};
use crate::money::{Amount, OutOfRange, Rounding};
use crate::tariff::{Charge, Form, Ref, Tariff};
use crate::time::Span;

/// A bill's lines and total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// One for each line of the tariff.
    pub lines: Vec<SettledLine>,
    /// The amount due in minor units of the currency.
    pub fee_minor: i64,
}

/// A line of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledLine {
    /// Its name in the tariff.
    pub name: String,
    /// The amount, after the line's rounding if it has one.
    pub amount: Amount,
}

/// A settlement, and what the period leaves to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Lines and total.
    pub settlement: Settlement,
    /// The tariff's cells after the period.
    pub next: Vec<i64>,
}

/// Computes all lines and the fee from the sums of the energy lines (in the tariff's order), for a tariff without
/// quantities and state.
///
/// # Errors
/// When the tariff is not linear, the period does not fit its days, or a number leaves its range.
pub fn settle(tariff: &Tariff, period: &Span, energy: &[i128]) -> Result<Settlement, BillError> {
    check_linear(tariff)?;
    let measured = Measured { energy: energy.to_vec(), quantities: Vec::new() };
    Ok(settle_with(tariff, period, &measured, &[])?.settlement)
}

/// Computes all lines, the fee and the state after from what was measured and the state before.
///
/// # Errors
/// When the period does not fit the tariff's days or a number leaves its range.
pub fn settle_with(tariff: &Tariff, period: &Span, measured: &Measured, cells: &[i64]) -> Result<Settled, BillError> {
    check_period(tariff, period)?;
    let mut sums = measured.energy.iter();
    let mut values = Values { tariff, period, measured, cells, lines: Vec::with_capacity(tariff.lines.len()) };
    for line in &tariff.lines {
        let sum = if matches!(line.charge, Charge::Energy { .. }) { sums.next() } else { None };
        let exact = values.charge(&line.charge, sum)?;
        let counts = line.rule.as_ref().is_none_or(|rule| rule.counts(period));
        let exact = if counts { exact } else { Amount::ZERO };
        values.lines.push(line.rounding.map_or(Ok(exact), |rounding| exact.round(rounding))?);
    }
    let charged = tariff.lines.iter().zip(&values.lines).filter(|(line, _)| line.is_charged());
    let sum = charged.map(|(_, amount)| *amount).try_fold(Amount::ZERO, Amount::plus)?;
    let minor = i128::from(tariff.currency.minor().ok_or(OutOfRange)?);
    let due = sum.round(tariff.total)?.whole_nano().ok_or(OutOfRange)?;
    let fee_minor = i64::try_from(due / minor).map_err(|_| OutOfRange)?;
    let next = tariff.cells().iter().map(|cell| within_cell(values.of(cell.next)?));
    let next = next.collect::<Result<Vec<_>, _>>()?;
    let named = tariff.lines.iter().zip(values.lines);
    let lines = named.map(|(line, amount)| SettledLine { name: line.name.clone(), amount }).collect();
    Ok(Settled { settlement: Settlement { lines, fee_minor }, next })
}

fn within_cell(amount: Amount) -> Result<i64, BillError> {
    let whole = amount.whole_nano().and_then(|nano| i64::try_from(nano).ok());
    Ok(whole.filter(|cell| (-(1i64 << 47)..1 << 47).contains(cell)).ok_or(OutOfRange)?)
}

struct Values<'a> {
    tariff: &'a Tariff,
    period: &'a Span,
    measured: &'a Measured,
    cells: &'a [i64],
    lines: Vec<Amount>,
}

impl Values<'_> {
    fn charge(&self, charge: &Charge, energy: Option<&i128>) -> Result<Amount, BillError> {
        Ok(match charge {
            Charge::Energy { .. } => Amount::from_nano(*energy.ok_or(OutOfRange)?),
            Charge::Standing { amount, per } => share(self.tariff, *amount, *per, self.period)?,
            Charge::Tax { numerator, denominator, base } => base
                .iter()
                .filter_map(|place| self.lines.get(usize::from(*place)))
                .try_fold(Amount::ZERO, |sum, line| sum.plus(*line))?
                .times(i128::from(*numerator), i128::from(*denominator))?,
            Charge::Form(form) => self.form(form)?,
            Charge::Excess(form) => self.form(form)?.greater(Amount::ZERO)?,
            Charge::Greater(a, b) => self.form(a)?.greater(self.form(b)?)?,
            Charge::Lesser(a, b) => {
                let (a, b) = (self.form(a)?, self.form(b)?);
                a.plus(b)?.plus(a.greater(b)?.times(-1, 1)?)?
            }
            Charge::Steps { of, base, steps } => {
                let of = self.form(of)?;
                let mut amount = i128::from(*base);
                for step in steps {
                    let distance = of.plus(Amount::from_nano(-i128::from(step.at)))?;
                    let reached = if step.inclusive { !distance.is_negative() } else { distance.is_positive() };
                    amount += if reached { i128::from(step.amount) } else { 0 };
                }
                Amount::from_nano(amount)
            }
        })
    }

    fn form(&self, form: &Form) -> Result<Amount, BillError> {
        let constant = share(self.tariff, form.constant.amount, form.constant.per, self.period)?;
        let sum = form.terms.iter().try_fold(constant, |sum, term| {
            Ok::<_, BillError>(sum.plus(self.of(term.of)?.times(i128::from(term.factor), 1)?)?)
        })?;
        Ok(sum.times(1, i128::from(form.divisor))?)
    }

    fn of(&self, value: Ref) -> Result<Amount, OutOfRange> {
        let whole = |value: Option<i128>| value.map(Amount::from_nano).ok_or(OutOfRange);
        match value {
            Ref::Quantity(place) => whole(self.measured.quantities.get(usize::from(place)).copied()),
            Ref::Cell(place) => whole(self.cells.get(usize::from(place)).map(|cell| i128::from(*cell))),
            Ref::Line(place) => self.lines.get(usize::from(place)).copied().ok_or(OutOfRange),
        }
    }
}

/// Rounding to whole minor units, half away from zero: the default of a total.
#[must_use]
pub fn to_minor(minor: u64) -> Rounding {
    Rounding { step: minor, mode: crate::money::Mode::HalfAway }
}
