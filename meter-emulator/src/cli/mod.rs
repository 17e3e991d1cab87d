//! The command line: arguments in, a run of the meter, a summary or an error out.
//!
//! Standard output carries the result alone; progress and errors go to standard error. Exit codes: 0 done, 1 refused
//! or invalid, 2 wrong usage, 3 could not (file or lock).

mod args;
mod bill;
mod device;
mod error;
mod examples;
mod plain;
mod plain_args;
mod report;
mod run;
mod run_args;
mod seal;
mod source;

pub use args::{
    BillArgs, Bound, BrokerArgs, Class, Cli, Command, DeviceArgs, FaultArgs, MadeArgs, PlainArgs, RunArgs, SealArgs,
    SourceArgs,
};
pub use error::CliError;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;

use clap::Parser;
use serde::Serialize;

/// Runs a command line and returns the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    // Programs that ask for JSON get it for wrong usage too, which is found before the arguments are known.
    let json = args.iter().any(|arg| arg == "--json");
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => return written(write!(out, "{error}")),
        Err(error) => {
            let _ = write!(err, "{error}");
            return failed(&CliError::Usage(first_paragraph(&error.to_string())), json, out, None);
        }
    };
    match cli.command {
        Command::Seal(args) => answer(seal::seal(&args, err), args.json, out, err),
        Command::Bill(args) => answer(bill::bill(&args), args.json, out, err),
        Command::Run(args) => {
            let result = run::run(&args, out);
            ended(result, args.json, out, err)
        }
        Command::Plain(args) => {
            let result = plain::plain(&args, out);
            ended(result, args.json, out, err)
        }
        Command::Broker(args) => {
            let result = run::broker(&args, out);
            ended(result, args.json, out, err)
        }
    }
}

/// Prints a summary, or says why there is none.
fn answer<R: Serialize + Display>(
    result: Result<R, CliError>,
    json: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    match result {
        Ok(report) if json => {
            let text = serde_json::to_string(&report).map_err(std::io::Error::from);
            written(text.and_then(|text| writeln!(out, "{text}")))
        }
        Ok(report) => written(write!(out, "{report}")),
        Err(error) => failed(&error, json, out, Some(err)),
    }
}

/// Says why a command that speaks for itself came to an end.
fn ended(result: Result<(), CliError>, json: bool, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    result.map_or_else(|error| failed(&error, json, out, Some(err)), |()| 0)
}

/// What is wrong, without the usage lines below it.
fn first_paragraph(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or(text);
    let words: Vec<_> = paragraph.trim_start_matches("error: ").split_whitespace().collect();
    words.join(" ")
}

/// Says what went wrong, for people and, when asked, for programs.
fn failed(error: &CliError, json: bool, out: &mut dyn Write, err: Option<&mut dyn Write>) -> u8 {
    if let Some(err) = err {
        let _ = writeln!(err, "error: {error}");
    }
    if json {
        let value = serde_json::json!({ "error": { "code": error.code(), "message": error.to_string() } });
        let _ = writeln!(out, "{value}");
    }
    error.exit()
}

/// A result that could not be written is not a success.
fn written(result: std::io::Result<()>) -> u8 {
    if result.is_ok() { 0 } else { 3 }
}
