//! The stand-alone verifier: a bill, a tariff and a meter's certificate in, a verdict out.
//!
//! ```text
//! bill, tariff, certificates, circuits ─► judge ─► Verdict (valid, invalid with its reason, origin unattested)
//! ```
//!
//! It depends on `protocol` alone and needs no secret, no network and no clock. Anyone may run it: a provider, a
//! court, a neighbour. The provider's own command uses the same functions.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod circuits;
mod verdict;

pub use verdict::{Kind, Verdict};

use std::fs;
use std::path::{Path, PathBuf};

use protocol::bill::Package;
use protocol::bill::proved::{PROVED_KIND, ProvedStatement, kind_of};
use protocol::tariff::SignedTariff;
use protocol::verify::proved::verify_proved;
use protocol::verify::{Policy, Refusal, Registry};
use protocol::{certificate, meter_bill, verify, wire};

use circuits::Found;

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
    /// Files of circuits that are trusted.
    pub circuits: Vec<PathBuf>,
    /// Folders whose `*.circuit` files are trusted.
    pub circuit_folders: Vec<PathBuf>,
    /// Refuse circuits whose maker could forge.
    pub refuse_demonstration: bool,
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
    judge_bytes(&bill, &tariff, &registry, request)
}

/// Judges a bill that is in memory. Circuits are read for a proved bill alone: there may be many.
fn judge_bytes(
    bill: &[u8],
    tariff: &SignedTariff,
    registry: &Registry,
    request: &Request,
) -> Result<Verdict, FileError> {
    let policy = &request.policy;
    let refused = |refusal: Refusal| Verdict::invalid(refusal.code(), &refusal.to_string(), bill.len());
    if meter_bill::is_meter_bill(bill) {
        let verified = meter_bill::verify(bill, tariff, registry, policy);
        return Ok(verified.map_or_else(refused, |verified| Verdict::of_meter_bill(&verified, tariff, bill.len())));
    }
    if is_proved(bill) {
        return judge_proved(bill, tariff, registry, request);
    }
    let verified = verify::verify(bill, tariff, registry, policy);
    Ok(verified.map_or_else(refused, |verified| Verdict::of_bill(&verified, tariff, bill.len())))
}

fn judge_proved(
    bill: &[u8],
    tariff: &SignedTariff,
    registry: &Registry,
    request: &Request,
) -> Result<Verdict, FileError> {
    let Found { circuits, useless } = match circuits::read(&request.circuits, &request.circuit_folders)? {
        Ok(found) => found,
        Err(problem) => return Ok(Verdict::invalid("bad-circuit", &problem, bill.len())),
    };
    let verified = match verify_proved(bill, tariff, &circuits, registry, &request.policy) {
        Ok(verified) => verified,
        Err(Refusal::UnknownCircuit) => {
            let mut advice = "ask the provider for its .circuit file and give it with --circuit".to_owned();
            useless.iter().for_each(|problem| advice.push_str(&format!(" ({problem})")));
            return Ok(Verdict::unknown_circuit(&circuit_of(bill), &advice, bill.len()));
        }
        Err(refusal) => return Ok(Verdict::invalid(refusal.code(), &refusal.to_string(), bill.len())),
    };
    if verified.demonstration && request.refuse_demonstration {
        let message = "the bill was proved under parameters for demonstration: whoever made them can forge";
        return Ok(Verdict::invalid("demonstration", message, bill.len()));
    }
    Ok(match circuits.get(&verified.statement.circuit) {
        Some(circuit) => Verdict::of_proved(&verified, circuit, tariff, bill.len()),
        None => Verdict::invalid("unknown-circuit", "the circuit is not known here", bill.len()),
    })
}

/// The circuit that a proved bill names; zeros when it names none.
fn circuit_of(bill: &[u8]) -> [u8; 32] {
    let statement = Package::read(bill).and_then(|package| wire::decode::<ProvedStatement>(&package.statement, "bill"));
    statement.map(|statement| statement.circuit).unwrap_or_default()
}

/// Whether a household's bill calls itself a proved one.
#[must_use]
pub fn is_proved(bill: &[u8]) -> bool {
    Package::read(bill).is_ok_and(|package| kind_of(&package.statement).as_deref() == Some(PROVED_KIND))
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    read_up_to(path, wire::MAX_MESSAGE as u64)
}

fn read_up_to(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let fail = |error: std::io::Error| FileError(format!("{}: {error}", path.display()));
    let size = fs::metadata(path).map_err(fail)?.len();
    if size > limit {
        return Err(FileError(format!("{} is larger than any file of this kind", path.display())));
    }
    fs::read(path).map_err(fail)
}
