//! Every ready-made source compiles, is signed and read, explains itself, and bills alike by both relations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation, missing_docs)]

#[path = "oracles/both.rs"]
#[allow(dead_code)] // years are for the oracles
mod both;

use std::path::Path;

use ed25519_dalek::SigningKey;
use protocol::tariff::{Provider, SignedTariff};
use protocol::time::Span;
use provider::desk;

fn signed(name: &str) -> SignedTariff {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let key = SigningKey::from_bytes(&[42; 32]);
    let provider = Provider { name: "Fern Energy".into(), key: key.verifying_key().to_bytes() };
    let source = std::fs::read_to_string(folder.join(name)).unwrap();
    let tariff = desk::compile(&source, &mut |file| std::fs::read(folder.join(file)), &provider);
    let tariff = tariff.unwrap_or_else(|error| panic!("{name}: {error}"));
    SignedTariff::read(&tariff.sign(&key).unwrap_or_else(|error| panic!("{name}: {error}"))).unwrap()
}

/// A made-up load that has no pattern of its own.
fn reading(at: u64, interval: u64, register: usize) -> u16 {
    let mixed = (at / interval + 977 * register as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
    (mixed * mixed % 3801 * interval / 3600) as u16
}

/// File, seconds of a slot, first local day and day after, words of the account.
const READY: [(&str, u64, &str, &str, &[&str]); 17] = [
    ("agile.toml", 1800, "2025-01-14", "2025-01-16", &["rounded to tens, halves to even"]),
    ("back-off.toml", 1800, "2025-03-01", "2025-04-01", &["of each slot", "for each squared Wh", "that reaches it"]),
    (
        "blocks-and-demand.toml",
        3600,
        "2025-03-01",
        "2025-04-01",
        &["the greatest load", "or nothing when", "for other lines alone"],
    ),
    ("e-tou-c.toml", 3600, "2025-07-01", "2025-08-01", &["the lesser of", "in periods that begin"]),
    ("economy7.toml", 1800, "2025-06-01", "2025-07-01", &["night 0.134 GBP/kWh"]),
    ("effekt.toml", 3600, "2025-10-01", "2025-11-01", &["the 3 greatest loads", "/ 3"]),
    ("export-bank.toml", 900, "2025-03-01", "2025-04-01", &["carried over", "of the period before"]),
    (
        "flanders-capacity.toml",
        900,
        "2024-10-01",
        "2024-11-01",
        &["11 months ago: 625 at first", "/ 12", "the greater of"],
    ),
    ("flat.toml", 3600, "2024-02-01", "2024-03-01", &["0.2985"]),
    (
        "nettleie.toml",
        3600,
        "2025-05-01",
        "2025-06-01",
        &["of these days the 3 greatest", "by a table on", "1824.00 NOK from 2000"],
    ),
    ("night.toml", 1800, "2013-03-01", "2013-04-01", &["night"]),
    ("pvpc.toml", 3600, "2025-02-01", "2025-03-01", &["5.11269632 %"]),
    ("road.toml", 3600, "2025-02-01", "2025-03-01", &["EUR/km", "900.00 EUR for each month"]),
    ("solar.toml", 900, "", "", &["1-0:2.8.0"]),
    ("spot.toml", 3600, "", "", &["below zero"]),
    ("tempo.toml", 3600, "2025-01-13", "2025-01-18", &["0.7562 EUR/kWh"]),
    ("nordic-spot.toml", 3600, "", "", &["25 %"]),
];

#[test]
fn every_source_bills_alike_by_both_relations() {
    for (name, interval, from, to, words) in READY {
        let signed = signed(name);
        let tariff = &signed.tariff;
        let account = desk::Account::of(&signed).to_string();
        for word in words {
            assert!(account.contains(word), "{name}: {word:?} is not in\n{account}");
        }
        let start = |date: &str| tariff.zone.start_of(date.parse().unwrap()).unwrap();
        let period = if from.is_empty() {
            // The first days of a longer validity.
            Span { from: tariff.valid.from, until: tariff.valid.until.min(tariff.valid.from + 28 * 86_400) }
        } else {
            Span { from: start(from), until: start(to) }
        };
        let slots = period.seconds() / interval;
        let registers: Vec<Vec<u16>> = (0..tariff.registers.len())
            .map(|register| (0..slots).map(|slot| reading(period.from + slot * interval, interval, register)).collect())
            .collect();
        let mut cells: Vec<i64> = tariff.cells().iter().map(|cell| cell.first).collect();
        let first = both::bill(tariff, period, interval, &registers, &cells);
        assert_ne!(first.settlement.fee_minor, 0, "{name}");
        // What it leaves counts when the same period is billed again.
        cells.clone_from(&first.next);
        let second = both::bill(tariff, period, interval, &registers, &cells);
        let moved = second.settlement.fee_minor != first.settlement.fee_minor;
        assert_eq!(moved, !cells.is_empty() && name != "export-bank.toml", "{name}");
    }
}
