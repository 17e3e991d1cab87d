//! Real price lists, where they are at hand: the folder is named by WATTSEAL_DATA, or stands beside the repository.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use protocol::tariff::{Prices, Provider, Tariff};
use provider::desk::{EnergyImport, Import, PriceSeries};

fn read(name: &str) -> Option<Vec<u8>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = std::env::var_os("WATTSEAL_DATA").map_or(beside, PathBuf::from);
    let bytes = std::fs::read(folder.join("prices").join(name)).ok();
    if bytes.is_none() {
        println!("skipped: {name} is not in {}; set WATTSEAL_DATA", folder.display());
    }
    bytes
}

fn made(name: &str, bytes: &[u8], column: &str, unit: &str, terms: Import<'_>) -> Result<Tariff, String> {
    let prices = PriceSeries::from_csv(name, bytes, column).map_err(|e| e.to_string())?;
    let energy = EnergyImport {
        name: "Energy",
        register: "1-0:1.8.0",
        prices: &prices,
        unit,
        factor: None,
        add: None,
        rounding: None,
        credit: false,
        fallback: None,
    };
    let provider = Provider { name: "Fern Energy".into(), key: [7; 32] };
    terms.tariff(&[energy], &provider).map_err(|e| e.to_string())
}

fn terms<'a>(currency: &'a str, zone: &'a str) -> Import<'a> {
    let (from, to, standing, vat) = (None, None, None, None);
    Import { id: "x", name: "X", currency, zone, from, to, standing, vat, vat_on_export: false }
}

/// The column again, read in another way: the digits with the point moved.
fn by_hand(bytes: &[u8], column: usize, places: usize) -> Vec<i64> {
    let text = std::str::from_utf8(bytes).unwrap();
    let value = |line: &str| {
        let field = line.split(',').nth(column).unwrap();
        let (field, shift) = field.split_once("e-").map_or((field, 0), |(f, e)| (f, e.parse::<usize>().unwrap()));
        let (whole, decimals) = field.split_once('.').unwrap_or((field, ""));
        let digits = format!("{whole}{decimals:0<width$}", width = places - shift);
        digits.parse::<i64>().unwrap()
    };
    text.lines().skip(1).map(value).collect()
}

fn series(tariff: &Tariff) -> (u32, Vec<i64>) {
    let (_, energy) = tariff.energy_lines().next().unwrap();
    match &energy.schedule.prices {
        Prices::Series(prices) => (energy.schedule.base, prices.clone()),
        Prices::Bands { .. } => panic!("bands"),
    }
}

#[test]
fn whole_files_are_read_exactly() {
    for (name, column, unit, currency, zone, base, places) in [
        ("uk_lcl_dtou_price_2013_30min_p_per_kwh.csv", "p_per_kwh", "p/kWh", "GBP", "Europe/London", 1800, 4),
        ("be_dayahead_2024Q1_60min_eur_per_kwh.csv", "eur_per_kwh", "EUR/kWh", "EUR", "Europe/Brussels", 3600, 6),
        ("cz_dayahead_2025-10_12_15min_eur_per_mwh.csv", "price_eur_mwh", "EUR/MWh", "EUR", "Europe/Prague", 900, 3),
        (
            "fi_dayahead_2023-01_2024-02_60min_c_per_kwh_incVAT.csv",
            "c_per_kwh_inc_vat",
            "c/kWh",
            "EUR",
            "Europe/Helsinki",
            3600,
            4,
        ),
    ] {
        let Some(bytes) = read(name) else { continue };
        let tariff = made(name, &bytes, column, unit, terms(currency, zone)).unwrap();
        let (got, prices) = series(&tariff);
        assert_eq!(got, base, "{name}");
        assert_eq!(prices, by_hand(&bytes, 1, places), "{name}");
    }
}

#[test]
fn the_hour_that_is_missing_in_autumn_is_named() {
    let name = "uk_agile_2023_30min_p_per_kwh_incVAT.csv";
    let Some(bytes) = read(name) else { return };
    let all = terms("GBP", "Europe/London");
    let problem = made(name, &bytes, "imp", "p/kWh", all).unwrap_err();
    assert!(problem.contains("the price for 2023-10-29T") && problem.contains(", line "), "{problem}");
    let half = Import { to: Some("2023-07-01"), ..all };
    let tariff = made(name, &bytes, "imp", "p/kWh", half).unwrap();
    let (base, prices) = series(&tariff);
    assert_eq!((base, prices.len()), (1800, 181 * 48 - 2));
    assert_eq!(prices, by_hand(&bytes, 1, 4)[..prices.len()]);
    assert!(prices.iter().any(|price| *price < 0));
}
