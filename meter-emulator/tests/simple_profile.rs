//! The meter's own bills: the right fee, for the right time, once.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation, clippy::indexing_slicing)]

mod common;

use common::tariff::{days, provider_key, signed, tariff};
use common::{Opened, code, open_chain};
use meter_emulator::bill::{self, Billed, BillingError};
use meter_emulator::course::CourseError;
use meter_emulator::{
    Block, Course, Entropy, Faults, Intake, Load, MeterError, MeterSeed, SealingMeter, Series, household,
};
use metrology::certificate::SealClass;
use metrology::label::{Interval, Register, RegisterKind, Status, Text, events};
use protocol::bill::{BillError, settle};
use protocol::tariff::{Charge, SignedTariff};
use protocol::time::Span;

const IMPORT: &str = "1-0:1.8.0";
const EXPORT: &str = "1-0:2.8.0";
const HALF: u64 = 1800;

fn entropy() -> Entropy {
    Entropy::Seeded(MeterSeed::from_bytes([9; 32]))
}

fn register(text: &str, interval: Interval) -> Register {
    Register { code: code(text), unit: Text::new("Wh").unwrap(), kind: RegisterKind::Cumulative, interval }
}

/// A course of half-hours in one register.
fn course(span: Span, amount: impl Fn(u64) -> Option<u32>) -> Course {
    let amounts = (0..span.seconds() / HALF).map(amount).collect();
    let load = Load::new(Interval::HALF, span.from / HALF, vec![Series { name: "a".into(), amounts }]).unwrap();
    let intakes = vec![Intake { register: register(IMPORT, Interval::HALF), start: None }];
    Course { load, intakes, faults: Faults::default(), rotations: vec![] }
}

fn meter(first: u64) -> SealingMeter {
    SealingMeter::unpaired(&entropy(), None, SealClass::Certified, first).unwrap()
}

fn import() -> SignedTariff {
    signed(&tariff(&[IMPORT]))
}

fn bill_of(course: Course, period: Span, meter: &mut SealingMeter) -> Result<Billed, BillingError> {
    bill::bill(course, &import(), period, meter, &entropy(), false)
}

/// The fee that the household's blocks come to: every block opened, every slot multiplied by its price.
fn fee_of_blocks(tariff: &SignedTariff, period: Span, registers: &[Vec<Opened>]) -> i64 {
    let mut sums = Vec::new();
    for line in &tariff.tariff.lines {
        let Charge::Energy { register, schedule, fallback } = &line.charge else { continue };
        let mut sum = 0;
        for day in &registers[usize::from(*register)] {
            assert!(period.contains(&day.header.span()));
            let interval = day.header.register.interval.seconds();
            let prices = schedule.slots(day.header.span().from, interval, day.readings.len()).unwrap();
            sum += prices.iter().zip(&day.readings).map(|(p, x)| i128::from(*p) * i128::from(*x)).sum::<i128>();
            sum += i128::from(*fallback) * i128::from(day.residual);
        }
        sums.push(sum);
    }
    settle(&tariff.tariff, &period, &sums).unwrap().fee_minor
}

fn seal(course: &Course, meter: &mut SealingMeter) -> Result<Vec<Block>, CourseError> {
    let outline = course.prepare(meter)?;
    let mut blocks = Vec::new();
    let keep = |block| {
        blocks.push(block);
        Ok::<_, MeterError>(())
    };
    course.run(&outline, meter, &entropy(), keep)?;
    Ok(blocks)
}

#[test]
fn the_fee_is_that_of_the_sealed_readings() {
    let tariff = signed(&tariff(&[IMPORT, EXPORT]));
    for (seed, interval) in [(1, Interval::HALF), (2, Interval::QUARTER), (7, Interval::HALF)] {
        let (mut simple, (mut sealing, pairing)) = (
            meter(days("2025-02-01", "2025-03-01").from),
            SealingMeter::new(&entropy(), None, SealClass::Certified, days("2025-02-01", "2025-03-01").from).unwrap(),
        );
        let mut sealed: Vec<Block> = Vec::new();
        // Three months after each other: fractions of a unit are carried on; one has 23 and one 24 hours of clock change.
        for (place, (from, until)) in
            [("2025-02-01", "2025-03-01"), ("2025-03-01", "2025-04-01"), ("2025-04-01", "2025-05-01")]
                .into_iter()
                .enumerate()
        {
            let period = days(from, until);
            let load = household::generate(seed, (period.from / 86_400) as u32, 33, interval).unwrap();
            let load = load.cut(Some(period.from), Some(period.until)).unwrap();
            let start = (place == 0).then_some(123_456_789);
            let intakes = [IMPORT, EXPORT].map(|text| Intake { register: register(text, interval), start }).to_vec();
            let outages = vec![Span { from: period.from + 90_000, until: period.from + 110_000 }];
            let tamper = vec![Span { from: period.from + 500_000, until: period.from + 501_000 }];
            let faults = Faults { tamper, outages, outage_counted: place == 1 };
            let course = Course { load, intakes, faults, rotations: vec![] };

            let blocks = seal(&course, &mut sealing).unwrap();
            sealed.extend(blocks);
            let opened: Vec<Vec<Opened>> = [IMPORT, EXPORT]
                .map(|text| {
                    let files: Vec<_> =
                        sealed.iter().filter(|b| b.register == code(text)).map(|b| b.file.clone()).collect();
                    let days = open_chain(&files, sealing.certificates(), &pairing);
                    days.into_iter().filter(|day| period.contains(&day.header.span())).collect()
                })
                .into();

            let billed = bill::bill(course, &tariff, period, &mut simple, &entropy(), false).unwrap();
            assert_eq!(billed.bill.fee_minor, fee_of_blocks(&tariff, period, &opened), "household {seed}, {from}");
            for (state, days) in billed.bill.registers.iter().zip(&opened) {
                let count = |wanted| days.iter().flat_map(Opened::statuses).filter(|s| *s == wanted).count() as u32;
                let slots: usize = days.iter().map(|day| day.readings.len()).sum();
                let seen = days.iter().fold(0, |all, day| all | day.header.events);
                assert_eq!(u64::from(state.slots) * interval.seconds(), period.seconds());
                assert_eq!((state.slots as usize, state.events), (slots, seen));
                assert_eq!(
                    (state.missing, state.estimated, state.tamper),
                    (count(Status::Missing), count(Status::Estimated), count(Status::Tamper))
                );
                assert!(state.missing > 0 && state.tamper > 0);
                assert_eq!(state.events, events::COVER_OPENED | events::OUTAGE);
            }
        }
    }
}

#[test]
fn what_a_slot_cannot_hold_costs_the_fallback_price() {
    // 70,000 units in the first slot (night), a fraction carried into the next, and a missing slot.
    let period = days("2025-02-01", "2025-02-02");
    let amount = |slot| match slot {
        0 => Some(700_005_000),
        1 => Some(15_000),
        2 => None,
        _ => Some(0),
    };
    let billed = bill_of(course(period, amount), period, &mut meter(period.from)).unwrap();
    let state = &billed.bill.registers[0];
    assert_eq!((state.slots, state.missing, state.estimated, state.tamper), (48, 1, 1, 0));
    let energy = 65_535 * 187_300 + (70_000 - 65_535) * 401_000 + 2 * 187_300;
    let fee = settle(&import().tariff, &period, &[energy]).unwrap().fee_minor;
    assert_eq!(billed.bill.fee_minor, fee);
}

#[test]
fn a_fraction_of_a_unit_is_billed_when_it_becomes_whole() {
    let mut dear = tariff(&[IMPORT]);
    if let Charge::Energy { schedule, .. } = &mut dear.lines[0].charge {
        schedule.prices = protocol::tariff::Prices::Series(vec![1_000_000_000; 17_520]);
    }
    let (first, second) = (days("2025-02-01", "2025-02-02"), days("2025-02-02", "2025-02-03"));
    let mut meter = meter(first.from);
    let mut fee = |period, part| {
        let course = course(period, |slot| Some(if slot == 0 { part } else { 0 }));
        bill::bill(course, &signed(&dear), period, &mut meter, &entropy(), false).unwrap().bill.fee_minor
    };
    // One unit costs 1 EUR and 21 % on it.
    let standing = fee(first, 9_999);
    assert_eq!(fee(second, 1) - standing, 121);
}

#[test]
fn every_time_is_billed_once() {
    let (february, march) = (days("2025-02-01", "2025-03-01"), days("2025-03-01", "2025-04-01"));
    let both = Span { from: february.from, until: march.until };
    let load = || course(both, |_| Some(2_000_000));
    let mut meter = meter(february.from);
    bill_of(load(), february, &mut meter).unwrap();
    let used = |until, from| BillingError::AlreadyUsed { register: code(IMPORT), until, from };
    for period in [february, both, days("2025-02-01", "2025-02-02"), days("2025-02-28", "2025-03-02")] {
        let error = bill_of(load(), period, &mut meter).unwrap_err();
        assert_eq!(error, used(february.until, period.from));
    }
    // A gap is left out for good: the register only moves on.
    let later = days("2025-03-03", "2025-03-10");
    let billed = bill_of(load(), later, &mut meter).unwrap();
    assert_eq!(billed.registers[0].1, 2 * 86_400);
    assert!(bill_of(load(), days("2025-03-01", "2025-03-03"), &mut meter).is_err());
    assert_eq!(meter.coverage(&code(IMPORT)).unwrap().ranges().len(), 2);

    // Another tariff of the same register does not help, another epoch neither.
    let mut other = tariff(&[IMPORT]);
    other.id = "another".into();
    let again = bill::bill(load(), &signed(&other), february, &mut meter, &entropy(), true);
    assert_eq!(again.unwrap_err(), used(later.until, february.from));
    // What is billed is not sealed.
    let sealed = seal(&course(february, |_| Some(1)), &mut meter).unwrap_err();
    assert_eq!(sealed.code(), "already_sealed");
}

#[test]
fn a_paired_meter_seals_bills_and_seals() {
    let first = days("2025-02-01", "2025-02-11");
    let (mut meter, pairing) = SealingMeter::new(&entropy(), None, SealClass::Certified, first.from).unwrap();
    let amount = |_| Some(15_000);
    let mut blocks = seal(&course(first, amount), &mut meter).unwrap();
    let overlap = bill_of(course(first, amount), days("2025-02-10", "2025-02-11"), &mut meter);
    assert_eq!(overlap.unwrap_err().code(), "already_billed");

    // One day alone: shorter than what would be filled as missing.
    let billed = days("2025-02-11", "2025-02-12");
    let bill = bill_of(course(billed, amount), billed, &mut meter).unwrap();
    assert_eq!(bill.bill.certificate, meter.certificates()[1].hash, "a chain has no hole within an epoch");
    let next = days("2025-02-12", "2025-02-15");
    let again = seal(&course(billed, amount), &mut meter).unwrap_err();
    assert_eq!(again, CourseError::AlreadySealed { register: code(IMPORT), until: billed.until, load: billed });
    blocks.extend(seal(&course(next, amount), &mut meter).unwrap());

    let register = blocks.iter().map(|block| block.file.clone()).collect::<Vec<_>>();
    let certificates = meter.certificates();
    let split = blocks.iter().position(|block| block.span.from >= next.from).unwrap();
    let sealed = open_chain(&register[..split], certificates, &pairing);
    assert_eq!(sealed.last().unwrap().header.span().until, first.until);
    let header = register[split].verify(&certificates[1].certificate.signing_key).unwrap().header;
    assert_eq!((header.span().from, header.epoch), (next.from, 1));
    assert_eq!(header.previous, blocks[split - 1].hash, "the chain goes on over the billed day");
    assert_eq!(certificates.len(), 2);
}

#[test]
fn a_period_must_fit() {
    let february = days("2025-02-01", "2025-03-01");
    let load = || course(february, |_| Some(1));
    let bill = |period| bill_of(load(), period, &mut meter(february.from)).map(|_| ()).map_err(|error| error.code());
    let moved = |from: u64, until: u64| Span { from: february.from + from, until: february.from + until };
    assert_eq!(bill(moved(0, 86_400)), Ok(()));
    assert_eq!(bill(moved(0, 0)), Err("empty_period"));
    assert_eq!(bill(moved(86_400, 0)), Err("empty_period"));
    assert_eq!(bill(moved(0, 86_401)), Err("not_local_days"));
    assert_eq!(bill(moved(HALF, 86_400)), Err("not_local_days"));
    assert_eq!(bill(moved(3600, 86_400 + 3600)), Err("not_local_days"));
    assert_eq!(bill(days("2024-12-01", "2025-01-01")), Err("outside_validity"));
    assert_eq!(bill(days("2025-02-01", "2025-03-02")), Err("not_covered"));
    assert_eq!(bill(days("2025-01-31", "2025-02-02")), Err("not_covered"));
    // Before the meter's epoch, although readings are there.
    let early = bill_of(load(), february, &mut meter(february.from + 86_400)).unwrap_err();
    assert_eq!(early.code(), "before_epoch");
    // 1,440 half-hours billed are 720 hours only if no price changes within an hour.
    let mut halves = tariff(&[IMPORT]);
    for line in &mut halves.lines {
        if let Charge::Energy { schedule, .. } = &mut line.charge {
            schedule.prices = protocol::tariff::Prices::Series((0..17_520).map(|unit| unit % 2).collect());
        }
    }
    let hours = |amount: u32| {
        let span = days("2025-02-01", "2025-02-02");
        let series = vec![Series { name: "a".into(), amounts: vec![Some(amount); 24] }];
        let load = Load::new(Interval::HOUR, span.from / 3600, series).unwrap();
        let intakes = vec![Intake { register: register(IMPORT, Interval::HOUR), start: None }];
        let course = Course { load, intakes, faults: Faults::default(), rotations: vec![] };
        bill::bill(course, &signed(&halves), span, &mut meter(span.from), &entropy(), false)
    };
    assert!(matches!(hours(1).unwrap_err(), BillingError::Period(BillError::Price(_))));
}

#[test]
fn the_registers_are_those_of_the_tariff() {
    let period = days("2025-02-01", "2025-02-02");
    let refused = |course: Course, codes: &[&str]| {
        let tariff = signed(&tariff(codes));
        bill::bill(course, &tariff, period, &mut meter(period.from), &entropy(), false).unwrap_err().code()
    };
    let base = || course(period, |_| Some(1));
    assert_eq!(refused(base(), &[IMPORT, EXPORT]), "no_register");
    assert_eq!(refused(base(), &["gas"]), "no_register");
    let mut litres = base();
    litres.intakes[0].register.unit = Text::new("L").unwrap();
    assert_eq!(refused(litres, &[IMPORT]), "other_unit");
    let mut twice = base();
    let series = vec![twice.load.series()[0].clone(), twice.load.series()[0].clone()];
    twice.load = Load::new(Interval::HALF, twice.load.first(), series).unwrap();
    twice.intakes.push(twice.intakes[0]);
    assert_eq!(refused(twice.clone(), &[IMPORT]), "register_repeated");
    let mut fault = base();
    fault.faults.tamper = vec![Span { from: 0, until: 1 }];
    assert_eq!(refused(fault, &[IMPORT]), "fault_outside");

    // What the tariff does not bill leaves no trace, whichever column comes first.
    twice.intakes[0].register.code = code("z");
    let mut meter = meter(period.from);
    let billed = bill_of(twice, period, &mut meter).unwrap();
    assert_eq!(billed.left_out, [code("z")]);
    assert_eq!(meter.registers().map(|r| r.code).collect::<Vec<_>>(), [code(IMPORT)]);
    let next = days("2025-02-02", "2025-02-03");
    let mut started = course(next, |_| Some(1));
    started.intakes[0].start = Some(5);
    assert_eq!(bill_of(started, next, &mut meter).unwrap_err().code(), "start_given");
    let mut changed = course(next, |_| Some(1));
    changed.intakes[0].register.kind = RegisterKind::Sampled;
    assert_eq!(bill_of(changed, next, &mut meter).unwrap_err().code(), "register_differs");
}

#[test]
fn a_tariff_is_taken_whole_or_not_at_all() {
    let good = tariff(&[IMPORT]).sign(&common::tariff::provider()).unwrap();
    assert!(bill::accept(&good, &provider_key()).is_ok());
    assert_eq!(bill::accept(&good, &[7; 32]).unwrap_err(), BillingError::OtherProvider);
    for at in (0..good.len()).step_by(97).chain(good.len() - 70..good.len()) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let error = bill::accept(&bad, &provider_key()).unwrap_err();
        assert_eq!(error.code(), "bad_tariff", "byte {at}");
    }
    let mut imitated = tariff(&[IMPORT]);
    let thief = ed25519_dalek::SigningKey::from_bytes(&[66; 32]);
    imitated.provider.key = thief.verifying_key().to_bytes();
    assert_eq!(
        bill::accept(&imitated.sign(&thief).unwrap(), &provider_key()).unwrap_err(),
        BillingError::OtherProvider
    );
}
