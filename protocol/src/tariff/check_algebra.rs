//! Bounds of what version 2 adds.

use super::algebra::{Form, Limit, Measure, Quantity, Ref, Step, Within};
use super::check::{TariffError, all_different, common, is_price, is_text, of_days, require, within};
use super::{Charge, Per, Prices, STANDING_LIMIT, Schedule, Tariff, VERSION, VERSION_ALGEBRA};
use crate::machine::CELLS;
use crate::money::{Mode, PRICE_LIMIT, Rounding};

/// Most quantities of a tariff.
const MAX_QUANTITIES: usize = 16;
/// Most terms of a form.
const MAX_TERMS: usize = 24;
/// Most steps of a table.
const MAX_STEPS: usize = 12;
/// Cells stay below 2⁴⁷.
const CELL_LIMIT: u64 = 1 << 47;
/// The one rounding of readings: to tens, half to even.
pub const TENS: Rounding = Rounding { step: 10, mode: Mode::HalfEven };

impl Tariff {
    /// The version is the least that says everything, and what it adds is within bounds.
    pub(super) fn check_algebra(&self) -> Result<(), TariffError> {
        let plain =
            |charge: &Charge| matches!(charge, Charge::Energy { .. } | Charge::Standing { .. } | Charge::Tax { .. });
        let first = self.algebra.is_none()
            && self.registers.iter().all(|register| register.rounding.is_none())
            && self.lines.iter().all(|line| line.rule.is_none() && plain(&line.charge));
        let needed = if first { VERSION } else { VERSION_ALGEBRA };
        require(self.version == needed, "the version is not the one that this content needs")?;
        let tens = |rounding: &Rounding| *rounding == TENS;
        let rounded = self.registers.iter().all(|register| register.rounding.as_ref().is_none_or(tens));
        require(rounded, "readings can be rounded to tens, half to even, and in no other way")?;
        for rule in self.lines.iter().filter_map(|line| line.rule.as_ref()) {
            let ordered = rule.when.windows(2).all(|w| matches!(w, [a, b] if a.until <= b.from));
            let sound = rule.when.iter().all(|span| span.from < span.until && span.until < 1 << 40);
            require(ordered && sound, "the spans in which a line counts are empty or out of order")?;
            require(rule.aside || !rule.when.is_empty(), "a rule says nothing; leave it out")?;
        }
        let Some(algebra) = &self.algebra else { return Ok(()) };
        require(!algebra.quantities.is_empty() || !algebra.cells.is_empty(), "the algebra is empty; leave it out")?;
        require(algebra.quantities.len() <= MAX_QUANTITIES, "a tariff has at most 16 quantities")?;
        require(all_different(algebra.quantities.iter().map(|q| q.name.as_str())), "a quantity is named twice")?;
        algebra.quantities.iter().try_for_each(|quantity| self.check_quantity(quantity))?;
        require(algebra.cells.len() <= CELLS, "a tariff carries at most 15 cells")?;
        require(all_different(algebra.cells.iter().map(|c| c.name.as_str())), "a cell is named twice")?;
        for cell in &algebra.cells {
            require(is_text(&cell.name), "a cell's name is empty, too long or not printable")?;
            require(cell.first.unsigned_abs() < CELL_LIMIT, "a cell's first value is out of range")?;
            let known = match cell.next {
                Ref::Quantity(place) => usize::from(place) < algebra.quantities.len(),
                Ref::Cell(place) => usize::from(place) < algebra.cells.len(),
                Ref::Line(place) => self.lines.get(usize::from(place)).is_some_and(|line| line.rounding.is_some()),
            };
            require(known, "a cell becomes something that is not there, or a line without a rounding")?;
        }
        Ok(())
    }

    fn check_quantity(&self, quantity: &Quantity) -> Result<(), TariffError> {
        require(is_text(&quantity.name), "a quantity's name is empty, too long or not printable")?;
        require(usize::from(quantity.register) < self.registers.len(), "a quantity measures an undeclared register")?;
        let (from, until) = (self.valid.from, self.valid.until);
        let schedule = |schedule: &Schedule| schedule.check(from, until);
        match &quantity.measure {
            Measure::Sum { weights, fallback } => {
                require(is_price(*fallback), "a quantity's fallback weight is out of range")?;
                schedule(weights)
            }
            Measure::Beyond { counts, limit, weights } => {
                schedule(counts)?;
                schedule(weights)?;
                check_limit(limit)?;
                require(between(counts, 0, 1), "a slot counts towards a running total once or not at all")?;
                require(limit.amount >= 0, "a running total cannot pass a limit below zero")
            }
            Measure::Greatest { weights, window, within, picks, best } => {
                schedule(weights)?;
                require(between(weights, 0, 4), "a load weighs 0 to 4")?;
                require([900, 1800, 3600].contains(window), "a load is measured over 15, 30 or 60 minutes")?;
                let counts = (1..=16).contains(picks) && (1..=16).contains(best);
                require(counts && (*within != Within::Period || *best == 1), "too many loads, or none, are taken")
            }
            Measure::Over { thresholds, linear, square, count } => {
                schedule(thresholds)?;
                schedule(linear)?;
                square.iter().chain(count).try_for_each(schedule)?;
                require(between(thresholds, 0, 1 << 16), "a threshold is not between 0 and 65,536")
            }
        }
    }

    /// Checks a form of a line and counts the unrounded factors on the way to it.
    pub(super) fn check_form(&self, place: usize, form: &Form, factors: &[u8]) -> Result<u8, TariffError> {
        require(form.terms.len() <= MAX_TERMS, "a form has at most 24 terms")?;
        let increasing = form.terms.windows(2).all(|w| matches!(w, [a, b] if a.of < b.of));
        require(increasing, "the terms of a form are out of order, or one value is named twice")?;
        require((1..PRICE_LIMIT).contains(&form.divisor), "a form's divisor is out of range")?;
        check_limit(&form.constant)?;
        let mut open = 0;
        for term in &form.terms {
            require(term.factor != 0 && is_price(term.factor), "a form's factor is zero or out of range")?;
            let known = match term.of {
                Ref::Quantity(of) => usize::from(of) < self.quantities().len(),
                Ref::Cell(of) => usize::from(of) < self.cells().len(),
                Ref::Line(of) => {
                    open = open.max(factors.get(usize::from(of)).copied().unwrap_or(0));
                    usize::from(of) < place
                }
            };
            require(known, "a form uses a value that is not there, or a later line")?;
        }
        let by_days = matches!(form.constant.per, Per::Month | Per::Year) && form.constant.amount != 0;
        Ok(open + u8::from(form.divisor > 1 || by_days))
    }
}

fn check_limit(limit: &Limit) -> Result<(), TariffError> {
    require(limit.amount.unsigned_abs() < STANDING_LIMIT, "a limit or constant is out of range")
}

pub(super) fn check_steps(base: i64, steps: &[Step]) -> Result<(), TariffError> {
    require((1..=MAX_STEPS).contains(&steps.len()), "a table has 1 to 12 steps")?;
    let sound = |amount: i64| amount.unsigned_abs() < STANDING_LIMIT;
    require(sound(base) && steps.iter().all(|step| sound(step.amount)), "a step's amount is out of range")?;
    require(steps.iter().all(|step| is_price(step.at)), "a step's place is out of range")?;
    let key = |step: &Step| (step.at, !step.inclusive);
    require(steps.windows(2).all(|w| matches!(w, [a, b] if key(a) < key(b))), "steps are out of order")
}

/// The denominator that a form can have.
pub(super) fn of_form(form: &Form, earlier: &[u128]) -> Result<u128, TariffError> {
    let mut sum = if form.constant.amount == 0 { 1 } else { of_days(form.constant.per) };
    for term in &form.terms {
        if let Ref::Line(place) = term.of {
            sum = common(sum, earlier.get(usize::from(place)).copied().unwrap_or(1))?;
        }
    }
    within(sum.checked_mul(u128::from(form.divisor)))
}

/// Whether all values of a schedule lie between two numbers.
fn between(schedule: &Schedule, least: i64, most: i64) -> bool {
    let fits = |value: &i64| (least..=most).contains(value);
    match &schedule.prices {
        Prices::Bands { bands, .. } => bands.iter().all(|band| fits(&band.price)),
        Prices::Series(values) => values.iter().all(fits),
    }
}
