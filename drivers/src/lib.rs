//! From a meter's line to messages: transports that never give up, and decoders that do no I/O.
//!
//! ```text
//! Address ─► transport ── Chunk ──► dialect ── messages ──► Reader ── Event ──► hub
//!            serial, TCP, MQTT,     sealed::Decoder          back-off, silence,
//!            recording           └► plain::Decode ─ Telegram ─► slots
//! ```
//!
//! A transport knows bytes and datagrams and no meter; a [`Dialect`] knows one kind of meter and no socket; the
//! [`Reader`] is the task that joins them and opens the line anew whenever it ends. Nothing here knows the store, and no
//! cryptography but that of TLS, of plain meters that encrypt and of records that are signed: what a meter says is judged
//! where it is stored.
//!
//! No byte of a line reaches a log or an error text: it may be a reading.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod address;
pub mod detect;
mod dialect;
mod error;
pub mod plain;
mod ports;
pub mod profile;
mod reader;
pub mod sealed;
mod secret;
pub mod slots;
mod transport;

/// Connections to a broker, for those who publish: the same settings and the same words as for lines.
pub mod broker {
    pub use crate::transport::mqtt::options;
    pub use crate::transport::mqtt::why::{ended, not_opened};
    pub use crate::transport::tcp::lookup;
}

pub use address::{Address, AddressError, Bits, Mqtt, Parity, Recording, Serial, Stop, Tcp};
pub use dialect::{Damage, Dialect, Found};
pub use error::{CaFileReason, LineError};
pub use ports::{PortInfo, ports};
pub use reader::{Event, Events, Handle, Patience, Reader, SendError, Told, silence_for};
pub use secret::Secret;
pub use transport::{Chunk, Dial, Line, Manner, Mode, open};
