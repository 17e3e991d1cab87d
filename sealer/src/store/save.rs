//! Saving while the meter runs on: a transaction that may fail and be tried again.

use std::fs;
use std::path::PathBuf;

use super::{FLASH, OPEN, STATE, Store, StoreError};
use crate::flash;
use crate::meter::{Block, SealingMeter};

/// Why a meter that is running could not save.
#[derive(Debug)]
pub enum SaveError {
    /// Nothing has changed on disk; saving can be tried again.
    Unchanged(StoreError),
    /// The new state may be durable or not: the meter must be opened anew from what the disk holds.
    Unsure(StoreError),
}

impl Store {
    /// Makes blocks and the meter's state durable, then the blocks visible, as one transaction.
    ///
    /// # Errors
    /// See [`SaveError`].
    pub fn save(&mut self, blocks: &[Block], meter: &SealingMeter) -> Result<(), SaveError> {
        if self.full {
            return Err(SaveError::Unchanged(StoreError::Full(self.root.clone())));
        }
        let before = self.generation;
        let Err(error) = self.try_save(blocks, meter) else { return Ok(()) };
        if self.generation == before && self.on_disk() == Some(before) {
            // What was laid out is thrown away here or by the next attempt.
            let _ = fs::remove_dir_all(self.pending(before + 1));
            return Err(SaveError::Unchanged(error));
        }
        Err(SaveError::Unsure(error))
    }

    fn try_save(&mut self, blocks: &[Block], meter: &SealingMeter) -> Result<(), StoreError> {
        let pending = self.pending(self.generation + 1);
        if pending.exists() {
            fs::remove_dir_all(&pending).map_err(super::at(&pending))?;
        }
        let mut stage = self.stage()?;
        for block in blocks {
            stage.block(block)?;
        }
        self.commit(&mut stage, meter)
    }

    /// The number of the state that the disk holds.
    fn on_disk(&self) -> Option<u64> {
        let bytes = zeroize::Zeroizing::new(match fs::read(self.root.join(FLASH).join(STATE)) {
            Ok(bytes) => bytes,
            // Before the first write there is none.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some(0),
            Err(_) => return None,
        });
        Some(flash::read(&bytes)?.1)
    }

    /// Switches on or off that the memory is full.
    pub fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// Whether the memory is full by order.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Number of the last write.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Where slots are kept that no block holds yet.
    #[must_use]
    pub fn open_day(&self) -> PathBuf {
        self.open_day_after(self.generation)
    }

    /// Where they are kept after the write with a number.
    #[must_use]
    pub fn open_day_after(&self, generation: u64) -> PathBuf {
        self.root.join(FLASH).join(format!("{OPEN}{generation}.log"))
    }

    /// Removes the open days of other writes than the last.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn remove_stale_days(&self) -> Result<(), StoreError> {
        let (flash, current) = (self.root.join(FLASH), self.open_day());
        for entry in fs::read_dir(&flash).map_err(super::at(&flash))? {
            let path = entry.map_err(super::at(&flash))?.path();
            let is_day = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(OPEN));
            if is_day && path != current {
                super::files::erase(&path).map_err(super::at(&path))?;
            }
        }
        Ok(())
    }
}
