//! Honest bills of unusual months: each is proved, verified, and says what plain arithmetic says.

use gateway_core::bill::BillRefused;
use meter_emulator::Faults;
use protocol::bill::Statement;
use protocol::time::Span;
use protocol::verify::Policy;
use protocol::verify::proved::verify_proved;

use crate::cheat::verdict;
use crate::home::{Home, load, request};
use crate::world::{APRIL, MARCH, World, flat, hours, signed};

const HOUR: u64 = 3600;
/// October 2026 in Amsterdam, with its day of 25 hours.
const OCTOBER: Span = Span { from: 1_790_805_600, until: 1_793_487_600 };

/// Whole days of UTC around a period.
fn around(period: &Span) -> (u64, u64) {
    let first = period.from / 86_400 * 86_400;
    (first, period.until.div_ceil(86_400) * 86_400 - first)
}

/// The readings of a period among those of [`around`].
fn inside<'a>(readings: &'a [Option<u16>], period: &Span) -> &'a [Option<u16>] {
    let skip = ((period.from - around(period).0) / HOUR) as usize;
    &readings[skip..skip + (period.seconds() / HOUR) as usize]
}

fn sum(readings: &[Option<u16>]) -> i64 {
    readings.iter().flatten().map(|reading| i64::from(*reading)).sum()
}

/// Nearest, a tie away from zero.
fn rounded(numerator: i64, denominator: i64) -> i64 {
    (2 * numerator.abs() + denominator) / (2 * denominator) * numerator.signum()
}

#[test]
fn days_of_23_and_25_hours() {
    for (period, slots) in [(MARCH, 743), (OCTOBER, 745)] {
        let tariff = signed(&flat("0.25 EUR/kWh"));
        let readings = hours(3, around(&period).1 / HOUR);
        let home = Home::new(load(HOUR, around(&period).0, vec![readings.clone()]), &tariff.tariff.registers);
        let bill = home.prove(&tariff, &request(period), None);
        assert_eq!(bill.slots, slots);
        // 0.25 EUR/kWh are 25 cents for 1000 Wh.
        assert_eq!(bill.statement.fee_minor, rounded(sum(inside(&readings, &period)) * 25, 1000));
    }
}

#[test]
fn negative_prices() {
    let tariff = signed(&flat("-0.07 EUR/kWh"));
    let bill = World::new().one.prove(&tariff, &request(APRIL), None);
    let first = (APRIL.from / HOUR - 20_510 * 24) as usize;
    let readings = &hours(1, 68 * 24)[first..first + 30 * 24];
    assert_eq!(bill.statement.fee_minor, rounded(sum(readings) * -7, 1000));
    assert!(bill.statement.fee_minor < -1000);
}

#[test]
fn more_given_than_taken() {
    let source = flat("0.25 EUR/kWh")
        + "[registers.export]\ncode = \"1-0:2.8.0\"\nunit = \"Wh\"\n\
           [[line]]\nname = \"Given\"\nkind = \"energy\"\nregister = \"export\"\ncredit = true\nprice = \"0.20 EUR/kWh\"\n";
    let source = source.replacen("kind = \"energy\"", "kind = \"energy\"\nregister = \"import\"", 1);
    let tariff = signed(&source);
    let (from, seconds) = around(&APRIL);
    let taken = hours(4, seconds / HOUR);
    let given: Vec<_> = hours(5, seconds / HOUR).into_iter().map(|reading| reading.map(|wh| 3 * wh)).collect();
    let home = Home::new(load(HOUR, from, vec![taken.clone(), given.clone()]), &tariff.tariff.registers);
    let bill = home.prove(&tariff, &request(APRIL), None);
    let cents = sum(inside(&taken, &APRIL)) * 25 - sum(inside(&given, &APRIL)) * 20;
    assert_eq!(bill.statement.fee_minor, rounded(cents, 1000));
    assert!(bill.statement.fee_minor < -1000, "a net credit");
}

#[test]
fn a_month_with_slots_that_were_not_measured() {
    let tariff = signed(&flat("0.25 EUR/kWh"));
    let (from, seconds) = around(&APRIL);
    let readings = hours(6, seconds / HOUR);
    // Six hours of 12 April; the register went on, and the day's residual has what they took.
    let noon = APRIL.from + 11 * 86_400 + 12 * HOUR;
    let outage = Span { from: noon, until: noon + 6 * HOUR };
    let faults = Faults { outages: vec![outage], outage_counted: true, ..Faults::default() };
    let meters = vec![(load(HOUR, from, vec![readings.clone()]), faults, Vec::new())];
    let home = Home::of(meters, &tariff.tariff.registers);
    let mut incomplete = request(APRIL);
    incomplete.allow_incomplete = true;
    let ready = home.circuit(&tariff, &incomplete);
    let complete = home.make(&tariff, &request(APRIL), &ready, None);
    assert!(matches!(complete.err(), Some(BillRefused::Incomplete { missing: 6, .. })));

    let bill = home.prove(&tariff, &incomplete, None);
    assert_eq!(bill.statement.metered[0].missing, 6);
    assert_eq!(bill.statement.fee_minor, rounded(sum(inside(&readings, &APRIL)) * 25, 1000));
    let strict = verdict(&bill.package, &tariff, &ready.circuits, &home.registry, &Policy::default());
    assert_eq!(strict, "incomplete");
}

#[test]
fn a_replaced_meter_and_a_new_epoch() {
    let tariff = signed(&flat("0.25 EUR/kWh"));
    let (from, seconds) = around(&APRIL);
    let readings = hours(7, seconds / HOUR);
    // The first meter changes its epoch at a noon, and is replaced at another.
    let rotation = from + 5 * 86_400 + 12 * HOUR;
    let replaced = 15 * 24 + 12;
    let (old, new) = readings.split_at(replaced);
    let meters = vec![
        (load(HOUR, from, vec![old.to_vec()]), Faults::default(), vec![rotation]),
        (load(HOUR, from + replaced as u64 * HOUR, vec![new.to_vec()]), Faults::default(), Vec::new()),
    ];
    let home = Home::of(meters, &tariff.tariff.registers);
    let bill = home.prove(&tariff, &request(APRIL), None);
    assert_eq!(bill.statement.metered[0].segments.len(), 3);
    assert_eq!(bill.statement.fee_minor, rounded(sum(inside(&readings, &APRIL)) * 25, 1000));
    assert_eq!(bill.digest, Statement::digest(&bill.statement.encode()));
    let ready = home.circuit(&tariff, &request(APRIL));
    let verified = verify_proved(&bill.package, &tariff, &ready.circuits, &home.registry, &Policy::default()).unwrap();
    assert_eq!(verified.meters.len(), 2);
    assert!(verified.demonstration, "circuits for trying out say so");
}
