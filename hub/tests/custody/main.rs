//! Custody through the real command: new homes, slots, the recovery sheet, backups, homes of the first format, and the
//! keyring of a real Secret Service.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod backups;
mod beside;
mod house;
mod keyrings;
mod slots;
mod terminal;
mod trouble;
mod upgrades;
