//! The file of what no block holds yet: recorded slots and what belongs to them, appended as they come.
//!
//! It is secret (mode 0600). A new one begins with each write of the flash; the old one is overwritten and removed.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::record::Record;
use crate::store::files;

/// Longest file that is read: far beyond what a meter whose memory is full gathers.
const MAX_BYTES: u64 = 64 << 20;
/// Slots that come faster than this are forced to disk together.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// The open day, in memory and on disk.
#[derive(Debug)]
pub struct OpenDay {
    path: PathBuf,
    /// All records since the flash was written.
    bytes: Zeroizing<Vec<u8>>,
    /// How many of the bytes stand in the file.
    written: usize,
    /// Where the day begins that no sealed block holds; what is before waits for its blocks to become durable.
    begins: usize,
    file: Option<File>,
    /// When the file was last forced to disk, and whether something was written since.
    synced: Option<Duration>,
    dirty: bool,
}

impl OpenDay {
    /// Reads what is there. What a power cut left half written is cut off.
    ///
    /// # Errors
    /// When the system refuses, or the file is longer than any that a meter writes.
    pub fn open(path: &Path) -> io::Result<(Self, Vec<Record>)> {
        let mut day = Self::at(path);
        let mut file = match OpenOptions::new().read(true).write(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((day, Vec::new())),
            opened => opened?,
        };
        if file.metadata()?.len() > MAX_BYTES {
            return Err(io::Error::other("the record of the open day is longer than a meter writes it"));
        }
        file.read_to_end(&mut day.bytes)?;
        let (records, good) = Record::read_all(&day.bytes);
        if good < day.bytes.len() {
            day.bytes.truncate(good);
            file.set_len(u64::try_from(good).unwrap_or(0))?;
            files::force(&file)?;
        }
        file.seek(SeekFrom::End(0))?;
        day.written = good;
        day.file = Some(file);
        Ok((day, records))
    }

    fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            bytes: Zeroizing::new(Vec::new()),
            written: 0,
            begins: 0,
            file: None,
            synced: None,
            dirty: false,
        }
    }

    /// Notes a record, in memory first.
    pub fn note(&mut self, record: &Record) {
        self.bytes.extend_from_slice(&record.write());
    }

    /// All that was noted so far is in sealed blocks.
    pub fn close(&mut self) {
        self.begins = self.bytes.len();
    }

    /// What stands before this place is in sealed blocks: a file that was read again is closed as it was.
    pub fn close_at(&mut self, place: usize) {
        self.begins = place.min(self.bytes.len());
    }

    /// Takes back the record that was noted last, unless it has reached the file. Says whether it could.
    pub fn unnote(&mut self, record: &Record) -> bool {
        let length = self.bytes.len().saturating_sub(record.write().len());
        let unwritten = length >= self.written;
        if unwritten {
            self.bytes.truncate(length);
        }
        unwritten
    }

    /// Writes what is not in the file yet, and forces it to disk unless that was done within the last second.
    ///
    /// # Errors
    /// When the system refuses; what is noted stays in memory and is written the next time.
    pub fn flush(&mut self, now: Duration) -> io::Result<()> {
        self.write()?;
        let due = self.synced.is_none_or(|last| now.saturating_sub(last) >= SYNC_EVERY);
        if self.dirty && due { self.sync(now) } else { Ok(()) }
    }

    /// Writes everything and forces it to disk.
    ///
    /// # Errors
    /// As [`OpenDay::flush`].
    pub fn sync(&mut self, now: Duration) -> io::Result<()> {
        self.write()?;
        if let Some(file) = self.file.as_ref().filter(|_| self.dirty) {
            files::force(file)?;
            self.dirty = false;
            self.synced = Some(now);
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let rest = self.bytes.get(self.written..).unwrap_or(&[]);
        if rest.is_empty() {
            return Ok(());
        }
        files::step()?;
        if self.file.is_none() {
            let opened = files::private().create(true).truncate(true).open(&self.path)?;
            self.path.parent().map_or(Ok(()), files::sync_dir)?;
            self.file = Some(opened);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        if let Err(error) = file.write_all(rest) {
            // Half a record would hide all that follow it.
            let good = u64::try_from(self.written).unwrap_or(0);
            file.set_len(good)?;
            file.seek(SeekFrom::Start(good))?;
            return Err(error);
        }
        self.written = self.bytes.len();
        self.dirty = true;
        Ok(())
    }

    /// The file that will follow the next write of the flash: what is open still. It is on disk before that write, so
    /// that no moment is without it.
    ///
    /// # Errors
    /// When the system refuses; this one stays as it is.
    pub fn next(&self, path: &Path, now: Duration) -> io::Result<Self> {
        // One that an earlier attempt left.
        files::erase(path)?;
        let mut next = Self::at(path);
        next.bytes.extend_from_slice(self.bytes.get(self.begins..).unwrap_or(&[]));
        next.sync(now)?;
        Ok(next)
    }

    /// Overwrites and removes the file.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn erase(self) -> io::Result<()> {
        drop(self.file);
        files::erase(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::records;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_was_noted_comes_back_and_a_torn_end_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("open-1.log");
        let (mut day, none) = OpenDay::open(&path).unwrap();
        assert!(none.is_empty() && !path.exists());
        for record in records() {
            day.note(&record);
            day.flush(Duration::ZERO).unwrap();
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(day);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let (mut day, read) = OpenDay::open(&path).unwrap();
        let last = records().len() - 1;
        assert!(read == records()[..last]);
        day.note(&records()[last]);
        day.sync(Duration::ZERO).unwrap();
        assert!(OpenDay::open(&path).unwrap().1 == records(), "what follows a torn end can be read");
    }

    #[test]
    fn the_next_file_has_what_is_still_open() {
        let dir = tempfile::tempdir().unwrap();
        let (mut day, _) = OpenDay::open(&dir.path().join("open-1.log")).unwrap();
        day.note(&records()[0]);
        day.close();
        day.note(&records()[1]);
        day.flush(Duration::ZERO).unwrap();
        let path = dir.path().join("open-2.log");
        let next = day.next(&path, Duration::ZERO).unwrap();
        day.erase().unwrap();
        assert!(!dir.path().join("open-1.log").exists());
        drop(next);
        assert!(OpenDay::open(&path).unwrap().1 == records()[1..2]);
        let (mut empty, _) = OpenDay::open(&dir.path().join("open-3.log")).unwrap();
        empty.close();
        empty.next(&path, Duration::ZERO).unwrap();
        assert!(!path.exists(), "nothing open, no file");
    }
}
