//! A year of quarter-hours, sealed here as a meter would, taken in by a store that is then thrown away.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use protocol::block::BlockFile;
use protocol::certificate::VerifiedCertificate;
use protocol::metrology::certificate::{Certificate, SealClass};
use protocol::metrology::cose::public_key;
use protocol::metrology::keys::{AgreementKey, PairingCode, PairingContext, household_fingerprint, register_key};
use protocol::metrology::label::{
    Coverage, DAY_SECONDS, Interval, MeterId, Register, RegisterCode, RegisterKind, Status, Unit,
};
use protocol::metrology::seal::{ChainState, Epoch, Journal, Pairing as Paired, Sample, SealedBlock, Sealer};
use protocol::pairing::Pairing;
use protocol::wire;
use rand_core::{CryptoRng, RngCore};

use super::MeasureError;
use crate::ingest::{Ingest, IngestError, pair};
use crate::store::{Store, StoreKey};

/// 1 January 2026.
const FIRST: u64 = 1_767_225_600;
const DAYS: u64 = 365;
/// Blocks of one transaction, as the hub takes what comes over a line.
const BATCH: usize = 512;

/// A year taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Year {
    /// Readings of it.
    pub readings: u64,
    /// Sealing it, which a meter does day by day.
    pub sealed: Duration,
    /// Taking it in: signatures, chain, commitments and totals checked, stored encrypted.
    pub imported: Duration,
    /// What the store takes on the disk.
    pub bytes: u64,
}

/// What a meter writes into its own memory: nothing here, it does not outlive the measurement.
struct Nothing;

impl Journal for Nothing {
    type Error = Infallible;

    fn store(&mut self, _: &RegisterCode, _: &ChainState, _: &SealedBlock) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Seals a made-up year and takes it into a new store in `folder`, which should be empty. `clock` tells the time since
/// any moment.
///
/// # Errors
/// When the store cannot be written, or this device refuses what it sealed itself.
pub fn import_year(
    folder: &Path,
    rng: &mut (impl RngCore + CryptoRng),
    clock: &dyn Fn() -> Duration,
) -> Result<Year, MeasureError> {
    let start = clock();
    let (pairing, blocks) = sealed_year(rng).ok_or(MeasureError::Wrong)?;
    let sealed = clock().saturating_sub(start);

    let mut key = [0; 32];
    rng.fill_bytes(&mut key);
    let path = folder.join("year.db");
    let start = clock();
    let mut store = Store::create(&path, &StoreKey::from_bytes(key)).map_err(IngestError::from)?;
    pair(&store, &pairing, 0)?;
    for batch in blocks.chunks(BATCH) {
        store.transaction(|store| {
            let mut run = Ingest::new(store);
            for block in batch {
                run.block(block)?;
            }
            run.finish().map_err(IngestError::from)
        })?;
    }
    drop(store);
    let imported = clock().saturating_sub(start);
    let files = std::fs::read_dir(folder).map_err(MeasureError::Folder)?;
    let lengths = files.map(|file| file.and_then(|file| Ok(file.metadata()?.len())).map_err(MeasureError::Folder));
    let bytes = lengths.sum::<Result<u64, _>>()?;
    Ok(Year { readings: DAYS * Interval::QUARTER.slots_per_day(), sealed, imported, bytes })
}

/// The blocks of a year of quarter-hours, and the pairing that opens them.
fn sealed_year(rng: &mut (impl RngCore + CryptoRng)) -> Option<(Pairing, Vec<Vec<u8>>)> {
    let mut draw = || {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        bytes
    };
    let (identity, signing) = (SigningKey::from_bytes(&draw()), SigningKey::from_bytes(&draw()));
    let (agreement, household_key) = (AgreementKey::from_bytes(draw()), AgreementKey::from_bytes(draw()));
    let mut code = [0; 16];
    rng.fill_bytes(&mut code);
    let code = PairingCode::from_bytes(code);
    let certificate = Certificate {
        meter: MeterId::new("MEASURED")?,
        class: SealClass::SelfSealed,
        identity_key: public_key(&identity),
        epoch: 0,
        signing_key: public_key(&signing),
        agreement_key: agreement.public(),
        first: FIRST,
        previous: None,
        heads: &[],
    };
    let certificate = VerifiedCertificate::read(certificate.sign(&identity)?.as_slice()).ok()?;
    let household = household_fingerprint(&household_key.public());
    let context = PairingContext { certificate: &certificate.hash, counter: 1, household: &household };
    let register = Register {
        code: RegisterCode::new("1-0:1.8.0")?,
        unit: Unit::new("Wh")?,
        kind: RegisterKind::Cumulative,
        interval: Interval::QUARTER,
    };
    let day = u32::try_from(FIRST / DAY_SECONDS).ok()?;
    let key = register_key(&agreement, &household_key.public(), &code, &context, &register.code, day)?;
    let (coverage, previous) = (Coverage::default(), certificate.hash);
    let state = ChainState { coverage, next: None, block: 0, previous, total: 0, day, key };
    let epoch = Epoch { certificate: certificate.hash, number: 0, first: FIRST, signing };
    let mut sealer = Sealer::resume(register, &epoch, Paired { counter: 1, household }, state);

    let mut blocks = Vec::new();
    let first = FIRST / Interval::QUARTER.seconds();
    for slot in first..first + DAYS * Interval::QUARTER.slots_per_day() {
        // Between 20 and 820 Wh, without a pattern.
        let amount = u32::try_from(20 + (slot.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 800).ok()?;
        let sample = Sample { advance: amount * 10_000, status: Status::Measured };
        if sealer.record::<Infallible>(slot, sample).ok()? {
            let block = sealer.close(&epoch, &mut Nothing).ok()?;
            blocks.push(wire::encode(&BlockFile::new(
                block.message.as_slice(),
                block.commitments(),
                block.ciphertext(),
            )));
        }
    }
    Some((Pairing { counter: 1, household_key, code, certificates: vec![certificate] }, blocks))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use rand_core::OsRng;

    use super::*;

    #[test]
    fn a_year_is_taken_in_whole() {
        let directory = tempfile::tempdir().unwrap();
        let ticks = AtomicU64::new(0);
        let clock = || Duration::from_millis(ticks.fetch_add(1, Ordering::Relaxed));
        let year = import_year(directory.path(), &mut OsRng, &clock).unwrap();
        let tick = Duration::from_millis(1);
        assert_eq!((year.readings, year.sealed, year.imported), (35_040, tick, tick));
        // Two bytes a reading are the least there is to store.
        assert!(year.bytes > 2 * year.readings, "{} bytes", year.bytes);
        import_year(directory.path(), &mut OsRng, &clock).unwrap_err();
    }
}
