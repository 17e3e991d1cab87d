//! A month in virtual time: a meter on a serial line and one behind a broker, paired by the codes they show, billed every
//! month over TLS.

use crate::world::Town;

#[test]
fn two_meters_two_months_four_bills() {
    let town = Town::new();
    let mut broker = town.start(&["wattseal-meter", "broker"]);
    let mqtt = broker.wait("a broker", |e| e["event"] == "listening")["address"].as_str().unwrap().to_owned();

    // From two days before March, so that the home is paired before the first month begins. The gas meter counts a
    // made-up column of litres.
    let csv = town.csv("gas.csv", 64, |slot| 3 + slot * 7919 % 40);
    let power = ["--household", "7", "--pv", "0", "--days", "64", "--outage-limit", "0", "--serial", "auto"];
    let gas = [
        "--csv",
        &csv,
        "--column",
        "load",
        "--register",
        "7-0:3.0.0",
        "--unit",
        "L",
        "--outage-limit",
        "0",
        "--mqtt",
        &mqtt,
    ];
    let mut power_meter = town.meter("power", &power);
    let mut gas_meter = town.meter("gas", &gas);
    let port = town.port(&mut power_meter);

    let mut gateway = town.home("home");
    town.pair("home", &format!("serial:{port}"), &mut power_meter);
    town.pair("home", &format!("{mqtt}/wattseal/gas"), &mut gas_meter);

    let mut service = town.provider("polder");
    town.enrol("home", "polder", &mut service);
    for tariff in ["power", "gas"] {
        let standing = ["standing", "add", "--tariff", tariff, "--from", "2026-03", "--after-hours", "0"];
        town.done(&[&["wattseal", "--home", "home"][..], &standing].concat());
    }
    // The same meters, as fast as they can: a cable pulled and put back.
    assert!(power_meter.stop().success() && gas_meter.stop().success());
    let mut power_meter = town.meter("power", &[&power[..], &["--speed", "max"]].concat());
    let mut gas_meter = town.meter("gas", &[&gas[..], &["--speed", "max"]].concat());
    assert_eq!(town.port(&mut power_meter), port);
    for meter in [&mut power_meter, &mut gas_meter] {
        meter.wait("the end of its readings", |e| e["event"] == "load_ended");
    }
    let accepted = |e: &serde_json::Value| e["event"] == "submitted" && e["state"] == "accepted";
    let mut at = 0;
    for bill in 1..=4 {
        at = gateway.wait_from(at, &format!("bill {bill}"), accepted).0;
    }
    let submissions = town.done(&["wattseal", "--home", "home", "submissions"]);
    for submission in submissions["submissions"].as_array().unwrap() {
        assert_eq!((&submission["state"], &submission["receipt"]), (&"accepted".into(), &true.into()));
    }
    let ledger = town.done(&["wattseal-provider", "--home", "polder", "ledger", "list"]);
    let bills = ledger["bills"].as_array().unwrap();
    assert_eq!(bills.len(), 4, "{ledger}");
    assert!(gateway.stop().success() && service.stop().success());
}
