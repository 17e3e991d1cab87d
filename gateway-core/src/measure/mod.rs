//! What this device can do: a month proved and verified with parameters made for trying out, and a year taken in.
//!
//! ```text
//! profile ─► trial parameters (folder) ─► ProvingKey ─► a month's witness ─► proofs ─► verification
//! a year's readings ─► sealed blocks ─► a new encrypted store
//! ```
//!
//! The clock is the caller's. Readings and tariff are made up; a tariff uses every unit that the circuit has.

mod month;
mod year;

use std::fs;
use std::time::Duration;

use protocol::circuit::{Profile, WitnessError};
use protocol::machine::RunError;
use rand_core::{CryptoRng, RngCore};

pub use month::{Load, month, program};
pub use year::{Year, import_year};

use crate::circuits::{CircuitError, CircuitFolder, read};
use crate::ingest::IngestError;
use crate::prove::{ProveError, Step};

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// Parameters could not be made or read.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// The made-up month does not fit the circuit.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The made-up tariff does not fit the circuit.
    #[error(transparent)]
    Program(#[from] RunError),
    /// No proof, or somebody asked for it to stop.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The made-up year could not be stored.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The folder of the store cannot be read.
    #[error("the folder of the store that was measured cannot be read: {0}")]
    Folder(#[source] std::io::Error),
    /// What was made here was not accepted here: this device computes wrongly.
    #[error("this device does not accept what it made itself; its memory or processor is faulty")]
    Wrong,
}

/// A step of the measurement, for showing how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Parameters are being made: so many of so many points. This is not interrupted; it takes a minute.
    Parameters(usize, usize),
    /// The key is being read.
    Key,
    /// A proof, the first being 1, and its step.
    Proof(u32, Step),
    /// The proofs are being verified.
    Verification,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Readings of the month, empty blocks included.
    pub readings: usize,
    /// Length of the file of parameters.
    pub file_bytes: u64,
    /// Reading the pinned parameters and preparing the key.
    pub load: Duration,
    /// Each proof, from readings to its 192 bytes.
    pub proofs: Vec<Duration>,
    /// Folding the tariff into the verifying key, once for all homes.
    pub fold: Duration,
    /// Each verification.
    pub verifications: Vec<Duration>,
    /// The most memory while the key was read and proofs were made and verified; `None` where the system does not tell.
    pub peak_bytes: Option<u64>,
}

/// Proves a made-up month so many times and verifies each proof. `clock` tells the time since any moment; `watch` is told of
/// each step and says whether to go on.
///
/// # Errors
/// When parameters cannot be made or kept in the folder, when `watch` says no, or when this device computes wrongly.
pub fn prove_month(
    folder: &CircuitFolder,
    profile: Profile,
    turns: u32,
    rng: &mut (impl RngCore + CryptoRng),
    clock: &dyn Fn() -> Duration,
    watch: &(dyn Fn(Stage) -> bool + Sync),
) -> Result<Measured, MeasureError> {
    let go_on = |stage| if watch(stage) { Ok(()) } else { Err(ProveError::Stopped) };
    let checked = folder.trial(profile, rng, &|done, all| {
        watch(Stage::Parameters(done, all));
    })?;
    go_on(Stage::Key)?;
    let file_bytes = u64::try_from(read(&folder.path(&profile, &checked.pin))?.len()).unwrap_or(u64::MAX);
    let told = forget_peak();
    let since = |start: Duration| clock().saturating_sub(start);

    let start = clock();
    let (key, circuit) = folder.load(&profile, &checked.pin)?;
    let load = since(start);
    let (mut proofs, mut made) = (Vec::new(), Vec::new());
    let tariff = program(profile.shape);
    for turn in 1..=turns {
        let start = clock();
        let witness = month(&tariff, Load::Typical)?;
        let proof = key.prove(&witness, rng, &mut |step| watch(Stage::Proof(turn, step)))?;
        proofs.push(since(start));
        made.push((witness.publics, proof));
    }
    go_on(Stage::Verification)?;
    let start = clock();
    let folded = circuit.key.fold(4 + profile.shape.blocks, &tariff.numbers()?).ok_or(MeasureError::Wrong)?;
    let fold = since(start);
    let mut verifications = Vec::new();
    for (publics, proof) in &made {
        let start = clock();
        if !folded.verify(publics, proof) {
            return Err(MeasureError::Wrong);
        }
        verifications.push(since(start));
    }
    let peak_bytes = if told { peak() } else { None };
    Ok(Measured { readings: profile.shape.readings(), file_bytes, load, proofs, fold, verifications, peak_bytes })
}

/// Has the system count this process's most memory from now on.
fn forget_peak() -> bool {
    fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// The most memory that this process has held (VmHWM).
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?;
    kilobytes.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use protocol::circuit::CATALOGUE;
    use rand_core::OsRng;

    use super::*;

    #[test]
    fn every_circuit_has_a_month_for_every_load() {
        for profile in CATALOGUE {
            let tariff = program(profile.shape);
            for load in [Load::None, Load::Typical, Load::Greatest] {
                assert!(month(&tariff, load).is_ok(), "{} {load:?}", profile.name);
            }
        }
    }

    #[test]
    fn a_month_is_measured_and_can_be_stopped() {
        let directory = tempfile::tempdir().unwrap();
        let folder = CircuitFolder::new(directory.path());
        let profile = Profile::named("energy-60").unwrap();
        let ticks = AtomicU64::new(0);
        let clock = || Duration::from_millis(ticks.fetch_add(1, Ordering::Relaxed));
        let measured = prove_month(&folder, profile, 2, &mut OsRng, &clock, &|_| true).unwrap();
        assert_eq!((measured.readings, measured.proofs.len(), measured.verifications.len()), (24 * 36, 2, 2));
        // The clock moves by one each time that it is asked.
        assert!(measured.proofs.iter().chain([&measured.load, &measured.fold]).all(|t| *t == Duration::from_millis(1)));
        assert!(measured.peak_bytes.is_none_or(|peak| peak > measured.file_bytes));
        let stop = |stage| !matches!(stage, Stage::Proof(1, Step::Quotient));
        let stopped = prove_month(&folder, profile, 2, &mut OsRng, &clock, &stop);
        assert!(matches!(stopped, Err(MeasureError::Prove(ProveError::Stopped))));
    }
}
