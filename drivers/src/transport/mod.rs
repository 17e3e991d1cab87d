//! Open lines: bytes or datagrams in, bytes out. A transport knows no message.
//!
//! Each open line is a task of its own with two short queues. When nobody takes what it read, the queue fills, it stops
//! reading, and the pressure goes back to the other side: the kernel's buffer, TCP's window, the broker's queue. A
//! failure ends the task with a [`LineError`] as the last thing in the queue; opening anew is the reader's business.

mod asking;
mod file;
pub(crate) mod mqtt;
mod serial;
mod stream;
pub(crate) mod tcp;
mod tls;

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::address::Address;
use crate::error::LineError;
use crate::secret::Secret;

/// Chunks that wait to be taken. With [`MAX_CHUNK`] this bounds what a line holds.
const INCOMING: usize = 4;
/// Writes that wait to leave.
const OUTGOING: usize = 8;
/// Longest chunk of a stream.
const MAX_CHUNK: usize = 4096;
/// Longest publication of a meter: the longest message of one that seals is 16 KiB.
const MAX_PUBLICATION: usize = 20 << 10;
/// Opening a line takes no longer, name look-up and login included.
const OPEN_WITHIN: Duration = Duration::from_secs(15);
/// What was sent before a close may take so long to leave.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// A write that makes no way for so long ends the line.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// How messages are delimited on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Bytes without borders.
    Stream,
    /// One message, one datagram.
    Datagram,
}

/// What came over a line.
#[derive(Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Some bytes of a stream, cut anywhere.
    Bytes(Vec<u8>),
    /// A publication.
    Datagram {
        /// Where it was published.
        topic: String,
        /// What was published.
        payload: Vec<u8>,
    },
}

impl fmt::Debug for Chunk {
    /// Lengths only: the content may be a reading.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Datagram { topic, payload } => write!(f, "Datagram({topic:?}, {})", payload.len()),
        }
    }
}

/// What a dialect asks of a line, beyond its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Where the meter publishes over MQTT: what is appended to the topic of the address, wildcards allowed.
    pub heard: Vec<String>,
    /// Where the meter listens, likewise; `None` when it does not.
    pub said: Option<&'static str>,
    /// Whether publications that the broker kept from before are heard. They may be of any age.
    pub retained: bool,
    /// Longest publication; the line ends at a longer one.
    pub longest: usize,
    /// A meter in mode C of IEC 62056-21 is asked for its readout this often; `None` for those that speak by themselves.
    pub asked: Option<Duration>,
}

impl Manner {
    /// Hears below these topics, says nothing and asks nothing.
    pub fn hearing<T: Into<String>>(heard: impl IntoIterator<Item = T>) -> Self {
        let heard = heard.into_iter().map(Into::into).collect();
        Self { heard, said: None, retained: false, longest: MAX_PUBLICATION, asked: None }
    }
}

/// All that opening a line takes.
#[derive(Clone, Debug)]
pub struct Dial {
    /// Where.
    pub address: Address,
    /// For the user in an MQTT address.
    pub password: Option<Secret>,
    /// Certificates of the authorities that may have signed the broker's, in PEM; `None` for those the system trusts.
    pub ca_file: Option<PathBuf>,
}

impl Dial {
    /// Without password, and with the system's authorities.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { address, password: None, ca_file: None }
    }
}

/// An open line. Dropping it closes it at once.
#[derive(Debug)]
pub struct Line {
    pub(crate) incoming: mpsc::Receiver<Result<Chunk, LineError>>,
    pub(crate) outgoing: mpsc::Sender<Vec<u8>>,
    task: Task,
}

/// The two ends of a line that its task holds.
pub(crate) struct Ends {
    pub(crate) incoming: mpsc::Sender<Result<Chunk, LineError>>,
    pub(crate) outgoing: mpsc::Receiver<Vec<u8>>,
}

/// Ends with the line.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Opens a line. Over MQTT it is open once the broker has confirmed the subscriptions, one at least. `random` makes the MQTT client's
/// name unlike any other.
///
/// # Errors
/// [`LineError`], within a quarter of a minute.
pub async fn open(dial: &Dial, manner: &Manner, random: u64) -> Result<Line, LineError> {
    let opening = async {
        match &dial.address {
            Address::Serial(serial) => serial::open(serial, manner.asked),
            Address::Tcp(tcp) => tcp::open(tcp, manner.asked).await,
            Address::Mqtt(mqtt) => mqtt::open(mqtt, dial, manner, random).await,
            Address::File(recording) => file::open(recording).await,
        }
    };
    tokio::time::timeout(OPEN_WITHIN, opening).await.unwrap_or(Err(LineError::OpenTimedOut))
}

impl Line {
    /// Starts the task that carries an open line; what it gives at its end is the last that the line gives.
    fn carried<F: Future<Output = LineError> + Send>(carry: impl FnOnce(Ends) -> F + Send + 'static) -> Self {
        let (to_us, incoming) = mpsc::channel(INCOMING);
        let (outgoing, from_us) = mpsc::channel(OUTGOING);
        let last = to_us.clone();
        let task = Task(tokio::spawn(async move {
            let why = carry(Ends { incoming: to_us, outgoing: from_us }).await;
            // Nobody there to be told: the line was dropped.
            let _ = last.send(Err(why)).await;
        }));
        Self { incoming, outgoing, task }
    }

    /// The next that comes. May be cancelled without loss.
    ///
    /// # Errors
    /// Why the line ended. After that it stays ended.
    pub async fn recv(&mut self) -> Result<Chunk, LineError> {
        // The queue ends without a reason only when the task did: by a fault in a library below.
        self.incoming.recv().await.unwrap_or(Err(LineError::Ended))
    }

    /// Queues bytes; waits while the queue is full. When cancelled, nothing was queued.
    ///
    /// # Errors
    /// [`LineError::Ended`]; [`Self::recv`] tells why.
    pub async fn send(&self, bytes: Vec<u8>) -> Result<(), LineError> {
        self.outgoing.send(bytes).await.map_err(|_| LineError::Ended)
    }

    /// Lets what was sent leave, and these last words after it, for two seconds at most; then closes.
    pub async fn close(self, last: Vec<Vec<u8>>) {
        let Self { incoming, outgoing, mut task } = self;
        // Nothing more is taken: a task that waits to hand something over goes on to send.
        drop(incoming);
        let leave = async {
            for bytes in last {
                if outgoing.send(bytes).await.is_err() {
                    break;
                }
            }
            drop(outgoing);
            let _ = (&mut task.0).await;
        };
        if tokio::time::timeout(CLOSE_WITHIN, leave).await.is_err() {
            task.0.abort();
            let _ = (&mut task.0).await;
        }
    }
}
