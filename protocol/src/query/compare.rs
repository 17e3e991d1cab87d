//! What another tariff would have cost: its own bill, or the difference alone.

use metrology::label::RegisterCode;

use super::sum;
use crate::money::{Mode, Rounding};
use crate::tariff::{
    Algebra, Cell, Charge, Form, Line, Provider, Quantity, Ref, Rule, Tariff, TariffError, TariffRegister, Term,
    VERSION_ALGEBRA,
};
use crate::time::Span;

/// Why two tariffs are not compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// Amounts that cannot be subtracted.
    #[error("the two tariffs are in different currencies, so their bills cannot be compared")]
    OtherCurrency,
    /// Days that differ.
    #[error("the two tariffs follow different civil times, so their days differ")]
    OtherZone,
    /// No time in common.
    #[error("the two tariffs are not valid at the same time")]
    NoCommonTime,
    /// One reads a register otherwise than the other.
    #[error("the two tariffs measure register {0} in different units, or round its readings differently")]
    Register(RegisterCode),
    /// Together they are beyond the bounds of a tariff.
    #[error(transparent)]
    Tariff(#[from] TariffError),
}

/// Another tariff's own bill for somebody who does not set it: the answer is that tariff's amount due.
#[must_use]
pub fn readdressed(tariff: &Tariff, asker: &Provider, id: &str) -> Tariff {
    Tariff { id: id.into(), provider: asker.clone(), ..tariff.clone() }
}

/// The tariff whose amount due is what `other` comes to less what `own` comes to, each rounded as its own bills are.
/// Positive: the other is dearer. Neither amount is shown. Each begins with its own first state.
///
/// # Errors
/// When they cannot be compared, or are together more than one tariff may hold.
pub fn comparison(own: &Tariff, other: &Tariff, asker: &Provider, id: &str) -> Result<Tariff, CompareError> {
    if own.currency != other.currency {
        return Err(CompareError::OtherCurrency);
    }
    if own.zone != other.zone {
        return Err(CompareError::OtherZone);
    }
    let valid = Span { from: own.valid.from.max(other.valid.from), until: own.valid.until.min(other.valid.until) };
    if valid.from >= valid.until {
        return Err(CompareError::NoCommonTime);
    }
    let mut both = Both::default();
    let own_total = both.take("own", own)?;
    let other_total = both.take("other", other)?;
    let difference = [(own_total, -1), (other_total, 1)].map(|(line, factor)| Term { of: Ref::Line(line), factor });
    both.lines.push(Line {
        name: "Difference".into(),
        rounding: None,
        charge: Charge::Form(sum(difference.to_vec())),
        rule: None,
    });
    let algebra = Algebra { quantities: both.quantities, cells: both.cells };
    let empty = algebra.quantities.is_empty() && algebra.cells.is_empty();
    let minor = own.currency.minor().unwrap_or(1);
    let tariff = Tariff {
        version: VERSION_ALGEBRA,
        id: id.into(),
        name: format!("{} less {}", other.id, own.id),
        provider: asker.clone(),
        currency: own.currency.clone(),
        valid,
        zone: own.zone.clone(),
        registers: both.registers,
        lines: both.lines,
        total: Rounding { step: minor, mode: Mode::HalfAway },
        algebra: (!empty).then_some(algebra),
    };
    tariff.check()?;
    Ok(tariff)
}

/// The parts of two tariffs, one after the other.
#[derive(Default)]
struct Both {
    registers: Vec<TariffRegister>,
    quantities: Vec<Quantity>,
    cells: Vec<Cell>,
    lines: Vec<Line>,
}

/// How far the places of the second tariff's parts are moved.
struct Shift {
    registers: Vec<u8>,
    quantities: u8,
    cells: u8,
    lines: u8,
}

impl Both {
    /// Adds a tariff's parts, all aside, and its total; gives the place of the total.
    fn take(&mut self, whose: &str, tariff: &Tariff) -> Result<u8, CompareError> {
        let named = |name: &str| format!("{whose}: {name}");
        let shift = Shift {
            registers: tariff.registers.iter().map(|register| self.register(register)).collect::<Result<_, _>>()?,
            quantities: place(self.quantities.len())?,
            cells: place(self.cells.len())?,
            lines: place(self.lines.len())?,
        };
        for quantity in tariff.quantities() {
            let register = shift.register(quantity.register);
            self.quantities.push(Quantity { name: named(&quantity.name), register, ..quantity.clone() });
        }
        for cell in tariff.cells() {
            self.cells.push(Cell { name: named(&cell.name), first: cell.first, next: shift.value(cell.next) });
        }
        let mut charged = Vec::new();
        for (number, line) in tariff.lines.iter().enumerate() {
            if line.is_charged() {
                charged.push(Term { of: shift.value(Ref::Line(place(number)?)), factor: 1 });
            }
            let when = line.rule.as_ref().map(|rule| rule.when.clone()).unwrap_or_default();
            let rule = Some(Rule { aside: true, when });
            self.lines.push(Line { name: named(&line.name), charge: shift.charge(&line.charge), rule, ..line.clone() });
        }
        self.lines.push(Line {
            name: named("total"),
            rounding: Some(tariff.total),
            charge: Charge::Form(sum(charged)),
            rule: Some(Rule { aside: true, when: Vec::new() }),
        });
        place(self.lines.len() - 1)
    }

    fn register(&mut self, register: &TariffRegister) -> Result<u8, CompareError> {
        let found = self.registers.iter().position(|known| known.code == register.code);
        match found.and_then(|at| Some((at, self.registers.get(at)?))) {
            Some((at, known)) if known == register => place(at),
            Some(_) => Err(CompareError::Register(register.code)),
            None => {
                self.registers.push(register.clone());
                place(self.registers.len() - 1)
            }
        }
    }
}

impl Shift {
    fn register(&self, register: u8) -> u8 {
        self.registers.get(usize::from(register)).copied().unwrap_or(u8::MAX)
    }

    fn value(&self, of: Ref) -> Ref {
        match of {
            Ref::Quantity(place) => Ref::Quantity(place.saturating_add(self.quantities)),
            Ref::Line(place) => Ref::Line(place.saturating_add(self.lines)),
            Ref::Cell(place) => Ref::Cell(place.saturating_add(self.cells)),
        }
    }

    fn form(&self, form: &Form) -> Form {
        let terms = form.terms.iter().map(|term| Term { of: self.value(term.of), factor: term.factor });
        Form { terms: terms.collect(), ..form.clone() }
    }

    fn charge(&self, charge: &Charge) -> Charge {
        match charge {
            Charge::Energy { register, schedule, fallback } => {
                Charge::Energy { register: self.register(*register), schedule: schedule.clone(), fallback: *fallback }
            }
            Charge::Standing { .. } => charge.clone(),
            Charge::Tax { numerator, denominator, base } => Charge::Tax {
                numerator: *numerator,
                denominator: *denominator,
                base: base.iter().map(|line| line.saturating_add(self.lines)).collect(),
            },
            Charge::Form(form) => Charge::Form(self.form(form)),
            Charge::Excess(form) => Charge::Excess(self.form(form)),
            Charge::Greater(a, b) => Charge::Greater(self.form(a), self.form(b)),
            Charge::Lesser(a, b) => Charge::Lesser(self.form(a), self.form(b)),
            Charge::Steps { of, base, steps } => Charge::Steps { of: self.form(of), base: *base, steps: steps.clone() },
        }
    }
}

/// A place in one of a tariff's lists, which are short.
fn place(number: usize) -> Result<u8, CompareError> {
    Ok(u8::try_from(number).map_err(|_| TariffError::Invalid("two tariffs are together more than one may hold"))?)
}
