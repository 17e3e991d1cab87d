//! Groth16 over BLS12-381: keys, proofs, verification (Groth, EUROCRYPT 2016, §3.2), and how the keys are made.
//!
//! ```text
//! VerifyingKey ── fold(numbers of a tariff) ─► FoldedKey ── verify(publics, proof)
//!                                                  └──── Batch: many homes, several tariffs, one final exponentiation
//!
//! Powers (phase 1) ── ceremony (phase 2: contributions, beacon) ─► Parameters + Transcript
//!                                                                     └── check ─► a gateway proves with them
//! ```
//!
//! A tariff's thousands of numbers are public inputs. They are the same for all homes, so their part of the key is summed
//! once; a home adds its own few. What is folded is derived by each verifier from the signed tariff, never received.

mod batch;
pub mod ceremony;
mod check;
mod fold;
mod key;
mod parameters;
mod points;
mod polynomial;
pub mod powers;
mod product;
mod proof;
pub mod quadratic;
pub(crate) mod reader;
mod table;
mod trial;
mod windows;

pub use batch::Batch;
pub use check::{CheckError, Part};
pub use fold::{FoldedKey, multiply};
pub use key::VerifyingKey;
pub use parameters::{Parameters, ParametersError};
pub use powers::Powers;
pub use proof::{PROOF_BYTES, Proof, ProofError};

#[cfg(test)]
mod tests;
