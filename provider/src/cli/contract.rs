//! `contract`: who may come in for which meters, and when bills are due.

use clap::{Subcommand, ValueEnum};
use provider::invitation::new_code;
use provider::ledger::{Approval, Billing, Contract as Entry, Ledger};
use serde::Serialize;

use super::Home;
use super::answer::{Answer, Failure};
use super::contract_rows::{Row, WaitingRow};
use super::meter::contract;
use super::times;

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern contract add 4711 --billing monthly --zone Europe/Amsterdam --due-days 10
  wattseal-provider --home ~/fern contract invite 4711 --expires 14d
  wattseal-provider --home ~/fern contract list";

const INVITE_EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern contract invite 4711 --expires 14d

The code is shown once and kept as a hash. The household enters it at its gateway, which then lists its meters and pins
its key. Without --approve, meters that the household names are listed as they are: use it when nobody else vouches for
them.";

const APPROVE_EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern contract list
  wattseal-provider --home ~/fern contract approve 4711 --pin 3f09a1b2

`contract list` shows the pin and the meters of each enrolment that waits. Compare them with what the household told you.";

const END_EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern contract end 4711 --on 2026-05-01

Its household may still send bills of the time before. To shut it out, use `contract revoke`.";

fn pin(text: &str) -> Result<String, String> {
    let fit = (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if fit { Ok(text.to_owned()) } else { Err("takes 8 to 64 hexadecimal digits".into()) }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Cycle {
    Monthly,
    Quarterly,
    Yearly,
}

#[derive(Debug, Subcommand)]
pub(super) enum Contract {
    /// List a contract, put meters under it, set its billing calendar
    #[command(
        after_help = "Example:\n  wattseal-provider --home ~/fern contract add 4711 --meter 3f09a1b2 --billing monthly --zone Europe/Brussels"
    )]
    Add {
        /// The contract
        #[arg(value_parser = contract)]
        contract: String,
        /// A listed meter: identity key (at least 8 hexadecimal digits) or printed name; may repeat
        #[arg(long)]
        meter: Vec<String>,
        /// How often a bill is due
        #[arg(long, requires = "zone")]
        billing: Option<Cycle>,
        /// IANA time zone of the calendar, as in Europe/Brussels: the tariff's
        #[arg(long, requires = "billing")]
        zone: Option<String>,
        /// Days after a period's end from which its bill is late
        #[arg(long, default_value_t = 10, requires = "billing", value_parser = clap::value_parser!(u16).range(0..=365))]
        due_days: u16,
        /// First moment for which bills are expected: RFC 3339, or a date in the zone; without it, as before, or now for
        /// a first calendar
        #[arg(long, value_name = "TIME", requires = "billing")]
        from: Option<String>,
    },
    /// Print a one-time code with which a household enrols
    #[command(after_help = INVITE_EXAMPLE)]
    Invite {
        /// The contract
        #[arg(value_parser = contract)]
        contract: String,
        /// How long the code can be used, as in 12h, 14d
        #[arg(long, value_name = "TIME", default_value = "14d", value_parser = times::duration)]
        expires: u64,
        /// Let the enrolment wait for `contract approve`
        #[arg(long)]
        approve: bool,
    },
    /// Approve an enrolment that waits; all other keys of the contract are retired
    #[command(after_help = APPROVE_EXAMPLE)]
    Approve {
        /// The contract
        #[arg(value_parser = contract)]
        contract: String,
        /// The first digits of its key's pin, at least 8, as `contract list` shows it; needed when several wait
        #[arg(long, value_name = "HEX", value_parser = pin)]
        pin: Option<String>,
    },
    /// End a contract on a date: no later bill is expected, and its meters are free for another contract from then on
    #[command(after_help = END_EXAMPLE)]
    End {
        /// The contract
        #[arg(value_parser = contract)]
        contract: String,
        /// First moment that it no longer covers: RFC 3339, or a date in the calendar's zone
        #[arg(long, value_name = "TIME")]
        on: String,
        /// Time zone of a bare date; without it, the calendar's, or UTC
        #[arg(long)]
        zone: Option<String>,
    },
    /// Show contracts, their keys and meters
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern contract list")]
    List,
    /// Shut a contract's household out until it is invited again
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern contract revoke 4711")]
    Revoke {
        /// The contract
        #[arg(value_parser = contract)]
        contract: String,
    },
}

#[derive(Serialize)]
struct Listed {
    contracts: Vec<Row>,
}

impl Contract {
    pub(super) fn run(&self, home: &Home) -> Result<Answer, Failure> {
        let mut ledger = home.ledger()?;
        match self {
            Self::Add { contract, meter, billing, zone, due_days, from } => {
                let calendar = match (billing, zone) {
                    (Some(cycle), Some(zone)) => {
                        let before = find(&ledger, contract)?.and_then(|entry| entry.billing);
                        Some(calendar(*cycle, zone, *due_days, from.as_deref(), before.as_ref())?)
                    }
                    _ => None,
                };
                add(&mut ledger, contract, meter, calendar.as_ref())
            }
            Self::Invite { contract, expires, approve } => invite(&mut ledger, contract, *expires, *approve),
            Self::Approve { contract, pin } => approve(&mut ledger, contract, pin.as_deref().unwrap_or_default()),
            Self::End { contract, on, zone } => end(&mut ledger, contract, on, zone.as_deref()),
            Self::List => {
                let rows = ledger.contracts()?.iter().map(Row::of).collect::<Result<Vec<_>, _>>()?;
                let lines: Vec<_> = rows.iter().map(Row::line).collect();
                let text = if lines.is_empty() { "There is no contract.".to_owned() } else { lines.join("\n") };
                Answer::new(text, &Listed { contracts: rows })
            }
            Self::Revoke { contract } => {
                if !ledger.revoke_contract(contract, times::now())? {
                    return Err(no_such(contract));
                }
                let text = format!("The household of contract {contract} is shut out; invite it to let it in again.");
                Answer::new(text, &serde_json::json!({ "contract": contract, "revoked": true }))
            }
        }
    }
}

fn no_such(contract: &str) -> Failure {
    Failure::refused("no-such-contract", format!("there is no contract {contract:?}; `contract list` shows them"))
}

fn find(ledger: &Ledger, id: &str) -> Result<Option<Entry>, Failure> {
    Ok(ledger.contracts()?.into_iter().find(|entry| entry.id == id))
}

fn calendar(
    cycle: Cycle,
    zone: &str,
    due_days: u16,
    from: Option<&str>,
    before: Option<&Billing>,
) -> Result<Billing, Failure> {
    let named = times::zone(Some(zone))?;
    // A calendar that is changed goes on expecting what it expected.
    let kept = before.map_or_else(times::seconds, |billing| billing.from);
    let from = from.map_or(Ok(kept), |text| times::moment(text, &named))?;
    let months = match cycle {
        Cycle::Monthly => 1,
        Cycle::Quarterly => 3,
        Cycle::Yearly => 12,
    };
    Ok(Billing { months, zone: zone.to_owned(), due_days, from })
}

fn add(ledger: &mut Ledger, id: &str, meters: &[String], billing: Option<&Billing>) -> Result<Answer, Failure> {
    let mut found = Vec::new();
    for text in meters {
        found.push(ledger.find_meter(text)??);
    }
    ledger.add_contract(id, &found, billing, times::now())??;
    let entry = find(ledger, id)?.ok_or_else(|| no_such(id))?;
    let row = Row::of(&entry)?;
    Answer::new(row.line(), &row)
}

fn approve(ledger: &mut Ledger, id: &str, digits: &str) -> Result<Answer, Failure> {
    match ledger.approve(id, digits, times::now())? {
        Approval::Done(waiting) => {
            let row = WaitingRow::of(&waiting);
            let text = format!("Approved: the household's key is pinned and its meters are listed.\n{}", row.line());
            Answer::new(text, &serde_json::json!({ "contract": id, "pin": row.pin, "meters": row.meters }))
        }
        Approval::Nothing => {
            let message =
                "no enrolment of this contract waits for approval, or none under this pin; see `contract list`";
            Err(Failure::refused("nothing-waits", message))
        }
        Approval::Several(all) => {
            let lines: Vec<_> = all.iter().map(|waiting| WaitingRow::of(waiting).line()).collect();
            let message = format!("several enrolments wait; say with --pin which one is right:\n{}", lines.join("\n"));
            Err(Failure::refused("several-wait", message))
        }
        Approval::Objection(objection) => Err(objection.into()),
    }
}

fn end(ledger: &mut Ledger, id: &str, on: &str, zone: Option<&str>) -> Result<Answer, Failure> {
    let entry = find(ledger, id)?.ok_or_else(|| no_such(id))?;
    let zone = times::zone(zone.or(entry.billing.as_ref().map(|billing| billing.zone.as_str())))?;
    let at = times::moment(on, &zone)?;
    ledger.end_contract(id, at)?;
    let shown = times::local(at, &zone);
    let text = format!("Contract {id} ends at {shown}; its meters are free for another contract from then on.");
    Answer::new(text, &serde_json::json!({ "contract": id, "ended_at": shown }))
}

#[derive(Serialize)]
struct Invited {
    contract: String,
    code: String,
    expires_at: String,
    approve: bool,
}

fn invite(ledger: &mut Ledger, id: &str, expires: u64, approve: bool) -> Result<Answer, Failure> {
    let (code, hash) = new_code().map_err(|error| Failure::could_not("no-randomness", error.to_string()))?;
    let now = times::now();
    let until = now.saturating_add(i64::try_from(expires).unwrap_or(i64::MAX));
    ledger.invite(id, &hash, until, approve, now)?;
    let invited = Invited { contract: id.to_owned(), code: code.to_string(), expires_at: times::stamp(until), approve };
    let text = format!(
        "Code for contract {id}, good once until {}:\n  {}\nIt is not shown again.",
        invited.expires_at, invited.code
    );
    Answer::new(text, &invited)
}
