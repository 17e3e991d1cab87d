//! A home from a backup.
//!
//! The backup is checked whole before anything is written. Its database is copied out as it is, then once more under a
//! fresh key: what opened the lost home (a keyring on a stolen disk, a credential file) does not open this one. Name and
//! sheet stay. What would act on its own on the state of that day is ended: standing submissions, publications to brokers,
//! and what seals for plain meters, which go on under new keys.

use std::path::Path;

use gateway_core::Store;
use gateway_core::custody::{HomeId, Keys};
use gateway_core::store::{Inventory, rekey};
use rand_core::OsRng;

use super::place::Place;
use super::{ask, backup, files, setup};
use crate::Failure;
use crate::home::Home;

/// What came back.
pub struct Restored {
    /// The home's name.
    pub home: HomeId,
    /// When the backup was made, Unix seconds.
    pub made_at: i64,
    /// The store's format within the backup.
    pub format: i64,
    /// What is in it.
    pub inventory: Inventory,
    /// Standing submissions that were ended: months after the backup may have been billed already.
    pub ended: usize,
    /// Publications to brokers that were ended: who allowed them may have ended them since.
    pub unpublished: usize,
    /// Where the new key lies.
    pub place: Place,
}

/// Restores a backup to a home that has no store.
///
/// # Errors
/// When there is a store, the backup or the sheet is refused, or the disk refuses; nothing is left then.
pub fn restore(home: &Home, file: &Path, keyring: bool, now: i64) -> Result<Restored, Failure> {
    let (_alone, mut undo) = setup::begin(home)?;
    let mut opened = backup::open(file)?;
    let contents = opened.container.contents().clone();
    let place = Place::choose(home, keyring)?;
    let key = setup::database_key();
    let mut keys = Keys::create(contents.home, &key, &opened.sheet, now, &mut OsRng);
    place.fill(&mut keys, &key, now, &mut undo)?;
    if ask::is_terminal() {
        // Whoever has just typed all of it has it.
        keys.confirm(&key, now);
    }
    let raw = setup::restored(home);
    undo.files.extend(setup::database_files(&raw));
    let (inventory, ended, unpublished) = setup::commit(home, &keys, undo, |draft| {
        files::remove(&raw)?;
        let mut out = files::create_private(&raw)?;
        opened.container.copy(&opened.key, &mut out).map_err(|e| backup::at(e, file, &raw))?;
        drop(out);
        drop(files::create_private(draft)?);
        rekey::<Failure>(&raw, &opened.key, draft, &key, || Ok(()))?;
        for file in setup::database_files(&raw) {
            files::remove(&file)?;
        }
        // The backup is the copy that is kept before a migration.
        let store = Store::open(draft, &key)?;
        // What seals for plain meters would use times twice that it has sealed since the backup.
        store.forget_sealers()?;
        let ended = store.end_standing_after_restore(now)?;
        let unpublished = store.end_publications_after_restore(now)?;
        Ok((store.inspect()?, ended, unpublished))
    })?;
    let (home, made_at, format) = (contents.home, contents.made_at, contents.format);
    Ok(Restored { home, made_at, format, inventory, ended, unpublished, place })
}
