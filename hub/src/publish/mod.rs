//! Publishing to Home Assistant, or whoever else reads its format: by MQTT discovery, to brokers that a person named, and
//! of what that person agreed to.
//!
//! ```text
//! Lines::now ─► Course (agreed to, believed, due) ─► Session ─► broker ─► Home Assistant
//!                  entity, discovery, guard             │ opened again with back-off
//!               Store ◄── topics the broker keeps ──────┘
//! ```
//!
//! One task for each publication of a running gateway. It shows what `wattseal now` shows, no more often than agreed, and
//! writes nothing of it down. Without a publication nothing here runs and no connection is made.

mod course;
mod discovery;
mod entity;
mod guard;
mod listing;
mod local;
mod session;
mod terms;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gateway_core::store::Publication;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::Failure;
use crate::api::{Event, PublishState};
use crate::keeper::Keeper;
use crate::lines::{Lines, random_number};
pub(crate) use listing::{Known, list};
use session::{Session, Trouble};
pub(crate) use terms::settle;
use terms::{Terms, ready};

/// Pauses between attempts to connect.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// A connection that held so long begins with the first pause again.
const HELD: Duration = Duration::from_secs(60);
/// Attempts that fail before a person is told.
const ATTEMPTS: u32 = 3;
/// A task that was told to end may take so long to say farewell.
const FAREWELL: Duration = Duration::from_secs(8);

struct Running {
    close: watch::Sender<bool>,
    state: Arc<Mutex<PublishState>>,
    task: JoinHandle<()>,
}

/// The publications of a running gateway.
#[derive(Default)]
pub(crate) struct Publishing(BTreeMap<i64, Running>);

impl Publishing {
    /// Begins to publish; what runs under the same number is ended first.
    ///
    /// # Errors
    /// When the store's row is none.
    pub(crate) async fn open(
        &mut self,
        row: &Publication,
        keeper: &Keeper,
        lines: &Arc<tokio::sync::Mutex<Lines>>,
        events: &broadcast::Sender<Event>,
    ) -> Result<(), Failure> {
        self.close(row.id).await;
        let terms = ready(row)?;
        let (close, closed) = watch::channel(false);
        let state = Arc::new(Mutex::new(PublishState { running: true, ..PublishState::default() }));
        let task = Task {
            terms,
            keeper: keeper.clone(),
            lines: Arc::clone(lines),
            events: events.clone(),
            state: Arc::clone(&state),
            closed,
        };
        self.0.insert(row.id, Running { close, state, task: tokio::spawn(task.run()) });
        Ok(())
    }

    /// Ends one; the broker is told that the gateway is gone.
    pub(crate) async fn close(&mut self, publication: i64) {
        if let Some(running) = self.0.remove(&publication) {
            running.close.send_replace(true);
            running.end().await;
        }
    }

    /// Ends all, none waiting for another.
    pub(crate) async fn close_all(&mut self) {
        let running = std::mem::take(&mut self.0);
        for one in running.values() {
            one.close.send_replace(true);
        }
        for one in running.into_values() {
            one.end().await;
        }
    }

    /// How a publication is.
    pub(crate) fn state(&self, publication: i64) -> PublishState {
        let state = self.0.get(&publication).map(|one| &one.state);
        state.map(|state| state.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }
}

impl Running {
    async fn end(mut self) {
        if timeout(FAREWELL, &mut self.task).await.is_err() {
            self.task.abort();
            let _ = self.task.await;
        }
    }
}

/// Takes back everything that a broker keeps of a publication.
///
/// # Errors
/// When the broker cannot be reached or does not confirm it.
pub(crate) async fn take_back(row: &Publication, topics: &[String]) -> Result<(), Failure> {
    if topics.is_empty() {
        return Ok(());
    }
    let terms = ready(row)?;
    let could_not = |trouble: Trouble| {
        Failure::could_not(
            "not-taken-back",
            format!(
                "nothing is published any more, but the broker still keeps descriptions of {} topics, without readings: \
                 {trouble}. Remove it again when the broker is there, or with --forget to leave them there",
                topics.len()
            ),
        )
    };
    let session = Session::open(&terms, client(&terms), false).await.map_err(could_not)?;
    session.take_back(topics).await.map_err(could_not)
}

/// The name that a broker knows a publication by. It stays the same, so that a broker that has not noticed the end of one
/// connection ends it, with its will, before the next begins.
fn client(terms: &Terms) -> String {
    format!("wattseal-{}", terms.topics.name)
}

struct Task {
    terms: Terms,
    keeper: Keeper,
    lines: Arc<tokio::sync::Mutex<Lines>>,
    events: broadcast::Sender<Event>,
    state: Arc<Mutex<PublishState>>,
    closed: watch::Receiver<bool>,
}

impl Task {
    async fn run(mut self) {
        let (mut pause, mut failed) = (FIRST_PAUSE, 0_u32);
        loop {
            let begun = Instant::now();
            let trouble = match self.publish().await {
                Ok(()) => break,
                Err(trouble) => trouble,
            };
            if begun.elapsed() >= HELD {
                (pause, failed) = (FIRST_PAUSE, 0);
            }
            failed = failed.saturating_add(1);
            self.lost(&trouble, failed);
            let jitter = Duration::from_millis(random_number() % 500);
            let mut closed = self.closed.clone();
            tokio::select! {
                () = tokio::time::sleep(pause + jitter) => {}
                _ = closed.wait_for(|closed| *closed) => break,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.change(|state| *state = PublishState::default());
    }

    /// One connection. Gives nothing when it was told to end.
    async fn publish(&mut self) -> Result<(), Trouble> {
        let mut closed = self.closed.clone();
        let session = tokio::select! {
            session = Session::open(&self.terms, client(&self.terms), true) => session?,
            _ = closed.wait_for(|closed| *closed) => return Ok(()),
        };
        tracing::info!(publication = self.terms.id, "broker connected");
        self.change(|state| (state.up, state.why) = (true, None));
        session.run(&self.terms, &self.keeper, &self.lines, &mut self.closed).await
    }

    fn lost(&self, trouble: &Trouble, failed: u32) {
        tracing::info!(publication = self.terms.id, code = trouble.code(), "not publishing");
        self.change(|state| (state.up, state.why) = (false, Some(trouble.to_string())));
        if failed == ATTEMPTS {
            let message = format!("publication {}: nothing is published, {trouble}; it is tried again", self.terms.id);
            // Nobody listening is no failure.
            let _ = self.events.send(Event::Attention { code: trouble.code().to_owned(), message });
        }
    }

    fn change(&self, change: impl FnOnce(&mut PublishState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
