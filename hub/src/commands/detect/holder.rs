//! Who has a port that is in use, where the system lets this user see it.

use std::fs;
use std::path::{Path, PathBuf};

use drivers::LineError;

/// The program that has a port open: its name and number. Programs of other users are not seen.
pub(super) fn of(port: &Path, why: &LineError) -> Option<String> {
    if !matches!(why, LineError::Busy { .. }) {
        return None;
    }
    let device = fs::canonicalize(port).ok()?;
    let me = std::process::id();
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if number != me && has_open(&entry.path().join("fd"), &device) {
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (process {number})", name.trim()));
        }
    }
    None
}

fn has_open(folder: &Path, device: &Path) -> bool {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.map(|file| fs::read_link(file.path())).any(|link| link.is_ok_and(|link: PathBuf| link == device))
}
