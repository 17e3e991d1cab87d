//! Verification: a bill, a tariff and a registry in, a verdict out. No secret is needed and nobody is trusted.
//!
//! Everything that the statement says is derived again from signed data and compared; the label set must be exactly
//! the period's (Eccles and Halak left that check out, §IV.B); the sums are checked against the commitments and the
//! fee against the sums.

mod chain;
mod common;
pub mod proved;
mod refusal;
mod registry;

pub use refusal::Refusal;
pub use registry::Registry;

use std::collections::BTreeMap;

use metrology::certificate::SealClass;
use metrology::keys::Hash;

use crate::bill::statement::KIND;
use crate::bill::{Metered, Package, Settlement, Statement, check_linear, settle, total_weights, weights};
use crate::certificate::{VerifiedCertificate, follows};
use crate::linear::{self, LineClaim, LinearProof};
use crate::tariff::SignedTariff;
use crate::time::Span;
use crate::wire::{self, WireError};
use chain::{Certificates, ChainReading, Lists, read_chain};
use common::Address;

/// What a verifier insists on.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Whom the bill must be addressed to; the tariff's provider when not given.
    pub recipient: Option<[u8; 32]>,
    /// The nonce it must carry, when the recipient asked for one.
    pub nonce: Option<[u8; 16]>,
    /// Whether slots without a measurement are accepted (they are always shown).
    pub allow_incomplete: bool,
    /// Whether only a certified meter's seal is accepted.
    pub require_certified: bool,
}

/// Whether a registry vouched for the meters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Every meter is in the registry.
    Attested,
    /// There was no registry: the numbers agree with the seals, but whose seals they are is not known.
    Unattested,
}

/// A bill that holds.
#[derive(Clone, Debug)]
pub struct VerifiedBill {
    /// Its statement.
    pub statement: Statement,
    /// The statement's digest: the bill's identity.
    pub digest: Hash,
    /// Lines and fee.
    pub settlement: Settlement,
    /// Whether the meters are known.
    pub origin: Origin,
    /// The lowest class of seal among its meters.
    pub class: SealClass,
    /// Identity keys of its meters, in order of first use, without repetition.
    pub meters: Vec<[u8; 32]>,
    /// Slots of the period over all registers.
    pub slots: u64,
    /// Of these, slots without a measurement.
    pub missing: u32,
}

/// Verifies a bill.
///
/// # Errors
/// The reason it is refused.
pub fn verify(
    package: &[u8],
    tariff: &SignedTariff,
    registry: &Registry,
    policy: &Policy,
) -> Result<VerifiedBill, Refusal> {
    let package = Package::read(package)?;
    let statement: Statement = wire::decode(&package.statement, "bill statement")?;
    let digest = Statement::digest(&package.statement);
    address(&statement).check(KIND, tariff, policy)?;
    check_linear(&tariff.tariff)?;

    let common::Read { readings, origin, class, meters, missing } =
        common::read(&package, tariff, &statement.period, &statement.metered, Lists::Given, registry, policy)?;

    let intervals: Vec<u64> = statement.metered.iter().map(|m| u64::from(m.interval)).collect();
    let mut weights = weights(&tariff.tariff, &statement.period, &intervals)?;
    if weights.len() != statement.amounts.len() {
        return Err(Refusal::Account("the sums of its lines"));
    }
    let totals = statement.totals.as_deref().unwrap_or(&[]);
    if statement.totals.is_some() {
        if totals.len() != intervals.len() {
            return Err(Refusal::Account("the totals of its registers"));
        }
        weights.extend(total_weights(&statement.period, &intervals)?);
    }
    let claims: Vec<_> = weights
        .iter()
        .zip(statement.amounts.iter().chain(totals))
        .filter_map(|(weights, amount)| {
            let reading = readings.get(weights.register)?;
            Some(LineClaim {
                weights,
                amount: *amount,
                commitments: &reading.commitments,
                residuals: &reading.residuals,
            })
        })
        .collect();
    let proof: LinearProof = wire::decode(&package.proof, "proof")?;
    linear::verify(&digest, &claims, &proof)?;

    let sums: Vec<i128> = statement.amounts.iter().map(|a| i128::from(*a)).collect();
    let settlement = settle(&tariff.tariff, &statement.period, &sums)?;
    if settlement.fee_minor != statement.fee_minor {
        return Err(Refusal::Fee);
    }
    let slots = readings.iter().map(|r| r.commitments.len() as u64).sum();
    Ok(VerifiedBill { statement, digest, settlement, origin, class, meters, slots, missing })
}

fn address(statement: &Statement) -> Address<'_> {
    Address {
        kind: (&statement.kind, statement.version, statement.suite),
        tariff: statement.tariff,
        recipient: statement.recipient,
        purpose: &statement.purpose,
        nonce: statement.nonce,
    }
}

/// Reads the package's certificates: each signed by the identity it names, no two for one epoch, epochs linked.
fn read_certificates(package: &Package) -> Result<Certificates, Refusal> {
    let mut by_epoch: BTreeMap<([u8; 32], u32), VerifiedCertificate> = BTreeMap::new();
    for message in &package.certificates {
        let entry = VerifiedCertificate::read(message)?;
        let key = (entry.certificate.identity_key, entry.certificate.epoch);
        let hash = entry.hash;
        if let Some(known) = by_epoch.insert(key, entry) {
            // The same certificate twice is a badly made package; only two that differ are the meter's contradiction.
            let twice = known.hash == hash;
            return Err(if twice { WireError::NotCanonical("bill").into() } else { Refusal::ForkedEpoch });
        }
    }
    let entries: Vec<_> = by_epoch.values().collect();
    for pair in entries.windows(2) {
        let [before, after] = pair else { continue };
        if before.certificate.identity_key == after.certificate.identity_key && !follows(before, after) {
            return Err(Refusal::BrokenEpochs);
        }
    }
    Ok(by_epoch.into_values().map(|entry| (entry.hash, entry)).collect())
}

/// The chains are those of the tariff's registers, in its order, and each covers the period.
fn read_chains(
    package: &Package,
    tariff: &SignedTariff,
    period: &Span,
    certificates: &Certificates,
    lists: Lists,
) -> Result<Vec<ChainReading>, Refusal> {
    let registers = &tariff.tariff.registers;
    let same = package.chains.len() == registers.len()
        && package.chains.iter().zip(registers).all(|(chain, register)| chain.code == register.code);
    if !same {
        return Err(Refusal::Registers);
    }
    if period.from >= period.until {
        return Err(crate::bill::BillError::EmptyPeriod.into());
    }
    package
        .chains
        .iter()
        .zip(registers)
        .map(|(chain, register)| read_chain(chain, register, period, certificates, lists))
        .collect()
}

/// Every certificate is needed: named by a segment, or between two that are. Returns origin, class and meters.
fn check_meters(
    certificates: &Certificates,
    metered: &[Metered],
    registry: &Registry,
) -> Result<(Origin, SealClass, Vec<[u8; 32]>), Refusal> {
    let mut touched: BTreeMap<[u8; 32], (u32, u32)> = BTreeMap::new();
    let mut meters = Vec::new();
    let mut class = SealClass::Certified;
    for segment in metered.iter().flat_map(|m| &m.segments) {
        let entry = certificates.get(&segment.certificate).ok_or(Refusal::UnknownCertificate)?;
        let certificate = &entry.certificate;
        let range = touched.entry(certificate.identity_key).or_insert((certificate.epoch, certificate.epoch));
        *range = (range.0.min(certificate.epoch), range.1.max(certificate.epoch));
        if !meters.contains(&certificate.identity_key) {
            meters.push(certificate.identity_key);
        }
        if certificate.class as u8 > class as u8 {
            class = certificate.class;
        }
    }
    let mut origin = Origin::Attested;
    for entry in certificates.values() {
        let certificate = &entry.certificate;
        let needed =
            touched.get(&certificate.identity_key).is_some_and(|(a, b)| (*a..=*b).contains(&certificate.epoch));
        if !needed {
            return Err(Refusal::SpareCertificate);
        }
        if !registry.attests(entry)? {
            origin = Origin::Unattested;
        }
    }
    Ok((origin, class, meters))
}
