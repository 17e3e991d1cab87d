//! The running gateway: wires meters, files and providers into `gateway-core` and answers the `wattseal`
//! command. It owns clocks and I/O; what a bill is and whether it may leave is decided below it.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod answers;
pub mod api;
pub mod beside;
pub mod cli;
pub mod commands;
pub mod custody;
pub mod daemon;
pub mod dates;
pub mod failure;
pub mod gateway;
pub mod home;
pub mod keeper;
pub mod lines;
pub mod outside;
pub mod provider;
mod publish;

pub use failure::Failure;
