//! Custody of the store's key: who can open a home, by what, and how it survives the loss of each of them.
//!
//! ```text
//! keyring ──────────────────────► KEK ─┐
//! credential file ──────────────► KEK ─┼─► slot of keys.cbor ─► database key ─► store.db, MAC of keys.cbor
//! recovery sheet ─HKDF-SHA-512──► KEK ─┘          └────── the recovery slot goes into every backup
//! ```
//!
//! The database key is random and never changes its form: it is the raw key of SQLCipher. Each slot wraps it under a
//! key-encryption key (KEK) of its own, so that ways in are added and removed without touching the store. The recovery
//! slot is always there. Nothing here reads a file, a keyring or a clock: bytes, time and randomness come in.

mod container;
mod keys;
mod secrets;
mod slot;

pub use container::{Container, Contents};
pub use keys::{HomeId, Keys, MAX_KEYS};
pub use secrets::{Kek, RecoveryKey, same_group};
pub use slot::{Slot, SlotKind};

use protocol::code::CodeError;
use protocol::wire::WireError;

/// Why keys or a backup are not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// Not a file of ours, damaged, or of a later version.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The right form, but not what we wrote.
    #[error("the {0} was changed or is damaged")]
    Changed(&'static str),
    /// A slot does not open under the key that was given.
    #[error("{}", .0.refusal())]
    WrongKey(SlotKind),
    /// There is no slot of the kind.
    #[error("this home has no {0} slot")]
    NoSlot(SlotKind),
    /// The recovery slot was to be removed.
    #[error("the recovery slot stays: without it nothing would open this home once its other keys are lost")]
    RecoveryStays,
    /// What was typed is not a recovery key.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// No text with a recovery key in it.
    #[error("there is no recovery key in what was given; type the six groups of the sheet")]
    NoCode,
    /// The container is shorter or longer than it says.
    #[error("the backup is {found} bytes long and should be {wanted}: it was cut short or something was appended")]
    Length {
        /// Bytes in the file.
        found: u64,
        /// Bytes by its first lines.
        wanted: u64,
    },
    /// The bytes cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[source] std::io::Error),
    /// The bytes cannot be written.
    #[error("cannot be written: {0}")]
    Write(#[source] std::io::Error),
}
