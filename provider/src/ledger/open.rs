//! The ledger's file and its key: opened, or begun where there is none.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use zeroize::Zeroizing;

use super::{Ledger, LedgerError, schema};
use crate::files::{self, FileError};

/// The ledger, in the home folder.
pub const LEDGER_FILE: &str = "ledger.db";
/// Its key, beside it.
pub const LEDGER_KEY_FILE: &str = "ledger.key";
const LOCK_FILE: &str = ".ledger.lock";
const DRAFT_FILE: &str = ".ledger.draft";
/// How long another process may hold the ledger before we give up.
const BUSY: Duration = Duration::from_secs(5);

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
    if exists(&key_path)? && is_cut_short(&key_path)? {
        // No ledger was ever under it: it was being written when its process ended.
        fs::remove_file(&key_path).map_err(FileError::of("remove", &key_path))?;
    }
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

/// Whether a key file is the beginning of one and no more.
fn is_cut_short(path: &Path) -> Result<bool, LedgerError> {
    let text = Zeroizing::new(files::read(path, 4096)?);
    Ok(text.len() < 64 && text.iter().all(u8::is_ascii_hexdigit))
}

fn exists(path: &Path) -> Result<bool, LedgerError> {
    Ok(path.try_exists().map_err(FileError::of("read", path))?)
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
    fn a_key_that_was_cut_short_before_any_ledger_is_made_again() {
        for cut in ["", "a", &"ab".repeat(31)] {
            let folder = tempfile::tempdir().unwrap();
            let home = folder.path();
            files::create_private(&home.join(LEDGER_KEY_FILE), cut.as_bytes()).unwrap();
            assert_eq!(code(home), "open", "{cut:?}");
            assert_eq!(fs::read(home.join(LEDGER_KEY_FILE)).unwrap().len(), 65);
            // Beside a ledger the same file is damage: the ledger needs the key that it had.
            files::write(&home.join(LEDGER_KEY_FILE), cut.as_bytes()).unwrap();
            fs::set_permissions(home.join(LEDGER_KEY_FILE), private()).unwrap();
            assert_eq!(code(home), "bad-key", "{cut:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        files::create_private(&folder.path().join(LEDGER_KEY_FILE), b"something else").unwrap();
        assert_eq!(code(folder.path()), "bad-key", "what is no beginning of a key is left alone");
    }

    fn private() -> fs::Permissions {
        use std::os::unix::fs::PermissionsExt;
        fs::Permissions::from_mode(0o600)
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
