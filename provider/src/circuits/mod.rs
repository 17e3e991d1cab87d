//! The provider's circuits: what its households prove bills with, and what it trusts such proofs under.
//!
//! ```text
//! make (demonstration, here) ─┐
//! add (of a ceremony) ────────┴─► HOME/circuits ─► Circuits (judge, serve) and files (serve) ─► households
//! ```
//!
//! A circuit is the files `NAME.proving`, `NAME.powers` with `NAME.powers.sha256`, if the powers of tau are published here,
//! and `NAME.circuit`, which is written last and removed first: with it the others are whole. What stands in this folder was
//! put there by the operator; a bill under any other circuit is refused.

mod error;
mod file;

pub use error::CircuitError;
pub use file::{FileHash, sha256};

use std::fs::{self, File};
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use protocol::circuit::{CATALOGUE, CircuitFileError, CircuitKey, Profile};
use protocol::groth16::quadratic::domain_size;
use protocol::groth16::{Parameters, Powers};
use protocol::metrology::keys::Hash;
use protocol::verify::proved::Circuits;
use rand_core::OsRng;

use crate::files::{self, FileError};

/// The folder, in the provider's home.
pub const CIRCUITS_FOLDER: &str = "circuits";
/// More than the parameters of any circuit of the catalogue.
pub const MOST_PARAMETERS: usize = 1 << 30;
/// More than the verifier's part of any of them.
pub const MOST_CIRCUIT: usize = 16 << 20;
/// More than powers of tau that anybody would fetch for a circuit.
const MOST_POWERS: u64 = 1 << 32;
const LOCK_FILE: &str = ".lock";

/// How far a long piece of work is: so many of so many points.
pub type Watch<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// The folder of circuits.
#[derive(Clone, Debug)]
pub struct CircuitFolder(PathBuf);

/// A circuit that is here, with what is known of its files.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What verifiers trust.
    pub circuit: CircuitKey,
    /// Its file; the hash is the one at its end.
    pub file: FileHash,
    /// The proving parameters; the hash is the one at their end. None when the file is gone.
    pub proving: Option<FileHash>,
    /// The powers of tau, if they are published here; the hash is of the whole file.
    pub powers: Option<FileHash>,
}

impl CircuitFolder {
    /// The folder of a home; it is made when something is put into it.
    #[must_use]
    pub fn of(home: &Path) -> Self {
        Self(home.join(CIRCUITS_FOLDER))
    }

    /// A circuit's file.
    #[must_use]
    pub fn path(&self, profile: &Profile, ending: &str) -> PathBuf {
        self.0.join(format!("{}.{ending}", profile.name))
    }

    /// Makes parameters for demonstration: who has this machine could have kept what forges proofs.
    ///
    /// # Errors
    /// When one is here already, or the folder cannot be written.
    pub fn make(&self, profile: Profile, watch: Watch<'_>) -> Result<Stored, CircuitError> {
        let _lock = self.lock()?;
        self.expect_none(&profile)?;
        let system = profile.system().map_err(|_| CircuitError::Make(profile.name))?;
        let made = Parameters::trial(&system, &mut OsRng, watch).ok_or(CircuitError::Make(profile.name))?;
        let (parameters, powers) = made;
        let path = self.path(&profile, "powers");
        let mut bytes = Vec::new();
        powers.write(&mut bytes).map_err(|error| CircuitError::Powers { path: path.clone(), error })?;
        drop(powers);
        files::write(&path, &bytes)?;
        self.keep_hash(&profile, sha256(&mut &bytes[..]).map_err(FileError::of("read", &path))?)?;
        drop(bytes);
        self.keep(&profile, &parameters, &parameters.write())
    }

    /// Takes in parameters that were made elsewhere, as a ceremony's. With powers of tau these are published as well, and
    /// all points are checked against them as households will.
    ///
    /// # Errors
    /// When a file cannot be read, is wrong, or is for a circuit that is here already.
    pub fn add(&self, path: &Path, powers: Option<&Path>, watch: Watch<'_>) -> Result<Stored, CircuitError> {
        let _lock = self.lock()?;
        let bytes = files::read(path, MOST_PARAMETERS)?;
        let wrong = |error| CircuitError::Parameters { path: path.to_owned(), error };
        // The check against powers looks at every point by itself.
        let parameters = Parameters::read(&bytes, powers.is_none()).map_err(wrong)?;
        let profile = CATALOGUE.iter().copied().find(|profile| profile.pin().hash == parameters.circuit);
        let profile = profile.ok_or_else(|| CircuitError::Unknown(path.to_owned()))?;
        self.expect_none(&profile)?;
        if let Some(source) = powers {
            check(&profile, &parameters, path, source, watch)?;
            let to = self.path(&profile, "powers");
            file::copy(source, &to, MOST_POWERS)?;
            let mut copied = File::open(&to).map_err(FileError::of("read", &to))?;
            self.keep_hash(&profile, sha256(&mut copied).map_err(FileError::of("read", &to))?)?;
        } else {
            // What an attempt that was cut short left does not belong to these.
            self.clear(&profile, &["powers", "powers.sha256"])?;
        }
        self.keep(&profile, &parameters, &bytes)
    }

    /// All circuits in the order of their names, and what is wrong with files that are none.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<(Vec<Stored>, Vec<CircuitError>), CircuitError> {
        let (mut found, mut wrong) = (Vec::new(), Vec::new());
        let mut profiles: Vec<&Profile> = CATALOGUE.iter().collect();
        profiles.sort_by_key(|profile| profile.name);
        for profile in profiles {
            match self.load(profile) {
                Ok(stored) => found.push(stored),
                Err(CircuitError::NotHere(_)) => {}
                Err(error) => wrong.push(error),
            }
        }
        Ok((found, wrong))
    }

    /// The circuits that proofs are trusted under. Files that are none are left out: `circuits list` tells of them.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn trusted(&self) -> Result<Circuits, CircuitError> {
        Ok(Circuits::new(self.list()?.0.into_iter().map(|stored| stored.circuit)))
    }

    /// Removes a circuit. Booked bills stay verifiable: the ledger keeps what they were verified under.
    ///
    /// # Errors
    /// When there is none of this name, or a file cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), CircuitError> {
        let profile = named(name)?;
        let _lock = self.lock()?;
        if !exists(&self.path(&profile, "circuit"))? {
            return Err(CircuitError::NotHere(name.to_owned()));
        }
        self.clear(&profile, &["circuit", "proving", "powers", "powers.sha256"])
    }

    /// What changes whenever a circuit is added or removed.
    #[must_use]
    pub fn stamp(&self) -> Vec<Option<(std::time::SystemTime, u64)>> {
        let of = |profile: &Profile| {
            let data = fs::metadata(self.path(profile, "circuit")).ok()?;
            Some((data.modified().ok()?, data.len()))
        };
        CATALOGUE.iter().map(of).collect()
    }

    fn load(&self, profile: &Profile) -> Result<Stored, CircuitError> {
        let path = self.path(profile, "circuit");
        if !exists(&path)? {
            return Err(CircuitError::NotHere(profile.name.to_owned()));
        }
        let bytes = files::read(&path, MOST_CIRCUIT)?;
        let wrong = |error| CircuitError::Circuit { path: path.clone(), error };
        let circuit = CircuitKey::read(&bytes).map_err(wrong)?;
        if circuit.profile != *profile {
            return Err(wrong(CircuitFileError::OtherSystem(circuit.profile.name)));
        }
        let at_end = |path: &Path| -> Result<Option<FileHash>, CircuitError> {
            let read = || {
                let mut file = File::open(path)?;
                let mut hash = [0; 32];
                file.seek(SeekFrom::End(-32))?;
                file.read_exact(&mut hash)?;
                Ok(FileHash { bytes: file.metadata()?.len(), hash })
            };
            found(read()).map_err(FileError::of("read", path)).map_err(CircuitError::from)
        };
        let file = at_end(&path)?.ok_or_else(|| CircuitError::NotHere(profile.name.to_owned()))?;
        let (proving, powers) = (at_end(&self.path(profile, "proving"))?, self.powers(profile)?);
        Ok(Stored { circuit, file, proving, powers })
    }

    /// The powers that are published with a circuit; none when their file or its hash is gone.
    fn powers(&self, profile: &Profile) -> Result<Option<FileHash>, CircuitError> {
        let (path, beside) = (self.path(profile, "powers"), self.path(profile, "powers.sha256"));
        let bytes = found(fs::metadata(&path).map(|data| data.len())).map_err(FileError::of("read", &path))?;
        let (Some(bytes), true) = (bytes, exists(&beside)?) else { return Ok(None) };
        let text = files::read(&beside, 1024)?;
        let mut hash = [0; 32];
        let read = text.get(..64).is_some_and(|digits| hex::decode_to_slice(digits, &mut hash).is_ok());
        Ok(read.then_some(FileHash { bytes, hash }))
    }

    /// As `sha256sum -c` reads it.
    fn keep_hash(&self, profile: &Profile, hash: Hash) -> Result<(), CircuitError> {
        let line = format!("{}  {}.powers\n", hex::encode(hash), profile.name);
        Ok(files::write(&self.path(profile, "powers.sha256"), line.as_bytes())?)
    }

    fn keep(&self, profile: &Profile, parameters: &Parameters, bytes: &[u8]) -> Result<Stored, CircuitError> {
        files::write(&self.path(profile, "proving"), bytes)?;
        let path = self.path(profile, "circuit");
        let circuit = CircuitKey::of(*profile, parameters)
            .map_err(|error| CircuitError::Circuit { path: path.clone(), error })?;
        files::write(&path, &circuit.write())?;
        self.load(profile)
    }

    /// Refuses a circuit that is here already.
    ///
    /// # Errors
    /// When it is, or the folder cannot be read.
    pub fn expect_none(&self, profile: &Profile) -> Result<(), CircuitError> {
        if exists(&self.path(profile, "circuit"))? { Err(CircuitError::Exists(profile.name)) } else { Ok(()) }
    }

    fn clear(&self, profile: &Profile, endings: &[&str]) -> Result<(), CircuitError> {
        for ending in endings {
            let path = self.path(profile, ending);
            found(fs::remove_file(&path)).map_err(FileError::of("remove", &path))?;
        }
        Ok(())
    }

    /// One process at a time changes the folder.
    fn lock(&self) -> Result<File, CircuitError> {
        fs::create_dir_all(&self.0).map_err(FileError::of("create", &self.0))?;
        let path = self.0.join(LOCK_FILE);
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(FileError::of("open", &path))?;
        lock.lock().map_err(FileError::of("lock", &path))?;
        Ok(lock)
    }
}

/// The profile of a name.
///
/// # Errors
/// When the catalogue has none.
pub fn named(name: &str) -> Result<Profile, CircuitError> {
    Profile::named(name).ok_or_else(|| CircuitError::NoCircuit(name.to_owned()))
}

/// Whether parameters are what the powers and the circuit make: the check that every household does.
fn check(
    profile: &Profile,
    parameters: &Parameters,
    path: &Path,
    source: &Path,
    watch: Watch<'_>,
) -> Result<(), CircuitError> {
    let system = profile.system().map_err(|_| CircuitError::Make(profile.name))?;
    let size = domain_size(&system);
    let file = File::open(source).map_err(FileError::of("read", source))?;
    let mut file = BufReader::with_capacity(1 << 20, file);
    let powers = Powers::read(&mut file, size, &|done, all| watch(done, all + 5 * size))
        .map_err(|error| CircuitError::Powers { path: source.to_owned(), error })?;
    parameters
        .check(&system, &powers, &mut OsRng, &|done, all| watch(5 * size + done, 5 * size + all))
        .map_err(|error| CircuitError::Check { path: path.to_owned(), error })
}

fn exists(path: &Path) -> Result<bool, FileError> {
    path.try_exists().map_err(FileError::of("read", path))
}

/// What is not there is none.
fn found<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
