//! From the plain key file of the first format to slots.
//!
//! The old key may have been copied, so the database gets a new one. At every moment a key that is on the disk opens
//! the store that has its name:
//!
//! | after step | store.db under | on the disk |
//! |---|---|---|
//! | 0 | old key | `store.key` |
//! | 1 slots written | old key | `store.key`, `keys.cbor` |
//! | 2 copy made | old key | the same, and a draft that nobody opens |
//! | 3 copy renamed over the store | new key | the same |
//! | 4 `store.key` removed | new key | `keys.cbor` |
//!
//! Cut short before step 3, it goes on with the slots that are there when they open here, so that a printed sheet stays
//! valid, and else begins again with a new key and a new sheet; after step 3, only step 4 is left to do.

use std::fs;
use std::path::Path;

use gateway_core::custody::{Keys, RecoveryKey, SlotKind};
use gateway_core::store::{probe, rekey};
use gateway_core::{StoreError, StoreKey};
use rand_core::OsRng;

use super::place::Place;
use super::setup::{self, Made};
use super::sheet::{self, Handed, Handover};
use super::undo::Undo;
use super::{backup, credential, files, unlock};
use crate::Failure;
use crate::home::Home;

/// What an upgrade did.
pub enum Upgraded {
    /// The home has new keys.
    Done(Made),
    /// An earlier attempt had done all but remove the old key file.
    Finished,
    /// There was nothing to do.
    Already,
}

/// Upgrades a home of the first format, or finishes an upgrade that was cut short.
///
/// # Errors
/// When another process uses the home, no place takes the key, the sheet was not confirmed, or the disk refuses; the
/// home is as before then.
pub fn upgrade(home: &Home, keyring: bool, handover: &Handover, now: i64) -> Result<Upgraded, Failure> {
    home.require()?;
    let _alone = home.alone()?;
    let file = if home.first_key().exists() { home.first_key() } else { home.plain_key() };
    if !file.exists() && home.keys_path().exists() {
        return Ok(Upgraded::Already);
    }
    let old = StoreKey::from_bytes(*credential::read(&file)?);
    match probe(&home.store_path(), &old) {
        Ok(_) => {}
        Err(StoreError::WrongKey) if home.keys_path().exists() => return finish(home, &file),
        Err(error) => return Err(error.into()),
    }
    let mut undo = Undo::noted(home)?;
    // What the home will be opened with: not by the old key, even if that was named on the command line.
    let named = home.named_credential().filter(|named| *named != file);
    let later = Home::new(home.directory(), named.as_deref());
    let (key, made) = match resume(&later) {
        Some(resumed) => resumed,
        None => prepare(&later, keyring, handover, now, &mut undo)?,
    };
    // Step 2.
    let (store, draft) = (home.store_path(), files::draft(&home.store_path()));
    undo.files.extend(setup::database_files(&draft));
    for file in setup::database_files(&draft) {
        files::remove(&file)?;
    }
    drop(files::create_private(&draft)?);
    rekey::<Failure>(&store, &old, &draft, &key, || {
        files::sync_file(&draft)?;
        // Step 3, while nobody else can have the old store open.
        fs::rename(&draft, &store).map_err(|e| files::trouble(&store, &e))
    })?;
    undo.keep();
    files::sync_directory(home.directory())?;
    remove(&file)?;
    forget_copies(home);
    Ok(Upgraded::Done(made))
}

/// The slots of an attempt that was cut short, if they open here.
fn resume(home: &Home) -> Option<(StoreKey, Made)> {
    let (key, keys) = home.keys_path().exists().then(|| unlock::by_slots(home).ok()).flatten()?;
    let place = match keys.slot(SlotKind::Keyring) {
        Some(_) => Place::Keyring,
        None => Place::Credential(home.named_credential().unwrap_or_else(|| home.own_credential())),
    };
    let sheet = Handed { file: None, confirmed: keys.confirmed_at().is_some() };
    Some((key, Made { home: keys.home(), place, sheet }))
}

/// A new key and a new sheet; step 1.
fn prepare(
    home: &Home,
    keyring: bool,
    handover: &Handover,
    now: i64,
    undo: &mut Undo,
) -> Result<(StoreKey, Made), Failure> {
    let place = Place::choose(home, keyring)?;
    let fallback = setup::fallback_sheet(home, keyring, handover)?;
    let (id, key, recovery) = (setup::home_id(), setup::database_key(), RecoveryKey::generate(&mut OsRng));
    let mut keys = Keys::create(id, &key, &recovery, now, &mut OsRng);
    place.fill(&mut keys, &key, now, undo)?;
    undo.announce(handover.file.as_ref().unwrap_or(&fallback))?;
    let sheet = sheet::hand_over(&id, &recovery, now, handover, &fallback)?;
    undo.files.extend(sheet.file.clone());
    if sheet.confirmed {
        keys.confirm(&key, now);
    }
    undo.files.push(home.keys_path());
    files::replace(&home.keys_path(), &keys.write())?;
    // An attempt that is cut short from here on is resumed with these slots.
    undo.settle()?;
    Ok((key, Made { home: id, place, sheet }))
}

/// Step 4 alone, once it is certain that the slots open the store. A key file that was named on the command line stays:
/// it may as well be the credential of the finished home.
fn finish(home: &Home, file: &Path) -> Result<Upgraded, Failure> {
    let named = home.named_credential().filter(|named| *named != file);
    let (key, _) = unlock::by_slots(&Home::new(home.directory(), named.as_deref()))?;
    probe(&home.store_path(), &key)?;
    if file != home.first_key() {
        return Ok(Upgraded::Already);
    }
    remove(file)?;
    forget_copies(home);
    Ok(Upgraded::Finished)
}

/// Removes copies that a migration kept under the old key: without it nobody opens them here, and whoever copied it could.
fn forget_copies(home: &Home) {
    for copy in backup::copies(home) {
        if let Err(failure) = files::remove(&copy) {
            tracing::warn!(%failure, "a copy of the store under the old key stays");
        }
    }
}

fn remove(file: &Path) -> Result<(), Failure> {
    files::remove(file)?;
    files::sync_directory(files::parent(file))
}
