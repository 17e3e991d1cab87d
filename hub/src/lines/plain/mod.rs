//! A line to a meter that seals nothing: its telegrams become slots, and this gateway seals them.
//!
//! ```text
//! drivers::Reader ─ Telegram ─► PlainConversation ─► shown now
//!                                   └ Slots ─► Sealing ─► Keeper (seal, verify, store)
//! ```
//!
//! A telegram counts for the moment at which it came. The conversation does not wait for the store: while that is busy or
//! fails, slots wait in memory. It waits only where a meter stands that it hears for the first time.
//!
//! Nothing here can be certified: whoever wires something else to the cable is believed. What is shown now comes from the
//! telegram alone and is stored nowhere.

mod batch;
mod counted;
mod sealing;
mod setup;
mod shown;
mod storing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use drivers::plain::{Fault, Telegram};
use drivers::{Damage, Event as Heard, Events, Handle, Told};
use protocol::metrology::label::Interval;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::voice::Voice;
use super::{Control, Shared};
use crate::Failure;
use crate::api::Event;
use crate::commands::now_millis;
use crate::keeper::Keeper;
use batch::Done;
use counted::Counted;
pub(crate) use sealing::ELSEWHERE;
use sealing::{Notice, Sealing};
pub(super) use setup::ready;
pub(crate) use setup::set_up;
use shown::{Showing, Whose};

/// Meters behind one line, and as many that speak through them: no bridge has more inputs.
const MOST_METERS: usize = 16;

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
    storing: JoinSet<(String, Result<Done, Failure>)>,
    /// Before this nothing is handed to the store, as it failed.
    again_at: Option<Instant>,
    /// What they show.
    showing: Showing,
}

impl PlainConversation {
    pub(super) fn new(
        terms: Terms,
        keeper: Keeper,
        handle: Handle<std::convert::Infallible>,
        events: broadcast::Sender<Event>,
        shared: Shared,
    ) -> Self {
        let (meters, storing, again_at) = Default::default();
        let showing = Showing::new(shared.clone(), terms.cadence);
        let voice = Voice::new(terms.line, events, shared);
        Self { terms, keeper, voice, handle, meters, storing, again_at, showing }
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
                    Some(Control::Close) | None => break,
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
        if let Err(failure) = self.store_all().await {
            self.could_not(&failure);
        }
        self.handle.close();
        // The reader ends when its events are read to the last.
        while heard.recv().await.is_some() {}
        self.voice.closed();
        self.showing.end();
    }

    async fn hear(&mut self, told: Told<Telegram>) -> Result<(), Failure> {
        match told.event {
            Heard::Connected => {
                self.voice.up();
                Ok(())
            }
            Heard::Disconnected { why, retry_in } => {
                self.voice.down(&why, retry_in);
                self.showing.end();
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
        // What another meter tells is not shown under the name and the key of the one before.
        let number = telegram.meter.as_deref().or(self.showing.number(&label));
        let same = !sealing.is_of_another(number);
        let name = sealing.name().filter(|_| same).unwrap_or_else(|| number.unwrap_or(&label).to_owned());
        let whose = Whose { name: name.clone(), identity: sealing.identity().filter(|_| same) };
        if self.showing.hear(&label, telegram, whose, heard, seconds(at)) {
            self.found(name);
        }
        for channel in &telegram.channels {
            if let Some(counted) = Counted::channel(channel) {
                let label = format!("{label}/{}", channel.code);
                if let Err(failure) = self.count(&label, counted, telegram, at).await {
                    self.could_not(&failure);
                }
            }
        }
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
            let itself = counted == Counted::Energy;
            if self.meters.values().filter(|known| known.is_energy() == itself).count() >= MOST_METERS {
                self.refuse("too-many-meters", "more meters speak on this line than a bridge has inputs");
                return Ok(None);
            }
            // A number that no checksum stands behind may have been changed: it must come again to be believed.
            let number = counted.number(telegram).filter(|number| telegram.checked && *number != label);
            let sealing = Sealing::take_up(&self.keeper, &self.terms, label, number, counted).await?;
            if itself {
                self.found(sealing.name().unwrap_or_else(|| number.unwrap_or("a meter without a number").to_owned()));
            }
            self.meters.insert(label.to_owned(), sealing);
        }
        Ok(self.meters.get_mut(label).map(|sealing| sealing.hear(at, telegram)))
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
        self.showing.tick(at);
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
