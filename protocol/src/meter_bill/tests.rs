//! What a meter cannot say in a bill, even with its own signature.

use super::*;
use crate::bill::to_minor;
use crate::money::Currency;
use crate::tariff::{Charge, Line, Per, Prices, Provider, Schedule, TariffRegister};
use crate::time::Zone;
use metrology::certificate::Certificate;
use metrology::cose::public_key;
use metrology::label::Text;

/// 2025-01-01 in UTC and a day later.
const DAY: Span = Span { from: 1_735_689_600, until: 1_735_776_000 };

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

fn tariff() -> SignedTariff {
    let schedule = Schedule { base: 1800, first: DAY.from / 1800, prices: Prices::Series(vec![250_000; 240]) };
    let line = |name: &str, charge| Line { name: name.into(), rounding: None, charge, rule: None };
    let energy = |register| Charge::Energy { register, schedule: schedule.clone(), fallback: 250_000 };
    let register =
        |code| TariffRegister { code: Text::new(code).unwrap(), unit: Text::new("Wh").unwrap(), rounding: None };
    let tariff = Tariff {
        version: crate::tariff::VERSION,
        id: "t".into(),
        name: "T".into(),
        provider: Provider { name: "P".into(), key: public_key(&key(1)) },
        currency: Currency { code: "EUR".into(), exponent: 2 },
        valid: Span { from: DAY.from, until: DAY.from + 5 * 86_400 },
        zone: Zone { name: "UTC".into(), offset: 0, changes: vec![] },
        registers: vec![register("a"), register("b")],
        lines: vec![
            line("A", energy(0)),
            line("B", energy(1)),
            line("S", Charge::Standing { amount: 1_000_000_000, per: Per::Day }),
        ],
        algebra: None,
        total: to_minor(10_000_000),
    };
    SignedTariff::read(&tariff.sign(&key(1)).unwrap()).unwrap()
}

fn certificate() -> Vec<u8> {
    let certificate = Certificate {
        meter: Text::new("m").unwrap(),
        class: SealClass::Certified,
        identity_key: public_key(&key(2)),
        epoch: 0,
        signing_key: public_key(&key(3)),
        agreement_key: [7; 32],
        first: DAY.from,
        previous: None,
        heads: &[],
    };
    certificate.sign(&key(2)).unwrap().as_slice().to_vec()
}

fn honest() -> MeterBill {
    let register = |code, slots| MeterRegister {
        code: Text::new(code).unwrap(),
        slots,
        missing: 0,
        estimated: 0,
        tamper: 0,
        events: 0,
    };
    MeterBill {
        version: metrology::VERSION,
        certificate: VerifiedCertificate::read(&certificate()).unwrap().hash,
        recipient: public_key(&key(1)),
        tariff: tariff().hash,
        period: DAY,
        registers: vec![register("a", 48), register("b", 96)],
        fee_minor: 123,
    }
}

/// Signed by the meter itself, so that only the content can be what is wrong.
fn reason(change: impl Fn(&mut MeterBill)) -> Result<i64, &'static str> {
    let mut bill = honest();
    change(&mut bill);
    let bytes = bill.sign(&certificate(), &key(3));
    let verified = verify(&bytes, &tariff(), &Registry::default(), &Policy::default());
    verified.map(|v| v.bill.fee_minor).map_err(|refusal| refusal.code())
}

#[test]
fn every_register_has_the_slots_of_the_period() {
    assert_eq!(reason(|_| ()), Ok(123));
    assert_eq!(reason(|b| b.registers[1].slots = 48), Ok(123));
    for slots in [0, 1, 47, 49, 95, 144, 192, u32::MAX] {
        assert_eq!(reason(|b| b.registers[0].slots = slots), Err("not-on-grid"), "{slots}");
    }
    // Prices of half-hours do not tell what an hour costs when they differ; here they are equal.
    assert_eq!(reason(|b| b.registers[0].slots = 24), Ok(123));
}

#[test]
fn the_period_fits_days_and_validity() {
    let shifted = |by: u64| move |b: &mut MeterBill| b.period = Span { from: DAY.from + by, until: DAY.until + by };
    assert_eq!(reason(shifted(86_400)), Ok(123));
    assert_eq!(reason(shifted(600)), Err("not-local-days"));
    assert_eq!(reason(shifted(3600)), Err("not-local-days"));
    assert_eq!(reason(shifted(5 * 86_400)), Err("outside-validity"));
    assert_eq!(reason(|b| b.period.until = b.period.from), Err("empty-period"));
}

#[test]
fn statuses_fit_into_the_slots_and_never_wrap() {
    assert_eq!(reason(|b| b.registers[0].tamper = 48), Ok(123));
    assert_eq!(reason(|b| b.registers[0].missing = 1), Err("incomplete"));
    assert_eq!(reason(|b| b.registers[0].estimated = 49), Err("not-canonical"));
    let sum_to_zero = |b: &mut MeterBill| {
        b.registers[0].missing = u32::MAX;
        b.registers[1].missing = 1;
    };
    assert_eq!(reason(sum_to_zero), Err("not-canonical"));
}

#[test]
fn a_tariff_that_is_not_linear_is_refused() {
    let bytes = honest().sign(&certificate(), &key(3));
    let mut richer = tariff();
    richer.tariff.version = crate::tariff::VERSION_ALGEBRA;
    let refused = verify(&bytes, &richer, &Registry::default(), &Policy::default()).unwrap_err();
    assert_eq!(refused.code(), "not-linear");
}
