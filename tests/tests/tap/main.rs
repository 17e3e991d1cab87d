//! A tap above TLS: the real gateway and the real provider's service run with a recording middleman between them, and
//! everything that crosses is held against a list of what may. What is not listed fails with its name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../common/bill.rs"]
mod bill;
mod check;
mod exchange;
mod form;
mod lies;
mod life;
mod list;
mod messages;
mod middleman;
mod month;
mod pairs;
mod person;
#[path = "../live/process.rs"]
#[allow(dead_code)] // the harness is shared
mod process;
mod secrets;
#[path = "../common/shape.rs"]
mod shape;
mod toward;
#[path = "../live/world.rs"]
#[allow(dead_code)]
mod world;

/// Unix seconds.
pub fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}
