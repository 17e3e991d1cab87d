//! `verify-batch`: the bills of many homes at once. Nothing is booked.
//!
//! ```text
//! files ─► groups of 512, one a thread at a time ─► prepare each, one equation for all proofs of the group ─► report
//! ```
//!
//! Memory holds one group a thread, and of it what is left of a bill when its readings' headers were checked.

mod check;
mod report;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

use clap::Args;
use protocol::certificate;
use protocol::circuit::CircuitKey;
use protocol::metrology::keys::Hash;
use protocol::tariff::SignedTariff;
use protocol::verify::proved::Circuits;
use protocol::verify::{Policy, Registry};
use protocol::wire::MAX_MESSAGE;
use provider::circuits::{CircuitFolder, MOST_CIRCUIT};
use provider::files::{self, FileError};
use provider::ledger::Ledger;

use super::Home;
use super::answer::{Answer, Failure};
use super::progress::Progress;
use check::Check;
use report::Report;

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern verify-batch bills/ --tariff flat.tariff --tariff night.tariff
  wattseal-provider verify-batch bills/ --tariff flat.tariff --circuits circuits/ --meter certificates/

A folder stands for all files directly in it. With --home the registry, the keys and the circuits are those of the home;
--meter and --circuits take their place. Without --home any provider's tariffs are taken. Bills are not compared with the
ledger or with each other, and none is booked: for that, see `verify`.

Exit codes: 0 all valid, 1 some are not, 2 wrong usage, 3 could not (file, lock)";

/// Bills that share one final exponentiation.
const GROUP: usize = 512;

#[derive(Debug, Args)]
pub(super) struct VerifyBatch {
    /// Bills, or folders of bills
    #[arg(required = true)]
    bills: Vec<PathBuf>,
    /// A tariff that some of them were made under; may repeat
    #[arg(long, required = true)]
    tariff: Vec<PathBuf>,
    /// A meter's certificate or a folder of them, in place of the registry; may repeat
    #[arg(long, value_name = "CERT")]
    meter: Vec<PathBuf>,
    /// A circuit or a folder of them (*.circuit), in place of those of the home; may repeat
    #[arg(long, value_name = "FILE")]
    circuits: Vec<PathBuf>,
    /// Accept periods with unmeasured intervals
    #[arg(long)]
    allow_incomplete: bool,
    /// Count bills as valid although no registry vouches for their meters
    #[arg(long)]
    allow_unattested: bool,
    /// Accept only seals of certified meters
    #[arg(long)]
    require_certified: bool,
    /// Refuse circuits for demonstration, whose maker can forge
    #[arg(long)]
    no_demonstration: bool,
}

/// Where the certificates of meters come from.
enum Meters {
    /// From files.
    Given(Registry),
    /// From the ledger of a home, each when its bill comes.
    Home(PathBuf),
}

impl VerifyBatch {
    pub(super) fn run(&self, home: &Home) -> Result<Answer, Failure> {
        let keys = home.path.as_ref().map(|_| home.identity()).transpose()?.map(|identity| identity.keys());
        let (tariffs, paths) = (self.tariffs(keys.as_deref())?, files_of(&self.bills, None)?);
        if paths.is_empty() {
            return Err(Failure::refused("no-bills", "there is no file in these folders; nothing was verified"));
        }
        let (circuits, meters) = (self.circuits(home)?, self.meters(home)?);
        let policy = Policy {
            allow_incomplete: self.allow_incomplete,
            require_certified: self.require_certified,
            ..Policy::default()
        };
        let check = Check {
            tariffs: &tariffs,
            circuits: &circuits,
            policy,
            refuse_demonstration: self.no_demonstration,
            allow_unattested: self.allow_unattested,
        };
        let report = spread(&paths, &check, &meters)?;
        let failed = report.has_bad();
        Ok(report.answer(&tariffs)?.refused_if(failed))
    }

    fn tariffs(&self, keys: Option<&[[u8; 32]]>) -> Result<Vec<SignedTariff>, Failure> {
        let read = |path: &PathBuf| {
            let tariff = SignedTariff::read(&files::read(path, MAX_MESSAGE)?)
                .map_err(|error| Failure::from(error).about(path))?;
            if keys.is_some_and(|keys| !keys.contains(&tariff.tariff.provider.key)) {
                let problem = "the tariff is signed by another key than this provider's";
                return Err(Failure::refused("other-provider", problem).about(path));
            }
            Ok(tariff)
        };
        self.tariff.iter().map(read).collect()
    }

    fn circuits(&self, home: &Home) -> Result<Circuits, Failure> {
        if self.circuits.is_empty() {
            return Ok(match &home.path {
                Some(path) => CircuitFolder::of(path).trusted()?,
                None => Circuits::default(),
            });
        }
        let paths = files_of(&self.circuits, Some("circuit"))?;
        let read = |path: &PathBuf| {
            CircuitKey::read(&files::read(path, MOST_CIRCUIT)?)
                .map_err(|error| Failure::refused("bad-circuit", error.to_string()).about(path))
        };
        Ok(Circuits::new(paths.iter().map(read).collect::<Result<Vec<_>, _>>()?))
    }

    fn meters(&self, home: &Home) -> Result<Meters, Failure> {
        if let Some(path) = home.path.as_ref().filter(|_| self.meter.is_empty()) {
            // Begun here, once, if there is none; each thread opens its own.
            home.ledger()?;
            return Ok(Meters::Home(path.clone()));
        }
        let mut registry = Registry::default();
        for path in files_of(&self.meter, None)? {
            let chain = certificate::read_file(&files::read(&path, MAX_MESSAGE)?)
                .map_err(|error| Failure::refused("bad-certificate", error.to_string()).about(&path))?;
            registry.list(&chain);
        }
        Ok(Meters::Given(registry))
    }
}

impl Meters {
    /// What one thread asks.
    fn open(&self) -> Result<Box<Ask<'_>>, Failure> {
        Ok(match self {
            Self::Given(registry) => Box::new(move |_| Ok(registry.clone())),
            Self::Home(path) => {
                let ledger = Ledger::open(path)?;
                Box::new(move |meters| Ok(ledger.registry(meters)?))
            }
        })
    }
}

/// The registry's entries of some meters.
type Ask<'a> = dyn Fn(&[Hash]) -> Result<Registry, Failure> + 'a;

/// Gives out groups to as many threads as the machine has cores to spare.
fn spread(paths: &[PathBuf], check: &Check<'_>, meters: &Meters) -> Result<Report, Failure> {
    let threads = thread::available_parallelism().map_or(1, usize::from).clamp(1, 16);
    // Small amounts are spread as well.
    let group = paths.len().div_ceil(threads).clamp(1, GROUP);
    let all = paths.len();
    let (groups, report) = (Mutex::new(paths.chunks(group)), Mutex::new(Report::default()));
    let progress = Progress::of("bills");
    let work = || {
        let ask = meters.open()?;
        loop {
            let Some(paths) = groups.lock().unwrap_or_else(PoisonError::into_inner).next() else { return Ok(()) };
            let found = check.group(paths, &*ask)?;
            let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
            report.add(found);
            progress.tell(report.bills, all);
        }
    };
    let outcomes: Vec<Result<(), Failure>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(broken()))).collect()
    });
    outcomes.into_iter().collect::<Result<(), _>>()?;
    Ok(report.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn broken() -> Failure {
    Failure::could_not("internal", "a thread ended in a way that was not foreseen; nothing is said about the bills")
}

/// Files that are named, and those directly in folders that are named; of an ending, if one is asked for.
fn files_of(paths: &[PathBuf], ending: Option<&str>) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let from = found.len();
        for entry in std::fs::read_dir(path).map_err(FileError::of("read", path))? {
            let entry = entry.map_err(FileError::of("read", path))?.path();
            let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            let fits = ending.is_none_or(|ending| Path::new(&entry).extension().is_some_and(|own| own == ending));
            if fits && !hidden && entry.is_file() {
                found.push(entry);
            }
        }
        found.get_mut(from..).unwrap_or_default().sort();
    }
    Ok(found)
}
