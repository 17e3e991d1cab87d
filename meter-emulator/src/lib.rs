//! A meter without hardware: it seals readings from a file, or from a built-in household, as a certified meter would.
//!
//! ```text
//! CSV file ──► load::read_csv ──┐
//! seed ──► household::generate ─┴─► Load ─► Course ─► SealingMeter ─► Stage ─► DIR/blocks, meter.cert, pairing.key
//!                                  (faults, rotations)  (metrology)  (flash first, then visible)
//! ```
//!
//! [`live`] runs the same meter on a line, where it pairs with a household and seals as time passes
//! (`wattseal-meter run`).
//!
//! [`plain`] plays the meters that the market has, which seal nothing (`wattseal-meter plain`).
//!
//! [`SealingMeter`] works in memory alone and is what tests of other crates use; [`store`] is its flash and its output
//! directory; `wattseal-meter seal` puts the two together. In the simple profile ([`mod@bill`], `wattseal-meter bill`) the
//! meter bills the load itself instead, and nothing but the fee leaves. All sealing is metrology's own code: this crate adds where
//! readings come from, when epochs begin, and where blocks go.
//!
//! ```
//! use meter_emulator::{Entropy, SealingMeter, MeterSeed};
//! use metrology::certificate::SealClass;
//! use metrology::label::{Interval, Register, RegisterKind, Status, Text};
//! use metrology::seal::Sample;
//!
//! # fn example() -> Option<()> {
//! let start = 1_735_689_600; // 2025-01-01
//! let entropy = Entropy::Seeded(MeterSeed::from_bytes([7; 32])); // the same keys every time: for tests only
//! let (mut meter, pairing) = SealingMeter::new(&entropy, None, SealClass::Certified, start).ok()?;
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

pub mod amount;
pub mod bill;
pub mod cli;
pub mod course;
pub mod household;
pub mod live;
pub mod load;
pub mod plain;

pub use course::{Course, Faults};
pub use load::{Load, Series};
pub use sealer::{Block, Entropy, Intake, MeterError, MeterSeed, SealingMeter};
