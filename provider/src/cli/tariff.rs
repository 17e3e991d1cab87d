//! `tariff`: compile a source, import published prices, show a signed tariff.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use protocol::tariff::SignedTariff;
use protocol::wire::MAX_MESSAGE;
use provider::desk::{self, Account, DeskError};
use provider::files;
use provider::identity::Identity;
use serde::Serialize;

use super::Home;
use super::answer::{Answer, Failure};
use super::import::Import;

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern tariff compile flat.toml --out flat.tariff
  wattseal-provider tariff show flat.tariff";

const COMPILE_EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern tariff compile night.toml --out night.tariff

A source with a night band:
  format = 1
  id = \"fern-night\"
  name = \"Fern Night\"
  currency = \"EUR\"
  zone = \"Europe/Brussels\"
  valid = { from = \"2024-01-01\", to = \"2025-01-01\" }

  [registers.import]
  code = \"1-0:1.8.0\"
  unit = \"Wh\"

  [[line]]
  name = \"Energy\"
  kind = \"energy\"
  fallback = \"0.30 EUR/kWh\"

  [[line.band]]
  name = \"night\"
  price = \"0.20 EUR/kWh\"
  when = [{ from = \"22:00\", to = \"07:00\" }]

  [[line.band]]
  name = \"day\"
  price = \"0.30 EUR/kWh\"";

const SHOW_EXAMPLE: &str = "\
Example:
  wattseal-provider tariff show night.tariff";

const IMPORT_EXAMPLE: &str = "\
Example:
  wattseal-provider tariff import csv --help
  wattseal-provider tariff import octopus --help";

/// A source or a price file is never longer.
const MAX_SOURCE: usize = 64 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum Tariff {
    /// Compile a source (TOML) into a signed tariff
    #[command(after_help = COMPILE_EXAMPLE)]
    Compile {
        /// The source; price files that it names are looked for beside it
        source: PathBuf,
        /// Where the signed tariff goes
        #[arg(long)]
        out: PathBuf,
    },
    /// Make a signed tariff of published prices
    #[command(subcommand, arg_required_else_help = true, after_help = IMPORT_EXAMPLE)]
    Import(Import),
    /// Check a signed tariff and say what is in it
    #[command(after_help = SHOW_EXAMPLE)]
    Show {
        /// The signed tariff
        tariff: PathBuf,
    },
}

impl Tariff {
    pub(super) fn run(&self, home: &Home) -> Result<Answer, Failure> {
        match self {
            Self::Compile { source, out } => compile(&home.identity()?, source, out),
            Self::Import(import) => import.run(&home.identity()?),
            Self::Show { tariff } => show(tariff),
        }
    }
}

fn compile(identity: &Identity, path: &Path, out: &Path) -> Result<Answer, Failure> {
    let bytes = read(path)?;
    let source = String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Failure::from(DeskError::Syntax { line, problem: "the source is not UTF-8 text; save it as UTF-8".into() })
            .about(path)
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut load = |name: &str| files::read(&folder.join(name), MAX_SOURCE).map_err(|error| error.cause);
    let tariff = desk::compile(&source, &mut load, &identity.provider()).map_err(|e| Failure::from(e).about(path))?;
    publish(identity, &tariff, out)
}

fn show(path: &Path) -> Result<Answer, Failure> {
    let bytes = files::read(path, MAX_MESSAGE)?;
    let account = Account::of(&SignedTariff::read(&bytes).map_err(|e| Failure::from(e).about(path))?);
    Answer::new(&account, &account)
}

#[derive(Serialize)]
struct Published {
    out: String,
    bytes: usize,
    tariff: Account,
}

/// Signs a tariff, reads it back as anyone else will, and writes it.
pub(super) fn publish(identity: &Identity, tariff: &protocol::tariff::Tariff, out: &Path) -> Result<Answer, Failure> {
    let signed = identity.sign(tariff)?;
    let account = Account::of(&SignedTariff::read(&signed)?);
    files::write(out, &signed)?;
    let text = format!("{account}\nSigned and written to {}.", out.display());
    Answer::new(text, &Published { out: out.display().to_string(), bytes: signed.len(), tariff: account })
}

/// Reads a source or a price file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(files::read(path, MAX_SOURCE)?)
}
