//! Which proof a bill carries, and the finished bill whatever its proof.
//!
//! ```text
//! Wish ─► plan ─┬─ Linear ─► make_linear                     (the store's thread)
//!               └─ Private ─► prepare (store) ─► prove (no store, another thread) ─► Finished
//! ```

use gateway_core::Store;
use gateway_core::bill::proved::{Prepared, ProvedBill, choose_of, find_before, layout_of, prepare};
use gateway_core::bill::{Bill, BillRefused, BillRequest, LineBands, make};
use gateway_core::ledger::Proposal;
use gateway_core::store::{Source, StoredCircuit, StoredState};
use protocol::bill::{Settlement, check_linear};
use protocol::circuit::{CATALOGUE, CircuitKey, Profile, choose};
use protocol::metrology::keys::Hash;
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use rand_core::OsRng;

use crate::Failure;
use crate::api::ProofKind;

/// What is wanted of a bill.
#[derive(Clone)]
pub struct Wish {
    /// What to bill.
    pub request: BillRequest,
    /// Which proof.
    pub proof: ProofKind,
    /// Whether a tariff with state begins anew although there are earlier bills.
    pub restart: bool,
}

/// How a wish is met.
pub enum Plan {
    /// By a linear proof.
    Linear,
    /// In a circuit.
    Private(Box<StoredCircuit>),
}

/// A finished bill, whatever its proof, with the account that only the household sees. It does not print.
pub struct Finished {
    /// What may leave.
    pub package: Vec<u8>,
    /// The statement's digest.
    pub digest: Hash,
    /// The period.
    pub period: Span,
    /// Lines and fee.
    pub settlement: Settlement,
    /// For each energy line, what its bands took and came to.
    pub bands: Vec<LineBands>,
    /// The tariff's quantities of a private bill, in its order.
    pub quantities: Vec<i128>,
    /// Slots over all registers.
    pub slots: usize,
    /// Of these, slots without a measurement.
    pub missing: u32,
    /// The circuit of a private bill.
    pub circuit: Option<Profile>,
    /// Whether the circuit's maker could forge.
    pub demonstration: bool,
    /// What it leaves to the next bill.
    pub state: Option<StoredState>,
    /// What it brings to the inference ledger when it leaves.
    pub proposal: Proposal,
}

/// Decides how a wish is met, from what is public and from what is here.
///
/// # Errors
/// When the blocks are missing, or no circuit is here that the tariff needs.
pub fn plan(store: &Store, tariff: &SignedTariff, wish: &Wish) -> Result<Plan, Failure> {
    let linear = check_linear(&tariff.tariff).is_ok();
    if wish.request.totals && (wish.proof == ProofKind::Private || !linear) {
        return Err(Failure::refused(
            "totals",
            "totals are part of a linear bill, which this is not to be; bill without them",
        ));
    }
    if wish.proof == ProofKind::Linear || wish.request.totals {
        return Ok(Plan::Linear);
    }
    let layout = match layout_of(store, tariff, &wish.request) {
        // Registers of different intervals fit no circuit; a linear proof takes them.
        Err(BillRefused::NoProgram(_)) if linear && wish.proof == ProofKind::Auto => return Ok(Plan::Linear),
        other => other?,
    };
    let circuits = trusted(store, tariff, wish.proof == ProofKind::Private || !linear)?;
    let profiles: Vec<Profile> = circuits.iter().map(|circuit| circuit.profile).collect();
    let lacks = match choose_of(tariff, &wish.request, &layout, &profiles) {
        Ok(profile) => {
            let found = circuits.into_iter().find(|circuit| circuit.profile == profile);
            return found.map(Box::new).map(Plan::Private).ok_or_else(|| BillRefused::Corrupt.into());
        }
        Err(lacks) => lacks,
    };
    if wish.proof == ProofKind::Auto && linear {
        return Ok(Plan::Linear);
    }
    match choose(&tariff.tariff, &wish.request.period, &layout) {
        Ok((profile, _)) => Err(absent(profile.name)),
        Err(_) => Err(lacks.into()),
    }
}

fn absent(name: &str) -> Failure {
    Failure::refused(
        "no-circuit",
        format!(
            "this bill needs a zero-knowledge proof in the circuit {name}, which is not here. Fetch it from the provider with \
             `wattseal circuits fetch`, or take its files with `wattseal circuits add`; to try it out on this machine: \
             `wattseal circuits make {name}`"
        ),
    )
}

/// Circuits that may be proved with, in the catalogue's order, those of the tariff's provider first. Another
/// provider's, and one made on this machine, the tariff's provider may not trust: they are for when a private proof is asked
/// for or nothing else will do.
fn trusted(store: &Store, tariff: &SignedTariff, own_too: bool) -> Result<Vec<StoredCircuit>, Failure> {
    // A provider may have signed its tariff with a later key: its keys are pinned under one name.
    let keys = store.provider_keys(&tariff.tariff.provider.name)?;
    let rank = |circuit: &StoredCircuit| match circuit.source {
        Source::Provider(key) if keys.contains(&key) => Some(0),
        Source::File => Some(1),
        Source::Provider(_) => own_too.then_some(2),
        Source::Here => own_too.then_some(3),
    };
    let place = |circuit: &StoredCircuit| CATALOGUE.iter().position(|profile| *profile == circuit.profile);
    let mut ranked: Vec<_> = store
        .circuits()?
        .into_iter()
        .filter_map(|circuit| Some(((place(&circuit)?, rank(&circuit)?), circuit)))
        .collect();
    ranked.sort_by_key(|(key, _)| *key);
    Ok(ranked.into_iter().map(|(_, circuit)| circuit).collect())
}

/// Makes a bill with a linear proof.
///
/// # Errors
/// As [`make`].
pub fn make_linear(store: &Store, tariff: &SignedTariff, wish: &Wish) -> Result<Finished, Failure> {
    let Bill { package, statement, digest, settlement, bands, slots, proposal } =
        make(store, tariff, &wish.request, &mut OsRng)?;
    Ok(Finished {
        package,
        digest,
        period: statement.period,
        settlement,
        bands,
        quantities: Vec::new(),
        slots,
        missing: statement.metered.iter().map(|m| m.missing).sum(),
        circuit: None,
        demonstration: false,
        state: None,
        proposal,
    })
}

/// Fixes a private bill; what follows needs no store.
///
/// # Errors
/// As [`prepare`] and [`find_before`].
pub fn prepare_private(
    store: &Store,
    tariff: &SignedTariff,
    wish: &Wish,
    circuit: &CircuitKey,
) -> Result<Prepared, Failure> {
    let before = find_before(store, tariff, &wish.request, wish.restart)?;
    Ok(prepare(store, tariff, &wish.request, circuit, before.as_ref(), &mut OsRng)?)
}

/// A private bill that was proved.
#[must_use]
pub fn finished(bill: ProvedBill, tariff: &SignedTariff, circuit: &CircuitKey) -> Finished {
    let ProvedBill { package, statement, digest, measured, settled, bands, after, slots, proposal } = bill;
    let state = StoredState {
        bill: digest,
        continues: statement.continues.map(Into::into),
        corrects: statement.corrects.map(Into::into),
        after,
    };
    Finished {
        package,
        digest,
        period: statement.period,
        settlement: settled.settlement,
        bands,
        quantities: measured.quantities,
        slots: usize::try_from(slots).unwrap_or(usize::MAX),
        missing: statement.metered.iter().map(|m| m.missing).sum(),
        circuit: Some(circuit.profile),
        demonstration: circuit.demonstration,
        state: (!tariff.tariff.cells().is_empty()).then_some(state),
        proposal,
    }
}
