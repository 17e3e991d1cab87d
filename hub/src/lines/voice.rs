//! What a line tells: how it is, to whoever looks; what happens on it, to whoever listens; and nothing of it too often.

use std::time::Duration;

use drivers::LineError;
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::Shared;
use super::refusals::Refusals;
use crate::api::Event;

/// A line's voice; see the module.
pub(super) struct Voice {
    line: i64,
    events: broadcast::Sender<Event>,
    /// What others may see of the line.
    pub(super) shared: Shared,
    /// What came and was discarded.
    refusals: Refusals,
    /// What needs a person.
    attention: Refusals,
}

impl Voice {
    pub(super) fn new(line: i64, events: broadcast::Sender<Event>, shared: Shared) -> Self {
        Self { line, events, shared, refusals: Refusals::default(), attention: Refusals::default() }
    }

    /// Tells whoever listens.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// The line is open.
    pub(super) fn up(&self) {
        self.shared.change(|state| {
            state.up = true;
            state.why = None;
        });
        tracing::info!(line = self.line, "line open");
        self.tell(Event::LineUp { line: self.line });
    }

    /// The line ended, or could not be opened. Nothing is shown as of now any more.
    pub(super) fn down(&self, why: &LineError, retry_in: Option<Duration>) {
        self.no_more(why.to_string());
        tracing::info!(line = self.line, code = why.code(), retry = ?retry_in, "line closed");
        self.tell(Event::LineDown { line: self.line, why: why.to_string() });
    }

    /// The line was closed for good.
    pub(super) fn closed(&self) {
        self.no_more("closed".into());
    }

    fn no_more(&self, why: String) {
        self.shared.change(|state| {
            state.up = false;
            state.why = Some(why);
        });
        self.shared.show(None);
    }

    /// So many messages came that cannot be used.
    pub(super) fn damaged(&self, count: u64) {
        self.shared.change(|state| state.damaged = state.damaged.saturating_add(count));
    }

    /// So many bytes came that are no message.
    pub(super) fn noise(&self, bytes: u64) {
        self.shared.change(|state| state.noise = state.noise.saturating_add(bytes));
    }

    /// Something that came from this meter was discarded: told at once or, when much of a kind comes, summed up.
    pub(super) fn refuse(&mut self, meter: &str, code: &str, message: &str) {
        if let Some(message) = self.refusals.note(code, message, Instant::now()) {
            self.tell_refusal(meter, code.to_owned(), message);
        }
    }

    /// Something needs a person: a store that fails, a clock that is wrong.
    pub(super) fn attend(&mut self, code: &str, message: &str) {
        if let Some(message) = self.attention.note(code, message, Instant::now()) {
            self.tell_attention(code.to_owned(), message);
        }
    }

    /// Once a second: sums of what came too often to be told each time.
    pub(super) fn tick(&mut self, meter: &str) {
        let at = Instant::now();
        for (code, message) in self.refusals.due(at) {
            self.tell_refusal(meter, code, message);
        }
        for (code, message) in self.attention.due(at) {
            self.tell_attention(code, message);
        }
    }

    fn tell_refusal(&self, meter: &str, code: String, message: String) {
        tracing::warn!(line = self.line, code, "refused what came from the meter");
        self.tell(Event::Refused { meter: meter.to_owned(), code, message });
    }

    fn tell_attention(&self, code: String, message: String) {
        tracing::warn!(line = self.line, code, "could not store what came");
        self.tell(Event::Attention { code, message });
    }
}
