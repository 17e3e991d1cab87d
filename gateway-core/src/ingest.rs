//! Arrival: pairings, certificates and day blocks are verified here or not stored at all.
//!
//! A block is stored when its signature, chain, time, household, opening and register advance are all right; anything
//! else is discarded and says why (Eccles and Halak, §II.C step 2). Blocks may come in any order and more than once.

use std::collections::HashMap;

use protocol::block::{BlockFile, DayHeader};
use protocol::certificate::{VerifiedCertificate, follows};
use protocol::metrology::keys::{Hash, RegisterKey};
use protocol::pairing::Pairing;
use protocol::wire::{Signed, WireError};

use crate::store::{BlockRow, PairingRow, Store, StoreError};
use crate::unseal::{UnsealError, unseal};

/// Why something that arrived was discarded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Bytes or signature are wrong.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// It cannot be opened, or does not hold what was signed.
    #[error(transparent)]
    Unseal(#[from] UnsealError),
    /// A meter that this household is not paired with.
    #[error("it comes from a meter this home is not paired with; pair with the meter's pairing file first")]
    UnknownMeter,
    /// An epoch whose certificate is not known.
    #[error("it was sealed under an epoch certificate that is not known here; import the meter's certificate file too")]
    UnknownEpoch,
    /// A pairing that this household does not hold.
    #[error("it was sealed for another household, or for a pairing this home does not hold")]
    OtherHousehold,
    /// Another certificate for an epoch that is known already.
    #[error("the meter shows two certificates for one epoch; one is forged. Keep both files and tell the operator")]
    ForkedEpoch,
    /// Certificates that do not follow the known ones.
    #[error("the meter's certificates do not follow the ones known here")]
    BrokenEpochs,
    /// Another block with the same number is stored already.
    #[error(
        "the meter sent two different blocks with one number: it contradicts itself. Keep both files and tell the operator"
    )]
    Fork,
    /// The time is covered by another block.
    #[error("its time is already covered by another block")]
    Covered,
    /// It does not link to its stored neighbours.
    #[error("it does not link to the blocks before or after it")]
    BrokenChain,
    /// It lies before its epoch, or its epoch does not match its certificate.
    #[error("it lies outside its epoch")]
    OutsideEpoch,
    /// The register total jumps between blocks.
    #[error("the register total does not continue where the block before it ended")]
    Discontinuity,
    /// The register is known with another unit.
    #[error("its register is known here with another unit")]
    OtherUnit,
    /// A pairing with this number exists and is another one.
    #[error("there is another pairing with this meter under the same number")]
    OtherPairing,
}

impl Refused {
    /// A short stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Wire(WireError::Signature(_)) => "bad-signature",
            Self::Wire(WireError::Version(_)) => "unknown-version",
            Self::Wire(_) => "malformed",
            Self::Unseal(UnsealError::Decrypt) => "cannot-decrypt",
            Self::Unseal(UnsealError::Malformed) => "malformed-plaintext",
            Self::Unseal(UnsealError::Commitments) => "other-commitments",
            Self::Unseal(UnsealError::Advance) => "register-advance",
            Self::UnknownMeter => "unknown-meter",
            Self::UnknownEpoch => "unknown-epoch",
            Self::OtherHousehold => "other-household",
            Self::ForkedEpoch => "forked-epoch",
            Self::BrokenEpochs => "broken-epochs",
            Self::Fork => "fork",
            Self::Covered => "covered",
            Self::BrokenChain => "broken-chain",
            Self::OutsideEpoch => "outside-epoch",
            Self::Discontinuity => "register-discontinuity",
            Self::OtherUnit => "other-unit",
            Self::OtherPairing => "other-pairing",
        }
    }
}

/// Why an arrival did not end in the store.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// It was discarded; everything stored before stays.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<WireError> for IngestError {
    fn from(error: WireError) -> Self {
        Self::Refused(error.into())
    }
}

/// What became of an arrival that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is stored now.
    Stored,
    /// The very same was stored before.
    Known,
}

/// Pairs with a meter: stores its certificates and the household's side of the keys.
///
/// # Errors
/// When the pairing contradicts what is stored.
pub fn pair(store: &Store, pairing: &Pairing, now: i64) -> Result<Arrival, IngestError> {
    let Some(first) = pairing.certificates.first() else { return Err(Refused::BrokenEpochs.into()) };
    let certificate = &first.certificate;
    let meter = match store.meter(&certificate.identity_key)? {
        Some(row) => row.id,
        None => store.insert_meter(&certificate.identity_key, certificate.meter.as_str(), now)?,
    };
    learn_certificates(store, meter, &pairing.certificates)?;
    if let Some(known) = store.pairing(meter, pairing.counter)? {
        let same =
            known.pairing.household() == pairing.household() && known.pairing.code.expose() == pairing.code.expose();
        return if same { Ok(Arrival::Known) } else { Err(Refused::OtherPairing.into()) };
    }
    store.insert_pairing(meter, pairing)?;
    Ok(Arrival::Stored)
}

/// Takes in a paired meter's certificate file. Returns how many epochs were new.
///
/// # Errors
/// When the meter is not paired or the certificates contradict the known ones.
pub fn learn(store: &Store, certificates: &[VerifiedCertificate]) -> Result<usize, IngestError> {
    let Some(first) = certificates.first() else { return Err(Refused::BrokenEpochs.into()) };
    let meter = store.meter(&first.certificate.identity_key)?.ok_or(Refused::UnknownMeter)?;
    learn_certificates(store, meter.id, certificates)
}

fn learn_certificates(store: &Store, meter: i64, certificates: &[VerifiedCertificate]) -> Result<usize, IngestError> {
    let mut known: Vec<VerifiedCertificate> = store.certificates(meter)?.into_iter().map(|(_, c)| c).collect();
    let mut new = 0;
    for entry in certificates {
        if let Some(same) = known.iter().find(|k| k.certificate.epoch == entry.certificate.epoch) {
            if same.hash != entry.hash {
                return Err(Refused::ForkedEpoch.into());
            }
            continue;
        }
        let fits = match known.last() {
            Some(last) => follows(last, entry),
            None => entry.certificate.epoch == 0,
        };
        if !fits {
            return Err(Refused::BrokenEpochs.into());
        }
        store.insert_certificate(meter, entry)?;
        known.push(entry.clone());
        new += 1;
    }
    Ok(new)
}

/// A run of arrivals over one store. Keeps what neighbouring blocks share.
pub struct Ingest<'s> {
    store: &'s Store,
    epochs: HashMap<Hash, (i64, i64, VerifiedCertificate)>,
    pairings: HashMap<(i64, u32), PairingRow>,
    ratchets: HashMap<(i64, i64, i64), (u32, RegisterKey)>,
}

impl<'s> Ingest<'s> {
    /// Starts a run.
    #[must_use]
    pub fn new(store: &'s Store) -> Self {
        Self { store, epochs: HashMap::new(), pairings: HashMap::new(), ratchets: HashMap::new() }
    }

    /// Verifies a block file and stores it.
    ///
    /// # Errors
    /// [`IngestError::Refused`] with the reason; nothing is changed then.
    pub fn block(&mut self, bytes: &[u8]) -> Result<Arrival, IngestError> {
        let store = self.store;
        store.attempt(|| self.take(bytes))
    }

    fn take(&mut self, bytes: &[u8]) -> Result<Arrival, IngestError> {
        let file = BlockFile::read(bytes)?;
        let claimed = DayHeader::read(Signed::read(&file.message, "day block")?.payload)?;
        let (certificate, meter, entry) = self.epoch(&claimed.certificate)?;
        let block = file.verify(&entry.certificate.signing_key)?;
        let header = &block.header;
        if header.epoch != entry.certificate.epoch || header.span().from < entry.certificate.first {
            return Err(Refused::OutsideEpoch.into());
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
        let row = BlockRow {
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
