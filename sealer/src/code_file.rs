//! The file that a pairing code is written to as well while it is good.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use protocol::code::{Purpose, read};
use zeroize::Zeroizing;

use crate::store::files::{PRIVATE, erase as erase_file, write};

/// No code is longer, whatever stands around it.
const LONGEST: u64 = 128;

/// Writes the code to a file of its owner alone, whole or not at all.
///
/// # Errors
/// When the system refuses.
pub fn show(path: &Path, code: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".partial");
    let beside = PathBuf::from(beside);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write(&beside, format!("{code}\n").as_bytes(), PRIVATE)?;
    fs::rename(&beside, path)
}

/// Overwrites and removes the file.
///
/// # Errors
/// When the system refuses.
pub fn erase(path: &Path) -> io::Result<()> {
    erase_file(path)
}

/// Erases the code that a process which was killed left behind; it is worth nothing. Any other file stays.
pub fn forget_old(path: &Path) {
    let is_code = |text: &str| read::<16>(Purpose::Pairing, text.trim()).is_ok();
    let short = fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= LONGEST);
    if short && fs::read_to_string(path).map(Zeroizing::new).is_ok_and(|text| is_code(&text)) {
        // It does no harm should it stay.
        let _ = erase(path);
    }
}
