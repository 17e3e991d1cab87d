//! Bounds of a tariff, checked by whoever signs one and by whoever reads one.

use super::check_algebra::{check_steps, of_form};
use super::{Charge, Line, Per, Prices, Schedule, Tariff};
use crate::money::{PRICE_LIMIT, Rounding};
use crate::wire::WireError;

/// Most lines of a bill.
const MAX_LINES: usize = 32;
/// Most registers of a tariff.
const MAX_REGISTERS: usize = 8;
/// Longest name or id.
const MAX_TEXT: usize = 120;
/// Standing amounts stay below this: 2⁶⁰, some 10⁹ currency units. They are public, so no circuit bounds them.
pub const STANDING_LIMIT: u64 = 1 << 60;
/// Most taxes without a rounding between them on the way to one line: two factors N/D (docs/protocol.md).
const MAX_FACTORS: u8 = 2;

/// Why a tariff is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TariffError {
    /// The bytes or the signature are wrong.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The content breaks a bound.
    #[error("the tariff is not valid: {0}")]
    Invalid(&'static str),
}

impl Tariff {
    /// Checks every bound that the bill relation relies on.
    ///
    /// # Errors
    /// The first bound that is broken.
    pub fn check(&self) -> Result<(), TariffError> {
        let minor = self.currency.minor();
        let code = self.currency.code.as_bytes();
        require(minor.is_some(), "the currency has more than nine decimals")?;
        require(code.len() == 3 && code.iter().all(u8::is_ascii_uppercase), "the currency is not an ISO 4217 code")?;
        let texts = [&self.id, &self.name, &self.provider.name, &self.zone.name];
        require(texts.into_iter().all(|t| is_text(t)), "a name is empty, too long or not printable")?;
        require(
            self.valid.from < self.valid.until && self.valid.until < 1 << 40,
            "the validity is empty or out of range",
        )?;
        require(self.zone.is_well_formed(), "the time-zone changes are out of order")?;
        require(is_rounding(&self.total), "the total's rounding is out of range")?;
        require(
            minor.is_some_and(|m| self.total.step.is_multiple_of(m)),
            "the total is not rounded to the minor unit",
        )?;

        require((1..=MAX_REGISTERS).contains(&self.registers.len()), "a tariff bills 1 to 8 registers")?;
        require(all_different(self.registers.iter().map(|r| r.code.as_str())), "a register is named twice")?;
        require(!self.lines.is_empty() && self.lines.len() <= MAX_LINES, "a tariff has 1 to 32 lines")?;
        require(all_different(self.lines.iter().map(|l| l.name.as_str())), "a line is named twice")?;
        for place in 0..self.registers.len() {
            let measured = || self.quantities().iter().any(|q| usize::from(q.register) == place);
            let billed = self.energy_lines().any(|(_, l)| l.register == place) || measured();
            require(billed, "a register is billed by no line")?;
        }
        self.check_algebra()?;
        let mut factors = Vec::with_capacity(self.lines.len());
        let mut denominators: Vec<u128> = Vec::with_capacity(self.lines.len());
        for (place, line) in self.lines.iter().enumerate() {
            require(is_text(&line.name), "a line's name is empty, too long or not printable")?;
            require(line.rounding.as_ref().is_none_or(is_rounding), "a line's rounding is out of range")?;
            let open = self.check_charge(place, line, &factors)?;
            require(open <= MAX_FACTORS, "more than two unrounded factors follow each other; round a line between")?;
            factors.push(if line.rounding.is_some() { 0 } else { open });
            let exact = denominator(line, &denominators)?;
            denominators.push(if line.rounding.is_some() { 1 } else { exact });
        }
        denominators.iter().try_fold(1, |all, one| common(all, *one))?;
        Ok(())
    }

    /// Checks a line and counts the factors N/D on the way to it that no rounding has closed.
    fn check_charge(&self, place: usize, line: &Line, factors: &[u8]) -> Result<u8, TariffError> {
        match &line.charge {
            Charge::Energy { register, schedule, fallback } => {
                require(usize::from(*register) < self.registers.len(), "a line bills a register that is not declared")?;
                require(is_price(*fallback), "a fallback price is out of range")?;
                schedule.check(self.valid.from, self.valid.until)?;
                Ok(0)
            }
            Charge::Standing { amount, per } => {
                require(amount.unsigned_abs() < STANDING_LIMIT, "a standing amount is out of range")?;
                Ok(u8::from(matches!(per, Per::Month | Per::Year)))
            }
            Charge::Tax { numerator, denominator, base } => {
                require(
                    *denominator > 0 && *denominator < PRICE_LIMIT && *numerator < PRICE_LIMIT,
                    "a tax rate is out of range",
                )?;
                require(gcd(*numerator, *denominator) == 1, "a tax rate is not in lowest terms")?;
                let increasing = base.windows(2).all(|w| matches!(w, [a, b] if a < b));
                let earlier = base.iter().all(|line| usize::from(*line) < place);
                require(!base.is_empty() && increasing && earlier, "a tax must be on earlier lines, in order")?;
                Ok(base.iter().filter_map(|line| factors.get(usize::from(*line))).max().copied().unwrap_or(0) + 1)
            }
            Charge::Form(form) | Charge::Excess(form) => self.check_form(place, form, factors),
            Charge::Greater(a, b) | Charge::Lesser(a, b) => {
                Ok(self.check_form(place, a, factors)?.max(self.check_form(place, b, factors)?))
            }
            Charge::Steps { of, base, steps } => {
                check_steps(*base, steps)?;
                self.check_form(place, of, factors)?;
                Ok(0)
            }
        }
    }
}

/// The denominator that a line's exact amount can have, before its own rounding.
fn denominator(line: &Line, earlier: &[u128]) -> Result<u128, TariffError> {
    match &line.charge {
        Charge::Energy { .. } => Ok(1),
        Charge::Standing { per, .. } => Ok(of_days(*per)),
        Charge::Tax { denominator, base, .. } => {
            let taxed = base.iter().filter_map(|place| earlier.get(usize::from(*place)));
            let sum = taxed.copied().try_fold(1, common)?;
            within(sum.checked_mul(u128::from(*denominator)))
        }
        Charge::Form(form) | Charge::Excess(form) => of_form(form, earlier),
        Charge::Greater(a, b) | Charge::Lesser(a, b) => common(of_form(a, earlier)?, of_form(b, earlier)?),
        Charge::Steps { of, .. } => of_form(of, earlier).map(|_| 1),
    }
}

/// Of an amount that is shared out by days: 28, 29, 30 and 31 days; 365 and 366 days.
pub(super) fn of_days(per: Per) -> u128 {
    match per {
        Per::Day | Per::Bill => 1,
        Per::Month => 4 * 7 * 29 * 3 * 5 * 31,
        Per::Year => 365 * 366,
    }
}

/// The least common multiple of two denominators.
pub(super) fn common(a: u128, b: u128) -> Result<u128, TariffError> {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    within((a / x.max(1)).checked_mul(b))
}

/// Denominators stay below 2⁸⁰ (docs/protocol.md, "Money").
pub(super) fn within(denominator: Option<u128>) -> Result<u128, TariffError> {
    let fits = denominator.filter(|d| *d < 1 << 80);
    fits.ok_or(TariffError::Invalid("the fractions of several lines have no small common denominator; round a line"))
}

impl Schedule {
    pub(super) fn check(&self, from: u64, until: u64) -> Result<(), TariffError> {
        require([900, 1800, 3600].contains(&self.base), "prices are for 15, 30 or 60 minutes")?;
        let base = u64::from(self.base);
        let end = self.first.checked_add(self.units()).and_then(|u| u.checked_mul(base));
        require(end.is_some_and(|end| end < 1 << 40), "a schedule is out of range")?;
        require(
            self.first * base <= from && end.is_some_and(|end| end >= until),
            "a line has no price for part of the validity",
        )?;
        match &self.prices {
            Prices::Bands { bands, runs } => {
                require(!bands.is_empty() && bands.len() <= 64, "a line has 1 to 64 bands")?;
                require(
                    bands.iter().all(|b| is_price(b.price) && is_text(&b.name)),
                    "a band's price or name is out of range",
                )?;
                require(all_different(bands.iter().map(|b| b.name.as_str())), "a band is named twice")?;
                let known = runs.iter().all(|r| r.units > 0 && usize::from(r.band) < bands.len());
                let distinct = runs.windows(2).all(|w| matches!(w, [a, b] if a.band != b.band));
                require(known && distinct, "a schedule's runs are not in canonical form")
            }
            Prices::Series(prices) => require(prices.iter().all(|p| is_price(*p)), "a price is out of range"),
        }
    }
}

pub(super) fn require(holds: bool, otherwise: &'static str) -> Result<(), TariffError> {
    if holds { Ok(()) } else { Err(TariffError::Invalid(otherwise)) }
}

pub(super) fn is_price(value: i64) -> bool {
    value.unsigned_abs() < PRICE_LIMIT
}

fn is_rounding(rounding: &Rounding) -> bool {
    (1..PRICE_LIMIT).contains(&rounding.step)
}

pub(super) fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}

pub(super) fn all_different<'a>(names: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    let mut names = names;
    names.all(|name| seen.insert(name))
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
