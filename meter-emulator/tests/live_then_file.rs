//! A meter that runs on a line, is then fed from a file, and runs again: every Wh stands in one place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap
)]

mod common;

use std::fs;
use std::path::Path;

use common::live::{Bench, DAY, SLOT, START, amount, import, moment, readings, setup, statuses};
use common::tariff::{provider, provider_key, tariff};
use common::{half_hours, run_json};
use metrology::label::Status;
use protocol::pairing::Pairing;

/// Whole watt-hours of import that the file has in a slot.
fn filed(place: u64) -> u64 {
    100 + place % 50
}

/// Two days on a line, until the load ends.
fn two_days(root: &Path) -> Pairing {
    let mut bench = Bench::new(setup(root, 2));
    let (pairing, _) = bench.pair(7);
    bench.advance(3 * DAY);
    bench.device().stop(moment(10)).unwrap();
    pairing
}

/// The same meter on a line again, whose load begins where it did.
fn again(root: &Path, days: u64) -> Bench {
    let mut bench = Bench::new(setup(root, days));
    bench.advance(days * DAY);
    bench
}

#[test]
fn what_was_sealed_from_a_file_is_not_counted_again() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("meter");
    let pairing = two_days(&root);
    let csv = half_hours(dir.path(), "third.csv", "2025-06-03", 48);
    let words = "--column import_wh --register 1-0:1.8.0 --column export_wh --register 1-0:2.8.0";
    run_json(&format!("seal --csv {} {words}", csv.display()), &root, 0);
    let mut bench = again(&root, 5);
    assert_eq!(bench.check().len(), 5);
    let opened = bench.open(import(), &pairing);
    let on_line = |days: std::ops::Range<u64>| (days.start * 48..days.end * 48).map(amount);
    let expected: Vec<_> = on_line(0..2).chain((0..48).map(filed)).chain(on_line(3..5)).collect();
    assert_eq!(readings(&opened), expected);
    assert!(statuses(&opened).iter().all(|status| *status == Status::Measured));
    assert!(opened.iter().all(|block| block.residual == 0), "nothing is billed twice");
    let total = bench.device().recorder().totals().unwrap()[0];
    assert_eq!(total, expected.iter().sum::<u64>() * 10_000);
}

#[test]
fn what_the_meter_billed_itself_is_not_counted_again() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("meter");
    let pairing = two_days(&root);
    let csv = half_hours(dir.path(), "fourth.csv", "2025-06-03", 3 * 48);
    let terms = dir.path().join("green.tariff");
    fs::write(&terms, tariff(&["1-0:1.8.0"]).sign(&provider()).unwrap()).unwrap();
    // A day of Amsterdam: from 22:00 on the third to 22:00 on the fourth of the UTC days.
    let words = format!(
        "bill --tariff {} --provider-key {} --bill-from 2025-06-04 --bill-to 2025-06-05 --csv {} --column import_wh \
         --register 1-0:1.8.0",
        terms.display(),
        hex::encode(provider_key()),
        csv.display()
    );
    run_json(&words, &root, 0);
    let mut bench = again(&root, 6);
    let opened = bench.open(import(), &pairing);
    let after: Vec<_> = opened.iter().filter(|block| block.header.epoch == 1).collect();
    let end = START + 3 * DAY + 44 * SLOT;
    assert_eq!(after[0].header.span().from, end, "the line goes on after the bill");
    let billed = (44..92).map(filed).sum::<u64>();
    assert_eq!(after[0].before, ((0..96).map(amount).sum::<u64>() + billed) * 10_000);
    let rest: u64 = ((end - START) / SLOT..6 * 48).map(amount).sum();
    assert_eq!(after.last().unwrap().after - after[0].before, rest * 10_000, "nothing is billed twice");
    assert!(after.iter().all(|block| block.residual == 0));
}
