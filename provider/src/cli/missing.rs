//! `ledger missing`: which bills of a period are not there.

use protocol::show;
use protocol::time::Span;
use provider::ledger::Ledger as Book;
use serde::Serialize;

use super::answer::{Answer, Failure};
use super::rows::Period;
use super::times;

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern ledger missing --period-from 2026-03-01 --period-to 2026-04-01

A bare date is the start of that day where the meter is billed. Bills are expected of every listed meter in service, for
the registers named with `meter add --register`, else for those it was ever billed for.

Exit codes: 0 nothing is missing, 1 bills are missing";

#[derive(Serialize)]
struct MissingRow {
    contract: Option<String>,
    meter: String,
    name: String,
    register: Option<String>,
    expected: Period,
    uncovered: Vec<Period>,
}

#[derive(Serialize)]
struct MissingList {
    missing: Vec<MissingRow>,
    expected: usize,
    covered: usize,
    incomplete: u64,
}

/// The bills of a period that are missing.
pub(super) fn missing(ledger: &Book, from: &str, to: &str, zone: Option<&str>) -> Result<Answer, Failure> {
    let mut list = MissingList { missing: Vec::new(), expected: 0, covered: 0, incomplete: 0 };
    // A period that cannot be read is an error even when no meter is listed.
    span(from, to, &times::zone(zone)?)?;
    for meter in ledger.meters()? {
        let billed_in = if zone.is_none() { ledger.zone_of(&meter)? } else { None };
        let zone = times::zone(zone.or(billed_in.as_deref()))?;
        let shown =
            |span: &Span| Period { from: times::local(span.from, &zone), until: times::local(span.until, &zone) };
        for due in ledger.due(&meter, span(from, to, &zone)?)? {
            list.expected += 1;
            list.incomplete += due.incomplete;
            if due.uncovered.is_empty() {
                list.covered += 1;
                continue;
            }
            list.missing.push(MissingRow {
                contract: meter.contract.clone(),
                meter: show::hex(&meter.identity),
                name: meter.name.clone(),
                register: due.register,
                expected: shown(&due.expected),
                uncovered: due.uncovered.iter().map(shown).collect(),
            });
        }
    }
    let mut lines = Vec::new();
    for row in &list.missing {
        let contract = row.contract.as_ref().map_or_else(|| "no contract".to_owned(), |c| format!("contract {c}"));
        let register = row.register.as_ref().map_or_else(String::new, |r| format!(", register {r}"));
        for part in &row.uncovered {
            lines.push(format!("MISSING {contract}, meter {}{register}: {} to {}", row.name, part.from, part.until));
        }
    }
    lines.push(format!(
        "{} of {} expected bills are there; {} of the bills are incomplete",
        list.covered, list.expected, list.incomplete
    ));
    let any = !list.missing.is_empty();
    Ok(Answer::new(lines.join("\n"), &list)?.refused_if(any))
}

fn span(from: &str, to: &str, zone: &jiff::tz::TimeZone) -> Result<Span, Failure> {
    let span = Span { from: times::moment(from, zone)?, until: times::moment(to, zone)? };
    if span.from < span.until {
        Ok(span)
    } else {
        Err(Failure::refused("time", "the period's end must come after its start"))
    }
}
