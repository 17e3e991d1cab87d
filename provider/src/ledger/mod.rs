//! The ledger: which meters this provider knows, which bills it accepted, and what it refused.
//!
//! ```text
//! bill ─► judge (verification) ─► booking (one bill per meter, register and time) ─► bills, claims, sightings
//! meter.cert ─► registry ─► contracts, keys, commands, late bills                 └──► refusals, receipts
//! ```
//!
//! One SQLCipher file under a raw key, both in the provider's home. Rows of bills, claims and sightings are only ever
//! added: a correction is a new bill that names the old one. Every decision and what it rests on are one
//! transaction.

mod bills;
mod booking;
mod calendar;
mod carried;
mod commands;
mod contracts;
mod due;
mod enrolment;
mod error;
mod keys;
mod late;
mod leaves;
mod objection;
mod open;
mod published;
mod receipts;
mod refusals;
mod registry;
mod reports;
mod revoked;
mod rules;
mod schema;
mod terms;

pub use bills::{BillEntry, CarriedEntry, Digest, ProofEntry, StoredTariff};
pub use booking::{Block, Booked, Booking, Candidate, Carried, Cover, Epoch, Kind, Proof};
pub use calendar::Billing;
pub use commands::{QueuedCommand, Received};
pub use contracts::{ClientKey, Contract};
pub use due::Due;
pub use enrolment::{Approval, Enrolment, Waiting};
pub use error::LedgerError;
pub use keys::{Caller, Household};
pub use late::Lateness;
pub use leaves::LeafEntry;
pub use objection::Objection;
pub use open::{LEDGER_FILE, LEDGER_KEY_FILE};
pub use published::Published;
pub use receipts::{BookedFile, Receipt};
pub use refusals::Refused;
pub use registry::{Added, EpochEntry, MeterEntry};
pub use reports::{Channel, Report, State};
pub use schema::SCHEMA_VERSION;

use std::io::{Error, ErrorKind};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::files::FileError;

/// An open ledger.
pub struct Ledger {
    connection: Connection,
    begun: bool,
}

impl Ledger {
    /// A transaction that will write: it waits for its turn at the beginning, not in the middle.
    fn writing(&mut self) -> Result<Transaction<'_>, LedgerError> {
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}

/// A fixed-length value read from a row.
fn fixed<const N: usize>(bytes: Vec<u8>, what: &'static str) -> Result<[u8; N], LedgerError> {
    bytes.try_into().map_err(|_| LedgerError::Damaged(what))
}

/// Integers of the database are signed; ours are not.
fn unsigned<T: TryFrom<i64>>(value: i64, what: &'static str) -> Result<T, LedgerError> {
    T::try_from(value).map_err(|_| LedgerError::Damaged(what))
}

/// An unsigned number as the database stores it. What does not fit was never verified.
fn signed(value: u64) -> Result<i64, LedgerError> {
    i64::try_from(value).map_err(|_| {
        let cause = Error::new(ErrorKind::InvalidInput, "a number is beyond what the ledger stores");
        FileError { verb: "write to", path: LEDGER_FILE.into(), cause }.into()
    })
}
