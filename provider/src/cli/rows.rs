//! Rows of the ledger as the answers show them: money and times in the words of the bill's own tariff.

use std::collections::BTreeMap;

use protocol::metrology::keys::Hash;
use protocol::show;
use protocol::tariff::{SignedTariff, Tariff};
use provider::ledger::{BillEntry, Ledger, LedgerError, ProofEntry, Refused};
use serde::Serialize;

use super::answer::Failure;
use super::times;

/// The tariffs of the bills in an answer, each read once.
#[derive(Default)]
pub(super) struct Tariffs(BTreeMap<Hash, SignedTariff>);

impl Tariffs {
    pub(super) fn get(&mut self, ledger: &Ledger, hash: &Hash) -> Result<&Tariff, Failure> {
        if !self.0.contains_key(hash) {
            let stored = ledger.tariff(hash)?;
            let signed = SignedTariff::read(&stored.message).map_err(|_| LedgerError::Damaged("tariff"))?;
            self.0.insert(*hash, signed);
        }
        Ok(self.0.get(hash).map(|signed| &signed.tariff).ok_or(LedgerError::Damaged("tariff"))?)
    }
}

#[derive(Clone, Serialize)]
pub(super) struct Period {
    pub(super) from: String,
    pub(super) until: String,
}

#[derive(Serialize)]
struct ClaimRow {
    meter: String,
    register: String,
    period: Period,
}

/// What a proved bill adds.
#[derive(Serialize)]
struct ProofRow {
    circuit: String,
    demonstration: bool,
    /// None when the tariff carries nothing from period to period.
    carried: Option<CarriedRow>,
}

#[derive(Serialize)]
struct CarriedRow {
    cells: Vec<String>,
    before: String,
    after: String,
    continues: Option<String>,
    outdated_by: Option<String>,
    by_hand: bool,
}

impl ProofRow {
    fn of(proof: &ProofEntry, outdated_by: Option<Hash>) -> Self {
        let carried = proof.carried.as_ref().map(|entry| CarriedRow {
            cells: entry.carried.cells.clone(),
            before: show::hex(&entry.carried.before),
            after: show::hex(&entry.carried.after),
            continues: entry.carried.continues.map(|digest| show::hex(&digest)),
            outdated_by: outdated_by.map(|digest| show::hex(&digest)),
            by_hand: entry.by_hand,
        });
        Self { circuit: show::hex(&proof.circuit), demonstration: proof.demonstration, carried }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("  proved under circuit {}", self.circuit)];
        if self.demonstration {
            lines.push("  DEMONSTRATION: whoever made the circuit's parameters can forge".into());
        }
        let Some(carried) = &self.carried else { return lines };
        let how = if carried.by_hand { ", by hand" } else { "" };
        lines.push(match &carried.continues {
            Some(from) => format!("  goes on from the carried values of {from}{how}"),
            None => format!("  begins the carried values anew{how}"),
        });
        let outdated = |new| format!("  CONTINUES A SUPERSEDED BILL: have it corrected, going on from {new}");
        lines.extend(carried.outdated_by.iter().map(outdated));
        lines
    }
}

/// A booked bill.
#[derive(Serialize)]
pub(super) struct BillRow {
    digest: String,
    kind: &'static str,
    state: &'static str,
    fee_minor: i64,
    pub(super) currency: String,
    pub(super) exponent: u8,
    fee: String,
    tariff: String,
    tariff_hash: String,
    period: Period,
    contract: Option<String>,
    claims: Vec<ClaimRow>,
    slots: u64,
    complete: bool,
    missing: u32,
    estimated: u32,
    tamper: u32,
    events: Vec<&'static str>,
    seal: &'static str,
    corrects: Option<String>,
    corrected_by: Option<String>,
    proof: Option<ProofRow>,
    booked_at: String,
    bytes: u64,
}

impl BillRow {
    pub(super) fn of(bill: &BillEntry, tariff: &Tariff) -> Self {
        let time = |at| show::local(&tariff.zone, at);
        Self {
            digest: show::hex(&bill.digest),
            kind: bill.kind.name(),
            state: if bill.stands() { "accepted" } else { "superseded" },
            fee_minor: bill.fee_minor,
            currency: tariff.currency.code.clone(),
            exponent: tariff.currency.exponent,
            fee: show::minor(bill.fee_minor, &tariff.currency),
            tariff: tariff.id.clone(),
            tariff_hash: show::hex(&bill.tariff),
            period: Period { from: time(bill.period.from), until: time(bill.period.until) },
            contract: bill.contract.clone(),
            claims: bill
                .claims
                .iter()
                .map(|(meter, register, span)| ClaimRow {
                    meter: show::hex(meter),
                    register: register.clone(),
                    period: Period { from: time(span.from), until: time(span.until) },
                })
                .collect(),
            slots: bill.slots,
            complete: bill.missing == 0,
            missing: bill.missing,
            estimated: bill.estimated,
            tamper: bill.tamper,
            events: show::event_names(bill.events),
            seal: show::seal(bill.class),
            corrects: bill.corrects.map(|d| show::hex(&d)),
            corrected_by: bill.corrected_by.map(|d| show::hex(&d)),
            proof: bill.proof.as_ref().map(|proof| ProofRow::of(proof, bill.outdated_by())),
            booked_at: times::stamp(bill.booked_at),
            bytes: bill.bytes,
        }
    }

    pub(super) fn line(&self) -> String {
        let mut line = format!(
            "{}  {} to {}  {:>14}",
            self.digest.get(..16).unwrap_or_default(),
            self.period.from,
            self.period.until,
            self.fee
        );
        if let Some(contract) = &self.contract {
            line.push_str(&format!("  contract {contract}"));
        }
        if !self.complete {
            line.push_str(&format!("  INCOMPLETE: {} intervals not measured", self.missing));
        }
        if self.proof.as_ref().is_some_and(|proof| proof.demonstration) {
            line.push_str("  demonstration");
        }
        let carried = self.proof.as_ref().and_then(|proof| proof.carried.as_ref());
        if carried.is_some_and(|carried| carried.outdated_by.is_some()) {
            line.push_str("  CONTINUES A SUPERSEDED BILL");
        }
        if let Some(new) = &self.corrected_by {
            line.push_str(&format!("  superseded by {}", new.get(..16).unwrap_or_default()));
        }
        line
    }

    pub(super) fn account(&self) -> String {
        let mut lines = vec![
            format!("Bill {}", self.digest),
            format!("  {}, {}, booked {}", self.kind, self.state, self.booked_at),
            format!("  {} under {} (tariff {})", self.fee, self.tariff, self.tariff_hash),
            format!(
                "  {} to {}, {} metering intervals; {}",
                self.period.from, self.period.until, self.slots, self.seal
            ),
        ];
        if let Some(contract) = &self.contract {
            lines.push(format!("  contract {contract}"));
        }
        for claim in &self.claims {
            let (from, until) = (&claim.period.from, &claim.period.until);
            lines.push(format!("  meter {}, register {}, {from} to {until}", claim.meter, claim.register));
        }
        let counts = [
            (self.missing, "INCOMPLETE: metering intervals not measured"),
            (self.estimated, "metering intervals estimated"),
            (self.tamper, "metering intervals measured while a tamper sensor was active"),
        ];
        lines.extend(counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("  {what}: {n}")));
        lines.extend(self.events.iter().map(|event| format!("  the meter reported: {event}")));
        lines.extend(self.corrects.iter().map(|old| format!("  in place of {old}")));
        lines.extend(self.corrected_by.iter().map(|new| format!("  superseded by {new}")));
        lines.extend(self.proof.iter().flat_map(ProofRow::lines));
        lines.push(format!("  file of {}", show::bytes(usize::try_from(self.bytes).unwrap_or(usize::MAX))));
        lines.join("\n")
    }
}

/// A refused file.
#[derive(Serialize)]
pub(super) struct RefusalRow {
    at: String,
    file: String,
    bytes: u64,
    reason: String,
    message: String,
    against: Option<String>,
    contract: Option<String>,
    pub(super) contradiction: bool,
}

impl RefusalRow {
    pub(super) fn of(refused: &Refused) -> Self {
        Self {
            at: times::stamp(refused.at),
            file: show::hex(&refused.file),
            bytes: refused.bytes,
            reason: refused.code.clone(),
            message: refused.message.clone(),
            against: refused.against.map(|d| show::hex(&d)),
            contract: refused.contract.clone(),
            contradiction: refused.contradiction,
        }
    }

    pub(super) fn line(&self) -> String {
        let alarm = if self.contradiction { "CONTRADICTION  " } else { "" };
        let file = self.file.get(..16).unwrap_or_default();
        let by = self.contract.as_ref().map(|id| format!("  from contract {id}")).unwrap_or_default();
        format!("{alarm}{}  file {file}{by}  {}: {}", self.at, self.reason, self.message)
    }
}
