//! Everything that can end a command, with the exit code and the short name that programs compare.

use std::path::PathBuf;

use metrology::label::MeterId;

use crate::bill::BillingError;
use crate::course::CourseError;
use crate::load::LoadError;
use crate::meter::MeterError;
use crate::store::StoreError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The readings are refused.
    #[error("{}: {source}", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: LoadError,
    },
    /// The household's load is refused.
    #[error("{0}")]
    Household(LoadError),
    /// The run does not fit the meter.
    #[error(transparent)]
    Course(#[from] CourseError),
    /// The meter refuses.
    #[error(transparent)]
    Meter(#[from] MeterError),
    /// The directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The meter in the directory has another name.
    #[error("the meter in this directory is called {0}; leave out --meter-id, or use another --out")]
    OtherMeter(MeterId),
    /// The meter in the directory claims another class.
    #[error("the meter in this directory is of class {0}; leave out --class, or use another --out")]
    OtherClass(&'static str),
    /// The meter in the directory was not made from the seed.
    #[error("the meter in this directory was not made from this --seed; leave it out, or use another --out")]
    OtherSeed,
    /// The meter was never paired.
    #[error(
        "the meter in this directory bills itself and was never paired with a household, so nobody could read its blocks; use another --out for a meter that seals"
    )]
    NotPaired,
    /// The meter makes no bill.
    #[error(transparent)]
    Billing(#[from] BillingError),
    /// A file of the provider cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl CliError {
    /// A short name that programs can compare.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Load { source, .. } | Self::Household(source) => source.code(),
            Self::Course(error) => error.code(),
            Self::Meter(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::OtherMeter(_) => "other_meter",
            Self::OtherClass(_) => "other_class",
            Self::OtherSeed => "other_seed",
            Self::NotPaired => "not_paired",
            Self::Billing(error) => error.code(),
            Self::File { .. } => "io",
        }
    }

    /// The exit code of the program.
    #[must_use]
    pub fn exit(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Load { source: LoadError::Io(_), .. }
            | Self::Store(StoreError::Io { .. } | StoreError::Locked(_))
            | Self::File { .. }
            | Self::Meter(MeterError::Entropy(_))
            | Self::Billing(BillingError::Meter(MeterError::Entropy(_)))
            | Self::Course(CourseError::Meter(MeterError::Entropy(_))) => 3,
            _ => 1,
        }
    }
}
