//! Bills with a zero-knowledge proof: only the amount due leaves.
//!
//! ```text
//! blocks ─► Layout ─► compile(tariff) ─► Program ─► Witness ─► proof ─► package ─► verified like anybody's
//! ```

use protocol::bill::measure::Metered as Measurable;
use protocol::bill::proved::{PROVED_KIND, ProvedStatement};
use protocol::bill::statement::PURPOSE;
use protocol::bill::{Chain, ChainBlock, Metered, Package, Settled, Statement, check_period, measure, settle_with};
use protocol::circuit::{CircuitKey, State, Witness};
use protocol::machine::{CELLS, CompileError, Layout, LayoutBlock, Program, Readings, compile};
use protocol::metrology::keys::Hash;
use protocol::metrology::label::DAY_SECONDS;
use protocol::tariff::{SignedTariff, Tariff};
use protocol::time::Span;
use protocol::verify::Policy;
use protocol::verify::proved::{Circuits, first_state, verify_proved};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::material::{find_blocks, note, nothing_metered};
use super::{BillRefused, BillRequest, certificates, own_registry};
use crate::prove::{ProvingKey, Step};
use crate::store::{BlockRow, Store};

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
    /// Lines and amount due; the state after.
    pub settled: Settled,
    /// The state that the next bill goes on from.
    pub after: State,
    /// Slots over all registers.
    pub slots: u64,
}

/// What proofs are made with.
#[derive(Clone, Copy, Debug)]
pub struct Prover<'a> {
    /// The proving key.
    pub key: &'a ProvingKey,
    /// The circuit's identity and verifying key.
    pub circuit: &'a CircuitKey,
    /// The same among those that verifiers trust.
    pub circuits: &'a Circuits,
}

/// The blocks of one register over a period.
struct Material {
    interval: u64,
    metered: Metered,
    chain: Chain,
    blocks: Vec<BlockRow>,
}

/// The days of a tariff's registers over a period, as a circuit has them: for choosing one.
///
/// # Errors
/// When blocks are missing, or registers differ in their interval.
pub fn layout_of(store: &Store, tariff: &SignedTariff, request: &BillRequest) -> Result<Layout, BillRefused> {
    layout(&materials(store, tariff, request)?, &request.period)
}

/// Makes a proved bill. `watch` is told of each step of the proof and says whether to go on.
///
/// # Errors
/// See [`BillRefused`].
pub fn make_proved(
    store: &Store,
    tariff: &SignedTariff,
    request: &BillRequest,
    prover: Prover<'_>,
    before: Option<&Before>,
    rng: &mut (impl RngCore + CryptoRng),
    watch: &mut dyn FnMut(Step) -> bool,
) -> Result<ProvedBill, BillRefused> {
    check_period(&tariff.tariff, &request.period)?;
    let materials = materials(store, tariff, request)?;
    let layout = layout(&materials, &request.period)?;
    let shape = prover.circuit.profile.shape;
    let program = compile(&tariff.tariff, &request.period, &layout, shape).map_err(BillRefused::NoProgram)?;
    let (first, after_blinding) = (first(&tariff.tariff), blinding(&tariff.tariff, rng));
    let state = before.map_or(&first, |before| &before.state);
    let settled = settled(&tariff.tariff, &request.period, &materials, state)?;
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
        period: request.period,
        metered: materials.iter().map(|material| material.metered.clone()).collect(),
        circuit: prover.circuit.id(),
        continues: before.map(|before| before.bill.into()),
        before: before.map_or_else(|| first_state(&tariff.tariff), |before| commitment(&before.state)),
        after: commitment(&after),
        corrects: request.corrects.map(Into::into),
        fee_minor: settled.settlement.fee_minor,
    };
    let bytes = statement.encode();
    let digest = Statement::digest(&bytes);
    let witness = Witness::new(&digest, &program, readings, &blindings, state, &after.blinding)?;
    // The machine and the relation agree by construction and by test; a bill on which they do not is not made.
    if witness.output != settled.settlement.fee_minor || witness.next != after.cells {
        return Err(BillRefused::Corrupt);
    }
    let proof = prover.key.prove(&witness, rng, watch)?;
    let certificates = certificates(store, &statement.metered)?;
    let chains = materials.into_iter().map(|material| material.chain).collect();
    let package = Package::new(bytes, proof.write().to_vec(), certificates, chains).write();
    let policy = Policy { nonce: request.nonce, allow_incomplete: request.allow_incomplete, ..Policy::default() };
    let verified = verify_proved(&package, tariff, prover.circuits, &own_registry(store)?, &policy)?;
    Ok(ProvedBill { slots: verified.slots, digest, package, statement, settled, after })
}

fn materials(store: &Store, tariff: &SignedTariff, request: &BillRequest) -> Result<Vec<Material>, BillRefused> {
    tariff
        .tariff
        .registers
        .iter()
        .map(|register| {
            let (code, blocks) = (register.code, find_blocks(store, &register.code, request)?);
            let interval = blocks.first().map_or(0, |block| block.header.register.interval.seconds());
            if blocks.iter().any(|block| block.header.register.unit != register.unit) {
                return Err(BillRefused::Unit(code));
            }
            if blocks.iter().any(|block| block.header.register.interval.seconds() != interval) {
                return Err(BillRefused::MixedIntervals(code));
            }
            let mut metered = nothing_metered(code, interval)?;
            let mut chain = Chain { code, blocks: Vec::with_capacity(blocks.len()), signatures: Vec::new() };
            for (place, block) in blocks.iter().enumerate() {
                note(&mut metered, block, &request.period);
                chain.blocks.push(ChainBlock::new(block.payload.clone(), &[]));
                let next = blocks.get(place + 1);
                if next.is_none_or(|next| next.header.certificate != block.header.certificate) {
                    chain.signatures.push(block.signature.to_vec().into());
                }
            }
            if metered.missing > 0 && !request.allow_incomplete {
                return Err(BillRefused::Incomplete { register: code, missing: metered.missing });
            }
            Ok(Material { interval, metered, chain, blocks })
        })
        .collect()
}

fn layout(materials: &[Material], period: &Span) -> Result<Layout, BillRefused> {
    let interval = materials.first().map_or(0, |material| material.interval).max(1);
    if materials.iter().any(|material| material.interval != interval) {
        return Err(BillRefused::NoProgram(CompileError::Shape("one interval for all registers, more")));
    }
    let blocks = materials.iter().enumerate().flat_map(|(register, material)| {
        material.blocks.iter().map(move |block| LayoutBlock {
            register,
            day: u64::from(block.header.day),
            first: usize::from(block.header.first),
            count: usize::from(block.header.count),
            residual: block.header.span().until <= period.until,
        })
    });
    Ok(Layout { slots: usize::try_from(DAY_SECONDS / interval).unwrap_or(0), blocks: blocks.collect() })
}

/// The relation in plain integers: lines, amount due, cells.
fn settled(tariff: &Tariff, period: &Span, materials: &[Material], state: &State) -> Result<Settled, BillRefused> {
    let inside = |material: &Material| {
        let mut readings = Zeroizing::new(Vec::new());
        let mut residuals = Zeroizing::new(Vec::new());
        for block in &material.blocks {
            let starts = (block.header.span().from..).step_by(usize::try_from(material.interval).unwrap_or(1));
            let slots = starts.zip(block.readings.iter());
            readings.extend(slots.filter(|(from, _)| (period.from..period.until).contains(from)).map(|(_, x)| *x));
            if block.header.span().until <= period.until {
                residuals.push(block.residual);
            }
        }
        (readings, residuals)
    };
    let parts: Vec<_> = materials.iter().map(inside).collect();
    let metered: Vec<Measurable<'_>> = materials
        .iter()
        .zip(&parts)
        .map(|(material, (readings, residuals))| Measurable { interval: material.interval, readings, residuals })
        .collect();
    let measured = measure(tariff, period, &metered)?;
    Ok(settle_with(tariff, period, &measured, state.cells.get(..tariff.cells().len()).unwrap_or(&[]))?)
}

/// Readings and blindings in the circuit's order; blocks that it has beyond those of the bill are empty.
fn spread(materials: &[Material], program: &Program) -> (Readings, Vec<bls12_381::Scalar>) {
    let shape = program.shape;
    let mut readings = Readings { values: vec![0; shape.readings()], residuals: vec![0; shape.blocks] };
    let mut blindings = vec![bls12_381::Scalar::zero(); shape.blocks];
    let blocks = materials.iter().flat_map(|material| &material.blocks);
    let places = readings.values.chunks_mut(shape.slots).zip(&mut readings.residuals).zip(&mut blindings);
    for (block, ((values, residual), blinding)) in blocks.zip(places) {
        let own = values.iter_mut().skip(usize::from(block.header.first)).zip(block.readings.iter());
        own.for_each(|(to, from)| *to = *from);
        *residual = block.residual;
        *blinding = *block.seed.day_blinding(&block.header.register, block.header.block).expose();
    }
    (readings, blindings)
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
