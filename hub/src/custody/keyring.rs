//! The keyring of the operating system (Secret Service over D-Bus).
//!
//! Each slot has an entry of its own: service "wattseal", user = home and slot. The daemon may ask a person for a
//! password, so every request has an end.

use std::sync::mpsc;
use std::time::Duration;

use gateway_core::custody::Kek;
use keyring::{Entry, Error};
use zeroize::Zeroizing;

use crate::Failure;

const SERVICE: &str = "wattseal";
/// Long enough to type a password into the keyring's own window.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether a Secret Service answers at all.
#[must_use]
pub fn answers() -> bool {
    bounded(|| Ok(Entry::store_status().is_ok())).unwrap_or(false)
}

/// Stores a key and reads it back.
///
/// # Errors
/// When there is no keyring or it stays locked.
pub fn store(entry: &str, kek: &Kek) -> Result<(), Failure> {
    let (name, wanted) = (entry.to_owned(), kek.clone());
    let same = bounded(move || {
        let entry = Entry::new(SERVICE, &name)?;
        entry.set_secret(wanted.expose())?;
        let back = Zeroizing::new(entry.get_secret()?);
        Ok(back.as_slice() == wanted.expose())
    })?;
    if same { Ok(()) } else { Err(locked("it did not keep what it was given")) }
}

/// Fetches a key.
///
/// # Errors
/// `keyring-lost` when the keyring does not have it, others when there is no keyring or it stays locked.
pub fn fetch(entry: &str) -> Result<Kek, Failure> {
    let name = entry.to_owned();
    let secret = bounded(move || Entry::new(SERVICE, &name)?.get_secret().map(Zeroizing::new))?;
    let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(secret.as_slice().try_into().map_err(|_| lost())?);
    Ok(Kek::from_bytes(*bytes))
}

/// Removes a key; one that is not there is no error.
///
/// # Errors
/// When there is no keyring or it stays locked.
pub fn forget(entry: &str) -> Result<(), Failure> {
    let name = entry.to_owned();
    bounded(move || match Entry::new(SERVICE, &name)?.delete_credential() {
        Err(Error::NoEntry) => Ok(()),
        other => other,
    })
}

/// Runs a request in a thread of its own (the D-Bus client blocks, and must not do so within an executor) and waits for
/// it no longer than a person needs.
fn bounded<T: Send + 'static>(work: impl FnOnce() -> keyring::Result<T> + Send + 'static) -> Result<T, Failure> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody waits any more when this fails.
        let _ = send.send(work());
    });
    match receive.recv_timeout(PATIENCE) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(failure(&error)),
        Err(_) => Err(locked("it asked for its password and got no answer")),
    }
}

/// Errors of the keyring can hold what it stores; only their kind is told.
fn failure(error: &Error) -> Failure {
    match error {
        Error::NoEntry | Error::BadDataFormat(..) | Error::BadEncoding(_) | Error::Ambiguous(_) => lost(),
        Error::NoDefaultStore => Failure::could_not(
            "no-keyring",
            "no keyring answers: there is no Secret Service on this session's D-Bus; sign in to a desktop session, or \
             use a credential file with --credential FILE, or open the home by its sheet with: wattseal unlock",
        ),
        Error::NoStorageAccess(_) => locked("its password was not given"),
        _ => locked("it refused the request"),
    }
}

fn lost() -> Failure {
    Failure::could_not(
        "keyring-lost",
        "the keyring does not have this home's key any more; take the recovery sheet and run: wattseal recover",
    )
}

fn locked(why: &str) -> Failure {
    Failure::could_not(
        "keyring-locked",
        format!(
            "the keyring cannot be used: {why}; unlock it and try again, or use a credential file with --credential \
             FILE, or open the home by its sheet with: wattseal unlock"
        ),
    )
}
