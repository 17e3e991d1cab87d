//! `tariff import urdb`, `tariff import nettleie`: published tariffs into sources that an operator reads before compiling.
//!
//! A price file becomes a signed tariff at once, since it leaves nothing open. A rate of a database does: what it does not
//! say stands in the options, and the source shows what was made of it.

use std::path::{Path, PathBuf};

use clap::Args;
use provider::desk::{nettleie, urdb};
use provider::files;
use serde::Serialize;

use super::answer::{Answer, Failure};
use super::tariff::read;

pub(super) const URDB_EXAMPLE: &str = "\
Example:
  wattseal-provider tariff import urdb rate.json --id e-tou-c --zone America/Los_Angeles \\
    --from 2024-01-01 --to 2025-01-01 --out e-tou-c.toml
  wattseal-provider --home ~/fern tariff compile e-tou-c.toml --out e-tou-c.tariff

The file is one record of the US Utility Rate Database as its interface gives it (version 7 or 8, JSON). Read the source
before you compile it. A field that would have to be guessed is refused by name; --leave-out drops it on purpose.";

pub(super) const NETTLEIE_EXAMPLE: &str = "\
Example:
  wattseal-provider tariff import nettleie elvia.yml --id elvia-2025 --from 2025-01-01 --to 2025-07-01 \\
    --holiday 2025-01-01 --holiday 2025-04-17 --out elvia.toml
  wattseal-provider --home ~/fern tariff compile elvia.toml --out elvia.tariff

The file is one of kraftsystemet/fri-nettleie (YAML, CC BY 4.0). Taxes are not in it; add their lines to the source.";

#[derive(Debug, Args)]
pub(super) struct Urdb {
    /// The record
    file: PathBuf,
    /// IANA time zone: the record's hours are local ones
    #[arg(long)]
    zone: String,
    /// Minutes over which a load is measured, when the record has none or another is meant
    #[arg(long, value_name = "MINUTES")]
    window: Option<u16>,
    /// A field that this tariff does not bill, as demandreactivepowercharge; may repeat
    #[arg(long, value_name = "FIELD")]
    leave_out: Vec<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Nettleie {
    /// The network company's file
    file: PathBuf,
    /// The group of customers
    #[arg(long, default_value = "husholdning")]
    group: String,
    /// A public holiday within the validity, needed where prices are by working days; may repeat
    #[arg(long, value_name = "DATE")]
    holiday: Vec<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// The provider's own name for the tariff
    #[arg(long)]
    id: String,
    /// Code of the register that counts import
    #[arg(long, default_value = "1-0:1.8.0")]
    register: String,
    /// First local date of the tariff
    #[arg(long)]
    from: String,
    /// First local date after it
    #[arg(long)]
    to: String,
    /// Where the source goes (TOML)
    #[arg(long)]
    out: PathBuf,
}

#[derive(Serialize)]
struct Written {
    out: String,
    source: String,
}

impl Urdb {
    pub(super) fn run(&self) -> Result<Answer, Failure> {
        let (bytes, common) = (read(&self.file)?, &self.common);
        let left_out: Vec<&str> = self.leave_out.iter().map(String::as_str).collect();
        let terms = urdb::Terms {
            id: &common.id,
            zone: &self.zone,
            from: &common.from,
            to: &common.to,
            register: &common.register,
            window: self.window,
            leave_out: &left_out,
        };
        written(&common.out, urdb::source(&self.file.display().to_string(), &bytes, &terms)?)
    }
}

impl Nettleie {
    pub(super) fn run(&self) -> Result<Answer, Failure> {
        let common = &self.common;
        let text = String::from_utf8(read(&self.file)?).map_err(|_| {
            Failure::refused("bad-file", "the file is not UTF-8 text; fetch it again").about(&self.file)
        })?;
        let holidays: Vec<&str> = self.holiday.iter().map(String::as_str).collect();
        let terms = nettleie::Terms {
            id: &common.id,
            from: &common.from,
            to: &common.to,
            group: &self.group,
            register: &common.register,
            holidays: Some(holidays.as_slice()).filter(|days| !days.is_empty()),
        };
        written(&common.out, nettleie::source(&self.file.display().to_string(), &text, &terms)?)
    }
}

fn written(out: &Path, source: String) -> Result<Answer, Failure> {
    files::write(out, source.as_bytes())?;
    let path = out.display().to_string();
    let text = format!("{source}\nWritten to {path}. Read it, then run `tariff compile {path}`.");
    Answer::new(text, &Written { out: path, source })
}
