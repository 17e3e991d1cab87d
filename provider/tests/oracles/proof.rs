//! Proofs of an oracle's months: the readings are sealed, billed and proved as at home, and verified like anybody's bill.
//!
//! All months are compared by the relation and by the machine; a few of each case are proved as well, other ones for each
//! case, and all of them when WATTSEAL_ALL_PROOFS is set.

use gateway_core::bill::proved::Before;
use protocol::bill::Settled;
use protocol::circuit::State;
use protocol::machine::CELLS;
use protocol::tariff::SignedTariff;
use protocol::time::Span;

use super::home::{Home, after, load, request};

/// Whether every month is proved.
pub fn all() -> bool {
    std::env::var_os("WATTSEAL_ALL_PROOFS").is_some_and(|value| value == "1")
}

/// Whether a month of a case is proved: one of `every`, moved on by five from case to case.
pub fn is_chosen(case: usize, month: usize, every: usize) -> bool {
    all() || (month + 7 * case).is_multiple_of(every)
}

/// A home with readings from a first second on, for the registers of a tariff.
pub fn home(tariff: &SignedTariff, interval: u64, from: u64, registers: &[Vec<u16>]) -> Home {
    let series = registers.iter().map(|readings| readings.iter().copied().map(Some).collect());
    Home::new(load(interval, from, series.collect()), &tariff.tariff.registers)
}

/// The proofs of one case.
pub struct Proofs<'a> {
    pub home: &'a Home,
    pub tariff: &'a SignedTariff,
    /// Number of the case, for which months are proved.
    pub case: usize,
    /// One month in so many.
    pub every: usize,
    /// How many were proved.
    pub count: usize,
    last: Option<(Vec<i64>, Before)>,
}

impl<'a> Proofs<'a> {
    pub fn new(home: &'a Home, tariff: &'a SignedTariff, case: usize, every: usize) -> Self {
        Self { home, tariff, case, every, count: 0, last: None }
    }

    /// Proves a month, if it is one of those, and holds it against the bill that was compared with the oracle.
    pub fn month(&mut self, month: usize, period: Span, cells: &[i64], settled: &Settled) {
        if !is_chosen(self.case, month, self.every) {
            return;
        }
        let before = if month == 0 || cells.is_empty() { None } else { Some(self.before(cells)) };
        let bill = self.home.prove(self.tariff, &request(period), before.as_ref());
        assert_eq!(bill.statement.fee_minor, settled.settlement.fee_minor, "{} {month}", self.tariff.tariff.id);
        assert_eq!(bill.after.cells[..settled.next.len()], settled.next[..], "{} {month}", self.tariff.tariff.id);
        self.count += 1;
        self.last = Some((settled.next.clone(), after(&bill)));
    }

    /// The state that the month before left: that of its proof, or, where it was not proved, one with the same cells.
    fn before(&mut self, cells: &[i64]) -> Before {
        match self.last.take() {
            Some((next, before)) if next == cells => before,
            _ => {
                let mut state = State { cells: [0; CELLS], blinding: 7.into() };
                state.cells[..cells.len()].copy_from_slice(cells);
                Before { state, bill: [7; 32] }
            }
        }
    }
}
