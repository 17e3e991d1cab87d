//! energy-billing, a German engine with decimal money: lines at the cent, VAT on the net total.
use std::collections::BTreeMap;
use std::fmt::Write as _;

use protocol::time::Span;

use super::proof::{self, Proofs};
use super::{both, data};

const HEAD: &str = "format = 2\nid = \"de\"\nname = \"de\"\ncurrency = \"EUR\"\nzone = \"Etc/UTC\"\n\
    valid = { from = \"2025-10-01\", to = \"2026-01-01\" }\n[registers.import]\ncode = \"1-0:1.8.0\"\nunit = \"Wh\"\n";

/// The tax on electricity and VAT, which follow the energy in all twelve.
const TAXES: &str =
    "[[line]]\nname = \"Stromsteuer\"\nkind = \"energy\"\nprice = \"2.05 ct/kWh\"\nrounding = { to = \"0.01\" }\n";
const VAT: &str = "[[line]]\nname = \"Mehrwertsteuer\"\nkind = \"tax\"\nrate = \"19 %\"\nrounding = { to = \"0.01\" }\n\
    on = [\"Grundpreis\", \"Arbeitspreis\", \"Stromsteuer\"]\n";

fn source(case: &str) -> String {
    let cent = "rounding = { to = \"0.01\" }\n";
    let basic =
        |ct: &str| format!("[[line]]\nname = \"Grundpreis\"\nkind = \"standing\"\namount = \"{ct} ct/day\"\n{cent}");
    let spot = "[[line]]\nname = \"Arbeitspreis\"\nkind = \"energy\"\nfallback = \"0 EUR/kWh\"\n\
        series = { file = \"x.csv\", column = \"p\", unit = \"EUR/MWh\", add = \"17.5 ct/kWh\" }\nrounding = { to = \"0.01\" }\n";
    let (basic, energy) = match case {
        "static_32ct" => (
            basic("41.37"),
            format!("[[line]]\nname = \"Arbeitspreis\"\nkind = \"energy\"\nprice = \"32 ct/kWh\"\n{cent}"),
        ),
        "block_tiers" => (
            basic("30"),
            // Each tier is a line of its own there, and each is rounded to the cent.
            format!(
                "[[quantity]]\nname = \"Total\"\nkind = \"sum\"\n\
                 [[line]]\nname = \"Stufe 1\"\nkind = \"lesser\"\naside = true\n\
                 of = {{ sum = [{{ of = \"Total\" }}] }}\nor = {{ add = \"200000\" }}\n\
                 [[line]]\nname = \"Arbeitspreis\"\nkind = \"form\"\n{cent}of = {{ sum = [{{ of = \"Stufe 1\", times = \"28 ct/kWh\" }}] }}\n\
                 [[line]]\nname = \"Stufe 2\"\nkind = \"excess\"\naside = true\n\
                 of = {{ sum = [{{ of = \"Total\" }}], add = \"-200 kWh\" }}\n\
                 [[line]]\nname = \"Arbeitspreis 2\"\nkind = \"form\"\n{cent}of = {{ sum = [{{ of = \"Stufe 2\", times = \"36 ct/kWh\" }}] }}\n"
            ),
        ),
        _ => (basic("19.90"), spot.to_owned()),
    };
    let vat = if case == "block_tiers" {
        VAT.replace("\"Arbeitspreis\"", "\"Arbeitspreis\", \"Arbeitspreis 2\"")
    } else {
        VAT.to_owned()
    };
    [HEAD, &basic, &energy, TAXES, &vat].concat()
}

/// Rows of a file by their time.
fn rows(name: &str) -> Option<BTreeMap<String, String>> {
    let text = String::from_utf8(data::read(name)?).unwrap();
    let row = |line: &str| line.split_once(',').map(|(at, value)| (at.to_owned(), value.to_owned()));
    Some(text.lines().skip(1).filter_map(row).filter(|(_, value)| !value.is_empty()).collect())
}

fn seconds(stamp: &str) -> u64 {
    let full = stamp.replace('Z', ":00Z");
    u64::try_from(full.parse::<jiff::Timestamp>().unwrap().as_second()).unwrap()
}

#[test]
fn twelve_bills_to_the_cent() {
    let Some(expected) = data::json("oracle/expected_bills_de_energy_billing.json") else { return };
    let Some(load) = rows("households/de_wpuq_SFH19_2018_15min.csv") else { return };
    let Some(spot) = rows("prices/cz_dayahead_2025-10_12_15min_eur_per_mwh.csv") else { return };
    // The oracle moved the load by 2557 days to meet the prices.
    let load: BTreeMap<u64, u16> =
        load.iter().map(|(at, wh)| (seconds(at) + 2557 * 86_400, wh.parse().unwrap())).collect();
    let spot: BTreeMap<u64, f64> = spot.iter().map(|(at, price)| (seconds(at), price.parse().unwrap())).collect();
    let (mut matched, mut proved) = (0, 0);
    for (number, case) in expected.as_array().unwrap().iter().enumerate() {
        let name = case["case"].as_str().unwrap();
        let capped = name.contains("cap30");
        let mut file = String::from("utc_start,p\n");
        // A cap and a floor on the exchange's price are public: they change prices, not bills.
        for quarter in 0..92 * 96u64 {
            let at = 1_759_276_800 + quarter * 900;
            let price = spot.get(&at).copied().unwrap_or(0.0);
            let price = if capped { price.clamp(0.0, 300.0) } else { price };
            let _ = writeln!(file, "{},{price}", jiff::Timestamp::from_second(i64::try_from(at).unwrap()).unwrap());
        }
        let tariff = data::tariff(&source(name), file.as_bytes());
        let month = case["month"].as_str().unwrap();
        let from = seconds(&format!("{month}-01T00:00Z"));
        let days = if month.ends_with("11") { 30 } else { 31 };
        let period = Span { from, until: from + days * 86_400 };
        let slots = (0..days * 96).map(|slot| from + slot * 900);
        let readings: Vec<u16> =
            slots.map(|at| if spot.contains_key(&at) { load.get(&at).copied().unwrap_or(0) } else { 0 }).collect();
        let readings = [readings];
        let settled = both::bill(&tariff.tariff, period, 900, &readings, &[]);
        let gross: f64 = case["brutto"].as_str().unwrap().parse().unwrap();
        assert_eq!(settled.settlement.fee_minor, (gross * 100.0).round() as i64, "{name} {month}");
        matched += 1;
        if proof::is_chosen(number, 0, 3) {
            let home = proof::home(&tariff, 900, from, &readings);
            let mut proofs = Proofs::new(&home, &tariff, number, 1);
            proofs.month(0, period, &[], &settled);
            proved += proofs.count;
        }
    }
    println!("{matched} bills match, {proved} proved");
    assert_eq!(matched, 12);
}
