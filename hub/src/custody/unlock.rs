//! Finding a key that opens a home.
//!
//! In order: the credential that was named or that systemd handed over, the kernel's cache, the keyring, and the
//! credential file beside the store. A home of the first format opens by its plain key file.

use std::path::Path;

use gateway_core::StoreKey;
use gateway_core::custody::{Kek, Keys, MAX_KEYS, SlotKind};
use gateway_core::store::probe;

use super::{cache, credential, files, keyring};
use crate::Failure;
use crate::home::Home;

/// An opened home: the database key, and the slots unless it is a home of the first format.
pub struct Access {
    /// The raw key of the store.
    pub key: StoreKey,
    /// The slots that lead to it.
    pub keys: Option<Keys>,
}

/// Opens a home without a person.
///
/// # Errors
/// With what stands in the way and what to do.
pub fn access(home: &Home) -> Result<Access, Failure> {
    if !home.keys_path().exists() {
        let key = StoreKey::from_bytes(*credential::read(&home.plain_key())?);
        return Ok(Access { key, keys: None });
    }
    // An upgrade that was cut short may have left both; the store says which one it takes.
    if let Some(key) = fitting(home, &home.first_key()) {
        return Ok(cut_short(key));
    }
    match by_slots(home) {
        Ok((key, keys)) => Ok(Access { key, keys: Some(keys) }),
        Err(failure) => home.named_credential().and_then(|file| fitting(home, &file)).map(cut_short).ok_or(failure),
    }
}

fn cut_short(key: StoreKey) -> Access {
    tracing::warn!("an upgrade of this home's keys was cut short; finish it with: wattseal keys upgrade");
    Access { key, keys: None }
}

/// Reads the key file, opening nothing.
///
/// # Errors
/// When it is missing, damaged or readable by others.
pub fn read_keys(home: &Home) -> Result<Keys, Failure> {
    let path = home.keys_path();
    // It holds no bare key, but nobody else has business with it.
    let bytes = files::read_from(files::open_private(&path, 0o077)?, &path, MAX_KEYS)?;
    Keys::read(&bytes).map_err(|error| {
        let failure = Failure::from(error);
        match failure.code() {
            "damaged" => Failure::could_not(
                "damaged-keys",
                format!("{failure}; put back a copy of {}, or restore the newest backup", path.display()),
            ),
            _ => failure,
        }
    })
}

/// Reads the key file and checks that it was written under the database key, as a whole.
///
/// # Errors
/// As [`read_keys`], and when it was changed.
pub fn checked_keys(home: &Home, key: &StoreKey) -> Result<Keys, Failure> {
    let keys = read_keys(home)?;
    keys.check(key).map_err(|error| {
        let path = home.keys_path();
        Failure::could_not(
            "damaged-keys",
            format!("{error}, while this home was open; put back a copy of {}", path.display()),
        )
    })?;
    Ok(keys)
}

/// Opens one of the slots.
///
/// # Errors
/// As [`access`].
pub fn by_slots(home: &Home) -> Result<(StoreKey, Keys), Failure> {
    let keys = read_keys(home)?;
    let key = any_slot(home, &keys)?;
    Ok((key, keys))
}

fn any_slot(home: &Home, keys: &Keys) -> Result<StoreKey, Failure> {
    if let Some(file) = home.named_credential() {
        return by_credential(keys, &file);
    }
    if let Some(key) = cache::fetch(&keys.home()).and_then(|kek| keys.open(SlotKind::Recovery, &kek).ok()) {
        return Ok(key);
    }
    let own = home.own_credential();
    let mut first = None;
    if let Some(slot) = keys.slot(SlotKind::Keyring) {
        match keyring::fetch(&slot.entry(&keys.home())).and_then(|kek| open(keys, SlotKind::Keyring, &kek)) {
            Ok(key) => return Ok(key),
            Err(failure) => first = Some(failure),
        }
    }
    if keys.slot(SlotKind::Credential).is_some() && own.exists() {
        return by_credential(keys, &own);
    }
    Err(first.unwrap_or_else(|| no_way(keys)))
}

fn by_credential(keys: &Keys, file: &Path) -> Result<StoreKey, Failure> {
    let kek = Kek::from_bytes(*credential::read(file)?);
    open(keys, SlotKind::Credential, &kek)
}

fn open(keys: &Keys, kind: SlotKind, kek: &Kek) -> Result<StoreKey, Failure> {
    keys.open(kind, kek).map_err(|error| match Failure::from(error) {
        damaged if damaged.code() == "damaged" => Failure::could_not("damaged-keys", damaged.to_string()),
        other => other,
    })
}

fn no_way(keys: &Keys) -> Failure {
    let message = if keys.slot(SlotKind::Credential).is_some() {
        "this home opens by a credential file, which is not here: name it with --credential FILE. If it is lost, take \
         the recovery sheet and run: wattseal recover"
    } else {
        "nothing here opens this home any more: take the recovery sheet and run wattseal recover, or wattseal unlock \
         for until the next restart"
    };
    Failure::could_not("no-key", message)
}

/// A plain key of the first format, if there is one and the store takes it.
fn fitting(home: &Home, file: &Path) -> Option<StoreKey> {
    let key = file.exists().then(|| credential::read(file).ok()).flatten().map(|k| StoreKey::from_bytes(*k))?;
    probe(&home.store_path(), &key).is_ok().then_some(key)
}
