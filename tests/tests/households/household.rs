//! One household in this process: the file meter seals, the store takes in, bills are made and verified.

use std::fs::File;
use std::path::Path;

use ed25519_dalek::SigningKey;
use gateway_core::Store;
use gateway_core::bill::{BillRefused, BillRequest, make};
use gateway_core::ingest::{Ingest, IngestError, pair};
use gateway_core::store::StoreKey;
use meter_emulator::load::read_csv;
use meter_emulator::{Course, Entropy, Faults, Intake, MeterError, SealingMeter};
use metrology::certificate::SealClass;
use metrology::label::{Interval, Register, RegisterCode, RegisterKind, Unit};
use protocol::certificate;
use protocol::inference::Reveals;
use protocol::money::Amount;
use protocol::tariff::{Provider, SignedTariff};
use protocol::time::Span;
use protocol::verify::{Origin, Policy, Registry, verify};
use rand_core::OsRng;
use tempfile::TempDir;

use crate::oracle::Lines;
use crate::terms::{Terms, code};

/// What became of a request for a bill.
#[derive(Debug)]
pub enum Outcome {
    /// Made and verified: fee, lines and slots.
    Billed(i64, Lines, usize),
    /// Time that the meter has no block for.
    Gap,
    /// Slots that were not measured: the register and how many.
    Incomplete(String, u64),
    /// The bound on what a bill may reveal.
    Hostile(Reveals),
    /// Anything else, which nothing in the matrix should bring about.
    Other(String),
}

/// A home with one meter.
pub struct Household {
    store: Store,
    registry: Registry,
    _folder: TempDir,
}

impl Household {
    /// Seals columns of a file and takes in every block.
    pub fn new(csv: &Path, registers: &[(&str, String)], interval: i64, years: i64) -> Self {
        let interval = Interval::from_seconds(u32::try_from(interval).unwrap()).unwrap();
        let columns: Vec<String> = registers.iter().map(|(_, column)| column.clone()).collect();
        let load = read_csv(File::open(csv).unwrap(), &columns, interval).unwrap().load;
        let load = load.shift_years(i32::try_from(years).unwrap()).unwrap();
        let intake = |(name, _): &(&str, String)| {
            let code = RegisterCode::new(code(name)).unwrap();
            let unit = Unit::new("Wh").unwrap();
            Intake { register: Register { code, unit, kind: RegisterKind::Cumulative, interval }, start: None }
        };
        let intakes = registers.iter().map(intake).collect();
        let (mut meter, pairing) =
            SealingMeter::new(&Entropy::System, None, SealClass::Certified, load.span().from).unwrap();
        let course = Course { load, intakes, faults: Faults::default(), rotations: Vec::new() };
        let outline = course.prepare(&mut meter).unwrap();
        let mut blocks = Vec::new();
        let sealed = course.run(&outline, &mut meter, &Entropy::System, |block| {
            blocks.push(block.bytes());
            Ok::<(), MeterError>(())
        });
        sealed.unwrap();

        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::create(&folder.path().join("home.db"), &StoreKey::from_bytes([7; 32])).unwrap();
        let stored = store.transaction(|store| {
            pair(store, &pairing, 0)?;
            let mut ingest = Ingest::new(store);
            for block in &blocks {
                ingest.block(block)?;
            }
            ingest.finish().map_err(IngestError::from)
        });
        stored.unwrap();
        let mut registry = Registry::default();
        registry.list(&certificate::read_file(&meter.certificate_file()).unwrap());
        Self { store, registry, _folder: folder }
    }

    /// Makes a bill, and verifies it as somebody who has the tariff and the meter's certificate only.
    pub fn bill(&self, tariff: &SignedTariff, period: Span) -> Outcome {
        let request =
            BillRequest { period, meter: None, allow_incomplete: false, nonce: None, corrects: None, totals: false };
        let bill = match make(&self.store, tariff, &request, &mut OsRng) {
            Ok(bill) => bill,
            Err(BillRefused::Gap { .. }) => return Outcome::Gap,
            Err(BillRefused::Incomplete { register, missing }) => {
                return Outcome::Incomplete(register.to_string(), u64::from(missing));
            }
            Err(BillRefused::Reveals(hostile)) => return Outcome::Hostile(hostile),
            Err(other) => return Outcome::Other(other.to_string()),
        };
        let made = (bill.settlement.fee_minor, lines(&bill.settlement.lines), bill.slots);
        let verified = match verify(&bill.package, tariff, &self.registry, &Policy::default()) {
            Ok(verified) => verified,
            Err(refusal) => return Outcome::Other(format!("made, but refused by the verifier: {refusal}")),
        };
        let settled = &verified.settlement;
        let slots = usize::try_from(verified.slots).unwrap();
        if (settled.fee_minor, lines(&settled.lines), slots) != made
            || verified.statement.fee_minor != made.0
            || verified.origin != Origin::Attested
        {
            return Outcome::Other("the verifier sees another bill than the household".into());
        }
        Outcome::Billed(made.0, made.1, made.2)
    }
}

fn lines(settled: &[protocol::bill::SettledLine]) -> Lines {
    let parts = |amount: Amount| amount.parts();
    settled.iter().map(|line| (line.name.clone(), parts(line.amount).0, parts(line.amount).1)).collect()
}

/// The provider of every tariff here.
fn provider() -> (SigningKey, Provider) {
    let key = SigningKey::from_bytes(&[42; 32]);
    let provider = Provider { name: "Fern Energy".into(), key: key.verifying_key().to_bytes() };
    (key, provider)
}

/// Compiles and signs a tariff, and reads it as a household does. The desk's refusal is given back.
pub fn publish(terms: &Terms, zone: &str, from: &str, until: &str) -> Result<SignedTariff, String> {
    let (key, provider) = provider();
    let source = terms.toml(zone, from, until);
    let mut load = |name: &str| std::fs::read(name);
    let tariff = provider::desk::compile(&source, &mut load, &provider).map_err(|e| e.to_string())?;
    Ok(SignedTariff::read(&tariff.sign(&key).unwrap()).unwrap())
}
