//! The account of one register: everything that was released of it, and whether more may be.

use std::collections::BTreeSet;

use metrology::label::DAY_SECONDS;
use minicbor::{Decode, Encode};

use super::atoms::Atoms;
use super::basis::{Addition, Basis, New, TooNear, slot_of};
use super::release::{Kind, Output};
use super::row::Row;
use super::window::{Bits, Window, budget_of_few};
use super::{MIN_SLOTS, RESERVED_BITS, Reveals};
use crate::wire::{self, WireError};

/// Rounding of the basis must not refuse a set of exactly m slots.
const ROUNDING: f64 = 1e-9;

/// All releases of a register.
#[derive(Debug)]
pub struct Lane {
    interval: u64,
    /// Of every row.
    all: Basis,
    /// Of the rows of exact sums alone.
    exact: Basis,
    atoms: Atoms,
    spent: Bits,
    /// Releases of fewer slots than a day has: which, and their bits.
    few: Vec<(BTreeSet<u64>, f64)>,
    /// Windows of which a bill has left.
    billed: BTreeSet<Window>,
}

/// What a release may be booked with: it fits what was released so far.
#[derive(Debug, Default)]
pub struct Fits {
    /// Bits it costs in each window; sums that are known already cost none.
    pub bits: Bits,
    new: Vec<New>,
    exact: Vec<New>,
    masks: Vec<BTreeSet<u64>>,
    few: Vec<(BTreeSet<u64>, f64)>,
    bill: bool,
}

impl Fits {
    /// What is to be kept, so that the account can be restored.
    #[must_use]
    pub fn record(&self) -> Record {
        let rows = |news: &[New]| news.iter().map(|new| new.row().clone()).collect();
        let set = |slots: &BTreeSet<u64>| slots.iter().copied().collect();
        Record {
            version: RECORD_VERSION,
            bill: self.bill,
            rows: rows(&self.new),
            exact: rows(&self.exact),
            masks: self.masks.iter().map(set).collect(),
            few: self.few.iter().map(|(slots, bits)| (set(slots), *bits)).collect(),
            bits: self.bits.iter().map(|(window, bits)| (*window, *bits)).collect(),
        }
    }
}

const RECORD_VERSION: u8 = 1;

/// What one release brought to an account, as it is kept. It says nothing of readings.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(array)]
pub struct Record {
    #[n(0)]
    version: u8,
    /// Whether it is a bill.
    #[n(1)]
    bill: bool,
    /// Rows that were no combination of those before.
    #[n(2)]
    rows: Vec<Row>,
    /// The same among exact sums.
    #[n(3)]
    exact: Vec<Row>,
    /// Sets of slots of what is no sum.
    #[n(4)]
    masks: Vec<Vec<u64>>,
    /// Sets of fewer slots than a day has, with their bits.
    #[n(5)]
    few: Vec<(Vec<u64>, f64)>,
    /// Bits by window.
    #[n(6)]
    bits: Vec<(Window, f64)>,
}

impl Record {
    /// Its bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads what was kept.
    ///
    /// # Errors
    /// When it is none, or of a later version.
    pub fn read(bytes: &[u8]) -> Result<Self, WireError> {
        let record: Self = wire::decode(bytes, "ledger record")?;
        if record.version == RECORD_VERSION { Ok(record) } else { Err(WireError::Version("ledger record")) }
    }
}

impl Lane {
    /// Nothing was released yet of a register with slots of so many seconds.
    #[must_use]
    pub fn new(interval: u64) -> Self {
        let (all, exact, atoms, spent, few, billed) = Default::default();
        Self { interval, all, exact, atoms, spent, few, billed }
    }

    /// Whether a release may leave. What is no bill leaves [`RESERVED_BITS`] in each window of which no bill has left.
    ///
    /// # Errors
    /// The first rule that it would break.
    pub fn consider(&self, release: &[Output], bill: bool) -> Result<Fits, Reveals> {
        let mut fits = Fits { bill, ..Fits::default() };
        for output in release {
            self.weigh(output, &mut fits)?;
        }
        let most = (1.0 + ROUNDING) / f64::from(MIN_SLOTS);
        if let Some((place, _)) = self.all.greatest(&fits.new).filter(|(_, leverage)| *leverage > most) {
            return Err(Reveals::Few { at: self.time(slot_of(place)) });
        }
        self.atoms.check(&fits.masks).map_err(|slot| Reveals::Few { at: self.time(slot) })?;
        for (window, bits) in &fits.bits {
            let (spent, budget) = (self.spent(*window), self.budget(*window, bill));
            if *bits > 0.0 && spent + bits > budget {
                return Err(Reveals::Bits { window: *window, bits: *bits, spent, budget });
            }
        }
        self.check_few(&fits)?;
        Ok(fits)
    }

    /// Books what was considered against this account.
    pub fn book(&mut self, fits: Fits) {
        fits.new.into_iter().for_each(|new| self.all.add(new));
        fits.exact.into_iter().for_each(|new| self.exact.add(new));
        self.enter(fits.bill, fits.bits, fits.masks, fits.few);
    }

    /// Books what was kept of a release that left before.
    ///
    /// # Errors
    /// When two accounts become one, and a row of one is nearly and not exactly a combination of what left of the other.
    pub fn restore(&mut self, record: Record) -> Result<(), Reveals> {
        let set = |slots: Vec<u64>| slots.into_iter().collect::<BTreeSet<u64>>();
        for (basis, rows) in [(&mut self.all, &record.rows), (&mut self.exact, &record.exact)] {
            for row in rows {
                let near = |near: TooNear| Reveals::Few { at: slot_of(near.place).saturating_mul(self.interval) };
                if let Addition::New(new) = basis.consider(&[], row).map_err(near)? {
                    basis.add(*new);
                }
            }
        }
        let few = record.few.into_iter().map(|(slots, bits)| (set(slots), bits)).collect();
        let masks = record.masks.into_iter().map(set).collect();
        self.enter(record.bill, record.bits.into_iter().collect(), masks, few);
        Ok(())
    }

    fn enter(&mut self, bill: bool, bits: Bits, masks: Vec<BTreeSet<u64>>, few: Vec<(BTreeSet<u64>, f64)>) {
        self.atoms.add(masks);
        self.few.extend(few);
        for (window, bits) in bits {
            *self.spent.entry(window).or_default() += bits;
            if bill {
                self.billed.insert(window);
            }
        }
    }

    /// Bits of a window that may be spent in all: by what is no bill, or with one.
    #[must_use]
    pub fn budget(&self, window: Window, bill: bool) -> f64 {
        let reserved = if bill || self.billed.contains(&window) { 0.0 } else { RESERVED_BITS };
        window.budget(self.interval) - reserved
    }

    /// Bits that were spent of a window.
    #[must_use]
    pub fn spent(&self, window: Window) -> f64 {
        self.spent.get(&window).copied().unwrap_or(0.0)
    }

    /// Bits that were spent, by window.
    #[must_use]
    pub fn all_spent(&self) -> &Bits {
        &self.spent
    }

    /// The greatest leverage of any slot.
    #[must_use]
    pub fn leverage(&self) -> f64 {
        self.all.leverage()
    }

    /// Adds what a number would bring to what the release brings so far.
    fn weigh(&self, output: &Output, fits: &mut Fits) -> Result<(), Reveals> {
        let few = |place| Reveals::Few { at: self.time(slot_of(place)) };
        for row in output.rows.iter().filter(|row| !row.is_zero()) {
            if let Addition::New(new) = self.all.consider(&fits.new, row).map_err(|near| few(near.place))? {
                fits.new.push(*new);
            }
        }
        let mut known = false;
        if output.kind == Kind::Exact {
            for row in &output.rows {
                // One that nearly follows from exact sums nearly follows from all, and was refused.
                match self.exact.consider(&fits.exact, row).map_err(|near| few(near.place))? {
                    Addition::New(new) => fits.exact.push(*new),
                    Addition::Nothing => known = true,
                }
            }
        }
        if known {
            return Ok(());
        }
        let slots: BTreeSet<u64> =
            output.rows.iter().flat_map(|row| row.entries().map(|(place, _)| slot_of(place))).collect();
        let mut most: f64 = 0.0;
        for (window, bits) in &output.bits {
            *fits.bits.entry(*window).or_default() += bits;
            most = most.max(*bits);
        }
        if (slots.len() as u64) < DAY_SECONDS / self.interval.max(1) {
            fits.few.push((slots.clone(), most));
        }
        if output.kind == Kind::Function {
            fits.masks.extend(output.rows.iter().map(|row| row.entries().map(|(place, _)| slot_of(place)).collect()));
        }
        Ok(())
    }

    /// All that was released of a few slots, and of them alone, fits what may be learnt of so few.
    fn check_few(&self, fits: &Fits) -> Result<(), Reveals> {
        for (slots, _) in &fits.few {
            let sets = self.few.iter().chain(&fits.few).filter(|(other, _)| !other.is_disjoint(slots));
            for (set, _) in sets {
                let within = self.few.iter().chain(&fits.few).filter(|(other, _)| other.is_subset(set));
                let bits: f64 = within.map(|(_, bits)| bits).sum();
                let budget = budget_of_few(set.len(), self.interval);
                if bits > budget {
                    let at = set.first().copied().unwrap_or(0);
                    return Err(Reveals::Fine { at: self.time(at), slots: set.len(), bits, budget });
                }
            }
        }
        Ok(())
    }

    fn time(&self, slot: u64) -> u64 {
        slot.saturating_mul(self.interval)
    }
}
