//! `ceremony`: the parameters of a circuit, from public powers of tau and by many hands.
//!
//! A step is a folder with two files, the parameters and the transcript. Each command reads one folder and writes another,
//! so that nothing is lost when it is stopped. Neither file is secret; a participant's number never leaves memory.

mod source;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use protocol::circuit::{CATALOGUE, Profile, System};
use protocol::groth16::ceremony::{self, CeremonyError, MOST_DOUBLINGS, Outcome, Transcript};
use protocol::groth16::powers::Origin;
use protocol::groth16::quadratic::domain_size;
use protocol::groth16::{Parameters, Powers};
use protocol::show;
use provider::files::{self, FileError};
use rand_core::OsRng;
use serde::Serialize;

use super::answer::{Answer, Failure};
use super::progress::Progress;
use source::{Bytes, Source, bytes};

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider ceremony new --circuit energy-30 --powers response --hash 5a1c… --out step-0
  wattseal-provider ceremony contribute step-0 --out step-1
  wattseal-provider ceremony finish step-1 --beacon 00000000000000000001b2… --out energy-30
  wattseal-provider ceremony verify energy-30 --circuit energy-30 --powers response --hash 5a1c…";

const PARAMETERS: &str = "parameters";
const TRANSCRIPT: &str = "transcript";
const POWERS: &str = "powers";
/// A circuit of 2²⁰ rows takes about this much.
const MOST_PARAMETERS: usize = 1 << 30;
const MOST_TRANSCRIPT: usize = 1 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum Ceremony {
    /// Make a circuit's initial parameters from powers of tau (minutes)
    New {
        /// A circuit of the catalogue
        #[arg(long)]
        circuit: String,
        #[command(flatten)]
        powers: Source,
        /// Folder to make
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Take part: multiply in a random number, prove it, and forget it
    Contribute {
        /// Folder of the step before
        step: PathBuf,
        /// Folder to make
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// End it with a public value that nobody could foresee when the last participant took part
    Finish {
        /// Folder of the step before
        step: PathBuf,
        /// The value: 32 bytes in hexadecimal
        #[arg(long, value_name = "HEX", value_parser = bytes::<32>)]
        beacon: Bytes<32>,
        /// It is hashed two to the power of this many times
        #[arg(long, default_value_t = 28, value_parser = clap::value_parser!(u8).range(0..=i64::from(MOST_DOUBLINGS)))]
        doublings: u8,
        /// Folder to make
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Check a ceremony from its beginning; exit code 1 when it is not finished
    Verify {
        /// Folder of its last step
        step: PathBuf,
        /// The circuit that it is for
        #[arg(long)]
        circuit: String,
        #[command(flatten)]
        powers: Source,
    },
}

#[derive(Serialize)]
struct Told {
    folder: PathBuf,
    contributions: usize,
    finished: bool,
    demonstration: bool,
    /// BLAKE2b-512 of the file of powers.
    powers: Option<String>,
    /// Hash of the transcript.
    head: String,
}

impl Ceremony {
    pub(super) fn run(&self) -> Result<Answer, Failure> {
        match self {
            Self::New { circuit, powers, out } => new(circuit, powers, out),
            Self::Contribute { step, out } => {
                let (mut parameters, mut transcript) = load(step)?;
                let folder = Folder::claim(out)?;
                let progress = Progress::of("contribution");
                ceremony::contribute(&mut parameters, &mut transcript, &mut OsRng, &|done, all| {
                    progress.tell(done, all)
                })?;
                folder.keep(&parameters, &transcript)?;
                told(out, &transcript, "Taken part. Publish the transcript's hash: it proves that you are in it.")
            }
            Self::Finish { step, beacon, doublings, out } => {
                let (mut parameters, mut transcript) = load(step)?;
                let folder = Folder::claim(out)?;
                let progress = Progress::of("beacon");
                let watch = |done, all| progress.tell(done, all);
                ceremony::finish(&mut parameters, &mut transcript, **beacon, *doublings, &watch)?;
                folder.keep(&parameters, &transcript)?;
                told(
                    out,
                    &transcript,
                    "Finished. Publish both files; households check them with the circuit and the powers.",
                )
            }
            Self::Verify { step, circuit, powers } => verify(step, circuit, powers),
        }
    }
}

fn new(circuit: &str, source: &Source, out: &Path) -> Result<Answer, Failure> {
    let system = system(circuit)?;
    let size = domain_size(&system);
    let folder = Folder::claim(out)?;
    let powers = match &source.powers {
        Some(path) => source.read(path, size)?,
        None => {
            let progress = Progress::of("powers of tau");
            Powers::demonstration(size, &mut OsRng, &|done, all| progress.tell(done, all))
        }
    };
    let progress = Progress::of("checking the powers of tau");
    powers.verify(size, &mut OsRng, &|done, all| progress.tell(done, all))?;
    let progress = Progress::of("initial parameters");
    let (parameters, transcript) = ceremony::begin(&system, &powers, &|done, all| progress.tell(done, all))?;
    if source.powers.is_none() {
        let mut bytes = Vec::new();
        powers.write(&mut bytes)?;
        files::write(&out.join(POWERS), &bytes)?;
    }
    folder.keep(&parameters, &transcript)?;
    told(out, &transcript, "Begun. Now others take part, each with `ceremony contribute`.")
}

fn verify(step: &Path, circuit: &str, source: &Source) -> Result<Answer, Failure> {
    let system = system(circuit)?;
    let (parameters, transcript) = load(step)?;
    let path = source.powers.clone().unwrap_or_else(|| step.join(POWERS));
    let powers = source.read(&path, domain_size(&system))?;
    let progress = Progress::of("checking");
    let watch = |done, all| progress.tell(done, all);
    let outcome: Outcome = ceremony::verify(&parameters, &transcript, &system, &powers, &mut OsRng, &watch)?;
    let text = if outcome.finished {
        "Right from the powers of tau to the beacon."
    } else {
        "Right so far, but not finished: there is no beacon yet. Do not use these parameters."
    };
    Ok(told(step, &transcript, text)?.refused_if(!outcome.finished))
}

fn system(circuit: &str) -> Result<System, Failure> {
    let profile = Profile::named(circuit).ok_or_else(|| {
        let names: Vec<&str> = CATALOGUE.iter().map(|profile| profile.name).collect();
        Failure::refused("no-circuit", format!("there is no circuit {circuit:?}; there are {}", names.join(", ")))
    })?;
    profile.system().map_err(|cause| Failure::refused("bad-circuit", format!("the circuit could not be made: {cause}")))
}

fn load(step: &Path) -> Result<(Parameters, Transcript), Failure> {
    let path = step.join(TRANSCRIPT);
    let transcript = Transcript::read(&files::read(&path, MOST_TRANSCRIPT)?)
        .map_err(|cause| Failure::refused("bad-transcript", cause.to_string()).about(&path))?;
    let path = step.join(PARAMETERS);
    let parameters = Parameters::read(&files::read(&path, MOST_PARAMETERS)?, true)
        .map_err(|cause| Failure::refused("bad-parameters", cause.to_string()).about(&path))?;
    Ok((parameters, transcript))
}

/// A new folder: claimed before minutes of work, never one that exists, and gone again when nothing came of it.
struct Folder<'a>(&'a Path);

impl<'a> Folder<'a> {
    fn claim(path: &'a Path) -> Result<Self, Failure> {
        fs::create_dir(path).map_err(FileError::of("create", path))?;
        Ok(Self(path))
    }

    fn keep(&self, parameters: &Parameters, transcript: &Transcript) -> Result<(), Failure> {
        files::write(&self.0.join(PARAMETERS), &parameters.write())?;
        files::write(&self.0.join(TRANSCRIPT), &transcript.write())?;
        Ok(())
    }
}

impl Drop for Folder<'_> {
    fn drop(&mut self) {
        // Fails, as it should, when something is in it.
        let _ = fs::remove_dir(self.0);
    }
}

fn told(folder: &Path, transcript: &Transcript, what: &str) -> Result<Answer, Failure> {
    let (powers, demonstration) = match transcript.origin() {
        Origin::File(hash) => (Some(show::hex(&hash)), false),
        Origin::Demonstration => (None, true),
    };
    let told = Told {
        folder: folder.to_path_buf(),
        contributions: transcript.contributions(),
        finished: transcript.is_finished(),
        demonstration,
        powers,
        head: show::hex(&transcript.head()),
    };
    let mut text = format!("{what}\n  participants {}\n  transcript   {}", told.contributions, told.head);
    match &told.powers {
        Some(hash) => text.push_str(&format!("\n  powers       {hash}")),
        None => {
            text.push_str("\nDEMONSTRATION: the powers of tau were made on one machine, whose owner can forge proofs.")
        }
    }
    Answer::new(text, &told)
}

impl From<CeremonyError> for Failure {
    fn from(error: CeremonyError) -> Self {
        match error {
            CeremonyError::Powers(error) => error.into(),
            other => Self::refused("ceremony", other.to_string()),
        }
    }
}
