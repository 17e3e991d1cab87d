//! A provider's desk with the real command, and houses whose meters and bills are real.

use std::path::PathBuf;
use std::process::{Command, Output};

use ed25519_dalek::SigningKey;
use gateway_core::bill::{self, BillRequest};
use gateway_core::{Store, StoreKey, ingest};
use meter_emulator::{Block, Entropy, FileMeter, MeterSeed};
use metrology::certificate::SealClass;
use metrology::keys::Hash;
use metrology::label::{Interval, Register, RegisterCode, RegisterKind, Status, Text};
use metrology::seal::Sample;
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use rand_core::OsRng;
use serde_json::Value;

/// 28 February 2026, UTC: the first sealed day.
pub const START: u64 = 1_772_236_800;
/// Days sealed.
pub const DAYS: u64 = 26;
pub const HOUR: u64 = 3600;
pub const DAY: u64 = 24 * HOUR;

/// Local midnight of a day of March 2026 in Amsterdam, before the clocks change.
pub fn march(day: u64) -> u64 {
    START + day * DAY - HOUR
}

/// Days of March, half-open.
pub fn days(from: u64, until: u64) -> Span {
    Span { from: march(from), until: march(until) }
}

pub fn code(text: &str) -> RegisterCode {
    Text::new(text).unwrap()
}

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
    pub fn add(&self, meter: &FileMeter, more: &[&str]) -> (i32, Value) {
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

/// A household: its store and its meters.
pub struct House {
    pub meters: Vec<FileMeter>,
    store: Store,
    _folder: tempfile::TempDir,
}

pub fn entropy(seed: u8) -> Entropy {
    Entropy::Seeded(MeterSeed::from_bytes([seed; 32]))
}

impl House {
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&folder.path().join("store.db"), &StoreKey::from_bytes([1; 32])).unwrap();
        Self { meters: Vec::new(), store, _folder: folder }
    }

    /// A house with one meter over all days. The same seed is the same meter; another load makes it contradict itself.
    pub fn new(seed: u8, load: u64) -> Self {
        let mut house = Self::empty();
        house.install(seed, load, 0..DAYS, None, None);
        house
    }

    /// A meter that seals some days, with a new epoch from a second on, or with one unmeasured hour.
    pub fn install(
        &mut self,
        seed: u8,
        load: u64,
        days: std::ops::Range<u64>,
        rotation: Option<u64>,
        missing: Option<u64>,
    ) {
        let from = START + days.start * DAY;
        let (mut meter, pairing) = FileMeter::new(&entropy(seed), None, SealClass::Certified, from).unwrap();
        let registers = ["1-0:1.8.0", "1-0:2.8.0"].map(code);
        for code in registers {
            let unit = Text::new("Wh").unwrap();
            let register = Register { code, unit, kind: RegisterKind::Cumulative, interval: Interval::HOUR };
            meter.add_register(register, 0).unwrap();
        }
        let mut blocks: Vec<Block> = Vec::new();
        for second in (from..START + days.end * DAY).step_by(usize::try_from(HOUR).unwrap()) {
            if rotation == Some(second) {
                blocks.extend(meter.rotate(&entropy(seed), second).unwrap());
            }
            for code in &registers {
                let status = if missing == Some(second) { Status::Missing } else { Status::Measured };
                let amount = if status == Status::Missing { 0 } else { load + second / HOUR % 7 };
                let sample = Sample { advance: u32::try_from(amount * 10_000).unwrap(), status };
                blocks.extend(meter.record(code, second / HOUR, sample).unwrap());
            }
        }
        ingest::pair(&self.store, &pairing, 0).unwrap();
        ingest::learn(&self.store, meter.certificates()).unwrap();
        let mut arrivals = ingest::Ingest::new(&self.store);
        for block in blocks {
            arrivals.block(&block.bytes()).unwrap();
        }
        arrivals.finish().unwrap();
        self.meters.push(meter);
    }

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

/// The key that signs the first epoch of the meter of a seed.
pub fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&entropy(seed).draw::<32>("epoch", 0).unwrap())
}
