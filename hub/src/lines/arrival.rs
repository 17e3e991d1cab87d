//! What came over a line goes into the store: one transaction for many blocks.

use gateway_core::Store;
use gateway_core::ingest::{self, Arrival, Ingest, IngestError};
use gateway_core::store::StoreError;
use protocol::certificate::VerifiedCertificate;
use protocol::metrology::keys::Hash;

use crate::commands::now;

/// Newest refusals among which a repeated one is not noted again.
const REPEATS: u32 = 32;

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Blocks that are durable now and were not before.
    pub stored: u64,
    /// What was discarded: short name and reason, once for each reason.
    pub refused: Vec<(&'static str, String)>,
    /// Whether a block rests on a certificate that is not known here yet.
    pub unknown_epoch: bool,
}

/// Verifies and stores blocks.
///
/// # Errors
/// When the store fails; nothing of the batch is stored then, and the meter still has it.
pub fn take(store: &mut Store, blocks: &[Vec<u8>]) -> Result<Taken, StoreError> {
    store.transaction(|store| {
        let mut taken = Taken::default();
        let mut run = Ingest::new(store);
        for block in blocks {
            match run.block(block) {
                Ok(Arrival::Stored) => taken.stored += 1,
                Ok(Arrival::Known) => {}
                Err(IngestError::Refused(ingest::Refused::UnknownEpoch)) => taken.unknown_epoch = true,
                Err(IngestError::Refused(reason)) => {
                    let entry = (reason.code(), reason.to_string());
                    if !taken.refused.contains(&entry) {
                        taken.refused.push(entry);
                    }
                }
                Err(IngestError::Store(error)) => return Err(error),
            }
        }
        // A meter that keeps sending the same wrong thing does not fill the disk with its refusals.
        let lately = store.events(REPEATS)?;
        for (code, message) in &taken.refused {
            if !lately.iter().any(|(_, c, m)| c == code && m == message) {
                store.note(now(), code, message)?;
            }
        }
        run.finish()?;
        Ok(taken)
    })
}

/// What the store knows of the meter on a line.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Its row; none when this home was never paired with it.
    pub meter: Option<i64>,
    /// Its certificates, oldest first.
    pub certificates: Vec<VerifiedCertificate>,
    /// Numbers of this home's pairings with it.
    pub pairings: Vec<u32>,
    /// The pairing that it seals for now, when it is one of this home's.
    pub current: Option<protocol::pairing::Pairing>,
}

/// Looks up a meter by its key for life, and which of this home's pairings it seals for. A pairing whose answer was lost
/// is completed here when the meter turns out to have taken it.
///
/// # Errors
/// When the store fails, or what is stored contradicts the meter.
pub fn look_up(
    store: &mut Store,
    line: i64,
    identity: &[u8; 32],
    pairing: u32,
    household: &Hash,
) -> Result<Known, IngestError> {
    store.transaction(|store| {
        if let Some(handshake) = store.handshake(line)? {
            let same_meter =
                handshake.certificates.first().is_some_and(|first| first.certificate.identity_key == *identity);
            if same_meter && handshake.counter == pairing && handshake.household() == *household {
                ingest::pair(store, &handshake, now())?;
                store.end_handshake(line)?;
            }
        }
        let Some(row) = store.meter(identity)? else { return Ok(Known::default()) };
        store.set_line_meter(line, row.id)?;
        let current = store.pairing(row.id, pairing)?.map(|row| row.pairing).filter(|p| p.household() == *household);
        Ok(Known {
            meter: Some(row.id),
            certificates: store.certificates(row.id)?.into_iter().map(|(_, c)| c).collect(),
            pairings: store.pairing_counters(row.id)?,
            current,
        })
    })
}
