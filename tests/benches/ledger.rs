//! What the inference ledger costs: a decision after 500 releases over a year of quarter-hours, and reading them again.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
#![allow(clippy::cast_possible_wrap, clippy::cast_precision_loss, clippy::float_arithmetic)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use protocol::inference::{Bits, Kind, Lane, Output, Record, Row, Window};

const SLOTS: u64 = 96;
/// 2026-01-01.
const FIRST: u64 = 20_454;

fn random(seed: u64, place: u64) -> u64 {
    let mixed = (place ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 29)
}

/// A price of a quarter-hour, as wholesale prices are.
fn price(seed: u64, slot: u64) -> i64 {
    100_000 + 100 * (random(seed, slot) % 2_400) as i64
}

fn output(first: u64, weights: Vec<i64>, kind: Kind, step: f64) -> Vec<Output> {
    let mut widths = Bits::new();
    for (slot, weight) in (first..).zip(&weights).filter(|(_, weight)| **weight != 0) {
        for window in Window::of_day((slot / SLOTS) as i64) {
            *widths.entry(window).or_default() += weight.unsigned_abs() as f64 * 65_535.0 / step;
        }
    }
    let bits = widths.into_iter().map(|(window, width)| (window, (1.0 + width).log2())).collect();
    vec![Output { rows: vec![Row { first, weights, excess: Vec::new() }], kind, bits }]
}

fn month(month: u64, weight: impl Fn(u64) -> i64, step: f64) -> Vec<Output> {
    let window = Window::Month((2026 * 12 + month) as i64);
    let from = window.first_day() as u64 * SLOTS;
    output(from, (from..from + window.days() as u64 * SLOTS).map(weight).collect(), Kind::Rounded, step)
}

/// 365 daily totals, 87 evenings, 12 bills, 36 comparisons.
fn year() -> Vec<(bool, Vec<Output>)> {
    let day = |day: u64| output((FIRST + day) * SLOTS, vec![1; 96], Kind::Exact, 1.0);
    let evening = |day: u64| {
        let weights = (0..SLOTS).map(|slot| i64::from((64..88).contains(&slot))).collect();
        output((FIRST + day) * SLOTS, weights, Kind::Exact, 1.0)
    };
    let bill = |number: u64| month(number, |slot| price(1, slot), 1e7);
    let compare = |number: u64| month(number / 3, move |slot| price(1, slot) - price(2 + number, slot), 1e9);
    let mut all: Vec<(bool, Vec<Output>)> = (0..365).map(|number| (false, day(number))).collect();
    all.extend((0..87).map(|number| (false, evening(4 * number))));
    all.extend((0..12).map(|number| (true, bill(number))));
    all.extend((0..36).map(|number| (false, compare(number))));
    all
}

fn ledger(c: &mut Criterion) {
    let mut lane = Lane::new(900);
    let mut records = Vec::new();
    for (bill, release) in year() {
        let fits = lane.consider(&release, bill).unwrap();
        records.push(fits.record().write());
        lane.book(fits);
    }
    assert_eq!(records.len(), 500);
    let mut group = c.benchmark_group("ledger, 500 releases, 35,040 slots");
    group.sample_size(20);
    let another = month(6, |slot| price(1, slot) - price(99, slot), 1e9);
    group.bench_function("decision, a comparison of a month", |b| b.iter(|| lane.consider(black_box(&another), false)));
    let total = output(FIRST * SLOTS, vec![1; 35_040], Kind::Exact, 1.0);
    group.bench_function("decision, a year's total, which is known", |b| {
        b.iter(|| lane.consider(black_box(&total), false).unwrap());
    });
    let weighted = output(FIRST * SLOTS, (0..35_040).map(|slot| price(7, slot)).collect(), Kind::Rounded, 1e9);
    group.bench_function("decision, a weighted year", |b| b.iter(|| lane.consider(black_box(&weighted), false)));
    group.bench_function("reading all again", |b| {
        b.iter(|| {
            let mut lane = Lane::new(900);
            records.iter().for_each(|record| lane.restore(Record::read(record).unwrap()).unwrap());
            lane
        });
    });
    group.finish();
}

criterion_group!(benches, ledger);
criterion_main!(benches);
