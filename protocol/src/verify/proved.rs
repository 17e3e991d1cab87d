//! Verification of bills with a zero-knowledge proof.
//!
//! Everything public is derived again: the blocks' commitments from signed headers, the program from the signed tariff, the
//! digest from the statement's bytes. What is left is one equation, checked alone or with those of many other homes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use blstrs::Scalar;
use metrology::certificate::SealClass;
use metrology::keys::Hash;

use super::chain::{ChainReading, Lists};
use super::common::{self, Address};
use super::{Origin, Policy, Refusal};
use crate::bill::Package;
use crate::bill::proved::{PROVED_KIND, ProvedStatement};
use crate::bill::statement::Statement;
use crate::circuit::{CircuitKey, Publics, commit_state, convert, digest_input, field};
use crate::groth16::{FoldedKey, PROOF_BYTES, Proof};
use crate::machine::{CELLS, CompileError, Layout, LayoutBlock};
use crate::tariff::{SignedTariff, Tariff};
use crate::time::Span;
use crate::wire;

/// The circuits that a verifier trusts, and their keys for the tariffs seen last.
#[derive(Debug, Default)]
pub struct Circuits {
    keys: HashMap<Hash, CircuitKey>,
    folded: Mutex<HashMap<Fold, Arc<FoldedKey>>>,
    /// States before the first periods of tariffs.
    firsts: Mutex<HashMap<Hash, [u8; 32]>>,
}

/// What a folded key is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Fold {
    circuit: Hash,
    tariff: Hash,
    period: Span,
    layout: Layout,
}

/// Folded keys that are kept: half a megabyte each, once single proofs were checked with them.
const MOST_FOLDS: usize = 128;

impl Circuits {
    /// The circuits of these keys.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = CircuitKey>) -> Self {
        Self {
            keys: keys.into_iter().map(|key| (key.id(), key)).collect(),
            folded: Mutex::default(),
            firsts: Mutex::default(),
        }
    }

    /// A circuit by its identity.
    #[must_use]
    pub fn get(&self, id: &Hash) -> Option<&CircuitKey> {
        self.keys.get(id)
    }

    /// [`first_state`], worked out once for a tariff.
    fn first_state(&self, tariff: &SignedTariff) -> [u8; 32] {
        let mut firsts = self.firsts.lock().unwrap_or_else(PoisonError::into_inner);
        if firsts.len() >= MOST_FOLDS && !firsts.contains_key(&tariff.hash) {
            firsts.clear();
        }
        *firsts.entry(tariff.hash).or_insert_with(|| first_state(&tariff.tariff))
    }

    fn fold(
        &self,
        circuit: Hash,
        tariff: &SignedTariff,
        period: Span,
        layout: Layout,
    ) -> Result<Arc<FoldedKey>, Refusal> {
        let key = self.keys.get(&circuit).ok_or(Refusal::UnknownCircuit)?;
        let fold = Fold { circuit, tariff: tariff.hash, period, layout };
        let mut folded = self.folded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = folded.get(&fold) {
            return Ok(Arc::clone(found));
        }
        let made = key.fold(&tariff.tariff, &period, &fold.layout).map_err(Refusal::NoProgram)?;
        if folded.len() >= MOST_FOLDS {
            folded.clear();
        }
        let made = Arc::new(made);
        folded.insert(fold, Arc::clone(&made));
        Ok(made)
    }
}

/// A proved bill of which everything but the proof's equation was checked.
#[derive(Clone, Debug)]
pub struct ProvedBill {
    /// Its statement.
    pub statement: ProvedStatement,
    /// The statement's digest: the bill's identity.
    pub digest: Hash,
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
    /// Whether the circuit's key is a demonstration's, whose maker could forge.
    pub demonstration: bool,
    /// The key, folded for the tariff.
    pub key: Arc<FoldedKey>,
    /// What the proof is about.
    pub publics: Publics,
    /// The proof.
    pub proof: Proof,
}

/// Verifies a proved bill.
///
/// # Errors
/// The reason it is refused.
pub fn verify_proved(
    package: &[u8],
    tariff: &SignedTariff,
    circuits: &Circuits,
    registry: &super::Registry,
    policy: &Policy,
) -> Result<ProvedBill, Refusal> {
    let bill = prepare(package, tariff, circuits, registry, policy)?;
    if bill.key.verify(&bill.publics, &bill.proof) { Ok(bill) } else { Err(Refusal::WrongProof) }
}

/// Checks everything but the proof's equation, which a batch checks for many.
///
/// # Errors
/// The reason it is refused.
pub fn prepare(
    package: &[u8],
    tariff: &SignedTariff,
    circuits: &Circuits,
    registry: &super::Registry,
    policy: &Policy,
) -> Result<ProvedBill, Refusal> {
    let package = Package::read(package)?;
    let statement: ProvedStatement = wire::decode(&package.statement, "bill statement")?;
    let digest = Statement::digest(&package.statement);
    address(&statement).check(PROVED_KIND, tariff, policy)?;
    let circuit = circuits.get(&statement.circuit).ok_or(Refusal::UnknownCircuit)?;

    let common::Read { readings, origin, class, meters, missing } =
        common::read(&package, tariff, &statement.period, &statement.metered, Lists::Left, registry, policy)?;

    let layout =
        layout(&readings).ok_or(Refusal::NoProgram(CompileError::Shape("one interval for all registers, more")))?;
    let slots = readings.iter().map(|reading| slots_of(&reading.metered, &statement.period)).sum();
    let publics = publics(&statement, &digest, &readings, circuit.profile.shape.blocks)?;
    if statement.continues.is_none() && statement.before != circuits.first_state(tariff) {
        return Err(Refusal::OtherState);
    }
    if tariff.tariff.cells().is_empty() && (statement.continues.is_some() || statement.after != statement.before) {
        return Err(Refusal::OtherState);
    }
    let proof = Some(package.proof.as_slice()).filter(|proof| proof.len() == PROOF_BYTES);
    let proof = proof.and_then(|proof| Proof::read(proof).ok()).ok_or(Refusal::WrongProof)?;
    let demonstration = circuit.demonstration;
    let key = circuits.fold(statement.circuit, tariff, statement.period, layout)?;
    Ok(ProvedBill { statement, digest, origin, class, meters, slots, missing, demonstration, key, publics, proof })
}

fn address(statement: &ProvedStatement) -> Address<'_> {
    Address {
        kind: (&statement.kind, statement.version, statement.suite),
        tariff: statement.tariff,
        recipient: statement.recipient,
        purpose: &statement.purpose,
        nonce: statement.nonce,
    }
}

/// The state before a tariff's first period, which everybody can compute: its blinding is zero.
#[must_use]
pub fn first_state(tariff: &Tariff) -> [u8; 32] {
    let mut cells = [0; CELLS];
    for (to, cell) in cells.iter_mut().zip(tariff.cells()) {
        *to = cell.first;
    }
    commit_state(&cells, &bls12_381::Scalar::zero()).to_bytes()
}

/// The blocks of all registers in the circuit's order. `None` when registers have different intervals.
fn layout(readings: &[ChainReading]) -> Option<Layout> {
    let interval = readings.first()?.metered.interval;
    if readings.iter().any(|reading| reading.metered.interval != interval) {
        return None;
    }
    let slots = usize::try_from(metrology::label::DAY_SECONDS / u64::from(interval.max(1))).ok()?;
    let days =
        readings.iter().enumerate().flat_map(|(register, reading)| reading.days.iter().map(move |day| (register, day)));
    let blocks = days.map(|(register, day)| LayoutBlock {
        register,
        day: u64::from(day.header.day),
        first: usize::from(day.header.first),
        count: usize::from(day.header.count),
        residual: day.residual,
    });
    Some(Layout { slots, blocks: blocks.collect() })
}

fn slots_of(metered: &crate::bill::Metered, period: &Span) -> u64 {
    period.seconds() / u64::from(metered.interval.max(1))
}

/// The inputs of a home. Blocks that the circuit has beyond those of the bill are empty ones, which everybody knows.
fn publics(
    statement: &ProvedStatement,
    digest: &Hash,
    readings: &[ChainReading],
    blocks: usize,
) -> Result<Publics, Refusal> {
    let element = |bytes: &[u8; 32]| -> Option<Scalar> { Scalar::from_bytes_le(bytes).into() };
    let mut list = Vec::with_capacity(blocks);
    for reading in readings {
        for day in &reading.days {
            let name = || reading.metered.code.as_str().to_owned();
            list.push(element(&day.header.day_commitment).ok_or_else(|| Refusal::Point(name()))?);
        }
    }
    if list.len() > blocks {
        return Err(Refusal::NoProgram(CompileError::Shape("more blocks")));
    }
    list.resize(blocks, empty_block());
    Ok(Publics {
        digest: digest_input(digest),
        output: field(statement.fee_minor.into()),
        before: element(&statement.before).ok_or(Refusal::OtherState)?,
        after: element(&statement.after).ok_or(Refusal::OtherState)?,
        blocks: list,
    })
}

/// The commitment of a block without readings and without a blinding: the same for all intervals, since zeros pack alike.
#[must_use]
pub fn empty_block() -> Scalar {
    static EMPTY: OnceLock<Scalar> = OnceLock::new();
    let nothing = [0; metrology::label::MAX_SLOTS];
    let made = || metrology::poseidon::day_commitment(&nothing, nothing.len(), 0, &bls12_381::Scalar::zero());
    *EMPTY.get_or_init(|| convert(&made()))
}
