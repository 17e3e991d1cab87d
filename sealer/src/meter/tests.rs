//! Keys, epochs and registers of the file meter. Opening its blocks is tested in `tests/sealing.rs`.

use metrology::keys::household_fingerprint;
use metrology::label::{Interval, RegisterKind, Status, Text};

use super::*;
use crate::entropy::MeterSeed;

const START: u64 = 1_735_689_600;
const SLOT: u64 = START / 1800;

fn entropy(byte: u8) -> Entropy {
    Entropy::Seeded(MeterSeed::from_bytes([byte; 32]))
}

fn meter() -> SealingMeter {
    SealingMeter::new(&entropy(1), None, SealClass::BesideMeter, START).unwrap().0
}

fn register(code: &str) -> Register {
    Register {
        code: Text::new(code).unwrap(),
        unit: Text::new("Wh").unwrap(),
        kind: RegisterKind::Cumulative,
        interval: Interval::HALF,
    }
}

fn samples(count: usize) -> Vec<Sample> {
    vec![Sample { advance: 10_000, status: Status::Measured }; count]
}

#[test]
fn a_seed_repeats_the_meter_and_chance_does_not() {
    let (a, b) = (meter(), meter());
    assert_eq!(a.certificate_file(), b.certificate_file());
    assert_eq!(a.id(), b.id());
    assert!(a.id().as_str().starts_with("FILE-"));
    assert!(a.is_from(&entropy(1)).unwrap() && !a.is_from(&entropy(2)).unwrap());
    let fresh = || SealingMeter::new(&Entropy::System, None, SealClass::Certified, START).unwrap().0.identity_key();
    assert_ne!(fresh(), fresh());
}

#[test]
fn the_certificate_says_what_was_asked_for() {
    let id = MeterId::new("cellar 3").unwrap();
    let (meter, pairing) = SealingMeter::new(&entropy(1), Some(id), SealClass::SelfSealed, 77).unwrap();
    let certificate = &meter.certificates()[0].certificate;
    assert_eq!((certificate.meter, certificate.class), (id, SealClass::SelfSealed));
    assert_eq!((certificate.epoch, certificate.first, certificate.previous), (0, 77, None));
    assert!(certificate.heads.is_empty());
    assert_eq!(pairing.certificates[0].hash, meter.certificates()[0].hash);
    assert_eq!(pairing.household(), household_fingerprint(&meter.household.public));
}

#[test]
fn registers_are_distinct_and_at_most_eight() {
    let mut meter = meter();
    meter.add_register(register("a"), 0).unwrap();
    assert_eq!(meter.add_register(register("A"), 0), Err(MeterError::RegisterExists(Text::new("A").unwrap())));
    assert_eq!(meter.add_register(register("b"), MAX_TOTAL), Err(MeterError::Total));
    for i in 1..8 {
        meter.add_register(register(&format!("r{i}")), 0).unwrap();
    }
    assert_eq!(meter.add_register(register("z"), 0), Err(MeterError::TooManyRegisters));
    let unknown = Text::new("z").unwrap();
    assert_eq!(meter.close(&unknown).unwrap_err(), MeterError::UnknownRegister(unknown));
}

#[test]
fn every_time_is_sealed_once() {
    let mut meter = meter();
    let reg = register("a");
    meter.add_register(reg, 0).unwrap();
    meter.seal(&reg.code, SLOT, samples(10)).unwrap();
    let seal = |meter: &mut SealingMeter, slot| meter.seal(&reg.code, slot, samples(1)).map(|blocks| blocks.len());
    assert_eq!(seal(&mut meter, SLOT + 9), Err(MeterError::Covered));
    assert_eq!(seal(&mut meter, SLOT - 1), Err(MeterError::BeforeEpoch));
    assert_eq!(seal(&mut meter, SLOT + 11), Err(MeterError::Gap { expected: SLOT + 10 }));
    assert_eq!(seal(&mut meter, SLOT + 100), Err(MeterError::ClockStep));
    assert_eq!(seal(&mut meter, SLOT + 10), Ok(1));
}

#[test]
fn a_new_epoch_keeps_the_past_and_changes_the_keys() {
    let mut meter = meter();
    let (a, b) = (register("a"), register("b"));
    meter.add_register(a, 5).unwrap();
    meter.add_register(b, 7).unwrap();
    let blocks = meter.seal(&a.code, SLOT, samples(3)).unwrap();
    let old_key = meter.chains[&a.code].sealer.state().key.clone();

    assert_eq!(meter.check_epoch(START), Err(MeterError::EpochBegins { first: START }));
    let until = START + 3 * 1800;
    assert_eq!(meter.check_epoch(until - 1), Err(MeterError::SealedBeyond { register: a.code, until }));
    assert!(meter.rotate(&entropy(1), until).unwrap().is_empty());

    let (first, second) = (&meter.certificates()[0], &meter.certificates()[1]);
    assert_eq!(second.certificate.previous, Some(first.hash));
    assert_eq!(second.certificate.heads.iter().collect::<Vec<_>>(), [(&a.code, &blocks[0].hash)]);
    let state = |code| meter.chains[code].sealer.state();
    assert_eq!((state(&a.code).previous, state(&a.code).block, state(&a.code).total), (blocks[0].hash, 1, 30_005));
    assert_eq!((state(&b.code).previous, state(&b.code).block, state(&b.code).total), (second.hash, 0, 7));
    assert_eq!(state(&a.code).next, None);
    assert_ne!(state(&a.code).key.expose(), old_key.expose());
}

#[test]
fn rotating_closes_what_is_open() {
    let mut meter = meter();
    let reg = register("a");
    meter.add_register(reg, 0).unwrap();
    assert!(meter.record(&reg.code, SLOT, samples(1)[0]).unwrap().is_none());
    assert!(matches!(meter.check_epoch(START + 1799), Err(MeterError::SealedBeyond { .. })));
    let blocks = meter.rotate(&entropy(1), START + 1800).unwrap();
    assert_eq!((blocks.len(), blocks[0].span.seconds()), (1, 1800));
    assert_eq!(meter.certificates()[1].certificate.heads[&reg.code], blocks[0].hash);
    assert_eq!(meter.seal(&reg.code, SLOT + 1, samples(1)).unwrap()[0].number, 1);
}

#[test]
fn nothing_secret_prints() {
    let text = format!("{:?}", meter());
    assert!(text.starts_with("SealingMeter(FILE-") && text.ends_with(", epoch 0, 0 registers)"), "{text}");
}

#[test]
fn what_a_register_shows_is_set_before_it_records_and_never_after() {
    let mut meter = meter();
    let reg = register("a");
    meter.add_register(reg, 5).unwrap();
    assert_eq!(meter.set_total(&reg.code, 900), Ok(true));
    assert_eq!(meter.set_total(&reg.code, MAX_TOTAL), Err(MeterError::Total));
    assert_eq!(meter.total(&reg.code), Some(900));
    assert!(meter.record(&reg.code, SLOT, samples(1)[0]).unwrap().is_none());
    assert_eq!(meter.set_total(&reg.code, 901), Ok(false));
    meter.close(&reg.code).unwrap().unwrap();
    assert_eq!(meter.set_total(&reg.code, 901), Ok(false));
    assert_eq!(meter.total(&reg.code), Some(900 + 10_000));
}
