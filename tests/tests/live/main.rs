//! The running system through real processes: meters on a serial line, TCP and brokers, a gateway, a provider behind TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod clocks;
mod contracts;
mod disks;
mod faults;
mod forged;
mod kills;
mod month;
mod mosquitto;
mod pairing;
mod plain;
mod private;
mod process;
mod published;
mod relay;
mod stored;
mod tap;
mod world;
