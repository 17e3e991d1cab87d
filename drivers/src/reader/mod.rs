//! The task that keeps a line open: opens, reads, decodes, and opens anew when the line ends or falls silent.
//!
//! It stops for three reasons alone: it is told to, a recording is over, or nobody takes its events. A wrong password
//! or a missing cable are told and tried again, ever more rarely; whoever reads the events decides whether to close.

mod back_off;
mod run;
mod tally;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::dialect::{Damage, Dialect};
use crate::error::LineError;
use crate::transport::{Dial, Mode};

/// Events that wait to be taken; when they are not, the line is not read either.
const EVENTS: usize = 32;
/// Messages that wait to be sent.
const SENDS: usize = 32;
/// Silence that ends a line whose meter's cadence is not known, and the least for any meter.
const LEAST_SILENCE: Duration = Duration::from_secs(60);

/// What a reader reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<M> {
    /// The line is open; over MQTT, the topic is subscribed. What was asked before must be asked again.
    Connected,
    /// The line could not be opened, or ended. Comes after every attempt, so the same reason may come again and again.
    Disconnected {
        /// Why.
        why: LineError,
        /// When it is opened anew; `None` when the reader has stopped.
        retry_in: Option<Duration>,
    },
    /// The meter said something.
    Message(M),
    /// Messages came that cannot be used: summed up, one such event of a kind within [`Patience::summary`].
    Damaged {
        /// Why they cannot be used.
        kind: Damage,
        /// How many since the last summary.
        count: u64,
    },
    /// Bytes came that are no message: summed up as well.
    Noise {
        /// How many since the last summary.
        bytes: u64,
    },
}

/// An event, and when it was: whoever takes it later still knows how old it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told<M> {
    /// When it was; of a message, when the last of it came.
    pub at: Instant,
    /// What it is.
    pub event: Event<M>,
}

/// What a reader reports, in order. It ends after the reader; dropping it ends the reader.
pub type Events<M> = mpsc::Receiver<Told<M>>;

/// How long a reader waits for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Longest wait before a line is opened anew the first time.
    pub first: Duration,
    /// Longest wait ever: each one is up to twice as long as the one before.
    pub most: Duration,
    /// A line that still gives messages after so long was good: the next wait is the first again.
    pub settled: Duration,
    /// A line that gives nothing for so long is opened anew. [`Handle::set_silence`] changes it.
    pub silence: Duration,
    /// Damage and noise are told this often at most.
    pub summary: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(2),
            most: Duration::from_secs(60),
            settled: Duration::from_secs(60),
            silence: LEAST_SILENCE,
            summary: Duration::from_secs(10),
        }
    }
}

/// The silence that means something for a meter that speaks this often: three times its cadence, and a minute at least.
#[must_use]
pub fn silence_for(cadence: Duration) -> Duration {
    cadence.saturating_mul(3).max(LEAST_SILENCE)
}

/// Why a message is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The line is not open.
    #[error("the meter is not connected just now; ask again when it is")]
    NotConnected,
    /// Too much waits already.
    #[error("the line to the meter is busy; ask again later")]
    Busy,
    /// Longer than the meter takes.
    #[error("the message is longer than the meter takes")]
    TooLong,
    /// The reader has stopped.
    #[error("the reader of this meter was closed")]
    Closed,
}

/// What a handle tells its reader.
#[derive(Clone, Copy, Debug)]
struct Orders {
    silence: Duration,
    close: bool,
}

/// Speaks to a running reader. Dropping handles does not stop it.
pub struct Handle<M> {
    orders: Arc<watch::Sender<Orders>>,
    said: mpsc::Sender<Vec<u8>>,
    connected: Arc<AtomicBool>,
    say: fn(&M, Mode) -> Option<Vec<u8>>,
    mode: Mode,
}

impl<M> Clone for Handle<M> {
    fn clone(&self) -> Self {
        let (orders, said, connected) = (self.orders.clone(), self.said.clone(), self.connected.clone());
        Self { orders, said, connected, ..*self }
    }
}

impl<M> fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("connected", &self.is_connected()).finish_non_exhaustive()
    }
}

impl<M> Handle<M> {
    /// Queues a message for the meter, and never waits. What is queued when the line ends is not sent later: after the
    /// next [`Event::Connected`] it is asked anew or not at all.
    ///
    /// # Errors
    /// [`SendError`], at once.
    pub fn send(&self, message: M) -> Result<(), SendError> {
        if self.said.is_closed() {
            return Err(SendError::Closed);
        }
        if !self.is_connected() {
            return Err(SendError::NotConnected);
        }
        let bytes = (self.say)(&message, self.mode).ok_or(SendError::TooLong)?;
        self.said.try_send(bytes).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Busy,
            mpsc::error::TrySendError::Closed(_) => SendError::Closed,
        })
    }

    /// How long nothing may come before the line is opened anew; holds at once. See [`silence_for`].
    pub fn set_silence(&self, limit: Duration) {
        self.orders.send_modify(|orders| orders.silence = limit);
    }

    /// Lets what was sent leave, closes the line and stops the reader. The last event is a
    /// [`Event::Disconnected`] with [`LineError::Closed`].
    pub fn close(&self) {
        self.orders.send_modify(|orders| orders.close = true);
    }

    /// Whether the line is open.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }
}

/// A reader that does not run yet; [`Reader::run`] is the task.
pub struct Reader<D: Dialect> {
    dial: Dial,
    dialect: D,
    patience: Patience,
    random: Box<dyn FnMut() -> u64 + Send>,
    events: mpsc::Sender<Told<D::Heard>>,
    /// Held here too, so that orders never end.
    _orders: Arc<watch::Sender<Orders>>,
    orders: watch::Receiver<Orders>,
    said: mpsc::Receiver<Vec<u8>>,
    connected: Arc<AtomicBool>,
}

impl<D: Dialect> Reader<D> {
    /// A reader, the handle to it, and what it will report. `random` feeds the jitter of its waits and the names of its
    /// MQTT sessions.
    pub fn new(
        dial: Dial,
        dialect: D,
        patience: Patience,
        random: impl FnMut() -> u64 + Send + 'static,
    ) -> (Self, Handle<D::Said>, Events<D::Heard>) {
        let (events, reported) = mpsc::channel(EVENTS);
        let (to_orders, orders) = watch::channel(Orders { silence: patience.silence, close: false });
        let (to_said, said) = mpsc::channel(SENDS);
        let connected = Arc::new(AtomicBool::new(false));
        let to_orders = Arc::new(to_orders);
        let handle = Handle {
            orders: to_orders.clone(),
            said: to_said,
            connected: connected.clone(),
            say: D::say,
            mode: dial.address.mode(),
        };
        let random = Box::new(random);
        let reader = Self { dial, dialect, patience, random, events, _orders: to_orders, orders, said, connected };
        (reader, handle, reported)
    }
}

impl<D: Dialect> fmt::Debug for Reader<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("address", &self.dial.address).finish_non_exhaustive()
    }
}
