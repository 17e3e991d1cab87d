//! Why the meter makes no bill, said so that the caller can mend it.

use metrology::label::{Register, RegisterCode, Unit};
use protocol::bill::BillError;
use protocol::tariff::TariffError;
use protocol::time::Span;
use protocol::verify::Refusal;

use crate::course::CourseError;
use sealer::meter::MeterError;
use sealer::time::show;

/// A bill that is refused; nothing of it happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BillingError {
    /// The tariff's bytes, content or signature are wrong.
    #[error("the tariff is discarded: {0}")]
    Tariff(#[from] TariffError),
    /// Somebody else signed the tariff.
    #[error("the tariff is discarded: it is not signed by the provider that this meter bills for (--provider-key)")]
    OtherProvider,
    /// The tariff bills a register that is not measured.
    #[error("the tariff bills register {0}, which is not among the readings; give a --column with --register {0}")]
    NoRegister(RegisterCode),
    /// A register is given twice.
    #[error("register {0} is given twice; every column needs a register of its own")]
    Repeated(RegisterCode),
    /// Prices for another unit.
    #[error("the tariff has prices per {tariff} of register {register}; the readings are in another --unit")]
    Unit {
        /// The register.
        register: RegisterCode,
        /// As the tariff counts.
        tariff: Unit,
    },
    /// The period cannot be billed.
    #[error("no bill for this period: {0}")]
    Period(#[from] BillError),
    /// The readings do not reach over the period.
    #[error(
        "the readings cover {} to {}, not the whole period {} to {}; give the missing ones, or a shorter period",
        show(.load.from), show(.load.until), show(.period.from), show(.period.until)
    )]
    NotCovered {
        /// The period.
        period: Span,
        /// The readings.
        load: Span,
    },
    /// The time was billed or sealed.
    #[error(
        "register {register} is already billed or sealed until {}, and the period begins at {}; a meter bills or seals every time once",
        show(*.until), show(*.from)
    )]
    AlreadyUsed {
        /// The register.
        register: RegisterCode,
        /// The end of what is used.
        until: u64,
        /// The beginning of the period.
        from: u64,
    },
    /// The meter's epoch begins later.
    #[error("the period begins at {}, but the meter's current epoch begins at {}", show(*.from), show(*.first))]
    BeforeEpoch {
        /// First second of the epoch.
        first: u64,
        /// The beginning of the period.
        from: u64,
    },
    /// The register is known with another interval or unit.
    #[error(
        "register {} of this meter counts {} in slots of {} s, and that cannot change; give the same --interval and --unit",
        .0.code, .0.unit, .0.interval.seconds()
    )]
    RegisterDiffers(Register),
    /// A start for a register that has one.
    #[error("register {0} goes on from its own total; leave out --register-start")]
    StartGiven(RegisterCode),
    /// A fault does not fit.
    #[error(transparent)]
    Course(#[from] CourseError),
    /// The meter itself refuses.
    #[error(transparent)]
    Meter(#[from] MeterError),
    /// A verifier would refuse the bill.
    #[error("a verifier would refuse this bill: {0}")]
    Refused(#[from] Refusal),
}

impl BillingError {
    /// A short name that programs can compare.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Tariff(_) => "bad_tariff",
            Self::OtherProvider => "other_provider",
            Self::NoRegister(_) => "no_register",
            Self::Repeated(_) => "register_repeated",
            Self::Unit { .. } => "other_unit",
            Self::Period(BillError::EmptyPeriod) => "empty_period",
            Self::Period(BillError::TooLong) => "period_too_long",
            Self::Period(BillError::OutsideValidity) => "outside_validity",
            Self::Period(BillError::NotOnGrid) => "not_on_grid",
            Self::Period(BillError::NotLocalDays) => "not_local_days",
            Self::Period(BillError::OtherWindow) => "other_window",
            Self::Period(BillError::NotLinear) => "not_linear",
            Self::Period(BillError::Price(_)) => "no_price",
            Self::Period(BillError::OutOfRange(_)) => "out_of_range",
            Self::NotCovered { .. } => "not_covered",
            Self::AlreadyUsed { .. } => "already_billed",
            Self::BeforeEpoch { .. } => "before_epoch",
            Self::RegisterDiffers(_) => "register_differs",
            Self::StartGiven(_) => "start_given",
            Self::Course(error) => error.code(),
            Self::Meter(error) => error.code(),
            Self::Refused(_) => "refused",
        }
    }
}
