//! `circuits`: what households prove bills with, in the provider's home.

use std::path::PathBuf;

use clap::Subcommand;
use protocol::show;
use provider::circuits::{self, CircuitFolder, FileHash, Stored};
use serde::Serialize;

use super::Home;
use super::answer::{Answer, Failure};
use super::progress::Progress;

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern circuits make energy-30 demand-30
  wattseal-provider --home ~/fern circuits list
  wattseal-provider --home ~/fern circuits add energy-30/parameters --powers energy-30/powers

`serve` offers all of them to households. A name says what a circuit holds (energy, demand, tiers, ...) and the minutes of
its metering intervals; `tariff show` says what a tariff needs.";

const MAKE_EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern circuits make energy-30

For trying out: the parameters come from this machine alone, and whoever has it while they are made can forge proofs against
you. Every verdict says so. For real bills, run a `ceremony` and `circuits add` its result.";

const ADD_EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern circuits add energy-30/parameters
  wattseal-provider --home ~/fern circuits add step-0/parameters --powers step-0/powers

With --powers the parameters are checked against the powers of tau as every household will check them (a minute), and the
powers are offered to households. Without it they take the public file from its ceremony. Whether a ceremony was run right
says `ceremony verify`.";

#[derive(Debug, Subcommand)]
pub(super) enum Circuits {
    /// Make a circuit's parameters for demonstration, on this machine
    #[command(after_help = MAKE_EXAMPLE)]
    Make {
        /// Names of the catalogue
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Take in parameters that a ceremony made
    #[command(after_help = ADD_EXAMPLE)]
    Add {
        /// The file `parameters` of the ceremony's last step
        #[arg(value_name = "PROVING")]
        parameters: PathBuf,
        /// The powers of tau that they rest on: checked, and offered to households as well
        #[arg(long, value_name = "FILE")]
        powers: Option<PathBuf>,
    },
    /// Show the circuits of this home
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern circuits list")]
    List,
    /// Remove circuits: bills under them are refused from then on; booked ones stay verifiable
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern circuits remove energy-30")]
    Remove {
        /// Their names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

#[derive(Serialize)]
struct CircuitRow {
    name: &'static str,
    id: String,
    system: String,
    origin: String,
    demonstration: bool,
    proving: Option<FileRow>,
    powers: Option<FileRow>,
}

#[derive(Serialize)]
struct FileRow {
    bytes: u64,
    /// The hash at the end of the parameters, SHA-256 of the powers.
    hash: String,
}

impl FileRow {
    fn of(file: &FileHash) -> Self {
        Self { bytes: file.bytes, hash: show::hex(&file.hash) }
    }
}

impl CircuitRow {
    fn of(stored: &Stored) -> Self {
        let circuit = &stored.circuit;
        Self {
            name: circuit.profile.name,
            id: show::hex(&circuit.id()),
            system: show::hex(&circuit.system),
            origin: show::hex(&circuit.origin),
            demonstration: circuit.demonstration,
            proving: stored.proving.as_ref().map(FileRow::of),
            powers: stored.powers.as_ref().map(FileRow::of),
        }
    }

    fn line(&self) -> String {
        let size = |file: &Option<FileRow>, none: &str| {
            let bytes = file.as_ref().map(|file| usize::try_from(file.bytes).unwrap_or(usize::MAX));
            bytes.map_or(none.to_owned(), show::bytes)
        };
        let mark = if self.demonstration { "  DEMONSTRATION: whoever made it can forge" } else { "" };
        format!(
            "{:<12} {}  parameters {}, powers of tau {}{mark}",
            self.name,
            self.id.get(..16).unwrap_or_default(),
            size(&self.proving, "GONE: restore the file, or remove the circuit"),
            size(&self.powers, "from their ceremony")
        )
    }
}

#[derive(Serialize)]
struct Listed {
    circuits: Vec<CircuitRow>,
    /// Files that are no circuits of this program, and why.
    useless: Vec<String>,
}

impl Circuits {
    pub(super) fn run(&self, home: &Home) -> Result<Answer, Failure> {
        home.identity()?;
        let folder = CircuitFolder::of(home.path());
        match self {
            Self::Make { names } => make(&folder, names),
            Self::Add { parameters, powers } => {
                let progress = Progress::of("checking the parameters");
                let stored = folder.add(parameters, powers.as_deref(), &|done, all| progress.tell(done, all))?;
                told(&[stored], "Taken in; `serve` offers it from now on.")
            }
            Self::List => list(&folder),
            Self::Remove { names } => remove(&folder, names),
        }
    }
}

/// All names are looked at before minutes of work.
fn make(folder: &CircuitFolder, names: &[String]) -> Result<Answer, Failure> {
    let profiles = names.iter().map(|name| circuits::named(name)).collect::<Result<Vec<_>, _>>()?;
    for profile in &profiles {
        folder.expect_none(profile)?;
    }
    let mut made = Vec::with_capacity(profiles.len());
    for profile in profiles {
        let progress = Progress::of(profile.name);
        made.push(folder.make(profile, &|done, all| progress.tell(done, all))?);
    }
    told(&made, "Made, for demonstration only; `serve` offers them from now on.")
}

fn told(stored: &[Stored], what: &str) -> Result<Answer, Failure> {
    let circuits: Vec<_> = stored.iter().map(CircuitRow::of).collect();
    let lines: Vec<_> = circuits.iter().map(CircuitRow::line).collect();
    Answer::new(format!("{what}\n{}", lines.join("\n")), &Listed { circuits, useless: Vec::new() })
}

fn list(folder: &CircuitFolder) -> Result<Answer, Failure> {
    let (stored, wrong) = folder.list()?;
    let circuits: Vec<_> = stored.iter().map(CircuitRow::of).collect();
    let useless: Vec<_> = wrong.iter().map(ToString::to_string).collect();
    let mut lines: Vec<_> = circuits.iter().map(CircuitRow::line).collect();
    lines.extend(useless.iter().map(|problem| format!("NOT USED: {problem}; remove it, or update this program")));
    if lines.is_empty() {
        lines.push("There are none: proved bills are refused. See `circuits make --help`.".into());
    }
    Answer::new(lines.join("\n"), &Listed { circuits, useless })
}

fn remove(folder: &CircuitFolder, names: &[String]) -> Result<Answer, Failure> {
    for name in names {
        folder.remove(name)?;
    }
    Answer::new(format!("Removed: {}.", names.join(", ")), &serde_json::json!({ "removed": names }))
}
