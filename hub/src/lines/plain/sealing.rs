//! One plain meter's telegrams on their way into sealed blocks.
//!
//! ```text
//! telegram ─► Counter ─► Batch (one meter's slots, where its registers stood then) ─► work ─► keeper: sealed, stored
//!                        └ waits in memory until the store has taken it
//! ```
//!
//! Nothing here waits for the store: what is to be stored is handed out as [`Work`], and its outcome is handed back. When
//! the store fails, the batch stays, and the sealer is taken up anew from what is stored.

use drivers::plain::Telegram;
use drivers::slots::{Marks, Slot, Terms as SlotTerms, Way};
use gateway_core::seal::{Place, SelfSealer, Start};

use super::Terms;
use super::batch::{Batch, Done, Work, known, open_slot, resumed};
use super::counted::{Counted, Counter};
use crate::Failure;
use crate::commands::BUILT;
use crate::keeper::Keeper;

/// Slots that wait for a store that fails: 400 days of quarter-hours, both ways, some megabytes. Beyond it the oldest are
/// missing; what one telegram completed is never cut, as its last slot may hold the sum of all.
const MOST_WAITING: usize = 2 * 400 * 96;
/// Seconds by which slots may lie ahead of the clock: it was set back a little. More, and it was wrong when they were sealed.
const MOST_AHEAD: u64 = 86_400;
/// A clock that is so far behind is believed after so many milliseconds: a machine that starts has not heard the time yet.
const BEHIND_FOR: u64 = 3_600_000;

/// The code of what another line reads; see [`SealingError::Elsewhere`](gateway_core::seal::SealingError::Elsewhere).
pub(crate) const ELSEWHERE: &str = "read-elsewhere";

/// Why a telegram did not count as it came. The words are for the householder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// This machine's clock was never set.
    Unset,
    /// This machine's clock is far behind what was sealed by it: wrong now, or wrong then.
    Behind,
    /// This machine's clock was ahead when slots were sealed.
    WasAhead,
}

impl Notice {
    /// Code and words.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Unset => (
                "clock-not-set",
                "this machine's clock shows a time before this program was built, so nobody knows when what the meter says passed; nothing \
                 is sealed until the clock is set (by a network time service, or by hand)",
            ),
            Self::Behind => (
                "clock-is-behind",
                "this machine's clock is more than a day behind what it sealed last. If it is wrong now, set it; if it was \
                 wrong then and is right now, the meter is sealed on in an hour, in a chain of its own",
            ),
            Self::WasAhead => (
                "clock-was-ahead",
                "this machine's clock was ahead by more than a day when it sealed last, so those times are wrong and stay \
                 so; from now on the meter is sealed in a chain of its own",
            ),
        }
    }
}

/// One plain meter on its way into sealed blocks.
pub(super) struct Sealing {
    place: Place,
    counted: Counted,
    slots: Counter,
    /// Oldest first; each of one meter. The first [`Self::sent`] are with the store.
    held: Vec<Batch>,
    sent: usize,
    /// Whether the next batch begins a chain of its own.
    anew: bool,
    /// Since when, by the clock itself, the clock has been far behind what was sealed by it.
    behind_since: Option<u64>,
    /// Of the newest batch that was stored; with the store while something is.
    sealer: Option<SelfSealer>,
    sealer_of: Option<Place>,
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
        counted: Counted,
    ) -> Result<Self, Failure> {
        let (address, label, number) = (terms.address.clone(), label.to_owned(), number.map(ToOwned::to_owned));
        let place = Place { address, label, number, interval: counted.interval(terms.interval) };
        let asked = place.clone();
        let (row, identity) = keeper.run(move |store| known(store, &asked)).await?;
        let terms = slot_terms(&place);
        let sealed = row.as_ref().and_then(|row| row.number.clone());
        let slots = counted.counter(terms, row.and_then(|row| resumed(&row.edges, place.interval)).as_ref());
        let (held, sealer, sealer_of, name) = Default::default();
        Ok(Self {
            place,
            counted,
            slots,
            held,
            sent: 0,
            anew: false,
            behind_since: None,
            sealer,
            sealer_of,
            name,
            identity,
            sealed,
        })
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

    /// Takes a telegram that was heard at this Unix millisecond. What it completes waits for [`Self::work`].
    pub(super) fn hear(&mut self, at: u64, telegram: &Telegram) -> Option<Notice> {
        if at / 1000 < BUILT {
            return Some(Notice::Unset);
        }
        let mut notice = None;
        if self.is_ahead(at) {
            let since = *self.behind_since.get_or_insert(at);
            if at.saturating_sub(since) < BEHIND_FOR {
                return Some(Notice::Behind);
            }
            (self.slots, self.anew) = (self.counted.counter(slot_terms(&self.place), None), true);
            notice = Some(Notice::WasAhead);
        }
        self.behind_since = None;
        let completed = self.slots.hear(at, telegram);
        self.know_number();
        if !completed.is_empty() {
            self.hold(completed);
        }
        notice
    }

    /// Whether what was told last lies so far ahead that the clock must have been wrong then.
    fn is_ahead(&self, at: u64) -> bool {
        let marks = self.slots.marks();
        let last = marks.import.into_iter().chain(marks.export).map(|mark| mark.slot).max().unwrap_or(0);
        last.saturating_mul(self.place.interval.seconds()) > (at / 1000).saturating_add(MOST_AHEAD)
    }

    /// Once another meter is believed to hang here, what it took is sealed as its own. What a bridge calls its inputs by is
    /// no number: other bridges call theirs the same.
    fn know_number(&mut self) {
        let number = self.slots.marks().meter.filter(|number| *number != self.place.label);
        if number.is_some() {
            self.place.number = number;
        }
    }

    /// Lets slots wait, in the batch of their meter.
    fn hold(&mut self, completed: Vec<(Way, Slot)>) {
        let marks = self.slots.marks();
        let goes_on = |batch: &&mut Batch| !self.anew && batch.place == self.place;
        // What is with the store does not change.
        let waiting = self.held.get_mut(self.sent..).unwrap_or_default();
        let batch = match waiting.last_mut().filter(goes_on) {
            Some(batch) => batch,
            None => {
                let anew = std::mem::take(&mut self.anew);
                self.held.push(Batch::new(self.place.clone(), self.counted.clone(), anew));
                let Some(batch) = self.held.last_mut() else { return };
                batch
            }
        };
        let starts = [Way::Import, Way::Export].map(|way| start(way, &marks, &completed, batch));
        batch.starts.extend(starts.into_iter().flatten());
        let count = completed.len();
        batch.slots.extend(completed.into_iter().filter_map(|(way, slot)| open_slot(&self.counted, way, slot)));
        batch.marks = marks;
        self.bound(count);
    }

    /// Lets go of the oldest that wait, when they are too many; never of the newest so many. What passed in them stays in
    /// what the register showed when the rest began, and is sealed as the sum of what is missing.
    fn bound(&mut self, newest: usize) {
        let waiting = self.held.get_mut(self.sent..).unwrap_or_default();
        let all: usize = waiting.iter().map(|batch| batch.slots.len()).sum();
        let mut beyond = all.saturating_sub(MOST_WAITING.max(newest));
        if beyond == 0 {
            return;
        }
        for batch in waiting {
            let gone = beyond.min(batch.slots.len());
            for open in batch.slots.drain(..gone) {
                if let Some(start) = batch.starts.iter_mut().find(|start| start.code == open.register) {
                    start.total = start.total.saturating_add(open.sample.advance.into());
                }
            }
            beyond -= gone;
        }
        // Only one that is taken up anew compares where the registers stand.
        (self.sealer, self.sealer_of) = (None, None);
        if self.sent == 0 {
            self.anew |= self.held.iter().any(|batch| batch.anew && batch.slots.is_empty());
            self.held.retain(|batch| !batch.slots.is_empty());
        }
    }

    /// What is to be stored now; none while the last is not handed back, or nothing waits.
    pub(super) fn work(&mut self) -> Option<Work> {
        if self.sent > 0 || self.held.is_empty() {
            return None;
        }
        self.sent = self.held.len();
        let sealer = self.sealer_of.take().zip(self.sealer.take());
        Some(Work { sealer, batches: self.held.clone() })
    }

    /// What came of it; gives how many blocks were stored, and why the rest was not: what failed waits on, as what is read
    /// elsewhere does, in case that line leaves; what is refused will be refused however often it comes.
    pub(super) fn stored(&mut self, done: Result<Done, Failure>) -> (u64, Option<Failure>) {
        let sent = std::mem::take(&mut self.sent).min(self.held.len());
        let done = match done {
            Ok(done) => done,
            Err(failure) => return (0, Some(failure)),
        };
        self.held.drain(..done.batches.min(sent));
        if let Some((place, sealer)) = done.sealer.filter(|_| done.batches > 0) {
            self.identity = done.identity;
            self.name = Some(sealer.name().to_string());
            self.sealed = place.number.clone().or(self.sealed.take());
            (self.sealer, self.sealer_of) = (Some(sealer), Some(place));
        }
        if let Some(Failure::Refused { code, .. }) = &done.trouble
            && code != ELSEWHERE
            && !self.held.is_empty()
        {
            let gone = self.held.remove(0);
            self.anew |= gone.anew && self.held.is_empty();
            if let Some(next) = self.held.first_mut() {
                next.anew |= gone.anew && next.place == gone.place;
            }
        }
        (done.blocks, done.trouble)
    }

    /// Whether this is a meter itself and none that speaks through it.
    pub(super) fn is_energy(&self) -> bool {
        self.counted == Counted::Energy
    }
}

/// How telegrams become the slots of a place.
pub(super) fn slot_terms(place: &Place) -> SlotTerms {
    SlotTerms::for_interval(u32::try_from(place.interval.seconds()).unwrap_or(u32::MAX))
}

/// What a register showed when the first of its slots in a batch began, where these are the first.
fn start(way: Way, marks: &Marks, completed: &[(Way, Slot)], batch: &Batch) -> Option<Start> {
    let (code, unit) = batch.counted.register(way)?;
    let told = completed.iter().filter(|(of, _)| *of == way);
    if batch.starts.iter().any(|start| start.code == code) || told.clone().next().is_none() {
        return None;
    }
    let passed: i64 = told.map(|(_, slot)| i64::from(slot.advance)).sum();
    let total = u64::try_from(marks.of(way)?.total.saturating_sub(passed)).unwrap_or(0);
    Some(Start { code, unit, total })
}
