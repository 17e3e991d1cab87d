//! Groth16 over BLS12-381: keys, proofs, verification (Groth, EUROCRYPT 2016, §3.2).
//!
//! ```text
//! VerifyingKey ── fold(numbers of a tariff) ─► FoldedKey ── verify(publics, proof)
//!                                                  └──── Batch: many homes, several tariffs, one final exponentiation
//! ```
//!
//! A tariff's thousands of numbers are public inputs. They are the same for all homes, so their part of the key is summed
//! once; a home adds its own few. What is folded is derived by each verifier from the signed tariff, never received.

mod batch;
mod fold;
mod key;
mod parameters;
mod proof;
pub mod quadratic;
mod trial;

pub use batch::Batch;
pub use fold::{FoldedKey, multiply};
pub use key::VerifyingKey;
pub use parameters::{Parameters, ParametersError};
pub use proof::{PROOF_BYTES, Proof, ProofError};
