//! A group of bills: each checked by itself, and the proofs of all in one equation.

use std::path::{Path, PathBuf};

use protocol::bill::proved::{PROVED_KIND, ProvedStatement, kind_of};
use protocol::bill::{Package, Statement};
use protocol::certificate::EpochCertificate;
use protocol::groth16::Batch;
use protocol::meter_bill;
use protocol::metrology::keys::Hash;
use protocol::service::MAX_BILL;
use protocol::tariff::SignedTariff;
use protocol::verify::proved::{Circuits, ProvedBill, prepare};
use protocol::verify::{self, Origin, Policy, Refusal, Registry};
use protocol::wire::{self, Signed};
use provider::files;
use provider::ledger::Kind;
use rand_core::OsRng;

use super::Ask;
use super::Failure;
use super::report::{Bad, Good};

/// What bills are held to.
pub(super) struct Check<'a> {
    pub(super) tariffs: &'a [SignedTariff],
    pub(super) circuits: &'a Circuits,
    pub(super) policy: Policy,
    pub(super) refuse_demonstration: bool,
    pub(super) allow_unattested: bool,
}

/// What came of a group.
#[derive(Default)]
pub(super) struct Found {
    pub(super) good: Vec<Good>,
    pub(super) bad: Vec<Bad>,
}

/// A reason not to take a bill: code and sentence.
type No = (&'static str, String);

/// A bill that waits for its equation.
struct Waiting<'a> {
    path: &'a Path,
    good: Good,
    bill: ProvedBill,
}

/// A bill after its own check.
enum Checked {
    Done(Good),
    Proof(Good, Box<ProvedBill>),
}

impl Check<'_> {
    /// Checks a group. A bill that cannot be read is a bad one.
    pub(super) fn group(&self, paths: &[PathBuf], ask: &Ask<'_>) -> Result<Found, Failure> {
        let mut found = Found::default();
        let mut waiting = Vec::new();
        for path in paths {
            match self.one(path, ask)? {
                Ok(Checked::Done(good)) => found.good.push(good),
                Ok(Checked::Proof(good, bill)) => waiting.push(Waiting { path, good, bill: *bill }),
                Err((code, message)) => found.bad.push(Bad::of(path, code, message)),
            }
        }
        let mut batch = Batch::new();
        for Waiting { bill, .. } in &waiting {
            batch.push(&bill.key, &bill.publics, bill.proof);
        }
        let wrong = batch.wrong(&mut OsRng);
        for (place, Waiting { path, good, .. }) in waiting.iter().enumerate() {
            if wrong.contains(&place) {
                found.bad.push(Bad::of(path, Refusal::WrongProof.code(), Refusal::WrongProof.to_string()));
            } else {
                found.good.push(good.clone());
            }
        }
        Ok(found)
    }

    fn one(&self, path: &Path, ask: &Ask<'_>) -> Result<Result<Checked, No>, Failure> {
        let bytes = match files::read(path, MAX_BILL) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(("file", error.to_string()))),
        };
        let named = match Named::of(&bytes) {
            Ok(named) => named,
            Err(error) => return Ok(Err(("malformed", error.to_string()))),
        };
        let Some(place) = self.tariffs.iter().position(|tariff| tariff.hash == named.tariff) else {
            let message = format!("the bill was made under tariff {}, which was not given", hex::encode(named.tariff));
            return Ok(Err(("other-tariff", message)));
        };
        let Some(tariff) = self.tariffs.get(place) else { return Ok(Err(("other-tariff", String::new()))) };
        let policy = Policy { recipient: Some(tariff.tariff.provider.key), ..self.policy.clone() };
        let mut meters = named.meters;
        if named.kind == Kind::Meter {
            let unattested = meter_bill::verify(&bytes, tariff, &Registry::default(), &policy);
            meters.extend(unattested.map(|verified| verified.certificate.certificate.identity_key));
        }
        let registry = ask(&meters)?;
        let verified = match named.kind {
            Kind::Proved => prepare(&bytes, tariff, self.circuits, &registry, &policy).map(|bill| {
                let good = Good::new(Kind::Proved, place, bill.statement.fee_minor, bill.missing, bill.demonstration);
                (bill.origin, Checked::Proof(good, Box::new(bill)))
            }),
            Kind::Linear => verify::verify(&bytes, tariff, &registry, &policy).map(|bill| {
                let good = Good::new(Kind::Linear, place, bill.statement.fee_minor, bill.missing, false);
                (bill.origin, Checked::Done(good))
            }),
            Kind::Meter => meter_bill::verify(&bytes, tariff, &registry, &policy).map(|verified| {
                let missing = verified.bill.registers.iter().map(|register| register.missing).sum();
                let good = Good::new(Kind::Meter, place, verified.bill.fee_minor, missing, false);
                (verified.origin, Checked::Done(good))
            }),
        };
        Ok(verified.map_err(|refusal| (refusal.code(), refusal.to_string())).and_then(|(origin, checked)| {
            if origin == Origin::Unattested && !self.allow_unattested {
                let message = "the numbers agree with the seals, but nobody said whose seals they are";
                return Err(("origin-unattested", message.to_owned()));
            }
            if checked.is_demonstration() && self.refuse_demonstration {
                let message = "it was proved under parameters for demonstration: whoever made them can forge";
                return Err(("demonstration", message.to_owned()));
            }
            Ok(checked)
        }))
    }
}

impl Checked {
    fn is_demonstration(&self) -> bool {
        matches!(self, Self::Proof(good, _) if good.demonstration)
    }
}

/// What a bill says of itself, before anything of it is believed.
struct Named {
    kind: Kind,
    tariff: Hash,
    /// Of a household's bill; a meter's own names its meter when it is verified.
    meters: Vec<[u8; 32]>,
}

impl Named {
    fn of(bytes: &[u8]) -> Result<Self, wire::WireError> {
        if meter_bill::is_meter_bill(bytes) {
            let (_, tariff) = meter_bill::names(bytes)?;
            return Ok(Self { kind: Kind::Meter, tariff, meters: Vec::new() });
        }
        let package = Package::read(bytes)?;
        // Who signed it is checked with the bill.
        let identity = |message: &[u8]| -> Result<[u8; 32], wire::WireError> {
            const WHAT: &str = "certificate";
            Ok(wire::decode::<EpochCertificate>(Signed::read(message, WHAT)?.payload, WHAT)?.identity_key)
        };
        let meters = package.certificates.iter().map(|message| identity(message)).collect::<Result<_, _>>()?;
        let what = "bill statement";
        if kind_of(&package.statement).as_deref() == Some(PROVED_KIND) {
            let statement: ProvedStatement = wire::decode(&package.statement, what)?;
            return Ok(Self { kind: Kind::Proved, tariff: statement.tariff, meters });
        }
        let statement: Statement = wire::decode(&package.statement, what)?;
        Ok(Self { kind: Kind::Linear, tariff: statement.tariff, meters })
    }
}
