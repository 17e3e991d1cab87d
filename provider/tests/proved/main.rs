//! Proved bills at the provider's: judged, booked, carried on, checked in batches and taken over the network.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batch;
mod books;
mod carried;
mod circuits;
mod prover;
mod served;
#[path = "../service/wire.rs"]
#[allow(dead_code)]
mod wire;
#[path = "../ledger/world.rs"]
#[allow(dead_code)]
mod world;

use gateway_core::bill::proved::Before;
use metrology::keys::Hash;
use protocol::time::Span;

use prover::{Made, Prover};
use world::{Desk, House};

/// A tariff that carries one value: each bill adds what the bill before took.
const CARRIES: &str = r#"
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
name = "With what was before"
kind = "form"
aside = true
of = { sum = [{ of = "Taken" }, { of = "Before" }] }
[[line]]
name = "Energy"
kind = "form"
of = { sum = [{ of = "With what was before", times = "0.30 EUR/kWh" }] }
"#;

/// A provider with the tariffs `carries` and `other` (another name for what it carries) beside import and export, and the
/// circuit in its home.
fn desk(prover: &Prover) -> Desk {
    let desk = Desk::new();
    for (name, source) in [("carries", CARRIES.to_owned()), ("other", CARRIES.replace("\"Before\"", "\"Former\""))] {
        desk.write(&format!("{name}.toml"), source.as_bytes());
        let out = desk.run(&["tariff", "compile", &format!("{name}.toml"), "--out", &format!("{name}.tariff")]);
        assert_eq!(out.0, 0, "{out:?}");
    }
    prover.install(&desk.path("home/circuits"));
    desk
}

impl House {
    /// A proved bill.
    fn prove(
        &self,
        desk: &Desk,
        prover: &Prover,
        tariff: &str,
        period: Span,
        before: Option<&Before>,
        corrects: Option<Hash>,
    ) -> Made {
        prover.bill(&self.store, &desk.tariff(&format!("{tariff}.tariff")), period, before, corrects)
    }
}

impl Desk {
    /// Verifies a bill under a tariff: exit code, and what was booked or else the reason.
    fn told(&self, bill: &[u8], tariff: &str, more: &[&str]) -> (i32, String) {
        self.write("a.bill", bill);
        let tariff = format!("{tariff}.tariff");
        let (code, answer) = self.json(&[&["verify", "a.bill", "--tariff", &tariff], more].concat());
        let word = answer["booked"].as_str().or(answer["reason"].as_str()).unwrap_or("?").to_owned();
        assert_eq!(answer["verdict"] == "valid", answer["booked"].is_string(), "{answer}");
        (code, word)
    }
}

fn no(code: &str) -> (i32, String) {
    (1, code.to_owned())
}

fn yes(word: &str) -> (i32, String) {
    (0, word.to_owned())
}
