//! What proves bills in tests: one circuit for trying out, made once for all test processes.

use std::fs;
use std::path::{Path, PathBuf};

use gateway_core::Store;
use gateway_core::bill::BillRequest;
use gateway_core::bill::proved::{self, Before};
use gateway_core::circuits::CircuitFolder;
use gateway_core::prove::ProvingKey;
use metrology::keys::Hash;
use protocol::circuit::{CircuitKey, Profile};
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use rand_core::OsRng;

/// A circuit with its proving key.
pub struct Prover {
    pub key: ProvingKey,
    pub circuit: CircuitKey,
    /// The proving parameters, in the shared folder.
    pub parameters: PathBuf,
}

/// A finished bill, and where the next one goes on from.
pub struct Made {
    pub bill: Vec<u8>,
    pub digest: Hash,
    pub after: Before,
}

/// The folder that all test processes share.
pub fn shared() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("circuits")
}

impl Prover {
    pub fn new() -> Self {
        let (folder, profile) = (CircuitFolder::new(shared()), Profile::named("energy-60").unwrap());
        let checked = folder.trial(profile, &mut OsRng, &|_, _| ()).unwrap();
        let (key, circuit) = folder.load(&profile, &checked.pin).unwrap();
        Self { key, circuit, parameters: folder.path(&profile, &checked.pin) }
    }

    /// Puts the circuit where the provider has its own.
    pub fn install(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        let _ = fs::remove_file(folder.join("energy-60.proving"));
        fs::hard_link(&self.parameters, folder.join("energy-60.proving")).unwrap_or_else(|_| {
            fs::copy(&self.parameters, folder.join("energy-60.proving")).unwrap();
        });
        fs::write(folder.join("energy-60.circuit"), self.circuit.write()).unwrap();
    }

    pub fn bill(
        &self,
        store: &Store,
        tariff: &SignedTariff,
        period: Span,
        before: Option<&Before>,
        corrects: Option<Hash>,
    ) -> Made {
        let request = BillRequest { period, meter: None, allow_incomplete: true, nonce: None, corrects, totals: false };
        let prover = proved::Prover { key: &self.key, circuit: &self.circuit };
        let made = proved::make_proved(store, tariff, &request, prover, before, &mut OsRng, &mut |_| true).unwrap();
        Made { bill: made.package, digest: made.digest, after: Before { state: made.after, bill: made.digest } }
    }
}
