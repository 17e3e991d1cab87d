//! What is handed to the store at once: slots of the meters that hung at a place one after the other, each sealed in a
//! transaction of its own.

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
use crate::Failure;
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
pub(super) struct Done {
    /// So many batches are stored, from the oldest on.
    pub(super) batches: usize,
    /// So many blocks.
    pub(super) blocks: u64,
    /// What seals on, and for which meter, after the last of them.
    pub(super) sealer: Option<(Place, SelfSealer)>,
    /// The key for life that this meter has, hex.
    pub(super) identity: Option<String>,
    /// Why the next is not stored.
    pub(super) trouble: Option<Failure>,
}

impl Work {
    /// Seals and stores, each batch all or nothing, up to the first that cannot be.
    pub(super) fn run(self, store: &mut Store) -> Done {
        let mut done = Done { batches: 0, blocks: 0, sealer: self.sealer, identity: None, trouble: None };
        for batch in &self.batches {
            let before = done.sealer.take().filter(|(place, _)| !batch.anew && *place == batch.place);
            match store.transaction(|store| seal(store, before.map(|(_, sealer)| sealer), batch)) {
                Ok((sealer, identity, blocks)) => {
                    done.batches += 1;
                    done.blocks += blocks;
                    (done.sealer, done.identity) = (Some((batch.place.clone(), sealer)), identity);
                }
                Err(error) => {
                    // Where two cables were exchanged, each meter's old place must be free before either is sealed on.
                    let leaves = matches!(error, SealingError::Elsewhere);
                    let left = leaves.then(|| store.transaction(|store| SelfSealer::leave(store, &batch.place)));
                    let error = left.and_then(Result::err).unwrap_or(error);
                    done.trouble = Some(error.into());
                    break;
                }
            }
        }
        done
    }
}

/// Seals and stores one batch; gives what seals on, the meter's key and how many blocks there are.
fn seal(
    store: &Store,
    before: Option<SelfSealer>,
    batch: &Batch,
) -> Result<(SelfSealer, Option<String>, u64), SealingError> {
    let (mut sealer, passed) = match before {
        Some(sealer) => (sealer, Vec::new()),
        None => open(store, batch)?,
    };
    let slots: Vec<OpenSlot> = passed.into_iter().chain(batch.slots.iter().copied()).collect();
    let blocks = sealer.take(store, &slots, &batch.starts, &Entropy::System, &kept(batch))?;
    let identity = identity(store, sealer.row())?;
    Ok((sealer, identity, u64::try_from(blocks.len()).unwrap_or(0)))
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
    let most = Counted::most_an_hour(slot_terms(&batch.place)) * interval / 3600;
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
