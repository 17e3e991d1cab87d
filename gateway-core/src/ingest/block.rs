//! Day blocks.

use std::collections::HashMap;

use protocol::block::{BlockFile, DayHeader};
use protocol::certificate::VerifiedCertificate;
use protocol::metrology::keys::{Hash, RegisterKey};
use protocol::metrology::label::DAY_SECONDS;
use protocol::wire::Signed;

use super::{Arrival, IngestError, Refused, complete};
use crate::store::{BlockRow, HandshakeRow, PairingRow, Store, StoreError};
use crate::unseal::unseal;

/// Days after an epoch's first that a block may lie, a hundred years, as far as a meter's sealer leaps: the key is
/// ratcheted through each of them, and a header can name any day.
const MOST_DAYS: u64 = 36_525;

/// Whether the store has room for a number: it keeps signed ones.
fn is_stored(number: u64) -> bool {
    i64::try_from(number).is_ok()
}

/// A run of arrivals over one store. Keeps what neighbouring blocks share.
pub struct Ingest<'s> {
    store: &'s Store,
    epochs: HashMap<Hash, (i64, i64, VerifiedCertificate)>,
    pairings: HashMap<(i64, u32), PairingRow>,
    ratchets: HashMap<(i64, i64, i64), (u32, RegisterKey)>,
    shown: Vec<VerifiedCertificate>,
    completed: Vec<HandshakeRow>,
}

impl<'s> Ingest<'s> {
    /// Starts a run.
    #[must_use]
    pub fn new(store: &'s Store) -> Self {
        Self {
            store,
            epochs: HashMap::new(),
            pairings: HashMap::new(),
            ratchets: HashMap::new(),
            shown: Vec::new(),
            completed: Vec::new(),
        }
    }

    /// Uses certificates that were shown beside the blocks and are not stored: those of a meter whose pairing is not in
    /// force yet.
    #[must_use]
    pub fn with_shown(mut self, certificates: &[VerifiedCertificate]) -> Self {
        self.shown = certificates.to_vec();
        self
    }

    /// Pairings that blocks of this run have put in force.
    #[must_use]
    pub fn completed(&self) -> &[HandshakeRow] {
        &self.completed
    }

    /// Verifies a block file and stores it. A block that names a pairing which waits for the meter's word is that word,
    /// and puts it in force first.
    ///
    /// # Errors
    /// [`IngestError::Refused`] with the reason; nothing of the block is stored then.
    pub fn block(&mut self, bytes: &[u8]) -> Result<Arrival, IngestError> {
        let file = BlockFile::read(bytes)?;
        let claimed = DayHeader::read(Signed::read(&file.message, "day block")?.payload)?;
        self.complete(&file, &claimed)?;
        let store = self.store;
        store.attempt(|| self.take(&file, &claimed))
    }

    fn complete(&mut self, file: &BlockFile, claimed: &DayHeader) -> Result<(), IngestError> {
        for handshake in self.store.handshakes_named(claimed.pairing, &claimed.household)? {
            let names = |entry: &&VerifiedCertificate| {
                entry.hash == claimed.certificate && entry.certificate.identity_key == handshake.identity
            };
            let stored = self.store.certificate(&claimed.certificate)?.map(|(_, _, entry)| entry);
            let bound = stored.iter().chain(&handshake.pairing.certificates).find(names);
            // Nothing is learnt from the line but what the block rests on.
            let (entry, shown) = match bound {
                Some(entry) => (Some(entry), &[][..]),
                None => (self.shown.iter().find(names), self.shown.as_slice()),
            };
            if entry.is_some_and(|entry| file.verify(&entry.certificate.signing_key).is_ok()) {
                self.store.attempt(|| complete(self.store, &handshake, shown))?;
                self.completed.push(handshake);
            }
        }
        Ok(())
    }

    fn take(&mut self, file: &BlockFile, claimed: &DayHeader) -> Result<Arrival, IngestError> {
        let (certificate, meter, entry) = self.epoch(&claimed.certificate)?;
        let block = file.verify(&entry.certificate.signing_key)?;
        let header = &block.header;
        let late = u64::from(header.day).saturating_sub(entry.certificate.first / DAY_SECONDS) > MOST_DAYS;
        if header.epoch != entry.certificate.epoch || header.span().from < entry.certificate.first || late {
            return Err(Refused::OutsideEpoch.into());
        }
        if !is_stored(header.block) {
            return Err(Refused::OutOfRange.into());
        }
        let (pairing, household) = {
            let row = self.pairing(meter, header.pairing)?;
            (row.id, row.pairing.household())
        };
        if household != header.household {
            return Err(Refused::OtherHousehold.into());
        }
        let register = self.store.register(meter, &header.register)?.ok_or(Refused::OtherUnit)?;
        if let Some(stored) = self.store.block(register, header.block)? {
            return if stored.hash == block.hash { Ok(Arrival::Known) } else { Err(Refused::Fork.into()) };
        }
        if self.store.is_covered(register, &header.span())? {
            return Err(Refused::Covered.into());
        }
        let place = (register, certificate, pairing);
        let key = self.day_key(&entry, place, meter, header)?;
        let seed = key.day_seed();
        let opened = unseal(&block, &file.ciphertext, &seed).map_err(Refused::from)?;
        if !is_stored(opened.before) || !is_stored(opened.after) {
            return Err(Refused::OutOfRange.into());
        }
        let row = BlockRow {
            register,
            hash: block.hash,
            header: block.header.clone(),
            payload: block.payload.clone(),
            signature: block.signature,
            seed: seed.clone(),
            readings: opened.readings,
            residual: opened.residual,
            before: opened.before,
            after: opened.after,
        };
        self.check_neighbours(register, certificate, &entry, &row)?;
        let seed = self.store.keep_seed(register, certificate, pairing, row.header.day, &seed)?;
        self.store.insert_block(register, certificate, seed, &row)?;
        // Only now: what was refused leaves no trace, here or in the store.
        if self.ratchets.get(&place).is_none_or(|(newest, _)| *newest < row.header.day) {
            self.ratchets.insert(place, (row.header.day, key));
        }
        Ok(Arrival::Stored)
    }

    /// Stores the newest ratchet keys. Call before the transaction ends.
    ///
    /// # Errors
    /// When the database fails.
    pub fn finish(self) -> Result<(), StoreError> {
        for ((register, certificate, pairing), (day, key)) in &self.ratchets {
            let newer = self.store.ratchet(*register, *certificate, *pairing)?.is_none_or(|(stored, _)| stored < *day);
            if newer {
                self.store.keep_ratchet(*register, *certificate, *pairing, *day, key)?;
            }
        }
        Ok(())
    }

    fn epoch(&mut self, hash: &Hash) -> Result<(i64, i64, VerifiedCertificate), IngestError> {
        if let Some(known) = self.epochs.get(hash) {
            return Ok(known.clone());
        }
        let found = self.store.certificate(hash)?.ok_or(Refused::UnknownEpoch)?;
        self.epochs.insert(*hash, found.clone());
        Ok(found)
    }

    fn pairing(&mut self, meter: i64, counter: u32) -> Result<&PairingRow, IngestError> {
        use std::collections::hash_map::Entry;
        match self.pairings.entry((meter, counter)) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(free) => {
                let row = self.store.pairing(meter, counter)?.ok_or(Refused::OtherHousehold)?;
                Ok(free.insert(row))
            }
        }
    }

    /// k(day), ratcheting forward from the newest key that is not later than the day.
    fn day_key(
        &mut self,
        entry: &VerifiedCertificate,
        place: (i64, i64, i64),
        meter: i64,
        header: &DayHeader,
    ) -> Result<RegisterKey, IngestError> {
        let (register, certificate, pairing) = place;
        let cached = match self.ratchets.get(&place) {
            Some((day, key)) => Some((*day, key.clone())),
            None => self.store.ratchet(register, certificate, pairing)?,
        };
        let start = match cached.filter(|(day, _)| *day <= header.day) {
            Some(start) => start,
            // The first block of this epoch, or one older than the newest: from the epoch's first day.
            None => {
                let row = self.pairing(meter, header.pairing)?;
                row.pairing.register_key(entry, &header.register.code).ok_or(Refused::OtherHousehold)?
            }
        };
        let (mut day, mut key) = start;
        while day < header.day {
            key = key.next();
            day += 1;
        }
        Ok(key)
    }

    /// The block links to what is stored before and after it, by hash and by register total.
    fn check_neighbours(
        &self,
        register: i64,
        certificate: i64,
        entry: &VerifiedCertificate,
        block: &BlockRow,
    ) -> Result<(), IngestError> {
        let header = &block.header;
        let head = entry.certificate.heads.get(&header.register.code);
        let is_genesis = header.previous == entry.hash && head.is_none();
        if (header.block == 0) != is_genesis {
            return Err(Refused::BrokenChain.into());
        }
        if let Some(number) = header.block.checked_sub(1)
            && let Some(before) = self.store.block(register, number)?
        {
            // Across a change of epoch the certificate names the last block; within one the block does.
            let same_epoch = before.header.certificate == header.certificate;
            let links = if same_epoch {
                before.hash == header.previous
            } else {
                head == Some(&before.hash) && head == Some(&header.previous)
            };
            if !links {
                return Err(Refused::BrokenChain.into());
            }
            if !continues(&before, block) {
                return Err(Refused::Discontinuity.into());
            }
        }
        let opens_epoch = self.store.first_block(register, certificate)?.is_none_or(|first| header.block < first);
        if let Some(number) = header.block.checked_add(1)
            && let Some(after) = self.store.block(register, number)?
        {
            let same_epoch = after.header.certificate == header.certificate;
            if (same_epoch || opens_epoch) && after.header.previous != block.hash {
                return Err(Refused::BrokenChain.into());
            }
            if !continues(block, &after) {
                return Err(Refused::Discontinuity.into());
            }
        }
        Ok(())
    }
}

/// The register total goes on where it was, or somewhat later when time passed between the blocks that no block covers.
pub(crate) fn continues(before: &BlockRow, after: &BlockRow) -> bool {
    if before.header.span().until == after.header.span().from {
        before.after == after.before
    } else {
        before.after <= after.before
    }
}
