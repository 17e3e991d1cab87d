//! The provider's side of Wattseal: sets tariffs and signs them, checks bills and books them.
//!
//! ```text
//! source, price file ──► desk ──► signed tariff ──► households
//!                       identity (who signs)            │
//! ledger (meters, bills, refusals) ◄── judge ◄── bills ─┘
//!                 circuits (of proofs) ──┤
//!                                        └── service (HTTPS, tls) ◄─► households
//! ```
//!
//! This crate never imports the household's side: whoever verifies a bill does not need what proves it.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap
    )
)]

pub mod circuits;
pub mod desk;
pub mod files;
pub mod identity;
pub mod invitation;
pub mod judge;
pub mod ledger;
pub mod service;
pub mod tls;
