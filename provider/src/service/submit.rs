//! A bill that arrived: answered from its receipt when it is booked, else judged, booked and receipted.
//!
//! The same statement always has the same answer. The receipt is written after the booking; between the two a crash
//! leaves a booked bill without one, which the next submission finds and writes as it would have been.

use axum::http::StatusCode;
use protocol::bill::{Package, Statement};
use protocol::meter_bill;
use protocol::metrology::keys::Hash;
use protocol::verify::Policy;
use protocol::wire::{self, WireError};
use serde_json::Value;

use super::refusal::Refusal;
use crate::identity::Identity;
use crate::judge::{Case, judge};
use crate::ledger::{Ledger, Receipt};

/// A booked bill and its answer.
pub(super) struct Accepted {
    pub(super) digest: Hash,
    pub(super) receipt: Receipt,
}

/// Takes a bill from the household of a contract.
pub(super) fn submit(
    ledger: &mut Ledger,
    identity: &Identity,
    contract: &str,
    bill: &[u8],
    policy: &Policy,
    now: i64,
) -> Result<Accepted, Refusal> {
    let refused = |code: &str, message: String| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, code, message);
    let (digest, tariff) = match names(bill) {
        Ok(names) => names,
        Err(error) => {
            ledger.refuse(bill, "malformed", &error.to_string(), now)?;
            return Err(refused("malformed", error.to_string()));
        }
    };
    if let Some(receipt) = ledger.receipt(&digest, contract)? {
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
        ledger.refuse(bill, code, problem, now)?;
        return Err(refused(code, problem.to_owned()));
    }
    let keys = identity.keys();
    let case =
        Case { bill, tariff: &message, meters: &[], contract: Some(contract), provider: &keys, policy: policy.clone() };
    let judgement = judge(ledger, &case, now)?;
    let verdict = judgement.verdict;
    if judgement.booked.is_none() {
        let code = verdict.reason.clone().unwrap_or_else(|| "unknown-meter".into());
        let message = verdict.json.get("message").and_then(Value::as_str);
        let message = message.unwrap_or("no meter is listed under this contract; enrol with the meter's certificate");
        return Err(refused(&code, message.to_owned()).with(verdict.json.clone()));
    }
    let text = settled(verdict.json).to_string();
    let sign = |receipt: &protocol::service::receipt::BillReceipt| receipt.sign(identity.signer());
    let receipt = ledger.write_receipt(&digest, contract, identity.provider().key, &text, sign)?;
    Ok(Accepted { digest, receipt })
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
    let statement: Statement = wire::decode(&package.statement, "bill statement")?;
    Ok((Statement::digest(&package.statement), statement.tariff))
}
