//! The simple profile: the meter computes the bill from signed prices, signs the fee, and keeps no reading.
//!
//! ```text
//! signed tariff ─► accept ─┐
//! load ─► Course ──────────┴─► bill ─► account (slots) ─► weights, energy, settle ─► MeterBill, signed
//!                                        └ dropped            (protocol's bill relation)
//! ```
//!
//! Eccles and Halak (2017), §II.B. No block is made and no household is needed: what leaves is the fee. The time is
//! used up as if it had been sealed, in the same [`Coverage`](metrology::label::Coverage), so that no time is ever
//! billed twice, or billed and sealed.

mod account;
mod error;

pub use error::BillingError;

use metrology::label::RegisterCode;
use protocol::bill::{energy, settle, weights};
use protocol::meter_bill::{self, MeterBill};
use protocol::show;
use protocol::tariff::{SignedTariff, Tariff};
use protocol::time::{Span, Zone};
use protocol::verify::{Policy, Registry};

use crate::course::Course;
use crate::load::{Load, Series};
use account::Account;
use sealer::Entropy;
use sealer::meter::{Intake, MeterError, SealingMeter, directory_name};

/// A bill as it leaves the meter, and what may be said about it.
#[derive(Clone, Debug)]
pub struct Billed {
    /// Its content.
    pub bill: MeterBill,
    /// Its identity, the digest of the signed bytes.
    pub digest: [u8; 32],
    /// The file.
    pub bytes: Vec<u8>,
    /// The registers, in the tariff's order, each with the seconds before the period that no bill or block covers.
    pub registers: Vec<(Intake, u64)>,
    /// Registers of the load that the tariff does not bill: nothing of them is kept.
    pub left_out: Vec<RegisterCode>,
}

/// Takes a tariff in, if the provider that the meter was set up for signed it. Otherwise all of it is discarded.
///
/// # Errors
/// When bytes, content or signature are wrong, or the signature is another's.
pub fn accept(message: &[u8], provider: &[u8; 32]) -> Result<SignedTariff, BillingError> {
    let tariff = SignedTariff::read(message)?;
    if tariff.tariff.provider.key == *provider { Ok(tariff) } else { Err(BillingError::OtherProvider) }
}

/// Bills a period of a course. The meter is in memory: when this fails it is thrown away, and nothing has happened;
/// when it succeeds the meter's new state must be durable before the bill is handed out.
///
/// With `rotate`, and whenever the current epoch has blocks of a billed register, the period begins a new epoch.
///
/// # Errors
/// See [`BillingError`].
pub fn bill(
    course: Course,
    tariff: &SignedTariff,
    period: Span,
    meter: &mut SealingMeter,
    entropy: &Entropy,
    rotate: bool,
) -> Result<Billed, BillingError> {
    let registers = registers(&course, &tariff.tariff)?;
    let interval = course.load.interval().seconds();
    let weights = weights(&tariff.tariff, &period, &vec![interval; registers.len()])?;
    let Course { load, intakes, faults, rotations } = course;
    let whole = load.span();
    let load = load.cut(Some(period.from), Some(period.until)).ok().filter(|load| load.span() == period);
    let load = load.ok_or(BillingError::NotCovered { period, load: whole })?;
    let left_out = intakes.iter().map(|intake| intake.register.code);
    let left_out = left_out.filter(|code| !registers.iter().any(|(_, known)| known.register.code == *code)).collect();
    let course = Course { load: billed_series(load, &registers)?, intakes: Vec::new(), faults, rotations };
    course.check_faults()?;

    let mut kept = Vec::new();
    for (_, intake) in &registers {
        kept.push((*intake, take_up(meter, intake, &period)?));
    }
    let has_blocks = kept.iter().any(|(intake, _)| meter.expected(&intake.register.code).is_some());
    if (rotate || has_blocks) && !meter.rotate(entropy, period.from)?.is_empty() {
        let code = kept.first().map(|(intake, _)| intake.register.code);
        return Err(code.map_or(MeterError::OutOfRange, MeterError::EpochHasBlocks).into());
    }

    let mut accounts = Vec::new();
    for (place, (intake, _)) in kept.iter().enumerate() {
        let code = intake.register.code;
        let account = Account::of(&course, place, meter.total(&code).ok_or(MeterError::UnknownRegister(code))?);
        meter.account(&code, period, account.total)?;
        accounts.push(account);
    }
    let sums: Vec<i128> = weights
        .iter()
        .filter_map(|weights| accounts.get(weights.register).map(|a| energy(weights, &a.readings, &a.residuals)))
        .collect();
    // The lines stay here: the bill states the fee alone.
    let fee_minor = settle(&tariff.tariff, &period, &sums)?.fee_minor;
    let certificate = meter.certificates().last().ok_or(MeterError::Certificate)?;
    let bill = MeterBill {
        version: metrology::VERSION,
        certificate: certificate.hash,
        recipient: tariff.tariff.provider.key,
        tariff: tariff.hash,
        period,
        registers: kept.iter().zip(&accounts).map(|((intake, _), account)| account.state(&intake.register)).collect(),
        fee_minor,
    };
    // Readings end here; what is left of them are sums in the fee and the registers' totals.
    drop(accounts);
    let bytes = meter.sign_bill(&bill);
    let policy = Policy { allow_incomplete: true, ..Policy::default() };
    let digest = meter_bill::verify(&bytes, tariff, &Registry::default(), &policy)?.digest;
    Ok(Billed { bill, digest, bytes, registers: kept, left_out })
}

/// For each register of the tariff its place in the load and its intake.
fn registers(course: &Course, tariff: &Tariff) -> Result<Vec<(usize, Intake)>, BillingError> {
    let find = |code: &RegisterCode| {
        let mut found = course.intakes.iter().enumerate().filter(|(_, intake)| intake.register.code == *code);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(BillingError::NoRegister(*code)),
            (Some(_), Some(_)) => Err(BillingError::Repeated(*code)),
        }
    };
    tariff
        .registers
        .iter()
        .map(|wanted| {
            let (place, intake) = find(&wanted.code)?;
            if intake.register.unit != wanted.unit {
                return Err(BillingError::Unit { register: wanted.code, tariff: wanted.unit });
            }
            Ok((place, *intake))
        })
        .collect()
}

/// The series of the billed registers, in the tariff's order.
fn billed_series(load: Load, registers: &[(usize, Intake)]) -> Result<Load, BillingError> {
    let series: Vec<Series> = registers.iter().filter_map(|(place, _)| load.series().get(*place).cloned()).collect();
    Load::new(load.interval(), load.first(), series).ok_or(BillingError::Meter(MeterError::OutOfRange))
}

/// Finds the register in the meter or adds it, and says how many seconds before the period nothing accounts for.
fn take_up(meter: &mut SealingMeter, intake: &Intake, period: &Span) -> Result<u64, BillingError> {
    let code = intake.register.code;
    let end = meter.coverage(&code).and_then(|coverage| coverage.ranges().last().map(|range| range.1));
    if let Some(until) = end.filter(|until| period.from < *until) {
        return Err(BillingError::AlreadyUsed { register: code, until, from: period.from });
    }
    if period.from < meter.epoch_first() {
        return Err(BillingError::BeforeEpoch { first: meter.epoch_first(), from: period.from });
    }
    match meter.register(&code) {
        None => meter.add_register(intake.register, intake.start.unwrap_or(0))?,
        Some(known) if *known != intake.register => return Err(BillingError::RegisterDiffers(*known)),
        Some(_) if intake.start.is_some() => return Err(BillingError::StartGiven(code)),
        Some(_) => {}
    }
    Ok(end.map_or(0, |until| period.from - until))
}

/// The name of a bill's file, by local time: `2025-03-01_2025-04-01_1-0_1.8.0.bill`. A register is billed once for a
/// time, so names do not meet, and names of one register sort by time.
#[must_use]
pub fn file_name(bill: &MeterBill, zone: &Zone) -> String {
    let moment = |time: u64| match zone.local(time) {
        (date, 0) => date.to_string(),
        _ => show::local(zone, time).replace(':', ""),
    };
    let register = bill.registers.first().map(|register| directory_name(&register.code)).unwrap_or_default();
    format!("{}_{}_{register}.bill", moment(bill.period.from), moment(bill.period.until))
}
