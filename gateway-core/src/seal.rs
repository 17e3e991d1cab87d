//! Sealing in the place of a meter that does not: what a plain market meter says is committed to and signed here, so that
//! bills over it can be audited as over any meter's, and is never more than self-sealed.
//!
//! ```text
//! slots (hub) ─► SelfSealer ── blocks ─► ingest, as if a meter had sent them
//!                    └ open slots, state, edges ─► store, in the same transaction
//! ```
//!
//! The keys lie in the store that the readings lie in: whoever has it can sign anything. That is what the class says
//! ([`SealClass::SelfSealed`]), and all that it says.

use protocol::metrology::certificate::SealClass;
use protocol::metrology::label::{Interval, MeterId, Register, RegisterCode, RegisterKind, Status, Unit};
use protocol::metrology::seal::Sample;
use sealer::entropy::NoEntropy;
use sealer::{Block, Entropy, MeterError, SealingMeter, flash};

use crate::ingest::{self, Ingest, IngestError};
use crate::store::{OpenSlot, SealerRow, Store, StoreError};

/// Days of missing slots that are sealed one by one; after a longer silence a new epoch begins.
const MOST_MISSING_DAYS: u64 = 1;

/// Why what a plain meter said was not sealed. Nothing of it is stored then.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The sealer refuses.
    #[error(transparent)]
    Meter(#[from] MeterError),
    /// What it sealed is refused: a fault of this program.
    #[error("what was sealed here does not fit what is stored: {0}")]
    Ingest(ingest::Refused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The meter is sealed for on another line.
    #[error("this meter is read over another line already; remove that line first, or this one")]
    Elsewhere,
}

impl From<IngestError> for SealingError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Refused(why) => Self::Ingest(why),
            IngestError::Store(error) => Self::Store(error),
        }
    }
}

impl From<NoEntropy> for SealingError {
    fn from(error: NoEntropy) -> Self {
        Self::Meter(error.into())
    }
}

/// Which meter is sealed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address of its line.
    pub address: String,
    /// Which of the meters behind it; empty when there is one.
    pub label: String,
    /// The number that it tells.
    pub number: Option<String>,
    /// Its slots.
    pub interval: Interval,
}

/// A register of the meter, and what it showed when the first of these slots began.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Its code.
    pub code: RegisterCode,
    /// What it counts.
    pub unit: Unit,
    /// 10⁻⁴ units.
    pub total: u64,
}

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Start({} in {})", self.code, self.unit)
    }
}

/// What seals in the place of one meter.
#[derive(Debug)]
pub struct SelfSealer {
    id: i64,
    row: i64,
    meter: SealingMeter,
    interval: Interval,
}

impl SelfSealer {
    /// Takes up what seals for a meter, or makes it; in the latter case its first epoch begins at `first`, a Unix second. Gives
    /// the edges that were kept with it, empty when there are none. To be called within a transaction.
    ///
    /// # Errors
    /// [`SealingError::Elsewhere`] when another line seals for the meter; otherwise when the store fails.
    pub fn open(
        store: &Store,
        place: &Place,
        entropy: &Entropy,
        first: u64,
        now: i64,
    ) -> Result<(Self, Vec<u8>), SealingError> {
        let number = place.number.as_deref();
        if let Some(number) = number
            && store.sealed_elsewhere(&place.address, &place.label, number)?.is_some()
        {
            return Err(SealingError::Elsewhere);
        }
        Self::leave(store, place)?;
        if let Some(row) = store.sealer(&place.address, &place.label, number)? {
            let sealer = Self::load(store, &row, place.interval)?;
            if sealer.meter.registers().all(|register| register.interval == place.interval) {
                store.place_sealer(row.id, &place.address, number)?;
                return Ok((sealer, row.edges.to_vec()));
            }
            // Slots of another length are another meter's.
            Self::retire(store, place)?;
        }
        let id = number.and_then(MeterId::new).map_or_else(|| unnamed(entropy), |id| Ok(Some(id)))?;
        let (meter, pairing) = SealingMeter::new(entropy, id, SealClass::SelfSealed, first)?;
        ingest::pair(store, &pairing, now)?;
        let row = store.meter(&meter.identity_key())?.ok_or(StoreError::Damaged("meter"))?.id;
        let id = store.insert_sealer(&place.address, &place.label, row, &flash::write(&meter, 1))?;
        store.place_sealer(id, &place.address, number)?;
        Ok((Self { id, row, meter, interval: place.interval }, Vec::new()))
    }

    /// When another meter hung at a place before: what is open of it is sealed, and its chain waits for it. To be called within
    /// a transaction.
    ///
    /// # Errors
    /// When the store fails.
    pub fn leave(store: &Store, place: &Place) -> Result<(), SealingError> {
        let here = store.sealer_at(&place.address, &place.label)?;
        if let Some(row) = here.filter(|row| row.is_of_another(place.number.as_deref())) {
            Self::load(store, &row, place.interval)?.close(store)?;
            store.leave_address(row.id)?;
        }
        Ok(())
    }

    /// Ends what seals for a meter: what is open of it is sealed, and the next [`SelfSealer::open`] makes new keys. To be
    /// called within a transaction.
    ///
    /// # Errors
    /// When the store fails.
    pub fn retire(store: &Store, place: &Place) -> Result<(), SealingError> {
        if let Some(row) = store.sealer(&place.address, &place.label, place.number.as_deref())? {
            Self::load(store, &row, place.interval)?.close(store)?;
            store.remove_sealer(row.id)?;
        }
        Ok(())
    }

    fn load(store: &Store, row: &SealerRow, interval: Interval) -> Result<Self, SealingError> {
        let (meter, _) = flash::read(&row.state).ok_or(StoreError::Damaged("sealer"))?;
        let mut sealer = Self { id: row.id, row: row.meter, meter, interval };
        for open in store.open_slots(row.id)? {
            sealer.meter.record(&open.register, open.slot, open.sample)?;
        }
        Ok(sealer)
    }

    /// The meter's row.
    #[must_use]
    pub fn row(&self) -> i64 {
        self.row
    }

    /// What the meter is called.
    #[must_use]
    pub fn name(&self) -> MeterId {
        self.meter.id()
    }

    /// The slot that a register records next at the earliest; none for a register that it does not have.
    #[must_use]
    pub fn earliest(&self, code: &RegisterCode) -> Option<u64> {
        self.meter.earliest(code)
    }

    /// Seals slots, in order for each register. Those that were sealed before are passed over. `edges` is kept with them.
    /// Gives the blocks that are stored now. To be called within a transaction; after an error the sealer must be opened
    /// anew, since the store does not hold what it has done.
    ///
    /// # Errors
    /// See [`SealingError`].
    pub fn take(
        &mut self,
        store: &Store,
        slots: &[OpenSlot],
        starts: &[Start],
        entropy: &Entropy,
        edges: &[u8],
    ) -> Result<Vec<Block>, SealingError> {
        let mut changed = false;
        for start in starts {
            if self.meter.register(&start.code).is_none() {
                let (kind, interval) = (RegisterKind::Cumulative, self.interval);
                let register = Register { code: start.code, unit: start.unit, kind, interval };
                self.meter.add_register(register, start.total)?;
                changed = true;
            }
        }
        let mut blocks = Vec::new();
        for open in slots {
            changed |= self.record(store, open, entropy, &mut blocks)?;
        }
        if changed || !blocks.is_empty() {
            self.keep(store, &blocks)?;
        }
        store.keep_sealer_edges(self.id, edges)?;
        Ok(blocks)
    }

    /// Records a slot and what is missing before it; says whether an epoch began.
    fn record(
        &mut self,
        store: &Store,
        open: &OpenSlot,
        entropy: &Entropy,
        blocks: &mut Vec<Block>,
    ) -> Result<bool, SealingError> {
        let mut rotated = false;
        let expected = self.meter.expected(&open.register).unwrap_or(open.slot);
        if open.slot.saturating_sub(expected) > MOST_MISSING_DAYS * self.interval.slots_per_day() {
            // No register may have slots beyond the new epoch's beginning.
            let codes = self.meter.registers().map(|register| register.code);
            let first = codes.filter_map(|code| self.meter.earliest(&code)).max().unwrap_or(0).max(open.slot);
            blocks.extend(self.meter.rotate(entropy, first * self.interval.seconds())?);
            ingest::learn(store, self.meter.certificates())?;
            rotated = true;
        } else {
            for slot in expected..open.slot {
                let sample = Sample { advance: 0, status: Status::Missing };
                self.slot(store, &OpenSlot { slot, sample, ..*open }, blocks)?;
            }
        }
        let earliest = self.meter.earliest(&open.register).ok_or(MeterError::UnknownRegister(open.register))?;
        if open.slot >= earliest {
            self.slot(store, open, blocks)?;
        }
        Ok(rotated)
    }

    fn slot(&mut self, store: &Store, open: &OpenSlot, blocks: &mut Vec<Block>) -> Result<(), SealingError> {
        store.keep_open_slot(self.id, open)?;
        blocks.extend(self.meter.record(&open.register, open.slot, open.sample)?);
        Ok(())
    }

    /// Seals what is open, within a day.
    fn close(&mut self, store: &Store) -> Result<(), SealingError> {
        let codes: Vec<_> = self.meter.registers().map(|register| register.code).collect();
        let mut blocks = Vec::new();
        for code in codes {
            blocks.extend(self.meter.close(&code)?);
        }
        self.keep(store, &blocks)
    }

    /// Stores blocks, and the state that they leave.
    fn keep(&mut self, store: &Store, blocks: &[Block]) -> Result<(), SealingError> {
        let mut run = Ingest::new(store);
        for block in blocks {
            run.block(&block.bytes())?;
        }
        run.finish()?;
        for block in blocks {
            let interval = self.meter.register(&block.register).map_or(self.interval, |register| register.interval);
            store.drop_open_slots(self.id, &block.register, block.span.until / interval.seconds())?;
        }
        store.keep_sealer_state(self.id, &flash::write(&self.meter, 1))?;
        Ok(())
    }
}

/// A name for a meter that tells no number.
fn unnamed(entropy: &Entropy) -> Result<Option<MeterId>, SealingError> {
    let drawn = entropy.draw::<5>("name", 0)?;
    Ok(MeterId::new(&format!("SELF-{}", hex::encode_upper(*drawn))))
}

#[cfg(test)]
mod tests;
