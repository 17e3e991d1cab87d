//! Contracts as the answers show them.

use protocol::show;
use provider::ledger::{Contract as Entry, Waiting};
use serde::Serialize;

use super::answer::Failure;
use super::times;

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
pub(super) struct Row {
    contract: String,
    added_at: String,
    billing: Option<BillingRow>,
    revoked_at: Option<String>,
    ended_at: Option<String>,
    pending: bool,
    waiting: Vec<WaitingRow>,
    keys: Vec<KeyRow>,
    meters: Vec<String>,
}

impl Row {
    pub(super) fn of(entry: &Entry) -> Result<Self, Failure> {
        let billing = match &entry.billing {
            None => None,
            Some(b) => Some(BillingRow {
                months: b.months,
                from: times::local(b.from, &times::zone(Some(&b.zone))?),
                zone: b.zone.clone(),
                due_days: b.due_days,
            }),
        };
        let zone = times::zone(entry.billing.as_ref().map(|b| b.zone.as_str()))?;
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
            ended_at: entry.ended_at.map(|at| times::local(at, &zone)),
            pending: !entry.waiting.is_empty(),
            waiting: entry.waiting.iter().map(WaitingRow::of).collect(),
            keys: entry.keys.iter().map(key).collect(),
            meters: entry.meters.iter().map(|m| show::hex(&m.identity)).collect(),
        })
    }

    pub(super) fn line(&self) -> String {
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
        if let Some(at) = &self.ended_at {
            line.push_str(&format!("  ends {at}"));
        }
        for waiting in &self.waiting {
            line.push_str(&format!("\n{}", waiting.line()));
        }
        line
    }
}

/// An enrolment that waits for approval.
#[derive(Serialize)]
pub(super) struct WaitingRow {
    pub(super) pin: String,
    since: String,
    pub(super) meters: Vec<String>,
}

impl WaitingRow {
    pub(super) fn of(waiting: &Waiting) -> Self {
        Self {
            pin: show::hex(&waiting.pin),
            since: times::stamp(waiting.since),
            meters: waiting.meters.iter().map(|identity| show::hex(identity)).collect(),
        }
    }

    pub(super) fn line(&self) -> String {
        let meters: Vec<_> = self.meters.iter().map(|meter| format!("\n    meter {meter}")).collect();
        format!("  pin {}  since {}{}", self.pin, self.since, meters.concat())
    }
}
