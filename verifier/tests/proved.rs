//! Proved bills through the real verifier: the verdicts, what they say, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../provider/tests/ledger/house.rs"]
#[allow(dead_code)]
mod house;
#[path = "../../provider/tests/proved/prover.rs"]
#[allow(dead_code)]
mod prover;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use ed25519_dalek::SigningKey;
use protocol::bill::Package;
use protocol::tariff::{Provider, SignedTariff};
use protocol::time::Span;
use serde_json::Value;

use house::*;
use prover::{Made, Prover};

const SOURCE: &str = r#"
format = 2
id = "carries"
name = "Carries"
currency = "EUR"
zone = "Europe/Amsterdam"
valid = { from = "2026-03-01", to = "2026-04-01" }
[registers.import]
code = "1-0:1.8.0"
unit = "Wh"
[[quantity]]
name = "Taken"
kind = "sum"
[[cell]]
name = "Before"
next = "Now"
[[line]]
name = "Now"
kind = "form"
aside = true
rounding = { to = "1 Wh" }
of = { sum = [{ of = "Taken" }] }
[[line]]
name = "Energy"
kind = "form"
of = { sum = [{ of = "Taken", times = "0.30 EUR/kWh" }] }
"#;

/// A folder with a tariff, a meter's certificate and a circuit (`c/energy-60.circuit`).
struct Place {
    folder: tempfile::TempDir,
    tariff: SignedTariff,
    house: House,
    prover: Prover,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::from_bytes(&[7; 32]);
        let provider = Provider { name: "Fern Energy".into(), key: key.verifying_key().to_bytes() };
        let none = &mut |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let message = provider::desk::compile(SOURCE, none, &provider).unwrap().sign(&key).unwrap();
        let (house, prover) = (House::new(1, 200), Prover::new());
        fs::write(folder.path().join("t"), &message).unwrap();
        fs::write(folder.path().join("m"), house.meters[0].certificate_file()).unwrap();
        fs::create_dir(folder.path().join("c")).unwrap();
        fs::write(folder.path().join("c/energy-60.circuit"), prover.circuit.write()).unwrap();
        Self { tariff: SignedTariff::read(&message).unwrap(), folder, house, prover }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn prove(&self, name: &str, period: Span, before: Option<&Made>) -> Made {
        let before = before.map(|made| &made.after);
        let made = self.prover.bill(&self.house.store, &self.tariff, period, before, None);
        fs::write(self.path(name), &made.bill).unwrap();
        made
    }

    fn run(&self, args: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wattseal-verify"));
        let Output { status, stdout, .. } = command.args(args).current_dir(self.folder.path()).output().unwrap();
        (status.code().unwrap(), String::from_utf8(stdout).unwrap())
    }

    fn json(&self, args: &[&str]) -> (i32, Value) {
        let (code, out) = self.run(&[args, &["--json"]].concat());
        (code, serde_json::from_str(&out).unwrap())
    }

    /// Exit code and reason.
    fn reason(&self, args: &[&str]) -> (i32, String) {
        let (code, verdict) = self.json(args);
        (code, verdict["reason"].as_str().or(verdict["error"]["code"].as_str()).unwrap_or("valid").to_owned())
    }
}

fn no(code: &str) -> (i32, String) {
    (1, code.to_owned())
}

#[test]
fn a_proved_bill_has_the_same_verdicts_as_any_other() {
    let place = Place::new();
    let one = place.prove("b", days(2, 5), None);
    let full = ["b", "--tariff", "t", "--meter", "m", "--circuit", "c/energy-60.circuit"];
    let (code, verdict) = place.json(&full);
    assert_eq!((code, &verdict["verdict"], &verdict["kind"]), (0, &"valid".into(), &"proved-bill".into()), "{verdict}");
    let circuit = hex::encode(place.prover.circuit.id());
    assert_eq!(
        (&verdict["circuit"]["id"], &verdict["circuit"]["name"]),
        (&circuit.as_str().into(), &"energy-60".into())
    );
    assert_eq!((&verdict["demonstration"], verdict["continues"].is_null()), (&true.into(), true));
    assert_eq!((&verdict["slots"], &verdict["complete"], &verdict["missing"]), (&72.into(), &true.into(), &0.into()));
    assert_eq!((&verdict["bytes_left"], &verdict["digest"]), (&one.bill.len().into(), &hex::encode(one.digest).into()));
    assert!(verdict["fee_minor"].is_i64() && verdict["period"]["from"].is_string() && verdict["seal"].is_string());
    let text = place.run(&full).1;
    assert!(
        text.starts_with("VALID\n") && text.contains("DEMONSTRATION: whoever made these parameters can forge"),
        "{text}"
    );
    assert!(text.contains("begins the tariff's carried values anew") && text.contains(&circuit), "{text}");

    // The next one says whose values it goes on from, for whoever has that bill.
    place.prove("b2", days(5, 9), Some(&one));
    let (_, next) = place.json(&["b2", "--tariff", "t", "--meter", "m", "--circuits", "c"]);
    assert_eq!((&next["continues"], &next["before"]), (&hex::encode(one.digest).into(), &verdict["after"]));

    let unattested = ["b", "--tariff", "t", "--circuits", "c"];
    assert_eq!(place.reason(&unattested), no("origin-unattested"));
    assert_eq!(place.reason(&[&unattested[..], &["--allow-unattested"]].concat()).0, 0);
    assert_eq!(place.reason(&[&full[..], &["--no-demonstration"]].concat()), no("demonstration"));
    assert_eq!(place.reason(&[&full[..], &["--nonce", &"00".repeat(16)]].concat()), no("other-nonce"));
    assert_eq!(place.reason(&[&full[..], &["--provider-key", &"00".repeat(32)]].concat()), no("other-provider"));
}

#[test]
fn circuits_and_bills_that_are_not_right_are_refused() {
    let place = Place::new();
    let made = place.prove("b", days(2, 5), None);
    let base = ["b", "--tariff", "t", "--meter", "m"];
    let (code, verdict) = place.json(&base);
    assert_eq!((code, &verdict["reason"]), (1, &"unknown-circuit".into()));
    let message = verdict["message"].as_str().unwrap();
    assert!(message.contains("--circuit") && message.contains(&hex::encode(place.prover.circuit.id())), "{message}");

    // A folder may hold what this program cannot use, and says so when it misses something; a file that is named must be one.
    let mut damaged = place.prover.circuit.write();
    damaged[300] ^= 1;
    fs::create_dir(place.path("d")).unwrap();
    fs::write(place.path("d/x.circuit"), damaged).unwrap();
    let (_, verdict) = place.json(&[&base[..], &["--circuits", "d"]].concat());
    assert_eq!(verdict["reason"], "unknown-circuit");
    assert!(verdict["message"].as_str().unwrap().contains("d/x.circuit"), "{verdict}");
    assert_eq!(place.reason(&[&base[..], &["--circuits", "d", "--circuits", "c"]].concat()).0, 0);
    assert_eq!(place.reason(&[&base[..], &["--circuit", "d/x.circuit"]].concat()), no("bad-circuit"));
    assert_eq!(place.reason(&[&base[..], &["--circuit", "none"]].concat()), (3, "file".into()));
    assert_eq!(place.reason(&[&base[..], &["--circuits", "none"]].concat()), (3, "file".into()));

    // Every byte of the statement and of the proof counts.
    let package = Package::read(&made.bill).unwrap();
    let certificates = || package.certificates.iter().map(|c| c.to_vec()).collect::<Vec<_>>();
    let all = [&base[..], &["--circuits", "c"]].concat();
    let judged = |statement: Vec<u8>, proof: Vec<u8>| {
        let bill = Package::new(statement, proof, certificates(), package.chains.clone()).write();
        fs::write(place.path("b"), bill).unwrap();
        place.reason(&all).0
    };
    for at in (0..package.statement.len()).step_by(29) {
        let mut statement = package.statement.to_vec();
        statement[at] ^= 1;
        assert_eq!(judged(statement, package.proof.to_vec()), 1, "byte {at} of the statement");
    }
    for at in (0..package.proof.len()).step_by(23) {
        let mut proof = package.proof.to_vec();
        proof[at] ^= 1;
        assert_eq!(judged(package.statement.to_vec(), proof), 1, "byte {at} of the proof");
    }
    assert_eq!(judged(package.statement.to_vec(), package.proof.to_vec()), 0);
}
