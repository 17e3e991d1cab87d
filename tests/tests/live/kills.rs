//! kill -9 at any moment: what a gateway has announced as stored is there afterwards, once; every month is booked once.
//!
//! `WATTSEAL_KILLS` sets how many kills there are of gateways, half of them while blocks come and half while bills leave
//! (200 if it is not set); brokers die a fortieth as often. `WATTSEAL_SEED` sets the chances; a run prints its seed and a
//! table of where the kills hit.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::mosquitto::Broker;
use crate::process::{PATIENCE, Running};
use crate::stored::{blocks, held};
use crate::world::Town;

/// Repeatable chance: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let given = std::env::var("WATTSEAL_SEED").ok().map(|seed| seed.parse().expect("WATTSEAL_SEED is a number"));
        let seed = given.unwrap_or_else(|| {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            u64::try_from(since.as_nanos() & u128::from(u32::MAX)).unwrap()
        });
        println!("WATTSEAL_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn rest(&mut self, limit: u64) {
        sleep(Duration::from_micros(self.below(limit * 1000)));
    }
}

fn kills() -> u64 {
    let all =
        std::env::var("WATTSEAL_KILLS").map_or(200, |text| text.parse::<u64>().expect("WATTSEAL_KILLS is a number"));
    (all / 2).max(1)
}

/// Where kills hit, and how often.
#[derive(Default)]
struct Table(BTreeMap<&'static str, u64>);

impl Table {
    fn hit(&mut self, place: &'static str) {
        *self.0.entry(place).or_default() += 1;
        let count: u64 = self.0.values().sum();
        if count.is_multiple_of(500) {
            println!("{count} kills");
        }
    }

    fn print(&self, of: &str) {
        println!("{of}: {} kills", self.0.values().sum::<u64>());
        for (place, count) in &self.0 {
            println!("  {count:>6}  {place}");
        }
    }
}

fn is(event: &Value, name: &str) -> bool {
    event["event"] == name
}

fn count(told: &[Value], name: &str) -> usize {
    told.iter().filter(|event| is(event, name)).count()
}

fn announced(told: &[Value]) -> u64 {
    told.iter().filter(|event| is(event, "stored")).map(|event| event["blocks"].as_u64().unwrap()).sum()
}

fn run(town: &Town, home: &str) -> Running {
    town.start(&["wattseal", "--home", home, "run", "--look-every", "1"])
}

const MOMENT: Duration = Duration::from_secs(20);

#[test]
fn a_year_is_caught_up_with_under_kills() {
    let (town, mut chance, mut table) = (Town::new(), Chance::new(), Table::default());
    let kind = ["--household", "7", "--gas", "3", "--days", "367", "--outage-limit", "0"];
    let first = [&kind[..], &["--tcp", "127.0.0.1:0"]].concat();
    let mut meter = town.meter("m", &first);
    let tcp = meter.wait("a line", |e| is(e, "listening"))["address"].as_str().unwrap().to_owned();
    let gateway = town.home("paired");
    town.pair("paired", &format!("tcp://{tcp}"), &mut meter);
    assert!(meter.stop().success());
    let later = [&kind[..], &["--tcp", &tcp, "--catch-up", "2027-03-01"]].concat();
    let mut meter = town.meter("m", &later);
    meter.wait("a line again", |e| is(e, "listening"));
    assert!(gateway.stop().success());
    let all = held(&town.path("m"));
    assert!(all > 1000, "{all}");

    // The gateway that was stopped may have stored some already: what counts is what comes from now on.
    town.copy("paired", "home");
    let (mut sure, mut rounds) = (blocks(&town.status("home")), 0);
    for _ in 0..kills() {
        let gateway = run(&town, "home");
        match chance.below(4) {
            0 => chance.rest(200),
            1 => {
                gateway.tells_within(MOMENT, |told| count(told, "running") > 0);
                chance.rest(300);
            }
            2 => {
                gateway.tells_within(MOMENT, |told| count(told, "meter-found") > 0);
                chance.rest(600);
            }
            _ => {
                let batches = 1 + usize::try_from(chance.below(6)).unwrap();
                let left = all - sure;
                gateway.tells_within(MOMENT, |told| count(told, "stored") >= batches || announced(told) >= left);
                chance.rest(150);
            }
        }
        let told = gateway.kill();
        let stored = announced(&told);
        table.hit(match () {
            () if count(&told, "running") == 0 => "while starting",
            () if count(&told, "meter-found") == 0 => "before the meter answered",
            () if sure + stored == all => "when all was stored",
            () if stored == 0 => "fetching, nothing stored in this life",
            () => "fetching and storing",
        });
        let there = blocks(&town.status("home"));
        assert!(there >= sure + stored, "{} were announced, {there} are there", sure + stored);
        assert!(there <= all, "{there} of {all}");
        sure = there;
        if sure == all {
            town.same("home", &["m"]);
            rounds += 1;
            town.copy("paired", "home");
            sure = blocks(&town.status("home"));
        }
    }
    // What is left comes without a kill.
    let mut gateway = run(&town, "home");
    gateway.wait("the gateway", |e| is(e, "running"));
    town.until("the whole year", &["wattseal", "--home", "home", "status"], |status| blocks(status) == all);
    assert!(gateway.stop().success());
    town.same("home", &["m"]);
    table.print(&format!("{} years of three registers, {all} blocks each", rounds + 1));
}

#[test]
fn a_year_is_caught_up_with_over_brokers_that_die() {
    let (town, mut chance, mut table) = (Town::new(), Chance::new(), Table::default());
    let mut broker = Broker::new(&town);
    let url = format!("mqtt://127.0.0.1:{}", broker.plain);
    let kind = ["--household", "7", "--gas", "3", "--days", "367", "--outage-limit", "0", "--mqtt", &url];
    let mut meter = town.meter("m", &kind);
    let gateway = town.home("paired");
    town.pair("paired", &format!("{url}/wattseal/m"), &mut meter);
    assert!(meter.stop().success() && gateway.stop().success());
    let meter = town.meter("m", &[&kind[..], &["--catch-up", "2027-03-01"]].concat());
    meter.tells_within(PATIENCE, |told| told.iter().any(|e| is(e, "line") && e["up"] == true));
    let all = held(&town.path("m"));
    assert!(all > 1000, "{all}");

    town.copy("paired", "home");
    let (mut sure, mut rounds) = (0, 0);
    for _ in 0..(kills() / 20).max(1) {
        let gateway = run(&town, "home");
        if chance.below(3) > 0 {
            gateway.tells_within(MOMENT, |told| count(told, "stored") > 0);
        }
        chance.rest(400);
        broker.end("-KILL");
        let noticed = chance.below(2) == 0 && gateway.tells_within(MOMENT, |told| count(told, "line-down") > 0);
        broker.start(&town);
        if noticed && chance.below(4) == 0 {
            // It comes back by itself, after the pause that it makes.
            let back = |told: &[Value]| {
                told.iter().rev().find(|e| is(e, "line-up") || is(e, "line-down")).is_some_and(|e| is(e, "line-up"))
            };
            assert!(gateway.tells_within(PATIENCE, back), "{:?}", gateway.all());
        }
        let told = gateway.kill();
        table.hit(match () {
            () if count(&told, "meter-found") == 0 => "before the meter answered",
            () if announced(&told) == 0 => "fetching, nothing stored in this life",
            () if count(&told, "line-up") > 1 => "fetching and storing, the gateway came back by itself",
            () => "fetching and storing",
        });
        let there = blocks(&town.status("home"));
        assert!(there >= sure + announced(&told) && there <= all, "{sure} and {} of {all}: {there}", announced(&told));
        sure = there;
        if sure == all {
            town.same("home", &["m"]);
            rounds += 1;
            town.copy("paired", "home");
            sure = 0;
        }
    }
    let gateway = town.gateway("home");
    town.until("the whole year", &["wattseal", "--home", "home", "status"], |status| blocks(status) == all);
    assert!(gateway.stop().success() && meter.stop().success());
    town.same("home", &["m"]);
    table.print(&format!("the broker killed under {} years of three registers", rounds + 1));
}

/// Months of the two registers that are due.
const DUE: usize = 2 * 8;

#[test]
fn months_are_booked_once_under_kills() {
    let (town, mut chance, mut table) = (Town::new(), Chance::new(), Table::default());
    let kind = ["--household", "7", "--pv", "0", "--gas", "3", "--days", "260", "--outage-limit", "0"];
    let mut meter = town.meter("m", &[&kind[..], &["--tcp", "127.0.0.1:0"]].concat());
    let tcp = meter.wait("a line", |e| is(e, "listening"))["address"].as_str().unwrap().to_owned();
    let gateway = town.home("ready");
    town.pair("ready", &format!("tcp://{tcp}"), &mut meter);
    let mut service = town.provider("offering");
    let address = town.enrol("ready", "offering", &mut service);
    let listen = address.trim_start_matches("https://").trim_end_matches('/').to_owned();
    assert!(meter.stop().success());
    let mut meter = town.meter("m", &[&kind[..], &["--tcp", &tcp, "--catch-up", "2026-11-03"]].concat());
    meter.wait("a line again", |e| is(e, "listening"));
    let all = held(&town.path("m"));
    town.until("all blocks", &["wattseal", "--home", "ready", "status"], |status| blocks(status) == all);
    // Without a gateway nothing leaves before the kills begin.
    assert!(gateway.stop().success());
    for tariff in ["power", "gas"] {
        let standing = ["standing", "add", "--tariff", tariff, "--from", "2026-03", "--after-hours", "0"];
        town.done(&[&["wattseal", "--home", "ready"][..], &standing].concat());
    }
    assert!(service.stop().success());

    let (mut rounds, mut provider_kills) = (0, 0);
    let mut service = begin(&town, &listen);
    let mut state = Months::default();
    for kill in 1..=kills() {
        let gateway = run(&town, "home");
        let wanted = 1 + usize::try_from(chance.below(5)).unwrap();
        let last = (DUE - state.made, state.open);
        match chance.below(4) {
            0 => chance.rest(1200),
            1 => {
                gateway.tells_within(MOMENT, |told| count(told, "bill-made") >= wanted.min(last.0));
                chance.rest(60);
            }
            _ => {
                gateway.tells_within(MOMENT, |told| count(told, "submitted") >= wanted.min(last.0 + last.1));
                chance.rest(60);
            }
        }
        if kill % 10 == 0 {
            service.kill();
            provider_kills += 1;
            chance.rest(40);
            let told = gateway.kill();
            table.hit(place(&told));
            service = serve(&town, &listen);
        } else {
            let told = gateway.kill();
            table.hit(place(&told));
        }
        state = Months::of(&town);
        if state.made == DUE && state.open == 0 {
            finish(&town);
            rounds += 1;
            assert!(service.stop().success());
            service = begin(&town, &listen);
            state = Months::default();
        }
    }
    // What is left leaves without a kill.
    finish(&town);
    assert!(service.stop().success());
    table.print(&format!("{} times {DUE} months, the provider killed {provider_kills} times", rounds + 1));
}

/// How far a home is.
#[derive(Default)]
struct Months {
    made: usize,
    /// Bills that the next gateway sends at once.
    open: usize,
}

impl Months {
    fn of(town: &Town) -> Self {
        let submissions = town.done(&["wattseal", "--home", "home", "submissions"]);
        let list = submissions["submissions"].as_array().unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let open = list.iter().filter(|s| s["state"] == "waiting" && s["due_at"].as_u64().unwrap() <= now);
        Self { made: list.len(), open: open.count() }
    }
}

fn place(told: &[Value]) -> &'static str {
    let last = told.iter().rev().find(|e| is(e, "bill-made") || is(e, "submitted"));
    match last {
        _ if count(told, "running") == 0 => "while starting",
        None => "before the first bill of this life",
        Some(event) if is(event, "bill-made") => "making and sending bills",
        Some(event) if event["state"] == "accepted" => "between accepted bills and after the last",
        Some(_) => "after the provider could not be reached",
    }
}

fn serve(town: &Town, listen: &str) -> Running {
    let mut service = town.serve("provider", listen);
    service.wait("an address", |e| e["listening"].is_string());
    service
}

/// A round begins with copies of the home and of the provider.
fn begin(town: &Town, listen: &str) -> Running {
    town.copy("ready", "home");
    town.copy("offering", "provider");
    serve(town, listen)
}

/// A gateway that lives on sends what is left; a bill whose provider was away is sent when a person wants it.
fn finish(town: &Town) {
    let gateway = town.gateway("home");
    let submissions = ["wattseal", "--home", "home", "submissions"];
    let made = town.until("all bills", &submissions, |s| s["submissions"].as_array().unwrap().len() == DUE);
    for waiting in made["submissions"].as_array().unwrap().iter().filter(|s| s["state"] == "waiting") {
        town.done(&["wattseal", "--home", "home", "submit", waiting["bill"].as_str().unwrap()]);
    }
    town.until("every answer", &submissions, |s| {
        s["submissions"].as_array().unwrap().iter().all(|s| s["state"] == "accepted")
    });
    assert!(gateway.stop().success());
    assert_eq!(town.receipts("home"), DUE);
    let ledger = town.done(&["wattseal-provider", "--home", "provider", "ledger", "list"]);
    let bills = ledger["bills"].as_array().unwrap();
    let months: BTreeSet<_> = bills.iter().map(|b| (b["tariff"].to_string(), b["period"].to_string())).collect();
    assert_eq!((bills.len(), months.len()), (DUE, DUE), "{ledger}");
    assert_eq!((&ledger["accepted"], &ledger["refusals"]), (&DUE.into(), &0.into()), "{ledger}");
    let made = town.done(&["wattseal", "--home", "home", "bills"]);
    assert_eq!(made["bills"].as_array().unwrap().len(), DUE, "a bill was made twice: {made}");
}
