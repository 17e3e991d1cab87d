//! A line to a meter that seals nothing: its telegrams become slots, and this gateway seals them.
//!
//! ```text
//! drivers::Reader ─ Telegram ─► PlainConversation ─► shown now
//!                                   └ Slots ─► Sealing ─► Keeper (seal, verify, store)
//! ```
//!
//! A telegram counts for the moment at which it came. The conversation does not wait for the store: while that is busy or
//! fails, slots wait in memory.
//!
//! Nothing here can be certified: whoever wires something else to the cable is believed. What is shown now comes from the
//! telegram alone and is stored nowhere.

mod batch;
mod counted;
mod sealing;
mod setup;
mod shown;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use drivers::plain::{Fault, Telegram};
use drivers::{Damage, Event as Heard, Events, Handle, Told};
use protocol::metrology::label::Interval;
use tokio::sync::{broadcast, mpsc};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::voice::Voice;
use super::{Control, Shared};
use crate::Failure;
use crate::api::Event;
use crate::commands::now_millis;
use crate::keeper::Keeper;
use batch::Taken;
use counted::Counted;
use sealing::{Notice, Sealing};
pub(super) use setup::ready;
pub(crate) use setup::set_up;
use shown::shown;

/// What a telegram showed is not shown any more after so many of the meter's cadences, and half a minute at least.
const CADENCES: u32 = 3;
/// Least time for which a telegram is shown when no other follows.
const LEAST_SHOWN: Duration = Duration::from_secs(30);
/// Meters behind one line: no bridge has more inputs.
const MOST_METERS: usize = 16;
/// What the store could not take is tried again after this.
const AGAIN: Duration = Duration::from_secs(30);

/// What a plain line is set up with.
pub(super) struct Terms {
    /// Its number.
    pub line: i64,
    /// Where it leads.
    pub address: String,
    /// Slots of the meter.
    pub interval: Interval,
    /// How often the meter speaks.
    pub cadence: Duration,
}

/// A conversation with a meter that is only listened to; see the module.
pub(super) struct PlainConversation {
    terms: Terms,
    keeper: Keeper,
    voice: Voice,
    handle: Handle<std::convert::Infallible>,
    /// By label: a bridge may speak for several meters.
    meters: BTreeMap<String, Sealing>,
    /// What the store is busy with, by label.
    storing: JoinSet<(String, Result<Taken, Failure>)>,
    /// When the store failed last.
    failed_at: Option<Instant>,
    /// When each meter was heard last.
    shown_at: BTreeMap<String, Instant>,
}

impl PlainConversation {
    pub(super) fn new(
        terms: Terms,
        keeper: Keeper,
        handle: Handle<std::convert::Infallible>,
        events: broadcast::Sender<Event>,
        shared: Shared,
    ) -> Self {
        let (meters, storing, failed_at, shown_at) = Default::default();
        let voice = Voice::new(terms.line, events, shared);
        Self { terms, keeper, voice, handle, meters, storing, failed_at, shown_at }
    }

    /// Listens until it is told to close or the reader has ended.
    pub(super) async fn run(mut self, mut heard: Events<Telegram>, mut orders: mpsc::Receiver<Control>) {
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let result = tokio::select! {
                told = heard.recv() => match told {
                    Some(told) => self.hear(told).await,
                    None => break,
                },
                order = orders.recv() => match order {
                    Some(Control::Pair(_, answer)) => {
                        let _ = answer.send(Err(plain_meter()));
                        Ok(())
                    }
                    Some(Control::Flush(done)) => {
                        let result = self.store_all().await;
                        let _ = done.send(result.clone());
                        result
                    }
                    Some(Control::Look) => Ok(()),
                    Some(Control::Close) | None => {
                        let _ = self.store_all().await;
                        break;
                    }
                },
                Some(stored) = self.storing.join_next() => self.stored(stored),
                _ = tick.tick() => {
                    self.tick();
                    Ok(())
                }
            };
            if let Err(failure) = result {
                self.could_not(&failure);
            }
        }
        self.handle.close();
        // The reader ends when its events are read to the last.
        while heard.recv().await.is_some() {}
        self.voice.closed();
    }

    async fn hear(&mut self, told: Told<Telegram>) -> Result<(), Failure> {
        match told.event {
            Heard::Connected => {
                self.voice.up();
                Ok(())
            }
            Heard::Disconnected { why, retry_in } => {
                self.voice.down(&why, retry_in);
                Ok(())
            }
            Heard::Damaged { count, kind } => {
                self.voice.damaged(count);
                self.damaged(kind);
                Ok(())
            }
            Heard::Noise { bytes } => {
                self.voice.noise(bytes);
                Ok(())
            }
            Heard::Message(telegram) => {
                let age = u64::try_from(told.at.elapsed().as_millis()).unwrap_or(0);
                let at = now_millis().saturating_sub(age);
                self.voice.shared.change(|state| state.heard_at = Some(seconds(at)));
                self.take(&telegram, at, told.at).await
            }
        }
    }

    /// Takes a telegram that was heard at this Unix millisecond.
    async fn take(&mut self, telegram: &Telegram, at: u64, heard: Instant) -> Result<(), Failure> {
        let label = telegram.input.clone().unwrap_or_default();
        let Some(notice) = self.count(&label, Counted::Energy, telegram, at).await? else { return Ok(()) };
        let Some(sealing) = self.meters.get(&label) else { return Ok(()) };
        let name = sealing.name().or_else(|| telegram.meter.clone()).unwrap_or_else(|| label.clone());
        let identity = sealing.identity();
        if self.voice.shared.show_meter(&label, shown(telegram, name.clone(), identity, seconds(at))) {
            self.found(name);
        }
        for channel in &telegram.channels {
            if let Some(counted) = Counted::channel(channel) {
                let label = format!("{label}/{}", channel.code);
                self.count(&label, counted, telegram, at).await?;
            }
        }
        self.shown_at.insert(label, heard);
        if let Some((code, message)) = notice.map(Notice::words) {
            self.voice.attend(code, message);
        }
        self.begin_storing();
        Ok(())
    }

    /// Counts what a telegram says of one of the meters behind the line, and gives what there is to say of it; none when there
    /// are too many meters.
    async fn count(
        &mut self,
        label: &str,
        counted: Counted,
        telegram: &Telegram,
        at: u64,
    ) -> Result<Option<Option<Notice>>, Failure> {
        if !self.meters.contains_key(label) {
            if self.meters.len() >= MOST_METERS {
                self.refuse("too-many-meters", "more meters speak on this line than a bridge has inputs");
                return Ok(None);
            }
            // A number that no checksum stands behind may have been changed: it must come again to be believed.
            let number = counted.number(telegram).filter(|number| telegram.checked && *number != label);
            let itself = counted == Counted::Energy;
            let sealing = Sealing::take_up(&self.keeper, &self.terms, label, number, counted).await?;
            if itself {
                self.found(sealing.name().unwrap_or_else(|| number.unwrap_or("a meter without a number").to_owned()));
            }
            self.meters.insert(label.to_owned(), sealing);
        }
        Ok(self.meters.get_mut(label).map(|sealing| sealing.hear(at, telegram)))
    }

    /// Hands what waits to the store, but for meters of which it already has something, and not shortly after it failed.
    fn begin_storing(&mut self) {
        if self.failed_at.is_some_and(|at| at.elapsed() < AGAIN) {
            return;
        }
        for (label, sealing) in &mut self.meters {
            if let Some(work) = sealing.work() {
                let (keeper, label) = (self.keeper.clone(), label.clone());
                self.storing.spawn(async move { (label, keeper.run(|store| work.run(store)).await) });
            }
        }
    }

    /// Takes what came of something that was handed to the store.
    fn stored(&mut self, stored: Result<(String, Result<Taken, Failure>), JoinError>) -> Result<(), Failure> {
        let failed = || Failure::could_not("store-ended", "the store was closed; start the gateway again");
        let (label, taken) = stored.map_err(|_| failed())?;
        let sealing = self.meters.get_mut(&label).ok_or_else(failed)?;
        match sealing.stored(taken) {
            Ok(blocks) => {
                self.failed_at = None;
                if blocks > 0 {
                    let meter = sealing.name().unwrap_or(label);
                    self.voice.tell(Event::Stored { meter, blocks });
                }
                Ok(())
            }
            Err(Failure::Refused { code, message }) => {
                self.refuse(&code, &message);
                Ok(())
            }
            Err(failure) => {
                self.failed_at = Some(Instant::now());
                Err(failure)
            }
        }
    }

    /// Stores all that waits, and waits for it.
    async fn store_all(&mut self) -> Result<(), Failure> {
        self.failed_at = None;
        loop {
            self.begin_storing();
            let Some(stored) = self.storing.join_next().await else { return Ok(()) };
            self.stored(stored)?;
        }
    }

    /// A meter speaks for the first time, or has told its number.
    fn found(&self, meter: String) {
        self.voice.shared.change(|state| {
            state.meter = Some(meter.clone());
            state.paired = true;
        });
        self.voice.tell(Event::MeterFound { line: self.terms.line, meter, paired: true });
    }

    /// Once a second.
    fn tick(&mut self) {
        let at = Instant::now();
        self.begin_storing();
        self.voice.tick(&self.voice.shared.state().meter.unwrap_or_default());
        let while_new = self.terms.cadence.saturating_mul(CADENCES).max(LEAST_SHOWN);
        let shared = &self.voice.shared;
        self.shown_at.retain(|label, since| {
            let is_new = at - *since <= while_new;
            if !is_new {
                shared.hide_meter(label);
            }
            is_new
        });
    }

    /// What needs a person: a key that is missing or wrong. Anything else is the line's noise, and counted.
    fn damaged(&mut self, kind: Damage) {
        if let Damage::Plain(fault @ (Fault::Encrypted | Fault::WrongKey)) = kind {
            self.refuse(fault.code(), &kind.to_string());
        }
    }

    fn could_not(&mut self, failure: &Failure) {
        self.voice.attend(failure.code(), &failure.to_string());
    }

    fn refuse(&mut self, code: &str, message: &str) {
        let meter = self.voice.shared.state().meter.unwrap_or_default();
        self.voice.refuse(&meter, code, message);
    }
}

fn seconds(millis: u64) -> i64 {
    i64::try_from(millis / 1000).unwrap_or(i64::MAX)
}

fn plain_meter() -> Failure {
    Failure::refused(
        "plain-meter",
        "the meter on this line does not seal, so there is nothing to pair with: this gateway seals what it says",
    )
}
