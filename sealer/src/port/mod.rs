//! Lines to the outside: each runs by itself, loses nothing but what the line loses, and comes back after any loss.
//!
//! ```text
//! device loop ── bounded queue ──► Trouble ──► frames ──► bytes (at most so many a second) ──► household
//!             ◄── one request at a time ◄── messages ◄── frames ◄────────────────────────────
//! ```
//!
//! A request is taken from a line when the one before it was answered and there is room for its answer: who reads slowly
//! slows down no one else, and the meter not at all.

mod framed;
mod mqtt;
pub mod pty;
mod serial;
pub mod tcp;

pub use mqtt::{Broker, BrokerError};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::line::{MAX_BLOCKS, Message};
use tokio::sync::{mpsc, oneshot};

use crate::event::Event;

/// What a line makes of what is sent over it.
pub trait Trouble: Send {
    /// What comes of a message: itself, nothing, or more.
    fn pass(&mut self, sent: Vec<u8>) -> Vec<Vec<u8>>;
}

/// A line that changes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untroubled;

impl Trouble for Untroubled {
    fn pass(&mut self, sent: Vec<u8>) -> Vec<Vec<u8>> {
        vec![sent]
    }
}

/// Messages that wait for a line at most.
const QUEUE: usize = 512;
/// Room that one answer needs at most: every block twice, when there is a witness.
const ROOM: usize = 2 * MAX_BLOCKS as usize + 8;

/// Which lines to open.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// A serial line.
    pub serial: Option<Serial>,
    /// An address to listen at.
    pub tcp: Option<SocketAddr>,
    /// A broker.
    pub mqtt: Option<Broker>,
    /// Bits a second that a pty or TCP carries; as many as it can when none.
    pub baud: Option<u32>,
}

/// A serial line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serial {
    /// A new pseudo-terminal.
    Auto,
    /// A device.
    Path(PathBuf),
}

/// Why a line cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("{address}: {source}")]
pub struct LineError {
    /// Which.
    pub address: String,
    /// What the system said.
    #[source]
    pub source: std::io::Error,
}

/// What comes in from lines and from whoever runs the meter.
#[derive(Debug)]
pub enum Inward {
    /// A message came over a line.
    Message {
        /// Which line.
        port: usize,
        /// What it says; none when it is no message.
        message: Option<Message>,
        /// Told when it is answered.
        done: oneshot::Sender<()>,
    },
    /// Somebody may be there now.
    Up(usize),
    /// Something happened on a line.
    Event(Event),
    /// A line of control input.
    Control(String),
    /// Stop.
    Stop,
}

/// The device loop's end of a line.
#[derive(Debug)]
pub struct Port {
    out: mpsc::Sender<Vec<u8>>,
}

impl Port {
    /// Sends an answer. A line that has no room for it has lost it.
    pub fn answer(&self, message: &Message) {
        let _ = self.out.try_send(message.write());
    }

    /// Sends what nobody asked for, unless the line is busy.
    pub fn push(&self, bytes: &[u8]) {
        if self.out.capacity() > ROOM {
            let _ = self.out.try_send(bytes.to_vec());
        }
    }
}

/// A line's own end.
struct Link {
    port: usize,
    inward: mpsc::Sender<Inward>,
    trouble: Arc<Mutex<dyn Trouble>>,
    /// For its capacity alone.
    room: mpsc::Sender<Vec<u8>>,
}

impl Link {
    /// Hands a request to the meter and waits until it is answered. False when the meter stops.
    async fn ask(&self, message: Option<Message>) -> bool {
        drop(self.room.reserve_many(ROOM).await);
        let (done, answered) = oneshot::channel();
        if self.inward.send(Inward::Message { port: self.port, message, done }).await.is_err() {
            return false;
        }
        // An error means that the meter was opened anew meanwhile; the household asks again.
        let _ = answered.await;
        true
    }

    async fn up(&self) {
        let _ = self.inward.send(Inward::Up(self.port)).await;
    }

    async fn tell(&self, event: Event) {
        let _ = self.inward.send(Inward::Event(event)).await;
    }

    /// What the line makes of what is sent.
    fn pass(&self, sent: Vec<u8>) -> Vec<Vec<u8>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).pass(sent)
    }
}

/// Opens all lines. To be called within a runtime.
///
/// # Errors
/// When one cannot be opened.
pub async fn open(
    lines: &Lines,
    meter: &str,
    inward: &mpsc::Sender<Inward>,
    trouble: Arc<Mutex<dyn Trouble>>,
) -> Result<(Vec<Port>, Vec<Event>), LineError> {
    let (mut ports, mut events) = (Vec::new(), Vec::new());
    let mut port = || {
        let (out, queue) = mpsc::channel(QUEUE);
        let link = Link { port: ports.len(), inward: inward.clone(), trouble: Arc::clone(&trouble), room: out.clone() };
        ports.push(Port { out });
        (link, queue)
    };
    if let Some(serial) = &lines.serial {
        let (link, queue) = port();
        events.push(match serial {
            Serial::Auto => pty::open(link, queue, lines.baud)?,
            Serial::Path(path) => serial::open(path, link, queue)?,
        });
    }
    if let Some(address) = lines.tcp {
        let (link, queue) = port();
        events.push(tcp::listen(address, link, queue, lines.baud).await?);
    }
    if let Some(broker) = &lines.mqtt {
        let (link, queue) = port();
        events.push(mqtt::connect(broker, meter, link, queue));
    }
    Ok((ports, events))
}
