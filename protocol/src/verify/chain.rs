//! One register's blocks: signatures, chain, exact cover of the period, and the commitments that belong to it.

use std::collections::BTreeMap;

use metrology::cose::purpose;
use metrology::curve::{Niels, read_point};
use metrology::header::{header_hash, list_hash};
use metrology::keys::Hash;
use metrology::label::{RegisterCode, RegisterKind, Status};

use super::refusal::Refusal;
use crate::bill::{Chain, Metered, Segment, slots_in};
use crate::block::{DayHeader, commitment_list};
use crate::certificate::VerifiedCertificate;
use crate::tariff::TariffRegister;
use crate::time::Span;
use crate::wire::verify_signature;

/// The certificates of a package by their hash.
pub(super) type Certificates = BTreeMap<Hash, VerifiedCertificate>;

/// What a register's blocks come to.
pub(super) struct ChainReading {
    /// The account that the statement must give.
    pub metered: Metered,
    /// Commitments of the period's slots, in order.
    pub commitments: Vec<Niels>,
    /// Commitments of the residuals that belong to the period.
    pub residuals: Vec<Niels>,
    /// The blocks: what their headers say of the days.
    pub days: Vec<Day>,
}

/// A block of a chain, as far as a proof needs it.
pub(super) struct Day {
    /// The header.
    pub header: DayHeader,
    /// Whether its residual belongs to the period.
    pub residual: bool,
}

/// Whether a package brings the lists of commitments: linear proofs need them, others must not have them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lists {
    /// Each block with its own.
    Given,
    /// None.
    Left,
}

/// Blocks under one certificate.
struct Run<'a> {
    certificate: &'a VerifiedCertificate,
    blocks: Vec<(DayHeader, Hash)>,
}

/// Checks a chain against the period and reads its commitments.
pub(super) fn read_chain(
    chain: &Chain,
    register: &TariffRegister,
    period: &Span,
    certificates: &Certificates,
    lists: Lists,
) -> Result<ChainReading, Refusal> {
    let name = || register.code.as_str().to_owned();
    let runs = read_runs(chain, certificates)?;
    if runs.len() != chain.signatures.len() {
        return Err(Refusal::SignatureCount);
    }
    // Signatures and chains first: what is not the meter's word is not interpreted.
    let mut payloads = chain.blocks.iter();
    for (run, signature) in runs.iter().zip(&chain.signatures) {
        let last = payloads.by_ref().nth(run.blocks.len() - 1).map(|b| b.header.as_slice()).unwrap_or_default();
        let signature: [u8; 64] = signature.as_slice().try_into().map_err(|_| Refusal::Signature(name()))?;
        if !verify_signature(&run.certificate.certificate.signing_key, purpose::DAY_BLOCK, last, &signature) {
            return Err(Refusal::Signature(name()));
        }
        check_links(run).ok_or_else(|| Refusal::BrokenChain(name()))?;
        check_labels(run, register)?;
    }
    let interval = |run: &Run<'_>| run.blocks.first().map(|(header, _)| header.register.interval);
    if runs.windows(2).any(|pair| matches!(pair, [a, b] if interval(a) != interval(b))) {
        return Err(Refusal::MixedIntervals(name()));
    }
    for pair in runs.windows(2) {
        if let [before, after] = pair {
            check_handover(before, after, &register.code, certificates)?;
        }
    }
    check_cover(&runs, period, &register.code)?;
    collect(chain, &runs, period, register, lists)
}

/// Decodes all headers and groups them by certificate. No run is empty.
fn read_runs<'a>(chain: &Chain, certificates: &'a Certificates) -> Result<Vec<Run<'a>>, Refusal> {
    let mut runs: Vec<Run<'a>> = Vec::new();
    for block in &chain.blocks {
        let header = DayHeader::read(&block.header)?;
        let hash = header_hash(&block.header);
        let certificate = certificates.get(&header.certificate).ok_or(Refusal::UnknownCertificate)?;
        match runs.last_mut() {
            Some(run) if run.certificate.hash == certificate.hash => run.blocks.push((header, hash)),
            _ => runs.push(Run { certificate, blocks: vec![(header, hash)] }),
        }
    }
    if runs.is_empty() {
        return Err(Refusal::Gap { register: chain.code.as_str().to_owned(), at: 0 });
    }
    Ok(runs)
}

/// All blocks of a run are of the register the tariff prices, in one interval, and within their epoch.
fn check_labels(run: &Run<'_>, register: &TariffRegister) -> Result<(), Refusal> {
    let name = || register.code.as_str().to_owned();
    let certificate = &run.certificate.certificate;
    for (header, _) in &run.blocks {
        if header.register.code != register.code {
            return Err(Refusal::Registers);
        }
        if header.register.unit != register.unit || header.register.kind != RegisterKind::Cumulative {
            return Err(Refusal::Unit(name()));
        }
        if header.epoch != certificate.epoch {
            return Err(Refusal::BrokenEpochs);
        }
        if header.span().from < certificate.first {
            return Err(Refusal::BeforeEpoch);
        }
    }
    let mixed = run
        .blocks
        .windows(2)
        .any(|pair| matches!(pair, [(a, _), (b, _)] if a.register.interval != b.register.interval));
    if mixed { Err(Refusal::MixedIntervals(name())) } else { Ok(()) }
}

/// Within a run every block names the one before and counts on; a pairing never goes back or changes its household.
fn check_links(run: &Run<'_>) -> Option<()> {
    for pair in run.blocks.windows(2) {
        let [(before, before_hash), (after, _)] = pair else { continue };
        let counts = Some(after.block) == before.block.checked_add(1);
        let pairs =
            after.pairing > before.pairing || (after.pairing == before.pairing && after.household == before.household);
        if after.previous != *before_hash || !counts || !pairs {
            return None;
        }
    }
    let (first, _) = run.blocks.first()?;
    // The first block a register ever had names its certificate; later ones name a block that only the meter
    // and its household may still hold.
    let genesis = run.certificate.hash;
    ((first.block == 0)
        == (first.previous == genesis && !run.certificate.certificate.heads.contains_key(&first.register.code)))
    .then_some(())
}

/// Between runs: a later epoch of the same meter, or a new meter that began exactly where the old one ended.
fn check_handover(
    before: &Run<'_>,
    after: &Run<'_>,
    code: &RegisterCode,
    certificates: &Certificates,
) -> Result<(), Refusal> {
    let (old, new) = (&before.certificate.certificate, &after.certificate.certificate);
    let (Some((last, last_hash)), Some((first, _))) = (before.blocks.last(), after.blocks.first()) else {
        return Err(Refusal::BrokenEpochs);
    };
    if old.identity_key != new.identity_key {
        let begins = new.epoch == 0 && new.first == last.span().until && first.block == 0;
        return if begins { Ok(()) } else { Err(Refusal::Replacement(code.as_str().to_owned())) };
    }
    // The epoch right after the old one names the last block it left behind: none can be hidden behind it.
    let successor = certificates
        .values()
        .find(|c| {
            c.certificate.identity_key == old.identity_key && Some(c.certificate.epoch) == old.epoch.checked_add(1)
        })
        .ok_or(Refusal::BrokenEpochs)?;
    let closes = successor.certificate.heads.get(code) == Some(last_hash);
    let opens = new.heads.get(code) == Some(&first.previous);
    let counts = first.block > last.block && (new.epoch != old.epoch + 1 || first.block == last.block + 1);
    if new.epoch > old.epoch && closes && opens && counts {
        Ok(())
    } else {
        Err(Refusal::BrokenChain(code.as_str().to_owned()))
    }
}

/// The blocks cover the period exactly: no gap, no overlap, none that it does not touch.
fn check_cover(runs: &[Run<'_>], period: &Span, code: &RegisterCode) -> Result<(), Refusal> {
    let name = || code.as_str().to_owned();
    let mut covered: Option<u64> = None;
    for (header, _) in runs.iter().flat_map(|r| &r.blocks) {
        let span = header.span();
        match covered {
            None if span.from > period.from => return Err(Refusal::Gap { register: name(), at: period.from }),
            Some(until) if span.from > until => return Err(Refusal::Gap { register: name(), at: until }),
            Some(until) if span.from < until => return Err(Refusal::Overlap { register: name(), at: span.from }),
            _ => {}
        }
        if !span.overlaps(period) {
            return Err(Refusal::Untouched(name()));
        }
        covered = Some(span.until);
    }
    match covered {
        Some(until) if until >= period.until => Ok(()),
        Some(at) => Err(Refusal::Gap { register: name(), at }),
        None => Err(Refusal::Gap { register: name(), at: period.from }),
    }
}

/// Reads the commitments of the period and the account of its slots.
fn collect(
    chain: &Chain,
    runs: &[Run<'_>],
    period: &Span,
    register: &TariffRegister,
    lists: Lists,
) -> Result<ChainReading, Refusal> {
    let name = || register.code.as_str().to_owned();
    let interval = runs.iter().flat_map(|r| &r.blocks).map(|(h, _)| h.register.interval.seconds()).next().unwrap_or(0);
    let expected = slots_in(period, interval.max(1))?;
    let mut metered = Metered {
        code: register.code,
        interval: u16::try_from(interval).unwrap_or(0),
        segments: runs.iter().map(segment).collect(),
        missing: 0,
        estimated: 0,
        tamper: 0,
        events: 0,
    };
    let mut commitments = Vec::with_capacity(expected);
    let mut residuals = Vec::new();
    let mut days = Vec::new();
    let mut covered = 0;
    for (block, (header, _)) in chain.blocks.iter().zip(runs.iter().flat_map(|r| &r.blocks)) {
        let list = match lists {
            Lists::Left if block.commitments.is_empty() => &[],
            Lists::Left => return Err(Refusal::List(name())),
            Lists::Given => {
                let list = commitment_list(&block.commitments).ok_or_else(|| Refusal::List(name()))?;
                if list.len() != usize::from(header.count) || list_hash(list) != header.list {
                    return Err(Refusal::List(name()));
                }
                list
            }
        };
        metered.events |= header.events;
        let starts = (header.span().from..).step_by(usize::try_from(interval).unwrap_or(1));
        for (place, from) in starts.take(usize::from(header.count)).enumerate() {
            if from < period.from || from >= period.until {
                continue;
            }
            covered += 1;
            if let Some(point) = list.get(place) {
                commitments.push(read_point(point).ok_or_else(|| Refusal::Point(name()))?);
            }
            match header.status_at(place) {
                Status::Measured => {}
                Status::Missing => metered.missing += 1,
                Status::Estimated => metered.estimated += 1,
                Status::Tamper => metered.tamper += 1,
            }
        }
        // A residual belongs to the period that holds the block's last slot, so that it is billed exactly once.
        let residual = header.span().until <= period.until;
        if residual && lists == Lists::Given {
            residuals.push(read_point(&header.residual).ok_or_else(|| Refusal::Point(name()))?);
        }
        days.push(Day { header: header.clone(), residual });
    }
    if covered != expected {
        return Err(Refusal::Gap { register: name(), at: period.from });
    }
    Ok(ChainReading { metered, commitments, residuals, days })
}

fn segment(run: &Run<'_>) -> Segment {
    Segment {
        certificate: run.certificate.hash,
        first_block: run.blocks.first().map_or(0, |(h, _)| h.block),
        blocks: u32::try_from(run.blocks.len()).unwrap_or(u32::MAX),
        head: run.blocks.last().map_or([0; 32], |(_, hash)| *hash),
    }
}
