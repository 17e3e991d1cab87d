//! The ledger: which meters this provider knows, which bills it accepted, and what it refused.
//!
//! ```text
//! bill ─► judge (verification) ─► booking (one bill per meter, register and time) ─► bills, claims, sightings
//! meter.cert ─► registry ─► contracts, keys, commands, late bills                 └──► refusals, receipts
//! ```
//!
//! One SQLCipher file under a raw key, both in the provider's home. Rows of bills, claims, sightings and refusals are
//! only ever added: a correction is a new bill that names the old one. Every decision and what it rests on are one
//! transaction.

mod bills;
mod booking;
mod commands;
mod contracts;
mod due;
mod enrolment;
mod late;
mod objection;
mod published;
mod receipts;
mod registry;
mod revoked;
mod rules;
mod schema;

pub use bills::{BillEntry, Digest, Refused, StoredTariff};
pub use booking::{Block, Booked, Booking, Candidate, Cover, Epoch, Kind};
pub use commands::{QueuedCommand, Received};
pub use contracts::{Billing, ClientKey, Contract};
pub use due::Due;
pub use enrolment::{Caller, Enrolment};
pub use late::{Channel, Lateness, Report};
pub use objection::Objection;
pub use published::Published;
pub use receipts::Receipt;
pub use registry::{Added, EpochEntry, MeterEntry};
pub use schema::SCHEMA_VERSION;

use std::fs::{self, File};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use zeroize::Zeroizing;

use crate::files::{self, FileError};

/// The ledger, in the home folder.
pub const LEDGER_FILE: &str = "ledger.db";
/// Its key, beside it.
pub const LEDGER_KEY_FILE: &str = "ledger.key";
const LOCK_FILE: &str = ".ledger.lock";
const DRAFT_FILE: &str = ".ledger.draft";
/// How long another process may hold the ledger before we give up.
const BUSY: Duration = Duration::from_secs(5);

/// Why the ledger did not do what it was asked. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file does not open under this key.
    #[error(
        "the ledger does not open with its key: it is another ledger's key, or the file is damaged; restore both from your backup"
    )]
    WrongKey,
    /// The key is gone.
    #[error("the ledger's key {} is missing; restore it from your backup", .0.display())]
    NoKey(PathBuf),
    /// The key file is not one.
    #[error("{} is not a ledger's key file, or it is damaged; restore it from your backup", .0.display())]
    DamagedKey(PathBuf),
    /// Others may read the key.
    #[error("other users may read {}; run `chmod 600` on it", .0.display())]
    ExposedKey(PathBuf),
    /// A journal without its ledger: opening a new ledger beside it would mix the two.
    #[error("{} belongs to a ledger that is no longer there; move it to where its ledger went", .0.display())]
    StrayJournal(PathBuf),
    /// A newer program wrote it.
    #[error("the ledger was written by a newer version of this program (format {0}); update before opening it")]
    Newer(i64),
    /// Another process holds it.
    #[error("the ledger is in use by another process; try again when that one is done")]
    Locked,
    /// The disk is full.
    #[error("the disk is full; nothing already booked was lost")]
    Full,
    /// A row that cannot be what we wrote.
    #[error("the ledger holds a damaged {0}; restore it from your backup")]
    Damaged(&'static str),
    /// The machine gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Randomness(getrandom::Error),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Anything else the database says.
    #[error("the ledger's database failed: {0}")]
    Database(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::NotADatabase) => Self::WrongKey,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged("page"),
            _ => Self::Database(error),
        }
    }
}

impl LedgerError {
    /// A short stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongKey => "wrong-key",
            Self::NoKey(_) => "no-key",
            Self::DamagedKey(_) => "bad-key",
            Self::ExposedKey(_) => "key-exposed",
            Self::StrayJournal(_) => "stray-journal",
            Self::Newer(_) => "newer-ledger",
            Self::Locked => "locked",
            Self::Full => "disk-full",
            Self::Damaged(_) => "damaged-ledger",
            Self::Randomness(_) => "no-randomness",
            Self::File(_) => "file",
            Self::Database(_) => "database",
        }
    }
}

/// An open ledger.
pub struct Ledger {
    connection: Connection,
    begun: bool,
}

impl Ledger {
    /// Opens the ledger of a home and brings it to the current format; where there is none, a new one is begun.
    ///
    /// # Errors
    /// When the key is missing, wrong or open to others, another process holds the ledger, or the disk refuses.
    pub fn open(home: &Path) -> Result<Self, LedgerError> {
        let path = home.join(LEDGER_FILE);
        let begun = !exists(&path)? && begin(home, &path)?;
        let mut connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let key = read_key(&home.join(LEDGER_KEY_FILE))?;
        unlock(&connection, &key)?;
        schema::migrate(&mut connection)?;
        Ok(Self { connection, begun })
    }

    /// Whether this call to [`Ledger::open`] found none and began a new one.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.begun
    }

    /// A transaction that will write: it waits for its turn at the beginning, not in the middle.
    fn writing(&mut self) -> Result<Transaction<'_>, LedgerError> {
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}

/// Makes an empty ledger, under a new key when there is none. Only one process does it; `false` when another one did.
fn begin(home: &Path, path: &Path) -> Result<bool, LedgerError> {
    let lock_path = home.join(LOCK_FILE);
    let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
    let lock = lock.map_err(FileError::of("open", &lock_path))?;
    lock.lock().map_err(FileError::of("lock", &lock_path))?;
    if exists(path)? {
        return Ok(false);
    }
    for ending in ["wal", "journal"] {
        let journal = home.join(format!("{LEDGER_FILE}-{ending}"));
        if exists(&journal)? {
            return Err(LedgerError::StrayJournal(journal));
        }
    }
    let key_path = home.join(LEDGER_KEY_FILE);
    if !exists(&key_path)? {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice()).map_err(LedgerError::Randomness)?;
        files::create_private(&key_path, Zeroizing::new(hex::encode(*key) + "\n").as_bytes())?;
    }
    let key = read_key(&key_path)?;
    // A ledger appears under its name only when it is complete; the draft of an attempt that was cut short goes.
    let draft = home.join(DRAFT_FILE);
    for stale in ["", "-wal", "-shm", "-journal"].map(|ending| home.join(format!("{DRAFT_FILE}{ending}"))) {
        match fs::remove_file(&stale) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(FileError::of("remove", &stale)(error).into());
            }
            _ => {}
        }
    }
    files::create_private(&draft, b"")?;
    let mut connection = Connection::open_with_flags(&draft, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    unlock(&connection, &key)?;
    schema::create(&mut connection)?;
    connection.close().map_err(|(_, error)| error)?;
    files::replace(&draft, path)?;
    Ok(true)
}

/// Sets the key and the ways of working; proves that the key is right by reading.
fn unlock(connection: &Connection, key: &[u8; 32]) -> Result<(), LedgerError> {
    let hex = Zeroizing::new(hex::encode(key));
    let pragma = Zeroizing::new(format!("PRAGMA key = \"x'{}'\"", hex.as_str()));
    // The library would write its own lines about a wrong key to standard error.
    connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
    connection.execute_batch(&pragma)?;
    connection.busy_timeout(BUSY)?;
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn read_key(path: &Path) -> Result<Zeroizing<[u8; 32]>, LedgerError> {
    if !exists(path)? {
        return Err(LedgerError::NoKey(path.to_path_buf()));
    }
    if files::is_exposed(path).map_err(FileError::of("read", path))? {
        return Err(LedgerError::ExposedKey(path.to_path_buf()));
    }
    let text = Zeroizing::new(files::read(path, 4096)?);
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim_ascii(), key.as_mut_slice())
        .map_err(|_| LedgerError::DamagedKey(path.to_path_buf()))?;
    Ok(key)
}

fn exists(path: &Path) -> Result<bool, LedgerError> {
    Ok(path.try_exists().map_err(FileError::of("read", path))?)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn code(home: &Path) -> &'static str {
        Ledger::open(home).err().map_or("open", |error| error.code())
    }

    #[test]
    fn a_ledger_opens_with_its_own_key_only() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        assert!(Ledger::open(home).unwrap().is_new());
        assert!(!Ledger::open(home).unwrap().is_new());
        let (ledger, key) = (home.join(LEDGER_FILE), home.join(LEDGER_KEY_FILE));
        let bytes = fs::read(&ledger).unwrap();
        assert!(!bytes.starts_with(b"SQLite format"), "nothing is in the clear");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            for path in [&ledger, &key] {
                assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
            }
            fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
            assert_eq!(code(home), "key-exposed");
            fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let good = fs::read(&key).unwrap();
        fs::write(&key, "ab".repeat(32)).unwrap();
        assert_eq!(code(home), "wrong-key");
        fs::write(&key, "not a key").unwrap();
        assert_eq!(code(home), "bad-key");
        fs::remove_file(&key).unwrap();
        assert_eq!(code(home), "no-key");
        files::create_private(&key, &good).unwrap();
        assert_eq!(code(home), "open");

        let cut = &bytes[..bytes.len() / 2];
        fs::write(&ledger, [b"x", cut].concat()).unwrap();
        assert_eq!(code(home), "wrong-key");
        fs::write(&ledger, bytes).unwrap();
        assert_eq!(code(home), "open");
    }

    #[test]
    fn a_lost_ledger_is_begun_anew_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        fs::write(home.join(DRAFT_FILE), "an attempt that was cut short").unwrap();
        assert!(Ledger::open(home).unwrap().is_new());
        fs::remove_file(home.join(LEDGER_FILE)).unwrap();
        fs::write(home.join("ledger.db-wal"), "what was not yet in the ledger").unwrap();
        assert_eq!(code(home), "stray-journal");
        fs::remove_file(home.join("ledger.db-wal")).unwrap();
        assert!(Ledger::open(home).unwrap().is_new());
        assert!(matches!(Ledger::open(&home.join("none")), Err(LedgerError::File(_))));
    }

    #[test]
    fn a_newer_ledger_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        ledger.connection.execute_batch("PRAGMA user_version = 99").unwrap();
        drop(ledger);
        assert_eq!(code(folder.path()), "newer-ledger");
    }
}
