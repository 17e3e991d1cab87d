//! Real processes on real lines: pseudo-terminal, TCP, a broker; killed, stopped, and with faults on the line.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use common::live::{check_chain, import, open_own};
use common::process::{Line, PATIENCE, Process};
use metrology::keys::{AgreementKey, PairingCode};
use protocol::block::{BlockFile, DayHeader};
use protocol::certificate::VerifiedCertificate;
use protocol::line::handshake::Asking;
use protocol::line::{AskBlocks, BlockName, Hello, Identity, Message, TOPIC};
use protocol::pairing::Pairing;

fn identity(message: Message) -> Option<Box<Identity>> {
    if let Message::Identity(identity) = message { Some(identity) } else { None }
}

fn certificates<S: Read + Write>(line: &mut Line<S>) -> Vec<VerifiedCertificate> {
    line.ask(&Message::AskCertificates(0), |answer| match answer {
        Message::Certificates(list) => Some(list.iter().map(|one| VerifiedCertificate::read(one).unwrap()).collect()),
        _ => None,
    })
}

fn pair<S: Read + Write>(line: &mut Line<S>, code: &str) -> Pairing {
    let code = PairingCode::from_bytes(*protocol::code::read(protocol::code::Purpose::Pairing, code).unwrap());
    let asking = Asking::new(AgreementKey::from_bytes([7; 32]), [1; 16]);
    let known = certificates(line);
    let offer = line.ask(&Message::AskPairing(asking.ask()), |answer| match answer {
        Message::Offer(offer) => Some(offer),
        _ => None,
    });
    let (confirmation, pairing) = asking.confirm(&offer, &known, &code).unwrap();
    let paired = line.ask(&Message::ConfirmPairing(confirmation), |answer| match answer {
        Message::Paired(paired) => Some(paired),
        _ => None,
    });
    assert_eq!(paired.household, pairing.household());
    pairing
}

fn blocks<S: Read + Write>(line: &mut Line<S>, first: u64, count: u16) -> Vec<BlockFile> {
    let register = import();
    line.send(&Message::AskBlocks(AskBlocks { register, first, count }));
    let mut found = BTreeMap::new();
    let deadline = Instant::now() + PATIENCE;
    while found.len() < usize::from(count) {
        assert!(Instant::now() < deadline, "{} of {count} blocks", found.len());
        if let Some(Message::Block(bytes)) = line.read(Duration::from_secs(1)) {
            let file = BlockFile::read(&bytes).unwrap();
            found.insert(found.len(), file);
        }
    }
    found.into_values().collect()
}

/// The blocks that stand in a meter's directory, by number.
fn on_disk(dir: &Path, register: &str) -> Vec<DayHeader> {
    let certificates = protocol::certificate::read_file(&fs::read(dir.join("meter.cert")).unwrap()).unwrap();
    let mut files: Vec<_> = fs::read_dir(dir.join("blocks").join(register))
        .unwrap()
        .map(|entry| BlockFile::read(&fs::read(entry.unwrap().path()).unwrap()).unwrap())
        .map(|file| {
            let key = |c: &VerifiedCertificate| file.verify(&c.certificate.signing_key).ok();
            (certificates.iter().find_map(key).unwrap().header.block, file)
        })
        .collect();
    files.sort_by_key(|(number, _)| *number);
    let files: Vec<_> = files.into_iter().map(|(_, file)| file).collect();
    check_chain(&files, &certificates)
}

#[test]
fn over_tcp_a_household_pairs_reads_and_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let code_file = dir.path().join("code");
    let mut meter = Process::meter(
        &dir.path().join("meter"),
        &[
            "--days",
            "20",
            "--tcp",
            "127.0.0.1:0",
            "--speed",
            "200000",
            "--pair-at-start",
            "--gas",
            "2",
            "--code-file",
            code_file.to_str().unwrap(),
        ],
    );
    let mut line = meter.tcp();
    let greeting = line.ask(&Message::AskCertificates(0), identity);
    assert_eq!((greeting.answers, greeting.pairing), ([0; 16], 0));
    assert_eq!(greeting.registers.iter().map(|r| r.unit.as_str().to_owned()).collect::<Vec<_>>(), ["Wh", "Wh", "L"]);
    let code = meter.wait("pairing_code")["code"].as_str().unwrap().to_owned();
    assert_eq!(fs::read_to_string(&code_file).unwrap().trim(), code);
    assert_eq!(fs::metadata(&code_file).unwrap().permissions().mode() & 0o777, 0o600);
    let pairing = pair(&mut line, &code);
    meter.wait("paired");
    meter.wait("load_ended");
    let hello = Message::Hello(Hello { nonce: [3; 16] });
    let answer = line.ask(&hello, |answer| identity(answer).filter(|identity| identity.answers == [3; 16]));
    assert_eq!((answer.pairing, answer.household), (1, pairing.household()));
    line.ask(&hello, |answer| if let Message::Now(now) = answer { Some(now) } else { None });
    let holdings = line.ask(&Message::AskHoldings(BlockName { register: import(), block: 0 }), |answer| match answer {
        Message::Holdings(holdings) => Some(holdings),
        _ => None,
    });
    let own = holdings.runs.last().unwrap();
    assert_eq!(own.pairing, 1);
    let files = blocks(&mut line, own.first, (own.last - own.first + 1) as u16);
    let known = certificates(&mut line);
    check_chain(&files, &known);
    assert_eq!(open_own(&files, &known, &pairing).len(), files.len());
    // Who comes last takes over.
    let listening = meter.seen.iter().find(|event| event["transport"] == "tcp").unwrap();
    let mut second = Line::tcp(listening["address"].as_str().unwrap());
    second.ask(&Message::AskCertificates(0), identity);
    assert!(!code_file.exists(), "the code is used");
}

#[test]
fn over_a_pseudo_terminal_the_same_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let mut meter =
        Process::meter(&dir.path().join("meter"), &["--days", "10", "--serial", "auto", "--speed", "max", "--pv", "0"]);
    let path = meter.wait("listening")["address"].as_str().unwrap().to_owned();
    // A household comes, goes and comes again.
    for _ in 0..2 {
        let nonblocking = 0o4000 | 0o400; // O_NONBLOCK, O_NOCTTY
        let device = fs::OpenOptions::new().read(true).write(true).custom_flags(nonblocking).open(&path).unwrap();
        let mut line = Line::over(device);
        line.ask(&Message::Hello(Hello { nonce: [4; 16] }), |answer| {
            identity(answer).filter(|identity| identity.answers == [4; 16])
        });
        assert_eq!(certificates(&mut line).len(), 1);
    }
    // One that opens it for itself alone, as a serial library does; locks of the meter's own would keep it out.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let _within = runtime.enter();
    std::thread::sleep(Duration::from_millis(1200));
    let alone = tokio_serial::SerialStream::open(&tokio_serial::new(&path, 115_200)).unwrap();
    assert_eq!(certificates(&mut Line::over(alone)).len(), 1);
    meter.say("pair");
    let code = meter.wait("pairing_code")["code"].as_str().unwrap().to_owned();
    // Until the line is free again.
    std::thread::sleep(Duration::from_millis(1200));
    let device = fs::OpenOptions::new().read(true).write(true).custom_flags(0o4400).open(&path).unwrap();
    pair(&mut Line::over(device), &code);
    meter.wait("paired");
    meter.say("nonsense");
    meter.wait("unknown");
}

#[test]
fn over_a_serial_device_the_same_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let _within = runtime.enter();
    let (own, device) = tokio_serial::SerialStream::pair().unwrap();
    let path = tokio_serial::SerialPort::name(&device).unwrap();
    let arguments = ["--days", "3", "--serial", &path, "--speed", "max"];
    let mut meter = Process::meter(&dir.path().join("meter"), &arguments);
    assert_eq!(meter.wait("listening")["address"].as_str().unwrap(), path);
    let mut line = Line::over(own);
    line.ask(&Message::Hello(Hello { nonce: [4; 16] }), |answer| {
        identity(answer).filter(|identity| identity.answers == [4; 16])
    });
}

#[test]
fn a_slow_line_carries_what_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let mut meter = Process::meter(
        &dir.path().join("meter"),
        &["--days", "20", "--catch-up", "2025-06-21", "--tcp", "127.0.0.1:0", "--baud", "115200", "--cadence", "60000"],
    );
    let mut line = meter.tcp();
    line.ask(&Message::AskCertificates(0), identity);
    let (begun, before) = (Instant::now(), line.bytes);
    assert_eq!(blocks(&mut line, 0, 10).len(), 10);
    let (took, bytes) = (begun.elapsed(), line.bytes - before);
    assert!(bytes > 30_000);
    // 11,520 bytes a second; the last frame arrives before its time on the line is over.
    assert!(took.as_millis() as usize >= (bytes - 5000) * 1000 / 11_520, "{bytes} bytes in {took:?}");
}

#[test]
fn over_a_broker_the_same_is_said_and_an_end_is_noticed() {
    let mut broker = Process::start(&["broker"]);
    let url = broker.wait("listening")["address"].as_str().unwrap().to_owned();
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--days", "10", "--meter-id", "M-1", "--mqtt", &url, "--speed", "max", "--pair-at-start"];
    let mut meter = Process::meter(&dir.path().join("meter"), &arguments);
    let port = url.rsplit_once(':').unwrap().1.parse().unwrap();
    let options = rumqttc::MqttOptions::new("home", "127.0.0.1", port);
    let (client, mut connection) = rumqttc::Client::new(options, 10);
    client.subscribe(format!("{TOPIC}/M-1/up"), rumqttc::QoS::AtLeastOnce).unwrap();
    client.subscribe(format!("{TOPIC}/M-1/online"), rumqttc::QoS::AtLeastOnce).unwrap();
    meter.wait_for(|event| event["event"] == "line" && event["up"] == true);
    let ask = |message: &Message| {
        client.publish(format!("{TOPIC}/M-1/down"), rumqttc::QoS::AtLeastOnce, false, message.write()).unwrap();
    };
    let (mut online, mut answered, mut killed) = (None, false, false);
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let event = match connection.recv_timeout(Duration::from_secs(1)) {
            Ok(Ok(event)) => Some(event),
            _ => None,
        };
        match event {
            Some(rumqttc::Event::Incoming(rumqttc::Packet::Publish(said))) if said.topic.ends_with("/up") => {
                answered |= Message::read(&said.payload).ok().and_then(identity).is_some_and(|i| i.answers == [6; 16]);
            }
            Some(rumqttc::Event::Incoming(rumqttc::Packet::Publish(said))) => {
                online = Some(said.payload.to_vec());
            }
            Some(_) => continue,
            None => {}
        }
        if !answered {
            ask(&Message::Hello(Hello { nonce: [6; 16] }));
        } else if online.as_deref() == Some(b"1") && !killed {
            meter.kill();
            killed = true;
        } else if killed && online.as_deref() == Some(b"0") {
            return;
        }
    }
    panic!("answered {answered}, online {online:?}");
}

/// A broker behind TLS: a certificate for localhost, its authority in a file, and the port.
async fn with_tls(broker: String, dir: &Path) -> u16 {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(dir.join("ca.pem"), made.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut inner = tokio::net::TcpStream::connect(&broker).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut inner).await });
        }
    });
    port
}

#[test]
fn tls_is_checked_against_the_authority_that_was_given() {
    let mut broker = Process::start(&["broker"]);
    let address = broker.wait("listening")["address"].as_str().unwrap().trim_start_matches("mqtt://").to_owned();
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let port = runtime.block_on(with_tls(address, dir.path()));
    let url = format!("mqtts://localhost:{port}");
    let other = dir.path().join("other.pem");
    fs::write(&other, rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem()).unwrap();
    for (authority, up) in [(dir.path().join("ca.pem"), true), (other, false)] {
        let arguments = ["--days", "2", "--mqtt", &url, "--mqtt-ca", authority.to_str().unwrap()];
        let mut meter = Process::meter(&dir.path().join(format!("meter-{up}")), &arguments);
        let line = meter.wait("line");
        assert_eq!(line["up"], up, "{line}");
    }
}

#[test]
fn killed_at_any_moment_it_goes_on_in_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("meter");
    let mut announced = Vec::new();
    for round in 0..30u64 {
        let mut meter = Process::meter(
            &root,
            &[
                "--days",
                "300",
                "--tcp",
                "127.0.0.1:0",
                "--speed",
                "1000000",
                "--outage-limit",
                "7200",
                "--interval",
                "3600",
            ],
        );
        if round == 0 {
            meter.wait("sealed");
        }
        std::thread::sleep(Duration::from_millis(round * 7919 % 170));
        meter.kill();
        announced.extend(std::mem::take(&mut meter.seen).into_iter().filter(|event| event["event"] == "sealed"));
    }
    let hourly = ["--days", "300", "--tcp", "127.0.0.1:0", "--speed", "1000000", "--interval", "3600"];
    let mut meter = Process::meter(&root, &hourly);
    meter.wait("listening");
    meter.say("quit");
    assert!(meter.ends().success());
    announced.extend(meter.seen.iter().filter(|event| event["event"] == "sealed").cloned());
    for (directory, register) in [("1-0_1.8.0", "1-0:1.8.0"), ("1-0_2.8.0", "1-0:2.8.0")] {
        let headers = on_disk(&root, directory);
        assert_eq!(headers[0].block, 0);
        for event in announced.iter().filter(|event| event["register"] == register) {
            let number = event["block"].as_u64().unwrap() as usize;
            assert!(number < headers.len(), "a block that was announced is lost");
        }
    }
    assert!(!announced.is_empty());
}

/// Answers to forty questions with a fault on the line: nonces of what arrived, and damaged frames.
fn with_fault(fault: &str) -> (Vec<u8>, usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut meter = Process::meter(
        &dir.path().join("meter"),
        &["--days", "1", "--tcp", "127.0.0.1:0", "--fault", fault, "--fault-seed", "3"],
    );
    let mut line = meter.tcp();
    for n in 1..=40 {
        line.send(&Message::Hello(Hello { nonce: [n; 16] }));
    }
    let mut arrived = Vec::new();
    // The meter answers in order: when a later question is answered, all before it were.
    for marker in 100..200 {
        line.send(&Message::Hello(Hello { nonce: [marker; 16] }));
        while let Some(message) = line.read(Duration::from_millis(500)) {
            let answers = identity(message).map_or(0, |identity| identity.answers[0]);
            if answers >= 100 {
                return (arrived, line.damaged);
            }
            if answers > 0 {
                arrived.push(answers);
            }
        }
    }
    panic!("no marker came through");
}

#[test]
fn faults_on_the_line_do_what_they_say() {
    let all: Vec<u8> = (1..=40).collect();
    let sorted = |arrived: &[u8]| arrived.windows(2).all(|w| w[0] < w[1]);
    let (arrived, damaged) = with_fault("drop:0.3");
    assert!((10..40).contains(&arrived.len()) && sorted(&arrived) && damaged == 0, "{arrived:?}");
    let (mut arrived, _) = with_fault("duplicate:0.3");
    assert!(arrived.len() > 40);
    arrived.dedup();
    assert_eq!(arrived, all);
    let (arrived, damaged) = with_fault("corrupt:0.3");
    assert!(arrived.len() < 40 && damaged > 0 && sorted(&arrived), "{arrived:?}");
    let (arrived, _) = with_fault("reorder:0.3");
    assert!(!sorted(&arrived) && arrived.len() >= 39);
    let (arrived, _) = with_fault("replay:0.3");
    assert!(!sorted(&arrived) && arrived.len() > 40);
}

#[test]
fn power_cuts_by_order_and_other_controls() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("meter");
    let mut meter = Process::meter(
        &root,
        &["--days", "12", "--tcp", "127.0.0.1:0", "--speed", "100000", "--fault", "power-cut:40000:4000"],
    );
    meter.wait("power_cut");
    meter.wait("power_cut");
    meter.say("fault full-flash");
    meter.wait_for(|event| event["event"] == "fault" && event["kind"] == "full-flash");
    meter.say("fault none");
    meter.say("clock +3600");
    assert_eq!(meter.wait("clock")["step"], 3600);
    meter.say("clock -900000");
    assert_eq!(meter.wait("refused")["request"], "clock");
    meter.say("status");
    assert_eq!(meter.wait("status")["supply"], true);
    meter.wait("load_ended");
    // As whoever runs services would stop it.
    let stopped = std::process::Command::new("kill").arg(meter.id().to_string()).status().unwrap();
    assert!(stopped.success() && meter.ends().success());
    assert_eq!(meter.seen.last().unwrap()["event"], "stopped");
    let headers = on_disk(&root, "1-0_1.8.0");
    let events = headers.iter().fold(0, |all, header| all | header.events);
    assert_eq!(events, metrology::label::events::OUTAGE | metrology::label::events::CLOCK_SET);
    assert!(headers.iter().any(|h| (0..h.count.into()).any(|p| h.status_at(p) == metrology::label::Status::Missing)));
}

#[test]
fn a_sealed_meter_runs_and_a_running_meter_is_not_sealed_over() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("meter");
    let out = root.to_str().unwrap();
    let run = |arguments: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_wattseal-meter")).args(arguments).arg("--json").output().unwrap()
    };
    let seal = ["seal", "--household", "7", "--from", "2025-06-01", "--out", out];
    assert!(run(&[&seal[..], &["--days", "3"]].concat()).status.success());
    // It goes on where the sealing ended, for the household that it has.
    let mut meter = Process::meter(&root, &["--days", "30", "--tcp", "127.0.0.1:0", "--speed", "3600"]);
    assert_eq!(meter.wait("meter")["at"], "2025-06-04T00:00Z");
    meter.wait("listening");
    meter.say("quit");
    assert!(meter.ends().success());
    let refused = run(&[&seal[..], &["--days", "30"]].concat());
    assert_eq!(refused.status.code(), Some(1));
    let error: serde_json::Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(error["error"]["code"], "open_day");
}

#[test]
fn wrong_usage_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("meter");
    let root = root.to_str().unwrap();
    let base = ["run", "--household", "1", "--dir", root, "--json"];
    let code = |more: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_wattseal-meter"))
            .args([&base[..], more].concat())
            .output()
            .unwrap();
        assert!(!output.stdout.is_empty(), "{more:?}");
        output.status.code().unwrap()
    };
    for wrong in [
        &[][..],
        &["--tcp", "127.0.0.1:0", "--speed", "0"],
        &["--tcp", "127.0.0.1:0", "--fault", "fire"],
        &["--tcp", "127.0.0.1:0", "--operator", "00"],
        &["--mqtt", "http://x"],
        &["--mqtt", "mqtts://x"],
        &["--mqtt", "mqtt://x", "--meter-id", "a/b"],
    ] {
        assert_eq!(code(wrong), 2, "{wrong:?}");
    }
    assert_eq!(code(&["--serial", "/nonexistent/tty"]), 3);
}
