//! Why a bill is refused: one reason each, with a code for machines and a sentence for people.

use crate::bill::BillError;
use crate::linear::LinearError;
use crate::machine::CompileError;
use crate::wire::WireError;

/// The reason a bill is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Bytes that are not what they should be.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The statement is of a kind, version or suite this program does not know.
    #[error("the bill's statement is of a kind this program does not know")]
    UnknownKind,
    /// The bill names another tariff.
    #[error("the bill was computed under another tariff than the one given")]
    OtherTariff,
    /// The bill is addressed to somebody else.
    #[error("the bill is addressed to another recipient")]
    OtherRecipient,
    /// The bill states another purpose.
    #[error("the bill was made for another purpose")]
    OtherPurpose,
    /// The bill carries another nonce than the recipient asked for.
    #[error("the bill does not carry the nonce that was asked for: it may be a replay")]
    OtherNonce,
    /// The period cannot be billed under the tariff.
    #[error(transparent)]
    Period(#[from] BillError),
    /// The registers are not those of the tariff.
    #[error("the bill's registers are not exactly those of the tariff")]
    Registers,
    /// A register's unit or kind is not what the tariff prices.
    #[error("register {0} is metered in another unit than the tariff prices")]
    Unit(String),
    /// A meter that the registry does not list.
    #[error("the bill rests on a meter that the registry does not list")]
    UnknownMeter,
    /// A block names a certificate that is not in the package.
    #[error("a block names an epoch certificate that is not there")]
    UnknownCertificate,
    /// A certificate that nothing in the package uses.
    #[error("the package holds certificates that the bill does not need")]
    SpareCertificate,
    /// Two different certificates for the same epoch of a meter.
    #[error("the meter has two certificates for one epoch; one of them is forged or the key is compromised")]
    ForkedEpoch,
    /// The certificates of an epoch change do not link.
    #[error("the epochs of the meter do not follow each other")]
    BrokenEpochs,
    /// A block lies before its epoch.
    #[error("a block lies before the first second of its epoch")]
    BeforeEpoch,
    /// A signature is missing or there are too many.
    #[error("a run of blocks does not carry exactly one signature")]
    SignatureCount,
    /// The meter's signature does not verify.
    #[error("the meter's signature over register {0} is wrong")]
    Signature(String),
    /// Hashes or numbers do not chain.
    #[error("the blocks of register {0} do not form one chain")]
    BrokenChain(String),
    /// The list of commitments is not the signed one.
    #[error("a list of commitments of register {0} is not the one the meter signed")]
    List(String),
    /// A commitment is not a point.
    #[error("a commitment of register {0} is not a point of the curve")]
    Point(String),
    /// Time of the period without a block.
    #[error("register {register} has no block for part of the period, from Unix time {at}")]
    Gap {
        /// The register.
        register: String,
        /// First second without a block.
        at: u64,
    },
    /// Time that two blocks cover.
    #[error("register {register} has two blocks for the same time, Unix time {at}")]
    Overlap {
        /// The register.
        register: String,
        /// First second that is covered twice.
        at: u64,
    },
    /// A block that the period does not touch.
    #[error("register {0} comes with a block outside the period")]
    Untouched(String),
    /// Blocks of one register with different intervals.
    #[error("register {0} changes its metering interval within the period")]
    MixedIntervals(String),
    /// A replacement meter that existed before the handover.
    #[error("register {0} changes to a meter that did not begin where the other ended")]
    Replacement(String),
    /// The statement's account of the blocks is not what the blocks say.
    #[error("the statement's account of {0} is not what the meter's blocks say")]
    Account(&'static str),
    /// Slots without a measurement, and the caller insists on a complete period.
    #[error("the period is incomplete: {missing} metering intervals were not measured")]
    Incomplete {
        /// How many.
        missing: u32,
    },
    /// The proof does not hold.
    #[error(transparent)]
    Proof(#[from] LinearError),
    /// The bill names a circuit that the verifier does not trust.
    #[error("the bill was proved under a circuit whose key is not among those given")]
    UnknownCircuit,
    /// The tariff does not compile for the bill's circuit.
    #[error("the bill cannot have been proved under its circuit: {0}")]
    NoProgram(CompileError),
    /// The zero-knowledge proof does not hold.
    #[error("the proof does not hold: the amount, the readings, the period, the tariff or the recipient is another")]
    WrongProof,
    /// The state does not begin where it must.
    #[error("the bill does not go on from the state that was expected")]
    OtherState,
    /// The fee is not what the proved sums come to.
    #[error("the fee is not what the tariff makes of the proved sums")]
    Fee,
    /// The seal is of a lower class than asked for.
    #[error("the readings were not sealed by a certified meter")]
    NotCertified,
}

impl Refusal {
    /// A short stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Wire(WireError::Malformed(_)) => "malformed",
            Self::Wire(WireError::NotCanonical(_)) => "not-canonical",
            Self::Wire(WireError::Version(_)) => "unknown-version",
            Self::Wire(WireError::TooLong(_)) => "too-long",
            Self::Wire(WireError::Signature(_)) => "bad-signature",
            Self::UnknownKind => "unknown-kind",
            Self::OtherTariff => "other-tariff",
            Self::OtherRecipient => "other-recipient",
            Self::OtherPurpose => "other-purpose",
            Self::OtherNonce => "other-nonce",
            Self::Period(BillError::EmptyPeriod) => "empty-period",
            Self::Period(BillError::TooLong) => "period-too-long",
            Self::Period(BillError::OutsideValidity) => "outside-validity",
            Self::Period(BillError::NotOnGrid) => "not-on-grid",
            Self::Period(BillError::OtherWindow) => "other-window",
            Self::Period(BillError::NotLinear) => "not-linear",
            Self::Period(BillError::NotLocalDays) => "not-local-days",
            Self::Period(BillError::Price(_)) => "no-price",
            Self::Period(BillError::OutOfRange(_)) => "out-of-range",
            Self::Registers => "other-registers",
            Self::Unit(_) => "other-unit",
            Self::UnknownMeter => "unknown-meter",
            Self::UnknownCertificate => "unknown-certificate",
            Self::SpareCertificate => "spare-certificate",
            Self::ForkedEpoch => "forked-epoch",
            Self::BrokenEpochs => "broken-epochs",
            Self::BeforeEpoch => "before-epoch",
            Self::SignatureCount => "signature-count",
            Self::Signature(_) => "bad-meter-signature",
            Self::BrokenChain(_) => "broken-chain",
            Self::List(_) => "other-commitments",
            Self::Point(_) => "not-a-point",
            Self::Gap { .. } => "gap",
            Self::Overlap { .. } => "overlap",
            Self::Untouched(_) => "untouched-block",
            Self::MixedIntervals(_) => "mixed-intervals",
            Self::Replacement(_) => "meter-replacement",
            Self::Account(_) => "other-account",
            Self::Incomplete { .. } => "incomplete",
            Self::Proof(LinearError::Shape) => "proof-shape",
            Self::Proof(LinearError::Encoding) => "proof-encoding",
            Self::Proof(LinearError::Divisor) => "sum-impossible",
            Self::Proof(LinearError::Equation) => "sum-wrong",
            Self::UnknownCircuit => "unknown-circuit",
            Self::NoProgram(_) => "not-provable",
            Self::WrongProof => "wrong-proof",
            Self::OtherState => "other-state",
            Self::Fee => "fee-wrong",
            Self::NotCertified => "not-certified",
        }
    }
}
