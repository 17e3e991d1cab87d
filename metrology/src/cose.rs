//! COSE_Sign1 (RFC 9052, §4.2) framing without a heap: Ed25519 (algorithm −19, RFC 9864), empty unprotected header.

use ed25519_dalek::{Signer, SigningKey};
use minicbor::{Encoder, data::Tag, encode::write::Cursor};

use crate::keys::HASH_BYTES;

/// The protected header {1: −19}, encoded.
pub const PROTECTED: [u8; 3] = [0xa1, 0x01, 0x32];
/// Longest payload that can be signed here.
pub const MAX_PAYLOAD: usize = 1024;
/// Bytes a COSE_Sign1 adds to its payload at most.
const OVERHEAD: usize = 96;
/// Longest message this module emits.
pub const MAX_MESSAGE: usize = MAX_PAYLOAD + OVERHEAD;
/// CBOR tag of COSE_Sign1.
const TAG: u64 = 18;

/// Bytes in a buffer of fixed size.
#[derive(Clone)]
pub struct Bytes<const N: usize> {
    buffer: [u8; N],
    length: usize,
}

impl<const N: usize> Bytes<N> {
    /// Runs an encoder over an empty buffer; `None` when it does not fit.
    pub fn encode(
        write: impl FnOnce(
            &mut Encoder<Cursor<&mut [u8]>>,
        ) -> Result<(), minicbor::encode::Error<minicbor::encode::write::EndOfSlice>>,
    ) -> Option<Self> {
        let mut bytes = Self { buffer: [0; N], length: 0 };
        let mut encoder = Encoder::new(Cursor::new(&mut bytes.buffer[..]));
        write(&mut encoder).ok()?;
        bytes.length = encoder.writer().position();
        Some(bytes)
    }

    /// What was written.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or(&[])
    }
}

/// What each signed message is, as COSE `external_aad`: a signature over one can never pass for another.
pub mod purpose {
    /// A day block's header.
    pub const DAY_BLOCK: &[u8] = b"wattseal/v1/day-block";
    /// A meter's epoch certificate.
    pub const CERTIFICATE: &[u8] = b"wattseal/v1/certificate";
    /// A provider's tariff.
    pub const TARIFF: &[u8] = b"wattseal/v1/tariff";
    /// A bill that the meter itself computed.
    pub const METER_BILL: &[u8] = b"wattseal/v1/meter-bill";
    /// An operator's command to a meter.
    pub const COMMAND: &[u8] = b"wattseal/v1/command";
    /// A meter's word on what became of a command.
    pub const COMMAND_RECEIPT: &[u8] = b"wattseal/v1/command-receipt";
    /// A provider's receipt for a booked bill.
    pub const BILL_RECEIPT: &[u8] = b"wattseal/v1/bill-receipt";
    /// A provider's list of certificates that are no longer good.
    pub const REVOCATIONS: &[u8] = b"wattseal/v1/revocations";
    /// A provider's key naming its successor.
    pub const SUCCESSION: &[u8] = b"wattseal/v1/succession";
    /// The successor's consent, over the same payload.
    pub const SUCCESSION_ACCEPTED: &[u8] = b"wattseal/v1/succession-accepted";
    /// A household's next TLS key, proved to be held.
    pub const NEXT_KEY: &[u8] = b"wattseal/v1/next-key";
}

/// The signature alone, over `Sig_structure = ["Signature1", protected, external_aad, payload]`.
///
/// `None` when the payload exceeds [`MAX_PAYLOAD`].
#[must_use]
pub fn signature(key: &SigningKey, purpose: &[u8], payload: &[u8]) -> Option<[u8; 64]> {
    let to_sign = Bytes::<{ MAX_MESSAGE }>::encode(|e| {
        e.array(4)?.str("Signature1")?.bytes(&PROTECTED)?.bytes(purpose)?.bytes(payload)?.ok()
    })?;
    Some(key.sign(to_sign.as_slice()).to_bytes())
}

/// A tagged COSE_Sign1 message; `None` when the payload exceeds [`MAX_PAYLOAD`].
#[must_use]
pub fn sign1(key: &SigningKey, purpose: &[u8], payload: &[u8]) -> Option<Bytes<MAX_MESSAGE>> {
    if payload.len() > MAX_PAYLOAD {
        return None;
    }
    let signature = signature(key, purpose, payload)?;
    frame(payload, &signature)
}

/// Frames a payload and its signature as a tagged COSE_Sign1.
#[must_use]
pub fn frame(payload: &[u8], signature: &[u8; 64]) -> Option<Bytes<MAX_MESSAGE>> {
    Bytes::encode(|e| e.tag(Tag::new(TAG))?.array(4)?.bytes(&PROTECTED)?.map(0)?.bytes(payload)?.bytes(signature)?.ok())
}

/// A verifying key in its 32-byte form.
#[must_use]
pub fn public_key(key: &SigningKey) -> [u8; HASH_BYTES] {
    key.verifying_key().to_bytes()
}
