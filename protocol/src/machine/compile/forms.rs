//! Lines as exact forms over a machine's values, and the rows where something must be compared or rounded.

use std::collections::BTreeMap;

use ethnum::I256;

use super::CompileError;
use super::units::Places;
use crate::bill::share;
use crate::machine::{Affine, DIVISOR_BITS, Narrow, Shape, Wide};
use crate::money::{Amount, OutOfRange, Rounding};
use crate::tariff::{Charge, Form, Ref, Tariff};
use crate::time::Span;

/// Σ fraction · value; place 0 is the constant.
#[derive(Clone, Debug, Default)]
pub(super) struct Exact(BTreeMap<usize, Amount>);

impl Exact {
    pub fn value(place: usize) -> Self {
        Self(BTreeMap::from([(place, Amount::from_nano(1))]))
    }

    pub fn constant(amount: Amount) -> Self {
        Self(BTreeMap::from([(0, amount)]))
    }

    pub fn plus(mut self, other: &Self) -> Result<Self, CompileError> {
        for (place, fraction) in &other.0 {
            let sum = self.0.get(place).copied().unwrap_or(Amount::ZERO).plus(*fraction)?;
            self.0.insert(*place, sum);
        }
        self.0.retain(|_, fraction| *fraction != Amount::ZERO);
        Ok(self)
    }

    pub fn times(&self, numerator: i128, denominator: i128) -> Result<Self, CompileError> {
        let scaled = self.0.iter().map(|(place, fraction)| Ok((*place, fraction.times(numerator, denominator)?)));
        Self(scaled.collect::<Result<_, CompileError>>()?).plus(&Self::default())
    }

    /// As a whole-numbered form and what it is to be divided by, when it is divided by `step` as well.
    pub fn over(&self, step: Amount) -> Result<(Affine, u128), CompileError> {
        let (numerator, denominator) = step.fraction_parts();
        let mut common = I256::ONE;
        for fraction in self.0.values() {
            let (_, below) = fraction.fraction_parts();
            common = common / gcd(common, below) * below;
        }
        let weight = |fraction: &Amount| {
            let (top, bottom) = fraction.fraction_parts();
            i128::try_from(top.checked_mul(common / bottom * denominator)?).ok()
        };
        let terms = self.0.iter().map(|(place, fraction)| weight(fraction).map(|weight| (*place, weight)));
        let terms = terms.collect::<Option<Vec<_>>>().ok_or(CompileError::TooLarge("a factor of a form"))?;
        let divisor = common.checked_mul(numerator).and_then(|divisor| u128::try_from(divisor).ok());
        let divisor = divisor.filter(|divisor| *divisor < 1 << DIVISOR_BITS);
        Ok((Affine(terms), divisor.ok_or(CompileError::TooLarge("the denominator of a line"))?))
    }

    /// As a whole-numbered form, when it is one.
    pub fn whole(&self) -> Option<Affine> {
        let terms = self.0.iter().map(|(place, fraction)| Some((*place, fraction.whole_nano()?)));
        Some(Affine(terms.collect::<Option<Vec<_>>>()?))
    }

    /// The highest place that it uses.
    fn highest(&self) -> usize {
        self.0.keys().next_back().copied().unwrap_or(0)
    }

    fn as_constant(&self) -> Option<Amount> {
        match self.0.len() {
            0 => Some(Amount::ZERO),
            1 => self.0.get(&0).copied(),
            _ => None,
        }
    }
}

fn gcd(a: I256, b: I256) -> I256 {
    let (mut a, mut b) = (a, b);
    while b != I256::ZERO {
        (a, b) = (b, a % b);
    }
    a
}

/// Rows as they are needed, each in the first stage that has room and sees what it uses.
pub(super) struct Rows {
    shape: Shape,
    narrow: [Vec<Narrow>; 2],
    wide: [Vec<Wide>; 2],
}

impl Rows {
    pub fn new(shape: Shape) -> Self {
        Self { shape, narrow: Default::default(), wide: Default::default() }
    }

    pub fn take(self) -> ([Vec<Narrow>; 2], [Vec<Wide>; 2]) {
        (self.narrow, self.wide)
    }

    /// A rounded form.
    pub fn round(&mut self, exact: &Exact, rounding: Rounding) -> Result<Exact, CompileError> {
        if let Some(constant) = exact.as_constant() {
            return Ok(Exact::constant(constant.round(rounding)?));
        }
        let step = Amount::from_nano(i128::from(rounding.step));
        let (of, divisor) = exact.over(step)?;
        let place = self.wide(exact.highest(), Wide { of, divisor, mode: rounding.mode })?;
        Exact::value(place).times(i128::from(rounding.step), 1)
    }

    /// A whole-numbered form as a row of the first stages, where cells can see it.
    pub fn copy(&mut self, exact: &Exact) -> Result<Exact, CompileError> {
        let of = exact.whole().ok_or(CompileError::TooLarge("a cell that is no whole number"))?;
        let place = self.wide(exact.highest(), Wide { of, ..Wide::default() })?;
        if place < self.shape.first_row(2) { Ok(Exact::value(place)) } else { Err(CompileError::Shape("more rows")) }
    }

    /// What a form is above zero.
    fn excess(&mut self, exact: &Exact) -> Result<Exact, CompileError> {
        if let Some(constant) = exact.as_constant() {
            return Ok(Exact::constant(constant.greater(Amount::ZERO)?));
        }
        let (of, divisor) = exact.over(Amount::from_nano(1))?;
        let place = self.narrow(exact.highest(), Narrow { of, hinge: true, reached: false })?;
        let divisor = i128::try_from(divisor).map_err(|_| OutOfRange)?;
        Exact::value(place).times(1, divisor)
    }

    /// 1 when a form is at least zero, or above zero.
    fn reached(&mut self, exact: &Exact, inclusive: bool) -> Result<Exact, CompileError> {
        if let Some(constant) = exact.as_constant() {
            let reached = if inclusive { !constant.is_negative() } else { constant.is_positive() };
            return Ok(Exact::constant(Amount::from_nano(i128::from(reached))));
        }
        let (mut of, _) = exact.over(Amount::from_nano(1))?;
        if !inclusive {
            // Whole numbers: above zero is at least one.
            let less = Affine::constant(-1);
            of = sum(&of, &less);
        }
        let place = self.narrow(exact.highest(), Narrow { of, hinge: false, reached: true })?;
        Ok(Exact::value(place))
    }

    fn narrow(&mut self, highest: usize, row: Narrow) -> Result<usize, CompileError> {
        self.settle(highest, [0, 2], |rows, stage| {
            let room = rows.shape.narrow.get(stage).copied().unwrap_or(0);
            let list = rows.narrow.get_mut(stage)?;
            (list.len() < room).then(|| list.push(row.clone())).map(|()| list.len() - 1)
        })
    }

    fn wide(&mut self, highest: usize, row: Wide) -> Result<usize, CompileError> {
        self.settle(highest, [1, 3], |rows, stage| {
            let room = rows.shape.wide.get(stage).copied().unwrap_or(0);
            let list = rows.wide.get_mut(stage)?;
            (list.len() < room).then(|| list.push(row.clone())).map(|()| list.len() - 1)
        })
    }

    /// The place of a row in the first stage that comes after what it uses and has room.
    fn settle(
        &mut self,
        highest: usize,
        stages: [usize; 2],
        mut push: impl FnMut(&mut Self, usize) -> Option<usize>,
    ) -> Result<usize, CompileError> {
        for (half, stage) in stages.into_iter().enumerate() {
            // Rows of one stage see those before them in the same stage.
            if highest < self.shape.first_row(stage + 1)
                && let Some(place) = push(self, half)
            {
                return Ok(self.shape.first_row(stage) + place);
            }
        }
        Err(CompileError::Shape("more rows"))
    }
}

fn sum(a: &Affine, b: &Affine) -> Affine {
    let mut terms: BTreeMap<usize, i128> = a.0.iter().copied().collect();
    for (place, weight) in &b.0 {
        *terms.entry(*place).or_default() += weight;
    }
    Affine(terms.into_iter().filter(|(_, weight)| *weight != 0).collect())
}

/// What a line comes to before its own rounding.
#[allow(clippy::too_many_arguments)] // everything that a line may refer to
pub(super) fn charge(
    tariff: &Tariff,
    period: &Span,
    charge: &Charge,
    energy: Option<usize>,
    places: &Places,
    lines: &[Exact],
    rows: &mut Rows,
    shape: Shape,
) -> Result<Exact, CompileError> {
    let form = |form: &Form| {
        let constant = share(tariff, form.constant.amount, form.constant.per, period)?;
        let mut sum = Exact::constant(constant);
        for term in &form.terms {
            let of = match term.of {
                Ref::Quantity(place) => {
                    Exact::value(places.quantities.get(usize::from(place)).copied().ok_or(OutOfRange)?)
                }
                Ref::Cell(place) => Exact::value(shape.first_cell() + usize::from(place)),
                Ref::Line(place) => lines.get(usize::from(place)).cloned().ok_or(OutOfRange)?,
            };
            sum = sum.plus(&of.times(i128::from(term.factor), 1)?)?;
        }
        sum.times(1, i128::from(form.divisor))
    };
    let minus = |a: &Exact, b: &Exact| a.clone().plus(&b.times(-1, 1)?);
    match charge {
        Charge::Energy { .. } => Ok(Exact::value(energy.ok_or(OutOfRange)?)),
        Charge::Standing { amount, per } => Ok(Exact::constant(share(tariff, *amount, *per, period)?)),
        Charge::Tax { numerator, denominator, base } => base
            .iter()
            .filter_map(|place| lines.get(usize::from(*place)))
            .try_fold(Exact::default(), Exact::plus)?
            .times(i128::from(*numerator), i128::from(*denominator)),
        Charge::Form(of) => form(of),
        Charge::Excess(of) => rows.excess(&form(of)?),
        Charge::Greater(a, b) => {
            let (a, b) = (form(a)?, form(b)?);
            rows.excess(&minus(&a, &b)?)?.plus(&b)
        }
        Charge::Lesser(a, b) => {
            let (a, b) = (form(a)?, form(b)?);
            minus(&a, &rows.excess(&minus(&a, &b)?)?)
        }
        Charge::Steps { of, base, steps } => {
            let of = form(of)?;
            let mut amount = Exact::constant(Amount::from_nano(i128::from(*base)));
            for step in steps {
                let distance = of.clone().plus(&Exact::constant(Amount::from_nano(-i128::from(step.at))))?;
                let reached = rows.reached(&distance, step.inclusive)?;
                amount = amount.plus(&reached.times(i128::from(step.amount), 1)?)?;
            }
            Ok(amount)
        }
    }
}
