//! Judging a bill as the provider: verification against the provider's own key and registry, then booking.
//!
//! ```text
//! bill, tariff ─► verifier (same verdict as anybody's) ─► candidate (what it shows) ─► Ledger::book
//! ```

mod candidate;

use protocol::bill::Package;
use protocol::bill::proved::ProvedStatement;
use protocol::certificate::{self, VerifiedCertificate};
use protocol::circuit::CircuitKey;
use protocol::meter_bill;
use protocol::metrology::keys::Hash;
use protocol::show;
use protocol::tariff::SignedTariff;
use protocol::verify::proved::{Circuits, verify_proved};
use protocol::verify::{self, Policy, Refusal, Registry};
use protocol::wire;
use serde_json::Value;
use verifier::{Kind as Word, Verdict, is_proved};

use crate::ledger::{Booked, BookedFile, Booking, Candidate, Household, Ledger, LedgerError};
use candidate::{of_bill, of_meter_bill, of_proved};

/// A bill and what it is judged by.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// The bill's file.
    pub bill: &'a [u8],
    /// The tariff's file.
    pub tariff: &'a [u8],
    /// Certificate files of the meters; without any, the ledger's registry is asked.
    pub meters: &'a [Vec<u8>],
    /// The contract that all meters must belong to.
    pub contract: Option<&'a str>,
    /// The household that submits it, when one does.
    pub household: Option<&'a Household>,
    /// The circuits that proofs are trusted under.
    pub circuits: &'a Circuits,
    /// Whether the operator lets it begin its carried values anew, or go on over a gap.
    pub restart_state: bool,
    /// This provider's keys, past ones too: one of them signed the tariff, and the bill is addressed to that one.
    pub provider: &'a [[u8; 32]],
    /// What is insisted on; the recipient is this provider whatever stands here.
    pub policy: Policy,
}

/// A verdict, with the ledger's answer in it.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The verdict. A bill that the ledger refuses is invalid here.
    pub verdict: Verdict,
    /// The booking, when the bill is in the ledger.
    pub booked: Option<Booked>,
}

/// Judges a bill and books it when it is valid; records it as refused when it is not.
///
/// # Errors
/// When the household that submits it was shut out meanwhile, or the ledger fails; nothing is changed then.
pub fn judge(ledger: &mut Ledger, case: &Case<'_>, now: i64) -> Result<Judgement, LedgerError> {
    let refused = |ledger: &mut Ledger, code: &str, message: &str| {
        let verdict = Verdict::invalid(code, message, case.bill.len());
        conclude(ledger, case, verdict, now)
    };
    let tariff = match SignedTariff::read(case.tariff) {
        Ok(tariff) => tariff,
        Err(error) => return refused(ledger, "bad-tariff", &error.to_string()),
    };
    if !case.provider.contains(&tariff.tariff.provider.key) {
        return refused(ledger, "other-provider", "the tariff is signed by another key than this provider's");
    }
    let policy = Policy { recipient: Some(tariff.tariff.provider.key), ..case.policy.clone() };
    let mut registry = Registry::default();
    for file in case.meters {
        match certificate::read_file(file) {
            Ok(chain) => registry.list(&chain),
            Err(error) => return refused(ledger, "bad-certificate", &error.to_string()),
        }
    }
    if case.meters.is_empty() {
        registry = ledger.registry(&meters_in(case.bill, &tariff, &policy))?;
    }
    let (verdict, candidate) = match examine(case.bill, &tariff, &registry, case.circuits, &policy) {
        Ok(examined) => examined,
        Err((code, message)) => return refused(ledger, code, &message),
    };
    if verdict.kind != Word::Valid {
        return conclude(ledger, case, verdict, now);
    }
    let booking = Booking {
        bill: &candidate,
        package: case.bill,
        tariff: &tariff,
        tariff_message: case.tariff,
        contract: case.contract,
        household: case.household,
        restart_state: case.restart_state,
    };
    match ledger.book(&booking, now)? {
        Ok(booked) => Ok(told(verdict, booked)),
        Err(objection) => {
            let mut verdict = Verdict::invalid(objection.code(), &objection.to_string(), case.bill.len());
            verdict.insert("digest", show::hex(&candidate.digest).into());
            verdict.insert("against", objection.against().map(|digest| show::hex(&digest)).into());
            verdict.insert("booked", Value::Null);
            Ok(Judgement { verdict, booked: None })
        }
    }
}

/// The verdict on a bill that is booked, from its own file and tariff: what it was found to be when it was booked,
/// whatever is published, insisted on or listed by now.
///
/// # Errors
/// When the ledger no longer holds what it booked.
pub fn recall(file: &BookedFile) -> Result<Verdict, LedgerError> {
    const DAMAGED: LedgerError = LedgerError::Damaged("bill");
    let tariff = SignedTariff::read(&file.tariff).map_err(|_| LedgerError::Damaged("tariff"))?;
    let policy = Policy { allow_incomplete: true, ..Policy::default() };
    let mut registry = Registry::default();
    if meter_bill::is_meter_bill(&file.package) {
        // The meters were attested then; they attest themselves now.
        let unattested = meter_bill::verify(&file.package, &tariff, &registry, &policy).map_err(|_| DAMAGED)?;
        registry.list(&[unattested.certificate]);
    } else {
        for message in &Package::read(&file.package).map_err(|_| DAMAGED)?.certificates {
            registry.list(&[VerifiedCertificate::read(message).map_err(|_| DAMAGED)?]);
        }
    }
    let circuit = file.circuit.as_deref().map(CircuitKey::read).transpose();
    let circuits = Circuits::new(circuit.map_err(|_| LedgerError::Damaged("circuit"))?);
    examine(&file.package, &tariff, &registry, &circuits, &policy).map(|(verdict, _)| verdict).map_err(|_| DAMAGED)
}

/// A verdict that does not lead to booking: it is recorded.
fn conclude(ledger: &mut Ledger, case: &Case<'_>, mut verdict: Verdict, now: i64) -> Result<Judgement, LedgerError> {
    let code = verdict.reason.clone().unwrap_or_default();
    let message = match verdict.json.get("message").and_then(Value::as_str) {
        Some(message) => message.to_owned(),
        None => "the numbers agree with the seals, but no listed meter vouches for them".to_owned(),
    };
    ledger.refuse(case.bill, &code, &message, case.household, now)?;
    verdict.insert("booked", Value::Null);
    if verdict.kind == Word::OriginUnattested {
        verdict.text.push_str("\nNot booked: list the meter with `meter add`, or give its certificate with --meter.");
    }
    Ok(Judgement { verdict, booked: None })
}

/// The verdict on a bill that is in the ledger.
fn told(mut verdict: Verdict, booked: Booked) -> Judgement {
    let word = match (booked.already, booked.corrects) {
        (true, _) => "already",
        (false, Some(_)) => "correction",
        (false, None) => "new",
    };
    let digest = |digest: &Option<Hash>| digest.map(|d| show::hex(&d));
    verdict.insert("booked", word.into());
    verdict.insert("contract", booked.contract.clone().into());
    verdict.insert("corrected_by", digest(&booked.corrected_by).into());
    let mut line = if booked.already { "Booked already; nothing was changed" } else { "Booked" }.to_owned();
    if let Some(contract) = &booked.contract {
        line.push_str(&format!(" under contract {contract}"));
    }
    if let Some(old) = digest(&booked.corrects) {
        line.push_str(&format!(", in place of bill {old}"));
    }
    if let Some(new) = digest(&booked.corrected_by) {
        line.push_str(&format!(". It was superseded by its correction {new}"));
    }
    verdict.text.push_str(&format!("\n{line}."));
    Judgement { verdict, booked: Some(booked) }
}

/// The identities a bill names, before anything is believed: they say which rows of the registry to load.
fn meters_in(bill: &[u8], tariff: &SignedTariff, policy: &Policy) -> Vec<[u8; 32]> {
    if meter_bill::is_meter_bill(bill) {
        let verified = meter_bill::verify(bill, tariff, &Registry::default(), policy);
        return verified.map(|v| vec![v.certificate.certificate.identity_key]).unwrap_or_default();
    }
    let messages = Package::read(bill).map(|package| package.certificates).unwrap_or_default();
    messages.iter().filter_map(|m| VerifiedCertificate::read(m).ok()).map(|c| c.certificate.identity_key).collect()
}

type Examined = Result<(Verdict, Candidate), (&'static str, String)>;

/// What to do about a circuit that is not known here, for a household and an operator alike.
const ADVICE: &str = "`circuits list` shows those that are: the household fetches one of them and makes the bill again";

/// Verifies a bill of any kind: the verdict that anybody would give, and what it shows.
fn examine(bill: &[u8], tariff: &SignedTariff, registry: &Registry, circuits: &Circuits, policy: &Policy) -> Examined {
    let refused = |refusal: Refusal| (refusal.code(), refusal.to_string());
    let malformed = |error: wire::WireError| ("malformed", error.to_string());
    if meter_bill::is_meter_bill(bill) {
        let verified = meter_bill::verify(bill, tariff, registry, policy).map_err(refused)?;
        return Ok((Verdict::of_meter_bill(&verified, tariff, bill.len()), of_meter_bill(&verified)));
    }
    if is_proved(bill) {
        let verified = verify_proved(bill, tariff, circuits, registry, policy).map_err(|refusal| match refusal {
            Refusal::UnknownCircuit => unknown_circuit(bill),
            other => refused(other),
        })?;
        let circuit = circuits.get(&verified.statement.circuit).ok_or_else(|| unknown_circuit(bill))?;
        let candidate = of_proved(bill, &verified, tariff, circuit).map_err(malformed)?;
        return Ok((Verdict::of_proved(&verified, circuit, tariff, bill.len()), candidate));
    }
    let verified = verify::verify(bill, tariff, registry, policy).map_err(refused)?;
    let candidate = of_bill(bill, &verified).map_err(malformed)?;
    Ok((Verdict::of_bill(&verified, tariff, bill.len()), candidate))
}

fn unknown_circuit(bill: &[u8]) -> (&'static str, String) {
    let id = circuit_of(bill).map(|id| show::hex(&id)).unwrap_or_default();
    ("unknown-circuit", format!("the bill was proved under circuit {id}, which this provider does not have; {ADVICE}"))
}

/// The circuit that a proved bill names, before anything of it is believed.
fn circuit_of(bill: &[u8]) -> Result<Hash, wire::WireError> {
    let statement: ProvedStatement = wire::decode(&Package::read(bill)?.statement, "bill statement")?;
    Ok(statement.circuit)
}
