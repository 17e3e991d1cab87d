//! What a proof is made from: the blocks of each register, in the circuit's order.

use protocol::bill::measure::Metered as Measurable;
use protocol::bill::{Chain, ChainBlock, Measured, Metered, Settled, measure, settle_with, weights};
use protocol::circuit::State;
use protocol::inference::Slots;
use protocol::machine::{CompileError, Layout, LayoutBlock, Program, Readings};
use protocol::metrology::label::DAY_SECONDS;
use protocol::tariff::{SignedTariff, Tariff};
use protocol::time::Span;
use zeroize::Zeroizing;

use super::super::account::{LineBands, account};
use super::super::material::{find_blocks, note, nothing_metered, slots_of};
use super::super::{BillRefused, BillRequest};
use crate::store::{BlockRow, Store};

/// The blocks of one register over a period.
pub(super) struct Material {
    pub(super) interval: u64,
    pub(super) metered: Metered,
    pub(super) chain: Chain,
    pub(super) blocks: Vec<BlockRow>,
}

impl Material {
    /// What is public about its slots.
    pub(super) fn slots(&self, period: &Span) -> Slots {
        slots_of(&self.blocks, period)
    }
}

pub(super) fn materials(
    store: &Store,
    tariff: &SignedTariff,
    request: &BillRequest,
) -> Result<Vec<Material>, BillRefused> {
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

pub(super) fn layout(materials: &[Material], period: &Span) -> Result<Layout, BillRefused> {
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

/// The relation in plain integers: what was measured; lines, amount due, cells; what bands took.
pub(super) fn settled(
    tariff: &Tariff,
    period: &Span,
    materials: &[Material],
    state: &State,
) -> Result<(Measured, Settled, Vec<LineBands>), BillRefused> {
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
    let cells = state.cells.get(..tariff.cells().len()).unwrap_or(&[]);
    let settled = settle_with(tariff, period, &measured, cells)?;
    let intervals: Vec<u64> = materials.iter().map(|material| material.interval).collect();
    let bands = account(tariff, &weights(tariff, period, &intervals)?, &metered, period)?;
    Ok((measured, settled, bands))
}

/// Readings and blindings in the circuit's order; blocks that it has beyond those of the bill are empty.
pub(super) fn spread(materials: &[Material], program: &Program) -> (Readings, Vec<bls12_381::Scalar>) {
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
