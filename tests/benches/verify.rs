//! What checking costs: a month's bill per reading, many homes, and a year of quarter-hours taken in at home.
//!
//!     cargo bench -p tests --bench verify
//!
//! Ends with a table: microseconds a reading, seconds a year, bytes a reading on disk. docs/measurements.md holds it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use ed25519_dalek::SigningKey;
use gateway_core::bill::{BillRequest, make};
use gateway_core::ingest::{Ingest, pair};
use gateway_core::{Store, StoreKey};
use meter_emulator::{Entropy, MeterSeed, SealingMeter, household};
use metrology::certificate::SealClass;
use metrology::label::{Interval, Register, RegisterKind, Status, Text};
use metrology::seal::Sample;
use protocol::money::{Currency, Mode, Rounding};
use protocol::tariff::{Charge, Line, Prices, Provider, Schedule, SignedTariff, Tariff, TariffRegister};
use protocol::time::{Span, Zone};
use protocol::verify::{Policy, Registry, verify};
use rand_core::OsRng;

/// 1 January 2026.
const START: u64 = 1_767_225_600;
const DAY: u64 = 86_400;
/// Homes in the batch: half of them under each of two price lists would change nothing, so they share one.
const HOMES: u8 = 24;

struct Sealed {
    pairing: protocol::pairing::Pairing,
    blocks: Vec<Vec<u8>>,
    readings: u64,
}

fn seal(seed: u8, days: u32, interval: Interval) -> Sealed {
    let entropy = Entropy::Seeded(MeterSeed::from_bytes([seed; 32]));
    let (mut meter, pairing) = SealingMeter::new(&entropy, None, SealClass::Certified, START).unwrap();
    let code = Text::new("1-0:1.8.0").unwrap();
    meter
        .add_register(Register { code, unit: Text::new("Wh").unwrap(), kind: RegisterKind::Cumulative, interval }, 0)
        .unwrap();
    let load = household::generate(u64::from(seed), (START / DAY) as u32, days, interval).unwrap();
    let series = &load.series()[0];
    let samples = series.amounts.iter().map(|amount| Sample { advance: amount.unwrap_or(0), status: Status::Measured });
    let blocks: Vec<_> =
        meter.seal(&code, START / interval.seconds(), samples).unwrap().iter().map(|b| b.bytes()).collect();
    Sealed { pairing, blocks, readings: u64::from(days) * interval.slots_per_day() }
}

/// A home in a fresh directory that has taken everything in.
fn take_in(sealed: &Sealed) -> (Store, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::create(&directory.path().join("store.db"), &StoreKey::from_bytes([1; 32])).unwrap();
    pair(&store, &sealed.pairing, 0).unwrap();
    for batch in sealed.blocks.chunks(512) {
        store
            .transaction(|store| {
                let mut run = Ingest::new(store);
                for block in batch {
                    run.block(block).unwrap();
                }
                run.finish()
            })
            .unwrap();
    }
    (store, directory)
}

/// A price for every unit, two decimals of a cent, like a day-ahead market.
fn tariff(base: u32, days: u64) -> SignedTariff {
    let key = SigningKey::from_bytes(&[42; 32]);
    let units = days * DAY / u64::from(base);
    let prices = (0..units).map(|i| 100 * i64::try_from(900 + i * 7919 % 2600).unwrap()).collect();
    let schedule = Schedule { base, first: START / u64::from(base), prices: Prices::Series(prices) };
    let line = Line {
        name: "Energy".into(),
        rounding: None,
        charge: Charge::Energy { register: 0, schedule, fallback: 300_000 },
        rule: None,
    };
    let tariff = Tariff {
        version: 1,
        id: "bench".into(),
        name: "Bench".into(),
        provider: Provider { name: "Bench".into(), key: key.verifying_key().to_bytes() },
        currency: Currency { code: "EUR".into(), exponent: 2 },
        valid: Span { from: START, until: START + days * DAY },
        zone: Zone { name: "UTC".into(), offset: 0, changes: Vec::new() },
        registers: vec![TariffRegister {
            code: Text::new("1-0:1.8.0").unwrap(),
            unit: Text::new("Wh").unwrap(),
            rounding: None,
        }],
        lines: vec![line],
        algebra: None,
        total: Rounding { step: 10_000_000, mode: Mode::HalfAway },
    };
    SignedTariff::read(&tariff.sign(&key).unwrap()).unwrap()
}

fn bill(sealed: &Sealed, tariff: &SignedTariff, days: u64) -> Vec<u8> {
    let (store, _directory) = take_in(sealed);
    let period = Span { from: START, until: START + days * DAY };
    let request =
        BillRequest { period, meter: None, allow_incomplete: false, nonce: None, corrects: None, totals: false };
    make(&store, tariff, &request, &mut OsRng).unwrap().package
}

/// Shortest of several runs.
fn shortest(runs: u32, mut work: impl FnMut()) -> Duration {
    (0..runs)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .min()
        .unwrap_or_default()
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    let policy = Policy::default();
    let registry = |sealed: &Sealed| {
        let mut registry = Registry::default();
        registry.list(&sealed.pairing.certificates);
        registry
    };
    let mut rows: Vec<(String, String)> = Vec::new();
    for (name, interval, base) in [("half-hours", Interval::HALF, 1800), ("quarter-hours", Interval::QUARTER, 900)] {
        let (sealed, tariff) = (seal(3, 31, interval), tariff(base, 31));
        let (package, registry) = (bill(&sealed, &tariff, 31), registry(&sealed));
        criterion.bench_function(&format!("verify a month of {name}"), |b| {
            b.iter(|| verify(black_box(&package), &tariff, &registry, &policy).unwrap());
        });
        let time = shortest(40, || drop(verify(black_box(&package), &tariff, &registry, &policy).unwrap()));
        rows.push((
            format!("linear verification, a month of {name}"),
            format!("{:.3} µs a reading", per(time, sealed.readings)),
        ));
        rows.push((
            format!("bill, a month of {name}"),
            format!("{:.1} bytes a reading", package.len() as f64 / sealed.readings as f64),
        ));
    }

    let tariff31 = tariff(1800, 31);
    let homes: Vec<_> = (0..HOMES)
        .map(|seed| {
            let sealed = seal(seed, 31, Interval::HALF);
            (bill(&sealed, &tariff31, 31), registry(&sealed))
        })
        .collect();
    let readings = u64::from(HOMES) * 31 * 48;
    let one =
        shortest(10, || homes.iter().for_each(|(p, r)| drop(verify(black_box(p), &tariff31, r, &policy).unwrap())));
    rows.push((
        format!("linear verification, {HOMES} homes, one thread"),
        format!("{:.3} µs a reading", per(one, readings)),
    ));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let all = shortest(10, || {
        std::thread::scope(|scope| {
            for part in homes.chunks(homes.len().div_ceil(cores)) {
                scope.spawn(|| {
                    part.iter().for_each(|(p, r)| drop(verify(black_box(p), &tariff31, r, &policy).unwrap()))
                });
            }
        });
    });
    rows.push((
        format!("linear verification, {HOMES} homes, {cores} threads"),
        format!("{:.3} µs a reading", per(all, readings)),
    ));

    let year = seal(5, 365, Interval::QUARTER);
    criterion.bench_function("take in a year of quarter-hours", |b| b.iter(|| drop(take_in(&year))));
    let time = shortest(3, || drop(take_in(&year)));
    rows.push(("import of a year of quarter-hours, fully verified".into(), format!("{:.2} s", time.as_secs_f64())));
    for (name, interval) in [("quarter-hours", Interval::QUARTER), ("half-hours", Interval::HALF)] {
        let sealed = seal(5, 365, interval);
        let (store, directory) = take_in(&sealed);
        drop(store);
        let size: u64 =
            std::fs::read_dir(directory.path()).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).sum();
        rows.push((
            format!("store, a year of {name}"),
            format!("{:.1} bytes a reading on disk", size as f64 / sealed.readings as f64),
        ));
    }
    criterion.final_summary();
    println!();
    for (what, figure) in rows {
        println!("{what:<56} {figure:>26}");
    }
}

fn per(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}
