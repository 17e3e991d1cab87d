//! One plain meter's slots on their way into sealed blocks.
//!
//! Slots wait in memory until the store has taken them; when it fails, the sealer is taken up anew from what is stored.

use drivers::plain::Telegram;
use drivers::slots::{How, Marks, Slot, Slots, Terms as SlotTerms, Way};
use gateway_core::seal::{Place, SealingError, SelfSealer, Start};
use gateway_core::store::{OpenSlot, SealerRow};
use gateway_core::{Store, StoreError};
use protocol::metrology::label::{RegisterCode, Status, Unit};
use protocol::metrology::seal::Sample;
use sealer::Entropy;

use super::Terms;
use crate::Failure;
use crate::commands::now;
use crate::keeper::Keeper;

/// Slots that wait for a store that fails: 400 days of quarter-hours, both ways, some megabytes. Beyond it the oldest are
/// missing; what one telegram completed is never cut, as its last slot may hold the sum of all.
const MOST_WAITING: usize = 2 * 400 * 96;

/// One plain meter on its way into sealed blocks.
pub(super) struct Sealing {
    place: Place,
    slots: Slots,
    /// Taken up with the first slot.
    sealer: Option<SelfSealer>,
    waiting: Vec<OpenSlot>,
    starts: Vec<Start>,
    name: Option<String>,
    identity: Option<String>,
    /// Number of the meter that has these.
    sealed: Option<String>,
}

impl Sealing {
    /// Goes on where the slots of this meter ended.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn take_up(
        keeper: &Keeper,
        terms: &Terms,
        label: &str,
        number: Option<&str>,
    ) -> Result<Self, Failure> {
        let (address, label, number) = (terms.address.clone(), label.to_owned(), number.map(ToOwned::to_owned));
        let place = Place { address, label, number, interval: terms.interval };
        let asked = place.clone();
        let (row, identity) = keeper.run(move |store| known(store, &asked)).await?;
        let interval = u32::try_from(terms.interval.seconds()).unwrap_or(u32::MAX);
        let terms = SlotTerms::for_interval(interval);
        let sealed = row.as_ref().and_then(|row| row.number.clone());
        let kept = row.and_then(|row| serde_json::from_slice::<Kept>(&row.edges).ok());
        let slots = match kept.filter(|kept| kept.version == VERSION && kept.interval == interval) {
            Some(kept) => Slots::resume(terms, &kept.marks),
            None => Slots::new(terms),
        };
        Ok(Self { place, slots, sealer: None, waiting: Vec::new(), starts: Vec::new(), name: None, identity, sealed })
    }

    /// What the meter is called in blocks and bills, once something was sealed.
    pub(super) fn name(&self) -> Option<String> {
        self.name.clone()
    }

    /// The key for life that it has in blocks and bills, hex, once something was sealed, now or before.
    pub(super) fn identity(&self) -> Option<String> {
        self.identity.clone()
    }

    /// Whether name and key are those of another meter than the one that tells this number.
    pub(super) fn is_of_another(&self, number: Option<&str>) -> bool {
        let number = number.filter(|number| *number != self.place.label);
        self.sealed.as_deref().zip(number).is_some_and(|(sealed, number)| sealed != number)
    }

    /// Takes a telegram that was heard at this Unix millisecond; gives how many blocks were stored.
    ///
    /// # Errors
    /// When the meter is sealed for elsewhere, or the store fails: then what was completed waits.
    pub(super) async fn hear(&mut self, keeper: &Keeper, at: u64, telegram: &Telegram) -> Result<u64, Failure> {
        let completed = self.slots.hear(at, telegram);
        self.know_number();
        if completed.is_empty() {
            return Ok(0);
        }
        let marks = self.slots.marks();
        for way in [Way::Import, Way::Export] {
            self.begin(way, &marks, &completed);
        }
        let beyond = self.waiting.len().saturating_sub(MOST_WAITING);
        self.waiting.drain(..beyond);
        self.waiting.extend(completed.into_iter().filter_map(|(way, slot)| open(way, slot)));
        self.store_held(keeper).await
    }

    /// Once another meter is believed to hang here, what it took is sealed as its own. What a bridge calls its inputs by is
    /// no number: other bridges call theirs the same.
    fn know_number(&mut self) {
        let number = self.slots.marks().meter.filter(|number| *number != self.place.label);
        if number.is_some() && number != self.place.number {
            if self.place.number.is_some() {
                (self.sealer, self.starts) = (None, Vec::new());
            }
            self.place.number = number;
        }
    }

    /// Notes what a register showed when the first of its completed slots began.
    fn begin(&mut self, way: Way, marks: &Marks, completed: &[(Way, Slot)]) {
        let Some((code, unit)) = register(way).filter(|(code, _)| !self.starts.iter().any(|s| s.code == *code)) else {
            return;
        };
        let told = completed.iter().filter(|(of, _)| *of == way);
        let (Some(mark), true) = (marks.of(way), told.clone().next().is_some()) else { return };
        let passed: i64 = told.map(|(_, slot)| i64::from(slot.advance)).sum();
        let total = u64::try_from(mark.total.saturating_sub(passed)).unwrap_or(0);
        self.starts.push(Start { code, unit, total });
    }

    /// Seals what waits.
    ///
    /// # Errors
    /// As [`Sealing::hear`].
    pub(super) async fn store_held(&mut self, keeper: &Keeper) -> Result<u64, Failure> {
        if self.waiting.is_empty() {
            return Ok(0);
        }
        let (sealer, place) = (self.sealer.take(), self.place.clone());
        let (waiting, starts) = (self.waiting.clone(), self.starts.clone());
        let interval = u32::try_from(place.interval.seconds()).unwrap_or(u32::MAX);
        let edges = serde_json::to_vec(&Kept { version: VERSION, interval, marks: self.slots.marks() });
        let edges = zeroize::Zeroizing::new(edges.unwrap_or_default());
        let taken = keeper
            .run(move |store| {
                store.transaction(|store| -> Result<_, SealingError> {
                    let mut sealer = match sealer {
                        Some(sealer) => sealer,
                        None => take_up(store, &place, &waiting)?,
                    };
                    let blocks = sealer.take(store, &waiting, &starts, &Entropy::System, &edges)?;
                    let identity = identity(store, sealer.row())?;
                    Ok((sealer, identity, u64::try_from(blocks.len()).unwrap_or(0)))
                })
            })
            .await;
        match taken {
            Ok((sealer, identity, blocks)) => {
                self.waiting.clear();
                self.identity = identity;
                self.name = Some(sealer.name().to_string());
                self.sealed = self.place.number.clone().or(self.sealed.take());
                self.sealer = Some(sealer);
                Ok(blocks)
            }
            // It will be refused however often it comes.
            Err(refused @ Failure::Refused { .. }) => {
                self.waiting.clear();
                self.starts.clear();
                Err(refused)
            }
            Err(failure) => Err(failure),
        }
    }
}

/// What seals for the meter at a place, and the key that the meter has for life.
fn known(store: &Store, place: &Place) -> Result<(Option<SealerRow>, Option<String>), StoreError> {
    let row = store.sealer(&place.address, &place.label, place.number.as_deref())?;
    let identity = row.as_ref().map(|row| identity(store, row.meter)).transpose()?.flatten();
    Ok((row, identity))
}

fn identity(store: &Store, meter: i64) -> Result<Option<String>, StoreError> {
    let row = store.meters()?.into_iter().find(|row| row.id == meter);
    Ok(row.map(|row| hex::encode(row.identity)))
}

fn take_up(store: &Store, place: &Place, waiting: &[OpenSlot]) -> Result<SelfSealer, SealingError> {
    let first = waiting.iter().map(|open| open.slot).min().unwrap_or(0).saturating_mul(place.interval.seconds());
    let (sealer, _) = SelfSealer::open(store, place, &Entropy::System, first, now())?;
    Ok(sealer)
}

/// Marks as the store keeps them.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    version: u32,
    interval: u32,
    marks: Marks,
}

/// Of [`Kept`].
const VERSION: u32 = 1;

/// Register and unit of a way.
fn register(way: Way) -> Option<(RegisterCode, Unit)> {
    let code = match way {
        Way::Import => "1-0:1.8.0",
        Way::Export => "1-0:2.8.0",
    };
    Some((RegisterCode::new(code)?, Unit::new("Wh")?))
}

fn open(way: Way, slot: Slot) -> Option<OpenSlot> {
    let status = match slot.how {
        How::Measured => Status::Measured,
        How::Estimated => Status::Estimated,
        How::Missing => Status::Missing,
    };
    let (register, _) = register(way)?;
    Some(OpenSlot { register, slot: slot.number, sample: Sample { advance: slot.advance, status } })
}

#[cfg(test)]
mod tests {
    use drivers::plain::Energy;
    use gateway_core::StoreKey;
    use protocol::metrology::label::Interval;

    use super::*;

    #[tokio::test]
    async fn a_meter_has_its_key_from_the_first_seal_on_and_after_a_restart_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::create(&directory.path().join("store.db"), &StoreKey::from_bytes([1; 32])).unwrap();
        let keeper = Keeper::start(store).unwrap();
        let (address, cadence) = ("tcp://127.0.0.1:1".to_owned(), std::time::Duration::from_secs(10));
        let terms = Terms { line: 1, address, interval: Interval::QUARTER, cadence };
        let mut sealing = Sealing::take_up(&keeper, &terms, "", Some("E1")).await.unwrap();
        let mut sealed_at = None;
        for tick in 0..200_u32 {
            let import = Energy(50_000_000 + 1000 * i64::from(tick));
            let telegram =
                Telegram { meter: Some("E1".into()), import: Some(import), checked: true, ..Telegram::default() };
            sealing.hear(&keeper, 1_784_592_000_000 + 10_000 * u64::from(tick), &telegram).await.unwrap();
            if sealing.identity().is_some() && sealed_at.is_none() {
                sealed_at = Some(tick);
            }
        }
        assert!(sealed_at.is_some_and(|tick| tick >= 90), "{sealed_at:?}: with the first slot");
        let meters = keeper.run(|store| store.meters()).await.unwrap();
        assert_eq!(sealing.identity(), Some(hex::encode(meters[0].identity)));
        let again = Sealing::take_up(&keeper, &terms, "", Some("E1")).await.unwrap();
        assert_eq!(again.identity(), sealing.identity());
        assert_eq!(Sealing::take_up(&keeper, &terms, "other", None).await.unwrap().identity(), None);
    }

    #[tokio::test]
    async fn another_meter_is_sealed_as_itself_once_it_is_believed() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::create(&directory.path().join("store.db"), &StoreKey::from_bytes([1; 32])).unwrap();
        let keeper = Keeper::start(store).unwrap();
        let (address, cadence) = ("tcp://127.0.0.1:1".to_owned(), std::time::Duration::from_secs(10));
        let terms = Terms { line: 1, address, interval: Interval::QUARTER, cadence };
        let mut sealing = Sealing::take_up(&keeper, &terms, "", Some("E1")).await.unwrap();
        let mut names = Vec::new();
        for tick in 0..600_u32 {
            // One telegram of a damaged number, then another meter from the middle on.
            let number = if tick == 150 {
                "X1"
            } else if tick < 300 {
                "E1"
            } else {
                "E2"
            };
            let start = if tick < 300 { 50_000_000 } else { 9_000_000_000 };
            let import = Energy(start + 1000 * i64::from(tick));
            let telegram =
                Telegram { meter: Some(number.into()), import: Some(import), checked: true, ..Telegram::default() };
            sealing.hear(&keeper, 1_784_592_000_000 + 10_000 * u64::from(tick), &telegram).await.unwrap();
            names.extend(sealing.name().filter(|name| names.last() != Some(name)));
            // Until something of it is sealed, name and key are the other's.
            assert_eq!(sealing.is_of_another(Some("E2")), names == ["E1"], "{tick}");
            assert!(!sealing.is_of_another(None));
        }
        assert_eq!(names, ["E1", "E2"]);
        let meters = keeper.run(|store| store.meters()).await.unwrap();
        assert_eq!(meters.iter().map(|meter| meter.name.as_str()).collect::<Vec<_>>(), ["E1", "E2"]);
    }
}
