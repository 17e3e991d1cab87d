//! A new home, made beside its place and put there at once.
//!
//! The store and the file of slots are made under draft names; two renames, the slots first, make them visible. A home
//! exists when its store does, so an attempt that was cut short leaves no home, and the next one clears it away.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gateway_core::custody::{HomeId, Keys, RecoveryKey};
use gateway_core::{Store, StoreKey};
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use super::files;
use super::place::Place;
use super::sheet::{self, Handed, Handover};
use super::undo::Undo;
use crate::Failure;
use crate::home::Home;

/// What became of a new home.
pub struct Made {
    /// Its name.
    pub home: HomeId,
    /// Where its key lies.
    pub place: Place,
    /// What became of the sheet.
    pub sheet: Handed,
}

/// A fresh database key.
#[must_use]
pub fn database_key() -> StoreKey {
    let mut bytes = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(bytes.as_mut());
    StoreKey::from_bytes(*bytes)
}

/// A fresh name.
#[must_use]
pub fn home_id() -> HomeId {
    let mut bytes = [0; 16];
    OsRng.fill_bytes(&mut bytes);
    HomeId::from_bytes(bytes)
}

/// Makes a home.
///
/// # Errors
/// When there is one, no place takes the key, the sheet was not confirmed, or the disk refuses; nothing is left then.
pub fn create(home: &Home, keyring: bool, handover: &Handover, now: i64) -> Result<Made, Failure> {
    let (_alone, mut undo) = begin(home)?;
    let place = Place::choose(home, keyring)?;
    let fallback = fallback_sheet(home, keyring, handover)?;
    let (id, key, recovery) = (home_id(), database_key(), RecoveryKey::generate(&mut OsRng));
    let mut keys = Keys::create(id, &key, &recovery, now, &mut OsRng);
    // First where it can fail: a keyring that refuses should not cost anybody a printed page.
    place.fill(&mut keys, &key, now, &mut undo)?;
    undo.announce(handover.file.as_ref().unwrap_or(&fallback))?;
    let sheet = sheet::hand_over(&id, &recovery, now, handover, &fallback)?;
    undo.files.extend(sheet.file.clone());
    if sheet.confirmed {
        keys.confirm(&key, now);
    }
    commit(home, &keys, undo, |draft| {
        // Closed before it gets its name: the files beside an open store go by the draft's.
        drop(Store::create(draft, &key)?);
        Ok(())
    })?;
    Ok(Made { home: id, place, sheet })
}

/// Where a sheet goes that nobody named a file for. A script that says where the key lies has to say that, too. An older
/// sheet is never written over: it may be all that opens an old backup.
///
/// # Errors
/// `no-sheet` when the script has not said.
pub fn fallback_sheet(home: &Home, keyring: bool, handover: &Handover) -> Result<PathBuf, Failure> {
    if handover.file.is_none() && !super::ask::is_terminal() && (keyring || home.named_credential().is_some()) {
        return Err(Failure::refused(
            "no-sheet",
            "nobody is at the terminal to take the recovery sheet; name the file it goes to with --sheet FILE, print \
             it, delete it, and run: wattseal keys confirm",
        ));
    }
    let name = |number: u32| match number {
        1 => "recovery-sheet.txt".into(),
        _ => format!("recovery-sheet-{number}.txt"),
    };
    let mut paths = (1..).map(|number| home.directory().join(name(number)));
    Ok(paths.find(|path| !path.exists()).unwrap_or_default())
}

/// Makes the directory, locks it, and sees that there is no home in it. The lock comes first, so that it outlives the
/// clearing up after an attempt that fails.
///
/// # Errors
/// When there is a home, another process uses the directory, or the disk refuses.
pub fn begin(home: &Home) -> Result<(fs::File, Undo), Failure> {
    let mut made = Undo::default();
    made.directory = home.make_directory()?.then(|| home.directory().to_path_buf());
    let alone = home.alone()?;
    vacate(home)?;
    let mut undo = Undo::noted(home)?;
    undo.directory = made.directory.take();
    Ok((alone, undo))
}

/// There must be no home yet. What an attempt that was cut short has left is cleared away.
///
/// # Errors
/// When there is one, or keys without a store that may belong to a lost one.
fn vacate(home: &Home) -> Result<(), Failure> {
    let (store, keys) = (home.store_path(), home.keys_path());
    let draft = files::draft(&store);
    if store.exists() || home.first_key().exists() {
        return Err(Failure::refused(
            "exists",
            format!("there is a store or a key at {} already; nothing was changed", home.directory().display()),
        ));
    }
    if keys.exists() && !draft.exists() {
        return Err(Failure::refused(
            "exists",
            format!(
                "{} has keys but no store; if the store was lost, restore a backup into another directory",
                home.directory().display()
            ),
        ));
    }
    let copied = database_files(&restored(home));
    for file in database_files(&draft).iter().chain(&copied).chain([&keys, &files::draft(&keys)]) {
        files::remove(file)?;
    }
    Ok(())
}

/// Where a backup's database lies while it is restored.
#[must_use]
pub fn restored(home: &Home) -> PathBuf {
    files::draft(&home.directory().join("backup"))
}

/// Has the store made under its draft name, then puts slots and store in their places.
///
/// # Errors
/// When `make` or the disk refuses; everything in `undo` is removed then.
pub fn commit<T>(
    home: &Home,
    keys: &Keys,
    mut undo: Undo,
    make: impl FnOnce(&Path) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let (store, slots) = (home.store_path(), home.keys_path());
    let draft = files::draft(&store);
    undo.files.extend(database_files(&draft));
    undo.files.push(slots.clone());
    let value = make(&draft)?;
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).map_err(|e| files::trouble(&draft, &e))?;
    files::sync_file(&draft)?;
    files::replace(&slots, &keys.write())?;
    // Before the store has its name: whoever removes that store later must not lose what opens its backups.
    undo.settle()?;
    fs::rename(&draft, &store).map_err(|e| files::trouble(&store, &e))?;
    // From here on there is a home; a directory that cannot be forced to the disk does not unmake it.
    undo.keep();
    files::sync_directory(home.directory())?;
    Ok(value)
}

/// A database and the files that are beside it while it is open.
#[must_use]
pub fn database_files(path: &Path) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|suffix| {
        let mut name = path.as_os_str().to_os_string();
        name.push(suffix);
        PathBuf::from(name)
    })
}
