//! Lines that are forms, tables and tiers: names become places, decimals become whole factors over one divisor.

use protocol::tariff::{Charge, Form, Limit, Line, Measure, Per, Quantity, Ref, Rule, STANDING_LIMIT, Step, Term};
use toml::Spanned;

use super::bands;
use super::compile::Desk;
use super::counted::{self, Counted};
use super::decimal::Decimal;
use super::error::{DeskError, Problem};
use super::lines::Entry;
use super::shape;
use super::source::{self, Kind, Quoted};

/// What a line of the richer kinds becomes: lines aside that it needs, then what it charges, and what that counts.
pub(super) struct Formed {
    pub(super) before: Vec<Line>,
    pub(super) charge: Charge,
    pub(super) counted: Counted,
}

/// Σ factor · value + constant, over a divisor; exact.
#[derive(Clone)]
struct Sum {
    terms: Vec<(Ref, Decimal)>,
    constant: Decimal,
    per: Per,
    divisor: u64,
    counted: Counted,
}

/// Compiles a line of a kind that is no sum of prices.
pub(super) fn compile(
    desk: &mut Desk<'_, '_, '_>,
    entry: &Entry<'_>,
    line: &source::Line,
) -> Result<Formed, DeskError> {
    if *line.kind.get_ref() == Kind::Blocks {
        return blocks(desk, entry, line);
    }
    let needed = |form: &Option<Spanned<shape::Form>>, key: &str, beside: Counted| {
        let form = entry.needed(line, form.as_ref(), key, "{ sum = [{ of = \"Peak\" }] }")?;
        sum(desk, entry, form, key, beside).map(|sum| (sum, entry.place(form, key)))
    };
    let (of, place) = needed(&line.of, "of", Counted::Number)?;
    let first = of.form().map_err(|p| p.at(place))?;
    let kind = *line.kind.get_ref();
    let (charge, counted) = match kind {
        Kind::Greater | Kind::Lesser => {
            let (other, place) = needed(&line.or, "or", of.counted)?;
            let counted = of.counted.with(other.counted).ok_or_else(|| {
                let (a, b) = (of.counted.name(&desk.currency), other.counted.name(&desk.currency));
                Problem::new(format!("{a} and {b} cannot be compared")).at(place.clone())
            })?;
            let second = other.form().map_err(|p| p.at(place))?;
            let two = if kind == Kind::Greater { Charge::Greater } else { Charge::Lesser };
            (two(first, second), counted)
        }
        Kind::Excess => (Charge::Excess(first), of.counted),
        Kind::Steps => steps(desk, entry, line, first, of.counted)?,
        _ => (Charge::Form(first), of.counted),
    };
    Ok(Formed { before: Vec::new(), charge, counted })
}

/// Reads a form; a constant alone counts what stands beside it.
fn sum(
    desk: &Desk<'_, '_, '_>,
    entry: &Entry<'_>,
    form: &Spanned<shape::Form>,
    key: &str,
    beside: Counted,
) -> Result<Sum, DeskError> {
    let keys = form.get_ref();
    let mut total = Sum {
        terms: Vec::new(),
        constant: Decimal::ZERO,
        per: Per::Bill,
        divisor: keys.divisor.as_ref().map_or(1, |divisor| *divisor.get_ref()),
        counted: Counted::Number,
    };
    for term in keys.sum.iter().flatten() {
        let name = &term.of.get_ref().0;
        let wrong = |problem: String| Problem::new(problem).at(entry.place(&term.of, key));
        let (of, counts) = desk
            .values
            .find(name)
            .ok_or_else(|| wrong(format!("\"{name}\" is no quantity, no cell, and no line above this one")))?;
        let times = term.times.as_ref().map(|times| {
            counted::factor(&times.get_ref().0, counts, &desk.currency).map_err(|p| p.at(entry.place(times, key)))
        });
        let (times, counts) = times.transpose()?.unwrap_or((Decimal::ONE, counts));
        if total.terms.iter().any(|(known, _)| *known == of) {
            return Err(wrong(format!("\"{name}\" is named twice")));
        }
        total.counted = total.counted.with(counts).ok_or_else(|| {
            let (a, b) = (total.counted.name(&desk.currency), counts.name(&desk.currency));
            wrong(format!("{b} cannot be added to {a}; give each its price"))
        })?;
        total.terms.push((of, times));
    }
    if let Some(add) = &keys.add {
        let beside = if total.terms.is_empty() { beside } else { total.counted };
        let read = counted::constant(&add.get_ref().0, beside, &desk.currency);
        let (constant, per, counts) = read.map_err(|p| p.at(entry.place(add, key)))?;
        (total.constant, total.per) = (constant, per);
        total.counted = total.counted.with(counts).unwrap_or(total.counted);
    }
    if keys.divisor.as_ref().is_some_and(|divisor| *divisor.get_ref() == 0)
        || total.terms.is_empty() && keys.add.is_none()
    {
        return Err(Problem::new("a form has a `sum` or an `add`, and no divisor of 0").at(entry.place(form, key)));
    }
    Ok(total)
}

impl Sum {
    /// In whole numbers: one divisor for all fractions.
    fn form(&self) -> Result<Form, Problem> {
        let too_fine = || Problem::new("these factors have more digits than a tariff can carry");
        let all = self.terms.iter().map(|(_, times)| *times).chain([self.constant]);
        let parts = all.map(Decimal::fraction).collect::<Option<Vec<_>>>().ok_or_else(too_fine)?;
        let common = parts.iter().try_fold(1u64, |common, (_, d)| (common / gcd(common, *d)).checked_mul(*d));
        let common = common.ok_or_else(too_fine)?;
        let divisor = common.checked_mul(self.divisor).ok_or_else(too_fine)?;
        let wide = |(n, d): &(i128, u64)| n.checked_mul(i128::from(common / d));
        let whole = parts.iter().map(wide).collect::<Option<Vec<_>>>().ok_or_else(too_fine)?;
        let shared = whole.iter().try_fold(divisor, |shared, n| {
            u64::try_from(n.unsigned_abs() % u128::from(shared.max(1))).map(|rest| gcd(shared, rest)).ok()
        });
        let shared = shared.ok_or_else(too_fine)?.max(1);
        let mut reduced = whole.iter().map(|n| i64::try_from(n / i128::from(shared)).map_err(|_| too_fine()));
        let mut terms = Vec::with_capacity(self.terms.len());
        for (of, _) in &self.terms {
            let factor = reduced.next().ok_or_else(too_fine)??;
            if factor != 0 {
                terms.push(Term { of: *of, factor });
            }
        }
        terms.sort_by_key(|term| term.of);
        let amount = reduced.next().ok_or_else(too_fine)??;
        if amount.unsigned_abs() >= STANDING_LIMIT {
            return Err(too_fine());
        }
        let per = if amount == 0 { Per::Bill } else { self.per };
        Ok(Form { terms, constant: Limit { amount, per }, divisor: divisor / shared })
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn steps(
    desk: &Desk<'_, '_, '_>,
    entry: &Entry<'_>,
    line: &source::Line,
    of: Form,
    beside: Counted,
) -> Result<(Charge, Counted), DeskError> {
    let list = entry.needed(line, line.step.as_ref(), "step", "[{ at = \"2 kW\", amount = \"206 NOK\" }]")?;
    let mut counts = Counted::Number;
    let mut whole = |text: &Spanned<Quoted>, beside: Counted, key: &str, amount: bool| {
        let wrong = |problem: Problem| problem.at(entry.place(text, key));
        let (exact, per, counted) = counted::constant(&text.get_ref().0, beside, &desk.currency).map_err(wrong)?;
        if amount {
            counts = counts.with(counted).unwrap_or(counts);
        }
        let value = exact.whole().and_then(|whole| i64::try_from(whole).ok()).filter(|_| per == Per::Bill);
        value.ok_or_else(|| {
            wrong(Problem::new("in a table this is a whole number of the smallest units, for each bill"))
        })
    };
    let base = line.base.as_ref().map(|base| whole(base, Counted::Number, "base", true)).transpose()?.unwrap_or(0);
    let mut before = base;
    let mut steps = Vec::with_capacity(list.get_ref().len());
    for step in list.get_ref() {
        let at = whole(&step.at, beside, "at", false)?;
        let amount = whole(&step.amount, Counted::Number, "amount", true)?;
        let more = amount.checked_sub(before);
        let more = more.ok_or_else(|| Problem::new("out of range").at(entry.place(&step.amount, "amount")))?;
        steps.push(Step { at, inclusive: step.inclusive.unwrap_or(true), amount: more });
        before = amount;
    }
    Ok((Charge::Steps { of, base, steps }, counts))
}

/// Tiers on a total: what is above each limit stands aside, and the line is the first price on all, and the differences.
fn blocks(desk: &mut Desk<'_, '_, '_>, entry: &Entry<'_>, line: &source::Line) -> Result<Formed, DeskError> {
    let name = &line.name.get_ref().0;
    let tiers =
        entry.needed(line, line.tier.as_ref(), "tier", "[{ upto = \"400 kWh/month\", price = \"0.12 EUR/kWh\" }]")?;
    let total = match &line.of {
        Some(form) => sum(desk, entry, form, "of", Counted::Number)?,
        None => measured(desk, entry, line)?,
    };
    if total.constant != Decimal::ZERO {
        return Err(Problem::new("tiers are on a sum without an `add`").at(entry.place(&line.kind, "of")));
    }
    let mut charged = Sum { counted: Counted::Money, ..total.clone() };
    let mut before = Vec::new();
    let mut last: Option<Decimal> = None;
    let count = tiers.get_ref().len();
    for (place, tier) in tiers.get_ref().iter().enumerate() {
        let wrong = |problem: &str| Problem::new(problem).at(entry.place(&tier.price, "tier"));
        let text = &tier.price.get_ref().0;
        let read = counted::factor(text, total.counted, &desk.currency);
        let (price, counts) = read.map_err(|p| p.at(entry.place(&tier.price, "tier")))?;
        if counts != Counted::Money {
            return Err(wrong("a tier has a price, such as \"0.12 EUR/kWh\""));
        }
        let too_fine = || wrong("this price has too many digits");
        if let Some(last) = last {
            let above =
                u8::try_from(desk.values.lines() + before.len() - 1).map_err(|_| wrong("there are too many lines"))?;
            let scale = Decimal::new(i128::from(total.divisor), 0).ok_or_else(too_fine)?;
            let more = last.times(Decimal::MINUS_ONE).and_then(|l| price.plus(l)).and_then(|m| m.times(scale));
            charged.terms.push((Ref::Line(above), more.ok_or_else(too_fine)?));
        } else {
            for (_, times) in &mut charged.terms {
                *times = times.times(price).ok_or_else(too_fine)?;
            }
        }
        last = Some(price);
        match &tier.upto {
            None if place + 1 == count => {}
            Some(upto) if place + 1 < count => {
                let at = entry.place(upto, "upto");
                let read = counted::constant(&upto.get_ref().0, total.counted, &desk.currency);
                let (limit, per, _) = read.map_err(|p| p.at(at.clone()))?;
                let scale = Decimal::new(-i128::from(total.divisor), 0).ok_or_else(too_fine)?;
                let constant = limit.times(scale).ok_or_else(too_fine)?;
                let excess = Sum { constant, per, ..total.clone() }.form().map_err(|p| p.at(at))?;
                before.push(Line {
                    name: format!("{name} above {}", upto.get_ref().0.trim()),
                    rounding: None,
                    charge: Charge::Excess(excess),
                    rule: Some(Rule { aside: true, when: Vec::new() }),
                });
            }
            _ => return Err(wrong("every tier but the last has an `upto`")),
        }
    }
    let form = charged.form().map_err(|p| p.at(entry.place(tiers, "tier")))?;
    Ok(Formed { before, charge: Charge::Form(form), counted: Counted::Money })
}

/// A quantity for all that a register took.
fn measured(desk: &mut Desk<'_, '_, '_>, entry: &Entry<'_>, line: &source::Line) -> Result<Sum, DeskError> {
    let (register, unit) = desk.register(line.register.as_ref(), entry.place(&line.name, "register"))?;
    let weights = bands::flat(1, desk.valid)
        .map_err(|_| Problem::new("the validity is too long").at(entry.place(&line.name, "name")))?;
    let name = format!("{} total", line.name.get_ref().0);
    let counted = Counted::Units { unit, window: None };
    let of = desk
        .values
        .add_quantity(Quantity { name, unit, register, measure: Measure::Sum { weights, fallback: 1 } }, counted);
    let of = of.map_err(|p| p.at(entry.place(&line.name, "name")))?;
    Ok(Sum { terms: vec![(of, Decimal::ONE)], constant: Decimal::ZERO, per: Per::Bill, divisor: 1, counted })
}
