//! Bad lines, power cuts, wrong clocks, full memories, a lying meter: the home ends with every block once, or says why not.

use protocol::line::{BlockName, Holdings, Message, Run};
use serde_json::Value;

use crate::process::Running;
use crate::relay::{Deed, Relay, honest};
use crate::stored::{blocks, held};
use crate::world::Town;

const METER: [&str; 10] = ["--household", "7", "--pv", "0", "--gas", "3", "--days", "64", "--outage-limit", "0"];

/// A home that is paired with a meter on TCP; the meter is off again.
fn paired(town: &Town) -> (Running, String) {
    let mut meter = town.meter("m", &[&METER[..], &["--tcp", "127.0.0.1:0"]].concat());
    let tcp = meter.wait("a line", |e| e["event"] == "listening")["address"].as_str().unwrap().to_owned();
    let gateway = town.home("home");
    town.pair("home", &format!("tcp://{tcp}"), &mut meter);
    assert!(meter.stop().success());
    (gateway, tcp)
}

fn start(town: &Town, tcp: &str, more: &[&str]) -> Running {
    let mut meter = town.meter("m", &[&METER[..], &["--tcp", tcp], more].concat());
    meter.wait("a line again", |e| e["event"] == "listening");
    meter
}

fn complete(town: &Town) -> Value {
    let files = held(&town.path("m"));
    town.until("every block", &["wattseal", "--home", "home", "status"], |status| blocks(status) >= files)
}

fn missing(status: &Value) -> u64 {
    let registers = status["meters"][0]["registers"].as_array().unwrap().iter();
    registers.map(|register| register["missing"].as_u64().unwrap()).sum()
}

#[test]
fn a_line_that_loses_doubles_swaps_damages_and_repeats() {
    let town = Town::new();
    let (gateway, tcp) = paired(&town);
    let chances = ["drop:0.1", "duplicate:0.1", "reorder:0.1", "corrupt:0.05", "replay:0.2"];
    let faults: Vec<_> = chances.iter().flat_map(|fault| ["--fault", fault]).collect();
    let mut meter = start(&town, &tcp, &[&["--catch-up", "2026-04-20"][..], &faults].concat());
    complete(&town);
    meter.say("status");
    let status = meter.wait("its status", |e| e["event"] == "status");
    assert!(status["line_faults"].as_u64().unwrap() > 20, "{status}");
    let lines = town.done(&["wattseal", "--home", "home", "line", "list"]);
    assert!(lines["lines"][0]["damaged"].as_u64().unwrap() > 0, "{lines}");
    assert!(gateway.stop().success());
    town.same("home", &["m"]);
    assert_eq!(missing(&town.status("home")), 0);
    town.tariff_by_energy();
    assert!(town.billed("home", "m", "2026-03-01", "2026-04-01", &[]));
}

#[test]
fn power_cuts_and_clock_steps_leave_honest_gaps() {
    let town = Town::new();
    let (gateway, tcp) = paired(&town);
    // Every 41 hours without power for two and a half; every few days somebody sets the clock.
    let mut meter = start(&town, &tcp, &["--fault", "power-cut:147600:9000", "--speed", "500000"]);
    for (step, day) in [("clock +5400", "2026-03-10"), ("clock -3700", "2026-03-20"), ("clock +40", "2026-04-05")] {
        meter.wait("that day", |e| e["event"] == "sealed" && e["day"].as_str() >= Some(day));
        let before = meter.told();
        meter.say(step);
        meter.wait_from(before, "the clock", |e| e["event"] == "clock");
    }
    meter.wait("the end", |e| e["event"] == "load_ended");
    let cuts = meter.all().iter().filter(|e| e["event"] == "power_cut").count();
    assert!(cuts > 20, "{cuts} power cuts");
    // What was sealed last is on the disk before it is compared.
    assert!(meter.stop().success());
    let _meter = start(&town, &tcp, &[]);
    let status = complete(&town);
    assert!(missing(&status) > 50, "{status}");
    assert!(gateway.stop().success());
    town.same("home", &["m"]);
    town.tariff_by_energy();
    let period = ["--from", "2026-03-01", "--to", "2026-04-01", "--out", "whole.bill"];
    let whole = [&["wattseal", "--home", "home", "bill", "--tariff", "energy.tariff"][..], &period].concat();
    assert_eq!(town.run(&whole, "").0, Some(1), "an incomplete month is not billed as if it were whole");
    assert!(!town.billed("home", "m", "2026-03-01", "2026-04-01", &["--allow-incomplete"]));
}

#[test]
fn a_meter_that_contradicts_itself_is_told_on() {
    let town = Town::new();
    let (mut gateway, tcp) = paired(&town);
    let _meter = start(&town, &tcp, &["--fault", "equivocate", "--catch-up", "2026-03-15"]);
    gateway.wait("a refusal", |e| e["event"] == "refused" && e["code"] == "fork");
    let status = complete(&town);
    let noted = status["refusals"].as_array().unwrap().iter().any(|note| note["code"] == "fork");
    assert!(noted, "{status}");
    assert!(gateway.stop().success());
    // What came first stays, in its bytes.
    town.same("home", &["m"]);
    town.tariff_by_energy();
    assert!(town.billed("home", "m", "2026-03-01", "2026-03-15", &[]));
}

#[test]
fn a_full_memory_loses_nothing_once_it_has_space() {
    let town = Town::new();
    let (gateway, tcp) = paired(&town);
    let mut meter = start(&town, &tcp, &["--catch-up", "2026-03-03", "--fault", "full-flash", "--speed", "86400"]);
    meter.wait("word that it is full", |e| e["event"] == "memory" && e["full"] == true);
    let before = held(&town.path("m"));
    meter.wait("blocks that wait", |e| e["event"] == "memory" && e["waiting"].as_u64() > Some(0));
    meter.say("fault none");
    meter.wait("space", |e| e["event"] == "memory" && e["full"] == false);
    let deadline = std::time::Instant::now() + crate::process::PATIENCE;
    while held(&town.path("m")) < before + 4 {
        assert!(std::time::Instant::now() < deadline, "nothing is sealed any more");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(meter.stop().success());
    let _meter = start(&town, &tcp, &[]);
    complete(&town);
    assert!(gateway.stop().success());
    town.same("home", &["m"]);
}

#[test]
fn a_line_that_lies_about_what_the_meter_holds() {
    let town = Town::new();
    let (mut meter, tcp) = crate::pairing::meter(&town);
    let relay = Relay::before(&tcp, honest());
    let gateway = town.home("home");
    town.pair("home", &format!("tcp://{}", relay.address), &mut meter);
    assert!(meter.stop().success());
    // As an answer and unasked, a run of more blocks than there will ever be; and those that there are, over and over.
    let lie = |register, (first, last)| {
        let runs = vec![Run { first, last, pairing: 1 }; 64];
        Message::Holdings(Holdings { register, runs, next: u64::MAX })
    };
    let mut told = 0u64;
    relay.change(Box::new(move |_, message| match message {
        Message::Holdings(holdings) => {
            let all = (0, if told.is_multiple_of(2) { u64::MAX } else { 1 << 63 });
            told += 1;
            Deed::Say { on: vec![lie(holdings.register, all), lie(holdings.register, all)], back: Vec::new() }
        }
        Message::Sealed(name) => {
            let end = BlockName { block: u64::MAX, ..name };
            let on = vec![lie(name.register, (0, u64::MAX)), Message::Sealed(end), Message::Sealed(name)];
            Deed::Say { on, back: Vec::new() }
        }
        other => Deed::Pass(other),
    }));
    let caught_up = ["--tcp", &tcp, "--catch-up", "2026-03-20", "--speed", "20000"];
    let mut meter = town.meter("m", &[&crate::pairing::METER[..], &caught_up].concat());
    meter.wait("a day in front of the gateway", |e| e["event"] == "sealed" && e["day"].as_str() >= Some("2026-03-24"));
    assert!(meter.stop().success());
    relay.change(honest());
    let mut meter = town.meter("m", &[&crate::pairing::METER[..], &["--tcp", &tcp]].concat());
    meter.wait("a line again", |e| e["event"] == "listening");
    complete(&town);
    assert!(gateway.stop().success());
    town.same("home", &["m"]);
}
