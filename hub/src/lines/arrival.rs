//! What came over a line goes into the store: one transaction for many blocks.

use gateway_core::Store;
use gateway_core::ingest::{self, Arrival, Ingest, IngestError};
use gateway_core::store::{HandshakeRow, StoreError};
use protocol::block::{BlockFile, DayHeader};
use protocol::certificate::VerifiedCertificate;
use protocol::line::{BlockName, Run};
use protocol::metrology::keys::Hash;
use protocol::pairing::Pairing;
use protocol::wire::Signed;

use crate::commands::now;

/// Newest refusals among which a repeated one is not noted again.
const REPEATS: u32 = 32;

/// What became of a batch.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// Blocks that are durable now and were not before.
    pub stored: u64,
    /// What was discarded: short name and reason, once for each reason.
    pub refused: Vec<(&'static str, String)>,
    /// Blocks that will be refused however often they come.
    pub lasting: Vec<BlockName>,
    /// Whether a block rests on a certificate that is not known here yet.
    pub unknown_epoch: bool,
    /// Pairings that the blocks have put in force.
    pub completed: Vec<HandshakeRow>,
}

/// Verifies and stores blocks. `shown` are the certificates that the line has shown.
///
/// # Errors
/// When the store fails; nothing of the batch is stored then, and the meter still has it.
pub fn take(store: &mut Store, blocks: &[Vec<u8>], shown: &[VerifiedCertificate]) -> Result<Taken, StoreError> {
    store.transaction(|store| {
        let mut taken = Taken::default();
        let mut run = Ingest::new(store).with_shown(shown);
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
                    if reason.is_lasting() {
                        taken.lasting.extend(name_of(block));
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
        taken.completed = run.completed().to_vec();
        run.finish()?;
        Ok(taken)
    })
}

/// The register and number that a block claims.
pub fn name_of(bytes: &[u8]) -> Option<BlockName> {
    let file = BlockFile::read(bytes).ok()?;
    let header = DayHeader::read(Signed::read(&file.message, "day block").ok()?.payload).ok()?;
    Some(BlockName { register: header.register.code, block: header.block })
}

/// What the store knows of the meter on a line.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Its row; none when no pairing of this home with it is in force.
    pub meter: Option<i64>,
    /// Its certificates, oldest first.
    pub certificates: Vec<VerifiedCertificate>,
    /// Numbers of this home's pairings with it.
    pub pairings: Vec<u32>,
    /// The pairing that it says it seals for, when that is one of this home's.
    pub current: Option<Pairing>,
    /// Pairings that wait for it to show that it took them, newest first.
    pub waiting: Vec<HandshakeRow>,
}

impl Known {
    /// Whether the meter may hold blocks that this home can read.
    pub fn is_ours(&self) -> bool {
        self.meter.is_some() || !self.waiting.is_empty()
    }

    /// What is worth asking for of these runs: all that was sealed for a pairing in force, and one block of each run that
    /// may have been sealed for a waiting one. That block decides; it may as well be another household's.
    pub fn worth(&self, runs: &[Run]) -> Vec<Run> {
        let waits = |counter| self.waiting.iter().any(|row| row.pairing.counter == counter);
        let worth = runs.iter().filter_map(|run| match run.pairing {
            counter if self.pairings.contains(&counter) => Some(*run),
            counter if waits(counter) => Some(Run { last: run.first, ..*run }),
            _ => None,
        });
        worth.collect()
    }

    /// The waiting pairing that the meter says it seals for.
    pub fn waiting_for(&self, counter: u32, household: &Hash) -> Option<&HandshakeRow> {
        self.waiting.iter().find(|row| row.pairing.counter == counter && row.pairing.household() == *household)
    }
}

/// Looks up a meter by its key for life, and which of this home's pairings it says it seals for. Nothing is put in force
/// by what it says.
///
/// # Errors
/// When the store fails.
pub fn look_up(
    store: &mut Store,
    line: i64,
    identity: &[u8; 32],
    pairing: u32,
    household: &Hash,
) -> Result<Known, StoreError> {
    store.transaction(|store| {
        let waiting = store.handshakes(identity)?;
        let Some(row) = store.meter(identity)? else { return Ok(Known { waiting, ..Known::default() }) };
        store.set_line_meter(line, row.id)?;
        let current = store.pairing(row.id, pairing)?.map(|row| row.pairing).filter(|p| p.household() == *household);
        Ok(Known {
            meter: Some(row.id),
            certificates: store.certificates(row.id)?.into_iter().map(|(_, c)| c).collect(),
            pairings: store.pairing_counters(row.id)?,
            current,
            waiting,
        })
    })
}

/// Puts a pairing in force that the meter has shown to hold: all of it or nothing.
///
/// # Errors
/// When it contradicts what is stored, or the store fails.
pub fn complete(
    store: &mut Store,
    handshake: &HandshakeRow,
    shown: &[VerifiedCertificate],
) -> Result<Arrival, IngestError> {
    store.transaction(|store| ingest::complete(store, handshake, shown))
}
