//! What a run is about to make visible: its files, laid out beside the flash.

use std::fs;
use std::path::{Path, PathBuf};

use protocol::pairing::Pairing;

use super::{BILLS, BLOCKS, PAIRING, StoreError, at, files};
use crate::meter::{Block, directory_name};

/// The files of a run before they are visible. Dropping it without [`super::Store::commit`] leaves files that the next run
/// removes.
#[derive(Debug)]
pub struct Stage {
    root: PathBuf,
    visible: PathBuf,
    directories: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Stage {
    /// An empty directory `root` for files that are to be visible in another.
    pub(super) fn new(root: PathBuf, visible: &Path) -> Self {
        Self { root, visible: visible.to_owned(), directories: Vec::new(), files: Vec::new() }
    }

    /// Where the files are laid out.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Lays out a block.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn block(&mut self, block: &Block) -> Result<(), StoreError> {
        let name = Path::new(BLOCKS).join(directory_name(&block.register)).join(block.file_name());
        self.only(&name, &block.bytes(), files::PUBLIC)
    }

    /// Lays out a bill. Only its owner can read it: a bill is between the household and its provider.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn bill(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.only(&Path::new(BILLS).join(name), bytes, files::PRIVATE)
    }

    /// Lays out a file in a directory of its kind, unless it is there already.
    fn only(&mut self, name: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
        let visible = self.visible.join(name);
        if visible.exists() {
            return Err(StoreError::OldFlash(visible));
        }
        if let Some(directory) = self.root.join(name).parent().filter(|d| !self.directories.iter().any(|k| k == d)) {
            fs::create_dir_all(directory).map_err(at(directory))?;
            self.directories.push(directory.to_owned());
        }
        self.file(name, bytes, mode)
    }

    /// Lays out the pairing file, readable by its owner alone from the moment it exists.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pairing(&mut self, pairing: &Pairing) -> Result<(), StoreError> {
        self.file(Path::new(PAIRING), &pairing.write(), files::PRIVATE)
    }

    /// Throws the files away.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn discard(self) -> Result<(), StoreError> {
        fs::remove_dir_all(&self.root).map_err(at(&self.root))
    }

    pub(super) fn file(&mut self, name: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
        let path = self.root.join(name);
        files::write(&path, bytes, mode).map_err(at(&path))?;
        self.files.push(path);
        Ok(())
    }

    /// Forces everything to disk: all files after the last is written, which costs one wait rather than hundreds.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        for file in &self.files {
            files::sync(file).map_err(at(file))?;
        }
        let blocks = self.directories.first().and_then(|directory| directory.parent());
        let flash = self.root.parent();
        let directories = self.directories.iter().map(PathBuf::as_path).chain(blocks).chain([&*self.root]).chain(flash);
        for directory in directories {
            files::sync_dir(directory).map_err(at(directory))?;
        }
        Ok(())
    }
}
