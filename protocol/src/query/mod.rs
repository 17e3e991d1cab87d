//! Questions about a register's readings, each as a tariff whose amount due is the answer (docs/query-tariffs.md).
//!
//! ```text
//! Subject, Question ─► Tariff, signed by whoever asks ─► proved and verified like any bill ─► amount due = answer
//! ```
//!
//! Nothing below knows that it is no price list: the same relation, machine, circuits and statement carry the answer. Its
//! currency is XXX, ISO 4217's code where no currency is involved, with nine decimals: the minor unit is then the unit of
//! calculation, and the amount due in minor units is the answer itself, a whole number that nothing has rounded.
//!
//! What may be asked, by whom and how often is not decided here.

mod compare;
mod moments;
mod schedule;

pub use compare::{CompareError, comparison, readdressed};
pub use moments::{Moments, bins, histogram};

use metrology::label::{RegisterCode, Unit};

use crate::money::{Currency, Mode, Rounding};
use crate::tariff::{
    Algebra, Charge, Form, Limit, Line, Measure, Per, Provider, Quantity, Ref, Step, Tariff, TariffError,
    TariffRegister, Term, VERSION_ALGEBRA, Within,
};
use crate::time::{Span, Zone};
use schedule::{always, during};

/// Where a question's answer is counted: no currency, nine decimals.
const CODE: &str = "XXX";
const EXPONENT: u8 = 9;

/// What is asked about, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The asker's own name for the question.
    pub id: String,
    /// For people: what is asked.
    pub name: String,
    /// Who asks: signs the question, and is whom answers are addressed to.
    pub asker: Provider,
    /// The time asked about, on a grid of quarter-hours.
    pub period: Span,
    /// Civil time, for local days.
    pub zone: Zone,
    /// The register.
    pub register: RegisterCode,
    /// Its unit.
    pub unit: Unit,
}

/// A question. Readings are those of slots; what no slot measured (the residual) counts in [`Question::Total`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// All that the register took, in its unit, with what was not measured by interval.
    Total,
    /// What its slots took within some stretches of time: a day, a band. They are in order and do not overlap.
    During(Vec<Span>),
    /// The greatest reading of a slot; `interval` are the seconds of a slot.
    Peak {
        /// Seconds of a slot: a meter with others cannot answer.
        interval: u16,
    },
    /// 1 when no reading is above a limit, 0 when one is.
    PeakAtMost(u16),
    /// How many slots reach a threshold.
    AtLeast(u16),
    /// The sum of the squares of the readings; variance follows from it ([`Moments`]).
    Squares,
}

impl Question {
    /// The tariff whose amount due is the answer.
    ///
    /// # Errors
    /// When the subject is out of a tariff's bounds, such as a period that is not on quarter-hours.
    pub fn tariff(&self, subject: &Subject) -> Result<Tariff, TariffError> {
        let period = &subject.period;
        let (name, unit, measure) = match self {
            Self::Total => ("taken", subject.unit, Measure::Sum { weights: always(period, 1)?, fallback: 1 }),
            Self::During(spans) => {
                ("taken then", subject.unit, Measure::Sum { weights: during(period, spans)?, fallback: 0 })
            }
            Self::Peak { interval } => {
                let (window, weights) = (*interval, always(period, 1)?);
                let measure = Measure::Greatest { weights, window, within: Within::Period, picks: 1, best: 1 };
                ("greatest reading", subject.unit, measure)
            }
            Self::PeakAtMost(limit) => ("slots above", unit("slots")?, reaching(period, u32::from(*limit) + 1)?),
            Self::AtLeast(least) => ("slots", unit("slots")?, reaching(period, u32::from(*least))?),
            Self::Squares => {
                let measure = Measure::Over {
                    thresholds: always(period, 0)?,
                    linear: always(period, 0)?,
                    square: Some(always(period, 1)?),
                    count: None,
                };
                ("squares", unit("squared")?, measure)
            }
        };
        let of = sum(vec![Term { of: Ref::Quantity(0), factor: 1 }]);
        let charge = match self {
            // None above: 1. One or more: 0.
            Self::PeakAtMost(_) => {
                Charge::Steps { of, base: 1, steps: vec![Step { at: 1, inclusive: true, amount: -1 }] }
            }
            _ => Charge::Form(of),
        };
        let tariff = Tariff {
            version: VERSION_ALGEBRA,
            id: subject.id.clone(),
            name: subject.name.clone(),
            provider: subject.asker.clone(),
            currency: whole_numbers(),
            valid: *period,
            zone: subject.zone.clone(),
            registers: vec![TariffRegister { code: subject.register, unit: subject.unit, rounding: None }],
            lines: vec![Line { name: "Answer".into(), rounding: None, charge, rule: None }],
            total: WHOLE,
            algebra: Some(Algebra {
                quantities: vec![Quantity { name: name.into(), unit, register: 0, measure }],
                cells: Vec::new(),
            }),
        };
        tariff.check()?;
        Ok(tariff)
    }
}

/// One question for each local day of a period: what its slots took. `None` when it is not of whole local days.
#[must_use]
pub fn by_day(subject: &Subject) -> Option<Vec<Question>> {
    let days = subject.zone.days(&subject.period)?;
    let starts = days.iter().map(|day| subject.zone.start_of(*day)).collect::<Option<Vec<_>>>()?;
    let ends = starts.iter().skip(1).chain([&subject.period.until]);
    Some(
        starts
            .iter()
            .zip(ends)
            .map(|(from, until)| Question::During(vec![Span { from: *from, until: *until }]))
            .collect(),
    )
}

/// The currency of answers.
#[must_use]
pub fn whole_numbers() -> Currency {
    Currency { code: CODE.into(), exponent: EXPONENT }
}

/// Whether a tariff's amount due is an answer and no money.
#[must_use]
pub fn is_question(tariff: &Tariff) -> bool {
    tariff.currency.code == CODE
}

/// Nothing is rounded: amounts are whole.
const WHOLE: Rounding = Rounding { step: 1, mode: Mode::HalfAway };

fn reaching(period: &Span, threshold: u32) -> Result<Measure, TariffError> {
    Ok(Measure::Over {
        thresholds: always(period, i64::from(threshold))?,
        linear: always(period, 0)?,
        square: None,
        count: Some(always(period, 1)?),
    })
}

fn sum(terms: Vec<Term>) -> Form {
    Form { terms, constant: Limit { amount: 0, per: Per::Bill }, divisor: 1 }
}

fn unit(text: &str) -> Result<Unit, TariffError> {
    Unit::new(text).ok_or(TariffError::Invalid("a unit is too long"))
}

#[cfg(test)]
mod tests;
