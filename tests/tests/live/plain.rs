//! A plain meter, read by a gateway that seals it itself, and by a device beside it that seals it for another home. Time passes faster: the gateway, the device and the meter each run by a clock that
//! libfaketime drives.

use std::fs;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Instant;

use serde_json::Value;
use tests::binary;

use crate::clocks::library;
use crate::process::Running;
use crate::world::Town;

/// Seconds that pass in one.
const SPEED: u64 = 200;
/// 35 minutes before the next midnight, UTC: a device seals by no clock that shows a time before it was built.
static START: LazyLock<u64> = LazyLock::new(|| {
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
    (now / 86_400 + 1) * 86_400 - 35 * 60
});
/// How far from the truth a clock may be that a busy machine starts late, in seconds of the meter.
const LATE: u64 = 120;

/// A program whose clock shows what the meter's does.
fn at_the_meters_time(town: &Town, began: Instant, command: &[&str]) -> Running {
    let (program, arguments) = command.split_first().unwrap();
    let mut ready = Command::new(binary(program));
    let now = *START * 1000 + u64::try_from(began.elapsed().as_millis()).unwrap() * SPEED;
    let shown = jiff::Timestamp::from_millisecond(now.try_into().unwrap()).unwrap();
    ready
        .args(arguments)
        .arg("--json")
        .env("LD_PRELOAD", library())
        .env("FAKETIME", format!("@{} x{SPEED}", shown.strftime("%Y-%m-%d %H:%M:%S")))
        .env("TZ", "UTC")
        // Waits stay what they are.
        .env("DONT_FAKE_MONOTONIC", "1");
    Running::spawn(&town.path(""), program, ready)
}

/// What the meter's import register holds at every quarter of an hour, in 10⁻⁴ Wh.
fn truth(town: &Town) -> Vec<(u64, u64)> {
    let text = fs::read_to_string(town.path("truth")).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.map(|row| (row["at"].as_u64().unwrap(), row["import"].as_u64().unwrap())).collect()
}

fn date(at: u64) -> String {
    jiff::Timestamp::from_second(at.try_into().unwrap()).unwrap().strftime("%Y-%m-%d").to_string()
}

/// What was stored of the half hour before midnight, against the truth.
fn check(town: &Town, home: &str) {
    let (from, to) = (date(*START), date(*START + 86_400));
    let ask = ["wattseal", "--home", home, "readings", "--from", &from, "--to", &to, "--zone", "UTC"];
    let readings = town.done(&ask);
    let registers = readings["registers"].as_array().unwrap();
    let import = registers.iter().find(|register| register["register"] == "1-0:1.8.0").unwrap();
    let truth = truth(town);
    let total = |at: u64| truth.iter().find(|(moment, _)| *moment == at).map(|(_, total)| *total);
    let passed = |from: u64| Some(total(from + 900)? - total(from)?);
    let rows = import["readings"].as_array().unwrap();
    let mut compared = 0;
    for row in rows.iter().filter(|row| row["status"] != "missing") {
        let start: jiff::Timestamp = row["start"].as_str().unwrap().parse().unwrap();
        let start = u64::try_from(start.as_second()).unwrap();
        // What the meter played in the quarters around, as far as it has: a late clock moves edges into them.
        let around = [start - 900, start, start + 900].into_iter().filter_map(&passed).max().unwrap();
        let bound = around * 2 * LATE / 900 / 10_000 + 2;
        let passed = passed(start).unwrap();
        let value = row["value"].as_u64().unwrap();
        assert!(value.abs_diff(passed / 10_000) <= bound, "{row}: {} Wh passed, bound {bound}", passed / 10_000);
        compared += 1;
    }
    println!("{home}: {compared} of {} quarters compared", rows.len());
    assert!(rows.len() >= 2 && compared > 0, "{readings}");
}

#[test]
fn a_plain_meter_is_sealed_here_and_beside_it() {
    let town = Town::new();
    for home in ["here", "there"] {
        town.done(&["wattseal", "--home", home, "init"]);
    }
    let meter = ["wattseal-meter", "plain", "--protocol", "p1", "--serial", "auto", "--tcp", "127.0.0.1:0", "--gas"];
    let speed = SPEED.to_string();
    let start = jiff::Timestamp::from_second((*START).try_into().unwrap()).unwrap().to_string();
    let time = ["--from", &start, "--speed", &speed, "--hours", "3", "--truth", "truth"];
    let mut meter = town.start(&[&meter[..], &time].concat());
    let began = Instant::now();
    let address = |meter: &mut Running, transport: &str| {
        let listens = |event: &Value| event["event"] == "listening" && event["transport"] == transport;
        meter.wait("a line", listens)["address"].as_str().unwrap().to_owned()
    };
    let (pty, tcp) = (address(&mut meter, "serial"), address(&mut meter, "tcp"));

    let line = format!("serial:{pty}");
    town.done(&["wattseal", "--home", "here", "line", "add", &line, "--meter", "dsmr-5"]);
    let mut here = at_the_meters_time(&town, began, &["wattseal", "--home", "here", "run"]);
    let plain = format!("tcp://{tcp}");
    let device = ["wattseal", "seal-live", &plain, "--meter", "dsmr-5", "--dir", "device", "--tcp", "127.0.0.1:0"];
    let mut device = at_the_meters_time(&town, began, &device);
    let listening =
        device.wait("a line", |event| event["event"] == "listening")["address"].as_str().unwrap().to_owned();
    let _there = town.gateway("there");
    town.pair("there", &format!("tcp://{listening}"), &mut device);

    here.wait("blocks", |event| event["event"] == "stored");
    let class = town.done(&["wattseal", "--home", "here", "status"])["meters"][0]["class"].clone();
    assert_eq!(class, "self-sealed");
    let class = town.done(&["wattseal", "--home", "there", "status"])["meters"][0]["class"].clone();
    assert_eq!(class, "beside-the-meter");
    let midnight = format!("{}T00:00", date(*START + 86_400));
    town.until("the device's blocks", &["wattseal", "--home", "there", "status"], |status| {
        status["meters"][0]["registers"].as_array().is_some_and(|registers| {
            let of_import = |register: &&Value| register["code"] == "1-0:1.8.0";
            let until = registers.iter().find(of_import).and_then(|register| register["until"].as_str());
            until.is_some_and(|until| until.starts_with(&midnight))
        })
    });
    let now = town.done(&["wattseal", "--home", "here", "now"]);
    let shown = now["meters"][0]["registers"].as_array().unwrap();
    assert!(shown.iter().any(|register| register["code"].as_str().unwrap().starts_with("0-1:24.2")), "gas: {now}");
    let code = town.done(&["wattseal", "--home", "here", "line", "list"]);
    assert_eq!(code["lines"][0]["profile"], "dsmr-5");
    let refused =
        town.run(&["wattseal", "--home", "here", "pair", "--line", "1"], "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-AAAAA");
    assert_eq!(refused.0, Some(1), "nothing to pair with: {}", refused.1);

    assert!(here.stop().success() && device.stop().success());
    for home in ["here", "there"] {
        check(&town, home);
    }
}
