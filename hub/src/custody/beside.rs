//! What lies in a home's directory and opens it, so that whoever takes the disk has key and store.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use gateway_core::custody::{Kek, SlotKind};
use zeroize::Zeroizing;

use super::{credential, unlock};
use crate::home::Home;

/// Files of a home's directory that are looked at; there are about a dozen.
const MOST_FILES: usize = 1000;

/// Recovery sheets under the names that `init` and `keys new-sheet` give them.
#[must_use]
pub fn sheets(home: &Home) -> Vec<PathBuf> {
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("recovery-sheet") && name.ends_with(".txt")
    };
    let mut sheets = files(home);
    sheets.retain(named);
    sheets
}

/// Files that fill the credential slot, whatever they are called.
#[must_use]
pub fn credentials(home: &Home) -> Vec<PathBuf> {
    let Ok(keys) = unlock::read_keys(home) else { return Vec::new() };
    if keys.slot(SlotKind::Credential).is_none() {
        return Vec::new();
    }
    let mut found = files(home);
    found.extend(home.named_credential().filter(|file| home.contains(file)));
    found.retain(|file| key_in(file).is_some_and(|kek| keys.open(SlotKind::Credential, &kek).is_ok()));
    found.dedup_by_key(|file| fs::canonicalize(&*file).ok());
    found
}

fn files(home: &Home) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(home.directory()) else { return Vec::new() };
    let files = entries.flatten().take(MOST_FILES).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut files: Vec<PathBuf> = files.map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// A key in the form of a credential file, whoever may read it.
fn key_in(path: &PathBuf) -> Option<Kek> {
    let length = fs::metadata(path).ok()?.len();
    if !(64..=credential::LIMIT).contains(&length) {
        return None;
    }
    let mut text = Zeroizing::new([0; 128]);
    let mut read = 0;
    let mut file = fs::File::open(path).ok()?;
    while let Ok(more @ 1..) = file.read(text.get_mut(read..)?) {
        read += more;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.get(..read)?.trim_ascii(), bytes.as_mut()).ok()?;
    Some(Kek::from_bytes(*bytes))
}
