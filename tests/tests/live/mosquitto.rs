//! Over a real broker, mosquitto with TLS and passwords: what people are told, what survives its end, what it gets to see.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use protocol::line::Message;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};

use crate::process::PATIENCE;
use crate::stored::{blocks, held};
use crate::tap::{Tap, examine, in_clear};
use crate::world::Town;

/// mosquitto in a town: one listener with TLS and passwords, one without for the tap.
pub struct Broker {
    pub tls: u16,
    pub plain: u16,
    running: Option<Child>,
}

impl Broker {
    pub fn new(town: &Town) -> Self {
        authority(town, "ca", Some("broker"));
        authority(town, "other", None);
        for (name, password) in [("meter", "of the meter"), ("home", "of the home"), ("wrong", "of nobody")] {
            fs::write(town.path(&format!("{name}.password")), password).unwrap();
            if name != "wrong" {
                let exists = town.path("passwords").exists();
                let make = if exists { &["-b"][..] } else { &["-c", "-b"] };
                let file = town.path("passwords");
                let made = Command::new("mosquitto_passwd").args(make).arg(file).args([name, password]).status();
                assert!(made.expect("mosquitto_passwd is not there; ./test installs it").success());
            }
        }
        let (tls, plain) = (free_port(), free_port());
        let at = |name: &str| town.path(name).display().to_string();
        let user = if is_root() { "user root\n" } else { "" };
        let settings = format!(
            "{user}per_listener_settings true\nlistener {tls} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\n\
             tls_version tlsv1.3\nallow_anonymous false\npassword_file {}\n\
             listener {plain} 127.0.0.1\nallow_anonymous true\n",
            at("ca.pem"),
            at("broker.pem"),
            at("broker.key"),
            at("passwords"),
        );
        fs::write(town.path("mosquitto.conf"), settings).unwrap();
        let mut broker = Self { tls, plain, running: None };
        broker.start(town);
        broker
    }

    pub fn start(&mut self, town: &Town) {
        let program = if fs::exists("/usr/sbin/mosquitto").unwrap() { "/usr/sbin/mosquitto" } else { "mosquitto" };
        let started = Command::new(program)
            .args(["-c", town.path("mosquitto.conf").to_str().unwrap()])
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        self.running = Some(started.expect("mosquitto is not there; ./test installs it"));
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", self.plain)).is_err() {
            assert!(self.running.as_mut().unwrap().try_wait().unwrap().is_none(), "mosquitto ended");
            assert!(Instant::now() < deadline, "mosquitto does not listen");
            sleep(Duration::from_millis(20));
        }
    }

    /// In good order, or as in a power cut.
    pub fn end(&mut self, signal: &str) {
        let mut running = self.running.take().unwrap();
        Command::new("kill").args([signal, &running.id().to_string()]).status().unwrap();
        running.wait().unwrap();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.kill();
            let _ = running.wait();
        }
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An authority in a file, and a certificate for a broker on this machine.
fn authority(town: &Town, name: &str, broker: Option<&str>) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name = DistinguishedName::new();
    authority.distinguished_name.push(DnType::CommonName, name);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    fs::write(town.path(&format!("{name}.pem")), authority.pem()).unwrap();
    if let Some(broker) = broker {
        let own = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = own.signed_by(&key, &authority).unwrap();
        fs::write(town.path(&format!("{broker}.pem")), certificate.pem()).unwrap();
        fs::write(town.path(&format!("{broker}.key")), key.serialize_pem()).unwrap();
    }
}

/// The load, the same in every slot.
const PLANTED: u16 = 4242;

#[test]
fn a_season_over_mosquitto_that_ends_twice_and_sees_nothing() {
    let town = Town::new();
    let mut broker = Broker::new(&town);
    let tap = Tap::on(&format!("127.0.0.1:{}", broker.plain));
    let csv = town.csv("planted.csv", 150, |_| PLANTED.into());
    let url = format!("mqtts://localhost:{}", broker.tls);
    let columns = ["--column", "load", "--register", "1-0:1.8.0", "--column", "load", "--register", "1-0:2.8.0"];
    let line =
        ["--mqtt", &url, "--mqtt-ca", "ca.pem", "--mqtt-user", "meter", "--mqtt-password-file", "meter.password"];
    let kind = [&["--csv", &csv, "--outage-limit", "0", "--cadence", "1"][..], &columns, &line].concat();
    let mut meter = town.meter("m", &kind);
    let mut gateway = town.home("home");

    // What a person is told who has the wrong password, or the file of another authority.
    let address = format!("mqtts://home@localhost:{}/wattseal/m", broker.tls);
    let add = |authority: &str, password: &str| {
        let more = ["line", "add", &address, "--authority", authority, "--password-file", password];
        town.done(&[&["wattseal", "--home", "home"][..], &more].concat());
    };
    let list = ["wattseal", "--home", "home", "line", "list"];
    for (authority, password, told) in [
        ("ca.pem", "wrong.password", "check user name and password"),
        ("other.pem", "home.password", "give the file of the authority that signed it"),
    ] {
        add(authority, password);
        let line = town.until(told, &list, |l| l["lines"][0]["why"].as_str().is_some_and(|why| why.contains(told)));
        assert_eq!(line["lines"].as_array().unwrap().len(), 1, "one line, changed: {line}");
    }
    add("ca.pem", "home.password");
    let code = town.press(&mut meter);
    assert_eq!(town.done_with(&["wattseal", "--home", "home", "pair", "--line", "1"], &code)["answer"], "paired");
    // Current readings of a live session.
    let telegram = |payload: &[u8]| matches!(Message::read(payload), Ok(Message::Now(_)));
    let deadline = Instant::now() + PATIENCE;
    while tap.recording().iter().filter(|(_, payload)| telegram(payload)).count() < 5 {
        assert!(Instant::now() < deadline, "no current readings");
        sleep(Duration::from_millis(50));
    }
    assert!(meter.stop().success());

    // The broker dies and is restarted in the middle of a catch-up.
    let at = gateway.told();
    let mut meter = town.meter("m", &[&kind[..], &["--catch-up", "2026-07-20"]].concat());
    let stored = |e: &serde_json::Value| e["event"] == "stored";
    let (at, _) = gateway.wait_from(at, "the first blocks", stored);
    broker.end("-KILL");
    assert!(blocks(&town.status("home")) < held(&town.path("m")), "too late for the middle");
    broker.start(&town);
    let (_, _) = gateway.wait_from(at, "more blocks", stored);
    broker.end("-TERM");
    broker.start(&town);
    let all = held(&town.path("m"));
    assert!(all >= 280, "{all}");
    town.until("every block", &["wattseal", "--home", "home", "status"], |status| blocks(status) == all);
    meter.wait("the line", |e| e["event"] == "line" && e["up"] == true);
    assert!(gateway.stop().success() && meter.stop().success());
    town.same("home", &["m"]);

    let recording = tap.recording();
    let (seen, now) = examine(&recording, PLANTED).unwrap();
    assert!(seen >= 64 && now >= 5, "{seen} blocks and {now} current readings were seen");
    // The examination finds what it is there for, however it is written and wherever it stands.
    let block = |(_, payload): &&(String, Vec<u8>)| matches!(Message::read(payload), Ok(Message::Block(_)));
    let (topic, block) = recording.iter().rfind(block).unwrap();
    for pattern in in_clear(PLANTED) {
        let mut tampered = recording.clone();
        let mut leaky = block.clone();
        let middle = leaky.len() / 2;
        leaky[middle..middle + pattern.len()].copy_from_slice(&pattern);
        tampered.push((topic.clone(), leaky));
        let found = examine(&tampered, PLANTED);
        assert!(found.is_err_and(|why| why.contains("shows the reading")), "{pattern:02x?} was overlooked");
    }
    let (_, telegram) = recording.iter().find(|(_, payload)| telegram(payload)).unwrap();
    let Ok(Message::Now(mut longer)) = Message::read(telegram) else { panic!("a telegram") };
    longer.ciphertext.push(0);
    let tampered = [&recording[..], &[(topic.clone(), Message::Now(longer).write())]].concat();
    assert!(examine(&tampered, PLANTED).is_err(), "a longer telegram was overlooked");
    let tampered = [&recording[..], &[(topic.clone(), b"{\"power\":1}".to_vec())]].concat();
    assert!(examine(&tampered, PLANTED).is_err(), "a payload in another language was overlooked");
}
