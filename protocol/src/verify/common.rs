//! What every verified bill is asked first, whatever proves it: whether it is for this tariff and recipient, and what its
//! packages say of meters and times.

use metrology::certificate::SealClass;
use metrology::keys::Hash;

use super::chain::{ChainReading, Lists};
use super::{Origin, Policy, Refusal, Registry, check_meters, read_certificates, read_chains};
use crate::bill::statement::PURPOSE;
use crate::bill::{Metered, Package};
use crate::tariff::SignedTariff;
use crate::time::Span;

/// The fields of a statement that say what it is and for whom.
pub(super) struct Address<'a> {
    /// Kind, version and suite.
    pub(super) kind: (&'a str, u8, u8),
    pub(super) tariff: Hash,
    pub(super) recipient: [u8; 32],
    pub(super) purpose: &'a str,
    pub(super) nonce: [u8; 16],
}

impl Address<'_> {
    /// The statement is of this kind, and for this tariff, recipient and purpose.
    pub(super) fn check(&self, kind: &str, tariff: &SignedTariff, policy: &Policy) -> Result<(), Refusal> {
        if self.kind != (kind, metrology::VERSION, metrology::SUITE) {
            return Err(Refusal::UnknownKind);
        }
        if self.tariff != tariff.hash {
            return Err(Refusal::OtherTariff);
        }
        if self.recipient != policy.recipient.unwrap_or(tariff.tariff.provider.key) {
            return Err(Refusal::OtherRecipient);
        }
        if self.purpose != PURPOSE {
            return Err(Refusal::OtherPurpose);
        }
        if policy.nonce.is_some_and(|nonce| nonce != self.nonce) {
            return Err(Refusal::OtherNonce);
        }
        Ok(())
    }
}

/// What the signed headers of a package come to.
pub(super) struct Read {
    pub(super) readings: Vec<ChainReading>,
    pub(super) origin: Origin,
    pub(super) class: SealClass,
    pub(super) meters: Vec<[u8; 32]>,
    pub(super) missing: u32,
}

/// Reads certificates and chains, holds them against what the statement says of meters and times, and asks the policy.
pub(super) fn read(
    package: &Package,
    tariff: &SignedTariff,
    period: &Span,
    stated: &[Metered],
    lists: Lists,
    registry: &Registry,
    policy: &Policy,
) -> Result<Read, Refusal> {
    let certificates = read_certificates(package)?;
    let readings = read_chains(package, tariff, period, &certificates, lists)?;
    if !readings.iter().map(|reading| &reading.metered).eq(stated) {
        return Err(Refusal::Account("registers, blocks and statuses"));
    }
    let (origin, class, meters) = check_meters(&certificates, stated, registry)?;
    if policy.require_certified && class != SealClass::Certified {
        return Err(Refusal::NotCertified);
    }
    let missing = stated.iter().map(|metered| metered.missing).sum();
    if missing > 0 && !policy.allow_incomplete {
        return Err(Refusal::Incomplete { missing });
    }
    Ok(Read { readings, origin, class, meters, missing })
}
