//! Why a run does not fit the meter, said so that the caller can mend it.

use metrology::label::{Register, RegisterCode};
use protocol::time::Span;

use sealer::meter::MeterError;
use sealer::time::show;

/// A run that is refused before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CourseError {
    /// The meter itself refuses.
    #[error(transparent)]
    Meter(#[from] MeterError),
    /// Not one register for each series.
    #[error("give one register for each column")]
    Columns,
    /// One register for two series.
    #[error("register {register} is given twice; every column needs a register of its own")]
    Repeated {
        /// The register.
        register: RegisterCode,
    },
    /// The time is sealed already.
    #[error(
        "register {register} is already sealed until {}, and the readings begin at {}; a meter seals or bills every time once: cut the readings with --from {}, or use another --out for another meter",
        show(*.until), show(.load.from), show(*.until)
    )]
    AlreadySealed {
        /// The register.
        register: RegisterCode,
        /// The end of what is sealed.
        until: u64,
        /// The new readings.
        load: Span,
    },
    /// The meter's epoch begins later.
    #[error(
        "the readings begin at {}, but the meter's current epoch begins at {}; cut them with --from {}, or use another --out for another meter",
        show(.load.from), show(*.first), show(*.first)
    )]
    BeforeEpoch {
        /// First second of the epoch.
        first: u64,
        /// The new readings.
        load: Span,
    },
    /// The register is known with another interval or unit.
    #[error(
        "register {} of this meter counts {} in slots of {} s, and that cannot change; give the same --interval and --unit, or another --register",
        .register.code, .register.unit, .register.interval.seconds()
    )]
    RegisterDiffers {
        /// As the meter has it.
        register: Register,
    },
    /// A start for a register that has one.
    #[error("register {register} goes on from its own total; leave out --register-start")]
    StartGiven {
        /// The register.
        register: RegisterCode,
    },
    /// A rotation outside the readings.
    #[error("--rotate-at {} is not within the readings, {} to {}", show(*.at), show(.load.from), show(.load.until))]
    RotationOutside {
        /// When.
        at: u64,
        /// The readings.
        load: Span,
    },
    /// A rotation within a slot.
    #[error("--rotate-at {} is not at the start of a slot of {interval} s", show(*.at))]
    RotationOffGrid {
        /// When.
        at: u64,
        /// Length of a slot.
        interval: u64,
    },
    /// A fault outside the readings.
    #[error(
        "the fault {}..{} does not touch the readings, {} to {}",
        show(.fault.from), show(.fault.until), show(.load.from), show(.load.until)
    )]
    FaultOutside {
        /// The fault.
        fault: Span,
        /// The readings.
        load: Span,
    },
}

impl CourseError {
    /// A short name that programs can compare.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Meter(error) => error.code(),
            Self::Columns => "columns",
            Self::Repeated { .. } => "register_repeated",
            Self::AlreadySealed { .. } => "already_sealed",
            Self::BeforeEpoch { .. } => "before_epoch",
            Self::RegisterDiffers { .. } => "register_differs",
            Self::StartGiven { .. } => "start_given",
            Self::RotationOutside { .. } => "rotation_outside",
            Self::RotationOffGrid { .. } => "rotation_off_grid",
            Self::FaultOutside { .. } => "fault_outside",
        }
    }
}
