//! A household's directory: the encrypted store, the slots that lead to its key, backups.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use gateway_core::circuits::CircuitFolder;
use gateway_core::custody::Keys;
use gateway_core::{Store, StoreKey};

use crate::Failure;
use crate::custody::{backup, beside, credential, files, unlock};

const STORE: &str = "store.db";
const KEYS: &str = "keys.cbor";
const OWN_CREDENTIAL: &str = "hub.credential";
const FIRST_KEY: &str = "store.key";
const BACKUPS: &str = "backups";
const CIRCUITS: &str = "circuits";

/// Where a household's data lies.
#[derive(Clone, Debug)]
pub struct Home {
    directory: PathBuf,
    named: Option<PathBuf>,
    /// Keeps whoever replaces the store out while this process uses it.
    held: Arc<OnceLock<fs::File>>,
}

impl Home {
    /// The home in a directory; a credential file may have been named.
    #[must_use]
    pub fn new(directory: &Path, credential: Option<&Path>) -> Self {
        Self { directory: directory.to_path_buf(), named: credential.map(Path::to_path_buf), held: Arc::default() }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The store's path.
    #[must_use]
    pub fn store_path(&self) -> PathBuf {
        self.directory.join(STORE)
    }

    /// The file of slots.
    #[must_use]
    pub fn keys_path(&self) -> PathBuf {
        self.directory.join(KEYS)
    }

    /// The folder of the home's own profiles of plain meters.
    #[must_use]
    pub fn meters(&self) -> PathBuf {
        self.directory.join("meters")
    }

    /// The directory of backups.
    #[must_use]
    pub fn backups(&self) -> PathBuf {
        self.directory.join(BACKUPS)
    }

    /// Proving parameters.
    #[must_use]
    pub fn circuits(&self) -> CircuitFolder {
        CircuitFolder::new(self.directory.join(CIRCUITS))
    }

    /// The credential file that was named, by the user or by systemd.
    #[must_use]
    pub fn named_credential(&self) -> Option<PathBuf> {
        self.named.clone().or_else(credential::from_systemd)
    }

    /// The credential file beside the store, for homes that a script made.
    #[must_use]
    pub fn own_credential(&self) -> PathBuf {
        self.directory.join(OWN_CREDENTIAL)
    }

    /// Where a home of the first format kept its plain key.
    #[must_use]
    pub fn first_key(&self) -> PathBuf {
        self.directory.join(FIRST_KEY)
    }

    /// The plain key of a home of the first format: the file that was named, or the one beside the store.
    #[must_use]
    pub fn plain_key(&self) -> PathBuf {
        self.named.clone().unwrap_or_else(|| self.first_key())
    }

    /// Whether a file lies in this directory.
    #[must_use]
    pub fn contains(&self, file: &Path) -> bool {
        let real = |path: &Path| fs::canonicalize(path).ok();
        matches!((real(&self.directory), real(files::parent(file))), (Some(home), Some(at)) if at.starts_with(&home))
    }

    /// Makes the directory, for its owner alone. Says whether it is new.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn make_directory(&self) -> Result<bool, Failure> {
        if self.directory.is_dir() {
            return Ok(false);
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .map_err(|e| files::trouble(&self.directory, &e))?;
        Ok(true)
    }

    /// Locks the home for this process alone, until the file is dropped.
    ///
    /// # Errors
    /// When another process uses the home.
    pub fn alone(&self) -> Result<fs::File, Failure> {
        let directory = fs::File::open(&self.directory).map_err(|e| files::trouble(&self.directory, &e))?;
        files::lock(&directory, &self.directory, true)?;
        Ok(directory)
    }

    /// Keeps the home from being replaced as long as this value or a clone of it lives.
    fn hold(&self) -> Result<(), Failure> {
        if self.held.get().is_none() {
            let directory = fs::File::open(&self.directory).map_err(|e| files::trouble(&self.directory, &e))?;
            files::lock(&directory, &self.directory, false)?;
            // Another thread may have been quicker; one lock is enough.
            let _ = self.held.set(directory);
        }
        Ok(())
    }

    /// Opens the store. One of an earlier format is backed up, then brought to the current one.
    ///
    /// # Errors
    /// When there is none, nothing here opens it, or the store does not open.
    pub fn open(&self) -> Result<Store, Failure> {
        self.access().map(|(store, _)| store)
    }

    /// As [`Home::open`], with what opened it.
    ///
    /// # Errors
    /// As [`Home::open`].
    pub fn access(&self) -> Result<(Store, unlock::Access), Failure> {
        self.require()?;
        self.hold()?;
        let access = unlock::access(self)?;
        let store = self.open_by(&access)?;
        Ok((store, access))
    }

    /// Opens the store with a key that was found already.
    ///
    /// # Errors
    /// As [`Home::open`].
    pub fn open_by(&self, access: &unlock::Access) -> Result<Store, Failure> {
        self.hold()?;
        Store::open_with(&self.store_path(), &access.key, |store, from| {
            backup::before_migration(self, store, access, from)
        })
    }

    /// There must be a home.
    ///
    /// # Errors
    /// `absent`.
    pub fn require(&self) -> Result<(), Failure> {
        if self.store_path().exists() {
            return Ok(());
        }
        Err(Failure::could_not(
            "absent",
            format!("there is no home at {}; make one with: wattseal --home {0} init", self.directory.display()),
        ))
    }

    /// Changes the file of slots, one process at a time, and writes it whole. The file must still be one that was written
    /// under the database key: what somebody put in its place meanwhile is not made authentic.
    ///
    /// # Errors
    /// When it cannot be read or written, was changed by somebody, or `change` refuses.
    pub fn change_keys<T>(
        &self,
        key: &StoreKey,
        change: impl FnOnce(&mut Keys) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let _lock = files::lock_named(&self.keys_path())?;
        let mut keys = unlock::checked_keys(self, key)?;
        let value = change(&mut keys)?;
        files::replace(&self.keys_path(), &keys.write())?;
        Ok(value)
    }

    /// What the household should be told whenever it looks: a sheet that nobody has confirmed to have on paper, a sheet or
    /// a key that lies beside the store.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        match unlock::read_keys(self) {
            Ok(keys) if keys.confirmed_at().is_none() => {
                warnings.push("the recovery sheet is not confirmed; print it and run: wattseal keys confirm".into());
            }
            Ok(_) => {}
            Err(_) if !self.keys_path().exists() => {
                warnings
                    .push("this home has a plain key file and no recovery sheet; run: wattseal keys upgrade".into());
            }
            Err(failure) => warnings.push(failure.to_string()),
        }
        if self.keys_path().exists() && self.first_key().exists() {
            warnings.push("an upgrade of this home's keys was cut short; finish it with: wattseal keys upgrade".into());
        }
        for sheet in beside::sheets(self) {
            warnings.push(format!(
                "a recovery sheet lies beside the store: whoever takes this disk has your readings. Print it, then delete \
                 {}",
                sheet.display()
            ));
        }
        for file in beside::credentials(self) {
            warnings.push(format!(
                "store and key lie on one disk: whoever takes it has your readings. Move {} to another medium and name it \
                 with --credential; see: wattseal keys --help",
                file.display()
            ));
        }
        warnings
    }
}
