//! Circuits at home: a folder of proving parameters, each checked once and known by its hash from then on.
//!
//! ```text
//! parameters + powers of tau ─► check (a minute) ─► folder, pin ─► load (a fraction of a second) ─► ProvingKey
//! trial: made here, for trying out; whoever has this machine could forge with them, and everything says so
//! ```
//!
//! The pin is kept elsewhere, in the encrypted store: a file that somebody changed is then refused, and a file that was not
//! checked is never proved with.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use protocol::circuit::{CATALOGUE, CircuitFileError, CircuitKey, Profile};
use protocol::groth16::{CheckError, Parameters, ParametersError, Powers, powers::PowersError, quadratic::domain_size};
use rand_core::{CryptoRng, RngCore};

use crate::prove::{KeyError, ProvingKey};

/// Larger than the parameters of any circuit of the catalogue.
pub const MOST_BYTES: u64 = 1 << 29;

/// Why a circuit is not there to prove with.
#[derive(Debug, thiserror::Error)]
pub enum CircuitError {
    /// The folder or a file in it.
    #[error("{path}: {error}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// It is not in the folder any more.
    #[error("the proving parameters {} are gone; add them again", .0.display())]
    Gone(PathBuf),
    /// A file of this size is no parameters' file.
    #[error("{} is too large for a file of proving parameters", .0.display())]
    TooLarge(PathBuf),
    /// The file is not the one that was checked.
    #[error("the proving parameters {} are not those that were checked; add them again", .0.display())]
    OtherFile(PathBuf),
    /// A circuit that this program does not have.
    #[error("these parameters are for a circuit that this program does not know; one of the two is older")]
    Unknown,
    /// The file cannot be read as parameters.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// Another circuit than it says.
    #[error(transparent)]
    Circuit(#[from] CircuitFileError),
    /// The powers of tau cannot be used.
    #[error(transparent)]
    Powers(#[from] PowersError),
    /// They could leak readings.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// They cannot be proved with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No parameters came of the randomness, or the circuit could not be written down.
    #[error("the circuit's parameters could not be made: {0}")]
    Make(String),
}

/// A circuit whose parameters were checked.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What verifiers need.
    pub circuit: CircuitKey,
    /// Hash of the file.
    pub pin: [u8; 32],
}

/// A folder of proving parameters.
#[derive(Clone, Debug)]
pub struct CircuitFolder(PathBuf);

/// How far a long piece of work is: so many of so many points.
pub type Watch<'a> = &'a (dyn Fn(usize, usize) + Sync);

impl CircuitFolder {
    /// The folder at a path; it is made when something is put into it.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where the parameters of a pin are.
    #[must_use]
    pub fn path(&self, profile: &Profile, pin: &[u8; 32]) -> PathBuf {
        self.0.join(format!("{}-{}.proving", profile.name, hex::encode(pin.get(..8).unwrap_or_default())))
    }

    /// Takes parameters in after checking all of them against powers of tau. This takes a minute.
    ///
    /// # Errors
    /// When a file cannot be read, or the parameters are not what the powers and the circuit make of them.
    pub fn add(
        &self,
        parameters: &[u8],
        powers: &mut (impl Read + Seek),
        rng: &mut (impl RngCore + CryptoRng),
        watch: Watch<'_>,
    ) -> Result<Checked, CircuitError> {
        let read = Parameters::read(parameters, true)?;
        let profile = profile_of(&read)?;
        let circuit = CircuitKey::of(profile, &read)?;
        let system = profile.system().map_err(|error| CircuitError::Make(error.to_string()))?;
        let size = domain_size(&system);
        let powers = Powers::read(powers, size, &|done, all| watch(done, all + 5 * size))?;
        read.check(&system, &powers, rng, &|done, all| watch(5 * size + done, 5 * size + all))?;
        let pin = Parameters::pin(parameters).ok_or(ParametersError::Malformed)?;
        self.keep(&self.path(&profile, &pin), parameters)?;
        Ok(Checked { circuit, pin })
    }

    /// Makes parameters for trying out, or takes those that were made in this folder before. They come from this machine
    /// alone, which did not want to leak anything to itself: they are not checked.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn trial(
        &self,
        profile: Profile,
        rng: &mut (impl RngCore + CryptoRng),
        watch: Watch<'_>,
    ) -> Result<Checked, CircuitError> {
        fs::create_dir_all(&self.0).map_err(of(&self.0))?;
        let lock_path = self.0.join(format!(".{}.lock", profile.name));
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path).map_err(of(&lock_path))?;
        lock.lock().map_err(of(&lock_path))?;
        if let Some(found) = self.earlier(&profile) {
            return Ok(found);
        }
        let system = profile.system().map_err(|error| CircuitError::Make(error.to_string()))?;
        let made = Parameters::trial(&system, rng, watch).ok_or_else(|| CircuitError::Make("try again".into()))?;
        let (parameters, powers) = made;
        let bytes = parameters.write();
        let checked = Checked {
            circuit: CircuitKey::of(profile, &parameters)?,
            pin: Parameters::pin(&bytes).unwrap_or_default(),
        };
        let mut phase_1 = Vec::new();
        powers.write(&mut phase_1)?;
        self.keep(&self.trial_path(&profile, "powers"), &phase_1)?;
        self.keep(&self.path(&profile, &checked.pin), &bytes)?;
        self.keep(&self.trial_path(&profile, "circuit"), &checked.circuit.write())?;
        // The pin comes last: with it the others are whole.
        self.keep(&self.trial_path(&profile, "pin"), &checked.pin)?;
        Ok(checked)
    }

    /// A trial circuit of this program's catalogue that is here with its parameters.
    fn earlier(&self, profile: &Profile) -> Option<Checked> {
        let pin = fs::read(self.trial_path(profile, "pin")).ok()?;
        let circuit = fs::read(self.trial_path(profile, "circuit")).ok()?;
        let checked = Checked { circuit: CircuitKey::read(&circuit).ok()?, pin: pin.try_into().ok()? };
        self.path(profile, &checked.pin).is_file().then_some(checked)
    }

    fn trial_path(&self, profile: &Profile, what: &str) -> PathBuf {
        self.0.join(format!("{}-trial.{what}", profile.name))
    }

    /// The proving key of a pin.
    ///
    /// # Errors
    /// When its file is gone or is not the one that was checked.
    pub fn load(&self, profile: &Profile, pin: &[u8; 32]) -> Result<(ProvingKey, CircuitKey), CircuitError> {
        let path = self.path(profile, pin);
        let bytes = read(&path)?;
        // Reading compares the hash at the end with the bytes before it.
        if Parameters::pin(&bytes) != Some(*pin) {
            return Err(CircuitError::OtherFile(path));
        }
        let parameters = Parameters::read(&bytes, false).map_err(|error| match error {
            ParametersError::Damaged => CircuitError::OtherFile(path),
            other => other.into(),
        })?;
        drop(bytes);
        Ok((ProvingKey::new(profile.shape, &parameters)?, CircuitKey::of(*profile, &parameters)?))
    }

    /// Removes the parameters of a pin.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn remove(&self, profile: &Profile, pin: &[u8; 32]) -> Result<(), CircuitError> {
        let path = self.path(profile, pin);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(of(&path)(error)),
            _ => Ok(()),
        }
    }

    /// Writes a file that is there whole or not at all.
    fn keep(&self, path: &Path, bytes: &[u8]) -> Result<(), CircuitError> {
        fs::create_dir_all(&self.0).map_err(of(&self.0))?;
        let draft = path.with_extension("part");
        let write = || {
            let mut file = File::create(&draft)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&draft, path)
        };
        write().map_err(of(path))
    }
}

/// Reads a file of parameters, and nothing that is larger than one.
///
/// # Errors
/// When it is not there, or too large.
pub fn read(path: &Path) -> Result<Vec<u8>, CircuitError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => CircuitError::Gone(path.to_owned()),
        _ => of(path)(error),
    })?;
    let length = file.metadata().map_err(of(path))?.len();
    if length > MOST_BYTES {
        return Err(CircuitError::TooLarge(path.to_owned()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(of(path))?;
    Ok(bytes)
}

fn profile_of(parameters: &Parameters) -> Result<Profile, CircuitError> {
    CATALOGUE.iter().copied().find(|profile| profile.pin().hash == parameters.circuit).ok_or(CircuitError::Unknown)
}

fn of(path: &Path) -> impl Fn(std::io::Error) -> CircuitError + '_ {
    move |error| CircuitError::File { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use rand_core::OsRng;

    use super::*;

    #[test]
    fn what_was_made_for_trying_out_is_found_again_checked_pinned_and_not_exchanged() {
        let directory = tempfile::tempdir().unwrap();
        let (maker, home) = (directory.path().join("maker"), directory.path().join("home"));
        let (maker, home) = (CircuitFolder::new(maker), CircuitFolder::new(home));
        let profile = Profile::named("query-60").unwrap();
        let made = maker.trial(profile, &mut OsRng, &|_, _| ()).unwrap();
        let again = maker.trial(profile, &mut OsRng, &|_, _| panic!("made anew")).unwrap();
        assert_eq!((made.pin, made.circuit.id()), (again.pin, again.circuit.id()));

        // Another home takes it in only after the whole check.
        let bytes = fs::read(maker.path(&profile, &made.pin)).unwrap();
        let powers = fs::read(maker.0.join("query-60-trial.powers")).unwrap();
        assert!(matches!(home.load(&profile, &made.pin), Err(CircuitError::Gone(_))));
        let taken = home.add(&bytes, &mut Cursor::new(&powers), &mut OsRng, &|done, all| assert!(done <= all)).unwrap();
        assert_eq!((taken.pin, taken.circuit.id()), (made.pin, made.circuit.id()));
        assert!(home.load(&profile, &taken.pin).is_ok());

        // A file that is exchanged for another good one, or changed, is not proved with.
        let mut other = Parameters::read(&bytes, false).unwrap();
        other.l.swap(0, 1);
        fs::write(home.path(&profile, &taken.pin), other.write()).unwrap();
        assert!(matches!(home.load(&profile, &taken.pin), Err(CircuitError::OtherFile(_))));
        let mut damaged = bytes.clone();
        damaged[1000] ^= 1;
        fs::write(home.path(&profile, &taken.pin), damaged).unwrap();
        assert!(matches!(home.load(&profile, &taken.pin), Err(CircuitError::OtherFile(_))));
        home.remove(&profile, &taken.pin).unwrap();
        home.remove(&profile, &taken.pin).unwrap();
        assert!(matches!(home.load(&profile, &taken.pin), Err(CircuitError::Gone(_))));
    }
}
