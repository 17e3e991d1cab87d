//! Why a bill was not made.

use protocol::bill::BillError;
use protocol::circuit::WitnessError;
use protocol::inference::Reveals;
use protocol::machine::CompileError;
use protocol::metrology::label::RegisterCode;
use protocol::verify::Refusal;

use crate::ledger::LedgerError;
use crate::prove::ProveError;
use crate::store::StoreError;

/// Why a bill was not made. Nothing left the house.
#[derive(Debug, thiserror::Error)]
pub enum BillRefused {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The period does not fit the tariff or the meter.
    #[error(transparent)]
    Period(#[from] BillError),
    /// No meter has the register.
    #[error("no paired meter has a register {0}")]
    NoRegister(RegisterCode),
    /// Several meters have the register at the same time.
    #[error("several meters have register {0} in this period; name the one to bill")]
    SeveralMeters(RegisterCode),
    /// Time without a block.
    #[error(
        "register {register} has no readings from {} to {}; a bill needs all of its period",
        protocol::show::utc(*from),
        protocol::show::utc(*until)
    )]
    Gap {
        /// The register.
        register: RegisterCode,
        /// First second without a block.
        from: u64,
        /// End of the time without a block.
        until: u64,
    },
    /// Slots that the meter did not measure.
    #[error(
        "the period is incomplete: {missing} metering intervals of register {register} were not measured. \
         Allow an incomplete bill to bill what was, marked as incomplete"
    )]
    Incomplete {
        /// The register.
        register: RegisterCode,
        /// How many slots.
        missing: u32,
    },
    /// The register's unit is not the tariff's.
    #[error("register {0} is metered in another unit than the tariff prices")]
    Unit(RegisterCode),
    /// The interval changes within the period.
    #[error("register {0} changes its metering interval within the period; bill the parts one by one")]
    MixedIntervals(RegisterCode),
    /// The answer would reveal readings.
    #[error(transparent)]
    Reveals(#[from] Reveals),
    /// No circuit holds the tariff.
    #[error("this tariff cannot be proved: {0}")]
    NoProgram(CompileError),
    /// The tariff carries numbers from month to month, and months are missing in between.
    #[error(
        "this tariff carries numbers from one bill to the next: the last bill ended at {}, and this one begins later. Make \
         the bills in between first; only when the provider has agreed to begin anew, ask for a restart",
        protocol::show::utc(*until)
    )]
    StateGap {
        /// End of the last bill that left a state.
        until: u64,
    },
    /// The bill is too large for a proof.
    #[error(transparent)]
    NoWitness(#[from] WitnessError),
    /// The proof was not made.
    #[error(transparent)]
    NoProof(#[from] ProveError),
    /// A sum does not fit the statement.
    #[error("a sum is too large for a bill")]
    TooLarge,
    /// The store does not hold what was signed.
    #[error("stored readings no longer match what the meter signed; restore the store from a backup")]
    Corrupt,
    /// The finished bill does not verify; it is not released.
    #[error("the finished bill does not verify ({0}); it was not released")]
    SelfCheck(#[from] Refusal),
}

impl From<LedgerError> for BillRefused {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Store(error) => Self::Store(error),
            LedgerError::Reveals(reveals) => Self::Reveals(reveals),
        }
    }
}
