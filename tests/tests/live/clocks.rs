//! A machine whose clock is wrong, and jumps: no block is lost, no bill is made twice or sent again and again, and people
//! are told of the clock. The clock that the gateway sees is moved by libfaketime; everybody else's is right.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tests::binary;

use crate::process::Running;
use crate::world::Town;

/// The library that answers for the clock; Debian keeps it in a directory of the architecture.
pub fn library() -> PathBuf {
    let architectures = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let mut libraries = architectures.map(|path| path.join("faketime/libfaketime.so.1")).filter(|path| path.exists());
    libraries.next().expect("libfaketime is not there; ./test installs it (Debian package faketime)")
}

/// Moves the clock of a gateway that runs with this directory's clock, at once.
fn set(town: &Town, offset: &str) {
    let (new, file) = (town.path("clock.new"), town.path("clock"));
    fs::write(&new, offset).unwrap();
    fs::rename(new, file).unwrap();
}

fn gateway(town: &Town) -> Running {
    let mut ready = Command::new(binary("wattseal"));
    ready
        .args(["--home", "home", "run", "--look-every", "1", "--json"])
        .env("LD_PRELOAD", library())
        .env("FAKETIME_TIMESTAMP_FILE", town.path("clock"))
        .env("FAKETIME_NO_CACHE", "1")
        // The system sets the clock of the wall; that of time passed goes on.
        .env("DONT_FAKE_MONOTONIC", "1");
    let mut gateway = Running::spawn(&town.path(""), "wattseal", ready);
    gateway.wait("the gateway", |e| e["event"] == "running");
    gateway
}

/// A gateway whose clock is right so far, paired with a meter; and where the meter listens.
fn paired(town: &Town) -> (Running, Running, String) {
    set(town, "+0");
    let mut meter = town.meter("m", &[&METER[..], &["--tcp", "127.0.0.1:0"]].concat());
    let tcp = meter.wait("a line", |e| e["event"] == "listening")["address"].as_str().unwrap().to_owned();
    town.done(&["wattseal", "--home", "home", "init"]);
    let running = gateway(town);
    town.pair("home", &format!("tcp://{tcp}"), &mut meter);
    (running, meter, tcp)
}

/// Several looks at what is due.
fn looks() {
    sleep(Duration::from_secs(4));
}

const DAY: i64 = 86_400;

/// This machine's clock, Unix seconds.
fn right() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

const METER: [&str; 8] = ["--household", "7", "--pv", "0", "--days", "70", "--outage-limit", "0"];

fn submissions(town: &Town) -> Vec<Value> {
    let answer = town.done(&["wattseal", "--home", "home", "submissions"]);
    answer["submissions"].as_array().unwrap().clone()
}

fn settled(town: &Town, wanted: usize) -> Value {
    town.until("every bill booked", &["wattseal", "--home", "home", "submissions"], |answer| {
        let list = answer["submissions"].as_array().unwrap();
        list.len() == wanted && list.iter().all(|s| s["state"] == "accepted")
    })
}

/// How often a gateway told of something.
fn told(gateway: &Running, event: &str) -> usize {
    gateway.all().iter().filter(|e| e["event"] == event).count()
}

#[test]
fn a_clock_that_jumps_loses_nothing_and_doubles_nothing() {
    let town = Town::new();
    let (running, meter, tcp) = paired(&town);
    let mut service = town.provider("polder");
    town.enrol("home", "polder", &mut service);
    let standing = ["standing", "add", "--tariff", "power", "--from", "2026-03", "--after-hours", "0"];
    town.done(&[&["wattseal", "--home", "home"][..], &standing].concat());
    assert!(meter.stop().success());

    // A small computer without a clock of its own begins in the past: it stores, and bills nothing.
    assert!(running.stop().success());
    set(&town, "-26y");
    let running = gateway(&town);
    let meter = town.reaches(&METER, &tcp, "2026-04-02");
    looks();
    assert_eq!(submissions(&town), Vec::<Value>::new());
    let (code, answer) = town.run(&["wattseal", "--home", "home", "account", "tariffs", "1"], "");
    assert_eq!((code, &answer["error"]["code"]), (Some(3), &"early-certificate".into()), "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("clock of this machine"), "{answer}");

    // Forty years ahead: March is billed, and its provider's certificate looks old. One attempt, not one at each look.
    set(&town, "+40y");
    town.until("a bill that waits", &["wattseal", "--home", "home", "submissions"], |answer| {
        answer["submissions"][0]["attempts"] == 1
    });
    looks();
    let waiting = submissions(&town);
    assert_eq!((waiting.len(), &waiting[0]["state"], &waiting[0]["attempts"]), (1, &"waiting".into(), &1.into()));
    assert!(waiting[0]["message"].as_str().unwrap().contains("clock of this machine"), "{waiting:?}");

    // Right again: the bill does not wait for the year that the wrong clock had noted.
    set(&town, "+0");
    let march = settled(&town, 1);
    assert_eq!(march["submissions"][0]["attempts"], 2, "{march}");
    assert!(meter.stop().success());

    // Two days back, then three ahead, while April comes in.
    set(&town, "-2d");
    let meter = town.reaches(&METER, &tcp, "2026-05-03");
    looks();
    set(&town, "+3d");
    let april = settled(&town, 2);
    for submission in april["submissions"].as_array().unwrap() {
        assert!(submission["attempts"].as_u64().unwrap() <= 2, "{april}");
    }
    assert!(told(&running, "submitted") <= 4, "{:?}", running.all());
    running.kill();

    // Back and forth across restarts: nothing is made or sent again.
    for offset in ["-2d", "+3d", "-26y", "+40y", "+0"] {
        set(&town, offset);
        let running = gateway(&town);
        looks();
        assert_eq!((told(&running, "bill-made"), told(&running, "submitted")), (0, 0), "{offset}: {:?}", running.all());
        running.kill();
    }
    settled(&town, 2);
    town.same("home", &["m"]);
    assert_eq!(town.receipts("home"), 2);
    let ledger = town.done(&["wattseal-provider", "--home", "polder", "ledger", "list"]);
    assert_eq!((&ledger["accepted"], &ledger["refusals"]), (&2.into(), &0.into()), "{ledger}");
    assert_eq!(ledger["bills"].as_array().unwrap().len(), 2, "{ledger}");
    assert!(meter.stop().success() && service.stop().success());
}

#[test]
fn a_clock_that_jumps_leaves_the_line_alone() {
    let town = Town::new();
    let (running, meter, _) = paired(&town);
    for (offset, seconds) in [("+3d", 3 * DAY), ("-2d", -2 * DAY), ("+40y", 40 * 365 * DAY), ("-26y", -26 * 365 * DAY)]
    {
        set(&town, offset);
        let heard = |now: &Value| now["meters"][0]["received_at"].as_i64();
        let wanted = |now: &Value| heard(now).is_some_and(|at| (at - right() - seconds).abs() < DAY);
        town.until("a current reading by that clock", &["wattseal", "--home", "home", "now"], wanted);
    }
    assert_eq!((told(&running, "line-up"), told(&running, "line-down")), (1, 0), "{:?}", running.all());
    assert!(running.stop().success() && meter.stop().success());
}

#[test]
fn a_clock_that_is_behind_is_told_of_and_costs_no_enrolment() {
    let town = Town::new();
    let (mut running, meter, _) = paired(&town);
    let mut service = town.provider("polder");
    let listening = service.wait("an address", |e| e["listening"].is_string());
    let (address, key) = (listening["listening"].as_str().unwrap(), listening["key"].as_str().unwrap());
    let invited = town.done(&["wattseal-provider", "--home", "polder", "contract", "invite", "4711"]);
    let add = ["wattseal", "--home", "home", "account", "add", address, "--provider-key", key];
    let code = invited["code"].as_str().unwrap();
    // The provider's TLS certificate is good an hour before its time, its list of what is revoked is not.
    set(&town, "-20m");
    let (exit, told) = town.run(&add, code);
    assert_eq!((exit, &told["error"]["code"]), (Some(3), &"early-revocations".into()), "{told}");
    assert!(told["error"]["message"].as_str().unwrap().contains("check the clock of this machine"), "{told}");
    set(&town, "+0");
    town.done_with(&add, code);
    set(&town, "-20m");
    running.wait("word of the clock", |e| e["event"] == "attention" && e["code"] == "early-revocations");
    assert!(running.stop().success() && meter.stop().success() && service.stop().success());
}
