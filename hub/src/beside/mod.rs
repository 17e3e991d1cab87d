//! `wattseal seal-live`: a device of its own beside a plain meter, such as a Pi Zero in the cupboard, that seals what the meter
//! says and talks with a household as a meter does.
//!
//! ```text
//! plain meter ─► drivers::Reader ─► Slots ─► Heard (Source) ─► sealer::Device ◄─► sealer::port ◄─► a home's gateway
//! ```
//!
//! It needs no home: its directory is its memory, and holds its keys and the open day. What it seals is called sealed beside
//! the meter, never certified: nobody has tested it, and whoever holds the cable is believed.

mod clock;
mod heard;
mod home;
mod listen;
mod plain;
mod run;
mod setup;

pub use run::{Beside, run};
pub use setup::{Options, name};
