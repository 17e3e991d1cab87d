//! Judging a bill as the provider: verification against the provider's own key and registry, then booking.
//!
//! ```text
//! bill, tariff ─► verifier (same verdict as anybody's) ─► what it shows of its meters ─► Ledger::book
//! ```

use std::collections::BTreeMap;

use protocol::bill::Package;
use protocol::block::DayHeader;
use protocol::certificate::{self, VerifiedCertificate};
use protocol::meter_bill::{self, VerifiedMeterBill};
use protocol::metrology::header::header_hash;
use protocol::metrology::keys::Hash;
use protocol::show;
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use protocol::verify::{self, Policy, Registry, VerifiedBill};
use protocol::wire::WireError;
use serde_json::{Value, json};
use verifier::{Kind as Word, Verdict};

use crate::ledger::{
    Block, Booked, BookedFile, Booking, Candidate, Cover, Epoch, Household, Kind, Ledger, LedgerError,
};

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
    let (verdict, candidate) = match examine(case.bill, &tariff, &registry, &policy) {
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
    };
    match ledger.book(&booking, now)? {
        Ok(booked) => Ok(told(verdict, booked)),
        Err(objection) => {
            let mut verdict = Verdict::invalid(objection.code(), &objection.to_string(), case.bill.len());
            insert(&mut verdict, "digest", show::hex(&candidate.digest).into());
            insert(&mut verdict, "against", objection.against().map(|digest| show::hex(&digest)).into());
            insert(&mut verdict, "booked", Value::Null);
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
    examine(&file.package, &tariff, &registry, &policy).map(|(verdict, _)| verdict).map_err(|_| DAMAGED)
}

/// A verdict that does not lead to booking: it is recorded.
fn conclude(ledger: &mut Ledger, case: &Case<'_>, mut verdict: Verdict, now: i64) -> Result<Judgement, LedgerError> {
    let code = verdict.reason.clone().unwrap_or_default();
    let message = match verdict.json.get("message").and_then(Value::as_str) {
        Some(message) => message.to_owned(),
        None => "the numbers agree with the seals, but no listed meter vouches for them".to_owned(),
    };
    ledger.refuse(case.bill, &code, &message, case.household, now)?;
    insert(&mut verdict, "booked", Value::Null);
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
    insert(&mut verdict, "booked", word.into());
    insert(&mut verdict, "contract", booked.contract.clone().into());
    insert(&mut verdict, "corrected_by", digest(&booked.corrected_by).into());
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

fn insert(verdict: &mut Verdict, key: &str, value: Value) {
    if let Some(object) = verdict.json.as_object_mut() {
        object.insert(key.into(), json!(value));
    }
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

fn examine(bill: &[u8], tariff: &SignedTariff, registry: &Registry, policy: &Policy) -> Examined {
    if meter_bill::is_meter_bill(bill) {
        let verified = meter_bill::verify(bill, tariff, registry, policy).map_err(|r| (r.code(), r.to_string()))?;
        return Ok((Verdict::of_meter_bill(&verified, tariff, bill.len()), of_meter_bill(&verified)));
    }
    let verified = verify::verify(bill, tariff, registry, policy).map_err(|r| (r.code(), r.to_string()))?;
    let candidate = of_bill(bill, &verified).map_err(|error| ("malformed", error.to_string()))?;
    Ok((Verdict::of_bill(&verified, tariff, bill.len()), candidate))
}

fn of_meter_bill(verified: &VerifiedMeterBill) -> Candidate {
    let (bill, certificate) = (&verified.bill, &verified.certificate.certificate);
    let meter = certificate.identity_key;
    Candidate {
        digest: verified.digest,
        kind: Kind::Meter,
        period: bill.period,
        fee_minor: bill.fee_minor,
        slots: bill.registers.iter().map(|r| u64::from(r.slots)).sum(),
        missing: total(bill.registers.iter().map(|r| r.missing)),
        estimated: total(bill.registers.iter().map(|r| r.estimated)),
        tamper: total(bill.registers.iter().map(|r| r.tamper)),
        events: bill.registers.iter().fold(0, |all, r| all | r.events),
        class: certificate.class,
        corrects: None,
        covers: bill.registers.iter().map(|r| Cover { meter, register: r.code, span: bill.period }).collect(),
        epochs: vec![Epoch { meter, number: certificate.epoch, hash: verified.certificate.hash }],
        blocks: Vec::new(),
        sealed: vec![(verified.certificate.hash, bill.period.until)],
    }
}

/// Reads from a verified package what it shows of its meters.
fn of_bill(bytes: &[u8], verified: &VerifiedBill) -> Result<Candidate, WireError> {
    let package = Package::read(bytes)?;
    let statement = &verified.statement;
    let mut certificates = BTreeMap::new();
    for message in &package.certificates {
        let entry = VerifiedCertificate::read(message)?;
        certificates.insert(entry.hash, entry);
    }
    let mut blocks = Vec::new();
    let mut sealed: BTreeMap<Hash, u64> = BTreeMap::new();
    let mut spans: BTreeMap<([u8; 32], _), Span> = BTreeMap::new();
    for chain in &package.chains {
        for block in &chain.blocks {
            let header = DayHeader::read(&block.header)?;
            let Some(entry) = certificates.get(&header.certificate) else { continue };
            let (meter, register) = (entry.certificate.identity_key, chain.code);
            let last = sealed.entry(entry.hash).or_insert(0);
            *last = header.span().until.max(*last);
            // A header vouches for the one before it: a fork shows even between bills that share no block.
            if let Some(number) = header.block.checked_sub(1) {
                blocks.push(Block { meter, register, number, hash: header.previous });
            }
            blocks.push(Block { meter, register, number: header.block, hash: header_hash(&block.header) });
            let part = Span {
                from: header.span().from.max(statement.period.from),
                until: header.span().until.min(statement.period.until),
            };
            let span = spans.entry((meter, register)).or_insert(part);
            *span = Span { from: span.from.min(part.from), until: span.until.max(part.until) };
        }
    }
    let epoch = |entry: &VerifiedCertificate| Epoch {
        meter: entry.certificate.identity_key,
        number: entry.certificate.epoch,
        hash: entry.hash,
    };
    Ok(Candidate {
        digest: verified.digest,
        kind: Kind::Linear,
        period: statement.period,
        fee_minor: statement.fee_minor,
        slots: verified.slots,
        missing: verified.missing,
        estimated: total(statement.metered.iter().map(|m| m.estimated)),
        tamper: total(statement.metered.iter().map(|m| m.tamper)),
        events: statement.metered.iter().fold(0, |all, m| all | m.events),
        class: verified.class,
        corrects: statement.corrects.map(Into::into),
        covers: spans.into_iter().map(|((meter, register), span)| Cover { meter, register, span }).collect(),
        epochs: certificates.values().map(epoch).collect(),
        blocks,
        sealed: sealed.into_iter().collect(),
    })
}

fn total(counts: impl Iterator<Item = u32>) -> u32 {
    counts.fold(0, u32::saturating_add)
}
