//! `wattseal`: the household's command.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hub::commands::{self, BillArgs, Outcome};
use hub::home::Home;
use serde_json::json;

/// Keeps your meter readings at home and lets only answers leave.
#[derive(Parser)]
#[command(
    name = "wattseal",
    version,
    after_help = "Example:\n  wattseal --home ~/wattseal init\n\nExit codes: 0 done, 1 refused or invalid, 2 wrong usage, 3 could not (file, network, lock)."
)]
struct Cli {
    /// The household's directory
    #[arg(long, global = true, env = "WATTSEAL_HOME", default_value = "wattseal-home")]
    home: PathBuf,
    /// The file that holds the store's key, when it lies elsewhere
    #[arg(long, global = true, env = "WATTSEAL_KEY_FILE")]
    key_file: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a home: an encrypted store and its key
    #[command(after_help = "Example:\n  wattseal --home ~/wattseal init")]
    Init,
    /// Pair with a meter by its pairing file
    #[command(after_help = "Example:\n  wattseal --home ~/wattseal pair meter/pairing.key")]
    Pair {
        /// The meter's pairing file
        file: PathBuf,
    },
    /// Verify and store all day blocks below a directory
    #[command(after_help = "Example:\n  wattseal --home ~/wattseal import meter/")]
    Import {
        /// The directory
        directory: PathBuf,
    },
    /// Show meters, registers, gaps and what the meter reported
    #[command(after_help = "Example:\n  wattseal --home ~/wattseal status --json")]
    Status,
    /// Show stored readings
    #[command(
        after_help = "Example:\n  wattseal --home ~/wattseal readings --from 2026-03-01 --to 2026-03-02 --zone Europe/Amsterdam"
    )]
    Readings {
        /// Start: RFC 3339, or a date in --zone
        #[arg(long)]
        from: String,
        /// End, not included
        #[arg(long)]
        to: String,
        /// Zone of bare dates and of the times shown
        #[arg(long, default_value = "UTC")]
        zone: String,
        /// Only this register
        #[arg(long)]
        register: Option<String>,
    },
    /// Compute a bill and prove it
    #[command(
        after_help = "Example:\n  wattseal --home ~/wattseal bill --tariff green.tariff --from 2026-03-01 --to 2026-04-01 --out march.bill\n\nA bare date is the start of that day in the tariff's time zone. The period is half-open."
    )]
    Bill {
        /// The provider's signed tariff
        #[arg(long)]
        tariff: PathBuf,
        /// Start: RFC 3339, or a date in the tariff's zone
        #[arg(long)]
        from: String,
        /// End, not included
        #[arg(long)]
        to: String,
        /// Where the bill is written
        #[arg(long)]
        out: PathBuf,
        /// The meter's identity key (hex), when several meters have the register
        #[arg(long)]
        meter: Option<String>,
        /// Bill a period with unmeasured intervals, marked as incomplete
        #[arg(long)]
        allow_incomplete: bool,
        /// The provider's key (hex); the tariff must be signed by it
        #[arg(long)]
        provider_key: Option<String>,
        /// A nonce the provider asked for (32 hex digits)
        #[arg(long)]
        nonce: Option<String>,
        /// Digest (hex) of the bill that this one corrects
        #[arg(long)]
        corrects: Option<String>,
    },
    /// List the bills that were made
    #[command(after_help = "Example:\n  wattseal --home ~/wattseal bills")]
    Bills,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("WATTSEAL_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let home = Home::new(&cli.home, cli.key_file.as_deref());
    let outcome = run(&home, cli.command);
    let mut out = std::io::stdout();
    let (text, code) = match outcome {
        Ok(answer) if cli.json => (answer.json.to_string(), u8::from(answer.refused)),
        Ok(answer) => (answer.text, u8::from(answer.refused)),
        Err(failure) => {
            eprintln!("wattseal: {failure}");
            let error = json!({ "error": { "code": failure.code(), "message": failure.to_string() } });
            (if cli.json { error.to_string() } else { String::new() }, failure.exit_code())
        }
    };
    // A reader that has gone away is no failure of ours.
    let _ = if text.is_empty() { Ok(()) } else { writeln!(out, "{text}") };
    ExitCode::from(code)
}

fn run(home: &Home, command: Command) -> Outcome {
    match command {
        Command::Init => commands::init(home),
        Command::Pair { file } => commands::pair(home, &file),
        Command::Import { directory } => commands::import(home, &directory),
        Command::Status => commands::status(home),
        Command::Readings { from, to, zone, register } => {
            commands::readings(home, &from, &to, &zone, register.as_deref())
        }
        Command::Bill { tariff, from, to, out, meter, allow_incomplete, provider_key, nonce, corrects } => {
            commands::bill(
                home,
                &BillArgs { tariff, from, to, out, meter, allow_incomplete, provider_key, nonce, corrects },
            )
        }
        Command::Bills => commands::bills(home),
    }
}
