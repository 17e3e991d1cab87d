//! Epoch certificates as the rest of the world reads them, and the file that carries a meter's.

use std::collections::BTreeMap;

use metrology::SUITE;
use metrology::certificate::{Certificate, MAX_REGISTERS, SealClass, certificate_hash};
use metrology::cose::purpose;
use metrology::keys::Hash;
use metrology::label::{MeterId, RegisterCode, Text};
use minicbor::{Decode, Decoder, Encode, Encoder, bytes::ByteVec, decode, encode};

use crate::wire::{self, Signed, WireError};

const WHAT: &str = "meter certificate";

/// An epoch certificate, decoded and canonical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochCertificate {
    /// What the maker printed on the meter.
    pub meter: MeterId,
    /// Where the sealing runs.
    pub class: SealClass,
    /// The meter's key for life.
    pub identity_key: [u8; 32],
    /// Number of the epoch.
    pub epoch: u32,
    /// The key that signs blocks.
    pub signing_key: [u8; 32],
    /// The key for pairing.
    pub agreement_key: [u8; 32],
    /// First Unix second.
    pub first: u64,
    /// Hash of the certificate before.
    pub previous: Option<Hash>,
    /// Last block hash of each register at the start of the epoch.
    pub heads: BTreeMap<RegisterCode, Hash>,
}

impl<C> Encode<C> for EpochCertificate {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        let heads: Vec<_> = self.heads.iter().map(|(code, head)| (*code, *head)).collect();
        let payload = Certificate {
            meter: self.meter,
            class: self.class,
            identity_key: self.identity_key,
            epoch: self.epoch,
            signing_key: self.signing_key,
            agreement_key: self.agreement_key,
            first: self.first,
            previous: self.previous,
            heads: &heads,
        }
        .payload()
        .ok_or_else(|| encode::Error::message("certificate too long"))?;
        e.writer_mut().write_all(payload.as_slice()).map_err(encode::Error::write)
    }
}

impl<'b, C> Decode<'b, C> for EpochCertificate {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        let bad = decode::Error::message;
        if d.array()? != Some(11) || d.u8()? != metrology::VERSION || d.u8()? != SUITE {
            return Err(bad("not a certificate of this suite"));
        }
        let meter = Text::new(d.str()?).ok_or_else(|| bad("meter"))?;
        let class = match d.u8()? {
            0 => SealClass::Certified,
            1 => SealClass::BesideMeter,
            2 => SealClass::SelfSealed,
            _ => return Err(bad("class")),
        };
        let identity_key = key(d, ctx)?;
        let epoch = d.u32()?;
        let signing_key = key(d, ctx)?;
        let agreement_key = key(d, ctx)?;
        let first = d.u64()?;
        let previous = d.decode::<Option<minicbor::bytes::ByteArray<32>>>()?.map(Into::into);
        let count = d.array()?.filter(|n| *n <= MAX_REGISTERS as u64).ok_or_else(|| bad("heads"))?;
        let mut heads = BTreeMap::new();
        for _ in 0..count {
            d.array()?;
            let code = Text::new(d.str()?).ok_or_else(|| bad("register code"))?;
            heads.insert(code, key(d, ctx)?);
        }
        Ok(Self { meter, class, identity_key, epoch, signing_key, agreement_key, first, previous, heads })
    }
}

fn key<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<[u8; 32], decode::Error> {
    d.bytes()?.try_into().map_err(|_| decode::Error::message("byte string of another length"))
}

/// A certificate whose signature by its own identity key was checked.
#[derive(Clone, Debug)]
pub struct VerifiedCertificate {
    /// The content.
    pub certificate: EpochCertificate,
    /// Hash of the payload.
    pub hash: Hash,
    /// The message as received.
    pub message: Vec<u8>,
}

impl VerifiedCertificate {
    /// Reads a signed certificate and checks that the identity key it names signed it.
    ///
    /// # Errors
    /// When bytes or signature are wrong. Whether the identity is known is for a registry to say.
    pub fn read(message: &[u8]) -> Result<Self, WireError> {
        let signed = Signed::read(message, WHAT)?;
        if signed.payload.get(1) != Some(&metrology::VERSION) {
            return Err(WireError::Version(WHAT));
        }
        let certificate: EpochCertificate = wire::decode(signed.payload, WHAT)?;
        if (certificate.epoch == 0) != certificate.previous.is_none() {
            return Err(WireError::NotCanonical(WHAT));
        }
        signed.verify(&certificate.identity_key, purpose::CERTIFICATE, WHAT)?;
        Ok(Self { certificate, hash: certificate_hash(signed.payload), message: message.to_vec() })
    }
}

/// A meter's certificates, oldest first: what a registry lists and `--meter` reads.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct CertificateFile {
    #[n(0)]
    kind: String,
    #[n(1)]
    version: u8,
    #[n(2)]
    certificates: Vec<ByteVec>,
}

const KIND: &str = "wattseal/meter";

/// The bytes of a certificate file.
#[must_use]
pub fn write_file(messages: &[Vec<u8>]) -> Vec<u8> {
    let certificates = messages.iter().map(|m| m.clone().into()).collect();
    wire::encode(&CertificateFile { kind: KIND.into(), version: metrology::VERSION, certificates })
}

/// Reads a certificate file: one meter, epochs that follow each other, every signature right.
///
/// # Errors
/// When any of it is wrong; the file is refused whole.
pub fn read_file(bytes: &[u8]) -> Result<Vec<VerifiedCertificate>, WireError> {
    wire::expect(bytes, KIND, WHAT)?;
    let file: CertificateFile = wire::decode(bytes, WHAT)?;
    let chain: Vec<_> = file.certificates.iter().map(|m| VerifiedCertificate::read(m)).collect::<Result<_, _>>()?;
    let linked = chain.windows(2).all(|w| matches!(w, [a, b] if follows(a, b)));
    if chain.is_empty() || !linked { Err(WireError::NotCanonical(WHAT)) } else { Ok(chain) }
}

/// Whether `next` is the epoch after `previous` of the same meter.
#[must_use]
pub fn follows(previous: &VerifiedCertificate, next: &VerifiedCertificate) -> bool {
    next.certificate.identity_key == previous.certificate.identity_key
        && Some(next.certificate.epoch) == previous.certificate.epoch.checked_add(1)
        && next.certificate.previous == Some(previous.hash)
}
