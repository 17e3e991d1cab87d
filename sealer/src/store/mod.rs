//! The meter's directory: its flash, and the files that leave it.
//!
//! ```text
//! DIR/flash/lock            held while a meter runs
//! DIR/flash/state.cbor      keys, certificates, chains (mode 0600)
//! DIR/flash/pending-N/      what write N is about to make visible
//! DIR/flash/open-N.log      after write N: slots that no block holds yet (mode 0600), of a meter on a line
//! DIR/meter.cert            certificates of all epochs
//! DIR/pairing.key           what the household needs to read the blocks (mode 0600), made once
//! DIR/blocks/REGISTER/…     one file a block, names sort by time
//! DIR/bills/…               what the meter billed itself (mode 0600), names sort by time
//! ```
//!
//! A run is one transaction. Its files are first laid into `pending-N` and forced to disk; then `state.cbor` with
//! generation N replaces the old one (written beside it, forced to disk, renamed); then the pending files are moved to
//! where everyone sees them. A power cut before the second step leaves the old state and pending files that are thrown
//! away: no label is used, since nobody saw a block. A cut after it leaves the new state and pending files that the next
//! run moves. So no block is ever visible whose state is not durable, and none is lost whose state is. A meter on a line
//! makes such a transaction of every day.

pub(crate) mod files;
mod save;
mod stage;

pub use save::SaveError;
pub use stage::Stage;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use fs2::FileExt;
use zeroize::Zeroizing;

use crate::flash;
use crate::meter::SealingMeter;

const FLASH: &str = "flash";
const LOCK: &str = "lock";
const STATE: &str = "state.cbor";
const PENDING: &str = "pending-";
const OPEN: &str = "open-";
/// The certificates' file.
pub const CERTIFICATE: &str = "meter.cert";
/// The pairing's file.
pub const PAIRING: &str = "pairing.key";
/// The directory of blocks.
pub const BLOCKS: &str = "blocks";
/// The directory of the meter's own bills.
pub const BILLS: &str = "bills";

/// Why the directory could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// Another run holds the meter.
    #[error("{}: another run holds this meter; wait until it is done, or stop it", .0.display())]
    Locked(PathBuf),
    /// The flash cannot be read.
    #[error("{}: the meter's flash is damaged or was written by another version; restore it from a copy that is not older than the last block, or make a new meter in another directory", .0.display())]
    Damaged(PathBuf),
    /// Files of a meter without its flash.
    #[error("{}: there are files of a meter but not its flash, and without it the meter cannot go on; choose another directory", .0.display())]
    NoFlash(PathBuf),
    /// A live meter is within a day.
    #[error("{}: this meter runs on a line and has slots that no block holds yet; go on with wattseal-meter run, or use another directory", .0.display())]
    OpenDay(PathBuf),
    /// The memory is full: switched on for tests of what happens then.
    #[error("{}: the meter's memory is full", .0.display())]
    Full(PathBuf),
    /// A block or bill is there that the flash does not know of.
    #[error("{}: this file exists, but the meter's flash does not know of it: it is an older copy. Going on would use a time twice; restore the newest flash or choose another directory", .0.display())]
    OldFlash(PathBuf),
}

/// Attaches the path to a system error.
fn at(path: &Path) -> impl Fn(io::Error) -> StoreError + '_ {
    |source| StoreError::Io { path: path.to_owned(), source }
}

/// An output directory whose lock is held.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    generation: u64,
    /// Whether it behaves as if no space were left.
    full: bool,
    _lock: File,
}

impl StoreError {
    /// A short name that programs can compare.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io",
            Self::Locked(_) => "locked",
            Self::Damaged(_) => "flash_damaged",
            Self::NoFlash(_) => "no_flash",
            Self::OldFlash(_) => "flash_older",
            Self::OpenDay(_) => "open_day",
            Self::Full(_) => "memory_full",
        }
    }
}

impl Store {
    /// Opens the meter in a directory, after finishing what a power cut may have interrupted. `None` when there is no
    /// meter yet; nothing is written then.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(root: &Path) -> Result<Option<(Self, SealingMeter)>, StoreError> {
        let opened = Self::open_live(root)?;
        match &opened {
            Some((store, _)) if store.open_day().exists() => Err(StoreError::OpenDay(root.to_owned())),
            _ => Ok(opened),
        }
    }

    /// As [`Store::open`], for a run that goes on within a day.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open_live(root: &Path) -> Result<Option<(Self, SealingMeter)>, StoreError> {
        let state = root.join(FLASH).join(STATE);
        if !state.try_exists().map_err(at(&state))? {
            let orphan = [CERTIFICATE, PAIRING, BLOCKS, BILLS].iter().any(|name| root.join(name).exists());
            return if orphan { Err(StoreError::NoFlash(root.to_owned())) } else { Ok(None) };
        }
        let lock = lock(root)?;
        let bytes = Zeroizing::new(fs::read(&state).map_err(at(&state))?);
        let (meter, generation) = flash::read(&bytes).ok_or(StoreError::Damaged(state))?;
        let store = Self { root: root.to_owned(), generation, full: false, _lock: lock };
        store.recover()?;
        Ok(Some((store, meter)))
    }

    /// Makes the directory of a new meter.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another run made a meter there in the meantime.
    pub fn create(root: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(root).map_err(at(root))?;
        let flash = root.join(FLASH);
        files::private_dir(&flash).map_err(at(&flash))?;
        let lock = lock(root)?;
        if flash.join(STATE).exists() {
            return Err(StoreError::Locked(root.to_owned()));
        }
        let store = Self { root: root.to_owned(), generation: 0, full: false, _lock: lock };
        store.recover()?;
        Ok(store)
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Begins to lay out the files of a run.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn stage(&self) -> Result<Stage, StoreError> {
        let root = self.pending(self.generation + 1);
        files::private_dir(&root).map_err(at(&root))?;
        Ok(Stage::new(root, &self.root))
    }

    /// Makes a run durable, then visible.
    ///
    /// # Errors
    /// When the system refuses. Before the flash is written nothing has changed; after it the next run finishes.
    pub fn commit(&mut self, stage: &mut Stage, meter: &SealingMeter) -> Result<(), StoreError> {
        stage.file(Path::new(CERTIFICATE), &meter.certificate_file(), files::PUBLIC)?;
        stage.sync()?;
        let generation = self.generation + 1;
        let state = self.root.join(FLASH).join(STATE);
        files::replace(&state, &flash::write(meter, generation)).map_err(at(&state))?;
        self.generation = generation;
        self.publish(stage.root())
    }

    /// Finishes or discards what an interrupted run left.
    fn recover(&self) -> Result<(), StoreError> {
        let flash = self.root.join(FLASH);
        for entry in fs::read_dir(&flash).map_err(at(&flash))? {
            let entry = entry.map_err(at(&flash))?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(PENDING)).and_then(|n| n.parse::<u64>().ok());
            match number {
                Some(number) if number <= self.generation => self.publish(&entry.path())?,
                Some(_) => fs::remove_dir_all(entry.path()).map_err(at(&entry.path()))?,
                None => {}
            }
        }
        Ok(())
    }

    /// Moves every file of a pending directory to its place. Doing it twice does no harm.
    fn publish(&self, pending: &Path) -> Result<(), StoreError> {
        files::move_tree(pending, &self.root).map_err(at(&self.root))?;
        fs::remove_dir_all(pending).map_err(at(pending))
    }

    fn pending(&self, generation: u64) -> PathBuf {
        self.root.join(FLASH).join(format!("{PENDING}{generation}"))
    }
}

/// Takes the lock, or says that another run has it.
fn lock(root: &Path) -> Result<File, StoreError> {
    let path = root.join(FLASH).join(LOCK);
    let file = files::private().create(true).truncate(false).open(&path).map_err(at(&path))?;
    match file.try_lock_exclusive() {
        Ok(()) => Ok(file),
        Err(error) if error.kind() == fs2::lock_contended_error().kind() => Err(StoreError::Locked(root.to_owned())),
        Err(error) => Err(at(&path)(error)),
    }
}

#[cfg(test)]
mod tests;
