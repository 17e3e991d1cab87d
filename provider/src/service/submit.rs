//! A bill that arrived: answered from the books when it is booked, else judged, booked and receipted.
//!
//! The same statement always has the same answer. What is booked is looked up first: nothing that came after, no
//! withdrawn tariff, stricter policy or crash before the receipt, turns a booked bill into a refused one.

use axum::http::StatusCode;
use protocol::bill::proved::{PROVED_KIND, ProvedStatement, kind_of};
use protocol::bill::{Package, Statement};
use protocol::meter_bill;
use protocol::metrology::keys::Hash;
use protocol::service::receipt::BillReceipt;
use protocol::verify::Policy;
use protocol::verify::proved::Circuits;
use protocol::wire::{self, WireError};
use serde_json::Value;

use super::refusal::Refusal;
use crate::identity::Identity;
use crate::judge::{Case, judge, recall};
use crate::ledger::{Household, Ledger, LedgerError, Receipt};

/// A booked bill and its answer.
pub(super) struct Accepted {
    pub(super) digest: Hash,
    pub(super) receipt: Receipt,
}

/// What bills are held to.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) policy: &'a Policy,
    pub(super) circuits: &'a Circuits,
}

/// Takes a bill from a household.
pub(super) fn submit(
    ledger: &mut Ledger,
    identity: &Identity,
    household: &Household,
    bill: &[u8],
    terms: Terms<'_>,
    now: i64,
) -> Result<Accepted, Refusal> {
    let refused = |code: &str, message: String| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, code, message);
    let (digest, tariff) = match names(bill) {
        Ok(names) => names,
        Err(error) => {
            ledger.refuse(bill, "malformed", &error.to_string(), Some(household), now)?;
            return Err(refused("malformed", error.to_string()));
        }
    };
    if let Some(receipt) = booked(ledger, identity, household, &digest)? {
        return Ok(Accepted { digest, receipt });
    }
    let (code, message) = match ledger.published_message(&tariff)? {
        Some((message, false)) => ("", message),
        Some((_, true)) => ("withdrawn-tariff", Vec::new()),
        None => ("unknown-tariff", Vec::new()),
    };
    if !code.is_empty() {
        let problem = if code == "withdrawn-tariff" {
            "the provider has withdrawn the tariff that this bill was made under; make it again under a published one"
        } else {
            "the provider has not published the tariff that this bill was made under"
        };
        ledger.refuse(bill, code, problem, Some(household), now)?;
        return Err(refused(code, problem.to_owned()));
    }
    let (keys, contract) = (identity.keys(), Some(household.contract.as_str()));
    let case = Case {
        bill,
        tariff: &message,
        meters: &[],
        contract,
        household: Some(household),
        provider: &keys,
        circuits: terms.circuits,
        restart_state: false,
        policy: terms.policy.clone(),
    };
    let judgement = judge(ledger, &case, now)?;
    let verdict = judgement.verdict;
    if judgement.booked.is_none() {
        let code = verdict.reason.clone().unwrap_or_else(|| "unknown-meter".into());
        let message = verdict.json.get("message").and_then(Value::as_str);
        let message = message.unwrap_or("no meter is listed under this contract; enrol with the meter's certificate");
        return Err(refused(&code, message.to_owned()).with(verdict.json.clone()));
    }
    let receipt = receipted(ledger, identity, household, &digest, verdict.json)?;
    Ok(Accepted { digest, receipt })
}

/// The receipt of a bill that is booked for the household's contract; none when it is not.
pub(super) fn booked(
    ledger: &mut Ledger,
    identity: &Identity,
    household: &Household,
    digest: &Hash,
) -> Result<Option<Receipt>, LedgerError> {
    let written = ledger.receipt(digest, &household.contract)?;
    if let Some(receipt) = written.filter(|receipt| speaks(identity, &receipt.message)) {
        return ledger.confirm(household).map(|()| Some(receipt));
    }
    let Some(file) = ledger.booked_file(digest, &household.contract)? else { return Ok(None) };
    receipted(ledger, identity, household, digest, recall(&file)?.json).map(Some)
}

fn receipted(
    ledger: &mut Ledger,
    identity: &Identity,
    household: &Household,
    digest: &Hash,
    verdict: Value,
) -> Result<Receipt, LedgerError> {
    let stands = |message: &[u8]| speaks(identity, message);
    let sign = |receipt: &BillReceipt| receipt.sign(identity.signer());
    ledger.write_receipt(digest, household, identity.provider().key, &settled(verdict).to_string(), stands, sign)
}

/// Whether the key of a receipt spoke for this provider when the bill was booked: else households take it for a thief's.
fn speaks(identity: &Identity, message: &[u8]) -> bool {
    let lineage = identity.lineage();
    let good = |receipt: &BillReceipt| {
        let mut tenures = lineage.tenures();
        tenures.any(|t| t.key == receipt.provider && t.until.is_none_or(|until| receipt.booked_at < until))
    };
    BillReceipt::read(message).is_ok_and(|receipt| good(&receipt))
}

/// A verdict without what depends on when it was asked for.
fn settled(mut verdict: Value) -> Value {
    if let Some(object) = verdict.as_object_mut() {
        for word in ["booked", "corrected_by", "contract", "bytes_left"] {
            object.remove(word);
        }
    }
    verdict
}

/// What a bill calls itself and its tariff, before anything of it is believed.
fn names(bill: &[u8]) -> Result<(Hash, Hash), WireError> {
    if meter_bill::is_meter_bill(bill) {
        return meter_bill::names(bill);
    }
    let package = Package::read(bill)?;
    if kind_of(&package.statement).as_deref() == Some(PROVED_KIND) {
        let statement: ProvedStatement = wire::decode(&package.statement, "bill statement")?;
        return Ok((Statement::digest(&package.statement), statement.tariff));
    }
    let statement: Statement = wire::decode(&package.statement, "bill statement")?;
    Ok((Statement::digest(&package.statement), statement.tariff))
}
