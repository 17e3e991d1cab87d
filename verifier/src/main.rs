//! `wattseal-verify`: is this bill right?

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use protocol::verify::Policy;
use serde_json::json;
use verifier::{FileError, Kind, Request, judge};

/// Checks a bill against the provider's tariff and the meter's seals. Needs no secret and trusts nobody.
#[derive(Parser)]
#[command(
    name = "wattseal-verify",
    version,
    after_help = "Example:\n  wattseal-verify march.bill --tariff green.tariff --meter meter.cert\n  wattseal-verify march.bill --tariff green.tariff --meter meter.cert --circuit energy-30.circuit\n\nThe meter's certificate comes from a registry or from the meter, never with the bill. Without it the verdict is\norigin-unattested.\n\nExit codes: 0 valid, 1 refused or invalid, 2 wrong usage, 3 could not (file)."
)]
struct Cli {
    /// The bill
    bill: PathBuf,
    /// The provider's signed tariff
    #[arg(long)]
    tariff: PathBuf,
    /// A meter's certificate, as the registry's entry; may repeat
    #[arg(long)]
    meter: Vec<PathBuf>,
    /// A circuit that proved bills may be made with, as its ceremony's result; may repeat
    #[arg(long, value_name = "FILE")]
    circuit: Vec<PathBuf>,
    /// A folder of such files (*.circuit); may repeat
    #[arg(long, value_name = "DIR")]
    circuits: Vec<PathBuf>,
    /// Refuse circuits for demonstration, whose maker can forge
    #[arg(long)]
    no_demonstration: bool,
    /// The provider's key (hex), when it is known from elsewhere
    #[arg(long, value_parser = key::<32>)]
    provider_key: Option<[u8; 32]>,
    /// Whom the bill must be addressed to (hex); the tariff's provider when not given
    #[arg(long, value_parser = key::<32>)]
    recipient: Option<[u8; 32]>,
    /// The nonce that was asked for (hex)
    #[arg(long, value_parser = key::<16>)]
    nonce: Option<[u8; 16]>,
    /// Exit 0 although no registry vouches for the meter
    #[arg(long)]
    allow_unattested: bool,
    /// Accept a period with unmeasured intervals; the verdict says that it is incomplete
    #[arg(long)]
    allow_incomplete: bool,
    /// Accept only seals of a certified meter
    #[arg(long)]
    require_certified: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

fn key<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| format!("takes {} hexadecimal digits", 2 * N))?;
    Ok(bytes)
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let request = Request {
        bill: cli.bill,
        tariff: cli.tariff,
        meters: cli.meter,
        circuits: cli.circuit,
        circuit_folders: cli.circuits,
        refuse_demonstration: cli.no_demonstration,
        policy: Policy {
            recipient: cli.recipient,
            nonce: cli.nonce,
            allow_incomplete: cli.allow_incomplete,
            require_certified: cli.require_certified,
        },
        provider_key: cli.provider_key,
    };
    let (text, code) = match judge(&request) {
        Ok(verdict) => {
            let passes = match verdict.kind {
                Kind::Valid => true,
                Kind::OriginUnattested => cli.allow_unattested,
                Kind::Invalid => false,
            };
            (if cli.json { verdict.json.to_string() } else { verdict.text }, u8::from(!passes))
        }
        Err(FileError(message)) => {
            eprintln!("wattseal-verify: {message}");
            let error = json!({ "error": { "code": "file", "message": message } });
            (if cli.json { error.to_string() } else { String::new() }, 3)
        }
    };
    // A reader that has gone away is no failure of ours.
    let _ = if text.is_empty() { Ok(()) } else { writeln!(std::io::stdout(), "{text}") };
    ExitCode::from(code)
}
