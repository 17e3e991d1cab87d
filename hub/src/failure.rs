//! What a command says when it does not do what it was asked, and its exit code.

use std::borrow::Cow;

use gateway_core::StoreError;
use gateway_core::bill::BillRefused;
use gateway_core::circuits::CircuitError;
use gateway_core::ingest::{IngestError, Refused};
use gateway_core::ledger::LedgerError;
use gateway_core::seal::SealingError;
use protocol::tariff::TariffError;
use protocol::wire::WireError;
use serde::{Deserialize, Serialize};

/// Why a command failed. Exit code 1: refused or invalid; 3: could not (file, network, lock). 2 is clap's.
#[derive(Clone, Debug, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Failure {
    /// Refused or invalid: asking again will not help until something is changed.
    #[error("{message}")]
    Refused {
        /// Short stable name.
        code: Cow<'static, str>,
        /// What happened and what to do.
        message: String,
    },
    /// A file, a lock or the machine stood in the way.
    #[error("{message}")]
    CouldNot {
        /// Short stable name.
        code: Cow<'static, str>,
        /// What happened and what to do.
        message: String,
    },
}

impl Failure {
    /// A refusal.
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused { code: code.into(), message: message.into() }
    }

    /// Something outside stood in the way.
    pub fn could_not(code: &'static str, message: impl Into<String>) -> Self {
        Self::CouldNot { code: code.into(), message: message.into() }
    }

    /// A file that cannot be used.
    pub fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::could_not("file", format!("{}: {error}", path.display()))
    }

    /// The process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { .. } => 1,
            Self::CouldNot { .. } => 3,
        }
    }

    /// Short stable name.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } | Self::CouldNot { code, .. } => code,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = match &error {
            StoreError::Database(cause) => format!("{error}: {cause}"),
            _ => error.to_string(),
        };
        match error {
            StoreError::Exists => Self::refused("exists", message),
            StoreError::WrongKey => Self::could_not("wrong-key", message),
            StoreError::Absent => Self::could_not("absent", message),
            StoreError::Newer(_) => Self::could_not("newer-store", message),
            StoreError::Locked => Self::could_not("locked", message),
            StoreError::Full => Self::could_not("disk-full", message),
            StoreError::Forbidden => Self::could_not("not-writable", message),
            StoreError::Damaged(_) => Self::could_not("damaged-store", message),
            StoreError::Database(_) => Self::could_not("database", message),
        }
    }
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Refused(refused) => refused.into(),
            IngestError::Store(store) => store.into(),
        }
    }
}

impl From<SealingError> for Failure {
    fn from(error: SealingError) -> Self {
        let message = error.to_string();
        match error {
            SealingError::Store(store) => store.into(),
            SealingError::Elsewhere => Self::refused(crate::lines::ELSEWHERE, message),
            SealingError::Meter(_) | SealingError::Ingest(_) => Self::refused("not-sealed", message),
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::refused(refused.code(), refused.to_string())
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::from(Refused::Wire(error))
    }
}

impl From<TariffError> for Failure {
    fn from(error: TariffError) -> Self {
        Self::refused("tariff", error.to_string())
    }
}

impl From<CircuitError> for Failure {
    fn from(error: CircuitError) -> Self {
        let message = error.to_string();
        let code = match error {
            CircuitError::File { .. } | CircuitError::Gone(_) => return Self::could_not("file", message),
            CircuitError::Make(_) => return Self::could_not("circuit", message),
            CircuitError::TooLarge(_) => "too-large",
            CircuitError::OtherFile(_) => "other-circuit-file",
            CircuitError::Unknown | CircuitError::Circuit(_) => "unknown-circuit",
            CircuitError::Parameters(_) => "bad-circuit",
            CircuitError::Powers(_) => "bad-powers",
            CircuitError::Check(_) | CircuitError::Key(_) => "subverted-circuit",
        };
        Self::refused(code, message)
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        BillRefused::from(error).into()
    }
}

impl From<BillRefused> for Failure {
    fn from(error: BillRefused) -> Self {
        let message = error.to_string();
        let code = match error {
            BillRefused::Store(store) => return store.into(),
            BillRefused::Corrupt => return Self::could_not("damaged-store", message),
            BillRefused::Period(_) => "period",
            BillRefused::NoRegister(_) => "no-register",
            BillRefused::SeveralMeters(_) => "several-meters",
            BillRefused::Gap { .. } => "gap",
            BillRefused::Incomplete { .. } => "incomplete",
            BillRefused::Unit(_) => "other-unit",
            BillRefused::MixedIntervals(_) => "mixed-intervals",
            BillRefused::Reveals(_) => "reveals-readings",
            BillRefused::TooLarge => "too-large",
            BillRefused::NoProgram(_) => "not-provable",
            BillRefused::StateGap { .. } => "state-gap",
            BillRefused::NoWitness(_) => "too-large",
            BillRefused::NoProof(_) => "no-proof",
            BillRefused::SelfCheck(_) => "self-check",
        };
        Self::refused(code, message)
    }
}
