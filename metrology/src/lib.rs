//! What a certified meter runs, and the whole of what must be trusted about it.
//!
//! ```text
//! register value ─► Sealer::record ─► slots of a UTC day ─► Sealer::close ─► SealedBlock
//!                                                            (commit, chain, sign, encrypt)
//! ```
//!
//! For every slot the meter commits to the energy with a Pedersen commitment; for every register and UTC day it
//! signs one header that binds the list of commitments, a Poseidon commitment to the same readings, the residual,
//! the previous block and the household it is paired with; and it encrypts the readings to that household alone.
//!
//! The crate is `no_std`, allocates nothing, reads no clock and draws no randomness: slots, register values, keys
//! and storage come in as arguments. Operations on secrets are branch-free and index no memory by a secret
//! (`tests/tests/constant_time.rs` runs them under valgrind). `metrology/no-heap` links it without an allocator.
//!
//! Papers: Pedersen (CRYPTO '91); Rial and Danezis, "Privacy-preserving smart metering" (2010), §3; Eccles and
//! Halak (2017), §II.C; Grassi et al., "Poseidon" (2021). The wire format is docs/protocol.md.
#![no_std]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation))]

#[cfg(test)]
extern crate std;

pub mod certificate;
pub mod cose;
pub mod curve;
pub mod exchange;
pub mod header;
pub mod keys;
pub mod label;
pub mod pedersen;
pub mod poseidon;
pub mod seal;

/// Format version of everything this crate emits.
pub const VERSION: u8 = 1;

/// Suite 1: Pedersen on Jubjub, Poseidon over BLS12-381, Ed25519, SHA-256, HKDF-SHA-512, ChaCha20-Poly1305.
pub const SUITE: u8 = 1;
