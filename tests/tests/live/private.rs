//! Private bills from end to end: a tariff that carries a counter from month to month, a circuit fetched from the provider
//! and checked at home, months proved, booked and continued.

use serde_json::Value;

use crate::world::Town;

/// 150 kWh at first are dear, what comes after them is cheap; the counter goes on from bill to bill.
const ALLOWANCE: &str = r#"
format = 2
id = "allowance"
name = "Counting on"
currency = "EUR"
zone = "Europe/Amsterdam"
valid = { from = 2026-01-01, to = 2027-01-01 }

[registers.use]
code = "1-0:1.8.0"
unit = "Wh"

[[quantity]]
name = "Used"
kind = "sum"
register = "use"

[[cell]]
name = "So far"
next = "Counted"

[[line]]
name = "Counted"
kind = "form"
aside = true
rounding = { to = "1 Wh" }
of = { sum = [{ of = "So far" }, { of = "Used" }] }

[[line]]
name = "Beyond after"
kind = "excess"
aside = true
of = { sum = [{ of = "Counted" }], add = "-150 kWh" }

[[line]]
name = "Beyond before"
kind = "excess"
aside = true
of = { sum = [{ of = "Counted" }, { of = "Used", times = "-1" }], add = "-150 kWh" }

[[line]]
name = "Energy"
kind = "form"
of = { sum = [
    { of = "Used", times = "0.30 EUR/kWh" },
    { of = "Beyond after", times = "-0.12 EUR/kWh" },
    { of = "Beyond before", times = "0.12 EUR/kWh" },
] }
"#;

// From local midnight on 1 March, 23:00 UTC on 28 February; March has a day of 23 hours.
const SLOTS_OF_MARCH: std::ops::Range<u64> = 46..46 + 1486;
const SLOTS_OF_APRIL: std::ops::Range<u64> = 1532..1532 + 1440;

fn load(slot: u64) -> u64 {
    30 + slot * 7919 % 140
}

/// The fee in cents by plain arithmetic: tenths of a cent are rounded half away from zero at the end.
fn fee(before: u64, used: u64) -> i64 {
    let beyond = |total: u64| total.saturating_sub(150_000);
    let nano = 300_000 * i128::from(used) - 120_000 * i128::from(beyond(before + used) - beyond(before));
    i64::try_from((nano + 5_000_000) / 10_000_000).unwrap()
}

#[test]
fn a_counter_goes_on_from_private_bill_to_private_bill() {
    let town = Town::new();
    let csv = town.csv("load.csv", 64, load);
    let kind = ["--csv", &csv, "--column", "load", "--register", "1-0:1.8.0", "--outage-limit", "0"];
    let mut meter = town.meter("m", &[&kind[..], &["--tcp", "127.0.0.1:0"]].concat());
    let tcp = meter.wait("a line", |e| e["event"] == "listening")["address"].as_str().unwrap().to_owned();
    let mut gateway = town.home("home");
    town.pair("home", &format!("tcp://{tcp}"), &mut meter);

    let mut service = town.provider("polder");
    service.wait("an address", |e| e["listening"].is_string());
    assert!(service.stop().success());
    std::fs::write(town.path("allowance.toml"), ALLOWANCE).unwrap();
    let at_provider = |words: &[&str]| town.done(&[&["wattseal-provider", "--home", "polder"][..], words].concat());
    at_provider(&["tariff", "compile", "allowance.toml", "--out", "allowance.tariff"]);
    at_provider(&["tariff", "publish", "allowance.tariff"]);
    at_provider(&["circuits", "make", "energy-30"]);
    let mut service = town.serve("polder", "127.0.0.1:0");
    town.enrol("home", "polder", &mut service);
    let at_home = |words: &[&str]| town.done(&[&["wattseal", "--home", "home"][..], words].concat());
    at_home(&["standing", "add", "--tariff", "allowance", "--from", "2026-03", "--after-hours", "0"]);

    // The months pass. Without a circuit their bills wait, and the household is told what to do.
    assert!(meter.stop().success());
    let mut meter = town.meter("m", &[&kind[..], &["--tcp", &tcp, "--speed", "max"]].concat());
    meter.wait("the end of its readings", |e| e["event"] == "load_ended");
    let advice = |e: &Value| e["message"].as_str().is_some_and(|text| text.contains("wattseal circuits fetch"));
    gateway.wait("why there is no bill", |e| e["event"] == "attention" && e["code"] == "bill-delayed" && advice(e));

    let circuits = at_home(&["circuits", "fetch"]);
    let [circuit] = circuits["circuits"].as_array().unwrap().as_slice() else { panic!("{circuits}") };
    assert_eq!((&circuit["name"], &circuit["source"]), (&"energy-30".into(), &"provider".into()));
    assert_eq!((&circuit["demonstration"], &circuit["present"]), (&true.into(), &true.into()));
    // What was fetched and checked is not fetched again.
    assert_eq!(at_home(&["circuits", "fetch"])["circuits"].as_array().unwrap().len(), 1);
    let accepted = |e: &Value| e["event"] == "submitted" && e["state"] == "accepted";
    let (at, _) = gateway.wait_from(0, "the bill of March", accepted);
    gateway.wait_from(at, "the bill of April", accepted);

    let used = |slots: std::ops::Range<u64>| slots.map(load).sum::<u64>();
    let (march, april) = (used(SLOTS_OF_MARCH), used(SLOTS_OF_APRIL));
    assert!(march < 150_000 && march + april > 150_000, "the counter passes its limit in April: {march} {april}");
    let bills = at_home(&["bills"]);
    let bills = bills["bills"].as_array().unwrap();
    assert_eq!(bills.len(), 2, "{bills:?}");
    assert_eq!(bills[1]["fee_minor"], fee(0, march), "March");
    assert_eq!(bills[0]["fee_minor"], fee(march, april), "April goes on from March");

    // What left: anybody can check it, and it holds no sum on the way to the amount due.
    let digest = bills[0]["digest"].as_str().unwrap();
    at_home(&["bills", "save", digest, "april.bill"]);
    let verify = ["wattseal-verify", "april.bill", "--tariff", "allowance.tariff", "--meter", "m/meter.cert"];
    let (code, verdict) = town.run(&verify, "");
    assert_eq!((code, &verdict["reason"]), (Some(1), &"unknown-circuit".into()), "{verdict}");
    let verdict = town.done(&[&verify[..], &["--circuit", "polder/circuits/energy-30.circuit"]].concat());
    assert_eq!((&verdict["verdict"], &verdict["demonstration"]), (&"valid".into(), &true.into()), "{verdict}");
    assert_eq!(verdict["fee_minor"], fee(march, april));
    let listed = at_provider(&["ledger", "list"]);
    for bill in listed["bills"].as_array().unwrap() {
        assert_eq!(bill["kind"], "proved-bill", "{listed}");
    }

    // A linear proof cannot bill it; and to begin anew is refused by the provider, who has the counter.
    let april = ["--tariff", "allowance.tariff", "--from", "2026-04-01", "--to", "2026-05-01", "--out", "again.bill"];
    let bill = [&["wattseal", "--home", "home", "bill"][..], &april].concat();
    let (code, told) = town.run(&[&bill[..], &["--proof", "linear"]].concat(), "");
    assert_eq!((code, &told["error"]["code"]), (Some(1), &"period".into()), "{told}");
    let made = town.done(&[&bill[..], &["--restart-state"]].concat());
    assert_eq!(made["proof"], "private");
    assert_ne!(made["fee_minor"], fee(0, 0));
    let submitted = at_home(&["submit", made["digest"].as_str().unwrap()]);
    let again = submitted["submissions"].as_array().unwrap().iter().find(|s| s["bill"] == made["digest"]).unwrap();
    assert_eq!(again["state"], "refused", "{again}");
    assert!(gateway.stop().success() && service.stop().success());
}
