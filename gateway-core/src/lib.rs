//! The household's side: keeps readings in an encrypted store and lets only answers leave.
//!
//! ```text
//! pairing ─► Store::pair            day block ─► ingest (signature, chain, opening) ─► Store
//! slots of a plain meter ─► seal ─► ingest
//! signed tariff + period ─► bill (ledger, relation, proof, own verification) ─► Package
//! ```
//!
//! This crate never sees a socket, a serial port, a terminal or a clock: bytes, time and randomness come in.
//! Readings and keys never reach a log or an error message.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod bill;
pub mod circuits;
pub mod custody;
pub mod gaps;
pub mod ingest;
pub mod ledger;
pub mod measure;
pub mod prove;
pub mod seal;
pub mod store;
pub mod unseal;

pub use store::{Store, StoreError, StoreKey};
