//! Tariffs: what a provider signs, and what the bill relation reads.
//!
//! A tariff is data, already compiled: calendars, bands and clock changes have become prices on the UTC grid, so
//! nobody who checks a bill needs a time-zone database. This is the linear part of the algebra: every line is a sum
//! of public weights times readings, a standing amount, or a tax on earlier lines.

mod check;
mod prices;

pub use check::{STANDING_LIMIT, TariffError};
pub use prices::{Band, PriceError, Prices, Run, Schedule};

use ed25519_dalek::SigningKey;
use metrology::cose::purpose;
use metrology::keys::{Hash, hash};
use metrology::label::{RegisterCode, Unit};
use minicbor::{Decode, Encode};

use crate::money::{Currency, Rounding};
use crate::time::{Span, Zone};
use crate::wire::{self, Signed, WireError};

/// Format version of tariffs.
pub const VERSION: u8 = 1;

/// A provider's price list for a span of time.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Tariff {
    /// Format version, [`VERSION`].
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
        wire::expect_version(signed.payload, "tariff")?;
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

    /// Whether a line counts local days, so that a billing period must begin and end with one.
    #[must_use]
    pub fn counts_days(&self) -> bool {
        self.lines.iter().any(|l| matches!(l.charge, Charge::Standing { per: Per::Day | Per::Month | Per::Year, .. }))
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
