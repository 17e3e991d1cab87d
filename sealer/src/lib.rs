//! What seals readings outside of a certified meter's own hardware: keys, epochs, certificates, and one chain of day blocks for
//! each register. All sealing is metrology's own code; this crate adds where keys come from, when epochs begin, and where blocks
//! go.
//!
//! ```text
//! slots ─► SealingMeter ─► Block          in memory: a gateway that seals for itself, tests
//!             │ flash (its state as bytes)
//!             ▼
//! Source ─► Recorder ─► Store, Archive ─► Device ─► port      feature `device`: a device beside a meter, the emulator
//! ```
//!
//! A gateway that seals what a plain meter says ([`SealClass::SelfSealed`]) keeps the bytes of [`flash`] in its own store. A
//! device beside a meter ([`SealClass::BesideMeter`]) and the emulator of a certified one keep them on disk and talk with a
//! household over lines; they differ in their [`Source`] alone.
//!
//! [`SealClass::SelfSealed`]: metrology::certificate::SealClass::SelfSealed
//! [`SealClass::BesideMeter`]: metrology::certificate::SealClass::BesideMeter
//!
//! ```
//! use metrology::certificate::SealClass;
//! use metrology::label::{Interval, Register, RegisterKind, Status, Text};
//! use metrology::seal::Sample;
//! use sealer::{Entropy, MeterSeed, SealingMeter};
//!
//! # fn example() -> Option<()> {
//! let start = 1_735_689_600; // 2025-01-01
//! let entropy = Entropy::Seeded(MeterSeed::from_bytes([7; 32])); // the same keys every time: for tests only
//! let (mut meter, pairing) = SealingMeter::new(&entropy, None, SealClass::SelfSealed, start).ok()?;
//! let code = Text::new("1-0:1.8.0")?;
//! let (unit, kind, interval) = (Text::new("Wh")?, RegisterKind::Cumulative, Interval::HALF);
//! meter.add_register(Register { code, unit, kind, interval }, 0).ok()?;
//!
//! let samples = (0..96).map(|wh| Sample { advance: wh * 10_000, status: Status::Measured });
//! let blocks = meter.seal(&code, start / 1800, samples).ok()?;
//! assert_eq!(blocks.len(), 2);
//! let signing_key = meter.certificates()[0].certificate.signing_key;
//! assert!(blocks.iter().all(|block| block.file.verify(&signing_key).is_ok()));
//! assert_eq!(pairing.certificates.len(), 1); // what the household needs to open them
//! # Some(()) }
//! # assert!(example().is_some());
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap
    )
)]

#[cfg(feature = "device")]
pub mod archive;
#[cfg(feature = "device")]
pub mod code_file;
#[cfg(feature = "device")]
pub mod controls;
#[cfg(feature = "device")]
pub mod device;
pub mod entropy;
#[cfg(feature = "device")]
pub mod event;
pub mod flash;
pub mod meter;
#[cfg(feature = "device")]
mod open_day;
#[cfg(feature = "device")]
pub mod port;
pub mod record;
#[cfg(feature = "device")]
pub mod recorder;
#[cfg(feature = "device")]
pub mod store;
pub mod time;

#[cfg(feature = "device")]
pub use device::Device;
pub use entropy::{Entropy, MeterSeed};
#[cfg(feature = "device")]
pub use event::Event;
pub use meter::{Block, Intake, MeterError, SealingMeter};
#[cfg(feature = "device")]
pub use recorder::{Begins, Failure, Moment, Recorder, Setup, Source, Witness};
