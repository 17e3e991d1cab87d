//! `contract`: who may come in for which meters, and when bills are due.

use clap::{Subcommand, ValueEnum};
use protocol::show;
use provider::invitation::new_code;
use provider::ledger::{Billing, Contract as Entry, Ledger};
use serde::Serialize;

use super::Home;
use super::answer::{Answer, Failure};
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
        after_help = "Example:\n  wattseal-provider --home ~/fern contract add 4711 --meter 3f09a1b2 --billing monthly"
    )]
    Add {
        /// The contract
        #[arg(value_parser = contract)]
        contract: String,
        /// A listed meter: identity key (at least 8 hexadecimal digits) or printed name; may repeat
        #[arg(long)]
        meter: Vec<String>,
        /// How often a bill is due
        #[arg(long)]
        billing: Option<Cycle>,
        /// IANA time zone of the calendar
        #[arg(long, default_value = "UTC", requires = "billing")]
        zone: String,
        /// Days after a period's end from which its bill is late
        #[arg(long, default_value_t = 10, requires = "billing", value_parser = clap::value_parser!(u16).range(0..=365))]
        due_days: u16,
        /// First moment for which bills are expected: RFC 3339, or a date in the zone; without it, now
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
    /// Approve the enrolment that waits
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern contract approve 4711")]
    Approve {
        /// The contract
        #[arg(value_parser = contract)]
        contract: String,
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
struct KeyRow {
    pin: String,
    state: String,
    added_at: String,
}

#[derive(Serialize)]
struct BillingRow {
    months: u8,
    zone: String,
    due_days: u16,
    from: String,
}

#[derive(Serialize)]
struct Row {
    contract: String,
    added_at: String,
    billing: Option<BillingRow>,
    revoked_at: Option<String>,
    pending: bool,
    keys: Vec<KeyRow>,
    meters: Vec<String>,
}

impl Row {
    fn of(entry: &Entry) -> Result<Self, Failure> {
        let billing = match &entry.billing {
            None => None,
            Some(b) => Some(BillingRow {
                months: b.months,
                from: times::local(b.from, &times::zone(Some(&b.zone))?),
                zone: b.zone.clone(),
                due_days: b.due_days,
            }),
        };
        let key = |k: &provider::ledger::ClientKey| KeyRow {
            pin: show::hex(&k.pin),
            state: k.state.clone(),
            added_at: times::stamp(k.added_at),
        };
        Ok(Self {
            contract: entry.id.clone(),
            added_at: times::stamp(entry.added_at),
            billing,
            revoked_at: entry.revoked_at.map(times::stamp),
            pending: entry.pending,
            keys: entry.keys.iter().map(key).collect(),
            meters: entry.meters.iter().map(|m| show::hex(&m.identity)).collect(),
        })
    }

    fn line(&self) -> String {
        let mut line = format!("{}  {} meters", self.contract, self.meters.len());
        let valid = self.keys.iter().any(|key| key.state == "valid");
        line.push_str(match (&self.revoked_at, self.pending, valid) {
            (Some(_), ..) => "  revoked",
            (None, true, _) => "  WAITS FOR APPROVAL",
            (None, false, true) => "  enrolled",
            (None, false, false) => "  not enrolled",
        });
        if let Some(b) = &self.billing {
            line.push_str(&format!("  bill every {} months ({}), late after {} days", b.months, b.zone, b.due_days));
        }
        line
    }
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
                let calendar = billing.map(|cycle| calendar(cycle, zone, *due_days, from.as_deref())).transpose()?;
                add(&mut ledger, contract, meter, calendar.as_ref())
            }
            Self::Invite { contract, expires, approve } => invite(&mut ledger, contract, *expires, *approve),
            Self::Approve { contract } => match ledger.approve(contract, times::now())?? {
                Some(meters) => Answer::new(
                    format!("Approved: the household's key is pinned and {meters} meters are listed."),
                    &serde_json::json!({ "contract": contract, "meters": meters }),
                ),
                None => Err(Failure::refused("nothing-waits", "no enrolment of this contract waits for approval")),
            },
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

fn calendar(cycle: Cycle, zone: &str, due_days: u16, from: Option<&str>) -> Result<Billing, Failure> {
    let named = times::zone(Some(zone))?;
    let from = from.map_or_else(|| Ok(times::seconds()), |text| times::moment(text, &named))?;
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
    let entry = ledger.contracts()?.into_iter().find(|c| c.id == id).ok_or_else(|| no_such(id))?;
    let row = Row::of(&entry)?;
    Answer::new(row.line(), &row)
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
