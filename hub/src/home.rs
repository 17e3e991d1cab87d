//! A household's directory: the encrypted store and the file that holds its key.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use gateway_core::{Store, StoreKey};
use zeroize::{Zeroize, Zeroizing};

use crate::Failure;

const STORE: &str = "store.db";
const KEY: &str = "store.key";

/// Where a household's data lies.
#[derive(Clone, Debug)]
pub struct Home {
    directory: PathBuf,
    key_file: PathBuf,
}

impl Home {
    /// The home in a directory; the key may lie elsewhere, on a medium of its own.
    #[must_use]
    pub fn new(directory: &Path, key_file: Option<&Path>) -> Self {
        let key_file = key_file.map_or_else(|| directory.join(KEY), Path::to_path_buf);
        Self { directory: directory.to_path_buf(), key_file }
    }

    /// The store's path.
    #[must_use]
    pub fn store_path(&self) -> PathBuf {
        self.directory.join(STORE)
    }

    /// The key file's path.
    #[must_use]
    pub fn key_path(&self) -> &Path {
        &self.key_file
    }

    /// Makes the directory, a fresh key and an empty store.
    ///
    /// # Errors
    /// When there is a store or a key already, or the disk refuses.
    pub fn create(&self) -> Result<Store, Failure> {
        let path = self.store_path();
        if path.exists() || self.key_file.exists() {
            return Err(Failure::refused(
                "exists",
                format!("there is a store or a key at {} already; nothing was changed", self.directory.display()),
            ));
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .map_err(|e| Failure::file(&self.directory, &e))?;
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|e| Failure::could_not("randomness", format!("no randomness from the system: {e}")))?;
        let key = StoreKey::from_bytes(bytes);
        let written = write_private(&self.key_file, hex_line(&bytes).as_bytes());
        bytes.zeroize();
        written?;
        let store = Store::create(&path, &key);
        if store.is_err() {
            // A key without a store would stand in the way of the next attempt.
            let _ = fs::remove_file(&self.key_file);
        } else {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(|e| Failure::file(&path, &e))?;
        }
        Ok(store?)
    }

    /// Opens the store.
    ///
    /// # Errors
    /// When there is none, the key file is missing or readable by others, or the store does not open.
    pub fn open(&self) -> Result<Store, Failure> {
        let path = self.store_path();
        if !path.exists() {
            return Err(Failure::could_not(
                "absent",
                format!("there is no home at {}; make one with: wattseal --home {0} init", self.directory.display()),
            ));
        }
        let mut file = fs::File::open(&self.key_file).map_err(|e| match e.kind() {
            ErrorKind::NotFound => Failure::could_not(
                "no-key",
                format!(
                    "the key file {} is missing; the readings cannot be opened without it",
                    self.key_file.display()
                ),
            ),
            _ => Failure::file(&self.key_file, &e),
        })?;
        let mode = file.metadata().map_err(|e| Failure::file(&self.key_file, &e))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(Failure::refused(
                "open-key",
                format!("others may read the key file {}; protect it with: chmod 600 {0}", self.key_file.display()),
            ));
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(|e| Failure::file(&self.key_file, &e))?;
        let mut bytes = Zeroizing::new([0u8; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut())
            .map_err(|_| Failure::could_not("damaged-key", format!("{} is not a key file", self.key_file.display())))?;
        Ok(Store::open(&path, &StoreKey::from_bytes(*bytes))?)
    }
}

fn hex_line(bytes: &[u8; 32]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(hex::encode(bytes));
    text.push('\n');
    text
}

/// Writes a new file that nobody else can read, not even for a moment.
///
/// # Errors
/// When it exists or the disk refuses.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|e| Failure::file(path, &e))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| Failure::file(path, &e))
}

/// Writes a file whole or not at all: a temporary beside it, then a rename.
///
/// # Errors
/// When the disk refuses; an older file stays as it was.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = fs::File::create(&part).and_then(|mut f| f.write_all(bytes).and_then(|()| f.sync_all()));
    written.and_then(|()| fs::rename(&part, path)).map_err(|e| {
        let _ = fs::remove_file(&part);
        Failure::file(path, &e)
    })
}

/// Reads a file of a bounded size.
///
/// # Errors
/// When it cannot be read or is larger than any message.
pub fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let size = fs::metadata(path).map_err(|e| Failure::file(path, &e))?.len();
    if size > protocol::wire::MAX_MESSAGE as u64 {
        return Err(Failure::refused("too-long", format!("{} is larger than any file of this kind", path.display())));
    }
    fs::read(path).map_err(|e| Failure::file(path, &e))
}
