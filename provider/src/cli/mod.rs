//! The command line: what may be asked, and how answers and failures come back.
//!
//! Exit codes: 0 done, 1 refused or invalid, 2 wrong usage, 3 could not (file, network, lock).

mod answer;
mod import;
mod init;
mod tariff;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use provider::identity::Identity;

use answer::Failure;

/// The provider's side of Wattseal: sets and signs tariffs.
#[derive(Debug, Parser)]
#[command(name = "wattseal-provider", version, arg_required_else_help = true, after_help = EXAMPLE)]
struct Cli {
    /// The provider's home folder, with its signing key
    #[arg(long, global = true, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Answer in JSON, failures too
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern init --name \"Fern Energy\"
  wattseal-provider --home ~/fern tariff compile flat.toml --out flat.tariff
  wattseal-provider tariff show flat.tariff

Exit codes: 0 done, 1 refused or invalid, 2 wrong usage, 3 could not read or write";

#[derive(Debug, Subcommand)]
enum Command {
    /// Create the provider's home with a new signing key
    #[command(after_help = init::EXAMPLE)]
    Init(init::Init),
    /// Make and show tariffs
    #[command(subcommand, arg_required_else_help = true, after_help = tariff::EXAMPLE)]
    Tariff(tariff::Tariff),
    // `verify` (bills), `meter` (known meters) and `ledger` (accepted bills) take their places here.
}

/// Runs the command of this process.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let home = Home(cli.home);
    let result = match &cli.command {
        Command::Init(command) => command.run(&home),
        Command::Tariff(command) => command.run(&home),
    };
    answer::give(result, cli.json)
}

/// The home that `--home` names.
struct Home(Option<PathBuf>);

impl Home {
    /// The folder; a command that needs one and got none is wrong usage.
    fn path(&self) -> &Path {
        self.0.as_deref().unwrap_or_else(|| {
            let problem = "this command needs --home DIR, the provider's home folder";
            Cli::command().error(ErrorKind::MissingRequiredArgument, problem).exit()
        })
    }

    fn identity(&self) -> Result<Identity, Failure> {
        Ok(Identity::open(self.path())?)
    }
}
