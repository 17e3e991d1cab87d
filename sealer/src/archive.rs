//! The blocks that the meter holds: files that the store made visible, and where each is.
//!
//! A meter keeps thirteen months of every register; what is older goes. Months are counted by the days that blocks are
//! held of, never by the clock: a clock that leaps ahead makes no block old.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use metrology::label::RegisterCode;
use protocol::block::{BlockFile, DayHeader};
use protocol::line::{MAX_BLOCKS, MAX_RUNS, Run};
use protocol::wire::Signed;

use crate::meter::{Block, directory_name};
use crate::store::BLOCKS;

/// Days of each register whose blocks are kept: thirteen months.
pub const KEPT_DAYS: usize = 396;
/// Longest block that is read.
const MAX_BYTES: u64 = 16 << 10;

/// Where a block is and what its header says.
#[derive(Clone, Debug)]
struct Held {
    path: PathBuf,
    pairing: u32,
    day: u32,
}

/// The blocks of all registers, by number.
#[derive(Debug, Default)]
pub struct Archive {
    root: PathBuf,
    registers: BTreeMap<RegisterCode, BTreeMap<u64, Held>>,
}

impl Archive {
    /// Looks through the blocks of a meter's directory. What cannot be read as a block is not held.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn open(root: &Path, registers: impl Iterator<Item = RegisterCode>) -> io::Result<Self> {
        let mut archive = Self { root: root.join(BLOCKS), registers: BTreeMap::new() };
        for code in registers {
            let directory = archive.root.join(directory_name(&code));
            let entries = match fs::read_dir(&directory) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let path = entry?.path();
                if let Some(file) = read(&path).and_then(|bytes| BlockFile::read(&bytes).ok()) {
                    archive.hold(code, path, &file);
                }
            }
        }
        Ok(archive)
    }

    /// Holds a block that was made visible.
    pub fn add(&mut self, block: &Block) {
        let path = self.root.join(directory_name(&block.register)).join(block.file_name());
        self.hold(block.register, path, &block.file);
    }

    fn hold(&mut self, code: RegisterCode, path: PathBuf, file: &BlockFile) {
        let signed = Signed::read(&file.message, "day block").ok();
        let header = signed.and_then(|signed| DayHeader::read(signed.payload).ok());
        if let Some(header) = header.filter(|header| header.register.code == code) {
            let held = Held { path, pairing: header.pairing, day: header.day };
            self.registers.entry(code).or_default().insert(header.block, held);
        }
    }

    /// The transport form of a block.
    #[must_use]
    pub fn block(&self, code: &RegisterCode, number: u64) -> Option<Vec<u8>> {
        read(&self.registers.get(code)?.get(&number)?.path)
    }

    /// Numbers from `first` on, at most as many as a request may ask for, of blocks that are held.
    pub fn numbers(&self, code: &RegisterCode, first: u64, count: u16) -> impl Iterator<Item = u64> {
        let until = first.saturating_add(count.min(MAX_BLOCKS).into());
        self.registers.get(code).into_iter().flat_map(move |held| held.range(first..until)).map(|(number, _)| *number)
    }

    /// Runs of blocks of one pairing, from a number on.
    #[must_use]
    pub fn runs(&self, code: &RegisterCode, first: u64) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (number, held) in self.registers.get(code).into_iter().flat_map(|held| held.range(first..)) {
            let full = runs.len() == MAX_RUNS;
            match runs.last_mut() {
                Some(run) if run.pairing == held.pairing && run.last.checked_add(1) == Some(*number) => {
                    run.last = *number;
                }
                _ if full => break,
                _ => runs.push(Run { first: *number, last: *number, pairing: held.pairing }),
            }
        }
        runs
    }

    /// How many blocks of a register are held.
    #[must_use]
    pub fn count(&self, code: &RegisterCode) -> usize {
        self.registers.get(code).map_or(0, BTreeMap::len)
    }

    /// Gives up blocks of all but the newest `days` days that a register has blocks of. A file that cannot be removed is
    /// tried again later.
    pub fn keep(&mut self, days: usize) {
        for held in self.registers.values_mut() {
            let known: BTreeSet<u32> = held.values().map(|held| held.day).collect();
            let Some(oldest) = days.checked_sub(1).and_then(|newer| known.iter().rev().nth(newer)) else { continue };
            held.retain(|_, held| {
                let removed = || match fs::remove_file(&held.path) {
                    Err(error) => error.kind() == io::ErrorKind::NotFound,
                    Ok(()) => true,
                };
                held.day >= *oldest || !removed()
            });
        }
    }
}

/// A file of at most the length of a block.
fn read(path: &Path) -> Option<Vec<u8>> {
    let fits = fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= MAX_BYTES);
    fits.then(|| fs::read(path).ok()).flatten()
}
