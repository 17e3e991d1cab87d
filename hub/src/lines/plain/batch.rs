//! What is handed to the store at once: slots of one or more meters that hung at a place, sealed in one transaction.

use drivers::slots::{How, Marks, Slot, Way};
use gateway_core::seal::{Place, SealingError, SelfSealer, Start};
use gateway_core::store::{OpenSlot, SealerRow};
use gateway_core::{Store, StoreError};
use protocol::metrology::label::{Interval, Status};
use protocol::metrology::seal::Sample;
use sealer::Entropy;
use zeroize::Zeroizing;

use super::counted::Counted;
use super::sealing::slot_terms;
use crate::commands::now;

/// Slots of one meter that are sealed together.
#[derive(Clone)]
pub(super) struct Batch {
    /// Whose.
    pub(super) place: Place,
    /// Of what.
    pub(super) counted: Counted,
    /// Whether they begin a chain of their own.
    pub(super) anew: bool,
    /// Where its registers stood when the first of them began.
    pub(super) starts: Vec<Start>,
    /// In order for each register.
    pub(super) slots: Vec<OpenSlot>,
    /// Where its registers stood after the last.
    pub(super) marks: Marks,
}

impl Batch {
    /// Nothing yet.
    pub(super) fn new(place: Place, counted: Counted, anew: bool) -> Self {
        Self { place, counted, anew, starts: Vec::new(), slots: Vec::new(), marks: Marks::default() }
    }
}

/// What is to be done with the store.
pub(super) struct Work {
    /// Of the batch that was stored last, if it is still good.
    pub(super) sealer: Option<(Place, SelfSealer)>,
    /// Oldest first.
    pub(super) batches: Vec<Batch>,
}

/// What was done.
pub(super) struct Taken {
    /// What seals on.
    pub(super) sealer: SelfSealer,
    /// For which meter.
    pub(super) place: Place,
    /// The key for life that the meter has, hex.
    pub(super) identity: Option<String>,
    /// Blocks that are stored now.
    pub(super) blocks: u64,
}

impl Work {
    /// Seals and stores, all or nothing.
    ///
    /// # Errors
    /// See [`SealingError`].
    pub(super) fn run(self, store: &mut Store) -> Result<Taken, SealingError> {
        store.transaction(|store| {
            let (mut current, mut blocks) = (self.sealer, 0);
            for batch in &self.batches {
                let goes_on = current.take().filter(|(place, _)| !batch.anew && *place == batch.place);
                let (mut sealer, before) = match goes_on {
                    Some((_, sealer)) => (sealer, Vec::new()),
                    None => open(store, batch)?,
                };
                let slots: Vec<OpenSlot> = before.into_iter().chain(batch.slots.iter().copied()).collect();
                let stored = sealer.take(store, &slots, &batch.starts, &Entropy::System, &kept(batch))?;
                blocks += u64::try_from(stored.len()).unwrap_or(0);
                current = Some((batch.place.clone(), sealer));
            }
            let (place, sealer) = current.ok_or(StoreError::Damaged("sealer"))?;
            let identity = identity(store, sealer.row())?;
            Ok(Taken { sealer, place, identity, blocks })
        })
    }
}

/// Takes up what seals for a batch, and the slots before it that hold what passed since another line heard the meter last.
fn open(store: &Store, batch: &Batch) -> Result<(SelfSealer, Vec<OpenSlot>), SealingError> {
    let place = &batch.place;
    if batch.anew {
        SelfSealer::retire(store, place)?;
    }
    let first = batch.slots.iter().map(|open| open.slot).min().unwrap_or(0).saturating_mul(place.interval.seconds());
    let (sealer, edges) = SelfSealer::open(store, place, &Entropy::System, first, now())?;
    let Some(marks) = resumed(&edges, place.interval) else { return Ok((sealer, Vec::new())) };
    let before = [Way::Import, Way::Export].into_iter().filter_map(|way| passed_before(way, batch, &marks));
    Ok((sealer, before.flatten().collect()))
}

/// The slots before the first of a batch that hold all that passed since a mark, where there is something between them and a
/// load that wires carry leads from one to the other: one, or as many as that takes.
fn passed_before(way: Way, batch: &Batch, marks: &Marks) -> Option<Vec<OpenSlot>> {
    let (register, _) = batch.counted.register(way)?;
    let mark = marks.of(way)?;
    let start = batch.starts.iter().find(|start| start.code == register)?;
    let first = batch.slots.iter().find(|open| open.register == register)?.slot;
    let slots = first.checked_sub(mark.slot).filter(|slots| *slots > 0)?;
    let mut left = start.total.checked_sub(u64::try_from(mark.total).ok()?)?;
    let interval = batch.place.interval.seconds();
    let most = batch.counted.most_an_hour(slot_terms(&batch.place)) * interval / 3600;
    if left > slots.saturating_mul(most) {
        return None;
    }
    let mut before = Vec::new();
    for slot in (mark.slot..first).rev() {
        let advance = u32::try_from(left).unwrap_or(u32::MAX);
        before.push(OpenSlot { register, slot, sample: Sample { advance, status: Status::Missing } });
        left -= u64::from(advance);
        if left == 0 {
            break;
        }
    }
    before.reverse();
    (left == 0).then_some(before)
}

/// What seals for the meter at a place, and the key that the meter has for life.
pub(super) fn known(store: &Store, place: &Place) -> Result<(Option<SealerRow>, Option<String>), StoreError> {
    let row = store.sealer(&place.address, &place.label, place.number.as_deref())?;
    let identity = row.as_ref().map(|row| identity(store, row.meter)).transpose()?.flatten();
    Ok((row, identity))
}

fn identity(store: &Store, meter: i64) -> Result<Option<String>, StoreError> {
    let row = store.meters()?.into_iter().find(|row| row.id == meter);
    Ok(row.map(|row| hex::encode(row.identity)))
}

/// Marks as the store keeps them.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    version: u32,
    interval: u64,
    marks: Marks,
}

/// Of [`Kept`].
const VERSION: u32 = 1;

fn kept(batch: &Batch) -> Zeroizing<Vec<u8>> {
    let kept = Kept { version: VERSION, interval: batch.place.interval.seconds(), marks: batch.marks.clone() };
    Zeroizing::new(serde_json::to_vec(&kept).unwrap_or_default())
}

/// Marks that were kept for slots of this length.
pub(super) fn resumed(edges: &[u8], interval: Interval) -> Option<Marks> {
    let kept = serde_json::from_slice::<Kept>(edges).ok()?;
    (kept.version == VERSION && kept.interval == interval.seconds()).then_some(kept.marks)
}

/// A slot as the store keeps it until a block holds it.
pub(super) fn open_slot(counted: &Counted, way: Way, slot: Slot) -> Option<OpenSlot> {
    let status = match slot.how {
        How::Measured => Status::Measured,
        How::Estimated => Status::Estimated,
        How::Missing => Status::Missing,
    };
    let (register, _) = counted.register(way)?;
    Some(OpenSlot { register, slot: slot.number, sample: Sample { advance: slot.advance, status } })
}
