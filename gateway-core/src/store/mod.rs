//! The encrypted store: SQLCipher under a raw 256-bit key, one file.
//!
//! Everything a household owns is here. Commitment lists and ciphertexts are not: both follow from readings and day
//! seeds, and are rebuilt and checked against the signed header whenever they are needed (docs/data-model.md).

mod accounts;
mod backup;
mod bills;
mod blocks;
mod circuits;
mod commands;
mod handshakes;
mod lines;
mod meters;
mod publishing;
mod releases;
mod schema;
mod sealers;
mod standing;
mod submissions;

pub use accounts::Account;
pub use backup::{Inventory, probe, rekey};
pub use bills::{StoredBill, StoredTariff};
pub use blocks::{BlockRow, RegisterRow};
pub use circuits::{Source, StoredCircuit, StoredState};
pub use commands::{MOST_UNANSWERED, StoredCommand};
pub use handshakes::HandshakeRow;
pub use lines::{LineRow, PlainLine};
pub use meters::{MeterRow, PairingRow};
pub use publishing::{Publication, PublishedTopic};
pub use releases::ReleaseRow;
pub use schema::SCHEMA_VERSION;
pub use sealers::{OpenSlot, SealerRow};
pub use standing::Standing;
pub use submissions::{Submission, SubmissionState};

use std::cell::RefCell;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::ledger::Accounts;

/// How long another process may hold the store before we give up.
const BUSY: Duration = Duration::from_secs(5);

/// The raw key of a store.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    /// Takes over key bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for wrapping and for keys that follow from them.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(…)")
    }
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file does not open under this key.
    #[error("the store does not open with this key: it is another store's key, or the file is damaged")]
    WrongKey,
    /// There is a store already.
    #[error("there is a store already; nothing was changed")]
    Exists,
    /// There is no store.
    #[error("there is no store here; run init first")]
    Absent,
    /// A newer program wrote it.
    #[error("the store was written by a newer version of this program (format {0}); update before opening it")]
    Newer(i64),
    /// Another process holds it.
    #[error("the store is in use by another process; close it and try again")]
    Locked,
    /// The disk is full.
    #[error("the disk is full, or this user's files may not grow further; nothing already stored was lost")]
    Full,
    /// The disk or the file may not be written.
    #[error(
        "the store cannot be written: the disk is read-only, or the file or its directory belongs to somebody else"
    )]
    Forbidden,
    /// A row that cannot be what we wrote.
    #[error("the store holds a damaged {0}")]
    Damaged(&'static str),
    /// Anything else the database says.
    #[error("the database failed")]
    Database(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let is = |code| error.sqlite_error().is_some_and(|e| e.extended_code == code);
        // A file that may not grow further, which the database only calls a failed write; and no room for the shared
        // index of a store that is being opened.
        let limited = || std::io::Error::last_os_error().kind() == std::io::ErrorKind::FileTooLarge;
        let no_room = (is(rusqlite::ffi::SQLITE_IOERR_WRITE) && limited()) || is(rusqlite::ffi::SQLITE_IOERR_SHMSIZE);
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(_) if no_room => Self::Full,
            Some(ErrorCode::NotADatabase) => Self::WrongKey,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Self::Forbidden,
            _ => Self::Database(error),
        }
    }
}

/// An open store.
pub struct Store {
    connection: Connection,
    /// What left, as far as it was looked at.
    pub(crate) accounts: RefCell<Accounts>,
}

impl Store {
    fn over(connection: Connection) -> Self {
        Self { connection, accounts: RefCell::default() }
    }

    /// Creates a new store.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub fn create(path: &Path, key: &StoreKey) -> Result<Self, StoreError> {
        if path.exists() {
            return Err(StoreError::Exists);
        }
        let mut connection = Connection::open(path)?;
        unlock(&connection, key)?;
        schema::create(&mut connection)?;
        Ok(Self::over(connection))
    }

    /// Opens a store and brings it to the current format.
    ///
    /// # Errors
    /// When there is none, the key is wrong, another process holds it, or a newer program wrote it.
    pub fn open(path: &Path, key: &StoreKey) -> Result<Self, StoreError> {
        Self::open_with(path, key, |_, _| Ok(()))
    }

    /// As [`Store::open`]; a store of an earlier format is shown to `before_migration`, with its format, before anything
    /// in it changes. When that fails, nothing is migrated.
    ///
    /// # Errors
    /// As [`Store::open`], or what `before_migration` returns.
    pub fn open_with<E: From<StoreError>>(
        path: &Path,
        key: &StoreKey,
        before_migration: impl FnOnce(&Self, i64) -> Result<(), E>,
    ) -> Result<Self, E> {
        if !path.exists() {
            return Err(StoreError::Absent.into());
        }
        let connection =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(StoreError::from)?;
        unlock(&connection, key)?;
        let mut store = Self::over(connection);
        let found = store.format()?;
        if found < SCHEMA_VERSION {
            before_migration(&store, found)?;
        }
        schema::migrate(&mut store.connection)?;
        Ok(store)
    }

    /// Runs `work` as one transaction: all of it or nothing. Readers elsewhere are not disturbed; a second writer
    /// waits.
    ///
    /// # Errors
    /// What `work` returns, or a database error at the commit.
    pub fn transaction<T, E: From<StoreError>>(&mut self, work: impl FnOnce(&Self) -> Result<T, E>) -> Result<T, E> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::from)?;
        let done = work(self).and_then(|value| {
            self.connection.execute_batch("COMMIT").map_err(StoreError::from)?;
            Ok(value)
        });
        if done.is_err() {
            // The error that stopped the work is the one to report; a failed rollback leaves nothing committed.
            let _ = self.connection.execute_batch("ROLLBACK");
            self.accounts.take();
        }
        done
    }

    /// Runs `work` within a transaction so that, when it fails, its own changes alone are undone.
    ///
    /// # Errors
    /// What `work` returns, or a database error.
    pub fn attempt<T, E: From<StoreError>>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.connection.execute_batch("SAVEPOINT attempt").map_err(StoreError::from)?;
        let result = work();
        let end = if result.is_ok() { "RELEASE attempt" } else { "ROLLBACK TO attempt; RELEASE attempt" };
        if result.is_err() {
            self.accounts.take();
        }
        self.connection.execute_batch(end).map_err(StoreError::from)?;
        result
    }

    /// Appends to the list of events: what was refused and why. Texts hold no reading and no key.
    ///
    /// # Errors
    /// When the database fails.
    pub fn note(&self, at: i64, kind: &str, text: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT INTO events (at, kind, text) VALUES (?1, ?2, ?3)")?
            .execute((at, kind, text))?;
        Ok(())
    }

    /// The newest events, newest first: time, kind, text.
    ///
    /// # Errors
    /// When the database fails.
    pub fn events(&self, limit: u32) -> Result<Vec<(i64, String, String)>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT at, kind, text FROM events ORDER BY id DESC LIMIT ?1")?;
        let rows = statement.query_map([limit], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Sets the key and the ways of working; proves that the key is right by reading.
fn unlock(connection: &Connection, key: &StoreKey) -> Result<(), StoreError> {
    let hex = Zeroizing::new(hex::encode(key.0));
    let pragma = Zeroizing::new(format!("PRAGMA key = \"x'{}'\"", hex.as_str()));
    // The library would write its own lines about a wrong key to standard error.
    connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
    connection.execute_batch(&pragma)?;
    connection.busy_timeout(BUSY)?;
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(())).map_err(StoreError::from)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// A fixed-length value read from a row. Some are keys: the row's bytes are erased.
fn fixed<const N: usize>(bytes: Vec<u8>, what: &'static str) -> Result<[u8; N], StoreError> {
    Zeroizing::new(bytes).as_slice().try_into().map_err(|_| StoreError::Damaged(what))
}

/// Integers of the database are signed; ours are not.
fn unsigned<T: TryFrom<i64>>(value: i64, what: &'static str) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| StoreError::Damaged(what))
}

/// An unsigned number as the database stores it.
fn signed(value: u64, what: &'static str) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Damaged(what))
}

/// The behaviour of transactions that will write.
const WRITING: TransactionBehavior = TransactionBehavior::Immediate;
