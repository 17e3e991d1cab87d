//! A meter's own bill before a verifier: accepted as it is, refused for one reason each when it is not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::code;
use common::tariff::{YEAR, days, signed, tariff};
use ed25519_dalek::SigningKey;
use meter_emulator::bill::{self, Billed};
use meter_emulator::{Course, Entropy, Faults, Intake, Load, MeterSeed, SealingMeter, Series};
use metrology::certificate::SealClass;
use metrology::label::{Interval, Register, RegisterKind, Text};
use protocol::certificate::VerifiedCertificate;
use protocol::meter_bill::{MeterBill, is_meter_bill, verify};
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use protocol::verify::{Origin, Policy, Registry};

const IMPORT: &str = "1-0:1.8.0";

fn entropy() -> Entropy {
    Entropy::Seeded(MeterSeed::from_bytes([9; 32]))
}

/// The key of the meter's only epoch, as its seed gives it.
fn signing() -> SigningKey {
    SigningKey::from_bytes(&entropy().draw::<32>("epoch", 0).unwrap())
}

fn terms() -> SignedTariff {
    signed(&tariff(&[IMPORT]))
}

/// February, measured throughout or with one missing slot.
fn billed(class: SealClass, whole: bool) -> (SealingMeter, Billed) {
    let period = days("2025-02-01", "2025-03-01");
    let amounts = (0..period.seconds() / 1800).map(|slot| (whole || slot != 99).then_some(2_340_000)).collect();
    let load = Load::new(Interval::HALF, period.from / 1800, vec![Series { name: "a".into(), amounts }]).unwrap();
    let (unit, kind) = (Text::new("Wh").unwrap(), RegisterKind::Cumulative);
    let register = Register { code: code(IMPORT), unit, kind, interval: Interval::HALF };
    let intakes = vec![Intake { register, start: None }];
    let course = Course { load, intakes, faults: Faults::default(), rotations: vec![] };
    let mut meter = SealingMeter::unpaired(&entropy(), None, class, period.from).unwrap();
    let bill = bill::bill(course, &terms(), period, &mut meter, &entropy(), false).unwrap();
    (meter, bill)
}

fn registry(certificates: &[VerifiedCertificate]) -> Registry {
    let mut registry = Registry::default();
    registry.list(certificates);
    registry
}

fn reason(bytes: &[u8], registry: &Registry, policy: &Policy) -> &'static str {
    verify(bytes, &terms(), registry, policy).map_or_else(|refusal| refusal.code(), |_| "valid")
}

#[test]
fn a_registry_says_whose_bill_it_is() {
    let (meter, billed) = billed(SealClass::Certified, true);
    assert!(is_meter_bill(&billed.bytes));
    let known = registry(meter.certificates());
    let verified = verify(&billed.bytes, &terms(), &known, &Policy::default()).unwrap();
    assert_eq!((verified.origin, &verified.bill, verified.digest), (Origin::Attested, &billed.bill, billed.digest));
    let verified = verify(&billed.bytes, &terms(), &Registry::default(), &Policy::default()).unwrap();
    assert_eq!(verified.origin, Origin::Unattested);

    let of = |byte| Entropy::Seeded(MeterSeed::from_bytes([byte; 32]));
    let other = SealingMeter::unpaired(&of(1), None, SealClass::Certified, 0).unwrap();
    assert_eq!(reason(&billed.bytes, &registry(other.certificates()), &Policy::default()), "unknown-meter");
    let fork = SealingMeter::unpaired(&entropy(), None, SealClass::Certified, 0).unwrap();
    assert_eq!(reason(&billed.bytes, &registry(fork.certificates()), &Policy::default()), "forked-epoch");
}

#[test]
fn policies_hold() {
    let (_, incomplete) = billed(SealClass::Certified, false);
    let (none, default) = (Registry::default(), Policy::default());
    assert_eq!(reason(&incomplete.bytes, &none, &default), "incomplete");
    let allow = Policy { allow_incomplete: true, ..Policy::default() };
    assert_eq!(reason(&incomplete.bytes, &none, &allow), "valid");
    let certified = Policy { require_certified: true, ..Policy::default() };
    assert_eq!(reason(&billed(SealClass::Certified, true).1.bytes, &none, &certified), "valid");
    assert_eq!(reason(&billed(SealClass::BesideMeter, true).1.bytes, &none, &certified), "not-certified");
    assert_eq!(reason(&billed(SealClass::SelfSealed, true).1.bytes, &none, &default), "valid");
    let elsewhere = Policy { recipient: Some([1; 32]), ..Policy::default() };
    assert_eq!(reason(&billed(SealClass::Certified, true).1.bytes, &none, &elsewhere), "other-recipient");
}

#[test]
fn every_changed_bit_is_refused() {
    let (meter, billed) = billed(SealClass::Certified, true);
    let (good, known, terms) = (billed.bytes, registry(meter.certificates()), terms());
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            assert!(verify(&bad, &terms, &known, &Policy::default()).is_err(), "byte {at} bit {bit}");
        }
        assert!(verify(&good[..at], &terms, &known, &Policy::default()).is_err(), "cut at {at}");
    }
    let longer = [&good[..], &[0]].concat();
    assert!(verify(&longer, &terms, &known, &Policy::default()).is_err());
}

/// A change to a bill, and why a bill with it is refused although its meter signed it.
type Damage = (&'static str, fn(&mut MeterBill));

/// Damage to every field.
fn damages() -> Vec<Damage> {
    vec![
        ("unknown-version", |b| b.version = 2),
        ("unknown-certificate", |b| b.certificate[0] ^= 1),
        ("other-recipient", |b| b.recipient = [5; 32]),
        ("other-tariff", |b| b.tariff[31] ^= 1),
        ("empty-period", |b| b.period.until = b.period.from),
        ("outside-validity", |b| b.period.until = YEAR.until + 86_400),
        ("outside-validity", |b| b.period = Span { from: YEAR.from - 86_400, until: YEAR.from }),
        ("before-epoch", |b| {
            b.period = days("2025-01-04", "2025-02-01");
            b.registers[0].slots = 28 * 48;
        }),
        ("not-on-grid", |b| b.period.from += 86_400),
        ("not-on-grid", |b| b.registers[0].slots -= 1),
        ("not-local-days", |b| {
            b.period = Span { from: b.period.from + 1800, until: b.period.until + 1800 };
        }),
        ("other-registers", |b| b.registers.clear()),
        ("other-registers", |b| b.registers[0].code = code("1-0:2.8.0")),
        ("other-registers", |b| b.registers.push(b.registers[0].clone())),
        ("incomplete", |b| b.registers[0].missing = 1),
        ("not-canonical", |b| b.registers[0].estimated = b.registers[0].slots + 1),
        ("not-canonical", |b| b.registers[0].tamper = u32::MAX),
        // The meter's word: nothing but its key speaks for them.
        ("valid", |b| b.fee_minor -= 1),
        ("valid", |b| b.registers[0].events = 5),
        ("valid", |b| b.registers[0].estimated = 3),
    ]
}

#[test]
fn a_foreign_key_signs_nothing() {
    let (meter, billed) = billed(SealClass::Certified, true);
    let (known, message) = (registry(meter.certificates()), &meter.certificates()[0].message);
    let thief = SigningKey::from_bytes(&[66; 32]);
    assert_eq!(reason(&billed.bill.sign(message, &thief), &known, &Policy::default()), "bad-signature");
    for (_, change) in damages() {
        let mut bill = billed.bill.clone();
        change(&mut bill);
        assert_eq!(reason(&bill.sign(message, &thief), &known, &Policy::default()), "bad-signature");
    }
}

#[test]
fn the_meters_own_key_cannot_say_everything() {
    let (meter, billed) = billed(SealClass::Certified, true);
    let (known, message) = (registry(meter.certificates()), &meter.certificates()[0].message);
    assert_eq!(billed.bill.sign(message, &signing()), billed.bytes, "the same key, the same bytes");
    for (place, (expected, change)) in damages().into_iter().enumerate() {
        let mut bill = billed.bill.clone();
        change(&mut bill);
        let found = reason(&bill.sign(message, &signing()), &known, &Policy::default());
        assert_eq!(found, expected, "damage {place}");
    }
}

#[test]
fn another_certificate_does_not_fit() {
    let (meter, billed) = billed(SealClass::Certified, true);
    let known = registry(meter.certificates());
    // The same meter after a rotation: its new certificate does not vouch for the old key.
    let mut rotated = meter;
    rotated.rotate(&entropy(), billed.bill.period.until).unwrap();
    let next = &rotated.certificates()[1];
    assert_eq!(reason(&billed.bill.sign(&next.message, &signing()), &known, &Policy::default()), "bad-signature");
    let new = SigningKey::from_bytes(&entropy().draw::<32>("epoch", 1).unwrap());
    assert_eq!(reason(&billed.bill.sign(&next.message, &new), &known, &Policy::default()), "unknown-certificate");
    let mut moved = billed.bill;
    moved.certificate = next.hash;
    assert_eq!(reason(&moved.sign(&next.message, &new), &known, &Policy::default()), "before-epoch");
}
