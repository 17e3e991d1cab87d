//! `bill`: from a load and a tariff to one signed fee, as one transaction.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use protocol::bill::BillError;
use protocol::show;
use protocol::tariff::Tariff;
use protocol::time::Span;
use protocol::wire;
use serde::Serialize;

use super::args::{BillArgs, Class};
use super::device;
use super::error::CliError;
use super::source::{Source, source};
use crate::bill::{self, Billed};
use crate::course::Course;
use sealer::meter::SealingMeter;
use sealer::store::{BILLS, CERTIFICATE, Store};

/// Longest provider.pub that is read.
const MAX_KEY_FILE: u64 = 1 << 16;

/// Runs the command. Nothing is written before the bill is complete and the meter's new state is durable.
pub(super) fn bill(args: &BillArgs) -> Result<BillReport, CliError> {
    let entropy = device::entropy(&args.device.made)?;
    let provider = provider_key(&args.provider_key)?;
    let tariff = bill::accept(&read(&args.tariff, wire::MAX_MESSAGE as u64)?, &provider)?;
    let zone = &tariff.tariff.zone;
    let bound = |bound: super::args::Bound, name: &str| {
        bound.at(zone).ok_or_else(|| CliError::Usage(format!("{name} is before 1970")))
    };
    let period = Span { from: bound(args.bill_from, "--bill-from")?, until: bound(args.bill_to, "--bill-to")? };
    if period.from >= period.until {
        return Err(bill::BillingError::Period(BillError::EmptyPeriod).into());
    }

    let mut from = args.source.clone();
    if from.household.is_some() && (from.from, from.until, from.days) == (None, None, None) {
        (from.from, from.until) = (Some(period.from), Some(period.until));
    }
    let Source { load, intakes, mut remarks } = source(&from)?;
    let course = Course { load, intakes, faults: args.faults.faults(), rotations: Vec::new() };
    let (store, mut meter) = match Store::open(&args.device.out)? {
        Some((store, meter)) => {
            device::check_same(&args.device.made, &entropy, &meter)?;
            (Some(store), meter)
        }
        None => {
            let class = device::class(&args.device.made);
            (None, SealingMeter::unpaired(&entropy, args.device.made.meter_id, class, period.from)?)
        }
    };
    let epochs = meter.certificates().len();
    let billed = bill::bill(course, &tariff, period, &mut meter, &entropy, args.rotate)?;

    let mut store = match store {
        Some(store) => store,
        None => Store::create(&args.device.out)?,
    };
    let name = bill::file_name(&billed.bill, zone);
    let mut stage = store.stage()?;
    if let Err(error) = stage.bill(&name, &billed.bytes) {
        // The error matters more than files that the next run removes anyway.
        let _ = stage.discard();
        return Err(error.into());
    }
    store.commit(&mut stage, &meter)?;

    for (intake, before) in billed.registers.iter().filter(|(_, before)| *before > 0) {
        let (code, hours) = (intake.register.code, before / 3600);
        remarks.push(format!("{hours} hours of {code} before the period are in no bill and no block"));
    }
    for code in &billed.left_out {
        remarks.push(format!("the tariff does not bill register {code}: nothing of it is kept"));
    }
    if meter.certificates().len() > epochs {
        remarks.push(format!("epoch {} begins with the period", meter.certificates().len() - 1));
    }
    if args.device.made.seed.is_some() {
        remarks.push(device::SEEDED.into());
    }
    let path = store.root().join(BILLS).join(name);
    Ok(BillReport::new(&meter, &billed, &tariff.tariff, path, store.root(), remarks, args.device.made.seed.is_some()))
}

/// A key in hexadecimal, or the one in a provider.pub.
fn provider_key(text: &str) -> Result<[u8; 32], CliError> {
    let key = |digits: &str| {
        let mut key = [0; 32];
        hex::decode_to_slice(digits, &mut key).ok().map(|()| key)
    };
    if let Some(key) = key(text) {
        return Ok(key);
    }
    let path = Path::new(text);
    let bytes = read(path, MAX_KEY_FILE)?;
    let file = String::from_utf8_lossy(&bytes);
    let named = file.lines().filter_map(|line| line.split_once('=')).find(|(name, _)| name.trim() == "key");
    named.and_then(|(_, value)| key(value.trim().trim_matches('"'))).ok_or_else(|| {
        CliError::Usage(format!("--provider-key: {} has no line key = \"64 hexadecimal digits\"", path.display()))
    })
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    let refused = |source| CliError::File { path: path.to_owned(), source };
    if fs::metadata(path).map_err(refused)?.len() > limit {
        let large = std::io::Error::new(std::io::ErrorKind::FileTooLarge, "larger than any file of this kind");
        return Err(refused(large));
    }
    fs::read(path).map_err(refused)
}

/// The summary of a bill; its JSON is an interface for programs.
#[derive(Debug, Serialize)]
pub(super) struct BillReport {
    /// The bill's file.
    bill: PathBuf,
    /// The bill's identity, in hexadecimal.
    digest: String,
    bytes: usize,
    fee_minor: i64,
    currency: String,
    exponent: u8,
    /// Start of the period, RFC 3339 in the tariff's zone.
    from: String,
    until: String,
    tariff: String,
    provider: String,
    provider_fingerprint: String,
    /// Whether every slot was measured.
    complete: bool,
    slots: u32,
    missing: u32,
    estimated: u32,
    tamper: u32,
    events: Vec<&'static str>,
    registers: Vec<RegisterReport>,
    certificate: PathBuf,
    meter: String,
    class: &'static str,
    fingerprint: String,
    epochs: usize,
    /// Whether the keys follow from a seed.
    test_keys: bool,
    remarks: Vec<String>,
    #[serde(skip)]
    fee: String,
}

#[derive(Debug, Serialize)]
struct RegisterReport {
    register: String,
    unit: String,
    interval: u64,
    slots: u32,
    missing: u32,
    estimated: u32,
    tamper: u32,
    events: Vec<&'static str>,
}

impl BillReport {
    fn new(
        meter: &SealingMeter,
        billed: &Billed,
        tariff: &Tariff,
        path: PathBuf,
        root: &Path,
        remarks: Vec<String>,
        test_keys: bool,
    ) -> Self {
        let bill = &billed.bill;
        let registers = billed.registers.iter().zip(&bill.registers).map(|((intake, _), state)| RegisterReport {
            register: state.code.as_str().to_owned(),
            unit: intake.register.unit.as_str().to_owned(),
            interval: intake.register.interval.seconds(),
            slots: state.slots,
            missing: state.missing,
            estimated: state.estimated,
            tamper: state.tamper,
            events: show::event_names(state.events),
        });
        let missing = bill.registers.iter().map(|r| r.missing).sum();
        Self {
            bill: path,
            digest: hex::encode(billed.digest),
            bytes: billed.bytes.len(),
            fee_minor: bill.fee_minor,
            currency: tariff.currency.code.clone(),
            exponent: tariff.currency.exponent,
            from: show::local(&tariff.zone, bill.period.from),
            until: show::local(&tariff.zone, bill.period.until),
            tariff: tariff.id.clone(),
            provider: tariff.provider.name.clone(),
            provider_fingerprint: show::fingerprint(&tariff.provider.key),
            complete: missing == 0,
            slots: bill.registers.iter().map(|r| r.slots).sum(),
            missing,
            estimated: bill.registers.iter().map(|r| r.estimated).sum(),
            tamper: bill.registers.iter().map(|r| r.tamper).sum(),
            events: show::event_names(bill.registers.iter().fold(0, |all, r| all | r.events)),
            registers: registers.collect(),
            certificate: root.join(CERTIFICATE),
            meter: meter.id().as_str().to_owned(),
            class: Class::name(meter.class()),
            fingerprint: show::fingerprint(&meter.identity_key()),
            epochs: meter.certificates().len(),
            test_keys,
            remarks,
            fee: show::minor(bill.fee_minor, &tariff.currency),
        }
    }
}

impl fmt::Display for BillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Billed {} to {}, {} to {}.", self.fee, self.provider, self.from, self.until)?;
        for register in &self.registers {
            let RegisterReport { register, unit, slots, missing, estimated, tamper, .. } = register;
            write!(f, "  {register} ({unit}): {slots} slots, {missing} of them missing")?;
            writeln!(f, ", {estimated} estimated, {tamper} with a tamper sensor active")?;
        }
        if !self.complete {
            writeln!(f, "INCOMPLETE: {} slots were not measured, and the bill says so.", self.missing)?;
        }
        for name in &self.events {
            writeln!(f, "The meter reported: {name}.")?;
        }
        writeln!(f, "Meter {} ({}), fingerprint {}", self.meter, self.class, self.fingerprint)?;
        writeln!(f, "Certificate: {}", self.certificate.display())?;
        writeln!(f, "Bill:        {} ({} bytes; no reading is kept)", self.bill.display(), self.bytes)?;
        for remark in &self.remarks {
            writeln!(f, "Note: {remark}.")?;
        }
        Ok(())
    }
}
