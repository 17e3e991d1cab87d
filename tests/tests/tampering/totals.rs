//! Attacks on the certified extra: what each register took.

use gateway_core::bill::{BillRefused, BillRequest, make};
use protocol::bill::{BillError, Package, Statement};
use protocol::tariff::{Charge, Prices, Rule, Schedule, SignedTariff, VERSION_ALGEBRA};
use protocol::verify::{Policy, Registry, verify};
use protocol::wire;
use rand_core::OsRng;

use crate::arrival::House;
use crate::forge::Forge;
use crate::world::{MARCH, Sealed};
use crate::{check, world};

fn request() -> BillRequest {
    BillRequest { period: MARCH, meter: None, allow_incomplete: true, nonce: None, corrects: None, totals: true }
}

#[test]
fn totals_of_registers() {
    let w = world();
    let all: Vec<&Sealed> = w.chains.iter().flatten().collect();
    let house = House::with(&all);
    let tariff = w.signed_tariff();
    let bill = make(&house.store, &tariff, &request(), &mut OsRng).unwrap();
    let totals = bill.statement.totals.clone().unwrap();
    // What the readings themselves say, residuals included.
    let forge = Forge::new(w);
    let taken: Vec<i64> = forge.taken();
    assert_eq!(totals, taken);

    let mut registry = Registry::default();
    registry.list(&[w.entries[0].verified()]);
    let policy = Policy { allow_incomplete: true, ..Policy::default() };
    let judge = |bytes: &[u8]| verify(bytes, &tariff, &registry, &policy).map_or_else(|r| r.code(), |_| "valid");
    let with = |change: &dyn Fn(&mut Statement)| {
        let mut package = Package::read(&bill.package).unwrap();
        let mut statement: Statement = wire::decode(&package.statement, "statement").unwrap();
        change(&mut statement);
        package.statement = statement.encode().into();
        judge(&package.write())
    };
    let without = make(&house.store, &tariff, &BillRequest { totals: false, ..request() }, &mut OsRng).unwrap();
    check(&[
        ("control: a bill with totals", judge(&bill.package), "valid"),
        ("control: a bill without", judge(&without.package), "valid"),
        ("a total changed", with(&|s| s.totals.as_mut().unwrap()[0] -= 1), "sum-wrong"),
        ("totals of registers exchanged", with(&|s| s.totals.as_mut().unwrap().swap(0, 1)), "sum-wrong"),
        ("a total missing", with(&|s| s.totals.as_mut().unwrap().truncate(1)), "other-account"),
        ("a total too many", with(&|s| s.totals.as_mut().unwrap().push(0)), "other-account"),
        ("totals left out afterwards", with(&|s| s.totals = None), "proof-shape"),
        ("no totals where some are claimed", with(&|s| s.totals = Some(Vec::new())), "other-account"),
    ]);
}

#[test]
fn totals_claimed_without_a_proof_are_refused() {
    let forge = Forge::new(world());
    let taken = forge.taken();
    check(&[(
        "totals beside an honest bill's proof",
        forge.code_flipped(|s| s.totals = Some(taken.clone())),
        "proof-shape",
    )]);
}

/// Prices that differ in one slot alone are a bill like any other; beside the exact total they give that slot's reading.
#[test]
fn a_total_that_would_give_away_a_slot_does_not_leave() {
    let w = world();
    let all: Vec<&Sealed> = w.chains.iter().flatten().collect();
    let house = House::with(&all);
    let mut tariff = w.tariff.clone();
    let Charge::Energy { schedule, fallback, .. } = &mut tariff.lines[0].charge else { panic!("an energy line") };
    let prices = (0..45 * 48).map(|slot| if slot == 700 { 200_001 } else { 200_000 }).collect();
    *schedule = Schedule { prices: Prices::Series(prices), ..schedule.clone() };
    *fallback = 200_000;
    let tariff = SignedTariff::read(&tariff.sign(&w.provider).unwrap()).unwrap();
    assert!(make(&house.store, &tariff, &BillRequest { totals: false, ..request() }, &mut OsRng).is_ok());
    let refused = make(&house.store, &tariff, &request(), &mut OsRng);
    assert!(matches!(refused, Err(BillRefused::Reveals(_))));
}

/// The proof of a linear bill is of the energy lines' sums; for a tariff with more it would show only a part.
#[test]
fn a_tariff_that_is_not_linear_has_no_linear_bill() {
    let w = world();
    let all: Vec<&Sealed> = w.chains.iter().flatten().collect();
    let house = House::with(&all);
    let mut richer = w.tariff.clone();
    richer.version = VERSION_ALGEBRA;
    richer.lines[1].rule = Some(Rule { aside: true, when: Vec::new() });
    let richer = SignedTariff::read(&richer.sign(&w.provider).unwrap()).unwrap();
    let refused = make(&house.store, &richer, &request(), &mut OsRng).map(|_| ()).unwrap_err();
    assert!(matches!(refused, BillRefused::Period(BillError::NotLinear)), "{refused}");

    // Even where hash and proof are those of a bill that is valid under a linear tariff.
    let plain = w.signed_tariff();
    let bill = make(&house.store, &plain, &request(), &mut OsRng).unwrap();
    let mut registry = Registry::default();
    registry.list(&[w.entries[0].verified()]);
    let policy = Policy { allow_incomplete: true, ..Policy::default() };
    let judge = |tariff: &SignedTariff| verify(&bill.package, tariff, &registry, &policy).map_err(|r| r.code());
    assert!(judge(&plain).is_ok());
    let renamed = SignedTariff { hash: plain.hash, ..richer };
    assert_eq!(judge(&renamed).unwrap_err(), "not-linear");
}
