//! The kernel's key cache: what the sheet opens, kept in memory of the kernel until a time limit, a restart or
//! `wattseal lock`. Never the only place of a key.
//!
//! The key lies in the user's keyring (`@u`), which every process of this user reaches, also one that a service manager
//! started in a session of its own. Processes of other users do not.

use std::time::Duration;

use gateway_core::custody::{HomeId, Kek};
use linux_keyutils::{Key, KeyError, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, Permission};
use zeroize::Zeroizing;

use crate::Failure;

fn name(home: &HomeId) -> String {
    format!("wattseal:{}", hex::encode(home.as_bytes()))
}

/// The cached key of a home, if the kernel has one.
#[must_use]
pub fn fetch(home: &HomeId) -> Option<Kek> {
    let mut bytes = Zeroizing::new([0u8; 33]);
    let length = find(home).ok()?.read(&mut bytes.as_mut_slice()).ok()?;
    let bytes: &[u8; 32] = bytes.first_chunk()?;
    (length == bytes.len()).then(|| Kek::from_bytes(*bytes))
}

/// Caches a key for a while.
///
/// # Errors
/// When the kernel has no key cache for this process.
pub fn keep(home: &HomeId, kek: &Kek, limit: Duration) -> Result<(), Failure> {
    let kept = ring().and_then(|ring| {
        let key = ring.add_key(&name(home), kek.expose())?;
        let bounded = usize::try_from(limit.as_secs())
            .map_err(|_| KeyError::InvalidArguments)
            .and_then(|seconds| key.set_timeout(seconds))
            .and_then(|()| {
                let user = Permission::VIEW | Permission::READ | Permission::SEARCH | Permission::WRITE;
                key.set_perms(KeyPermissionsBuilder::builder().posessor(Permission::ALL).user(user).build())
            });
        bounded.inspect_err(|_| {
            // A key without a limit must not stay.
            let _ = key.revoke();
        })
    });
    kept.map_err(|error| unavailable(&error))
}

/// Removes a home's key from the cache. Says whether there was one.
///
/// # Errors
/// When the kernel refuses.
pub fn forget(home: &HomeId) -> Result<bool, Failure> {
    match find(home) {
        Ok(key) => key.revoke().map(|()| true).map_err(|error| unavailable(&error)),
        Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => Ok(false),
        Err(error) => Err(unavailable(&error)),
    }
}

fn ring() -> Result<KeyRing, KeyError> {
    let user = KeyRing::from_special_id(KeyRingIdentifier::User, true)?;
    // Changing a key takes possession of it. A session of its own does not possess the user's keyring; a process that
    // links it does. Where this is refused, the request itself says so.
    let _ = KeyRing::from_special_id(KeyRingIdentifier::Process, true).and_then(|own| own.link_keyring(user));
    Ok(user)
}

fn find(home: &HomeId) -> Result<Key, KeyError> {
    ring()?.search(&name(home))
}

fn unavailable(error: &KeyError) -> Failure {
    Failure::could_not(
        "no-key-cache",
        format!(
            "the kernel does not cache keys for this process ({error}); containers often forbid it; use a credential \
             file instead: wattseal recover --credential FILE"
        ),
    )
}
