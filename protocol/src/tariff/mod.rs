//! Tariffs: what a provider signs, and what the bill relation reads.
//!
//! A tariff is data, already compiled: calendars, bands and clock changes have become prices on the UTC grid, so
//! nobody who checks a bill needs a time-zone database. In version 1 every line is a sum of public weights times
//! readings, a standing amount, or a tax on earlier lines; version 2 adds the quantities and forms of [`algebra`].

pub mod algebra;
mod check;
mod check_algebra;
mod prices;

pub use algebra::{Cell, Form, Limit, Measure, Quantity, Ref, Step, Term, Within};
pub use check::{STANDING_LIMIT, TariffError};
pub use check_algebra::TENS;
pub use prices::{Band, PriceError, Prices, Run, Schedule};

use ed25519_dalek::SigningKey;
use metrology::cose::purpose;
use metrology::keys::{Hash, hash};
use metrology::label::{RegisterCode, Unit};
use minicbor::{Decode, Encode};

use crate::money::{Currency, Rounding};
use crate::time::{Span, Zone};
use crate::wire::{self, Signed, WireError};

/// Format version of tariffs of prices, standing amounts and taxes alone.
pub const VERSION: u8 = 1;
/// Format version of tariffs with anything else.
pub const VERSION_ALGEBRA: u8 = 2;

/// A provider's price list for a span of time.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Tariff {
    /// Format version, [`VERSION`] or [`VERSION_ALGEBRA`].
    #[n(0)]
    pub version: u8,
    /// The provider's own name for it; unique with them.
    #[n(1)]
    pub id: String,
    /// For people.
    #[n(2)]
    pub name: String,
    /// Who sets it.
    #[n(3)]
    pub provider: Provider,
    /// The currency of all amounts.
    #[n(4)]
    pub currency: Currency,
    /// When it applies.
    #[n(5)]
    pub valid: Span,
    /// The civil time its days follow.
    #[n(6)]
    pub zone: Zone,
    /// The registers it bills.
    #[n(7)]
    pub registers: Vec<TariffRegister>,
    /// The lines of a bill, in order.
    #[n(8)]
    pub lines: Vec<Line>,
    /// How the sum of all lines is rounded to the amount due; the step is a multiple of the minor unit.
    #[n(9)]
    pub total: Rounding,
    /// Quantities and state, in version 2.
    #[n(10)]
    pub algebra: Option<Algebra>,
}

/// What version 2 adds to a tariff as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Algebra {
    /// Numbers that follow from the readings.
    #[n(0)]
    pub quantities: Vec<Quantity>,
    /// Numbers that one period leaves to the next.
    #[n(1)]
    pub cells: Vec<Cell>,
}

/// Who sets a tariff.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Provider {
    /// For people.
    #[n(0)]
    pub name: String,
    /// Ed25519 key that signs the tariff; bills are addressed to it.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub key: [u8; 32],
}

/// A register that a tariff bills.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct TariffRegister {
    /// The register's code at the meter.
    #[cbor(n(0), with = "crate::block::text")]
    pub code: RegisterCode,
    /// The unit that its prices are for.
    #[cbor(n(1), with = "crate::block::text")]
    pub unit: Unit,
    /// Whether its readings are rounded before they are priced: to tens, half to even, and nothing else. Version 2.
    #[n(2)]
    pub rounding: Option<Rounding>,
}

/// A line of a bill.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Line {
    /// For people; unique within the tariff.
    #[n(0)]
    pub name: String,
    /// How the line is rounded; none keeps it exact until it is taxed or totalled.
    #[n(1)]
    pub rounding: Option<Rounding>,
    /// What it charges.
    #[n(2)]
    pub charge: Charge,
    /// Whether and when it counts, in version 2. Without a rule it always does.
    #[n(3)]
    pub rule: Option<Rule>,
}

/// Whether and when a line counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Rule {
    /// It is computed for other lines and no part of the total; it need not be money.
    #[n(0)]
    pub aside: bool,
    /// It counts in periods that begin in one of these spans, and is zero in others; none means always.
    #[n(1)]
    pub when: Vec<Span>,
}

impl Rule {
    /// Whether the line counts in a period.
    #[must_use]
    pub fn counts(&self, period: &Span) -> bool {
        self.when.is_empty() || self.when.iter().any(|span| (span.from..span.until).contains(&period.from))
    }
}

impl Line {
    /// Whether it is part of the total.
    #[must_use]
    pub fn is_charged(&self) -> bool {
        self.rule.as_ref().is_none_or(|rule| !rule.aside)
    }
}

/// What a line charges.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Charge {
    /// Σ price(slot) · reading(slot), plus the fallback price times the residuals.
    #[n(0)]
    Energy {
        /// Place of the register in [`Tariff::registers`].
        #[n(0)]
        register: u8,
        /// Price of each slot, 10⁻⁹ currency units per unit of the register; negative ones are credits.
        #[n(1)]
        schedule: Schedule,
        /// Price of what missing slots and overflow left in the residual.
        #[n(2)]
        fallback: i64,
    },
    /// A fixed amount by time.
    #[n(1)]
    Standing {
        /// 10⁻⁹ currency units for one period of `per`.
        #[n(0)]
        amount: i64,
        /// What the amount is for.
        #[n(1)]
        per: Per,
    },
    /// A rate on the sum of earlier lines, as they stand after their own rounding.
    #[n(2)]
    Tax {
        /// Numerator of the rate.
        #[n(0)]
        numerator: u64,
        /// Denominator of the rate, in lowest terms.
        #[n(1)]
        denominator: u64,
        /// Places of the taxed lines, increasing, all before this one.
        #[n(2)]
        base: Vec<u8>,
    },
    /// A form. Version 2, as all that follow.
    #[n(3)]
    Form(#[n(0)] Form),
    /// What a form is above zero.
    #[n(4)]
    Excess(#[n(0)] Form),
    /// The greater of two forms.
    #[n(5)]
    Greater(#[n(0)] Form, #[n(1)] Form),
    /// The lesser of two forms.
    #[n(6)]
    Lesser(#[n(0)] Form, #[n(1)] Form),
    /// A table of steps, looked up by a form; `base` below the first.
    #[n(7)]
    Steps {
        /// What is looked up.
        #[n(0)]
        of: Form,
        /// 10⁻⁹ currency units.
        #[n(1)]
        base: i64,
        /// The steps, 1 to 12, by increasing place.
        #[n(2)]
        steps: Vec<Step>,
    },
}

/// What a standing amount is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Per {
    /// Each local day.
    #[n(0)]
    Day,
    /// Each local calendar month, in proportion to its days.
    #[n(1)]
    Month,
    /// Each local calendar year, in proportion to its 365 or 366 days.
    #[n(2)]
    Year,
    /// Each bill.
    #[n(3)]
    Bill,
}

/// A tariff whose signature and content were checked, with the hash that bills name.
#[derive(Clone, Debug)]
pub struct SignedTariff {
    /// The tariff.
    pub tariff: Tariff,
    /// Hash of the payload as received.
    pub hash: Hash,
}

impl SignedTariff {
    /// Reads a signed tariff: canonical form, content within bounds, signature by the key it names.
    ///
    /// Whether that key is the provider's is for the caller to decide; it never comes from a bill.
    ///
    /// # Errors
    /// The whole tariff is refused; nothing of it is applied.
    pub fn read(message: &[u8]) -> Result<Self, TariffError> {
        let signed = Signed::read(message, "tariff")?;
        wire::expect_versions(signed.payload, "tariff", &[VERSION, VERSION_ALGEBRA])?;
        let tariff: Tariff = wire::decode(signed.payload, "tariff")?;
        signed.verify(&tariff.provider.key, purpose::TARIFF, "tariff")?;
        tariff.check()?;
        Ok(Self { hash: tariff_hash(signed.payload), tariff })
    }
}

impl Tariff {
    /// Checks and signs. The key must be the one the tariff names.
    ///
    /// # Errors
    /// When the content is out of bounds or the key is another.
    pub fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, TariffError> {
        self.check()?;
        if key.verifying_key().to_bytes() != self.provider.key {
            return Err(WireError::Signature("tariff").into());
        }
        Ok(wire::sign(key, purpose::TARIFF, &wire::encode(self)))
    }

    /// The energy lines, with their place in the tariff.
    pub fn energy_lines(&self) -> impl Iterator<Item = (usize, EnergyLine<'_>)> {
        self.lines.iter().enumerate().filter_map(|(place, line)| match &line.charge {
            Charge::Energy { register, schedule, fallback } => {
                Some((place, EnergyLine { register: usize::from(*register), schedule, fallback: *fallback }))
            }
            _ => None,
        })
    }

    /// The quantities, none in version 1.
    #[must_use]
    pub fn quantities(&self) -> &[Quantity] {
        self.algebra.as_ref().map_or(&[], |algebra| &algebra.quantities)
    }

    /// The carried cells, none in version 1.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        self.algebra.as_ref().map_or(&[], |algebra| &algebra.cells)
    }

    /// Whether everything is linear in the readings: prices, standing amounts and taxes alone.
    #[must_use]
    pub fn is_linear(&self) -> bool {
        self.version == VERSION
    }

    /// Whether a line counts local days, so that a billing period must begin and end with one.
    #[must_use]
    pub fn counts_days(&self) -> bool {
        let by_days = |per: &Per| matches!(per, Per::Day | Per::Month | Per::Year);
        let in_form = |form: &Form| by_days(&form.constant.per);
        let line = |line: &Line| match &line.charge {
            Charge::Standing { per, .. } => by_days(per),
            Charge::Energy { .. } | Charge::Tax { .. } => false,
            Charge::Form(of) | Charge::Excess(of) | Charge::Steps { of, .. } => in_form(of),
            Charge::Greater(a, b) | Charge::Lesser(a, b) => in_form(a) || in_form(b),
        };
        let quantity = |quantity: &Quantity| match &quantity.measure {
            Measure::Beyond { limit, .. } => by_days(&limit.per),
            Measure::Greatest { within, .. } => *within != Within::Period,
            Measure::Sum { .. } | Measure::Over { .. } => false,
        };
        self.lines.iter().any(line) || self.quantities().iter().any(quantity)
    }
}

/// An energy line, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct EnergyLine<'a> {
    /// Place of the register.
    pub register: usize,
    /// Prices.
    pub schedule: &'a Schedule,
    /// Price of residuals.
    pub fallback: i64,
}

/// The hash by which bills name a tariff, over its payload bytes.
#[must_use]
pub fn tariff_hash(payload: &[u8]) -> Hash {
    hash("wattseal/v1/tariff-hash", &[payload])
}
