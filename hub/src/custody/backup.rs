//! Making and checking backups.
//!
//! The database writes a consistent copy of itself, encrypted, to a draft beside the backups; the container is written
//! around it and takes its name when it is whole. Others may use the store all the time.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use gateway_core::custody::{Container, Contents, CustodyError, RecoveryKey, SlotKind};
use gateway_core::store::SCHEMA_VERSION;
use gateway_core::{Store, StoreKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::unlock::Access;
use super::{ask, files, setup, unlock};
use crate::Failure;
use crate::commands::now;
use crate::home::Home;

/// How backups are called.
pub const EXTENSION: &str = "wattseal-backup";
/// How copies of a home without a sheet are called.
const COPY: &str = "store.db";
const LAST: &str = "last.json";
const SNAPSHOT: &str = "snapshot";

/// When the newest backup was made and checked; public.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Last {
    /// When it was made, Unix seconds.
    pub made_at: Option<i64>,
    /// Where it was written.
    pub file: Option<PathBuf>,
    /// When a backup of this home was last checked with the sheet.
    pub verified_at: Option<i64>,
}

impl Last {
    /// What is recorded of a home's backups; nothing when the record is missing or damaged.
    #[must_use]
    pub fn of(home: &Home) -> Self {
        let text = fs::read(home.backups().join(LAST)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Records what was done. A record that cannot be written does not make a good backup a bad one.
    pub fn record(&self, home: &Home) {
        let text = serde_json::to_vec(self).unwrap_or_default();
        if let Err(failure) = files::replace(&home.backups().join(LAST), &text) {
            tracing::warn!(%failure, "the time of the backup was not recorded");
        }
    }
}

/// Makes a backup of an open store. The default name is the moment.
///
/// # Errors
/// When the home has no sheet, the file exists, or the disk refuses; no half backup is left.
pub fn make(home: &Home, store: &Store, access: &Access, file: Option<&Path>) -> Result<PathBuf, Failure> {
    let at = now();
    let _one = lock(home)?;
    let target = match file {
        Some(file) => file.to_path_buf(),
        None => {
            let moment = Timestamp::from_second(at).unwrap_or_default().strftime("%Y-%m-%dT%H%M%SZ").to_string();
            free_name(home, &moment, EXTENSION)
        }
    };
    write(home, store, access, &target, at)?;
    Last { made_at: Some(at), file: Some(target.clone()), ..Last::of(home) }.record(home);
    Ok(target)
}

/// Keeps a store of an earlier format before it changes. A home without a sheet gets a copy under the key it has.
///
/// # Errors
/// `no-backup` with the reason; nothing is migrated then.
pub fn before_migration(home: &Home, store: &Store, access: &Access, from: i64) -> Result<(), Failure> {
    let at = now();
    let kept = lock(home).and_then(|_one| {
        if store.format()? == SCHEMA_VERSION {
            // Another process has migrated it while we waited.
            return Ok(());
        }
        let stem = format!("before-format-{SCHEMA_VERSION}-{at}");
        if access.keys.is_some() {
            write(home, store, access, &free_name(home, &stem, EXTENSION), at)
        } else {
            let copy = snapshot(home, store)?;
            take_place(&copy, &free_name(home, &stem, COPY))
        }
    });
    kept.map_err(|failure| {
        Failure::could_not(
            "no-backup",
            format!(
                "the store is of format {from} and would be brought to format {SCHEMA_VERSION}, but it could not be \
                 backed up before: {failure}. Nothing was migrated"
            ),
        )
    })
}

fn write(home: &Home, store: &Store, access: &Access, target: &Path, at: i64) -> Result<(), Failure> {
    if access.keys.is_none() {
        return Err(Failure::refused(
            "no-sheet",
            "this home has no recovery sheet yet, and a backup could not be opened without one; first run: wattseal \
             keys upgrade",
        ));
    }
    // The newest sheet, should it have been replaced since the home was opened; and no slot that somebody put there.
    let keys = unlock::checked_keys(home, &access.key)?;
    let recovery = keys.slot(SlotKind::Recovery).cloned().ok_or(CustodyError::NoSlot(SlotKind::Recovery))?;
    if target.exists() {
        return Err(files::trouble(target, &std::io::ErrorKind::AlreadyExists.into()));
    }
    let copy = snapshot(home, store)?;
    let draft = files::draft(target);
    let written = container(store, access, &copy, &draft, |format, length| Contents {
        format,
        made_at: at,
        home: keys.home(),
        recovery,
        length,
    });
    let placed = written.and_then(|()| take_place(&draft, target));
    if placed.is_err() {
        // The error that stopped us is the one to report.
        let _ = files::remove(&draft);
    }
    files::remove(&copy)?;
    placed
}

fn container(
    store: &Store,
    access: &Access,
    copy: &Path,
    draft: &Path,
    contents: impl FnOnce(i64, u64) -> Contents,
) -> Result<(), Failure> {
    let mut database = File::open(copy).map_err(|e| files::trouble(copy, &e))?;
    let length = database.metadata().map_err(|e| files::trouble(copy, &e))?.len();
    files::remove(draft)?;
    let mut out = BufWriter::new(files::create_private(draft)?);
    contents(store.format()?, length).write(&access.key, &mut database, &mut out).map_err(|e| at(e, copy, draft))?;
    out.flush().and_then(|()| out.get_ref().sync_all()).map_err(|e| files::trouble(draft, &e))
}

/// Copies that were kept before a migration under the key of a home without a sheet.
#[must_use]
pub fn copies(home: &Home) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(home.backups()) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.path());
    let suffix = format!(".{COPY}");
    names
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("before-format-") && name.ends_with(&suffix)
        })
        .collect()
}

/// The store's own consistent copy, encrypted, under a draft name.
fn snapshot(home: &Home, store: &Store) -> Result<PathBuf, Failure> {
    let copy = files::draft(&home.backups().join(SNAPSHOT));
    for file in setup::database_files(&copy) {
        files::remove(&file)?;
    }
    drop(files::create_private(&copy)?);
    let copied = store.snapshot(&copy).map_err(Failure::from).and_then(|()| files::sync_file(&copy));
    copied.map(|()| copy.clone()).inspect_err(|_| {
        for file in setup::database_files(&copy) {
            let _ = files::remove(&file);
        }
    })
}

/// Gives a finished draft its name, never over another file.
fn take_place(draft: &Path, target: &Path) -> Result<(), Failure> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, draft, CWD, target, RenameFlags::NOREPLACE) {
        // A file system that cannot promise it: nobody else writes here while we hold the lock.
        Err(Errno::INVAL | Errno::NOSYS) if !target.exists() => {
            fs::rename(draft, target).map_err(|e| files::trouble(target, &e))?;
        }
        Err(error) => return Err(files::trouble(target, &error.into())),
        Ok(()) => {}
    }
    files::sync_directory(files::parent(target))
}

/// One backup at a time; the directory is made when it is missing.
fn lock(home: &Home) -> Result<File, Failure> {
    let path = Home::new(&home.backups(), None);
    path.make_directory()?;
    path.alone()
}

/// A name that no file has yet. The caller holds the lock.
fn free_name(home: &Home, stem: &str, extension: &str) -> PathBuf {
    let name = |extra: &str| home.backups().join(format!("{stem}{extra}.{extension}"));
    let next = (2u32..).map(|n| name(&format!("-{n}")));
    std::iter::once(name("")).chain(next).find(|path| !path.exists()).unwrap_or_else(|| name(""))
}

/// An opened container, and where it lies.
pub struct Opened {
    /// The container; its MAC was checked.
    pub container: Container<File>,
    /// The key of the database within.
    pub key: StoreKey,
    /// The sheet that opened it.
    pub sheet: RecoveryKey,
}

/// Opens a backup with the sheet and checks all of it, writing nothing.
///
/// # Errors
/// When it is no backup, of a newer format, changed, or the sheet is another's.
pub fn open(file: &Path) -> Result<Opened, Failure> {
    let input = File::open(file).map_err(|e| files::trouble(file, &e))?;
    let mut container = Container::read(input).map_err(|e| damaged(e, file))?;
    let format = container.contents().format;
    if format > SCHEMA_VERSION {
        return Err(Failure::could_not(
            "newer-store",
            format!("{} was made by a newer version of this program (format {format}); update first", file.display()),
        ));
    }
    let sheet = ask::recovery_key()?;
    let key = container.key(&sheet).map_err(|e| damaged(e, file))?;
    container.copy(&key, &mut std::io::sink()).map_err(|e| match e {
        CustodyError::Read(_) | CustodyError::Write(_) => at(e, file, file),
        other => damaged(other, file),
    })?;
    Ok(Opened { container, key, sheet })
}

/// Files named in an error of copying.
#[must_use]
pub fn at(error: CustodyError, from: &Path, to: &Path) -> Failure {
    match error {
        CustodyError::Read(cause) => files::trouble(from, &cause),
        CustodyError::Write(cause) => files::trouble(to, &cause),
        other => other.into(),
    }
}

fn damaged(error: CustodyError, file: &Path) -> Failure {
    match Failure::from(error) {
        failure if failure.code() == "damaged" => {
            Failure::refused("damaged-backup", format!("{}: {failure}; use another backup", file.display()))
        }
        failure if failure.code() == "other-sheet" => Failure::refused(
            "other-sheet",
            format!("{failure}. A backup opens by the sheet that was valid when it was made"),
        ),
        other => other,
    }
}
