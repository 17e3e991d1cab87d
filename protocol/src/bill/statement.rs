//! A bill's statement: everything it claims, and the digest that its proof is bound to.

use metrology::keys::{Hash, hash};
use metrology::label::RegisterCode;
use minicbor::{Decode, Encode};

use super::bounded::{MAX_LINES, MAX_REGISTERS, MAX_RUNS, at_most};
use crate::time::Span;
use crate::wire;

/// What a linear bill's statement calls itself.
pub const KIND: &str = "linear-bill";
/// The purpose of a bill.
pub const PURPOSE: &str = "billing";

/// The statement of a bill. It holds sums that the tariff names and the fee; never a reading.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Statement {
    /// [`KIND`].
    #[n(0)]
    pub kind: String,
    /// Format version, [`metrology::VERSION`].
    #[n(1)]
    pub version: u8,
    /// Cryptographic suite, [`metrology::SUITE`].
    #[n(2)]
    pub suite: u8,
    /// Key of the provider that the bill is for.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub recipient: [u8; 32],
    /// [`PURPOSE`].
    #[n(4)]
    pub purpose: String,
    /// Chosen afresh for each bill, or by the recipient.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// Hash of the tariff.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub tariff: Hash,
    /// The billing period, half-open.
    #[n(7)]
    pub period: Span,
    /// What was metered, for each register of the tariff in its order.
    #[cbor(n(8), decode_with = "at_most::<MAX_REGISTERS, _, _>")]
    pub metered: Vec<Metered>,
    /// Sum of each energy line in 10⁻⁹ currency units, in the tariff's order.
    #[cbor(n(9), decode_with = "at_most::<MAX_LINES, _, _>")]
    pub amounts: Vec<i64>,
    /// Digest of the bill that this one corrects, if it does.
    #[n(10)]
    pub corrects: Option<minicbor::bytes::ByteArray<32>>,
    /// The amount due in minor units.
    #[n(11)]
    pub fee_minor: i64,
    /// What each register took in the period, in its unit and in the tariff's order: a certified extra that the household
    /// may add. A bill without it has the form that it had before there was one.
    #[n(12)]
    pub totals: Option<Vec<i64>>,
}

/// Which blocks of a register a bill rests on. All of it is public and follows from the headers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Metered {
    /// The register.
    #[cbor(n(0), with = "crate::block::text")]
    pub code: RegisterCode,
    /// Seconds of a slot.
    #[n(1)]
    pub interval: u16,
    /// Runs of blocks under one certificate, in order of time.
    #[cbor(n(2), decode_with = "at_most::<MAX_RUNS, _, _>")]
    pub segments: Vec<Segment>,
    /// Slots of the period without a measurement.
    #[n(3)]
    pub missing: u32,
    /// Slots with a substituted or cut value.
    #[n(4)]
    pub estimated: u32,
    /// Slots measured while a tamper sensor was active.
    #[n(5)]
    pub tamper: u32,
    /// Events of all touched blocks.
    #[n(6)]
    pub events: u16,
}

/// A run of blocks under one certificate.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Segment {
    /// Hash of the epoch certificate.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub certificate: Hash,
    /// Number of its first block.
    #[n(1)]
    pub first_block: u64,
    /// How many blocks.
    #[n(2)]
    pub blocks: u32,
    /// Hash of its last header; by the chain it stands for all of them.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub head: Hash,
}

impl Statement {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// The digest of the canonical bytes. It is the bill's identity; proof bytes are not.
    #[must_use]
    pub fn digest(bytes: &[u8]) -> Hash {
        hash("wattseal/v1/statement", &[bytes])
    }
}
