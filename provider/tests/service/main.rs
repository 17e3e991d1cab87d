//! The provider as a service: the real command, real TLS, and the household's own client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bills;
mod commands;
mod crash;
mod enrol;
mod hostile;
mod late;
mod leaves;
mod migrate;
mod trust;
mod wire;
#[path = "../ledger/world.rs"]
#[allow(dead_code)]
mod world;
