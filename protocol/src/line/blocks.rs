//! Blocks by number: which are asked for, which are held.

use metrology::label::RegisterCode;
use minicbor::{Decode, Encode};

/// A block of a register, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct BlockName {
    /// The register.
    #[cbor(n(0), with = "crate::block::text")]
    pub register: RegisterCode,
    /// Number of the block.
    #[n(1)]
    pub block: u64,
}

/// [`super::Message::AskBlocks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct AskBlocks {
    /// The register.
    #[cbor(n(0), with = "crate::block::text")]
    pub register: RegisterCode,
    /// Number of the first block.
    #[n(1)]
    pub first: u64,
    /// How many, 1 to [`super::MAX_BLOCKS`]. The meter sends those it holds, in order.
    #[n(2)]
    pub count: u16,
}

/// [`super::Message::Holdings`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Holdings {
    /// The register.
    #[cbor(n(0), with = "crate::block::text")]
    pub register: RegisterCode,
    /// Runs of blocks in order, without gaps between numbers unless blocks were given up.
    #[n(1)]
    pub runs: Vec<Run>,
    /// Number that the register's next block will have.
    #[n(2)]
    pub next: u64,
}

/// Blocks of one pairing that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Run {
    /// Number of the first.
    #[n(0)]
    pub first: u64,
    /// Number of the last.
    #[n(1)]
    pub last: u64,
    /// Number of the pairing they were sealed for.
    #[n(2)]
    pub pairing: u32,
}
