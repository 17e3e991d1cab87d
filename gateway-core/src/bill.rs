//! Bills: from stored readings and a signed tariff to a package that proves its own fee.
//!
//! Order of work: find the blocks, refuse gaps, check the bound on hostile tariffs, compute, prove, and verify the
//! finished package with the same code as anybody else. Only then does it exist.

use protocol::bill::statement::{KIND, PURPOSE};
use protocol::bill::{
    BillError, Chain, ChainBlock, Metered, Package, Segment, Settlement, Statement, Weights, check_linear,
    check_period, energy, settle, slots_in, total_weights, weights,
};
use protocol::certificate::VerifiedCertificate;
use protocol::guard::{self, Hostile, Slots};
use protocol::linear::{LineClaim, combined_opening, prove};
use protocol::metrology::curve::{Niels, read_point};
use protocol::metrology::header::list_hash;
use protocol::metrology::keys::{Hash, Opening};
use protocol::metrology::label::{RegisterCode, Status};
use protocol::tariff::{SignedTariff, TariffRegister};
use protocol::time::Span;
use protocol::verify::{Policy, Refusal, Registry, verify};
use protocol::wire;
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::store::{BlockRow, MeterRow, Store, StoreError};
use crate::unseal::{commitments, openings};

/// Why a bill was not made. Nothing left the house.
#[derive(Debug, thiserror::Error)]
pub enum BillRefused {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The period does not fit the tariff or the meter.
    #[error(transparent)]
    Period(#[from] BillError),
    /// No meter has the register.
    #[error("no paired meter has a register {0}")]
    NoRegister(RegisterCode),
    /// Several meters have the register at the same time.
    #[error("several meters have register {0} in this period; name the one to bill")]
    SeveralMeters(RegisterCode),
    /// Time without a block.
    #[error(
        "register {register} has no readings from {} to {}; a bill needs all of its period",
        protocol::show::utc(*from),
        protocol::show::utc(*until)
    )]
    Gap {
        /// The register.
        register: RegisterCode,
        /// First second without a block.
        from: u64,
        /// End of the time without a block.
        until: u64,
    },
    /// Slots that the meter did not measure.
    #[error(
        "the period is incomplete: {missing} metering intervals of register {register} were not measured. \
         Allow an incomplete bill to bill what was, marked as incomplete"
    )]
    Incomplete {
        /// The register.
        register: RegisterCode,
        /// How many slots.
        missing: u32,
    },
    /// The register's unit is not the tariff's.
    #[error("register {0} is metered in another unit than the tariff prices")]
    Unit(RegisterCode),
    /// The interval changes within the period.
    #[error("register {0} changes its metering interval within the period; bill the parts one by one")]
    MixedIntervals(RegisterCode),
    /// The tariff would reveal readings.
    #[error(transparent)]
    Hostile(#[from] Hostile),
    /// A sum does not fit the statement.
    #[error("a sum is too large for a bill")]
    TooLarge,
    /// The store does not hold what was signed.
    #[error("stored readings no longer match what the meter signed; restore the store from a backup")]
    Corrupt,
    /// The finished bill does not verify; it is not released.
    #[error("the finished bill does not verify ({0}); it was not released")]
    SelfCheck(#[from] Refusal),
}

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
}

/// The household's own view of an energy line.
#[derive(Clone, Debug)]
pub struct LineBands {
    /// Place of the line in the tariff.
    pub line: usize,
    /// Name, amount in the register's unit, and money in 10⁻⁹ currency units.
    pub bands: Vec<(String, u64, i128)>,
}

/// The blocks of one register, ready to be billed.
struct Material {
    interval: u64,
    readings: Zeroizing<Vec<u16>>,
    residuals: Zeroizing<Vec<u32>>,
    openings: Vec<Opening>,
    residual_openings: Vec<Opening>,
    commitments: Vec<Niels>,
    residual_commitments: Vec<Niels>,
    chain: Chain,
    metered: Metered,
    /// Places of slots without a measurement.
    missing: Vec<usize>,
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
    let intervals: Vec<u64> = materials.iter().map(|m| m.interval).collect();
    let mut weights = weights(&tariff.tariff, period, &intervals)?;
    let energy_lines = weights.len();
    if request.totals {
        weights.extend(total_weights(period, &intervals)?);
    }
    let slots: Vec<Slots> = materials.iter().map(Material::slots).collect();
    guard::check(&weights, period, &slots)?;

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
    let bands = account(tariff, &weights, &materials, period)?;
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
    })
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

/// Loads a register's blocks over the period and rebuilds what the proof rests on.
fn material(store: &Store, register: &TariffRegister, request: &BillRequest) -> Result<Material, BillRefused> {
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
        metered: Metered {
            code,
            interval: u16::try_from(interval).map_err(|_| BillRefused::Corrupt)?,
            segments: Vec::new(),
            missing: 0,
            estimated: 0,
            tamper: 0,
            events: 0,
        },
        missing: Vec::new(),
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
    /// What is public about its slots.
    fn slots(&self) -> Slots {
        let estimated = usize::try_from(self.metered.estimated).unwrap_or(usize::MAX);
        Slots { interval: self.interval, missing: self.missing.clone(), estimated }
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
        for (place, (((from, point), reading), opening)) in slots.enumerate() {
            if from < period.from || from >= period.until {
                continue;
            }
            self.commitments.push(read_point(point).ok_or(BillRefused::Corrupt)?);
            self.readings.push(*reading);
            self.openings.push(opening);
            match header.status_at(place) {
                Status::Measured => {}
                Status::Missing => {
                    self.metered.missing += 1;
                    self.missing.push(self.readings.len() - 1);
                }
                Status::Estimated => self.metered.estimated += 1,
                Status::Tamper => self.metered.tamper += 1,
            }
        }
        // A residual belongs to the period that holds the block's last slot.
        if header.span().until <= period.until {
            self.residual_commitments.push(read_point(&header.residual).ok_or(BillRefused::Corrupt)?);
            self.residuals.push(block.residual);
            self.residual_openings.push(block.seed.residual_opening(&header.register, header.block));
        }
        self.metered.events |= header.events;
        match self.metered.segments.last_mut() {
            Some(segment) if segment.certificate == header.certificate => {
                segment.blocks += 1;
                segment.head = block.hash;
            }
            _ => self.metered.segments.push(Segment {
                certificate: header.certificate,
                first_block: header.block,
                blocks: 1,
                head: block.hash,
            }),
        }
        self.chain.blocks.push(ChainBlock::new(block.payload.clone(), &list));
        if ends_run {
            self.chain.signatures.push(block.signature.to_vec().into());
        }
        Ok(())
    }
}

/// The blocks of the one meter (or of meters that followed each other) that cover the period without a gap.
fn find_blocks(store: &Store, code: &RegisterCode, request: &BillRequest) -> Result<Vec<BlockRow>, BillRefused> {
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

/// What each band took and came to; for the household's eyes.
fn account(
    tariff: &SignedTariff,
    weights: &[Weights],
    materials: &[Material],
    period: &Span,
) -> Result<Vec<LineBands>, BillRefused> {
    let mut account = Vec::new();
    for ((place, line), weights) in tariff.tariff.energy_lines().zip(weights) {
        let Some(material) = materials.get(line.register) else { continue };
        let names = line.schedule.band_names();
        let chosen =
            line.schedule.bands(period.from, material.interval, material.readings.len()).map_err(BillError::from)?;
        let mut bands: Vec<(String, u64, i128)> = names.into_iter().map(|name| (name, 0, 0)).collect();
        for (slot, (reading, price)) in material.readings.iter().zip(&weights.prices).enumerate() {
            let band = chosen.as_ref().and_then(|c| c.get(slot)).copied().unwrap_or(0);
            if let Some((_, amount, money)) = bands.get_mut(band) {
                *amount += u64::from(*reading);
                *money += i128::from(*reading) * i128::from(*price);
            }
        }
        let residual: u64 = material.residuals.iter().map(|r| u64::from(*r)).sum();
        if residual > 0 {
            bands.push(("not measured by interval".into(), residual, i128::from(residual) * i128::from(line.fallback)));
        }
        account.push(LineBands { line: place, bands });
    }
    Ok(account)
}
