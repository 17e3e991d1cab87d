//! Circuits as files: those that are named, and those of folders.

use std::fs;
use std::path::PathBuf;

use protocol::circuit::CircuitKey;
use protocol::verify::proved::Circuits;

use super::{FileError, read_up_to};

/// More than the file of any circuit: a point of 96 bytes for each of some ten thousand inputs.
const MOST_BYTES: u64 = 16 << 20;

/// What was found.
pub(super) struct Found {
    pub(super) circuits: Circuits,
    /// Files of folders that are no circuits of this program, and why; a folder may be older or newer than it.
    pub(super) useless: Vec<String>,
}

/// Reads circuits. A file that was named and is none is a reason to refuse.
pub(super) fn read(files: &[PathBuf], folders: &[PathBuf]) -> Result<Result<Found, String>, FileError> {
    let (mut keys, mut useless) = (Vec::new(), Vec::new());
    for path in files {
        match CircuitKey::read(&read_up_to(path, MOST_BYTES)?) {
            Ok(key) => keys.push(key),
            Err(error) => return Ok(Err(format!("{}: {error}", path.display()))),
        }
    }
    for folder in folders {
        let fail = |error: std::io::Error| FileError(format!("{}: {error}", folder.display()));
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            if path.extension().is_some_and(|ending| ending == "circuit") {
                paths.push(path);
            }
        }
        paths.sort();
        for path in paths {
            match CircuitKey::read(&read_up_to(&path, MOST_BYTES)?) {
                Ok(key) => keys.push(key),
                Err(error) => useless.push(format!("{}: {error}", path.display())),
            }
        }
    }
    Ok(Ok(Found { circuits: Circuits::new(keys), useless }))
}
