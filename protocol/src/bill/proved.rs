//! The statement of a bill with a zero-knowledge proof: the amount due, and no sum on the way to it.

use metrology::keys::Hash;
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

use super::Metered;
use super::bounded::{MAX_REGISTERS, at_most};
use crate::time::Span;
use crate::wire;

/// What the statement calls itself.
pub const PROVED_KIND: &str = "proved-bill";

/// The statement of a proved bill. It holds the amount due and commitments; never a reading, a sum or a cell.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ProvedStatement {
    /// [`PROVED_KIND`].
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
    /// Why it is made, as [`super::statement::PURPOSE`].
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
    /// The circuit's identity.
    #[cbor(n(9), with = "minicbor::bytes")]
    pub circuit: Hash,
    /// Digest of the bill whose state this one goes on from; none begins with the tariff's first values.
    #[n(10)]
    pub continues: Option<ByteArray<32>>,
    /// Commitment of the state before.
    #[cbor(n(11), with = "minicbor::bytes")]
    pub before: [u8; 32],
    /// Commitment of the state after.
    #[cbor(n(12), with = "minicbor::bytes")]
    pub after: [u8; 32],
    /// Digest of the bill that this one corrects, if it does.
    #[n(13)]
    pub corrects: Option<ByteArray<32>>,
    /// The amount due in minor units.
    #[n(14)]
    pub fee_minor: i64,
}

impl ProvedStatement {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }
}

/// What a statement calls itself, before it is read as one or the other.
#[must_use]
pub fn kind_of(statement: &[u8]) -> Option<String> {
    let mut decoder = minicbor::Decoder::new(statement);
    decoder.array().ok()??;
    Some(decoder.str().ok()?.to_owned())
}
