//! The command line: arguments become a request, the answer becomes text or JSON.
//!
//! When a gateway runs over the home, it answers; else this process opens the home itself for the moment. What commands
//! become is in [`request`], what may be said in [`args`] and [`parts`]; here they are run, and what comes is printed.

mod answered;
mod args;
mod beside;
mod parts;
mod place;
mod print;
mod publish;
mod request;

pub use args::{Cli, Command};
pub use parts::{
    AccountCommand, BillArgs, BillTerms, BillsCommand, CircuitsCommand, LedgerCommand, LineCommand, ProofChoice,
    StandingCommand,
};
pub use place::default_home;
pub use print::Printer;
pub use publish::PublishCommand;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use drivers::plain::ocmf::PublicKey;
use drivers::plain::{Keys, MeterKey, Protocol};
use serde_json::json;
use zeroize::Zeroizing;

use crate::Failure;
use crate::api::socket::Connection;
use crate::api::{Event, text};
use crate::commands::{self, Outcome};
use crate::daemon::{self, Options, Started};
use crate::home::Home;
use request::{first_line, request, whole};

/// Exit code when a command was not understood.
const WRONG_USAGE: u8 = 2;
/// How long what was told may take to be printed at the end.
const LAST_LINES: Duration = Duration::from_secs(5);

/// Runs a command line and returns the exit code. `log` prints what goes to standard error beside it.
#[must_use]
pub fn main(cli: Cli, log: &Printer) -> u8 {
    let code = run(cli, log);
    log.end(LAST_LINES);
    code
}

fn run(cli: Cli, log: &Printer) -> u8 {
    let home = match cli.home.map_or_else(default_home, Ok) {
        Ok(directory) => Home::new(&directory, cli.credential.as_deref()),
        Err(failure) => return failed(&failure, cli.json),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Failure::could_not("runtime", error.to_string()), cli.json),
    };
    let json = cli.json;
    match cli.command {
        Command::Init { keyring, sheet } => local(commands::init(&home, keyring, &sheet), json),
        Command::Keys { command } => local(commands::keys(&home, command), json),
        Command::Recover { keyring } => local(commands::recover(&home, keyring), json),
        Command::Unlock { time } => local(commands::unlock(&home, &time), json),
        Command::Lock => local(commands::lock(&home), json),
        Command::Backup { verify: Some(file), .. } => local(commands::verify(&home, &file), json),
        Command::Backup { file, verify: None } => local(commands::backup(&home, file.as_deref()), json),
        Command::Restore { file, keyring } => local(commands::restore(&home, &file, keyring), json),
        Command::Decode { protocol, key, auth_key, public_key, topic, file } => {
            let key = key.map(Zeroizing::new);
            let auth_key = auth_key.map(Zeroizing::new);
            let meter = key.map(|key| MeterKey::from_hex(&key, auth_key.as_ref().map(|key| key.as_str()))).transpose();
            let Ok(meter) = meter.map_err(|error| eprintln!("wattseal: {error}")) else { return WRONG_USAGE };
            decoded(&file, protocol, meter, public_key.as_deref(), &topic, json)
        }
        Command::Meters { country, name } => {
            local(commands::meters(home.directory(), country.as_deref(), name.as_deref()), json)
        }
        Command::Detect(args) => local(runtime.block_on(commands::detect(home.directory(), args)), json),
        Command::Bench { circuits, turns } => local(commands::bench(&circuits, turns), json),
        Command::Run { look_every } => {
            let options = Options { look_every: Duration::from_secs(look_every) };
            stay(&runtime, &home, &options, json, log)
        }
        Command::SealLive(args) => {
            let missed: print::Gap = |count| format!("({count} lines were not taken)");
            let out = match Printer::out(missed) {
                Ok(out) => out,
                Err(error) => return failed(&Failure::could_not("thread", error.to_string()), json),
            };
            let result = beside::run(&runtime, *args, json, &out);
            out.end(LAST_LINES);
            result.map_or_else(|failure| failed(&failure, json), |()| 0)
        }
        Command::Watch => runtime.block_on(watch(&home, json)),
        command => {
            let result = request(command).map(|request| runtime.block_on(answered::ask(&home, request)));
            match result.and_then(|answer| answer) {
                Ok(answer) => {
                    let refused = answer.is_refused();
                    if json {
                        print(&serde_json::to_string(&answer).unwrap_or_default())
                    } else {
                        print(&text::text(&answer))
                    }
                    u8::from(refused)
                }
                Err(failure) => failed(&failure, json),
            }
        }
    }
}

/// Runs the gateway. It never waits for whoever reads what it tells.
fn stay(runtime: &tokio::runtime::Runtime, home: &Home, options: &Options, json: bool, log: &Printer) -> u8 {
    let missed: print::Gap = match json {
        true => |count| serde_json::to_string(&Event::Missed { count }).unwrap_or_default(),
        false => |count| event_line(&Event::Missed { count }),
    };
    let out = match Printer::out(missed) {
        Ok(out) => out,
        Err(error) => return failed(&Failure::could_not("thread", error.to_string()), json),
    };
    let result = runtime.block_on(daemon::run(home, options, |told| out.line(&told_line(*told, json))));
    let code = result.map_or_else(
        |failure| {
            log.line(&format!("wattseal: {failure}"));
            if json {
                out.line(&failure_line(&failure));
            }
            failure.exit_code()
        },
        |()| 0,
    );
    out.end(LAST_LINES);
    code
}

async fn watch(home: &Home, json: bool) -> u8 {
    match watching(home).await {
        Ok(mut running) => loop {
            match running.event().await {
                Ok(Some(event)) => print(&told_line(Started::Event(&event), json)),
                Ok(None) => return 0,
                Err(failure) => return failed(&failure, json),
            }
        },
        Err(failure) => failed(&failure, json),
    }
}

async fn watching(home: &Home) -> Result<Connection, Failure> {
    let mut running = Connection::open(home.directory()).await?.ok_or_else(|| {
        Failure::could_not("not-running", "no gateway is running over this home. Start one with: wattseal run")
    })?;
    running.watch().await?;
    Ok(running)
}

fn told_line(told: Started<'_>, json: bool) -> String {
    match (told, json) {
        (Started::Running, true) => json!({ "event": "running" }).to_string(),
        (Started::Running, false) => "The gateway is running; Ctrl-C stops it.".into(),
        (Started::Event(event), true) => serde_json::to_string(event).unwrap_or_default(),
        (Started::Event(event), false) => event_line(event),
    }
}

fn event_line(event: &Event) -> String {
    let time = jiff::Timestamp::now();
    format!("{time:.0}  {}", text::event(event))
}

/// The outcome of a command that needs no gateway.
fn decoded(
    file: &Path,
    protocol: Protocol,
    meter: Option<MeterKey>,
    public_key: Option<&str>,
    topic: &str,
    json: bool,
) -> u8 {
    let (public, unusable) = match public_key.map(PublicKey::from_text) {
        Some(Err(error)) => (None, Some(error)),
        Some(Ok(key)) => (Some(key), None),
        None => (None, None),
    };
    let decoding = commands::Decoding { protocol, keys: Keys { meter, public }, unusable, topic };
    match commands::decode(file, decoding, json) {
        Ok(decoded) => {
            decoded.lines.iter().for_each(|line| print(line));
            if decoded.lines.is_empty() && !json {
                eprintln!("wattseal: no telegram of this protocol is in {}", file.display());
            }
            u8::from(!decoded.accepted)
        }
        Err(failure) => failed(&failure, json),
    }
}

fn local(outcome: Outcome, json: bool) -> u8 {
    match outcome {
        Ok(answer) => {
            if json {
                print(&answer.json.to_string())
            } else {
                print(&answer.text)
            }
            u8::from(answer.refused)
        }
        Err(failure) => failed(&failure, json),
    }
}

fn failed(failure: &Failure, json: bool) -> u8 {
    eprintln!("wattseal: {failure}");
    if json {
        print(&failure_line(failure));
    }
    failure.exit_code()
}

fn failure_line(failure: &Failure) -> String {
    json!({ "error": { "code": failure.code(), "message": failure.to_string() } }).to_string()
}

/// A reader that has gone away is no failure of ours.
fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
