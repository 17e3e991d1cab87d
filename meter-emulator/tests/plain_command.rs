//! Plain meters as processes: all at once, on a pseudo-terminal, a serial device, TCP and a broker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation)]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::process::{PATIENCE, Process};
use meter_emulator::plain::{Plan, Play, Protocol, Sent};
use serde_json::Value;

/// 2025-06-01.
const FROM: u64 = 1_748_736_000;

fn play(name: &str, dialect: &str, hours: u64) -> Vec<Sent> {
    let protocol = Protocol::named(name, Some(dialect)).unwrap();
    Play::new(Plan::new(protocol, 7, FROM, FROM + hours * 3600)).unwrap().collect()
}

/// A process that plays household 7 from the same moment.
fn meter(name: &str, dialect: &str, more: &[&str]) -> Process {
    let mut arguments = vec!["plain", "--protocol", name, "--dialect", dialect, "--household", "7"];
    arguments.extend(["--from", "2025-06-01"]);
    arguments.extend(more);
    Process::start(&arguments)
}

fn bytes(sent: &[Sent]) -> Vec<u8> {
    sent.iter().flat_map(|sent| sent.bytes.clone()).collect()
}

/// Reads until so many bytes are there.
fn read(line: &mut impl Read, count: usize) -> Vec<u8> {
    let (mut all, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while all.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} bytes", all.len());
        let mut buffer = [0; 4096];
        match line.read(&mut buffer) {
            Ok(0) => panic!("the line ended after {} of {count} bytes", all.len()),
            Ok(length) => all.extend(&buffer[..length]),
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    all
}

fn open(meter: &mut Process) -> fs::File {
    let path = meter.wait("listening")["address"].as_str().unwrap().to_owned();
    // O_NONBLOCK, O_NOCTTY
    fs::OpenOptions::new().read(true).write(true).custom_flags(0o4400).open(path).unwrap()
}

fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn all_at_once_with_the_truth_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let (out, truth) = (dir.path().join("frames.jsonl"), dir.path().join("truth.jsonl"));
    let more = ["--virtual", "--hours", "2", "--out", out.to_str().unwrap(), "--truth", truth.to_str().unwrap()];
    let mut process = meter("sml", "emh", &more);
    let played = process.wait("played");
    assert!(process.ends().success());
    let expected = play("sml", "emh", 2);
    assert_eq!((played["sent"].as_u64(), played["damaged"].as_u64()), (Some(expected.len() as u64), Some(0)));
    let frames = lines(&out);
    assert_eq!(frames.len(), expected.len());
    for (frame, sent) in frames.iter().zip(&expected) {
        assert_eq!((frame["at"].as_u64(), &frame["topic"]), (Some(sent.at), &Value::Null));
        assert_eq!(hex::decode(frame["hex"].as_str().unwrap()).unwrap(), sent.bytes);
    }
    let truths = lines(&truth);
    let edges: Vec<_> = truths.iter().map(|truth| truth["at"].as_u64().unwrap()).collect();
    assert_eq!(edges, (0..=8).map(|slot| FROM + 900 * slot).collect::<Vec<_>>());
    assert!(truths.is_sorted_by_key(|truth| truth["import"].as_u64().unwrap()));
    assert_eq!(truths[0]["import_shown"].as_u64().unwrap(), truths[0]["import"].as_u64().unwrap() / 1000 * 1000);
}

#[test]
fn raw_frames_go_to_standard_output() {
    let output = Command::new(env!("CARGO_BIN_EXE_wattseal-meter"))
        .args(["plain", "--protocol", "tic", "--household", "7", "--from", "2025-06-01", "--hours", "1"])
        .args(["--virtual", "--raw"])
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, bytes(&play("tic", "base", 1)));
}

#[test]
fn a_pseudo_terminal_carries_every_byte() {
    let expected = bytes(&play("p1", "dsmr4", 1));
    let mut process = meter("p1", "dsmr4", &["--serial", "auto", "--speed", "max", "--hours", "1"]);
    let mut line = open(&mut process);
    assert_eq!(read(&mut line, expected.len()), expected);
    assert_eq!(process.wait("played")["lost"], 0);
    assert!(process.ends().success());
}

#[test]
fn a_serial_device_carries_every_byte() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let _within = runtime.enter();
    let (mut own, device) = tokio_serial::SerialStream::pair().unwrap();
    let path = tokio_serial::SerialPort::name(&device).unwrap();
    let expected = bytes(&play("dlms", "kamstrup", 1));
    let _process = meter("dlms", "kamstrup", &["--serial", &path, "--speed", "max", "--hours", "1"]);
    assert_eq!(read(&mut own, expected.len()), expected);
}

#[test]
fn tcp_carries_every_byte_to_whoever_listens() {
    let expected = bytes(&play("sml", "dzg", 1));
    let mut process = meter("sml", "dzg", &["--tcp", "127.0.0.1:0", "--speed", "max", "--hours", "1"]);
    let address = process.wait("listening")["address"].as_str().unwrap().to_owned();
    let mut line = TcpStream::connect(address).unwrap();
    assert_eq!(read(&mut line, expected.len()), expected);
    assert!(process.ends().success());
}

#[test]
fn at_a_speed_frames_come_as_time_passes_until_it_is_told_to_stop() {
    let dir = tempfile::tempdir().unwrap();
    let truth = dir.path().join("truth.jsonl");
    let begun = Instant::now();
    let more = ["--serial", "auto", "--speed", "1000", "--truth", truth.to_str().unwrap()];
    let mut process = meter("d0", "mode-d", &more);
    let mut line = open(&mut process);
    let mut heard = Vec::new();
    while lines(&truth).len() < 3 {
        assert!(begun.elapsed() < PATIENCE);
        heard.extend(read(&mut line, 1));
    }
    // Half an hour of the meter's time is 1.8 seconds at least.
    assert!(begun.elapsed() >= Duration::from_millis(1800));
    assert!(heard.windows(8).filter(|window| *window == b"/ESY5Q3D").count() > 1);
    let id = process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(process.wait("played")["sent"].as_u64().unwrap() > 800);
    assert!(process.ends().success());
}

#[test]
fn a_meter_in_mode_c_is_asked() {
    let mut process = meter("d0", "mode-c", &["--serial", "auto", "--speed", "max", "--hours", "1"]);
    let mut line = open(&mut process);
    for acknowledged in [true, false] {
        // Noise, then an opening with parity bits, as a reader at 7E1 sends it over a line of eight bits.
        line.write_all(b"\x00\xff/?!?\r\n\xaf?!\x8d\x0a").unwrap();
        let sign_on = b"/LGZ4ZMF100AC.M23\r\n";
        assert_eq!(read(&mut line, sign_on.len()), sign_on);
        if acknowledged {
            line.write_all(b"\x06040\r\n").unwrap();
        }
        // The check character comes after the end mark.
        let mut readout = Vec::new();
        while !readout.strip_suffix(&readout[readout.len().saturating_sub(1)..]).unwrap().ends_with(b"!\r\n\x03") {
            readout.extend(read(&mut line, 1));
        }
        assert_eq!((readout[0], readout[1..].iter().fold(0, |sum, byte| sum ^ byte)), (0x02, 0));
        let stamp = if acknowledged { "0.9.1(020000)" } else { "0.9.1(020100)" };
        assert!(String::from_utf8(readout).unwrap().contains(stamp), "a minute from question to question");
    }
}

#[test]
fn a_broker_gets_every_publication() {
    let mut broker = Process::start(&["broker"]);
    let url = broker.wait("listening")["address"].as_str().unwrap().to_owned();
    let port = url.rsplit_once(':').unwrap().1.parse().unwrap();
    let options = rumqttc::MqttOptions::new("home", "127.0.0.1", port);
    let (client, mut connection) = rumqttc::Client::new(options, 10);
    for topic in ["dsmr/#", "plain/#"] {
        client.subscribe(topic, rumqttc::QoS::AtLeastOnce).unwrap();
    }
    let mut next = || {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline);
            match connection.recv_timeout(Duration::from_secs(1)) {
                Ok(Ok(rumqttc::Event::Incoming(packet))) => return packet,
                Ok(Err(error)) => panic!("{error}"),
                _ => {}
            }
        }
    };
    let mut acknowledged = 0;
    while acknowledged < 2 {
        acknowledged += usize::from(matches!(next(), rumqttc::Packet::SubAck(_)));
    }
    let mut published = |count: usize| {
        let mut found = Vec::new();
        while found.len() < count {
            if let rumqttc::Packet::Publish(said) = next() {
                found.push((said.topic, said.payload.to_vec()));
            }
        }
        found
    };
    for (name, dialect) in [("json", "dsmr-reader"), ("dlms", "kaifa")] {
        let mut process =
            meter(name, dialect, &["--mqtt", &url, "--speed", "max", "--hours", "1", "--interval", "300"]);
        let number = process.wait("plays")["meter"].as_str().unwrap().to_owned();
        let mut plan = Plan::new(Protocol::named(name, Some(dialect)).unwrap(), 7, FROM, FROM + 3600);
        plan.interval = Some(300);
        let expected: Vec<_> = Play::new(plan).unwrap().collect();
        let telegram = format!("plain/{number}/telegram");
        let expected: Vec<_> =
            expected.into_iter().map(|sent| (sent.topic.unwrap_or(telegram.clone()), sent.bytes)).collect();
        assert!(published(expected.len()) == expected, "{name}: each once and in order");
        assert!(process.ends().success());
    }
}

#[test]
fn a_broker_that_is_not_there_is_named() {
    // A port that was free a moment ago, and that nobody listens at.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut process = meter("json", "glow", &["--mqtt", &format!("mqtt://127.0.0.1:{port}"), "--speed", "max"]);
    let line = process.wait("line");
    assert_eq!((&line["transport"], &line["up"]), (&Value::from("mqtt"), &Value::from(false)));
}

#[test]
fn what_cannot_be_is_refused_before_anything_opens() {
    let run = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_wattseal-meter")).arg("plain").args(arguments).arg("--json").output();
        let output = output.unwrap();
        let error: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), error["error"]["message"].as_str().unwrap().to_owned())
    };
    let virtually = |arguments: &[&str]| run(&[arguments, &["--virtual"]].concat());
    assert_eq!(virtually(&["--protocol", "modbus"]).0, 2);
    assert!(virtually(&["--protocol", "p1", "--dialect", "swiss"]).1.contains("fluvius"));
    assert!(virtually(&["--protocol", "p1", "--dialect", "luxembourg"]).1.contains("give the key"));
    let (code, message) = virtually(&["--protocol", "dlms", "--key", "12345"]);
    assert!(code == 2 && message == "--key needs 32 hexadecimal digits");
    assert!(virtually(&["--protocol", "tic", "--quirk", "short-crc"]).1.contains("cannot have the quirk short-crc"));
    assert!(run(&["--protocol", "json", "--tcp", "127.0.0.1:0"]).1.contains("--mqtt"));
    assert_eq!(run(&["--protocol", "p1"]).0, 2);
    assert_eq!(run(&["--protocol", "p1", "--serial", "auto", "--virtual"]).0, 2);
    let lost = ["--protocol", "p1", "--virtual", "--out", "/nonexistent/x"];
    assert_eq!(run(&lost).0, 3);
    let key = "11".repeat(16);
    let austrian = ["--protocol", "dlms", "--dialect", "austria", "--key", &key, "--virtual", "--hours", "1"];
    let output = Command::new(env!("CARGO_BIN_EXE_wattseal-meter")).arg("plain").args(austrian).output().unwrap();
    assert!(output.status.success() && !String::from_utf8(output.stdout).unwrap().contains(&key));
}
