//! NREL's PySAM Utilityrate5: eighteen rate structures on a household's year, and four on a year of half-hours.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::home::Home;
use super::proof::{self, Proofs};
use super::pysam_sources::{head, source};
use super::{both, data};

/// 2007-01-01 in UTC; the oracle's hours are taken one by one from there.
pub const START: u64 = 1_167_609_600;

pub const LOAD: &str = "households/fr_uci_household_2007_60min.csv";

/// The panels that the oracle drew: half a sine by day and year.
fn panels() -> Vec<f64> {
    let day = |day: usize| (std::f64::consts::PI * (day as f64 + 10.0) / 365.0).sin().powi(2);
    let hour = |hour: usize| (std::f64::consts::PI * (hour as f64 - 6.0) / 12.0).sin();
    (0..8760)
        .map(|at| {
            let (d, h) = (at / 24, at % 24);
            if (6..18).contains(&h) { (3000.0 * (0.35 + 0.65 * day(d)) * hour(h)).max(0.0) } else { 0.0 }
        })
        .collect()
}

/// The day-ahead prices of the oracle, on its hours.
fn prices(column: &[String]) -> Vec<u8> {
    let mut text = String::from("utc_start,price\n");
    for (hour, price) in column.iter().take(8760).enumerate() {
        let days = hour / 24;
        let date =
            jiff::civil::date(2007, 1, 1).checked_add(jiff::Span::new().days(i64::try_from(days).unwrap())).unwrap();
        let _ = writeln!(text, "{date}T{:02}:00Z,{price}", hour % 24);
    }
    text.into_bytes()
}

#[test]
fn eighteen_structures_on_a_year_of_hours() {
    let (Some(expected), Some(load)) = (data::json("oracle/expected_bills.json"), data::load(LOAD)) else { return };
    let Some(spot) = data::column("prices/fi_dayahead_2023-01_2024-02_60min_c_per_kwh_incVAT.csv") else { return };
    let net: Vec<f64> = load.iter().zip(panels()).map(|(load, panels)| f64::from(*load) - panels).collect();
    let (taken, given): (Vec<u16>, Vec<u16>) =
        net.iter().map(|net| (net.max(0.0).round() as u16, (-net).max(0.0).round() as u16)).unzip();
    let (mut matched, mut proved) = (0, 0);
    let mut homes: BTreeMap<usize, Home> = BTreeMap::new();
    for (number, (name, case)) in expected.as_object().unwrap().iter().enumerate() {
        let source = source(name).unwrap_or_else(|| panic!("{name} has no source"));
        let tariff = data::tariff(&source, &prices(&spot));
        let with_panels = name.contains("pv");
        let registers = if with_panels {
            // The tariff's registers stand in the order of their first use.
            tariff
                .tariff
                .registers
                .iter()
                .map(|r| if r.code.as_str() == "1-0:1.8.0" { taken.clone() } else { given.clone() })
                .collect()
        } else {
            vec![load.clone()]
        };
        let home = homes.entry(registers.len()).or_insert_with(|| proof::home(&tariff, 3600, START, &registers));
        let mut proofs = Proofs::new(home, &tariff, number, 6);
        let bills = both::year(&tariff.tariff, START, 3600, &registers, &mut |month, period, cells, settled| {
            proofs.month(month, period, cells, settled);
        });
        proved += proofs.count;
        // The oracle's panels give fractions of a watt-hour, which no meter counts: these agree to the cent.
        let close = if with_panels { 10_000.0 } else { 1.5 };
        for (month, (bill, expected)) in bills.iter().zip(data::twelve(&case["expected"]["bill"])).enumerate() {
            let off = (*bill as f64 - expected * 1e6).abs();
            assert!(off <= close, "{name}, month {}: {bill} millionths, expected {expected}", month + 1);
            matched += 1;
        }
    }
    println!("{matched} monthly bills of {} structures match, {proved} proved", expected.as_object().unwrap().len());
    assert_eq!(matched, 18 * 12);
}

#[test]
fn a_year_of_half_hours() {
    let Some(expected) = data::json("oracle/expected_bills_30min.json") else { return };
    let Some(load) = data::load("households/uk_lcl_MAC000033_2013_30min.csv") else { return };
    let mut load = load;
    load.resize(17_520, 0);
    let (mut matched, mut proved) = (0, 0);
    let mut home = None;
    for (number, (name, case)) in expected["cases"].as_object().unwrap().iter().enumerate() {
        let source = source(name).unwrap().replace("window = 60", "window = 30");
        assert!(source.starts_with(&head(name)));
        let tariff = data::tariff(&source, b"");
        let registers = std::slice::from_ref(&load);
        let home = home.get_or_insert_with(|| proof::home(&tariff, 1800, START, registers));
        let mut proofs = Proofs::new(home, &tariff, number, 6);
        let bills = both::year(&tariff.tariff, START, 1800, registers, &mut |month, period, cells, settled| {
            proofs.month(month, period, cells, settled);
        });
        proved += proofs.count;
        for (bill, expected) in bills.iter().zip(data::twelve(&case["bill"])) {
            assert!((*bill as f64 - expected * 1e6).abs() <= 1.5, "{name}: {bill}, expected {expected}");
            matched += 1;
        }
    }
    println!("{matched} monthly bills match, {proved} proved");
    assert!(matched > 0);
}
