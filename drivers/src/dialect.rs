//! What is spoken on a line: bytes in, messages out, and back. A dialect does no I/O, so that recorded bytes, a fuzzer
//! and a real port all drive the same code.

use protocol::line::frame::FrameError;
use protocol::wire::WireError;

use crate::plain::Fault;
use crate::transport::{Chunk, Manner, Mode};

/// One way of speaking with a meter.
pub trait Dialect: Send + 'static {
    /// What the meter says.
    type Heard: Send + 'static;
    /// What is said to the meter.
    type Said: 'static;

    /// What it asks of a line.
    fn manner(&self) -> Manner;

    /// The line was opened anew: what had begun will not be completed.
    fn begin(&mut self);

    /// Takes what came and gives what it completes. Must not panic and must hold a bounded amount, whatever comes.
    fn hear(&mut self, chunk: &Chunk) -> Vec<Found<Self::Heard>>;

    /// The bytes that say it; `None` when it is longer than the meter takes.
    fn say(said: &Self::Said, mode: Mode) -> Option<Vec<u8>>;
}

/// What was found in the bytes of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<M> {
    /// A message.
    Message(M),
    /// A message that cannot be used.
    Damaged(Damage),
    /// So many bytes that are no message.
    Noise(u64),
}

/// Why a message cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The line changed it.
    #[error("a message was {0}")]
    Frame(FrameError),
    /// It came as it was sent, but is not understood.
    #[error("a message came whole, but {0}")]
    Message(WireError),
    /// A telegram of a plain meter.
    #[error("a telegram was {0}")]
    Plain(Fault),
}
