//! A provider's desk with the real command, and houses whose meters and bills are real.

#[path = "house.rs"]
mod house;

pub use house::*;

use std::path::PathBuf;
use std::process::{Command, Output};

use gateway_core::bill::{self, BillRequest};
use meter_emulator::SealingMeter;
use metrology::keys::Hash;
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use rand_core::OsRng;
use serde_json::Value;

pub struct Desk(tempfile::TempDir);

impl Desk {
    /// A provider with a tariff for import (`import.tariff`) and one for export (`export.tariff`).
    pub fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        assert_eq!(desk.run(&["init", "--name", "Fern Energy"]).0, 0);
        for (name, register, price) in [("import", "1-0:1.8.0", "0.30"), ("export", "1-0:2.8.0", "-0.07")] {
            let source = format!(
                "format = 1\nid = \"{name}\"\nname = \"{name}\"\ncurrency = \"EUR\"\nzone = \"Europe/Amsterdam\"\n\
                 valid = {{ from = \"2026-03-01\", to = \"2026-04-01\" }}\n[registers.one]\ncode = \"{register}\"\n\
                 unit = \"Wh\"\n[[line]]\nname = \"Energy\"\nkind = \"energy\"\nprice = \"{price} EUR/kWh\"\n"
            );
            desk.write(&format!("{name}.toml"), source.as_bytes());
            let out = desk.run(&["tariff", "compile", &format!("{name}.toml"), "--out", &format!("{name}.tariff")]);
            assert_eq!(out.0, 0, "{out:?}");
        }
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wattseal-provider"));
        let command = command.args(["--home", "home"]).args(args).current_dir(self.0.path());
        let Output { status, stdout, stderr } = command.output().unwrap();
        (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }

    pub fn json(&self, args: &[&str]) -> (i32, Value) {
        let (code, out, err) = self.run(&[args, &["--json"]].concat());
        assert_eq!(err, "", "{args:?}");
        (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{args:?}: {out}")))
    }

    pub fn tariff(&self, name: &str) -> SignedTariff {
        SignedTariff::read(&self.read(name)).unwrap()
    }

    /// Lists a house's first meter and returns the exit code and the answer.
    pub fn add(&self, meter: &SealingMeter, more: &[&str]) -> (i32, Value) {
        self.write("meter.cert", &meter.certificate_file());
        self.json(&[&["meter", "add", "meter.cert"], more].concat())
    }

    /// Verifies bytes as a bill for import: exit code and answer.
    pub fn verify(&self, bill: &[u8], more: &[&str]) -> (i32, Value) {
        self.write("a.bill", bill);
        self.json(&[&["verify", "a.bill", "--tariff", "import.tariff"], more].concat())
    }

    /// Verifies and returns the exit code with what was booked, or else the reason.
    pub fn outcome(&self, bill: &[u8], more: &[&str]) -> (i32, String) {
        let (code, answer) = self.verify(bill, more);
        let word = answer["booked"].as_str().or(answer["reason"].as_str()).unwrap_or("?").to_owned();
        assert_eq!(answer["booked"].is_null(), answer["reason"].is_string(), "{answer}");
        assert_eq!(answer["verdict"] == "valid", answer["booked"].is_string(), "{answer}");
        (code, word)
    }
}

impl House {
    /// A bill for import.
    pub fn bill(&self, desk: &Desk, period: Span) -> Vec<u8> {
        self.make(desk, "import", period, None, None).0
    }

    /// A bill and its digest.
    pub fn make(
        &self,
        desk: &Desk,
        tariff: &str,
        period: Span,
        nonce: Option<[u8; 16]>,
        corrects: Option<Hash>,
    ) -> (Vec<u8>, Hash) {
        let request = BillRequest { period, meter: None, allow_incomplete: true, nonce, corrects, totals: false };
        let tariff = desk.tariff(&format!("{tariff}.tariff"));
        let bill = bill::make(&self.store, &tariff, &request, &mut OsRng).unwrap();
        (bill.package, bill.digest)
    }
}
