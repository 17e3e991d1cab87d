//! Records of the US rate database through the importer, against PySAM.
//!
//! PySAM ignores `fixedmonthlycharge`, `minmonthlycharge` and `annualmincharge`, and charges for reactive power: these
//! are left out here as well. It charges a 365th of a year's twelfth for each day, whatever the month has: a charge by the day
//! is left out on both sides. PySAM has no bills for
//! one of the sixteen, whose demand periods have other tiers; here each period has its own.

use provider::desk::urdb::{self, Terms};

use super::proof::{self, Proofs};
use super::pysam::{LOAD, START};
use super::{both, data};

const LEFT_OUT: [&str; 5] =
    ["demandreactivepowercharge", "demandreactpwrcharge", "fixedmonthlycharge", "minmonthlycharge", "annualmincharge"];

fn terms<'a>(leave_out: &'a [&'a str]) -> Terms<'a> {
    let (zone, from, to) = ("Etc/UTC", "2007-01-01", "2008-01-01");
    Terms { id: "urdb", zone, from, to, register: "1-0:1.8.0", window: Some(60), leave_out }
}

#[test]
fn fifteen_records_on_a_year_of_hours() {
    let Some(expected) = data::json("oracle/expected_bills_real_urdb.json") else { return };
    let Some(load) = data::load(LOAD) else { return };
    let (mut records, mut months, mut proved) = (0, 0, 0);
    let mut home = None;
    for (file, case) in expected.as_object().unwrap() {
        let bytes = data::read(&format!("oracle/urdb/{file}")).unwrap();
        let by_day = String::from_utf8_lossy(&bytes).contains("$/day");
        let mut left_out = LEFT_OUT.to_vec();
        if by_day {
            left_out.push("fixedchargefirstmeter");
        }
        let source = urdb::source(file, &bytes, &terms(&left_out));
        let Some(bills) = case.get("expected") else {
            assert_eq!(file, "reopt_multi_tier.json");
            assert!(data::tariff(&source.unwrap(), b"").tariff.quantities().len() >= 2);
            continue;
        };
        // Millionths of an invented currency show more than cents would.
        let source = source.unwrap_or_else(|error| panic!("{error}"));
        let source = source.replace("USD", "XTS").replace("\nzone", "\nexponent = 6\nzone");
        let tariff = data::tariff(&source, b"");
        let fixed = if by_day { data::twelve(&bills["fixed"]) } else { vec![0.0; 12] };
        let expected = data::twelve(&bills["bill"]).into_iter().zip(fixed).map(|(bill, fixed)| bill - fixed);
        let registers = std::slice::from_ref(&load);
        let home = home.get_or_insert_with(|| proof::home(&tariff, 3600, START, registers));
        let mut proofs = Proofs::new(home, &tariff, records, 6);
        let bills = both::year(&tariff.tariff, START, 3600, registers, &mut |month, period, cells, settled| {
            proofs.month(month, period, cells, settled);
        });
        proved += proofs.count;
        for (month, (bill, expected)) in bills.iter().zip(expected).enumerate() {
            // Rates with more decimals than a tariff's agree to the cent, all others to the millionth.
            let close = if file == "urdbv7.json" { 5000.0 } else { 1.5 };
            let off = (*bill as f64 - expected * 1e6).abs();
            assert!(off <= close, "{file}, month {}: {bill}, expected {expected}\n{source}", month + 1);
            months += 1;
        }
        records += 1;
    }
    println!("{months} bills of {records} records match, {proved} proved");
    assert_eq!((records, months), (15, 180));
}

#[test]
fn what_would_be_a_guess_is_refused_by_its_field() {
    let flat = r#"[[{"rate": 0.1}]]"#;
    let hours = format!("[{}]", vec![format!("[{}]", ["0"; 24].join(",")); 12].join(","));
    let record = |more: &str| {
        format!(
            r#"{{"name": "X", "energyratestructure": {flat}, "energyweekdayschedule": {hours}, "energyweekendschedule": {hours}{more}}}"#
        )
    };
    let read = |more: &str| urdb::source("x.json", record(more).as_bytes(), &terms(&[])).map_err(|e| e.to_string());
    assert!(read("").unwrap().contains("0.1 USD/kWh"));
    for (more, word) in [
        (r#", "demandreactivepowercharge": 0.5"#, "demandreactivepowercharge"),
        (r#", "lookbackPercent": 80"#, "lookbackpercent"),
        (r#", "annualmincharge": 12"#, "annualmincharge"),
        (r#", "coincidentratestructure": [[{"rate": 3}]]"#, "coincidentratestructure"),
        (r#", "flatdemandunit": "kVA""#, "flatdemandunit"),
        (r#", "fixedchargefirstmeter": 3, "fixedchargeunits": "$/week""#, "fixedchargeunits"),
        (r#", "fixedchargefirstmeter": 3, "fixedmonthlycharge": 4"#, "fixedmonthlycharge"),
        (r#", "flatdemandstructure": [[{"rate": 3}]]"#, "flatdemandmonths"),
        (r#", "demandratestructure": [[{"rate": 3}]]"#, "demandweekdayschedule"),
    ] {
        let refused = read(more).unwrap_err();
        assert!(refused.contains(word), "{more}: {refused}");
    }
    assert!(read(r#", "annualmincharge": 0, "lookbackPercent": 0.0"#).is_ok());
    let left = urdb::source("x.json", record(r#", "annualmincharge": 12"#).as_bytes(), &terms(&["annualMinCharge"]));
    assert!(left.is_ok());
}
