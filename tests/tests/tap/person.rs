//! Trouble with TLS as a person meets it: what is shown says what happened and what to do, and nothing is lost.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use provider::identity::Identity;
use provider::tls::Leaf;
use tests::binary;

use crate::life::{Life, telling};
use crate::middleman::Face;
use crate::process::PATIENCE;

/// What no person should be shown.
const JARGON: [&str; 8] =
    ["rustls", "webpki", "InvalidCert", "UnknownIssuer", "AlertReceived", "os error", "Error(", "{"];
const DAY: u64 = 86_400;

/// What a person reads under `wattseal submissions` about a bill, and what the gateway tells.
fn said(life: &Life, digest: &str) -> String {
    let mut command = Command::new(binary("wattseal"));
    let output = command.current_dir(life.town.path(".")).args(["--home", "home", "submissions"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with(&digest[..16])).unwrap().to_owned();
    // The event says the same; it comes by another way than the answer.
    let told = life.gateway.tells_within(PATIENCE, |told| {
        let mut events = told.iter().filter(|e| e["event"] == "submitted" && e["digest"] == digest);
        events.any(|e| e["message"].as_str().is_some_and(|message| !message.is_empty() && line.contains(message)))
    });
    assert!(told, "no event says: {line}");
    line
}

/// Submits a bill under trouble, holds what is shown against words, ends the trouble, and submits it again.
fn trouble(life: &Life, digest: &str, face: Face, state: &str, words: &[&str]) {
    life.middle.show(face);
    assert_eq!(life.submit(digest).0, state);
    let shown = said(life, digest);
    for word in words.iter().chain(&[state]) {
        assert!(shown.contains(word), "{word:?} is not in: {shown}");
    }
    assert!(!JARGON.iter().any(|word| shown.contains(word)), "{shown}");
    life.middle.show_the_provider();
    assert_eq!(life.submit(digest).0, "accepted", "the bill goes out once the cause is gone");
}

#[test]
fn trouble_with_tls_is_said_in_words_and_loses_nothing() {
    let mut life = Life::begin(telling);
    life.time_passes();
    let polder = life.town.path("polder");
    let bill = |day: u32| life.bill("power", &format!("2026-03-{day:02}"), &format!("2026-03-{:02}", day + 1));

    let identity = Identity::open(&polder).unwrap();
    let expired = Leaf::issue(&identity, crate::now() - 100 * DAY, 90 * DAY).unwrap();
    let words = ["TLS certificate is past its date", "the provider has to renew it", "clock"];
    trouble(&life, &bill(1), Face::Leaf(Box::new(expired)), "waiting", &words);

    let (_server, _folder, old) = openssl();
    let words = ["old version of TLS", "speaks TLS 1.3", "the address is wrong or something stands between"];
    trouble(&life, &bill(2), Face::Cable(old), "waiting", &words);

    // A provider that lost its key and began anew, or an impostor: nobody can tell, so a person has to ask.
    let anew = Identity::create(&life.town.path("anew"), Some("Polder Energie")).unwrap();
    let foreign = Leaf::issue(&anew, crate::now(), DAY).unwrap();
    let words = ["not the provider whose key you pinned", "without a hand-over", "fingerprint", "telephone"];
    let bills = life.middle.passed().iter().filter(|e| e.is("POST", "/v1/bills")).count();
    trouble(&life, &bill(3), Face::Leaf(Box::new(foreign)), "waiting", &words);
    let after = life.middle.passed().iter().filter(|e| e.is("POST", "/v1/bills")).count();
    assert_eq!(after, bills + 1, "the one under trouble was not sent to whoever answered");

    // A thief has the leaf in use; the provider notices and revokes it; the household hears of it at its next look.
    let stolen = Leaf::load(&polder).unwrap();
    life.town.done(&["wattseal-provider", "--home", "polder", "tls", "revoke"]);
    let lists = || life.middle.passed().iter().filter(|e| e.is("GET", "/v1/revocations")).count();
    let (before, deadline) = (lists(), Instant::now() + PATIENCE);
    // The second look begins when what the first one learnt is kept.
    while lists() < before + 3 {
        assert!(Instant::now() < deadline, "the gateway does not look");
        std::thread::sleep(Duration::from_millis(50));
    }
    let words = ["a TLS certificate that the provider has revoked", "impostor"];
    trouble(&life, &bill(4), Face::Leaf(Box::new(stolen)), "waiting", &words);
}

#[test]
fn a_mistyped_key_costs_neither_the_code_nor_the_account() {
    let life = Life::begin(telling);
    let asked = life.middle.passed().iter().filter(|e| e.is("POST", "/v1/enrol")).count();
    let (code, told) = life.add_account(&"5f".repeat(32), &life.invitation());
    let message = told["error"]["message"].as_str().unwrap();
    assert_eq!((code, told["error"]["code"].as_str()), (Some(1), Some("wrong-pin")));
    assert!(message.contains("not the provider whose key you pinned") && message.contains("fingerprint"), "{message}");
    let after = life.middle.passed().iter().filter(|e| e.is("POST", "/v1/enrol")).count();
    assert_eq!(asked, after, "the code was not sent to whoever answered");
    // The account that enrolled is still the only one that can be meant.
    life.home(&["standing", "add", "--tariff", "power", "--from", "2026-03"]);
}

#[test]
fn a_household_that_was_shut_out_comes_in_again() {
    let mut life = Life::begin(telling);
    life.time_passes();
    life.town.done(&["wattseal-provider", "--home", "polder", "contract", "revoke", "4711"]);
    let digest = life.bill("power", "2026-03-01", "2026-03-02");
    // It is no word on the bill: that waits for the household to come in again.
    assert_eq!(life.submit(&digest).0, "waiting");
    let shown = said(&life, &digest);
    for word in ["does not know this household, or shut it out", "ask the provider for a new code and enrol again"] {
        assert!(shown.contains(word), "{word:?} is not in: {shown}");
    }
    assert!(!JARGON.iter().any(|word| shown.contains(word)), "{shown}");
    // The old key never comes back, so the home enrols under a new one, though the answer to that gets lost at first.
    let key = hex::encode(Identity::open(&life.town.path("polder")).unwrap().provider().key);
    let invitation = life.invitation();
    life.middle.lose_answer("/v1/enrol");
    let (code, told) = life.add_account(&key, &invitation);
    assert_eq!(code, Some(3), "{told}");
    let (code, told) = life.add_account(&key, &invitation);
    assert_eq!((code, &told["accounts"][0]["contract"]), (Some(0), &"4711".into()), "{told}");
    assert_eq!(life.submit(&digest).0, "accepted");
}

struct Openssl(Child);

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that speaks TLS 1.2 and nothing newer.
fn openssl() -> (Openssl, tempfile::TempDir, SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let new = ["req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "key.pem", "-out", "cert.pem"];
    let made =
        Command::new("openssl").args(new).args(["-subj", "/CN=old"]).current_dir(folder.path()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Command::new("openssl")
        .args([
            "s_server",
            "-accept",
            &address.to_string(),
            "-cert",
            "cert.pem",
            "-key",
            "key.pem",
            "-tls1_2",
            "-quiet",
        ])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "openssl does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    (Openssl(server), folder, address)
}
