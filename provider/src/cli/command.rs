//! `meter revoke`, `meter command`, `meter commands`: what a provider says about and to a meter.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use protocol::money::Currency;
use protocol::service::command::{Action, Command, MAX_CREDIT, VerifiedCommand};
use protocol::show;
use provider::desk;
use provider::files;
use provider::ledger::QueuedCommand;
use serde::Serialize;

use super::Home;
use super::answer::{Answer, Failure};
use super::times;

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern meter command 3f09a1b2 credit --amount 20.00 --currency EUR
  wattseal-provider --home ~/fern meter command 3f09a1b2 disconnect --valid-for 2d
  wattseal-provider --home ~/fern meter commands 3f09a1b2";

#[derive(Debug, Args)]
pub(super) struct Send {
    /// Identity key (at least 8 hexadecimal digits) or the name printed on it
    meter: String,
    #[command(subcommand)]
    what: What,
    /// How long the meter may obey, as in 12h, 7d
    #[arg(long, global = true, value_name = "TIME", default_value = "7d", value_parser = times::duration)]
    valid_for: u64,
    /// Write the signed command to a file, too
    #[arg(long, global = true, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Add to the prepaid credit
    Credit {
        /// How much, as in 20.00
        #[arg(long)]
        amount: String,
        /// Of which currency, as in EUR
        #[arg(long)]
        currency: String,
    },
    /// Open the meter's switch
    Disconnect,
    /// Close the meter's switch
    Reconnect,
}

impl What {
    fn action(&self) -> Result<Action, Failure> {
        match self {
            Self::Disconnect => Ok(Action::Disconnect),
            Self::Reconnect => Ok(Action::Reconnect),
            Self::Credit { amount, currency } => {
                let currency = desk::currency(currency, None)
                    .map_err(|problem| Failure::refused("bad-value", problem.to_string()))?;
                let amount_minor = minor(amount, &currency).ok_or_else(|| {
                    let digits = currency.exponent;
                    let problem = format!(
                        "--amount takes more than 0 and at most {} with up to {digits} decimals",
                        MAX_CREDIT / 100
                    );
                    Failure::refused("bad-value", problem)
                })?;
                Ok(Action::Credit { amount_minor, currency })
            }
        }
    }
}

/// A decimal number in minor units.
fn minor(text: &str, currency: &Currency) -> Option<u64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = usize::from(currency.exponent);
    let fit = !whole.is_empty() && rest.len() <= digits && (whole.len() + rest.len()) < 16;
    if !fit || !text.bytes().all(|b| b.is_ascii_digit() || b == b'.') || text.ends_with('.') {
        return None;
    }
    let amount: u64 = format!("{whole}{rest:0<digits$}").parse().ok()?;
    (1..=MAX_CREDIT).contains(&amount).then_some(amount)
}

#[derive(Serialize)]
struct CommandRow {
    meter: String,
    sequence: u64,
    action: &'static str,
    amount: Option<String>,
    queued_at: String,
    expires_at: String,
    outcome: Option<String>,
    received_at: Option<String>,
    message: String,
}

impl CommandRow {
    fn of(queued: &QueuedCommand, operators: &[[u8; 32]]) -> Result<Self, Failure> {
        let action = queued.command(operators)?.action;
        let amount = match &action {
            Action::Credit { amount_minor, currency } => {
                Some(show::minor(i64::try_from(*amount_minor).unwrap_or(i64::MAX), currency))
            }
            Action::Disconnect | Action::Reconnect => None,
        };
        Ok(Self {
            meter: show::hex(&queued.meter),
            sequence: queued.sequence,
            action: action.name(),
            amount,
            queued_at: times::stamp(queued.queued_at),
            expires_at: times::local(queued.expires_at, &times::zone(None)?),
            outcome: queued.outcome.clone(),
            received_at: queued.received_at.map(times::stamp),
            message: show::hex(&queued.message),
        })
    }

    fn line(&self) -> String {
        let amount = self.amount.as_ref().map(|amount| format!(" {amount}")).unwrap_or_default();
        let outcome = match (&self.outcome, &self.received_at) {
            (Some(outcome), Some(at)) => format!("{outcome}, received {at}"),
            _ => format!("no receipt yet; good until {}", self.expires_at),
        };
        format!("{:>10}  {}{amount}  queued {}  {outcome}", self.sequence, self.action, self.queued_at)
    }
}

impl Send {
    pub(super) fn run(&self, home: &Home) -> Result<Answer, Failure> {
        let identity = home.identity()?;
        let mut ledger = home.ledger()?;
        let meter = ledger.find_meter(&self.meter)??;
        let (action, now) = (self.what.action()?, times::seconds());
        let queued = ledger.queue_command(&meter, times::now(), |sequence| {
            let command = Command::new(meter.identity, sequence, now, now.saturating_add(self.valid_for), action);
            let message = identity.sign_command(&command);
            let hash = VerifiedCommand::read(&message, &identity.provider().key).map_or([0; 32], |v| v.hash);
            (command, message, hash)
        })?;
        if let Some(out) = &self.out {
            files::write(out, &queued.message).map_err(|error| {
                let number = queued.sequence;
                let message = format!(
                    "the command is queued as number {number}, do not queue it again; but {error}. `meter commands --json` \
                     has its message"
                );
                Failure::could_not("queued-not-written", message)
            })?;
        }
        let row = CommandRow::of(&queued, &identity.keys())?;
        Answer::new(row.line(), &row)
    }
}

#[derive(Serialize)]
struct CommandList {
    commands: Vec<CommandRow>,
}

/// All commands of a meter.
pub(super) fn list(home: &Home, meter: &str) -> Result<Answer, Failure> {
    let (keys, ledger) = (home.identity()?.keys(), home.ledger()?);
    let meter = ledger.find_meter(meter)??;
    let commands =
        ledger.commands_of(&meter)?.iter().map(|c| CommandRow::of(c, &keys)).collect::<Result<Vec<_>, _>>()?;
    let lines: Vec<_> = commands.iter().map(CommandRow::line).collect();
    let text = if lines.is_empty() { "No command was sent to this meter.".to_owned() } else { lines.join("\n") };
    Answer::new(text, &CommandList { commands })
}

#[derive(Serialize)]
struct Revoked {
    meter: String,
    epoch: u32,
    certificate: String,
    since: String,
    reason: String,
}

/// Longest reason of a revocation.
const LONGEST_REASON: usize = 200;

/// Revokes an epoch certificate of a meter.
pub(super) fn revoke(home: &Home, meter: &str, epoch: u32, since: &str, reason: &str) -> Result<Answer, Failure> {
    if reason.trim().is_empty() || reason.len() > LONGEST_REASON || reason.chars().any(char::is_control) {
        return Err(Failure::refused("bad-value", "--reason takes 1 to 200 bytes without control characters"));
    }
    let mut ledger = home.ledger()?;
    let meter = ledger.find_meter(meter)??;
    let utc = times::zone(None)?;
    let since = times::moment(since, &utc)?;
    let entry = meter.epochs.iter().find(|e| e.number == epoch).ok_or_else(|| {
        Failure::refused(
            "no-such-epoch",
            format!("the registry lists no epoch {epoch} of this meter; see `meter list`"),
        )
    })?;
    ledger.revoke_epoch(&entry.hash, since, reason, times::now())?;
    let revoked = Revoked {
        meter: show::hex(&meter.identity),
        epoch,
        certificate: show::hex(&entry.hash),
        since: times::local(since, &utc),
        reason: reason.to_owned(),
    };
    let text = format!(
        "Epoch {epoch} of meter {} is revoked from {} on: no bill may rest on later readings under it.",
        show::fingerprint(&meter.identity),
        revoked.since
    );
    Answer::new(text, &revoked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        let euro = Currency { code: "EUR".into(), exponent: 2 };
        let yen = Currency { code: "JPY".into(), exponent: 0 };
        for (text, amount) in [("20.00", Some(2000)), ("20", Some(2000)), ("0.5", Some(50)), ("0.01", Some(1))] {
            assert_eq!(minor(text, &euro), amount, "{text}");
        }
        for text in ["0", "0.00", "-1", "1.234", "1.", ".5", "1e3", "", "1.2.3", "99999999999999999", "1000000.01"] {
            assert_eq!(minor(text, &euro), None, "{text}");
        }
        assert_eq!((minor("500", &yen), minor("500.0", &yen)), (Some(500), None));
    }
}
