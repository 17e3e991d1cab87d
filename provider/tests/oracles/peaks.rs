//! Capacity peaks by their formula: the greatest hour, the mean of three hours, of three and of five days' greatest.
//!
//! The other engine in the file forgets values when it takes one of each day; its own column is not used.

use super::proof::{self, Proofs};
use super::pysam::{LOAD, START};
use super::{both, data};

#[test]
fn forty_eight_peaks() {
    let Some(expected) = data::json("oracle/expected_capacity_peaks.json") else { return };
    let Some(load) = data::load(LOAD) else { return };
    let quantity =
        |name: &str, rest: &str| format!("[[quantity]]\nname = \"{name}\"\nkind = \"greatest\"\nwindow = 60\n{rest}\n");
    let (mut matched, mut proved) = (0, 0);
    let mut home = None;
    let formulas = [
        ("max", "picks = 1", 1),
        ("avg3hours", "picks = 3", 3),
        ("avg3days", "within = \"day\"\nbest = 3", 3),
        ("avg5days", "within = \"day\"\nbest = 5", 5),
    ];
    for (number, (key, rest, of)) in formulas.into_iter().enumerate() {
        // One currency unit for a kilowatt, in thousandths: the bill is the peak in watts.
        let source = super::pysam_sources::head(key).replace("exponent = 6", "exponent = 3")
            + &quantity("Peak", rest)
            + &format!(
                "[[line]]\nname = \"Peaks\"\nkind = \"form\"\nof = {{ sum = [{{ of = \"Peak\", times = \"1 XTS/kW\" }}], divisor = {of} }}\n"
            );
        let tariff = data::tariff(&source, b"");
        let months = expected["fr_uci_household_2007 (UTC+1)"].as_object().unwrap();
        let registers = std::slice::from_ref(&load);
        let home = home.get_or_insert_with(|| proof::home(&tariff, 3600, START, registers));
        let mut proofs = Proofs::new(home, &tariff, number, 6);
        let bills = both::year(&tariff.tariff, START, 3600, registers, &mut |month, period, cells, settled| {
            proofs.month(month, period, cells, settled);
        });
        proved += proofs.count;
        for (bill, month) in bills.iter().zip(months.values()) {
            let formula = month["formula"][key].as_f64().unwrap();
            assert!((*bill as f64 - formula * 1000.0).abs() < 1.01, "{key}: {bill} W, expected {formula} kW");
            matched += 1;
        }
    }
    println!("{matched} peaks match, {proved} proved");
    assert_eq!(matched, 48);
}
