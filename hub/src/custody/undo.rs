//! What an attempt has made so far; taken back when it does not get to its end.
//!
//! A process that is killed takes nothing back. So what lies in the home, and what goes into the keyring, is first noted
//! in `HOME/.attempt`: one line each, `file NAME` or `entry NAME`, nothing secret. The note goes when the attempt comes to
//! its end, and while it is there the next attempt clears away what it names.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{files, keyring};
use crate::Failure;
use crate::home::Home;

const NOTE: &str = ".attempt";
/// An attempt makes a handful of things.
const MOST_BYTES: u64 = 16 << 10;

/// What an attempt made.
#[derive(Debug, Default)]
pub struct Undo {
    /// Files to remove.
    pub files: Vec<PathBuf>,
    /// Entries of the keyring to remove.
    pub entries: Vec<String>,
    /// A directory to remove when nothing is left in it.
    pub directory: Option<PathBuf>,
    note: Option<PathBuf>,
}

impl Undo {
    /// An attempt over a home that this process has to itself. Clears away what an earlier one has left that was killed.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn noted(home: &Home) -> Result<Self, Failure> {
        let note = home.directory().join(NOTE);
        clear(home, &note)?;
        let mut undo = Self::default();
        undo.note = Some(note);
        Ok(undo)
    }

    /// A file is about to be made. Only what lies in the home is noted: nobody else makes files there meanwhile.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn announce(&self, file: &Path) -> Result<(), Failure> {
        let Some(home) = self.note.as_deref().map(files::parent) else { return Ok(()) };
        let same = || Some(fs::canonicalize(files::parent(file)).ok()? == fs::canonicalize(home).ok()?);
        match file.file_name().and_then(|name| name.to_str()) {
            Some(name) if same() == Some(true) && !file.exists() && !name.contains('\n') => {
                self.write(&format!("file {name}\n"))
            }
            _ => Ok(()),
        }
    }

    /// An entry of the keyring is about to be made.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn announce_entry(&self, entry: &str) -> Result<(), Failure> {
        self.write(&format!("entry {entry}\n"))
    }

    /// What was made opens something from now on: no later attempt may clear it away.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn settle(&mut self) -> Result<(), Failure> {
        self.note.take().map_or(Ok(()), |note| files::remove(&note))
    }

    /// The attempt got to its end.
    pub fn keep(mut self) {
        std::mem::take(&mut self.files);
        std::mem::take(&mut self.entries);
        self.directory = None;
    }

    fn write(&self, line: &str) -> Result<(), Failure> {
        let Some(note) = &self.note else { return Ok(()) };
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(note);
        let written = opened.and_then(|mut file| file.write_all(line.as_bytes()).and_then(|()| file.sync_all()));
        written.map_err(|e| files::trouble(note, &e))?;
        files::sync_directory(files::parent(note))
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        // The error that ended the attempt is the one to report.
        for file in &self.files {
            let _ = files::remove(file);
        }
        for entry in &self.entries {
            let _ = keyring::forget(entry);
        }
        if let Some(note) = &self.note {
            let _ = files::remove(note);
        }
        if let Some(directory) = &self.directory {
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Clears away what a note names, then the note. A last line that was cut short names what was not made yet.
fn clear(home: &Home, note: &Path) -> Result<(), Failure> {
    let Ok(file) = fs::File::open(note) else { return Ok(()) };
    let text = files::read_from(file, note, MOST_BYTES)?;
    let text = String::from_utf8_lossy(&text);
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        match line.split_once(' ') {
            Some(("file", name)) if Path::new(name).file_name().is_some_and(|only| only == name) => {
                files::remove(&home.directory().join(name))?;
            }
            Some(("entry", entry)) => {
                if let Err(failure) = keyring::forget(entry) {
                    tracing::warn!(%failure, "an entry that opens nothing stays in the keyring");
                }
            }
            _ => {}
        }
    }
    files::remove(note)
}
