//! A home whose bills are proved: what the emulated meter sealed, a store that took it in, and circuits for trying out.
//!
//! ```text
//! Load ─► SealingMeter ─► blocks ─► Store ─► make_proved ─► package ─► verify_proved with the registry alone
//! ```
//!
//! Circuits are made once for all tests and kept under the target directory. A circuit that changed is made anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use gateway_core::Store;
use gateway_core::bill::proved::{Before, ProvedBill, Prover, layout_of, make_proved};
use gateway_core::bill::{BillRefused, BillRequest};
use gateway_core::circuits::CircuitFolder;
use gateway_core::ingest::{Ingest, IngestError, learn, pair};
use gateway_core::prove::ProvingKey;
use gateway_core::store::StoreKey;
use meter_emulator::{Course, Entropy, Faults, Intake, Load, MeterError, SealingMeter, Series};
use metrology::certificate::SealClass;
use metrology::label::{Interval, Register, RegisterKind};
use protocol::certificate;
use protocol::circuit::{CircuitKey, Profile, choose};
use protocol::tariff::{SignedTariff, TariffRegister};
use protocol::time::Span;
use protocol::verify::proved::{Circuits, verify_proved};
use protocol::verify::{Origin, Policy, Registry};
use rand_core::OsRng;
use tempfile::TempDir;

/// A circuit with everything that a prover and a verifier need of it.
pub struct Ready {
    pub key: ProvingKey,
    pub circuit: CircuitKey,
    pub circuits: Circuits,
}

/// Where circuits are kept between runs.
pub fn folder() -> CircuitFolder {
    CircuitFolder::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/circuits"))
}

/// A circuit for trying out: made by whichever test needs it first.
pub fn ready(profile: Profile) -> Arc<Ready> {
    static READY: OnceLock<Mutex<HashMap<&'static str, Arc<Ready>>>> = OnceLock::new();
    let mut all = READY.get_or_init(Mutex::default).lock().unwrap();
    let found = all.entry(profile.name).or_insert_with(|| {
        let checked = folder().trial(profile, &mut OsRng, &|_, _| ()).unwrap();
        let (key, circuit) = folder().load(&profile, &checked.pin).unwrap();
        Arc::new(Ready { key, circuits: Circuits::new([circuit.clone()]), circuit })
    });
    Arc::clone(found)
}

/// A load of whole units, one series for each register; `None` was not measured.
pub fn load(interval: u64, from: u64, series: Vec<Vec<Option<u16>>>) -> Load {
    let interval = Interval::from_seconds(u32::try_from(interval).unwrap()).unwrap();
    let series = series.into_iter().map(|readings| Series {
        name: "readings".into(),
        amounts: readings.into_iter().map(|reading| reading.map(|units| u32::from(units) * 10_000)).collect(),
    });
    Load::new(interval, from / interval.seconds(), series.collect()).unwrap()
}

/// A request for a complete bill.
pub fn request(period: Span) -> BillRequest {
    BillRequest { period, meter: None, allow_incomplete: false, nonce: None, corrects: None, totals: false }
}

/// A home with its meters.
pub struct Home {
    pub store: Store,
    pub registry: Registry,
    _folder: TempDir,
}

impl Home {
    /// A home whose one meter has these registers.
    pub fn new(load: Load, registers: &[TariffRegister]) -> Self {
        Self::of(vec![(load, Faults::default(), Vec::new())], registers)
    }

    /// A home whose meters followed each other, each with faults and changes of epoch.
    pub fn of(meters: Vec<(Load, Faults, Vec<u64>)>, registers: &[TariffRegister]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::create(&folder.path().join("home.db"), &StoreKey::from_bytes([7; 32])).unwrap();
        let mut registry = Registry::default();
        for (load, faults, rotations) in meters {
            let interval = load.interval();
            let intakes = registers.iter().map(|register| {
                let (code, unit, kind) = (register.code, register.unit, RegisterKind::Cumulative);
                Intake { register: Register { code, unit, kind, interval }, start: None }
            });
            let intakes = intakes.collect();
            let (mut meter, pairing) =
                SealingMeter::new(&Entropy::System, None, SealClass::Certified, load.span().from).unwrap();
            let course = Course { load, intakes, faults, rotations };
            let outline = course.prepare(&mut meter).unwrap();
            let mut blocks = Vec::new();
            let sealed = course.run(&outline, &mut meter, &Entropy::System, |block| {
                blocks.push(block.bytes());
                Ok::<(), MeterError>(())
            });
            sealed.unwrap();
            let certificates = certificate::read_file(&meter.certificate_file()).unwrap();
            let stored = store.transaction(|store| {
                pair(store, &pairing, 0)?;
                learn(store, &certificates)?;
                let mut ingest = Ingest::new(store);
                for block in &blocks {
                    ingest.block(block)?;
                }
                ingest.finish().map_err(IngestError::from)
            });
            stored.unwrap();
            registry.list(&certificates);
        }
        Self { store, registry, _folder: folder }
    }

    /// The circuit that holds a tariff over a period.
    pub fn circuit(&self, tariff: &SignedTariff, request: &BillRequest) -> Arc<Ready> {
        let layout = layout_of(&self.store, tariff, request).unwrap();
        let chosen = choose(&tariff.tariff, &request.period, &layout);
        let (profile, _) = chosen.unwrap_or_else(|error| panic!("{}: {error}", tariff.tariff.id));
        ready(profile)
    }

    /// Proves a bill in a circuit.
    pub fn make(
        &self,
        tariff: &SignedTariff,
        request: &BillRequest,
        ready: &Ready,
        before: Option<&Before>,
    ) -> Result<ProvedBill, BillRefused> {
        let prover = Prover { key: &ready.key, circuit: &ready.circuit };
        make_proved(&self.store, tariff, request, prover, before, &mut OsRng, &mut |_| true)
    }

    /// Proves a bill and verifies it as somebody who has the tariff, the circuit and the meters' certificates alone.
    pub fn prove(&self, tariff: &SignedTariff, request: &BillRequest, before: Option<&Before>) -> ProvedBill {
        let ready = self.circuit(tariff, request);
        let bill = self.make(tariff, request, &ready, before);
        let bill = bill.unwrap_or_else(|error| panic!("{}: {error}", tariff.tariff.id));
        let policy = Policy { allow_incomplete: request.allow_incomplete, ..Policy::default() };
        let verified = verify_proved(&bill.package, tariff, &ready.circuits, &self.registry, &policy).unwrap();
        assert_eq!(verified.statement, bill.statement);
        assert_eq!((verified.origin, verified.digest), (Origin::Attested, bill.digest));
        bill
    }
}

/// What the next bill goes on from.
pub fn after(bill: &ProvedBill) -> Before {
    Before { state: bill.after.clone(), bill: bill.digest }
}
