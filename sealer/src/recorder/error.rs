//! Why a live meter stops, or must begin again from what its disk holds.

use metrology::label::{Register, RegisterCode};

use crate::meter::MeterError;
use crate::store::StoreError;

/// What a live meter cannot go on from.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The meter refuses.
    #[error(transparent)]
    Meter(#[from] MeterError),
    /// The directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not certain what the disk holds: open the meter again.
    #[error("the meter's memory failed while it was writing: {0}")]
    Unsure(#[source] StoreError),
    /// A file of the meter cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The register is known with another interval or unit.
    #[error(
        "register {} of this meter counts {} in slots of {} s, and that cannot change; give the same --interval and --unit, or another --dir",
        .0.code, .0.unit, .0.interval.seconds()
    )]
    RegisterDiffers(Register),
    /// One register for two columns.
    #[error("register {0} is given twice; every column needs a register of its own")]
    Repeated(RegisterCode),
    /// A clock cannot go back so far.
    #[error(
        "the clock cannot go back to more than a day before the time that is sealed next: a meter seals every time once, and an epoch none before its beginning"
    )]
    ClockBack,
    /// The clock would leave what can be counted.
    #[error("the clock cannot show such a time")]
    ClockRange,
}

impl Failure {
    /// A short name that programs can compare.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Meter(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Unsure(_) | Self::Io { .. } => "io",
            Self::RegisterDiffers(_) => "register_differs",
            Self::Repeated(_) => "register_repeated",
            Self::ClockBack => "clock_back",
            Self::ClockRange => "clock_range",
        }
    }
}
