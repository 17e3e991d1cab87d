//! The simple profile: the meter itself computes the bill from signed prices, deletes the readings, and signs the fee.
//!
//! Eccles and Halak (2017), §II.B. All of it runs on trusted hardware, so there is nothing to prove: whoever knows
//! the meter's certificate checks one signature. What leaves is the fee, without the sums of its lines.

use ed25519_dalek::SigningKey;
use metrology::certificate::SealClass;
use metrology::cose::purpose;
use metrology::keys::{Hash, hash};
use metrology::label::{Interval, RegisterCode};
use minicbor::{Decode, Encode, bytes::ByteVec};

use crate::bill::bounded::{MAX_REGISTERS, at_most};
use crate::bill::{BillError, check_linear, weights};
use crate::certificate::VerifiedCertificate;
use crate::tariff::{SignedTariff, Tariff};
use crate::time::Span;
use crate::verify::{Origin, Policy, Refusal, Registry};
use crate::wire::{self, Signed, WireError};

const KIND: &str = "wattseal/meter-bill";
const WHAT: &str = "meter bill";

/// A bill that a meter signed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct MeterBill {
    /// Format version.
    #[n(0)]
    pub version: u8,
    /// Hash of the epoch certificate whose key signs.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub certificate: Hash,
    /// Key of the provider that the bill is for.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub recipient: [u8; 32],
    /// Hash of the tariff.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub tariff: Hash,
    /// The billing period.
    #[n(4)]
    pub period: Span,
    /// The registers it rests on, with what was not plainly measured.
    #[cbor(n(5), decode_with = "at_most::<MAX_REGISTERS, _, _>")]
    pub registers: Vec<MeterRegister>,
    /// The amount due in minor units.
    #[n(6)]
    pub fee_minor: i64,
}

/// A register's account in a meter's bill.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct MeterRegister {
    /// The register.
    #[cbor(n(0), with = "crate::block::text")]
    pub code: RegisterCode,
    /// Slots of the period.
    #[n(1)]
    pub slots: u32,
    /// Slots without a measurement.
    #[n(2)]
    pub missing: u32,
    /// Slots with a substituted or cut value.
    #[n(3)]
    pub estimated: u32,
    /// Slots measured while a tamper sensor was active.
    #[n(4)]
    pub tamper: u32,
    /// Events ([`metrology::label::events`]).
    #[n(5)]
    pub events: u16,
}

/// The file: certificates of the meter's epoch and the signed bill.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct File {
    #[n(0)]
    kind: String,
    #[n(1)]
    version: u8,
    #[n(2)]
    certificate: ByteVec,
    #[n(3)]
    message: ByteVec,
}

/// A meter's bill that holds.
#[derive(Clone, Debug)]
pub struct VerifiedMeterBill {
    /// Its content.
    pub bill: MeterBill,
    /// The digest of its signed bytes: the bill's identity.
    pub digest: Hash,
    /// Whether the meter is known.
    pub origin: Origin,
    /// The certificate it was signed under.
    pub certificate: VerifiedCertificate,
}

impl MeterBill {
    /// Signs the bill with the epoch's key and puts the file together.
    #[must_use]
    pub fn sign(&self, certificate: &[u8], key: &SigningKey) -> Vec<u8> {
        let message = wire::sign(key, purpose::METER_BILL, &wire::encode(self));
        wire::encode(&File {
            kind: KIND.into(),
            version: metrology::VERSION,
            certificate: certificate.to_vec().into(),
            message: message.into(),
        })
    }
}

/// Whether a file is a meter's bill rather than a household's.
#[must_use]
pub fn is_meter_bill(bytes: &[u8]) -> bool {
    let mut decoder = minicbor::Decoder::new(bytes);
    decoder.array().is_ok() && decoder.str().is_ok_and(|kind| kind == KIND)
}

/// The digest of a meter's bill and the hash of its tariff, before anything of it is checked.
///
/// # Errors
/// When the bytes are not a meter's bill.
pub fn names(bytes: &[u8]) -> Result<(Hash, Hash), WireError> {
    let file: File = wire::decode(bytes, WHAT)?;
    let signed = Signed::read(&file.message, WHAT)?;
    let bill: MeterBill = wire::decode(signed.payload, WHAT)?;
    Ok((hash("wattseal/v1/meter-bill-digest", &[signed.payload]), bill.tariff))
}

/// Verifies a meter's bill.
///
/// # Errors
/// The reason it is refused.
pub fn verify(
    bytes: &[u8],
    tariff: &SignedTariff,
    registry: &Registry,
    policy: &Policy,
) -> Result<VerifiedMeterBill, Refusal> {
    let file: File = wire::decode(bytes, WHAT)?;
    if file.kind != KIND {
        return Err(WireError::Malformed(WHAT).into());
    }
    if file.version != metrology::VERSION {
        return Err(WireError::Version(WHAT).into());
    }
    let certificate = VerifiedCertificate::read(&file.certificate)?;
    let signed = Signed::read(&file.message, WHAT)?;
    signed.verify(&certificate.certificate.signing_key, purpose::METER_BILL, WHAT)?;
    let bill: MeterBill = wire::decode(signed.payload, WHAT)?;
    if bill.version != metrology::VERSION {
        return Err(WireError::Version(WHAT).into());
    }
    if bill.certificate != certificate.hash {
        return Err(Refusal::UnknownCertificate);
    }
    if bill.tariff != tariff.hash {
        return Err(Refusal::OtherTariff);
    }
    if bill.recipient != policy.recipient.unwrap_or(tariff.tariff.provider.key) {
        return Err(Refusal::OtherRecipient);
    }
    check_period(&bill, &tariff.tariff)?;
    if bill.period.from < certificate.certificate.first {
        return Err(Refusal::BeforeEpoch);
    }
    // A meter's bill carries no nonce: one that was asked for is not there.
    if policy.nonce.is_some() {
        return Err(Refusal::OtherNonce);
    }
    let missing = bill.registers.iter().map(|r| r.missing).sum();
    if missing > 0 && !policy.allow_incomplete {
        return Err(Refusal::Incomplete { missing });
    }
    if policy.require_certified && certificate.certificate.class != SealClass::Certified {
        return Err(Refusal::NotCertified);
    }
    let origin = if registry.attests(&certificate)? { Origin::Attested } else { Origin::Unattested };
    Ok(VerifiedMeterBill {
        digest: hash("wattseal/v1/meter-bill-digest", &[signed.payload]),
        bill,
        origin,
        certificate,
    })
}

/// The period can be billed under the tariff, and the accounts of its registers fit it: the number of slots gives the
/// interval, and no slot has two statuses.
fn check_period(bill: &MeterBill, tariff: &Tariff) -> Result<(), Refusal> {
    check_linear(tariff)?;
    let period = &bill.period;
    if period.from >= period.until {
        return Err(BillError::EmptyPeriod.into());
    }
    if !tariff.valid.contains(period) {
        return Err(BillError::OutsideValidity.into());
    }
    let same = bill.registers.len() == tariff.registers.len()
        && bill.registers.iter().zip(&tariff.registers).all(|(ours, theirs)| ours.code == theirs.code);
    if !same {
        return Err(Refusal::Registers);
    }
    let intervals = bill.registers.iter().map(|r| r.interval(period)).collect::<Result<Vec<_>, _>>()?;
    weights(tariff, period, &intervals)?;
    if tariff.counts_days() && tariff.zone.days(period).is_none() {
        return Err(BillError::NotLocalDays.into());
    }
    let fits = |r: &MeterRegister| {
        let flagged = u64::from(r.missing) + u64::from(r.estimated) + u64::from(r.tamper);
        flagged <= u64::from(r.slots)
    };
    if !bill.registers.iter().all(fits) {
        return Err(WireError::NotCanonical(WHAT).into());
    }
    Ok(())
}

impl MeterRegister {
    /// The seconds of a slot that make this number of slots in the period.
    fn interval(&self, period: &Span) -> Result<u64, BillError> {
        [Interval::QUARTER, Interval::HALF, Interval::HOUR]
            .into_iter()
            .map(Interval::seconds)
            .find(|seconds| u64::from(self.slots).checked_mul(*seconds) == Some(period.seconds()))
            .ok_or(BillError::NotOnGrid)
    }
}

#[cfg(test)]
mod tests;
