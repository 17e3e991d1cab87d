//! The meter on a line: it seals as time passes, survives power cuts, and answers a household.
//!
//! ```text
//! clock ─► World (load) ─► Recorder ─► open day, flash, blocks ─► Archive
//!                             │ sealed        (crate::store)         │
//! port (pty, serial, TCP, MQTT) ◄── Device::handle, pushes ──────────┘
//!   └ Trouble: lost, doubled, damaged frames on demand
//! ```
//!
//! [`Device`] knows no socket, no clock and no thread: time comes in with every call, messages go in and come out, so
//! every conversation can be tested as a function. [`run`] puts it on real lines. All sealing is [`crate::FileMeter`]'s,
//! which is metrology's, and every day is one transaction of [`crate::store`].

pub mod archive;
pub mod broker;

pub mod clock;
pub mod device;
pub mod event;
pub mod fault;
pub mod open_day;
pub mod port;

pub mod record;
pub mod recorder;
pub mod run;

pub mod world;

pub use clock::Speed;
pub use device::Device;
pub use event::Event;
pub use fault::Fault;
pub use recorder::{Failure, Moment, Recorder, Setup};
pub use world::World;
