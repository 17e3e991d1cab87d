//! The meter on a line: it seals as time passes, survives power cuts, and answers a household.
//!
//! ```text
//! clock ─► World (load) ─► sealer::Device ◄─► sealer::port (pty, serial, TCP, MQTT)
//!             Source          │                  └ Trouble: lost, doubled, damaged frames on demand
//!                             └ Lies: a second account of every day on demand
//! ```
//!
//! The device is [`sealer`]'s, which is what a device beside a meter runs as well. Here are the world that it measures, the
//! clock that time passes by, and what goes wrong; [`run`] puts it all on real lines.

pub mod broker;
pub mod clock;
pub mod fault;
pub mod run;
pub mod world;

pub use clock::Speed;
pub use fault::Fault;
pub use world::World;

pub use sealer::{Device, Event, Failure, Moment, Recorder, Setup};
