//! What a verified bill shows of its meters: the candidate for booking.

use std::collections::BTreeMap;

use protocol::bill::{Metered, Package};
use protocol::block::DayHeader;
use protocol::certificate::VerifiedCertificate;
use protocol::circuit::CircuitKey;
use protocol::meter_bill::VerifiedMeterBill;
use protocol::metrology::certificate::SealClass;
use protocol::metrology::header::header_hash;
use protocol::metrology::keys::Hash;
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use protocol::verify::VerifiedBill;
use protocol::verify::proved::ProvedBill;
use protocol::wire::WireError;

use crate::ledger::{Block, Candidate, Carried, Cover, Epoch, Kind, Proof};

/// Of a meter's own bill.
pub(super) fn of_meter_bill(verified: &VerifiedMeterBill) -> Candidate {
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
        proof: None,
    }
}

/// Of a linear bill.
pub(super) fn of_bill(bytes: &[u8], verified: &VerifiedBill) -> Result<Candidate, WireError> {
    let statement = &verified.statement;
    of_package(
        bytes,
        &Facts {
            digest: verified.digest,
            kind: Kind::Linear,
            period: statement.period,
            fee_minor: statement.fee_minor,
            slots: verified.slots,
            missing: verified.missing,
            metered: &statement.metered,
            class: verified.class,
            corrects: statement.corrects.map(Into::into),
            proof: None,
        },
    )
}

/// Of a bill with a zero-knowledge proof.
pub(super) fn of_proved(
    bytes: &[u8],
    verified: &ProvedBill,
    tariff: &SignedTariff,
    circuit: &CircuitKey,
) -> Result<Candidate, WireError> {
    let (statement, cells) = (&verified.statement, tariff.tariff.cells());
    let carried = Carried {
        cells: cells.iter().map(|cell| cell.name.clone()).collect(),
        before: statement.before,
        after: statement.after,
        continues: statement.continues.map(Into::into),
    };
    let proof = Proof {
        circuit: statement.circuit,
        file: circuit.write(),
        demonstration: verified.demonstration,
        carried: Some(carried).filter(|_| !cells.is_empty()),
    };
    of_package(
        bytes,
        &Facts {
            digest: verified.digest,
            kind: Kind::Proved,
            period: statement.period,
            fee_minor: statement.fee_minor,
            slots: verified.slots,
            missing: verified.missing,
            metered: &statement.metered,
            class: verified.class,
            corrects: statement.corrects.map(Into::into),
            proof: Some(proof),
        },
    )
}

/// What the kinds of a household's bill have in common.
struct Facts<'a> {
    digest: Hash,
    kind: Kind,
    period: Span,
    fee_minor: i64,
    slots: u64,
    missing: u32,
    metered: &'a [Metered],
    class: SealClass,
    corrects: Option<Hash>,
    proof: Option<Proof>,
}

/// Reads from a verified package what it shows of its meters.
fn of_package(bytes: &[u8], facts: &Facts<'_>) -> Result<Candidate, WireError> {
    let package = Package::read(bytes)?;
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
                from: header.span().from.max(facts.period.from),
                until: header.span().until.min(facts.period.until),
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
        digest: facts.digest,
        kind: facts.kind,
        period: facts.period,
        fee_minor: facts.fee_minor,
        slots: facts.slots,
        missing: facts.missing,
        estimated: total(facts.metered.iter().map(|m| m.estimated)),
        tamper: total(facts.metered.iter().map(|m| m.tamper)),
        events: facts.metered.iter().fold(0, |all, m| all | m.events),
        class: facts.class,
        corrects: facts.corrects,
        covers: spans.into_iter().map(|((meter, register), span)| Cover { meter, register, span }).collect(),
        epochs: certificates.values().map(epoch).collect(),
        blocks,
        sealed: sealed.into_iter().collect(),
        proof: facts.proof.clone(),
    })
}

fn total(counts: impl Iterator<Item = u32>) -> u32 {
    counts.fold(0, u32::saturating_add)
}
