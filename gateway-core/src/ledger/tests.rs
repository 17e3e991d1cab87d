//! The accounts in a real store: read again, rolled back, and held by two processes.

use std::path::Path;

use protocol::inference::{Bits, Kind, Row};
use protocol::time::Zone;

use super::*;
use crate::store::StoreKey;

const SLOTS: u64 = 48;
const MONDAY: u64 = 20_458 * SLOTS;

/// A store with one meter and two of its registers.
fn store(directory: &Path) -> Store {
    let store = Store::create(&directory.join("s"), &StoreKey::from_bytes([1; 32])).unwrap();
    store.test_register(1, "1-0:1.8.0");
    store.test_register(2, "1-0:2.8.0");
    store
}

fn open(directory: &Path) -> Store {
    Store::open(&directory.join("s"), &StoreKey::from_bytes([1; 32])).unwrap()
}

/// The exact sum of some half-hours of a register.
fn sum(question: u8, register: i64, first: u64, count: usize) -> Proposal {
    let row = Row { first, weights: vec![1; count], excess: Vec::new() };
    let bits: Bits = [(Window::Day(i64::try_from(first / SLOTS).unwrap()), 21.6)].into();
    let output = Output { rows: vec![row], kind: Kind::Exact, bits };
    Proposal::new([question; 32], false, vec![vec![output]], [vec![(register, 1800)]].into_iter())
}

fn about(question: u8) -> ReleaseRow {
    ReleaseRow {
        at: 5,
        recipient: [7; 32],
        name: "Fern".into(),
        purpose: "advice".into(),
        statement: [question; 32],
        period: Span { from: 0, until: 86_400 },
        sentence: "a day's total".into(),
    }
}

fn leave(store: &mut Store, question: u8, proposal: &Proposal) -> Result<(), LedgerError> {
    store.transaction(|store| store.book(proposal, &about(question)))
}

#[test]
fn accounts_are_the_same_when_they_are_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut kept = store(directory.path());
    for day in 0..5 {
        leave(&mut kept, day, &sum(day, 1, MONDAY + u64::from(day) * SLOTS, 48)).unwrap();
    }
    leave(&mut kept, 9, &sum(9, 1, MONDAY, 5 * 48)).unwrap();
    let budgets = kept.budgets().unwrap();
    assert_eq!(budgets.iter().filter(|budget| budget.spent > 0.0).count(), 5, "the week follows from its days");
    let again = open(directory.path());
    assert_eq!(again.budgets().unwrap(), budgets);
    for (store, what) in [(&kept, "in memory"), (&again, "read again")] {
        let near = store.consider(&sum(10, 1, MONDAY, 47));
        assert!(matches!(near, Err(LedgerError::Reveals(Reveals::Few { .. }))), "{what}");
        store.consider(&sum(10, 2, MONDAY, 47)).unwrap();
    }
    let releases = kept.releases(10).unwrap();
    assert_eq!((releases.len(), releases[0].0, releases[0].1.clone()), (6, 6, about(9)));
    assert_eq!(kept.releases(2).unwrap().len(), 2);
}

#[test]
fn what_was_undone_costs_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(directory.path());
    leave(&mut store, 1, &sum(1, 1, MONDAY, 48)).unwrap();
    let failed = store.transaction(|store| {
        store.book(&sum(2, 1, MONDAY + 48, 48), &about(2))?;
        assert_eq!(store.budgets()?.len(), 2);
        Err::<(), LedgerError>(StoreError::Locked.into())
    });
    assert!(failed.is_err());
    assert_eq!((store.budgets().unwrap().len(), store.releases(9).unwrap().len()), (1, 1));
    let undone = store.transaction(|store| {
        let inner = store.attempt(|| {
            store.book(&sum(2, 1, MONDAY + 48, 48), &about(2))?;
            assert_eq!(store.budgets()?.len(), 2);
            Err::<(), LedgerError>(StoreError::Locked.into())
        });
        assert!(inner.is_err());
        Ok::<_, LedgerError>(store.budgets()?.len())
    });
    assert_eq!(undone.unwrap(), 1);
    // A number that was given back is taken by another release.
    leave(&mut store, 3, &sum(3, 1, MONDAY + 96, 48)).unwrap();
    assert_eq!(store.budgets().unwrap().len(), 2);
}

/// Two that each fit, and not together: the second is refused when it would be booked.
#[test]
fn what_left_meanwhile_counts() {
    let directory = tempfile::tempdir().unwrap();
    let (mut one, mut other) = (store(directory.path()), open(directory.path()));
    let (whole, part) = (sum(1, 1, MONDAY, 48), sum(2, 1, MONDAY, 47));
    one.consider(&whole).unwrap();
    other.consider(&part).unwrap();
    leave(&mut one, 1, &whole).unwrap();
    assert!(matches!(leave(&mut other, 2, &part), Err(LedgerError::Reveals(_))));
    assert_eq!(other.releases(9).unwrap().len(), 1);
}

#[test]
fn the_same_question_is_answered_again_for_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(directory.path());
    // As a rounded number, which would otherwise cost its bits each time.
    let mut asked = sum(1, 1, MONDAY, 48);
    asked.lanes.iter_mut().flat_map(|(_, outputs)| outputs).for_each(|output| output.kind = Kind::Rounded);
    for _ in 0..20 {
        leave(&mut store, 1, &asked).unwrap();
    }
    assert_eq!(store.releases(99).unwrap().len(), 20, "each time it leaves is told");
    assert!((store.budgets().unwrap()[0].spent - 21.6).abs() < 1e-9);
    asked.question = [2; 32];
    leave(&mut store, 2, &asked).unwrap();
    assert!((store.budgets().unwrap()[0].spent - 43.2).abs() < 1e-9, "another question");
}

/// A period over two meters is one account; what was said of each before is in it.
#[test]
fn a_meter_that_followed_another_shares_its_account() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(directory.path());
    let day = |question, registers: [i64; 2]| {
        let row = Row { first: MONDAY, weights: vec![1; 48], excess: Vec::new() };
        let output = Output { rows: vec![row], kind: Kind::Exact, bits: [(Window::Day(20_458), 21.6)].into() };
        let rows = registers.map(|register| (register, 1800)).to_vec();
        Proposal::new([question; 32], true, vec![vec![output]], [rows].into_iter())
    };
    leave(&mut store, 1, &sum(1, 1, MONDAY - 96, 48)).unwrap();
    leave(&mut store, 2, &sum(2, 2, MONDAY + 96, 48)).unwrap();
    let two = |budgets: Vec<Budget>| budgets.iter().map(|budget| budget.lane.0).collect::<Vec<_>>();
    assert_eq!(two(store.budgets().unwrap()), [1, 2]);
    // The two slots of the new meter are part of a day's sum and of nothing else.
    leave(&mut store, 3, &day(3, [1, 2])).unwrap();
    assert_eq!(two(store.budgets().unwrap()), [1, 1, 1]);
    assert!(matches!(leave(&mut store, 4, &sum(4, 1, MONDAY, 46)), Err(LedgerError::Reveals(Reveals::Few { .. }))));
    assert_eq!(open(directory.path()).budgets().unwrap(), store.budgets().unwrap());
}

#[test]
fn the_days_of_a_home_are_set_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path());
    assert_eq!(store.days().unwrap(), None);
    let zone = |offset| Zone { name: "Europe/Berlin".into(), offset, changes: Vec::new() };
    store.set_days(&zone(3600)).unwrap();
    store.set_days(&zone(7200)).unwrap();
    assert_eq!(store.days().unwrap(), Some(zone(3600)));
}

/// Two meters that ran side by side cannot become one account when what left of them would then tell a slot.
#[test]
fn accounts_that_do_not_fit_together_stay_apart() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(directory.path());
    leave(&mut store, 1, &sum(1, 1, MONDAY, 1488)).unwrap();
    let nearly = |first: u64, weights: Vec<i64>, question: u8, rows: Vec<LaneKey>| {
        let output = Output { rows: vec![Row { first, weights, excess: Vec::new() }], ..Output::default() };
        Proposal::new([question; 32], true, vec![vec![output]], [rows].into_iter())
    };
    let weights = (0..1488).map(|slot| if slot == 700 { (1 << 30) + 1 } else { 1 << 30 }).collect();
    leave(&mut store, 2, &nearly(MONDAY, weights, 2, vec![(2, 1800)])).unwrap();
    let both = nearly(MONDAY + 5000, vec![1; 48], 3, vec![(1, 1800), (2, 1800)]);
    assert!(matches!(leave(&mut store, 3, &both), Err(LedgerError::Reveals(Reveals::Few { .. }))));
    // Each goes on by itself.
    leave(&mut store, 4, &sum(4, 1, MONDAY + 5000, 48)).unwrap();
    leave(&mut store, 5, &sum(5, 2, MONDAY + 5000, 48)).unwrap();
}

/// What cannot be read whole allows nothing, however often it is asked.
#[test]
fn a_damaged_record_stops_every_release() {
    let directory = tempfile::tempdir().unwrap();
    let mut kept = store(directory.path());
    for register in [1, 2] {
        leave(&mut kept, register, &sum(register, i64::from(register), MONDAY, 48)).unwrap();
    }
    kept.test_damage_record(2);
    let again = open(directory.path());
    for _ in 0..3 {
        let asked = again.consider(&sum(9, 2, MONDAY, 47));
        assert!(matches!(asked, Err(LedgerError::Store(StoreError::Damaged("ledger record")))));
    }
}
