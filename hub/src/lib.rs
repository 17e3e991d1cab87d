//! The running gateway: wires files (and later meters on a wire) into `gateway-core` and answers the `wattseal`
//! command. It owns clocks and I/O; what a bill is and whether it may leave is decided below it.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod commands;
pub mod dates;
pub mod failure;
pub mod home;

pub use failure::Failure;
