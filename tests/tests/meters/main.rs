//! Plain meters end to end, in virtual time: what an emulated meter sends over a bad line becomes telegrams and slots, and
//! these are held against what its registers really counted.
//!
//! ```text
//! Play (encoders) ─► line: every tenth frame damaged, a silence, an exchange ─► Decode ─► Slots ─► compared with Truth
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod day;
mod gas;
mod lines;
