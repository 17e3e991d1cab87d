//! Arrival: pairings, certificates and day blocks are verified here or not stored at all.
//!
//! A block is stored when its signature, chain, time, household, opening and register advance are all right; anything
//! else is discarded and says why (Eccles and Halak, §II.C step 2). Blocks may come in any order and more than once.
//! A pairing that was exchanged over a line is in force only when the meter has shown that it took it ([`complete`]).

mod block;
mod pair;
mod refused;

pub use block::Ingest;
pub(crate) use block::continues;
pub use pair::{complete, learn, pair};
pub use refused::Refused;

use protocol::wire::WireError;

use crate::store::StoreError;

/// Why an arrival did not end in the store.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// It was discarded; everything stored before stays.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<WireError> for IngestError {
    fn from(error: WireError) -> Self {
        Self::Refused(error.into())
    }
}

/// What became of an arrival that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is stored now.
    Stored,
    /// The very same was stored before.
    Known,
}
