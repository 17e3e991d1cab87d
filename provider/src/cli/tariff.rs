//! `tariff`: compile a source, import published prices, show a signed tariff.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use protocol::tariff::SignedTariff;
use protocol::wire::MAX_MESSAGE;
use provider::desk::{self, Account, DeskError};
use provider::files;
use provider::identity::Identity;
use provider::ledger::Published as Offered;
use serde::Serialize;

use super::Home;
use super::answer::{Answer, Failure};
use super::import::Import;
use super::times;

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
  wattseal-provider tariff import octopus --help
  wattseal-provider tariff import urdb --help
  wattseal-provider tariff import nettleie --help";

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
    /// Make a signed tariff of published prices, or a source of a published tariff
    #[command(subcommand, arg_required_else_help = true, after_help = IMPORT_EXAMPLE)]
    Import(Import),
    /// Publish a signed tariff: households see it, and bills under it are taken
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern tariff publish night.tariff")]
    Publish {
        /// The signed tariff, by this provider's present key
        tariff: PathBuf,
    },
    /// Withdraw a published tariff: it is no longer offered, and new bills under it are refused
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern tariff withdraw 3f09a1b2")]
    Withdraw {
        /// Its hash, at least 8 hexadecimal digits
        hash: String,
    },
    /// Show what was published
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern tariff published")]
    Published,
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
            Self::Import(import) => import.run(home),
            Self::Publish { tariff } => offer(home, tariff),
            Self::Withdraw { hash } => withdraw(home, hash),
            Self::Published => published(home),
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

#[derive(Serialize)]
struct OfferRow {
    hash: String,
    id: String,
    name: String,
    from: String,
    until: String,
    published_at: String,
    withdrawn_at: Option<String>,
}

impl OfferRow {
    fn of(tariff: &Offered) -> Result<Self, Failure> {
        let utc = times::zone(None)?;
        Ok(Self {
            hash: hex::encode(tariff.hash),
            id: tariff.id.clone(),
            name: tariff.name.clone(),
            from: times::local(tariff.valid.from, &utc),
            until: times::local(tariff.valid.until, &utc),
            published_at: times::stamp(tariff.published_at),
            withdrawn_at: tariff.withdrawn_at.map(times::stamp),
        })
    }

    fn line(&self) -> String {
        let gone = if self.withdrawn_at.is_some() { "  withdrawn" } else { "" };
        format!("{}  {}  {} to {}{gone}", self.hash.get(..16).unwrap_or_default(), self.id, self.from, self.until)
    }
}

#[derive(Serialize)]
struct Offers {
    tariffs: Vec<OfferRow>,
}

fn offer(home: &Home, path: &Path) -> Result<Answer, Failure> {
    let message = files::read(path, MAX_MESSAGE)?;
    let signed = SignedTariff::read(&message).map_err(|e| Failure::from(e).about(path))?;
    // Only the present key: whoever stole an old one must not find its tariffs published by mistake.
    if signed.tariff.provider.key != home.identity()?.provider().key {
        let problem = "the tariff is not signed by this provider's present key; compile it again";
        return Err(Failure::refused("other-provider", problem));
    }
    let mut ledger = home.ledger()?;
    let new = ledger.publish(&signed, &message, times::now())?;
    let hash = hex::encode(signed.hash);
    let text = if new { format!("Published as {hash}.") } else { format!("{hash} is published already.") };
    Answer::new(text, &serde_json::json!({ "hash": hash, "new": new }))
}

fn withdraw(home: &Home, digits: &str) -> Result<Answer, Failure> {
    let mut ledger = home.ledger()?;
    let wanted = digits.to_ascii_lowercase();
    let fit = |t: &&Offered| wanted.len() >= 8 && t.withdrawn_at.is_none() && hex::encode(t.hash).starts_with(&wanted);
    let listed = ledger.published()?;
    let mut found = listed.iter().filter(fit);
    let (Some(tariff), None) = (found.next(), found.next()) else {
        let problem = format!("no published tariff, or more than one, begins with {digits:?}; see `tariff published`");
        return Err(Failure::refused("no-such-tariff", problem));
    };
    ledger.withdraw(&tariff.hash, times::now())?;
    let hash = hex::encode(tariff.hash);
    Answer::new(format!("Withdrawn: {hash}."), &serde_json::json!({ "hash": hash, "withdrawn": true }))
}

fn published(home: &Home) -> Result<Answer, Failure> {
    let tariffs = home.ledger()?.published()?.iter().map(OfferRow::of).collect::<Result<Vec<_>, _>>()?;
    let lines: Vec<_> = tariffs.iter().map(OfferRow::line).collect();
    let text = if lines.is_empty() { "Nothing is published.".to_owned() } else { lines.join("\n") };
    Answer::new(text, &Offers { tariffs })
}

/// Reads a source or a price file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(files::read(path, MAX_SOURCE)?)
}
