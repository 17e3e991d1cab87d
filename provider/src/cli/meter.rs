//! `meter`: the registry of meters that bills may rest on.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use protocol::certificate;
use protocol::metrology::label::RegisterCode;
use protocol::show;
use protocol::wire::MAX_MESSAGE;
use provider::files;
use provider::ledger::MeterEntry;
use serde::Serialize;

use super::Home;
use super::answer::{Answer, Failure};
use super::{command, times};

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern meter add meter.cert --contract 4711
  wattseal-provider --home ~/fern meter list
  wattseal-provider --home ~/fern meter retire 3f09a1b2 --from 2026-05-04T12:00:00Z";

const ADD_EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern meter add meter.cert --contract 4711 --register 1-0:1.8.0

The certificate file comes from the meter's maker or installer, never with a bill. Adding a newer file of a listed meter
lists its later epochs; two certificates for one epoch are refused and recorded.";

#[derive(Debug, Subcommand)]
pub(super) enum Meter {
    /// List a meter, or later epochs of a listed one
    #[command(after_help = ADD_EXAMPLE)]
    Add {
        /// The meter's certificate file
        cert: PathBuf,
        /// The contract it is billed under
        #[arg(long, value_name = "ID", value_parser = contract)]
        contract: Option<String>,
        /// A register that bills are expected for; may repeat. Without it, those that were ever billed
        #[arg(long, value_name = "CODE", value_parser = register)]
        register: Vec<RegisterCode>,
    },
    /// Show the listed meters
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern meter list")]
    List,
    /// Revoke an epoch of a meter: no bill may rest on what was sealed under it from a time on
    #[command(
        after_help = "Example:\n  wattseal-provider --home ~/fern meter revoke 3f09a1b2 --epoch 1 --since 2026-05-04T12:00:00Z --reason \"key stolen\""
    )]
    Revoke {
        /// Identity key (at least 8 hexadecimal digits) or the name printed on it
        meter: String,
        /// Number of the epoch, as `meter list` shows it
        #[arg(long)]
        epoch: u32,
        /// First moment that counts no more: RFC 3339, or a date in UTC
        #[arg(long, value_name = "TIME")]
        since: String,
        /// Why, for people; it is published
        #[arg(long)]
        reason: String,
    },
    /// Queue a command for a meter: credit, disconnect, reconnect
    #[command(after_help = command::EXAMPLE)]
    Command(command::Send),
    /// Show a meter's commands and what became of them
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern meter commands 3f09a1b2")]
    Commands {
        /// Identity key (at least 8 hexadecimal digits) or the name printed on it
        meter: String,
    },
    /// Take a meter out of service from a time on
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern meter retire 3f09a1b2 --from 2026-04-01")]
    Retire {
        /// Identity key (at least 8 hexadecimal digits) or the name printed on it
        meter: String,
        /// First moment without service: RFC 3339, or a date in --zone
        #[arg(long)]
        from: String,
        /// Time zone of a bare date; without it, the one the meter is billed in
        #[arg(long)]
        zone: Option<String>,
    },
}

/// A contract's number or name, as the provider's own books have it.
pub(super) fn contract(text: &str) -> Result<String, String> {
    let fit = !text.trim().is_empty() && text.len() <= 120 && !text.chars().any(char::is_control);
    if fit { Ok(text.to_owned()) } else { Err("takes 1 to 120 bytes without control characters".into()) }
}

fn register(text: &str) -> Result<RegisterCode, String> {
    RegisterCode::new(text).ok_or_else(|| "takes a register's code, such as 1-0:1.8.0".into())
}

/// A meter as the answers show it.
#[derive(Serialize)]
pub(super) struct MeterRow {
    identity: String,
    fingerprint: String,
    name: String,
    contract: Option<String>,
    epochs: Vec<EpochRow>,
    registers: Vec<String>,
    added_at: String,
    retired_from: Option<String>,
}

#[derive(Serialize)]
struct EpochRow {
    epoch: u32,
    certificate: String,
    first: String,
    seal: &'static str,
}

impl MeterRow {
    fn of(meter: &MeterEntry) -> Result<Self, Failure> {
        let utc = times::zone(None)?;
        Ok(Self {
            identity: show::hex(&meter.identity),
            fingerprint: show::fingerprint(&meter.identity),
            name: meter.name.clone(),
            contract: meter.contract.clone(),
            epochs: meter
                .epochs
                .iter()
                .map(|e| EpochRow {
                    epoch: e.number,
                    certificate: show::hex(&e.hash),
                    first: times::local(e.first, &utc),
                    seal: show::seal(e.class),
                })
                .collect(),
            registers: meter.registers.clone(),
            added_at: times::stamp(meter.added_at),
            retired_from: meter.retired_from.map(|at| times::local(at, &utc)),
        })
    }

    fn line(&self) -> String {
        let mut line = format!("{}  {}", self.fingerprint, self.name);
        match &self.contract {
            Some(contract) => line.push_str(&format!("  contract {contract}")),
            None => line.push_str("  no contract"),
        }
        if let (Some(first), Some(last)) = (self.epochs.first(), self.epochs.last()) {
            let epochs = if first.epoch == last.epoch {
                format!("epoch {}", last.epoch)
            } else {
                format!("epochs {} to {}", first.epoch, last.epoch)
            };
            line.push_str(&format!("  {epochs}, {}", last.seal));
        }
        if let Some(at) = &self.retired_from {
            line.push_str(&format!("  retired from {at}"));
        }
        line
    }
}

impl Meter {
    pub(super) fn run(&self, home: &Home) -> Result<Answer, Failure> {
        match self {
            Self::Add { cert, contract, register } => add(home, cert, contract.as_deref(), register),
            Self::List => list(home),
            Self::Revoke { meter, epoch, since, reason } => command::revoke(home, meter, *epoch, since, reason),
            Self::Command(send) => send.run(home),
            Self::Commands { meter } => command::list(home, meter),
            Self::Retire { meter, from, zone } => retire(home, meter, from, zone.as_deref()),
        }
    }
}

#[derive(Serialize)]
struct AddedRow {
    added: bool,
    new_epochs: usize,
    meter: MeterRow,
}

fn add(home: &Home, path: &Path, contract: Option<&str>, registers: &[RegisterCode]) -> Result<Answer, Failure> {
    let file = files::read(path, MAX_MESSAGE)?;
    let chain = certificate::read_file(&file)
        .map_err(|error| Failure::refused("bad-certificate", error.to_string()).about(path))?;
    let added = home.ledger()?.add_meter(&file, &chain, contract, registers, times::now())??;
    let meter = MeterRow::of(&added.meter)?;
    let what = match added.new_epochs {
        0 => "Listed already; no new epoch.".to_owned(),
        1 => "Listed with 1 new epoch.".to_owned(),
        n => format!("Listed with {n} new epochs."),
    };
    let text = format!("{}\n{what}", meter.line());
    Answer::new(text, &AddedRow { added: added.new_epochs > 0, new_epochs: added.new_epochs, meter })
}

#[derive(Serialize)]
struct Listed {
    meters: Vec<MeterRow>,
}

fn list(home: &Home) -> Result<Answer, Failure> {
    let meters = home.ledger()?.meters()?.iter().map(MeterRow::of).collect::<Result<Vec<_>, _>>()?;
    let mut text = String::new();
    for meter in &meters {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", meter.line());
    }
    let text = if meters.is_empty() { "No meter is listed; list one with `meter add`." } else { text.trim_end() };
    Answer::new(text, &Listed { meters })
}

#[derive(Serialize)]
struct RetiredRow {
    meter: MeterRow,
}

fn retire(home: &Home, meter: &str, from: &str, zone: Option<&str>) -> Result<Answer, Failure> {
    let mut ledger = home.ledger()?;
    let meter = ledger.find_meter(meter)??;
    let billed_in = if zone.is_none() { ledger.zone_of(&meter)? } else { None };
    let from = times::moment(from, &times::zone(zone.or(billed_in.as_deref()))?)?;
    let meter = MeterRow::of(&ledger.retire_meter(&meter, from)?)?;
    Answer::new(meter.line(), &RetiredRow { meter })
}
