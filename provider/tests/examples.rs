//! Every example source compiles, to what it says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use proptest::prelude::*;
use protocol::money::{Mode, Rounding};
use protocol::tariff::{Charge, Per, Prices, Provider, Tariff};
use provider::desk;

fn provider() -> Provider {
    Provider { name: "Fern Energy".into(), key: [7; 32] }
}

fn source(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)).unwrap()
}

fn compiled(text: &str) -> Result<Tariff, desk::DeskError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    desk::compile(text, &mut |file| std::fs::read(folder.join(file)), &provider())
}

fn example(name: &str) -> Tariff {
    compiled(&source(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The prices of all quarter-hours of a span, by Unix times.
fn quarters(tariff: &Tariff, line: usize, from: u64, until: u64) -> Vec<i64> {
    let (_, energy) = tariff.energy_lines().nth(line).unwrap();
    energy.schedule.slots(from, 900, usize::try_from((until - from) / 900).unwrap()).unwrap()
}

#[test]
fn no_example_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "agile.csv",
            "agile.toml",
            "back-off.toml",
            "blocks-and-demand.toml",
            "e-tou-c.toml",
            "economy7.toml",
            "effekt.toml",
            "export-bank.toml",
            "flanders-capacity.toml",
            "flat.toml",
            "nettleie.toml",
            "night.toml",
            "nordic-spot.toml",
            "pvpc.toml",
            "road.toml",
            "solar.toml",
            "spot.csv",
            "spot.toml",
            "tempo.csv",
            "tempo.toml"
        ]
    );
}

#[test]
fn flat() {
    let tariff = example("flat.toml");
    let (_, energy) = tariff.energy_lines().next().unwrap();
    assert_eq!((energy.fallback, energy.schedule.base), (298_500, 3600));
    assert_eq!(tariff.valid.seconds(), 366 * 86_400);
    assert!(quarters(&tariff, 0, tariff.valid.from, tariff.valid.until).iter().all(|price| *price == 298_500));
    assert_eq!(tariff.lines[1].charge, Charge::Standing { amount: 59_950_000_000, per: Per::Year });
    assert_eq!(tariff.lines[2].charge, Charge::Tax { numerator: 3, denominator: 50, base: vec![0, 1] });
    assert_eq!(tariff.lines[2].rounding, Some(Rounding { step: 10_000_000, mode: Mode::HalfEven }));
    assert_eq!(tariff.total, Rounding { step: 10_000_000, mode: Mode::HalfAway });
}

#[test]
fn night() {
    let tariff = example("night.toml");
    let (_, energy) = tariff.energy_lines().next().unwrap();
    assert_eq!(energy.schedule.base, 1800, "19:30 needs half-hours");
    // 31 March 2013, 23 hours: 7 of night by the clock. 27 October, 25 hours: 9 of night.
    for (from, hours, night) in [(1_364_688_000, 23, 28), (1_382_828_400, 25, 36)] {
        let day = quarters(&tariff, 0, from, from + hours * 3600);
        assert_eq!(day.iter().filter(|price| **price == 87_500).count(), night);
        assert_eq!(day.iter().filter(|price| **price == 194_000).count(), 64);
    }
    // Winter evenings: 13 December is a Friday; Christmas Day and Saturdays are none.
    let evening = |day: u64| quarters(&tariff, 0, day * 86_400 + 16 * 3600, day * 86_400 + 19 * 3600 + 1800);
    assert_eq!(evening(16_052), vec![243_700; 14]);
    assert_eq!(evening(16_053), vec![194_000; 14]);
    assert_eq!(evening(16_064), vec![194_000; 14]);
    assert_eq!(tariff.zone.changes.len(), 2);
}

#[test]
fn spot() {
    let tariff = example("spot.toml");
    let (_, energy) = tariff.energy_lines().next().unwrap();
    assert_eq!(tariff.valid.seconds(), 23 * 3600);
    let Prices::Series(prices) = &energy.schedule.prices else { panic!("bands") };
    assert_eq!(prices.len(), 23, "the price of the next day is left out");
    // 61.2 * 1.03 = 63.036 EUR/MWh, and 11 more; -21.337 * 1.03 = -21.97711, rounded, and 11 more.
    assert_eq!((prices[0], prices[9], prices[13]), (74_036, 11_000, -10_977));
}

#[test]
fn solar() {
    let tariff = example("solar.toml");
    let codes: Vec<&str> = tariff.registers.iter().map(|register| register.code.as_str()).collect();
    assert_eq!(codes, ["1-0:1.8.0", "1-0:2.8.0"]);
    // Monday 6 January 2014, in summer time: busy from 14:00 UTC+10, 04:00 UTC, to 10:00 UTC.
    let monday = 1_388_966_400;
    let day = quarters(&tariff, 0, monday, monday + 86_400);
    assert_eq!(day.iter().position(|price| *price == 486_200), Some(16));
    assert_eq!(day.iter().filter(|price| **price == 486_200).count(), 24);
    let (_, sold) = tariff.energy_lines().nth(1).unwrap();
    assert_eq!(sold.fallback, -77_000);
    assert_eq!(tariff.lines[3].charge, Charge::Tax { numerator: 1, denominator: 10, base: vec![0, 2] });
    assert_eq!(tariff.total.step, 50_000_000);
}

proptest! {
    /// A mistyped source is refused or says something else; it is never a crash.
    #[test]
    fn a_damaged_source_is_no_crash(
        name in prop::sample::select(vec!["flat.toml", "night.toml", "solar.toml", "spot.toml"]),
        at in 0usize..2000,
        length in 0usize..6,
        put in "[ -~\n]{0,4}",
    ) {
        let mut text: Vec<char> = source(name).chars().collect();
        let at = at.min(text.len());
        let end = (at + length).min(text.len());
        text.splice(at..end, put.chars());
        let text: String = text.into_iter().collect();
        if let Err(error) = compiled(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
