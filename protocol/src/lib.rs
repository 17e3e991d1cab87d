//! What all parties of Wattseal must agree on, and nothing that touches the outside world.
//!
//! ```text
//! meter ──► block, certificate ──► bill::Package ──► verify::verify ──► Verdict
//! provider ──► tariff ───────────────┘ (linear proof)
//! ```
//!
//! A third party that wants to check a bill needs this crate alone. It knows no clock, file, socket or database:
//! time, randomness and bytes come in as arguments. docs/protocol.md is the specification.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap,
        clippy::float_arithmetic
    )
)]

pub mod bill;
pub mod block;
pub mod certificate;
pub mod circuit;
pub mod code;
pub mod groth16;
pub mod inference;
pub mod line;
pub mod linear;
pub mod machine;
pub mod meter_bill;
pub mod money;
pub mod pairing;
pub mod query;
pub mod service;
pub mod show;
pub mod tariff;
pub mod time;
pub mod verify;
pub mod wire;

pub use metrology;
