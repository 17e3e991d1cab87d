//! Blocks of the file meter, read as the household reads them.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation)]

mod common;

use common::{Opened, code, open_chain, readings};
use meter_emulator::{
    Block, Course, Entropy, Faults, Intake, Load, MeterError, MeterSeed, SealingMeter, Series, household,
};
use metrology::certificate::SealClass;
use metrology::label::{Interval, Register, RegisterKind, Status, Text, events};
use metrology::seal::Sample;
use protocol::pairing::Pairing;
use protocol::time::Span;

/// 2025-01-01.
const START: u64 = 1_735_689_600;
const HALF: u64 = 1800;

fn entropy() -> Entropy {
    Entropy::Seeded(MeterSeed::from_bytes([9; 32]))
}

fn register(text: &str) -> Register {
    Register {
        code: code(text),
        unit: Text::new("Wh").unwrap(),
        kind: RegisterKind::Cumulative,
        interval: Interval::HALF,
    }
}

fn meter() -> (SealingMeter, Pairing) {
    SealingMeter::new(&entropy(), None, SealClass::Certified, START).unwrap()
}

fn load(amounts: Vec<Option<u32>>) -> Load {
    Load::new(Interval::HALF, START / HALF, vec![Series { name: "a".into(), amounts }]).unwrap()
}

fn course(load: Load, faults: Faults, rotations: Vec<u64>) -> Course {
    Course { load, intakes: vec![Intake { register: register("1-0:1.8.0"), start: Some(12_345) }], faults, rotations }
}

fn run(course: &Course) -> (SealingMeter, Vec<Opened>) {
    let (mut meter, pairing) = meter();
    let outline = course.prepare(&mut meter).unwrap();
    let mut blocks: Vec<Block> = Vec::new();
    let tallies = course
        .run(&outline, &mut meter, &entropy(), |block| {
            blocks.push(block);
            Ok::<_, MeterError>(())
        })
        .unwrap();
    assert_eq!(tallies[0].blocks, blocks.len() as u64);
    let files: Vec<_> = blocks.iter().map(|block| block.file.clone()).collect();
    let opened = open_chain(&files, meter.certificates(), &pairing);
    assert_eq!(tallies[0].slots, readings(&opened).len() as u64);
    assert_eq!(tallies[0].missing, readings(&opened).iter().filter(|r| r.is_none()).count() as u64);
    for (block, day) in blocks.iter().zip(&opened) {
        assert_eq!((block.span, block.number), (day.header.span(), day.header.block));
    }
    (meter, opened)
}

#[test]
fn readings_come_back_as_they_went_in() {
    let amounts: Vec<_> = (0..100).map(|i| (i % 10 != 3).then_some(i * 10_000)).collect();
    let (_, days) = run(&course(load(amounts.clone()), Faults::default(), vec![]));
    assert_eq!(days.iter().map(|d| d.header.count).collect::<Vec<_>>(), [48, 48, 4]);
    let expected: Vec<_> = amounts.iter().map(|a| a.map(|a| (a / 10_000) as u16)).collect();
    assert_eq!(readings(&days), expected);
    assert_eq!(days[0].before, 12_345);
}

#[test]
fn fractions_are_carried_and_never_lost() {
    let amounts: Vec<_> = (0..96).map(|i| Some(3333 + i)).collect();
    let total: u64 = amounts.iter().map(|a| u64::from(a.unwrap())).sum();
    let (_, days) = run(&course(load(amounts), Faults::default(), vec![]));
    assert_eq!(days[1].after, 12_345 + total);
    let whole: u64 = readings(&days).iter().map(|r| u64::from(r.unwrap())).sum();
    assert_eq!(whole, (12_345 + total) / 10_000 - 1);
}

#[test]
fn more_than_sixteen_bits_goes_to_the_residual() {
    let (_, days) = run(&course(load(vec![Some(700_000_000), Some(u32::MAX)]), Faults::default(), vec![]));
    assert_eq!(days[0].readings, [65_535, 65_535]);
    assert_eq!(days[0].statuses(), [Status::Estimated, Status::Estimated]);
}

#[test]
fn an_open_cover_is_reported() {
    let from = START + 10 * HALF;
    let tamper = vec![Span { from: from + 1, until: from + HALF + 1 }];
    let faults = Faults { tamper, ..Faults::default() };
    let (_, days) = run(&course(load(vec![Some(50_000); 96]), faults, vec![]));
    let flagged: Vec<_> = days[0].statuses().iter().map(|s| *s == Status::Tamper).collect();
    assert_eq!(flagged.iter().enumerate().filter(|(_, f)| **f).map(|(i, _)| i).collect::<Vec<_>>(), [10, 11]);
    assert_eq!((days[0].header.events, days[1].header.events), (events::COVER_OPENED, 0));
    assert!(days[0].readings.iter().all(|r| *r == 5));
}

#[test]
fn an_outage_loses_or_counts() {
    let outages = vec![Span { from: START + 40 * HALF, until: START + 50 * HALF }];
    for (counted, residuals) in [(false, [0, 0]), (true, [40, 10])] {
        let faults = Faults { outages: outages.clone(), outage_counted: counted, ..Faults::default() };
        let (_, days) = run(&course(load(vec![Some(50_000); 60]), faults, vec![]));
        assert_eq!([days[0].residual, days[1].residual], residuals);
        assert_eq!([days[0].header.events, days[1].header.events], [events::OUTAGE; 2]);
        let missing =
            readings(&days).iter().enumerate().filter(|(_, r)| r.is_none()).map(|(i, _)| i).collect::<Vec<_>>();
        assert_eq!(missing, (40..50).collect::<Vec<_>>());
    }
}

#[test]
fn a_rotation_closes_the_block_and_names_it() {
    let at = START + 20 * HALF;
    let rotations = vec![at, START + 48 * HALF];
    let (meter, days) = run(&course(load(vec![Some(50_000); 100]), Faults::default(), rotations));
    assert_eq!(days.iter().map(|d| d.header.count).collect::<Vec<_>>(), [20, 28, 48, 4]);
    assert_eq!(days.iter().map(|d| d.header.epoch).collect::<Vec<_>>(), [0, 1, 2, 2]);
    let certificates = meter.certificates();
    assert_eq!(certificates.len(), 3);
    assert_eq!(certificates[1].certificate.first, at);
    assert_eq!(protocol::certificate::read_file(&meter.certificate_file()).unwrap().len(), 3);
    assert_ne!(certificates[0].certificate.signing_key, certificates[1].certificate.signing_key);
}

#[test]
fn household_and_meter_derive_the_same_keys_by_different_ways() {
    let load = household::generate(1, 20_089, 3, Interval::HALF).unwrap();
    let intakes = ["1-0:1.8.0", "1-0:2.8.0"].map(|text| Intake { register: register(text), start: None });
    let course = Course { load: load.clone(), intakes: intakes.to_vec(), faults: Faults::default(), rotations: vec![] };
    let (mut meter, pairing) = meter();
    let outline = course.prepare(&mut meter).unwrap();
    let mut blocks = Vec::new();
    course
        .run(&outline, &mut meter, &entropy(), |block| {
            blocks.push(block);
            Ok::<_, MeterError>(())
        })
        .unwrap();
    let pairing = Pairing::read(&pairing.write()).unwrap();
    for (series, intake) in load.series().iter().zip(intakes) {
        let files: Vec<_> =
            blocks.iter().filter(|b| b.register == intake.register.code).map(|b| b.file.clone()).collect();
        let days = open_chain(&files, meter.certificates(), &pairing);
        let total: u64 = series.amounts.iter().map(|a| u64::from(a.unwrap())).sum();
        assert_eq!((days.len(), days[2].after), (3, total));
    }
}

#[test]
fn seal_is_the_short_way_for_tests() {
    let (mut meter, pairing) = meter();
    meter.add_register(register("gas"), 0).unwrap();
    let samples = (0..50).map(|i| Sample { advance: i * 10_000, status: Status::Measured });
    let blocks = meter.seal(&code("gas"), START / HALF, samples).unwrap();
    let files: Vec<_> = blocks.into_iter().map(|block| block.file).collect();
    let days = open_chain(&files, meter.certificates(), &pairing);
    assert_eq!(readings(&days), (0..50).map(Some).collect::<Vec<_>>());
}
