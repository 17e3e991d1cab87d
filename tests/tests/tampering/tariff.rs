//! Attacks by and on the provider's tariff.

use ed25519_dalek::SigningKey;
use metrology::cose::purpose;
use protocol::money::Rounding;
use protocol::tariff::{Charge, Prices, SignedTariff, Tariff, TariffError};
use protocol::wire::{self, WireError};

use crate::{Row, check, world};

fn code(message: &[u8]) -> &'static str {
    match SignedTariff::read(message) {
        Ok(_) => "read",
        Err(TariffError::Wire(WireError::Signature(_))) => "bad-signature",
        Err(TariffError::Wire(WireError::Version(_))) => "unknown-version",
        Err(TariffError::Wire(_)) => "bad-form",
        Err(TariffError::Invalid(_)) => "out-of-bounds",
    }
}

/// The provider's own key signs what `check` would have refused to sign.
fn signed(change: impl FnOnce(&mut Tariff)) -> &'static str {
    let mut tariff = world().tariff.clone();
    change(&mut tariff);
    code(&wire::sign(&world().provider, purpose::TARIFF, &wire::encode(&tariff)))
}

fn flipped(change: impl FnOnce(&mut Tariff)) -> &'static str {
    let good = world().tariff_message();
    let mut tariff = world().tariff.clone();
    change(&mut tariff);
    let signature = good[good.len() - 64..].try_into().unwrap();
    code(&wire::frame(&wire::encode(&tariff), &signature))
}

fn energy(tariff: &mut Tariff) -> (&mut u8, &mut protocol::tariff::Schedule, &mut i64) {
    match &mut tariff.lines[0].charge {
        Charge::Energy { register, schedule, fallback } => (register, schedule, fallback),
        _ => unreachable!("line 0 is an energy line"),
    }
}

fn first_price(tariff: &mut Tariff) -> &mut i64 {
    match &mut energy(tariff).1.prices {
        Prices::Bands { bands, .. } => &mut bands[0].price,
        Prices::Series(prices) => &mut prices[0],
    }
}

#[test]
fn tariffs() {
    let f = "bad-signature";
    let o = "out-of-bounds";
    let table: Vec<Row> = vec![
        ("control: the tariff as it is", code(&world().tariff_message()), "read"),
        ("a price, flipped", flipped(|t| *first_price(t) -= 1), f),
        ("the fallback price, flipped", flipped(|t| *energy(t).2 = 0), f),
        ("a rounding, flipped", flipped(|t| t.lines[0].rounding = None), f),
        ("a tax rate, flipped", flipped(|t| t.lines.truncate(3)), f),
        ("the validity, flipped", flipped(|t| t.valid.from += 86_400), f),
        ("the clock changes, flipped", flipped(|t| t.zone.changes.clear()), f),
        ("the currency, flipped", flipped(|t| t.currency.code = "SEK".into()), f),
        ("the provider's key, flipped", flipped(|t| t.provider.key = [1; 32]), f),
        (
            "signed for another purpose",
            code(&wire::sign(&world().provider, purpose::DAY_BLOCK, &wire::encode(&world().tariff))),
            f,
        ),
        (
            "signed by a stranger in the provider's name",
            code(&wire::sign(&SigningKey::from_bytes(&[1; 32]), purpose::TARIFF, &wire::encode(&world().tariff))),
            f,
        ),
        ("a price of 2⁴⁰, signed", signed(|t| *first_price(t) = 1 << 40), o),
        ("a fallback price out of range, signed", signed(|t| *energy(t).2 = i64::MIN), o),
        (
            "a standing amount out of range, signed",
            signed(|t| t.lines[2].charge = Charge::Standing { amount: i64::MAX, per: protocol::tariff::Per::Day }),
            o,
        ),
        (
            "a tax on a later line, signed",
            signed(|t| t.lines[3].charge = Charge::Tax { numerator: 1, denominator: 5, base: vec![3] }),
            o,
        ),
        (
            "a tax rate with a zero denominator, signed",
            signed(|t| t.lines[3].charge = Charge::Tax { numerator: 1, denominator: 0, base: vec![0] }),
            o,
        ),
        (
            "a tax rate not in lowest terms, signed",
            signed(|t| t.lines[3].charge = Charge::Tax { numerator: 42, denominator: 200, base: vec![0] }),
            o,
        ),
        ("a rounding step of zero, signed", signed(|t| t.lines[0].rounding.as_mut().unwrap().step = 0), o),
        ("a total not in minor units, signed", signed(|t| t.total = Rounding { step: 3, ..t.total }), o),
        ("a register that no line bills, signed", signed(|t| drop(t.lines.remove(1))), o),
        ("a line for a register that is not there, signed", signed(|t| *energy(t).0 = 5), o),
        (
            "a register twice, signed",
            signed(|t| {
                let r = t.registers[0].clone();
                t.registers.push(r);
            }),
            o,
        ),
        (
            "a line twice, signed",
            signed(|t| {
                let l = t.lines[0].clone();
                t.lines.push(l);
            }),
            o,
        ),
        ("an empty validity, signed", signed(|t| t.valid.until = t.valid.from), o),
        ("prices that end before the validity, signed", signed(|t| t.valid.until += 86_400), o),
        ("prices for seven-minute units, signed", signed(|t| energy(t).1.base = 420), o),
        (
            "runs that could be written shorter, signed",
            signed(|t| {
                if let Prices::Bands { runs, .. } = &mut energy(t).1.prices {
                    let r = runs[0];
                    runs.insert(0, r);
                }
            }),
            o,
        ),
        (
            "clock changes out of order, signed",
            signed(|t| {
                let c = t.zone.changes[0];
                t.zone.changes.push(c);
            }),
            o,
        ),
        ("a currency with a hundred decimals, signed", signed(|t| t.currency.exponent = 100), o),
        ("another version, signed", signed(|t| t.version = 3), "unknown-version"),
        ("the version of a richer content, signed", signed(|t| t.version = 2), o),
        ("bytes after its end", code(&[&world().tariff_message()[..], &[0]].concat()), "bad-form"),
    ];
    check(&table);
}
