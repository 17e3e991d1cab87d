//! The stand-alone verifier: a bill, a tariff and a meter's certificate in, a verdict out.
//!
//! It depends on `protocol` alone and needs no secret, no network and no clock. Anyone may run it: a provider, a
//! court, a neighbour. The provider's own command uses the same functions.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod verdict;

pub use verdict::{Kind, Verdict};

use std::fs;
use std::path::{Path, PathBuf};

use protocol::tariff::SignedTariff;
use protocol::verify::{Policy, Registry};
use protocol::{certificate, meter_bill, verify, wire};

/// A file could not be used: exit code 3.
#[derive(Debug)]
pub struct FileError(pub String);

/// What to check, and against what.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The bill.
    pub bill: PathBuf,
    /// The tariff.
    pub tariff: PathBuf,
    /// The meters' certificates: the registry's entries.
    pub meters: Vec<PathBuf>,
    /// What is insisted on.
    pub policy: Policy,
    /// Key that must have signed the tariff, when it is known from elsewhere.
    pub provider_key: Option<[u8; 32]>,
}

/// Reads the files and judges. A bill, tariff or certificate that is wrong gives an invalid verdict with its reason.
///
/// # Errors
/// When a file cannot be read at all.
pub fn judge(request: &Request) -> Result<Verdict, FileError> {
    let bill = read(&request.bill)?;
    let message = read(&request.tariff)?;
    let tariff = match SignedTariff::read(&message) {
        Ok(tariff) => tariff,
        Err(error) => return Ok(Verdict::invalid("bad-tariff", &error.to_string(), bill.len())),
    };
    if request.provider_key.is_some_and(|key| key != tariff.tariff.provider.key) {
        let reason = "the tariff is signed by another key than the provider's";
        return Ok(Verdict::invalid("other-provider", reason, bill.len()));
    }
    let mut registry = Registry::default();
    for path in &request.meters {
        match certificate::read_file(&read(path)?) {
            Ok(certificates) => registry.list(&certificates),
            Err(error) => return Ok(Verdict::invalid("bad-certificate", &error.to_string(), bill.len())),
        }
    }
    Ok(judge_bytes(&bill, &tariff, &registry, &request.policy))
}

/// Judges a bill that is already in memory.
#[must_use]
pub fn judge_bytes(bill: &[u8], tariff: &SignedTariff, registry: &Registry, policy: &Policy) -> Verdict {
    if meter_bill::is_meter_bill(bill) {
        return match meter_bill::verify(bill, tariff, registry, policy) {
            Ok(verified) => Verdict::of_meter_bill(&verified, tariff, bill.len()),
            Err(refusal) => Verdict::invalid(refusal.code(), &refusal.to_string(), bill.len()),
        };
    }
    match verify::verify(bill, tariff, registry, policy) {
        Ok(verified) => Verdict::of_bill(&verified, tariff, bill.len()),
        Err(refusal) => Verdict::invalid(refusal.code(), &refusal.to_string(), bill.len()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let fail = |error: std::io::Error| FileError(format!("{}: {error}", path.display()));
    let size = fs::metadata(path).map_err(fail)?.len();
    if size > wire::MAX_MESSAGE as u64 {
        return Err(FileError(format!("{} is larger than any file of this kind", path.display())));
    }
    fs::read(path).map_err(fail)
}
