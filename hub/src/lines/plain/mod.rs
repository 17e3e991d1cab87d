//! A line to a meter that seals nothing: its telegrams become slots, and this gateway seals them.
//!
//! ```text
//! drivers::Reader ─ Telegram ─► PlainConversation ─► shown now
//!                                   └ Slots ─► Sealing ─► Keeper (seal, verify, store)
//! ```
//!
//! Nothing here can be certified: whoever wires something else to the cable is believed. What is shown now comes from the
//! telegram alone and is stored nowhere.

mod sealing;
mod setup;
mod shown;

use std::collections::BTreeMap;
use std::time::Duration;

use drivers::plain::{Fault, Telegram};
use drivers::{Damage, Event as Heard, Handle, LineError};
use protocol::metrology::label::Interval;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::refusals::Refusals;
use super::{Control, Shared};
use crate::Failure;
use crate::api::Event;
use crate::commands::{now, now_millis};
use crate::keeper::Keeper;
use sealing::Sealing;
pub(super) use setup::ready;
pub(crate) use setup::set_up;
use shown::{Showing, Whose};

/// Meters behind one line: no bridge has more inputs.
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
    events: broadcast::Sender<Event>,
    shared: Shared,
    handle: Handle<std::convert::Infallible>,
    /// By label: a bridge may speak for several meters.
    meters: BTreeMap<String, Sealing>,
    /// What they show.
    showing: Showing,
    failures: Refusals,
    refusals: Refusals,
}

impl PlainConversation {
    pub(super) fn new(
        terms: Terms,
        keeper: Keeper,
        handle: Handle<std::convert::Infallible>,
        events: broadcast::Sender<Event>,
        shared: Shared,
    ) -> Self {
        let (meters, failures, refusals) = Default::default();
        let showing = Showing::new(shared.clone(), terms.cadence);
        Self { terms, keeper, events, shared, handle, meters, showing, failures, refusals }
    }

    /// Listens until it is told to close or the reader has ended.
    pub(super) async fn run(mut self, mut heard: mpsc::Receiver<Heard<Telegram>>, mut orders: mpsc::Receiver<Control>) {
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let result = tokio::select! {
                event = heard.recv() => match event {
                    Some(event) => self.hear(event).await,
                    None => break,
                },
                order = orders.recv() => match order {
                    Some(Control::Pair(_, answer)) => {
                        let _ = answer.send(Err(plain_meter()));
                        Ok(())
                    }
                    Some(Control::Flush(done)) => {
                        let result = self.store_held().await;
                        let _ = done.send(result.clone());
                        result
                    }
                    Some(Control::Look) => Ok(()),
                    Some(Control::Close) | None => {
                        let _ = self.store_held().await;
                        break;
                    }
                },
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
        self.shared.change(|state| {
            state.up = false;
            state.why = Some("closed".into());
        });
        self.showing.end();
    }

    async fn hear(&mut self, event: Heard<Telegram>) -> Result<(), Failure> {
        match event {
            Heard::Connected => {
                self.shared.change(|state| {
                    state.up = true;
                    state.why = None;
                });
                tracing::info!(line = self.terms.line, "line open");
                self.tell(Event::LineUp { line: self.terms.line });
                Ok(())
            }
            Heard::Disconnected { why, retry_in } => {
                self.lost(&why, retry_in);
                Ok(())
            }
            Heard::Damaged { count, kind } => {
                self.shared.change(|state| state.damaged = state.damaged.saturating_add(count));
                self.damaged(kind);
                Ok(())
            }
            Heard::Noise { bytes } => {
                self.shared.change(|state| state.noise = state.noise.saturating_add(bytes));
                Ok(())
            }
            Heard::Message(telegram) => {
                self.shared.change(|state| state.heard_at = Some(now()));
                self.take(&telegram).await
            }
        }
    }

    async fn take(&mut self, telegram: &Telegram) -> Result<(), Failure> {
        let label = telegram.input.clone().unwrap_or_default();
        if !self.meters.contains_key(&label) {
            if self.meters.len() >= MOST_METERS {
                self.refuse("too-many-meters", "more meters speak on this line than a bridge has inputs");
                return Ok(());
            }
            // A number that no checksum stands behind may have been changed: it must come again to be believed.
            let number = telegram.meter.as_deref().filter(|number| telegram.checked && *number != label);
            let sealing = Sealing::take_up(&self.keeper, &self.terms, &label, number).await?;
            self.found(sealing.name().unwrap_or_else(|| number.unwrap_or("a meter without a number").to_owned()));
            self.meters.insert(label.clone(), sealing);
        }
        let Some(sealing) = self.meters.get_mut(&label) else { return Ok(()) };
        let stored = sealing.hear(&self.keeper, now_millis(), telegram).await;
        // What another meter tells is not shown under the name and the key of the one before.
        let same = !sealing.is_of_another(telegram.meter.as_deref());
        let name = sealing.name().filter(|_| same).or_else(|| telegram.meter.clone()).unwrap_or_else(|| label.clone());
        let whose = Whose { name: name.clone(), identity: sealing.identity().filter(|_| same) };
        if self.showing.hear(&label, telegram, whose, Instant::now(), now()) {
            self.found(name.clone());
        }
        match stored {
            Ok(0) => Ok(()),
            Ok(blocks) => {
                self.tell(Event::Stored { meter: name, blocks });
                Ok(())
            }
            Err(Failure::Refused { code, message }) => {
                self.refuse(&code, &message);
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// A meter speaks for the first time, or has told its number.
    fn found(&self, meter: String) {
        self.shared.change(|state| {
            state.meter = Some(meter.clone());
            state.paired = true;
        });
        self.tell(Event::MeterFound { line: self.terms.line, meter, paired: true });
    }

    /// Stores what could not be stored before.
    async fn store_held(&mut self) -> Result<(), Failure> {
        let mut result = Ok(());
        for sealing in self.meters.values_mut() {
            result = result.and(sealing.store_held(&self.keeper).await.map(|_| ()));
        }
        result
    }

    /// Once a second.
    fn tick(&mut self) {
        let at = Instant::now();
        for (code, message) in self.failures.due(at) {
            self.tell(Event::Attention { code, message });
        }
        for (code, message) in self.refusals.due(at) {
            self.tell_refusal(&code, message);
        }
        self.showing.tick(at);
    }

    /// What needs a person: a key that is missing or wrong. Anything else is the line's noise, and counted.
    fn damaged(&mut self, kind: Damage) {
        if let Damage::Plain(fault @ (Fault::Encrypted | Fault::WrongKey)) = kind {
            self.refuse(fault.code(), &kind.to_string());
        }
    }

    fn lost(&mut self, why: &LineError, retry_in: Option<Duration>) {
        self.shared.change(|state| {
            state.up = false;
            state.why = Some(why.to_string());
        });
        self.showing.end();
        tracing::info!(line = self.terms.line, code = why.code(), retry = ?retry_in, "line closed");
        self.tell(Event::LineDown { line: self.terms.line, why: why.to_string() });
    }

    fn could_not(&mut self, failure: &Failure) {
        if let Some(message) = self.failures.note(failure.code(), &failure.to_string(), Instant::now()) {
            tracing::warn!(line = self.terms.line, code = failure.code(), "could not store what came");
            self.tell(Event::Attention { code: failure.code().to_owned(), message });
        }
    }

    fn refuse(&mut self, code: &str, message: &str) {
        if let Some(message) = self.refusals.note(code, message, Instant::now()) {
            self.tell_refusal(code, message);
        }
    }

    fn tell_refusal(&self, code: &str, message: String) {
        tracing::warn!(line = self.terms.line, code, "refused what came from the meter");
        let meter = self.shared.state().meter.unwrap_or_default();
        self.tell(Event::Refused { meter, code: code.to_owned(), message });
    }

    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

fn plain_meter() -> Failure {
    Failure::refused(
        "plain-meter",
        "the meter on this line does not seal, so there is nothing to pair with: this gateway seals what it says",
    )
}
