//! Why the meter refused.

use metrology::label::RegisterCode;
use metrology::seal::SealError;

use crate::entropy::NoEntropy;
use crate::time::show;

/// What a meter refuses to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeterError {
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// There is no such register.
    #[error("the meter has no register {0}")]
    UnknownRegister(RegisterCode),
    /// The register is there already.
    #[error("the meter already has a register {0} (capitals do not matter)")]
    RegisterExists(RegisterCode),
    /// A certificate names at most eight registers.
    #[error("a meter has at most 8 registers; use another --out for a second meter")]
    TooManyRegisters,
    /// Beyond what a register shows.
    #[error("no register shows so much; check the register's start and its unit")]
    Total,
    /// The epoch begins later, or exactly there.
    #[error("the meter's epoch begins at {}; a new one must begin after that", show(*.first))]
    EpochBegins {
        /// First second of the epoch.
        first: u64,
    },
    /// A new epoch cannot begin before the end of what is sealed.
    #[error("register {register} is sealed until {}; a new epoch cannot begin before that", show(*.until))]
    SealedBeyond {
        /// The register that is ahead.
        register: RegisterCode,
        /// The end of its last block.
        until: u64,
    },
    /// The certificate does not fit its format.
    #[error("the certificate cannot be made: the meter's name or its registers do not fit the format")]
    Certificate,
    /// The household's key is not usable.
    #[error("the household's key is not a usable X25519 key")]
    Household,
    /// Time or numbers beyond the format.
    #[error("a time or number is beyond what the format holds")]
    OutOfRange,
    /// Already sealed.
    #[error("a slot was sealed before; a meter seals every time once")]
    Covered,
    /// Slots between were not recorded.
    #[error("slot {expected} is due first; record it as missing if it was not measured")]
    Gap {
        /// The slot that is due.
        expected: u64,
    },
    /// More than a day was skipped.
    #[error("the clock stepped by more than a day; start a new epoch")]
    ClockStep,
    /// Before the epoch.
    #[error("the time lies before the meter's epoch")]
    BeforeEpoch,
    /// Blocks of one epoch follow each other; other use of time needs an epoch of its own.
    #[error("the meter's epoch has blocks of register {0}; begin a new epoch")]
    EpochHasBlocks(RegisterCode),
}

impl<J> From<SealError<J>> for MeterError {
    fn from(error: SealError<J>) -> Self {
        match error {
            SealError::Covered => Self::Covered,
            SealError::BeforeEpoch => Self::BeforeEpoch,
            SealError::Gap { expected } => Self::Gap { expected },
            SealError::ClockStep => Self::ClockStep,
            // A day is closed when it is complete, only open blocks are closed, and the batch takes every state.
            SealError::DayComplete
            | SealError::Empty
            | SealError::OutOfRange
            | SealError::OtherEpoch
            | SealError::Journal(_) => Self::OutOfRange,
        }
    }
}

impl MeterError {
    /// A short name that programs can compare.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Entropy(_) => "no_entropy",
            Self::UnknownRegister(_) => "unknown_register",
            Self::RegisterExists(_) => "register_exists",
            Self::TooManyRegisters => "too_many_registers",
            Self::Total => "register_total",
            Self::EpochBegins { .. } => "epoch_begins",
            Self::SealedBeyond { .. } => "sealed_beyond",
            Self::Certificate => "certificate",
            Self::Household => "household",
            Self::OutOfRange => "out_of_range",
            Self::Covered => "already_sealed",
            Self::Gap { .. } => "gap",
            Self::ClockStep => "clock_step",
            Self::BeforeEpoch => "before_epoch",
            Self::EpochHasBlocks(_) => "epoch_has_blocks",
        }
    }
}
