//! Everything that can end a command, with the exit code and the short name that programs compare.

use std::path::PathBuf;

use metrology::label::MeterId;

use crate::bill::BillingError;
use crate::course::CourseError;
use crate::live::run::RunError;
use crate::load::LoadError;
use crate::plain::live::PlainError;
use crate::plain::{PlanError, UnknownProtocol};
use sealer::meter::MeterError;
use sealer::port::BrokerError;
use sealer::recorder::Failure;
use sealer::store::StoreError;

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
    #[error("the meter in this directory is called {0}; leave out --meter-id, or use another directory")]
    OtherMeter(MeterId),
    /// The meter in the directory claims another class.
    #[error("the meter in this directory is of class {0}; leave out --class, or use another directory")]
    OtherClass(&'static str),
    /// The meter in the directory was not made from the seed.
    #[error("the meter in this directory was not made from this --seed; leave it out, or use another directory")]
    OtherSeed,
    /// The meter was never paired.
    #[error(
        "the meter in this directory bills itself and was never paired with a household, so nobody could read its blocks; use another directory for a meter that seals"
    )]
    NotPaired,
    /// The meter makes no bill.
    #[error(transparent)]
    Billing(#[from] BillingError),
    /// A live meter ends.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A plain meter cannot be as it was asked for.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// There is no such plain meter.
    #[error(transparent)]
    Protocol(#[from] UnknownProtocol),
    /// A plain meter ends.
    #[error(transparent)]
    Plain(#[from] PlainError),
    /// A broker cannot be used as it was given.
    #[error("{0}")]
    Broker(#[from] BrokerError),
    /// The embedded broker cannot listen.
    #[error("{address}: {source}")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
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
            Self::Run(RunError::Failure(error)) => error.code(),
            Self::Broker(_) => "broker",
            Self::Plan(_) => "plan",
            Self::Protocol(_) => "protocol",
            Self::Run(_) | Self::Plain(_) | Self::Listen { .. } | Self::File { .. } => "io",
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
            | Self::Listen { .. }
            | Self::Plain(_)
            | Self::Meter(MeterError::Entropy(_))
            | Self::Billing(BillingError::Meter(MeterError::Entropy(_)))
            | Self::Course(CourseError::Meter(MeterError::Entropy(_))) => 3,
            Self::Broker(_) | Self::Plan(_) | Self::Protocol(_) => 2,
            Self::Run(error) => run_exit(error),
            _ => 1,
        }
    }
}

/// Of a live meter: what the system refused, or what the meter did.
fn run_exit(error: &RunError) -> u8 {
    match error {
        RunError::Failure(Failure::Store(error)) => {
            if matches!(error, StoreError::Io { .. } | StoreError::Locked(_) | StoreError::Full(_)) { 3 } else { 1 }
        }
        RunError::Failure(Failure::Meter(error)) => {
            if matches!(error, MeterError::Entropy(_)) {
                3
            } else {
                1
            }
        }
        RunError::Failure(Failure::Unsure(_) | Failure::Io { .. }) => 3,
        RunError::Failure(_) => 1,
        RunError::Line(_) | RunError::Runtime(_) | RunError::CodeFile { .. } | RunError::Closed => 3,
    }
}
