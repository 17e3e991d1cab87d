//! What a bill is made from: the blocks of each register over the period, and what they rest on.

use protocol::bill::measure::Metered as Measurable;
use protocol::bill::{Chain, ChainBlock, Metered, Segment, slots_in};
use protocol::inference::Slots;
use protocol::metrology::curve::{Niels, read_point};
use protocol::metrology::header::list_hash;
use protocol::metrology::keys::Opening;
use protocol::metrology::label::{RegisterCode, Status};
use protocol::tariff::TariffRegister;
use protocol::time::Span;
use zeroize::Zeroizing;

use super::{BillRefused, BillRequest};
use crate::ledger::{LaneKey, rows};
use crate::store::{BlockRow, MeterRow, Store};
use crate::unseal::{commitments, openings};

/// The blocks of one register, ready to be billed.
pub(super) struct Material {
    pub(super) interval: u64,
    pub(super) readings: Zeroizing<Vec<u16>>,
    pub(super) residuals: Zeroizing<Vec<u32>>,
    pub(super) openings: Vec<Opening>,
    pub(super) residual_openings: Vec<Opening>,
    pub(super) commitments: Vec<Niels>,
    pub(super) residual_commitments: Vec<Niels>,
    pub(super) chain: Chain,
    pub(super) metered: Metered,
    /// What is public about its slots.
    pub(super) slots: Slots,
    /// Rows of its registers, one after the other.
    pub(super) rows: Vec<LaneKey>,
}

/// Loads a register's blocks over the period and rebuilds what the proof rests on.
pub(super) fn material(
    store: &Store,
    register: &TariffRegister,
    request: &BillRequest,
) -> Result<Material, BillRefused> {
    let blocks = find_blocks(store, &register.code, request)?;
    let code = register.code;
    let period = &request.period;
    let interval = blocks.first().map_or(0, |b| b.header.register.interval.seconds());
    if blocks.iter().any(|b| b.header.register.unit != register.unit) {
        return Err(BillRefused::Unit(code));
    }
    if blocks.iter().any(|b| b.header.register.interval.seconds() != interval) {
        return Err(BillRefused::MixedIntervals(code));
    }
    let count = slots_in(period, interval.max(1))?;
    let mut material = Material {
        interval,
        readings: Zeroizing::new(Vec::with_capacity(count)),
        residuals: Zeroizing::new(Vec::new()),
        openings: Vec::with_capacity(count),
        residual_openings: Vec::new(),
        commitments: Vec::with_capacity(count),
        residual_commitments: Vec::new(),
        chain: Chain { code, blocks: Vec::with_capacity(blocks.len()), signatures: Vec::new() },
        metered: nothing_metered(code, interval)?,
        slots: slots_of(&blocks, period),
        rows: rows(&blocks),
    };
    for (place, block) in blocks.iter().enumerate() {
        let ends_run = blocks.get(place + 1).is_none_or(|next| next.header.certificate != block.header.certificate);
        material.take(block, period, ends_run)?;
    }
    let missing = material.metered.missing;
    if missing > 0 && !request.allow_incomplete {
        return Err(BillRefused::Incomplete { register: code, missing });
    }
    Ok(material)
}

impl Material {
    /// What the register took, in plain numbers.
    pub(super) fn metered(&self) -> Measurable<'_> {
        Measurable { interval: self.interval, readings: &self.readings, residuals: &self.residuals }
    }

    /// Adds a block: the part of it that lies in the period, and all of it to the chain.
    fn take(&mut self, block: &BlockRow, period: &Span, ends_run: bool) -> Result<(), BillRefused> {
        let header = &block.header;
        let list = commitments(header, &block.readings, &block.seed);
        if list_hash(&list) != header.list {
            return Err(BillRefused::Corrupt);
        }
        let interval = usize::try_from(self.interval).map_err(|_| BillRefused::Corrupt)?;
        let slots = (header.span().from..)
            .step_by(interval)
            .zip(&list)
            .zip(block.readings.iter())
            .zip(openings(header, &block.seed));
        for (((from, point), reading), opening) in slots {
            if from < period.from || from >= period.until {
                continue;
            }
            self.commitments.push(read_point(point).ok_or(BillRefused::Corrupt)?);
            self.readings.push(*reading);
            self.openings.push(opening);
        }
        // A residual belongs to the period that holds the block's last slot.
        if header.span().until <= period.until {
            self.residual_commitments.push(read_point(&header.residual).ok_or(BillRefused::Corrupt)?);
            self.residuals.push(block.residual);
            self.residual_openings.push(block.seed.residual_opening(&header.register, header.block));
        }
        note(&mut self.metered, block, period);
        self.chain.blocks.push(ChainBlock::new(block.payload.clone(), &list));
        if ends_run {
            self.chain.signatures.push(block.signature.to_vec().into());
        }
        Ok(())
    }
}

/// What is public about the slots of a period that some blocks cover.
pub(super) fn slots_of(blocks: &[BlockRow], period: &Span) -> Slots {
    let mut slots = Slots::default();
    for block in blocks {
        let header = &block.header;
        slots.interval = header.register.interval.seconds();
        // A residual belongs to the period that holds the block's last slot.
        let residual = header.span().until <= period.until;
        let starts = (header.span().from..).step_by(usize::try_from(slots.interval).unwrap_or(1));
        for (place, from) in starts.take(usize::from(header.count)).enumerate() {
            let number = from / slots.interval.max(1);
            match header.status_at(place) {
                Status::Missing => {
                    slots.in_residual.extend(residual.then_some(number));
                    slots.unmeasured.extend((period.from..period.until).contains(&from).then_some(number));
                }
                Status::Estimated => slots.exceeding.extend(residual.then_some(number)),
                Status::Measured | Status::Tamper => {}
            }
        }
    }
    slots
}

/// The account of a register before its first block.
pub(super) fn nothing_metered(code: RegisterCode, interval: u64) -> Result<Metered, BillRefused> {
    Ok(Metered {
        code,
        interval: u16::try_from(interval).map_err(|_| BillRefused::Corrupt)?,
        segments: Vec::new(),
        missing: 0,
        estimated: 0,
        tamper: 0,
        events: 0,
    })
}

/// Adds a block to the account: its slots of the period by status, its events, its place in the chain.
pub(super) fn note(metered: &mut Metered, block: &BlockRow, period: &Span) {
    let header = &block.header;
    let interval = usize::from(metered.interval.max(1));
    let starts = (header.span().from..).step_by(interval).take(usize::from(header.count));
    for (place, _) in starts.enumerate().filter(|(_, from)| (period.from..period.until).contains(from)) {
        match header.status_at(place) {
            Status::Measured => {}
            Status::Missing => metered.missing += 1,
            Status::Estimated => metered.estimated += 1,
            Status::Tamper => metered.tamper += 1,
        }
    }
    metered.events |= header.events;
    match metered.segments.last_mut() {
        Some(segment) if segment.certificate == header.certificate => {
            segment.blocks += 1;
            segment.head = block.hash;
        }
        _ => metered.segments.push(Segment {
            certificate: header.certificate,
            first_block: header.block,
            blocks: 1,
            head: block.hash,
        }),
    }
}

/// The blocks of the one meter (or of meters that followed each other) that cover the period without a gap.
pub(super) fn find_blocks(
    store: &Store,
    code: &RegisterCode,
    request: &BillRequest,
) -> Result<Vec<BlockRow>, BillRefused> {
    let meters = store.meters()?;
    let wanted = |meter: &MeterRow| request.meter.is_none_or(|identity| identity == meter.identity);
    let registers: Vec<_> = store
        .registers_with_code(code)?
        .into_iter()
        .filter(|r| meters.iter().any(|m| m.id == r.meter && wanted(m)))
        .collect();
    if registers.is_empty() {
        return Err(BillRefused::NoRegister(*code));
    }
    let mut blocks = Vec::new();
    for register in &registers {
        blocks.extend(store.blocks(register.id, &request.period)?);
    }
    blocks.sort_by_key(|b| b.header.span().from);
    let mut covered = request.period.from;
    for block in &blocks {
        let span = block.header.span();
        if span.from > covered {
            return Err(BillRefused::Gap { register: *code, from: covered, until: span.from });
        }
        if span.from < covered && covered != request.period.from {
            return Err(BillRefused::SeveralMeters(*code));
        }
        covered = span.until;
    }
    if covered < request.period.until {
        return Err(BillRefused::Gap { register: *code, from: covered, until: request.period.until });
    }
    Ok(blocks)
}
