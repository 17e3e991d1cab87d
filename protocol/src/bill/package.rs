//! A bill as one file: statement, proof, headers, commitment lists, certificates, and one signature an epoch.

use metrology::curve::POINT_BYTES;
use metrology::label::RegisterCode;
use minicbor::{Decode, Encode, bytes::ByteVec};

use super::bounded::{MAX_BLOCKS, MAX_CERTIFICATES, MAX_PROOF, MAX_REGISTERS, MAX_RUNS, MAX_STATEMENT, at_most};
use crate::wire::{self, WireError};

const KIND: &str = "wattseal/bill";
const WHAT: &str = "bill";

/// A bill package. Its layout is an allow-list: nothing else fits into it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Package {
    #[n(0)]
    kind: String,
    #[n(1)]
    version: u8,
    /// The statement's canonical bytes.
    #[n(2)]
    pub statement: ByteVec,
    /// The proof's canonical bytes.
    #[n(3)]
    pub proof: ByteVec,
    /// The certificates of all touched epochs, and those between them. They are not trusted by being here.
    #[cbor(n(4), decode_with = "at_most::<MAX_CERTIFICATES, _, _>")]
    pub certificates: Vec<ByteVec>,
    /// The blocks of each register of the tariff, in its order.
    #[cbor(n(5), decode_with = "at_most::<MAX_REGISTERS, _, _>")]
    pub chains: Vec<Chain>,
}

/// The blocks of one register that a period touches.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Chain {
    /// The register.
    #[cbor(n(0), with = "crate::block::text")]
    pub code: RegisterCode,
    /// The blocks in order of time.
    #[cbor(n(1), decode_with = "at_most::<MAX_BLOCKS, _, _>")]
    pub blocks: Vec<ChainBlock>,
    /// The meter's signature over the last header of each run under one certificate, in order.
    #[cbor(n(2), decode_with = "at_most::<MAX_RUNS, _, _>")]
    pub signatures: Vec<ByteVec>,
}

/// A header and its list of commitments.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ChainBlock {
    /// The header's payload.
    #[n(0)]
    pub header: ByteVec,
    /// The commitments, 64 bytes each.
    #[n(1)]
    pub commitments: ByteVec,
}

impl ChainBlock {
    /// A block of a chain.
    #[must_use]
    pub fn new(header: Vec<u8>, commitments: &[[u8; POINT_BYTES]]) -> Self {
        Self { header: header.into(), commitments: commitments.as_flattened().to_vec().into() }
    }
}

impl Package {
    /// Puts a bill together.
    #[must_use]
    pub fn new(statement: Vec<u8>, proof: Vec<u8>, certificates: Vec<Vec<u8>>, chains: Vec<Chain>) -> Self {
        Self {
            kind: KIND.into(),
            version: metrology::VERSION,
            statement: statement.into(),
            proof: proof.into(),
            certificates: certificates.into_iter().map(Into::into).collect(),
            chains,
        }
    }

    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads a bill file.
    ///
    /// # Errors
    /// When it is not one in canonical form, or has more parts than [`super::bounded`] allows.
    pub fn read(bytes: &[u8]) -> Result<Self, WireError> {
        wire::expect(bytes, KIND, WHAT)?;
        let package: Self = wire::decode(bytes, WHAT)?;
        // Both are decoded later, from these bytes.
        if package.statement.len() > MAX_STATEMENT || package.proof.len() > MAX_PROOF {
            return Err(WireError::TooLong(WHAT));
        }
        Ok(package)
    }
}
