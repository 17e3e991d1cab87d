//! The command line: what may be asked, and how answers and failures come back.
//!
//! Exit codes: 0 done, 1 refused or invalid, 2 wrong usage, 3 could not (file, network, lock).

mod answer;
mod batch;
mod ceremony;
mod circuits;
mod command;
mod contract;
mod contract_rows;
mod identity;
mod import;
mod init;
mod ledger;
mod meter;
mod missing;
mod progress;
mod report;
mod rows;
mod serve;
mod source;
mod tariff;
mod times;
mod tls;
mod verify;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use provider::identity::Identity;
use provider::ledger::Ledger;

use answer::Failure;

/// The provider's side of Wattseal: sets and signs tariffs, serves households, checks bills and books them.
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
  wattseal-provider --home ~/fern meter add meter.cert --contract 4711
  wattseal-provider --home ~/fern verify march.bill --tariff flat.tariff
  wattseal-provider --home ~/fern ledger missing --period-from 2026-03-01 --period-to 2026-04-01

Exit codes: 0 done, 1 refused or invalid, 2 wrong usage, 3 could not read or write";

#[derive(Debug, Subcommand)]
enum Command {
    /// Create the provider's home with a new signing key
    #[command(after_help = init::EXAMPLE)]
    Init(init::Init),
    /// Make and show tariffs
    #[command(subcommand, arg_required_else_help = true, after_help = tariff::EXAMPLE)]
    Tariff(tariff::Tariff),
    /// Check a bill and book it
    #[command(after_help = verify::EXAMPLE)]
    Verify(verify::Verify),
    /// Check many bills at once, of many homes and several tariffs; books nothing
    #[command(after_help = batch::EXAMPLE)]
    VerifyBatch(batch::VerifyBatch),
    /// The registry: the meters that bills may rest on
    #[command(subcommand, arg_required_else_help = true, after_help = meter::EXAMPLE)]
    Meter(meter::Meter),
    /// The ledger: booked bills, refused ones, missing ones
    #[command(subcommand, arg_required_else_help = true, after_help = ledger::EXAMPLE)]
    Ledger(ledger::Ledger),
    /// Serve households over HTTPS
    #[command(after_help = serve::EXAMPLE)]
    Serve(serve::Serve),
    /// Contracts: invitations, keys, billing calendars
    #[command(subcommand, arg_required_else_help = true, after_help = contract::EXAMPLE)]
    Contract(contract::Contract),
    /// The TLS certificate of the service
    #[command(subcommand, arg_required_else_help = true, after_help = tls::EXAMPLE)]
    Tls(tls::Tls),
    /// The identity key and its successors
    #[command(subcommand, arg_required_else_help = true, after_help = identity::EXAMPLE)]
    Identity(identity::Identity),
    /// The circuits that households prove bills with
    #[command(subcommand, arg_required_else_help = true, after_help = circuits::EXAMPLE)]
    Circuits(circuits::Circuits),
    /// The parameters of a circuit, made by many hands
    #[command(subcommand, arg_required_else_help = true, after_help = ceremony::EXAMPLE)]
    Ceremony(ceremony::Ceremony),
    /// Reports for people and for cron
    #[command(subcommand, arg_required_else_help = true, after_help = report::EXAMPLE)]
    Report(report::Report),
}

/// Runs the command of this process.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let home = Home { path: cli.home, new_ledger: Cell::new(false) };
    let result = match &cli.command {
        Command::Init(command) => command.run(&home),
        Command::Tariff(command) => command.run(&home),
        Command::Verify(command) => command.run(&home),
        Command::VerifyBatch(command) => command.run(&home),
        Command::Meter(command) => command.run(&home),
        Command::Ledger(command) => command.run(&home),
        Command::Serve(command) => command.run(&home, cli.json),
        Command::Contract(command) => command.run(&home),
        Command::Tls(command) => command.run(&home),
        Command::Identity(command) => command.run(&home),
        Command::Circuits(command) => command.run(&home),
        Command::Ceremony(command) => command.run(),
        Command::Report(command) => command.run(&home),
    };
    let result = result.map(|answer| if home.new_ledger.get() { answer.about_new_ledger() } else { answer });
    answer::give(result, cli.json)
}

/// The home that `--home` names.
struct Home {
    path: Option<PathBuf>,
    /// Whether this command found no ledger and began one.
    new_ledger: Cell<bool>,
}

impl Home {
    /// The folder; a command that needs one and got none is wrong usage.
    fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or_else(|| {
            let problem = "this command needs --home DIR, the provider's home folder";
            Cli::command().error(ErrorKind::MissingRequiredArgument, problem).exit()
        })
    }

    fn identity(&self) -> Result<Identity, Failure> {
        Ok(Identity::open(self.path())?)
    }

    /// The ledger of a home that has a provider in it.
    fn ledger(&self) -> Result<Ledger, Failure> {
        self.identity()?;
        let ledger = Ledger::open(self.path())?;
        self.new_ledger.set(ledger.is_new());
        Ok(ledger)
    }
}
