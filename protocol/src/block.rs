//! Day blocks as the rest of the world reads them: headers, commitment lists and the transport form.

use metrology::SUITE;
use metrology::cose::purpose;
use metrology::curve::POINT_BYTES;
use metrology::header::{Header, STATUS_BYTES, header_hash, list_hash, status, status_length};
use metrology::keys::Hash;
use metrology::label::{ClockQuality, DAY_SECONDS, Interval, Register, RegisterKind, Status, Text};
use minicbor::{Decode, Decoder, Encode, Encoder, bytes::ByteVec, decode, encode};

use crate::time::Span;
use crate::wire::{self, Signed, WireError};

/// CBOR codec for [`Text`] fields.
pub mod text {
    use metrology::label::Text;
    use minicbor::{Decoder, Encoder};

    /// Encodes as a text string.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn encode<C, W: minicbor::encode::Write, const N: usize>(
        value: &Text<N>,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(value.as_str())?.ok()
    }

    /// Decodes a text string that fits.
    ///
    /// # Errors
    /// When it is no text, too long, or not printable.
    pub fn decode<C, const N: usize>(d: &mut Decoder<'_>, _: &mut C) -> Result<Text<N>, minicbor::decode::Error> {
        Text::new(d.str()?).ok_or_else(|| minicbor::decode::Error::message("text out of range"))
    }
}

/// The name of the message in errors.
const WHAT: &str = "day block";

/// A header, decoded and canonical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayHeader {
    /// Hash of the epoch certificate.
    pub certificate: Hash,
    /// Number of the epoch.
    pub epoch: u32,
    /// The register.
    pub register: Register,
    /// UTC day from 1970-01-01.
    pub day: u32,
    /// First slot within the day.
    pub first: u8,
    /// Number of slots.
    pub count: u8,
    /// Status map.
    pub status: Vec<u8>,
    /// Trust in the clock.
    pub clock: ClockQuality,
    /// Events.
    pub events: u16,
    /// Number of the block.
    pub block: u64,
    /// Number of the pairing.
    pub pairing: u32,
    /// Household fingerprint.
    pub household: Hash,
    /// Hash of the block before, or of the certificate.
    pub previous: Hash,
    /// Hash of the commitment list.
    pub list: Hash,
    /// Poseidon commitment D.
    pub day_commitment: [u8; 32],
    /// Residual commitment.
    pub residual: [u8; POINT_BYTES],
}

impl DayHeader {
    /// Decodes a header's payload.
    ///
    /// # Errors
    /// When it is not the canonical form of a header within its day.
    pub fn read(payload: &[u8]) -> Result<Self, WireError> {
        if payload.get(1) != Some(&metrology::VERSION) {
            return Err(WireError::Version(WHAT));
        }
        let header: Self = wire::decode(payload, WHAT)?;
        let slots = header.register.interval.slots_per_day();
        let fits = header.count > 0 && u64::from(header.first) + u64::from(header.count) <= slots;
        let map_fits = header.status.len() == status_length(usize::from(header.count));
        let spare = (usize::from(header.count)..header.status.len() * 4)
            .all(|place| header.status_at(place) == Status::Measured);
        if fits && map_fits && spare { Ok(header) } else { Err(WireError::NotCanonical(WHAT)) }
    }

    /// As the meter encodes it.
    #[must_use]
    pub fn as_meter(&self) -> Header<'_> {
        Header {
            certificate: self.certificate,
            epoch: self.epoch,
            register: self.register,
            day: self.day,
            first: self.first,
            count: self.count,
            status: &self.status,
            clock: self.clock,
            events: self.events,
            block: self.block,
            pairing: self.pairing,
            household: self.household,
            previous: self.previous,
            list: self.list,
            day_commitment: self.day_commitment,
            residual: self.residual,
        }
    }

    /// Number of the first slot on the UTC grid.
    #[must_use]
    pub fn first_slot(&self) -> u64 {
        u64::from(self.day) * self.register.interval.slots_per_day() + u64::from(self.first)
    }

    /// The time it covers.
    #[must_use]
    pub fn span(&self) -> Span {
        let seconds = self.register.interval.seconds();
        let from = u64::from(self.day) * DAY_SECONDS + u64::from(self.first) * seconds;
        Span { from, until: from + u64::from(self.count) * seconds }
    }

    /// Status of the slot at a place counted from the block's first.
    #[must_use]
    pub fn status_at(&self, place: usize) -> Status {
        status(&self.status, place)
    }
}

impl<C> Encode<C> for DayHeader {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        let payload = self.as_meter().payload().ok_or_else(|| encode::Error::message("header too long"))?;
        e.writer_mut().write_all(payload.as_slice()).map_err(encode::Error::write)
    }
}

impl<'b, C> Decode<'b, C> for DayHeader {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let bad = decode::Error::message;
        if d.array()? != Some(21) || d.u8()? != metrology::VERSION || d.u8()? != SUITE {
            return Err(bad("not a header of this suite"));
        }
        let certificate = array(d)?;
        let epoch = d.u32()?;
        let code = Text::new(d.str()?).ok_or_else(|| bad("register code"))?;
        let unit = Text::new(d.str()?).ok_or_else(|| bad("unit"))?;
        let kind = match d.u8()? {
            0 => RegisterKind::Cumulative,
            1 => RegisterKind::Sampled,
            _ => return Err(bad("register kind")),
        };
        let interval = Interval::from_seconds(d.u32()?).ok_or_else(|| bad("interval"))?;
        Ok(Self {
            certificate,
            epoch,
            register: Register { code, unit, kind, interval },
            day: d.u32()?,
            first: d.u8()?,
            count: d.u8()?,
            status: Some(d.bytes()?).filter(|map| map.len() <= STATUS_BYTES).ok_or_else(|| bad("status map"))?.to_vec(),
            clock: ClockQuality::from_code(d.u8()?).ok_or_else(|| bad("clock quality"))?,
            events: d.u16()?,
            block: d.u64()?,
            pairing: d.u32()?,
            household: array(d)?,
            previous: array(d)?,
            list: array(d)?,
            day_commitment: array(d)?,
            residual: array(d)?,
        })
    }
}

fn array<const N: usize>(d: &mut Decoder<'_>) -> Result<[u8; N], decode::Error> {
    d.bytes()?.try_into().map_err(|_| decode::Error::message("byte string of another length"))
}

/// A day block as it travels from the meter to the household, through any storage.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct BlockFile {
    #[n(0)]
    kind: String,
    #[n(1)]
    version: u8,
    /// COSE_Sign1 over the header.
    #[n(2)]
    pub message: ByteVec,
    /// The commitments, 64 bytes each.
    #[n(3)]
    pub commitments: ByteVec,
    /// The readings, encrypted to the household.
    #[n(4)]
    pub ciphertext: ByteVec,
}

const KIND: &str = "wattseal/block";

impl BlockFile {
    /// Puts a sealed block into its transport form.
    #[must_use]
    pub fn new(message: &[u8], commitments: &[[u8; POINT_BYTES]], ciphertext: &[u8]) -> Self {
        Self {
            kind: KIND.into(),
            version: metrology::VERSION,
            message: message.to_vec().into(),
            commitments: commitments.as_flattened().to_vec().into(),
            ciphertext: ciphertext.to_vec().into(),
        }
    }

    /// Reads the transport form.
    ///
    /// # Errors
    /// When it is not one.
    pub fn read(bytes: &[u8]) -> Result<Self, WireError> {
        wire::expect(bytes, KIND, WHAT)?;
        wire::decode(bytes, WHAT)
    }

    /// The header, after checking the signature by an epoch's key and that the list is the one it names.
    ///
    /// # Errors
    /// When any of it is wrong.
    pub fn verify(&self, signing_key: &[u8; 32]) -> Result<VerifiedBlock, WireError> {
        let signed = Signed::read(&self.message, WHAT)?;
        let header = DayHeader::read(signed.payload)?;
        signed.verify(signing_key, purpose::DAY_BLOCK, WHAT)?;
        let commitments = commitment_list(&self.commitments).ok_or(WireError::Malformed(WHAT))?;
        if commitments.len() != usize::from(header.count) || list_hash(commitments) != header.list {
            return Err(WireError::NotCanonical("list of commitments"));
        }
        Ok(VerifiedBlock {
            hash: header_hash(signed.payload),
            payload: signed.payload.to_vec(),
            signature: signed.signature,
            header,
        })
    }
}

/// A block whose signature and list were checked.
#[derive(Clone, Debug)]
pub struct VerifiedBlock {
    /// The header.
    pub header: DayHeader,
    /// The header's payload as received.
    pub payload: Vec<u8>,
    /// The meter's signature over it.
    pub signature: [u8; 64],
    /// Hash of the payload.
    pub hash: Hash,
}

/// Splits a byte string into points; `None` when its length is no multiple of a point's.
#[must_use]
pub fn commitment_list(bytes: &[u8]) -> Option<&[[u8; POINT_BYTES]]> {
    let (points, rest) = bytes.as_chunks::<POINT_BYTES>();
    rest.is_empty().then_some(points)
}
