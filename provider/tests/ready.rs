//! Every ready-made source compiles, is signed and read, explains itself, bills alike by both relations, and is proved: over
//! readings of a real household where they are at hand, over made-up ones otherwise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation, missing_docs)]

#[path = "oracles/both.rs"]
#[allow(dead_code)] // years are for the oracles
mod both;
#[path = "oracles/data.rs"]
#[allow(dead_code)] // and so are its tariffs
mod data;
#[path = "../../tests/tests/common/home.rs"]
#[allow(dead_code)] // faults and epochs are for the tests of soundness
mod home;
#[path = "oracles/months.rs"]
mod months;

use std::path::Path;

use ed25519_dalek::SigningKey;
use home::{Home, after, load, request};
use protocol::inference::{self, Reveals, Slots};
use protocol::tariff::{Provider, SignedTariff, Tariff};
use protocol::time::Span;
use provider::desk;

/// An example; where the file beside it holds prices of some days, for a month of prices.
fn signed(name: &str) -> SignedTariff {
    let month = months::of(name);
    let valid = |source: String| match month {
        Some(month) => month.dated(&source),
        None => source,
    };
    signed_with(name, valid, |file| month.map_or_else(|| shipped(file), |month| Ok(month.prices())))
}

/// A file as it lies beside the examples.
fn shipped(file: &str) -> std::io::Result<Vec<u8>> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(file))
}

fn signed_with(
    name: &str,
    change: impl FnOnce(String) -> String,
    mut files: impl FnMut(&str) -> std::io::Result<Vec<u8>>,
) -> SignedTariff {
    let key = SigningKey::from_bytes(&[42; 32]);
    let provider = Provider { name: "Fern Energy".into(), key: key.verifying_key().to_bytes() };
    let source = change(String::from_utf8(shipped(name).unwrap()).unwrap());
    let tariff = desk::compile(&source, &mut files, &provider);
    let tariff = tariff.unwrap_or_else(|error| panic!("{name}: {error}"));
    SignedTariff::read(&tariff.sign(&key).unwrap_or_else(|error| panic!("{name}: {error}"))).unwrap()
}

/// A made-up load that has no pattern of its own.
fn reading(at: u64, interval: u64, register: usize) -> u16 {
    let mixed = (at / interval + 977 * register as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
    (mixed * mixed % 3801 * interval / 3600) as u16
}

/// Local days that are billed.
fn period(tariff: &Tariff, from: &str, to: &str) -> Span {
    let start = |date: &str| tariff.zone.start_of(date.parse().unwrap()).unwrap();
    Span { from: start(from), until: start(to) }
}

fn made_up(tariff: &Tariff, period: &Span, interval: u64) -> Vec<Vec<u16>> {
    let slots = period.seconds() / interval;
    let of = |register| (0..slots).map(|slot| reading(period.from + slot * interval, interval, register)).collect();
    (0..tariff.registers.len()).map(of).collect()
}

/// Rows of a household's file from some column on, by their Unix time; none where a value is missing.
fn rows(name: &str) -> Option<Vec<(u64, Vec<Option<u16>>)>> {
    let text = String::from_utf8(data::read(&format!("households/{name}"))?).unwrap();
    let row = |line: &str| {
        let (at, values) = line.split_once(',').unwrap();
        let at: jiff::Timestamp = at.replace('Z', ":00Z").parse().unwrap();
        (u64::try_from(at.as_second()).unwrap(), values.split(',').map(|value| value.parse().ok()).collect())
    };
    Some(text.lines().skip(1).map(row).collect())
}

/// As many slots as a period has, from the same time of day on, of columns of a household's file: the first that are
/// complete.
fn real(name: &str, columns: &[usize], period: &Span, interval: u64) -> Option<Vec<Vec<u16>>> {
    let rows = rows(name)?;
    let count = usize::try_from(period.seconds() / interval).unwrap();
    let complete = |part: &&[(u64, Vec<Option<u16>>)]| {
        let whole = part[count - 1].0 - part[0].0 == (count as u64 - 1) * interval;
        let same_hour = part[0].0 % 86_400 == period.from % 86_400;
        whole && same_hour && part.iter().all(|(_, values)| columns.iter().all(|column| values[*column].is_some()))
    };
    let found = rows.windows(count).find(complete).unwrap_or_else(|| panic!("{name} has no such stretch"));
    Some(columns.iter().map(|column| found.iter().map(|(_, values)| values[*column].unwrap()).collect()).collect())
}

/// The file for a source, and its columns in the order of the registers.
fn household(tariff: &Tariff, interval: u64) -> Option<(&'static str, Vec<usize>)> {
    let export = |code: &str| usize::from(code == "1-0:2.8.0");
    let columns = tariff.registers.iter().map(|register| export(register.code.as_str())).collect();
    match (tariff.id.as_str(), interval, tariff.registers.len()) {
        // No household drives: its watt-hours are taken for metres.
        (_, 3600, 1) => Some(("fr_uci_household_2007_60min.csv", columns)),
        (_, 1800, 1) => Some(("uk_lcl_MAC000033_2013_30min.csv", columns)),
        (_, 900, 1) => Some(("de_wpuq_SFH19_2018_15min.csv", columns)),
        (_, 900, 2) => Some(("be_house1_import_export_2024_15min.csv", columns)),
        _ => panic!("{}: no file of this interval", tariff.id),
    }
}

fn sealed(tariff: &SignedTariff, period: &Span, interval: u64, registers: &[Vec<u16>]) -> Home {
    let series = registers.iter().map(|readings| readings.iter().copied().map(Some).collect());
    Home::new(load(interval, period.from, series.collect()), &tariff.tariff.registers)
}

/// What a household checks before it proves.
fn bound(tariff: &Tariff, period: &Span, interval: u64) -> Result<(), Reveals> {
    let slots = vec![Slots { interval, ..Slots::default() }; tariff.registers.len()];
    inference::alone(&inference::proved(tariff, period, &slots, &tariff.zone).unwrap(), &slots)
}

/// Over a month no source singles out slots. One day of hourly prices to the tenth of a cent does.
#[test]
fn the_bound_lets_months_through_and_not_a_single_day() {
    for (name, interval, from, to, _) in READY {
        let tariff = signed(name);
        let period = period(&tariff.tariff, from, to);
        bound(&tariff.tariff, &period, interval).unwrap_or_else(|hostile| panic!("{name}: {hostile}"));
    }
    let day = signed_with("spot.toml", |source| source, shipped);
    bound(&day.tariff, &day.tariff.valid, 3600).unwrap_err();
}

#[test]
fn a_household_s_bill_under_every_source_is_proved() {
    for (name, interval, from, to, _) in READY {
        let tariff = signed(name);
        let period = period(&tariff.tariff, from, to);
        let file = household(&tariff.tariff, interval);
        let found = file.and_then(|(file, columns)| Some((file, real(file, &columns, &period, interval)?)));
        let (whose, registers) = found.unwrap_or_else(|| ("made up", made_up(&tariff.tariff, &period, interval)));
        let cells: Vec<i64> = tariff.tariff.cells().iter().map(|cell| cell.first).collect();
        let expected = both::bill(&tariff.tariff, period, interval, &registers, &cells).settlement.fee_minor;
        let bill = sealed(&tariff, &period, interval, &registers).prove(&tariff, &request(period), None);
        assert_eq!(bill.statement.fee_minor, expected, "{name}");
        let currency = &tariff.tariff.currency.code;
        println!("{name:<26} {expected:>8} minor units of {currency} over {:>4} slots, {whose}", bill.slots);
    }
}

/// Thirteen months under the Flemish capacity tariff, each going on from the one before. In the thirteenth all that the
/// tariff began with has left the mean.
#[test]
fn thirteen_months_of_flemish_capacity() {
    const QUARTER: u64 = 900;
    // The example is for the twelve months of 2024.
    let longer = |source: String| source.replace("to = 2025-01-01", "to = 2025-02-01");
    let tariff = signed_with("flanders-capacity.toml", longer, shipped);
    let zone = &tariff.tariff.zone;
    let first = |month: i16| jiff::civil::date(2024 + (month - 1) / 12, i8::try_from((month - 1) % 12 + 1).unwrap(), 1);
    let bounds: Vec<u64> = (1..=14).map(|month| zone.start_of(first(month)).unwrap()).collect();
    let year = Span { from: bounds[0], until: bounds[13] };
    let slots = usize::try_from(year.seconds() / QUARTER).unwrap();
    // No file has thirteen months of quarter-hours: three households' half-years follow each other.
    let half_years = rows("nl_zonnedael_28households_2013H1_15min.csv");
    let found = half_years.map(|rows| {
        let of = |column: usize| rows.iter().filter_map(move |(_, values)| values[column]);
        of(0).chain(of(1)).chain(of(2)).take(slots).collect::<Vec<u16>>()
    });
    let readings = found.unwrap_or_else(|| made_up(&tariff.tariff, &year, QUARTER).remove(0));
    assert_eq!(readings.len(), slots);
    let home = sealed(&tariff, &year, QUARTER, std::slice::from_ref(&readings));

    // Twelve peaks of quarters, of which none is below 2.5 kW; at first all are as low as that.
    let mut peaks = vec![625i128; 11];
    let mut before = None;
    for (month, bounds) in bounds.windows(2).enumerate() {
        let period = Span { from: bounds[0], until: bounds[1] };
        let slot = |at: u64| usize::try_from((at - year.from) / QUARTER).unwrap();
        let part = &readings[slot(period.from)..slot(period.until)];
        let taken: i128 = part.iter().map(|wh| i128::from(*wh)).sum();
        peaks.push(i128::from(*part.iter().max().unwrap()).max(625));
        let twelve: i128 = peaks.iter().rev().take(12).sum();
        // In parts of 1.44·10⁹ of a cent: 4 quarters to the hour, 40.2419 EUR/kW a year, a twelfth of a mean of twelve;
        // energy at 4.2 c/kWh, and both together at most 20.3548 c/kWh.
        let (capacity, energy, room) = (twelve * 160_967_600, taken * 6_048_000, taken * 23_262_912);
        let due = energy + capacity.min(room);
        let cents = (2 * due + 1_440_000_000) / 2_880_000_000;

        let bill = home.prove(&tariff, &request(period), before.as_ref());
        println!("month {:>2}: {:>6} c, peak {:>5} Wh in a quarter", month + 1, cents, peaks.last().unwrap());
        assert_eq!(i128::from(bill.statement.fee_minor), cents, "month {}", month + 1);
        assert_eq!(bill.statement.continues.is_some(), month > 0);
        before = Some(after(&bill));
    }
    assert!(peaks[12..].iter().any(|peak| *peak > 625), "not all is the floor");
}

/// File, seconds of a slot, first local day and day after, words of the account.
const READY: [(&str, u64, &str, &str, &[&str]); 17] = [
    ("agile.toml", 1800, "2023-01-01", "2023-02-01", &["rounded to tens, halves to even"]),
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
    ("solar.toml", 900, "2013-07-01", "2013-08-01", &["1-0:2.8.0"]),
    ("spot.toml", 3600, "2024-03-01", "2024-04-01", &["below zero"]),
    ("tempo.toml", 3600, "2025-01-01", "2025-02-01", &["0.7562 EUR/kWh"]),
    ("nordic-spot.toml", 3600, "2023-11-01", "2023-12-01", &["25 %"]),
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
        let period = period(tariff, from, to);
        let registers = made_up(tariff, &period, interval);
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
