//! What an account lives through: a tariff that is withdrawn and replaced, several contracts at one provider, an enrolment
//! that waits for approval, a clock that is behind.

use serde_json::Value;

use crate::process::Running;
use crate::stored::{blocks, held};
use crate::world::Town;

const METER: [&str; 8] = ["--household", "7", "--pv", "0", "--days", "70", "--outage-limit", "0"];

/// The meter has sealed the days before a date; the gateway stores all of them.
fn reaches(town: &Town, tcp: &str, date: &str) -> Running {
    let mut meter = town.meter("m", &[&METER[..], &["--tcp", tcp, "--catch-up", date]].concat());
    meter.wait("a line again", |e| e["event"] == "listening");
    let all = held(&town.path("m"));
    town.until("every block", &["wattseal", "--home", "home", "status"], |status| blocks(status) == all);
    meter
}

fn submissions(town: &Town, fits: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let command = ["wattseal", "--home", "home", "submissions"];
    let told = town.until("these submissions", &command, |told| fits(told["submissions"].as_array().unwrap()));
    told["submissions"].as_array().unwrap().clone()
}

fn states(list: &[Value]) -> Vec<&str> {
    list.iter().map(|submission| submission["state"].as_str().unwrap()).collect()
}

#[test]
fn a_month_under_a_withdrawn_tariff_is_made_again_and_no_bill_is_doubled() {
    let town = Town::new();
    let mut meter = town.meter("m", &[&METER[..], &["--tcp", "127.0.0.1:0"]].concat());
    let tcp = meter.wait("a line", |e| e["event"] == "listening")["address"].as_str().unwrap().to_owned();
    let gateway = town.home("home");
    town.pair("home", &format!("tcp://{tcp}"), &mut meter);
    let mut service = town.provider("polder");
    let address = town.enrol("home", "polder", &mut service);
    let home = |command: &[&str]| town.done(&[&["wattseal", "--home", "home"], command].concat());
    let desk = |command: &[&str]| town.done(&[&["wattseal-provider", "--home", "polder"], command].concat());
    let offered = home(&["account", "tariffs"]);
    let offered = offered["tariffs"].as_array().unwrap();
    let first = offered.iter().find(|t| t["id"] == "power").unwrap()["hash"].as_str().unwrap().to_owned();
    let standing = ["standing", "add", "--tariff", "power", "--from", "2026-03", "--after-hours", "0"];
    home(&standing);
    let again = town.run(&[&["wattseal", "--home", "home"][..], &standing].concat(), "");
    assert_eq!((again.0, &again.1["error"]["code"]), (Some(1), &"standing-exists".into()));

    // March is billed while the provider is away, which then withdraws the tariff of that bill and offers another.
    assert!(service.stop().success() && meter.stop().success());
    let meter = reaches(&town, &tcp, "2026-04-02");
    let waiting = submissions(&town, |list| list.len() == 1);
    desk(&["tariff", "withdraw", &first]);
    let source = std::fs::read_to_string(town.path("power.toml")).unwrap().replace("0.2871", "0.2455");
    std::fs::write(town.path("power.toml"), source).unwrap();
    desk(&["tariff", "compile", "power.toml", "--out", "second.tariff"]);
    desk(&["tariff", "publish", "second.tariff"]);
    let mut service = town.serve("polder", &address);
    service.wait("an address", |e| e["listening"].is_string());
    let old = waiting[0]["bill"].as_str().unwrap();
    home(&["submit", old]);
    let both = submissions(&town, |list| states(list) == ["refused", "accepted"]);
    assert!(both[0]["message"].as_str().unwrap().contains("made again"), "{both:?}");

    // Sent once more, the old one does not make a third.
    home(&["submit", old]);
    assert_eq!(states(&submissions(&town, |list| list.len() == 2)), ["refused", "accepted"]);
    assert!(meter.stop().success());
    let meter = reaches(&town, &tcp, "2026-05-02");
    let all = submissions(&town, |list| states(list) == ["refused", "accepted", "accepted"]);
    let made = home(&["bills"]);
    let tariff_of = |digest: &Value| {
        let made = made["bills"].as_array().unwrap().iter().find(|bill| bill["digest"] == *digest).unwrap();
        made["tariff"].as_str().unwrap().to_owned()
    };
    assert_eq!(tariff_of(&all[0]["bill"]), first);
    assert!(all[1..].iter().all(|s| tariff_of(&s["bill"]) != first), "March again, and April");
    let ledger = desk(&["ledger", "list"]);
    assert_eq!(ledger["bills"].as_array().unwrap().len(), 2, "{ledger}");
    // Ended and begun again, it bills no month twice.
    home(&["standing", "end", "1"]);
    let again = town.run(&[&["wattseal", "--home", "home"][..], &standing].concat(), "");
    assert_eq!((again.0, &again.1["error"]["code"]), (Some(1), &"month-billed".into()));
    assert!(gateway.stop().success() && service.stop().success() && meter.stop().success());
}

#[test]
fn contracts_share_no_key_and_a_provider_learns_of_no_other_meter() {
    let town = Town::new();
    let mut meters = Vec::new();
    let gateway = town.home("home");
    for name in ["one", "two"] {
        let mut meter = town.meter(name, &[&METER[..], &["--tcp", "127.0.0.1:0"]].concat());
        let tcp = meter.wait("a line", |e| e["event"] == "listening")["address"].as_str().unwrap().to_owned();
        town.pair("home", &format!("tcp://{tcp}"), &mut meter);
        meters.push(meter);
    }
    let mut service = town.provider("polder");
    let listening = service.wait("an address", |e| e["listening"].is_string());
    let (address, key) = (listening["listening"].as_str().unwrap(), listening["key"].as_str().unwrap());
    let desk = |command: &[&str]| town.done(&[&["wattseal-provider", "--home", "polder"], command].concat());
    let invite = |contract: &str, more: &[&str]| {
        let invited = desk(&[&["contract", "invite", contract], more].concat());
        invited["code"].as_str().unwrap().to_owned()
    };
    let add = |code: &str, more: &[&str]| {
        let add = ["wattseal", "--home", "home", "account", "add", address, "--provider-key", key];
        town.run(&[&add[..], more].concat(), code)
    };
    let contracts = |accounts: &Value| {
        let list = accounts["accounts"].as_array().unwrap().iter();
        list.map(|a| a["contract"].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    let code = invite("4711", &[]);
    let (exit, told) = add(&code, &[]);
    assert_eq!((exit, &told["error"]["code"]), (Some(1), &"which-meters".into()), "{told}");
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains("one (") && message.contains("two (") && message.contains("--meter"), "{message}");
    assert_eq!(add(&code, &["--meter", "three"]).1["error"]["code"], "no-meter");
    assert_eq!(contracts(&add(&code, &["--meter", "one"]).1), ["4711"]);
    let listed = desk(&["meter", "list"]).to_string();
    let fingerprint_of = |name: &str| {
        let status = town.status("home");
        let meters = status["meters"].as_array().unwrap();
        meters.iter().find(|m| m["meter"] == name).unwrap()["identity"].as_str().unwrap().to_owned()
    };
    assert!(listed.contains(&fingerprint_of("one")) && !listed.contains(&fingerprint_of("two")), "{listed}");

    // A second contract, and a third that waits to be approved: the first goes on under its own key.
    for contract in ["4712", "4713"] {
        desk(&["contract", "add", contract]);
    }
    assert_eq!(contracts(&add(&invite("4712", &[]), &["--meter", "two"]).1), ["4711", "4712"]);
    let waits = invite("4713", &["--approve"]);
    assert_eq!(add(&waits, &["--meter", "two"]).1["error"]["code"], "pending");
    assert_eq!(add(&waits, &["--meter", "two"]).1["error"]["code"], "pending", "the same code asks the same again");
    for account in ["1", "2"] {
        town.done(&["wattseal", "--home", "home", "account", "rotate-key", account]);
    }
    // The first contract enrols anew: its account goes on.
    let told = add(&invite("4711", &[]), &["--meter", "one"]).1;
    assert_eq!(contracts(&told), ["4711", "4712", "-"], "{told}");
    town.done(&["wattseal", "--home", "home", "account", "rotate-key", "1"]);
    let waiting = told["accounts"][2]["account"].as_i64().unwrap().to_string();
    let left = town.done(&["wattseal", "--home", "home", "account", "remove", &waiting]);
    assert_eq!(contracts(&left), ["4711", "4712"]);
    let several = ["standing", "add", "--tariff", "power", "--from", "2026-03"];
    let (_, told) = town.run(&[&["wattseal", "--home", "home"][..], &several].concat(), "");
    assert_eq!(told["error"]["code"], "several-accounts");
    assert!(gateway.stop().success() && service.stop().success());
    assert!(meters.into_iter().all(|meter| meter.stop().success()));
}
