//! Who has a port that is in use, where the system lets this user see it.

use std::fs;
use std::path::{Path, PathBuf};

use drivers::LineError;

/// The programs that have a port open, each with its number; none when that is not why it does not open. Programs of
/// other users are not seen.
pub(super) fn of(port: &Path, why: &LineError) -> Vec<String> {
    let busy = matches!(why, LineError::Busy { .. });
    let Some(device) = fs::canonicalize(port).ok().filter(|_| busy) else { return Vec::new() };
    let me = std::process::id();
    let mut programs = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if number != me && has_open(&entry.path().join("fd"), &device) {
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            programs.push(format!("{} (process {number})", name.trim()));
        }
    }
    programs
}

fn has_open(folder: &Path, device: &Path) -> bool {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.map(|file| fs::read_link(file.path())).any(|link| link.is_ok_and(|link: PathBuf| link == device))
}
