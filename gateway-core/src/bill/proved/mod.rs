//! Bills with a zero-knowledge proof: only the amount due leaves.
//!
//! ```text
//! blocks ─► Layout ─► compile(tariff) ─► Program ─► Witness ─► proof ─► package ─► verified like anybody's
//! ```

mod before;
mod material;

use protocol::bill::proved::{PROVED_KIND, ProvedStatement};
use protocol::bill::statement::PURPOSE;
use protocol::bill::{Chain, Measured, Package, Settled, Statement, check_period};
use protocol::circuit::{CircuitKey, Profile, State, Witness};
use protocol::inference;
use protocol::machine::{CELLS, CompileError, Layout, compile};
use protocol::metrology::keys::Hash;
use protocol::query::is_question;
use protocol::tariff::{SignedTariff, Tariff};
use protocol::verify::proved::{Circuits, first_state, verify_proved};
use protocol::verify::{Policy, Registry};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::{BillRefused, BillRequest, LineBands, certificates, own_registry};
use crate::ledger::{Proposal, question, rows};
use crate::prove::{ProvingKey, Step};
use crate::store::Store;
pub use before::find_before;
use material::{Material, layout, materials, settled, spread};

/// The state that a bill goes on from, and the bill that left it.
pub struct Before {
    /// Cells and blinding.
    pub state: State,
    /// Digest of the bill that left it.
    pub bill: Hash,
}

/// A finished bill, with what only the household sees. It does not print.
pub struct ProvedBill {
    /// What may leave.
    pub package: Vec<u8>,
    /// The statement in it.
    pub statement: ProvedStatement,
    /// The statement's digest.
    pub digest: Hash,
    /// Sums and quantities, in the tariff's order. They stay at home.
    pub measured: Measured,
    /// Lines and amount due; the state after.
    pub settled: Settled,
    /// For each energy line, what its bands took and came to.
    pub bands: Vec<LineBands>,
    /// The state that the next bill goes on from.
    pub after: State,
    /// Slots over all registers.
    pub slots: u64,
    /// What it brings to the ledger when it leaves.
    pub proposal: Proposal,
}

/// What proofs are made with.
#[derive(Clone, Copy, Debug)]
pub struct Prover<'a> {
    /// The proving key.
    pub key: &'a ProvingKey,
    /// The circuit's identity and verifying key.
    pub circuit: &'a CircuitKey,
}

/// The days of a tariff's registers over a period, as a circuit has them: for choosing one.
///
/// # Errors
/// When blocks are missing, or registers differ in their interval.
pub fn layout_of(store: &Store, tariff: &SignedTariff, request: &BillRequest) -> Result<Layout, BillRefused> {
    check_period(&tariff.tariff, &request.period)?;
    layout(&materials(store, tariff, request)?, &request.period)
}

/// The first of some circuits that holds the bill.
///
/// # Errors
/// When none does: what the last one lacks, or that there is none for the register's interval.
pub fn choose_of<'a>(
    tariff: &SignedTariff,
    request: &BillRequest,
    layout: &Layout,
    profiles: impl IntoIterator<Item = &'a Profile>,
) -> Result<Profile, BillRefused> {
    let mut last = CompileError::Shape("a circuit for this metering interval");
    for profile in profiles.into_iter().filter(|profile| profile.shape.slots == layout.slots) {
        match compile(&tariff.tariff, &request.period, layout, profile.shape) {
            Ok(_) => return Ok(*profile),
            Err(CompileError::Bill(error)) => return Err(error.into()),
            Err(error) => last = error,
        }
    }
    Err(BillRefused::NoProgram(last))
}

/// A bill of which everything is fixed but the proof. It holds readings and does not print.
pub struct Prepared {
    statement: ProvedStatement,
    digest: Hash,
    witness: Witness,
    measured: Measured,
    settled: Settled,
    bands: Vec<LineBands>,
    after: State,
    certificates: Vec<Vec<u8>>,
    chains: Vec<Chain>,
    registry: Registry,
    tariff: SignedTariff,
    policy: Policy,
    circuit: CircuitKey,
    proposal: Proposal,
}

/// Fixes a bill: what it rests on, what it comes to, and the witness of its proof. Nothing has left, and the store is not
/// needed any more.
///
/// # Errors
/// See [`BillRefused`].
pub fn prepare(
    store: &Store,
    tariff: &SignedTariff,
    request: &BillRequest,
    circuit: &CircuitKey,
    before: Option<&Before>,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<Prepared, BillRefused> {
    let period = &request.period;
    check_period(&tariff.tariff, period)?;
    let materials = materials(store, tariff, request)?;
    let proposal = proposal(store, tariff, request, &materials, before)?;
    store.consider(&proposal)?;
    let layout = layout(&materials, period)?;
    let program = compile(&tariff.tariff, period, &layout, circuit.profile.shape).map_err(BillRefused::NoProgram)?;
    let (first, after_blinding) = (first(&tariff.tariff), blinding(&tariff.tariff, rng));
    let state = before.map_or(&first, |before| &before.state);
    let (measured, settled, bands) = settled(&tariff.tariff, period, &materials, state)?;
    let (readings, blindings) = spread(&materials, &program);

    let mut nonce = [0; 16];
    rng.fill_bytes(&mut nonce);
    let commitment = |state: &State| protocol::circuit::commit_state(&state.cells, &state.blinding).to_bytes();
    let mut cells = [0; CELLS];
    cells.iter_mut().zip(&settled.next).for_each(|(to, from)| *to = *from);
    let after = State { cells, blinding: after_blinding };
    let statement = ProvedStatement {
        kind: PROVED_KIND.into(),
        version: protocol::metrology::VERSION,
        suite: protocol::metrology::SUITE,
        recipient: tariff.tariff.provider.key,
        purpose: PURPOSE.into(),
        nonce: request.nonce.unwrap_or(nonce),
        tariff: tariff.hash,
        period: *period,
        metered: materials.iter().map(|material| material.metered.clone()).collect(),
        circuit: circuit.id(),
        continues: before.map(|before| before.bill.into()),
        before: before.map_or_else(|| first_state(&tariff.tariff), |before| commitment(&before.state)),
        after: commitment(&after),
        corrects: request.corrects.map(Into::into),
        fee_minor: settled.settlement.fee_minor,
    };
    let digest = Statement::digest(&statement.encode());
    let witness = Witness::new(&digest, &program, readings, &blindings, state, &after.blinding)?;
    // The machine and the relation agree by construction and by test; a bill on which they do not is not made.
    if witness.output != settled.settlement.fee_minor || witness.next != after.cells {
        return Err(BillRefused::Corrupt);
    }
    Ok(Prepared {
        certificates: certificates(store, &statement.metered)?,
        registry: own_registry(store)?,
        policy: Policy { nonce: request.nonce, allow_incomplete: request.allow_incomplete, ..Policy::default() },
        chains: materials.into_iter().map(|material| material.chain).collect(),
        tariff: tariff.clone(),
        circuit: circuit.clone(),
        statement,
        digest,
        witness,
        measured,
        settled,
        bands,
        after,
        proposal,
    })
}

/// What a private bill would bring to the ledger. Nothing is computed.
///
/// # Errors
/// When the period does not fit, or blocks are missing.
pub fn propose(
    store: &Store,
    tariff: &SignedTariff,
    request: &BillRequest,
    before: Option<&Before>,
) -> Result<Proposal, BillRefused> {
    check_period(&tariff.tariff, &request.period)?;
    proposal(store, tariff, request, &materials(store, tariff, request)?, before)
}

fn proposal(
    store: &Store,
    tariff: &SignedTariff,
    request: &BillRequest,
    materials: &[Material],
    before: Option<&Before>,
) -> Result<Proposal, BillRefused> {
    let period = &request.period;
    let slots: Vec<_> = materials.iter().map(|material| material.slots(period)).collect();
    let days = store.days()?.unwrap_or_else(|| tariff.tariff.zone.clone());
    let release = inference::proved(&tariff.tariff, period, &slots, &days)?;
    let heads = materials.iter().flat_map(|m| m.metered.segments.iter().map(|segment| segment.head));
    let from = before.map_or([0; 32], |before| before.bill);
    let question = question(&tariff.hash, period, heads, &[b"proved", &from]);
    let rows = materials.iter().map(|material| rows(&material.blocks));
    Ok(Proposal::new(question, !is_question(&tariff.tariff), release, rows))
}

impl Prepared {
    /// Proves the bill, and verifies the finished package as anybody would. `watch` is told of each step and says whether
    /// to go on.
    ///
    /// # Errors
    /// When the key is for another circuit, `watch` says no, or the package does not verify.
    pub fn prove(
        self,
        key: &ProvingKey,
        rng: &mut (impl RngCore + CryptoRng),
        watch: &mut dyn FnMut(Step) -> bool,
    ) -> Result<ProvedBill, BillRefused> {
        let proof = key.prove(&self.witness, rng, watch)?;
        let bytes = self.statement.encode();
        let package = Package::new(bytes, proof.write().to_vec(), self.certificates, self.chains).write();
        let circuits = Circuits::new([self.circuit]);
        let verified = verify_proved(&package, &self.tariff, &circuits, &self.registry, &self.policy)?;
        Ok(ProvedBill {
            slots: verified.slots,
            digest: self.digest,
            package,
            statement: self.statement,
            measured: self.measured,
            settled: self.settled,
            bands: self.bands,
            after: self.after,
            proposal: self.proposal,
        })
    }
}

/// Prepares and proves in one.
///
/// # Errors
/// As [`prepare`] and [`Prepared::prove`].
pub fn make_proved(
    store: &Store,
    tariff: &SignedTariff,
    request: &BillRequest,
    prover: Prover<'_>,
    before: Option<&Before>,
    rng: &mut (impl RngCore + CryptoRng),
    watch: &mut dyn FnMut(Step) -> bool,
) -> Result<ProvedBill, BillRefused> {
    prepare(store, tariff, request, prover.circuit, before, rng)?.prove(prover.key, rng, watch)
}

/// The state before a tariff's first bill.
fn first(tariff: &Tariff) -> State {
    let mut cells = [0; CELLS];
    for (to, cell) in cells.iter_mut().zip(tariff.cells()) {
        *to = cell.first;
    }
    State { cells, blinding: bls12_381::Scalar::zero() }
}

/// A fresh blinding, or none when there is nothing to hide.
fn blinding(tariff: &Tariff, rng: &mut (impl RngCore + CryptoRng)) -> bls12_381::Scalar {
    if tariff.cells().is_empty() {
        return bls12_381::Scalar::zero();
    }
    let mut wide = Zeroizing::new([0; 64]);
    rng.fill_bytes(&mut *wide);
    bls12_381::Scalar::from_bytes_wide(&wide)
}
