//! Bills: from stored readings and a signed tariff to a package that proves its own fee.
//!
//! Order of work: find the blocks, refuse gaps, ask the inference ledger, compute, prove, and verify the
//! finished package with the same code as anybody else. Only then does it exist.

mod account;
mod material;
pub mod proved;
mod refused;

pub use account::LineBands;
pub use refused::BillRefused;

use protocol::bill::statement::{KIND, PURPOSE};
use protocol::bill::{
    Metered, Package, Settlement, Statement, Weights, check_linear, check_period, energy, settle, total_weights,
    weights,
};
use protocol::certificate::VerifiedCertificate;
use protocol::inference::{self, Slots};
use protocol::linear::{LineClaim, combined_opening, prove};
use protocol::metrology::keys::Hash;
use protocol::query::is_question;
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use protocol::verify::{Policy, Refusal, Registry, verify};
use protocol::wire;
use rand_core::{CryptoRng, RngCore};

use crate::ledger::{Proposal, question};
use crate::store::{Store, StoreError};
use account::account;
use material::{Material, material};

/// What to bill.
#[derive(Clone, Debug)]
pub struct BillRequest {
    /// The period.
    pub period: Span,
    /// The meter, when several could be meant.
    pub meter: Option<[u8; 32]>,
    /// Whether slots without a measurement are billed as zero, with the residual at the fallback price.
    pub allow_incomplete: bool,
    /// A nonce that the recipient asked for.
    pub nonce: Option<[u8; 16]>,
    /// Digest of the bill that this one corrects.
    pub corrects: Option<Hash>,
    /// Whether what each register took is added as a certified extra.
    pub totals: bool,
}

/// A finished bill, with the account that only the household sees. It does not print.
pub struct Bill {
    /// What may leave.
    pub package: Vec<u8>,
    /// The statement in it.
    pub statement: Statement,
    /// The statement's digest.
    pub digest: Hash,
    /// Lines and fee.
    pub settlement: Settlement,
    /// For each energy line, what each of its bands (or the whole line) took and came to.
    pub bands: Vec<LineBands>,
    /// Slots over all registers.
    pub slots: usize,
    /// What it brings to the ledger when it leaves.
    pub proposal: Proposal,
}

/// Makes a bill.
///
/// # Errors
/// See [`BillRefused`].
pub fn make(
    store: &Store,
    tariff: &SignedTariff,
    request: &BillRequest,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<Bill, BillRefused> {
    let period = &request.period;
    check_linear(&tariff.tariff)?;
    check_period(&tariff.tariff, period)?;
    let materials: Vec<Material> =
        tariff.tariff.registers.iter().map(|register| material(store, register, request)).collect::<Result<_, _>>()?;
    let weights = lines(tariff, request, &materials)?;
    let energy_lines = tariff.tariff.energy_lines().count();
    let proposal = proposal(store, tariff, request, &materials, &weights)?;
    store.consider(&proposal)?;

    let sums: Vec<i128> = weights
        .iter()
        .filter_map(|w| materials.get(w.register).map(|m| energy(w, &m.readings, &m.residuals)))
        .collect();
    let settlement = settle(&tariff.tariff, period, sums.get(..energy_lines).unwrap_or(&[]))?;
    let mut amounts =
        sums.iter().map(|s| i64::try_from(*s)).collect::<Result<Vec<_>, _>>().map_err(|_| BillRefused::TooLarge)?;
    let totals = amounts.split_off(energy_lines);
    let mut nonce = [0; 16];
    rng.fill_bytes(&mut nonce);
    let statement = Statement {
        kind: KIND.into(),
        version: protocol::metrology::VERSION,
        suite: protocol::metrology::SUITE,
        recipient: tariff.tariff.provider.key,
        purpose: PURPOSE.into(),
        nonce: request.nonce.unwrap_or(nonce),
        tariff: tariff.hash,
        period: *period,
        metered: materials.iter().map(|m| m.metered.clone()).collect(),
        amounts,
        fee_minor: settlement.fee_minor,
        corrects: request.corrects.map(Into::into),
        totals: request.totals.then_some(totals),
    };
    let seen: Vec<_> = materials.iter().map(Material::metered).collect();
    let bands = account(&tariff.tariff, &weights, &seen, period)?;
    let package = seal_package(store, &statement, &weights, materials, rng)?;
    let policy = Policy { nonce: request.nonce, allow_incomplete: request.allow_incomplete, ..Policy::default() };
    let verified = verify(&package, tariff, &own_registry(store)?, &policy)?;
    Ok(Bill {
        slots: usize::try_from(verified.slots).unwrap_or(usize::MAX),
        digest: verified.digest,
        package,
        statement,
        settlement,
        bands,
        proposal,
    })
}

/// What a linear bill would bring to the ledger. Nothing is computed.
///
/// # Errors
/// When the tariff is not linear, or blocks are missing.
pub fn propose(store: &Store, tariff: &SignedTariff, request: &BillRequest) -> Result<Proposal, BillRefused> {
    check_linear(&tariff.tariff)?;
    check_period(&tariff.tariff, &request.period)?;
    let materials: Vec<Material> =
        tariff.tariff.registers.iter().map(|register| material(store, register, request)).collect::<Result<_, _>>()?;
    proposal(store, tariff, request, &materials, &lines(tariff, request, &materials)?)
}

fn proposal(
    store: &Store,
    tariff: &SignedTariff,
    request: &BillRequest,
    materials: &[Material],
    lines: &[Weights],
) -> Result<Proposal, BillRefused> {
    let slots: Vec<Slots> = materials.iter().map(|material| material.slots.clone()).collect();
    let days = store.days()?.unwrap_or_else(|| tariff.tariff.zone.clone());
    let release = inference::linear(lines, &request.period, &slots, &days);
    let heads = materials.iter().flat_map(|m| m.metered.segments.iter().map(|segment| segment.head));
    let question = question(&tariff.hash, &request.period, heads, &[b"linear", &[u8::from(request.totals)]]);
    let rows = materials.iter().map(|material| material.rows.clone());
    Ok(Proposal::new(question, !is_question(&tariff.tariff), release, rows))
}

/// Weights of the energy lines, and of the totals when they are asked for.
fn lines(tariff: &SignedTariff, request: &BillRequest, materials: &[Material]) -> Result<Vec<Weights>, BillRefused> {
    let intervals: Vec<u64> = materials.iter().map(|material| material.interval).collect();
    let mut lines = weights(&tariff.tariff, &request.period, &intervals)?;
    if request.totals {
        lines.extend(total_weights(&request.period, &intervals)?);
    }
    Ok(lines)
}

/// Proves the statement and puts the package together.
fn seal_package(
    store: &Store,
    statement: &Statement,
    weights: &[Weights],
    materials: Vec<Material>,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<Vec<u8>, BillRefused> {
    let bytes = statement.encode();
    let digest = Statement::digest(&bytes);
    let mut claims = Vec::with_capacity(weights.len());
    let mut secrets = Vec::with_capacity(weights.len());
    let totals = statement.totals.as_deref().unwrap_or(&[]);
    for (line, amount) in weights.iter().zip(statement.amounts.iter().chain(totals)) {
        let material = materials.get(line.register).ok_or(BillRefused::Corrupt)?;
        claims.push(LineClaim {
            weights: line,
            amount: *amount,
            commitments: &material.commitments,
            residuals: &material.residual_commitments,
        });
        secrets.push(combined_opening(line, &material.openings, &material.residual_openings));
    }
    let proof = prove(&digest, &claims, &secrets, rng).map_err(Refusal::Proof)?;
    let certificates = certificates(store, &statement.metered)?;
    let chains = materials.into_iter().map(|m| m.chain).collect();
    Ok(Package::new(bytes, wire::encode(&proof), certificates, chains).write())
}

/// The certificates of all touched epochs and those between them.
fn certificates(store: &Store, metered: &[Metered]) -> Result<Vec<Vec<u8>>, BillRefused> {
    let mut found = Vec::new();
    for meter in store.meters()? {
        let all: Vec<VerifiedCertificate> = store.certificates(meter.id)?.into_iter().map(|(_, c)| c).collect();
        let touched: Vec<u32> = metered
            .iter()
            .flat_map(|m| &m.segments)
            .filter_map(|s| all.iter().find(|c| c.hash == s.certificate))
            .map(|c| c.certificate.epoch)
            .collect();
        if let (Some(first), Some(last)) = (touched.iter().min(), touched.iter().max()) {
            found
                .extend(all.into_iter().filter(|c| (*first..=*last).contains(&c.certificate.epoch)).map(|c| c.message));
        }
    }
    Ok(found)
}

/// The meters this household is paired with, as a registry for checking its own work.
fn own_registry(store: &Store) -> Result<Registry, StoreError> {
    let mut registry = Registry::default();
    for meter in store.meters()? {
        let certificates: Vec<_> = store.certificates(meter.id)?.into_iter().map(|(_, c)| c).collect();
        registry.list(&certificates);
    }
    Ok(registry)
}
