//! A year of quarter-hours, sealed here as a meter would, taken in by a store that is then thrown away.

use std::path::Path;
use std::time::Duration;

use protocol::metrology::certificate::SealClass;
use protocol::metrology::label::{Interval, MeterId, Register, RegisterCode, RegisterKind, Status, Unit};
use protocol::metrology::seal::Sample;
use protocol::pairing::Pairing;
use rand_core::{CryptoRng, RngCore};
use sealer::{Block, Entropy, MeterSeed, SealingMeter};

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
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    let entropy = Entropy::Seeded(MeterSeed::from_bytes(seed));
    let (mut meter, pairing) =
        SealingMeter::new(&entropy, MeterId::new("MEASURED"), SealClass::SelfSealed, FIRST).ok()?;
    let code = RegisterCode::new("1-0:1.8.0")?;
    let (unit, kind, interval) = (Unit::new("Wh")?, RegisterKind::Cumulative, Interval::QUARTER);
    meter.add_register(Register { code, unit, kind, interval }, 0).ok()?;
    let first = FIRST / interval.seconds();
    let slots = first..first + DAYS * interval.slots_per_day();
    // Between 20 and 820 Wh, without a pattern.
    let amount = |slot: u64| u32::try_from(20 + (slot.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 800).unwrap_or(20);
    let samples = slots.map(|slot| Sample { advance: amount(slot) * 10_000, status: Status::Measured });
    let blocks = meter.seal(&code, first, samples).ok()?;
    Some((pairing, blocks.iter().map(Block::bytes).collect()))
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
