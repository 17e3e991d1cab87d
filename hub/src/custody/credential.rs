//! Credential files: 64 hexadecimal digits, made by us or handed to us by systemd.

use std::path::{Path, PathBuf};

use gateway_core::custody::Kek;
use rand_core::OsRng;
use zeroize::Zeroizing;

use super::files;
use crate::Failure;

/// The name of our credential in systemd's directory.
const NAME: &str = "wattseal";
/// Longest credential file: more than 64 digits and white space is none.
pub const LIMIT: u64 = 128;
/// Bits that let group or others in.
const SHARED: u32 = 0o077;
/// systemd grants the service's user access by an access control list, whose mask shows in the group's bits.
const SHARED_BY_SYSTEMD: u32 = 0o007;

/// The credential that systemd gave this service, if it did.
#[must_use]
pub fn from_systemd() -> Option<PathBuf> {
    let directory = std::env::var_os("CREDENTIALS_DIRECTORY")?;
    Some(Path::new(&directory).join(NAME)).filter(|path| path.exists())
}

/// Reads 32 bytes from a credential file, or from the key file of a home of the first format, which has the same form.
///
/// # Errors
/// When it is missing, others may read it, or it is not 64 hexadecimal digits.
pub fn read(path: &Path) -> Result<Zeroizing<[u8; 32]>, Failure> {
    if !path.exists() {
        return Err(Failure::could_not(
            "no-key",
            format!("the key file {} is missing; put it back, or use the sheet with: wattseal recover", path.display()),
        ));
    }
    let shared = if from_systemd().as_deref() == Some(path) { SHARED_BY_SYSTEMD } else { SHARED };
    let text = files::read_from(files::open_private(path, shared)?, path, LIMIT)?;
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim_ascii(), bytes.as_mut())
        .map_err(|_| Failure::could_not("damaged-key", format!("{} is not a key file", path.display())))?;
    Ok(bytes)
}

/// The key in a credential file; one that does not exist is made. Says whether it was.
///
/// # Errors
/// When it cannot be read or made.
pub fn read_or_make(path: &Path) -> Result<(Kek, bool), Failure> {
    if path.exists() {
        return Ok((Kek::from_bytes(*read(path)?), false));
    }
    let kek = Kek::generate(&mut OsRng);
    let mut line = Zeroizing::new(String::with_capacity(65));
    line.push_str(&Zeroizing::new(hex::encode(kek.expose())));
    line.push('\n');
    files::write_new(path, line.as_bytes())?;
    Ok((kek, true))
}
