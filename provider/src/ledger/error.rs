//! Why the ledger does not do what it is asked.

use std::path::PathBuf;

use crate::files::FileError;

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
    /// The household that asks was shut out, or its key replaced, since it began to ask.
    #[error("the household's key is no longer good for its contract")]
    ShutOut,
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
            Self::ShutOut => "not-enrolled",
            Self::Database(_) => "database",
        }
    }
}
