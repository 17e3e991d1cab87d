//! `report`: late bills for people and for cron.

use clap::Subcommand;
use protocol::show;
use provider::ledger::{Lateness, Ledger, Report as Entry, State};
use provider::service::mail_text;
use serde::Serialize;

use super::Home;
use super::answer::{Answer, Failure};
use super::times;

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern report late
  wattseal-provider --home ~/fern report late --mail | sendmail -t

Bills are expected of contracts with a billing calendar (`contract add --billing`).

Exit codes: 0 none is late, 1 bills are late";

#[derive(Debug, Subcommand)]
pub(super) enum Report {
    /// Show the bills that are late now
    #[command(after_help = EXAMPLE)]
    Late {
        /// As one mail; nothing at all when none is late
        #[arg(long)]
        mail: bool,
    },
}

#[derive(Serialize)]
pub(super) struct LateRow {
    contract: String,
    meter: String,
    from: String,
    until: String,
}

#[derive(Serialize)]
struct LateList {
    late: Vec<LateRow>,
}

fn report(late: &Lateness) -> Entry {
    Entry { id: 0, state: State::Late, at: times::now(), late: late.clone() }
}

fn row(late: &Lateness) -> LateRow {
    let (from, until) = report(late).period();
    LateRow { contract: late.contract.clone(), meter: show::hex(&late.meter), from, until }
}

/// The late bills as an answer; also what `ledger missing --late` says.
pub(super) fn late(ledger: &Ledger) -> Result<Answer, Failure> {
    let rows: Vec<_> = ledger.late(times::seconds())?.iter().map(row).collect();
    let lines: Vec<_> = rows
        .iter()
        .map(|r| format!("LATE  contract {}  meter {}  {} to {}", r.contract, r.meter, r.from, r.until))
        .collect();
    let text = if lines.is_empty() { "No bill is late.".to_owned() } else { lines.join("\n") };
    let any = !rows.is_empty();
    Ok(Answer::new(text, &LateList { late: rows })?.refused_if(any))
}

impl Report {
    pub(super) fn run(&self, home: &Home) -> Result<Answer, Failure> {
        let Self::Late { mail } = self;
        let ledger = home.ledger()?;
        if !mail {
            return late(&ledger);
        }
        let name = home.identity()?.provider().name;
        let late = ledger.late(times::seconds())?;
        let Some((first, others)) = late.split_first() else { return Answer::new("", &LateList { late: Vec::new() }) };
        let mut text = mail_text(&name, &report(first));
        for more in others {
            let r = row(more);
            text.push_str(&format!(
                "\r\nContract: {}\r\nMeter: {}\r\nPeriod: {} to {}\r\n",
                r.contract, r.meter, r.from, r.until
            ));
        }
        Ok(Answer::new(text, &LateList { late: late.iter().map(row).collect() })?.refused_if(true))
    }
}
