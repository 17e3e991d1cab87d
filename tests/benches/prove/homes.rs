//! Many homes of one tariff: the equation alone, and whole packages with headers, signatures, labels and points.

use std::time::Instant;

use gateway_core::bill::BillRequest;
use gateway_core::bill::proved::{Prover, make_proved};
use gateway_core::ingest::{Ingest, pair};
use gateway_core::prove::ProvingKey;
use gateway_core::{Store, StoreKey};
use meter_emulator::{Entropy, MeterSeed, SealingMeter, household};
use metrology::certificate::SealClass;
use metrology::label::{Interval, Register, RegisterKind, Status, Text};
use metrology::seal::Sample;
use protocol::circuit::{CircuitKey, Publics};
use protocol::groth16::{Batch, FoldedKey, Proof};
use protocol::money::{Currency, Mode, Rounding};
use protocol::tariff::{Charge, Line, Prices, Provider, Schedule, SignedTariff, Tariff, TariffRegister};
use protocol::time::{Span, Zone};
use protocol::verify::proved::{Circuits, ProvedBill, prepare};
use protocol::verify::{Policy, Registry};
use rand_core::OsRng;

/// Homes in a batch.
const HOMES: usize = 512;
/// Homes whose meters and bills are made; the batch repeats them, each package read and checked anew.
const MADE: u8 = 4;
/// 1 January 2026.
const START: u64 = 1_767_225_600;
const DAY: u64 = 86_400;
const DAYS: u64 = 31;

pub fn run(folded: &FoldedKey, publics: &Publics, proof: &Proof, circuit: &CircuitKey, key: &ProvingKey) {
    let mut batch = Batch::new();
    (0..HOMES).for_each(|_| batch.push(folded, publics, *proof));
    let started = Instant::now();
    assert!(batch.verify(&mut OsRng));
    let each = started.elapsed().as_secs_f64() * 1e3 / 512.0;
    println!("{:52} {each:9.3} ms", "equation of a proof in a batch of 512");

    if circuit.profile.shape.slots != 48 {
        return;
    }
    let tariff = tariff();
    let circuits = Circuits::new([circuit.clone()]);
    let prover = Prover { key, circuit };
    let packages: Vec<Vec<u8>> = (0..MADE).map(|home| package(home, &tariff, prover)).collect();
    println!("{:52} {:9} bytes", "a package", packages[0].len());
    let (registry, policy) = (Registry::default(), Policy::default());
    let started = Instant::now();
    let bills: Vec<ProvedBill> = (0..HOMES)
        .map(|home| {
            let package = &packages[home % packages.len()];
            prepare(package, &tariff, &circuits, &registry, &policy).unwrap()
        })
        .collect();
    let prepared = started.elapsed().as_secs_f64() * 1e3 / 512.0;
    let mut batch = Batch::new();
    bills.iter().for_each(|bill| batch.push(&bill.key, &bill.publics, bill.proof));
    assert!(batch.verify(&mut OsRng));
    let whole = started.elapsed().as_secs_f64() * 1e3 / 512.0;
    println!("{:52} {prepared:9.3} ms", "a home: headers, signatures, labels, points");
    println!("{:52} {whole:9.3} ms", "a home of 512, everything");
}

/// A home's bill for January.
fn package(home: u8, tariff: &SignedTariff, prover: Prover<'_>) -> Vec<u8> {
    let entropy = Entropy::Seeded(MeterSeed::from_bytes([home; 32]));
    let (mut meter, pairing) = SealingMeter::new(&entropy, None, SealClass::Certified, START).unwrap();
    let (interval, code) = (Interval::HALF, Text::new("1-0:1.8.0").unwrap());
    let register = Register { code, unit: Text::new("Wh").unwrap(), kind: RegisterKind::Cumulative, interval };
    meter.add_register(register, 0).unwrap();
    let first = u32::try_from(START / DAY).unwrap();
    let load = household::generate(u64::from(home), first, u32::try_from(DAYS).unwrap(), interval).unwrap();
    let amounts = &load.series()[0].amounts;
    let samples = amounts.iter().map(|amount| Sample { advance: amount.unwrap_or(0), status: Status::Measured });
    let blocks: Vec<_> =
        meter.seal(&code, START / interval.seconds(), samples).unwrap().iter().map(|b| b.bytes()).collect();
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::create(&directory.path().join("store.db"), &StoreKey::from_bytes([1; 32])).unwrap();
    pair(&store, &pairing, 0).unwrap();
    store
        .transaction(|store| {
            let mut run = Ingest::new(store);
            for block in &blocks {
                run.block(block).unwrap();
            }
            run.finish()
        })
        .unwrap();
    let period = Span { from: START, until: START + DAYS * DAY };
    let request =
        BillRequest { period, meter: None, allow_incomplete: false, nonce: None, corrects: None, totals: false };
    make_proved(&store, tariff, &request, prover, None, &mut OsRng, &mut |_| true).unwrap().package
}

/// A price for every half-hour.
fn tariff() -> SignedTariff {
    let key = ed25519_dalek::SigningKey::from_bytes(&[42; 32]);
    let prices = (0..DAYS * 48).map(|i| 100 * i64::try_from(900 + i * 7919 % 2600).unwrap()).collect();
    let schedule = Schedule { base: 1800, first: START / 1800, prices: Prices::Series(prices) };
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
        valid: Span { from: START, until: START + DAYS * DAY },
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
