//! `wattseal`: the household's command.

use std::process::ExitCode;

use clap::Parser;
use hub::cli::{self, Cli, Printer};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let log =
        match Printer::err(|count| format!("{count} lines of the log are missing here: they were not read in time")) {
            Ok(log) => log,
            Err(error) => {
                eprintln!("wattseal: the system gives no thread: {error}");
                return ExitCode::from(3);
            }
        };
    let filter = tracing_subscriber::EnvFilter::try_from_env("WATTSEAL_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone()).init();
    ExitCode::from(cli::main(cli, &log))
}
