//! A live meter whose clock is set: no time is sealed twice, no block is lost, and no step ends the meter.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap
)]

mod common;

use common::live::{Bench, DAY, SLOT, START, amount, import, moment, readings, setup};
use metrology::label::{Status, events};

fn bench(days: u64) -> (tempfile::TempDir, Bench) {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(setup(&dir.path().join("meter"), days));
    (dir, bench)
}

fn set_clock(bench: &mut Bench, step: i64) -> bool {
    let now = moment(bench.real);
    bench.device().set_clock(step, now).is_ok()
}

#[test]
fn a_clock_set_ahead_within_a_day_leaves_missing_slots() {
    let (_dir, mut bench) = bench(3);
    let (pairing, _) = bench.pair(7);
    bench.advance(10 * SLOT);
    assert!(set_clock(&mut bench, 3 * 3600));
    bench.advance(DAY);
    let opened = bench.open(import(), &pairing);
    let statuses = opened[0].statuses();
    assert!(statuses[..10].iter().chain(&statuses[17..]).all(|status| *status == Status::Measured));
    // Six slots that nobody lived, and one that was not measured from its beginning.
    assert!(statuses[10..17].iter().all(|status| *status == Status::Missing));
    assert_eq!(opened[0].header.events, events::CLOCK_SET);
    assert_eq!(opened[0].after, (0..42).map(amount).sum::<u64>() * 10_000, "what passed, no more");
    assert_eq!(u64::from(opened[0].residual), amount(10));
}

#[test]
fn a_clock_set_back_never_seals_a_time_twice() {
    let (_dir, mut bench) = bench(3);
    let (pairing, _) = bench.pair(7);
    bench.advance(DAY + 10 * SLOT);
    assert!(set_clock(&mut bench, -2 * 3600));
    let at = bench.at;
    bench.power_off();
    bench.power_on(at);
    bench.advance(DAY);
    let opened = bench.open(import(), &pairing);
    assert_eq!(bench.check().len(), 2);
    let statuses = opened[1].statuses();
    assert_eq!(statuses.iter().filter(|status| **status == Status::Missing).count(), 1);
    assert_eq!(statuses[10], Status::Missing);
    // The four slots that were lived again are in the residual with the one after them.
    assert_eq!(u64::from(opened[1].residual), (58..63).map(amount).sum::<u64>());
    assert_eq!(opened[1].header.events, events::CLOCK_SET | events::OUTAGE);
}

#[test]
fn a_clock_beyond_a_day_begins_an_epoch_or_is_refused() {
    let (_dir, mut bench) = bench(6);
    let (pairing, _) = bench.pair(7);
    bench.advance(DAY + 10 * SLOT);
    assert!(!set_clock(&mut bench, -2 * DAY as i64), "into sealed time");
    assert!(!set_clock(&mut bench, i64::MIN) && !set_clock(&mut bench, i64::MAX));
    assert!(set_clock(&mut bench, 3 * DAY as i64 + 60));
    let at = bench.at;
    bench.power_off();
    bench.power_on(at);
    bench.advance(2 * DAY);
    let headers = bench.check();
    assert_eq!(headers.iter().map(|header| header.epoch).collect::<Vec<_>>(), [0, 0, 1, 1]);
    assert_eq!(headers[2].span().from, START + 4 * DAY + 10 * SLOT);
    let opened = bench.open(import(), &pairing);
    assert_eq!(opened.len(), 4, "the same household opens the new epoch");
    assert!(opened[2].header.events & events::CLOCK_SET != 0);
}

#[test]
fn what_the_line_would_see_waits_for_space() {
    let (_dir, mut bench) = bench(6);
    bench.advance(10 * SLOT);
    bench.device().set_full(true);
    bench.advance(SLOT);
    assert!(!set_clock(&mut bench, 3 * DAY as i64), "a certificate that a power cut would take back");
    assert_eq!(bench.certificates().len(), 1);
    bench.device().set_full(false);
    bench.advance(SLOT);
    assert!(set_clock(&mut bench, 3 * DAY as i64));
    assert_eq!(bench.certificates().len(), 2);
}

#[test]
fn a_leap_ahead_makes_no_block_old() {
    let (_dir, mut bench) = bench(40);
    let (pairing, _) = bench.pair(7);
    bench.advance(30 * DAY);
    assert!(set_clock(&mut bench, 500 * DAY as i64));
    bench.advance(2 * DAY);
    assert_eq!(bench.check().len(), 32, "all that was sealed");
    let at = bench.at;
    bench.power_off();
    bench.power_on(at);
    let opened = bench.open(import(), &pairing);
    assert_eq!((opened.len(), opened[0].header.span().from), (32, START), "and all of it on disk");
    assert_eq!(opened[31].after, (0..32 * 48).map(amount).sum::<u64>() * 10_000);
}

#[test]
fn a_clock_set_back_before_anything_was_sealed_waits_for_the_epoch() {
    let (_dir, mut bench) = bench(4);
    let (pairing, _) = bench.pair(7);
    assert!(!set_clock(&mut bench, -(DAY as i64) - SLOT as i64), "long before the epoch");
    assert!(set_clock(&mut bench, -7200));
    bench.advance(2 * SLOT);
    let at = bench.at;
    bench.power_off();
    bench.power_on(at);
    bench.advance(2 * DAY + 2 * SLOT);
    let headers = bench.check();
    assert_eq!((headers.len(), headers[0].span().from), (2, START));
    let opened = bench.open(import(), &pairing);
    assert_eq!(opened[0].statuses()[0], Status::Missing, "it was not measured from its beginning");
    assert_eq!(u64::from(opened[0].residual), (0..5).map(amount).sum::<u64>(), "what passed before is in it");
}

#[test]
fn a_leap_that_is_taken_back_within_its_slot_does_not_end_the_meter() {
    let (_dir, mut bench) = bench(8);
    let (pairing, _) = bench.pair(7);
    bench.advance(DAY + 10 * SLOT + 60);
    assert!(set_clock(&mut bench, 3 * DAY as i64));
    assert!(!set_clock(&mut bench, -3 * DAY as i64), "the new epoch has begun");
    assert!(set_clock(&mut bench, -3 * 3600));
    bench.advance(2 * SLOT);
    let at = bench.at;
    bench.power_off();
    bench.power_on(at);
    bench.advance(2 * DAY);
    let headers = bench.check();
    assert_eq!(headers.iter().map(|header| header.epoch).collect::<Vec<_>>(), [0, 0, 1, 1]);
    assert_eq!(headers[2].span().from, START + 4 * DAY + 10 * SLOT, "not before its epoch");
    let opened = bench.open(import(), &pairing);
    let shown = |slot: u64| (0..slot).map(amount).sum::<u64>() * 10_000;
    assert_eq!(opened[3].after, shown((3 * DAY + 3 * 3600) / SLOT), "no energy is lost");
}

#[test]
fn the_longest_leap_of_a_meter_that_has_sealed_nothing_begins_an_epoch() {
    let (_dir, mut bench) = bench(4);
    let (pairing, _) = bench.pair(7);
    assert!(set_clock(&mut bench, 36_600 * DAY as i64));
    bench.advance(2 * DAY);
    assert_eq!(bench.check().iter().map(|header| header.epoch).collect::<Vec<_>>(), [1, 1]);
    let opened = bench.open(import(), &pairing);
    assert_eq!(readings(&opened)[1..], (1..96).map(amount).collect::<Vec<_>>());
    assert_eq!(opened[1].after, (0..96).map(amount).sum::<u64>() * 10_000, "the slot of the leap is in the residual");
}
