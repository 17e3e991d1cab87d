//! `ledger`: booked bills, refused ones, and those that are missing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use protocol::money::Currency;
use protocol::show;
use provider::files;
use provider::ledger::{BillEntry, Digest, Ledger as Book};
use serde::Serialize;

use super::answer::{Answer, Failure};
use super::rows::{BillRow, RefusalRow, Tariffs};
use super::{Home, missing, report};

pub(super) const EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern ledger list
  wattseal-provider --home ~/fern ledger missing --period-from 2026-03-01 --period-to 2026-04-01
  wattseal-provider --home ~/fern ledger export 3f09a1b2 --out disputed.bill --tariff-out its.tariff";

#[derive(Debug, Subcommand)]
pub(super) enum Ledger {
    /// Show the booked bills and what they come to
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern ledger list")]
    List {
        /// Only bills on this meter: identity key (at least 8 hexadecimal digits) or printed name
        #[arg(long)]
        meter: Option<String>,
    },
    /// Show one booked bill
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern ledger show 3f09a1b2")]
    Show {
        /// Its digest, at least 8 hexadecimal digits
        digest: String,
    },
    /// Show what was refused, and why; contradictions of a meter come first
    #[command(after_help = "Example:\n  wattseal-provider --home ~/fern ledger refusals")]
    Refusals,
    /// Show which bills of a period are missing
    #[command(after_help = missing::EXAMPLE)]
    Missing {
        /// Start: RFC 3339, or a date
        #[arg(long, value_name = "TIME", required_unless_present = "late")]
        period_from: Option<String>,
        /// End, not included
        #[arg(long, value_name = "TIME", required_unless_present = "late")]
        period_to: Option<String>,
        /// Time zone of bare dates; without it, the one each meter is billed in
        #[arg(long)]
        zone: Option<String>,
        /// Show instead the bills that are late by their contracts' billing calendars
        #[arg(long, conflicts_with_all = ["period_from", "period_to", "zone"])]
        late: bool,
    },
    /// Write a booked bill's file, or the kept file of a contradiction, exactly as it came
    #[command(
        after_help = "Example:\n  wattseal-provider --home ~/fern ledger export 3f09a1b2 --out disputed.bill --tariff-out its.tariff"
    )]
    Export {
        /// The bill's digest, or the file's from `ledger refusals`; at least 8 hexadecimal digits
        digest: String,
        /// Where the file goes
        #[arg(long)]
        out: PathBuf,
        /// Where the bill's tariff goes, to verify it again
        #[arg(long)]
        tariff_out: Option<PathBuf>,
        /// Where the circuit of a proved bill goes, to verify it again
        #[arg(long)]
        circuit_out: Option<PathBuf>,
    },
}

impl Ledger {
    pub(super) fn run(&self, home: &Home) -> Result<Answer, Failure> {
        match self {
            Self::List { meter } => list(&home.ledger()?, meter.as_deref()),
            Self::Show { digest } => show_bill(&home.ledger()?, digest),
            Self::Refusals => refusals(&home.ledger()?),
            Self::Missing { period_from: Some(from), period_to: Some(to), zone, .. } => {
                missing::missing(&home.ledger()?, from, to, zone.as_deref())
            }
            Self::Missing { .. } => report::late(&home.ledger()?),
            Self::Export { digest, out, tariff_out, circuit_out } => {
                export(&home.ledger()?, digest, out, tariff_out.as_deref(), circuit_out.as_deref())
            }
        }
    }
}

#[derive(Serialize)]
struct Total {
    currency: String,
    exponent: u8,
    bills: u64,
    fee_minor: i64,
}

#[derive(Serialize)]
struct Listed {
    bills: Vec<BillRow>,
    totals: Vec<Total>,
    accepted: usize,
    superseded: usize,
    /// Accepted bills that go on from the carried values of a superseded one.
    outdated: usize,
    incomplete: usize,
    refusals: usize,
    contradictions: usize,
}

fn list(ledger: &Book, meter: Option<&str>) -> Result<Answer, Failure> {
    let meter = meter.map(|text| ledger.find_meter(text)).transpose()?.transpose()?;
    let bills = ledger.bills(meter.map(|m| m.identity).as_ref())?;
    let mut tariffs = Tariffs::default();
    let mut totals: BTreeMap<(String, u8), Total> = BTreeMap::new();
    let mut rows = Vec::with_capacity(bills.len());
    for bill in &bills {
        let row = BillRow::of(bill, tariffs.get(ledger, &bill.tariff)?);
        if bill.stands() {
            let (currency, exponent) = (row.currency.clone(), row.exponent);
            let total = totals.entry((currency.clone(), exponent)).or_insert(Total {
                currency,
                exponent,
                bills: 0,
                fee_minor: 0,
            });
            total.bills += 1;
            total.fee_minor = total.fee_minor.saturating_add(bill.fee_minor);
        }
        rows.push(row);
    }
    let refusals = ledger.refusals()?;
    let accepted = bills.iter().filter(|b| b.stands()).count();
    let listed = Listed {
        totals: totals.into_values().collect(),
        accepted,
        superseded: bills.len() - accepted,
        outdated: bills.iter().filter(|b| b.outdated_by().is_some()).count(),
        incomplete: bills.iter().filter(|b| b.stands() && b.missing > 0).count(),
        refusals: refusals.len(),
        contradictions: refusals.iter().filter(|r| r.contradiction).count(),
        bills: rows,
    };
    let mut lines = Vec::new();
    if listed.contradictions > 0 {
        lines.push(format!("ATTENTION: {} contradictions of meters; see `ledger refusals`", listed.contradictions));
    }
    if listed.outdated > 0 {
        let outdated = listed.outdated;
        lines.push(format!(
            "ATTENTION: {outdated} bills continue a superseded bill; have them corrected in turn, oldest first"
        ));
    }
    lines.extend(listed.bills.iter().map(BillRow::line));
    for total in &listed.totals {
        let currency = Currency { code: total.currency.clone(), exponent: total.exponent };
        lines.push(format!("{} in {} bills", show::minor(total.fee_minor, &currency), total.bills));
    }
    lines.push(format!(
        "{} accepted ({} of them incomplete), {} superseded, {} refused",
        listed.accepted, listed.incomplete, listed.superseded, listed.refusals
    ));
    Answer::new(lines.join("\n"), &listed)
}

fn find(ledger: &Book, digits: &str) -> Result<Option<BillEntry>, Failure> {
    match ledger.bill(digits)? {
        Digest::One(bill) => Ok(Some(*bill)),
        Digest::None => Ok(None),
        Digest::Several => Err(Failure::refused("several-bills", "several bills begin with these digits; give more")),
    }
}

fn no_such(digits: &str) -> Failure {
    let message =
        format!("the ledger holds nothing under {digits:?}; give at least 8 digits of a digest that it shows");
    Failure::refused("no-such-bill", message)
}

fn show_bill(ledger: &Book, digits: &str) -> Result<Answer, Failure> {
    let bill = find(ledger, digits)?.ok_or_else(|| no_such(digits))?;
    let row = BillRow::of(&bill, Tariffs::default().get(ledger, &bill.tariff)?);
    Answer::new(row.account(), &row)
}

#[derive(Serialize)]
struct RefusedList {
    refusals: Vec<RefusalRow>,
    contradictions: usize,
}

fn refusals(ledger: &Book) -> Result<Answer, Failure> {
    let mut refusals: Vec<_> = ledger.refusals()?.iter().map(RefusalRow::of).collect();
    // A stable sort: contradictions first, each group in the order of time.
    refusals.sort_by_key(|r| !r.contradiction);
    let contradictions = refusals.iter().filter(|r| r.contradiction).count();
    let lines: Vec<_> = refusals.iter().map(RefusalRow::line).collect();
    let text = if lines.is_empty() { "Nothing was refused.".to_owned() } else { lines.join("\n") };
    Answer::new(text, &RefusedList { refusals, contradictions })
}

#[derive(Serialize)]
struct Exported {
    out: String,
    bytes: usize,
    tariff_out: Option<String>,
    circuit_out: Option<String>,
}

fn export(
    ledger: &Book,
    digits: &str,
    out: &Path,
    tariff_out: Option<&Path>,
    circuit_out: Option<&Path>,
) -> Result<Answer, Failure> {
    let bill = find(ledger, digits)?;
    let file = match &bill {
        Some(bill) => ledger.package(bill)?,
        None => match ledger.evidence(digits)? {
            Digest::One(file) => *file,
            Digest::None => return Err(no_such(digits)),
            Digest::Several => {
                return Err(Failure::refused("several-files", "several files begin with these digits; give more"));
            }
        },
    };
    if let Some(path) = tariff_out {
        let bill = bill.as_ref().ok_or_else(|| {
            Failure::refused("no-tariff", "the ledger keeps tariffs of booked bills alone; export without --tariff-out")
        })?;
        files::write(path, &ledger.tariff(&bill.tariff)?.message)?;
    }
    if let Some(path) = circuit_out {
        let proof = bill.as_ref().and_then(|bill| bill.proof.as_ref()).ok_or_else(|| {
            Failure::refused("no-circuit", "this is no booked bill with a proof; export without --circuit-out")
        })?;
        files::write(path, &ledger.circuit(&proof.circuit)?)?;
    }
    files::write(out, &file)?;
    let shown = |path: Option<&Path>| path.map(|path| path.display().to_string());
    let exported = Exported {
        out: out.display().to_string(),
        bytes: file.len(),
        tariff_out: shown(tariff_out),
        circuit_out: shown(circuit_out),
    };
    Answer::new(format!("Written to {}.", out.display()), &exported)
}
