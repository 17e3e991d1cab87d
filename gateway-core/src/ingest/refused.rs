//! Why something that arrived was discarded.

use protocol::wire::WireError;

use crate::unseal::UnsealError;

/// Why something that arrived was discarded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Bytes or signature are wrong.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// It cannot be opened, or does not hold what was signed.
    #[error(transparent)]
    Unseal(#[from] UnsealError),
    /// A meter that this household is not paired with.
    #[error("it comes from a meter this home is not paired with; pair with the meter's pairing file first")]
    UnknownMeter,
    /// An epoch whose certificate is not known.
    #[error("it was sealed under an epoch certificate that is not known here; import the meter's certificate file too")]
    UnknownEpoch,
    /// A pairing that this household does not hold.
    #[error("it was sealed for another household, or for a pairing this home does not hold")]
    OtherHousehold,
    /// Another certificate for an epoch that is known already.
    #[error(
        "the meter shows two certificates for one epoch; one is forged. The one that came first is \
             kept; keep the meter's files if you have them, and tell the operator"
    )]
    ForkedEpoch,
    /// Certificates that do not follow the known ones.
    #[error("the meter's certificates do not follow the ones known here")]
    BrokenEpochs,
    /// Another block with the same number is stored already.
    #[error(
        "the meter sent two different blocks with one number: it contradicts itself. The one that came first is kept; \
         keep the meter's files if you have them, and tell the operator"
    )]
    Fork,
    /// The time is covered by another block.
    #[error("its time is already covered by another block")]
    Covered,
    /// It does not link to its stored neighbours.
    #[error("it does not link to the blocks before or after it")]
    BrokenChain,
    /// It lies before its epoch or a hundred years after its beginning, or its epoch does not match its certificate.
    #[error("it lies outside its epoch: before it, or more than a hundred years after its beginning")]
    OutsideEpoch,
    /// A number or a total beyond what is stored: no meter gets there.
    #[error("its number or its total is larger than any meter's")]
    OutOfRange,
    /// The register total jumps between blocks.
    #[error("the register total does not continue where the block before it ended")]
    Discontinuity,
    /// The register is known with another unit.
    #[error("its register is known here with another unit")]
    OtherUnit,
    /// A pairing with this number exists and is another one.
    #[error("there is another pairing with this meter under the same number")]
    OtherPairing,
}

impl Refused {
    /// A short stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Wire(WireError::Signature(_)) => "bad-signature",
            Self::Wire(WireError::Version(_)) => "unknown-version",
            Self::Wire(_) => "malformed",
            Self::Unseal(UnsealError::Decrypt) => "cannot-decrypt",
            Self::Unseal(UnsealError::Malformed) => "malformed-plaintext",
            Self::Unseal(UnsealError::Commitments) => "other-commitments",
            Self::Unseal(UnsealError::Advance) => "register-advance",
            Self::UnknownMeter => "unknown-meter",
            Self::UnknownEpoch => "unknown-epoch",
            Self::OtherHousehold => "other-household",
            Self::ForkedEpoch => "forked-epoch",
            Self::BrokenEpochs => "broken-epochs",
            Self::Fork => "fork",
            Self::Covered => "covered",
            Self::BrokenChain => "broken-chain",
            Self::OutsideEpoch => "outside-epoch",
            Self::OutOfRange => "out-of-range",
            Self::Discontinuity => "register-discontinuity",
            Self::OtherUnit => "other-unit",
            Self::OtherPairing => "other-pairing",
        }
    }

    /// Whether the meter itself signed what was refused, so that asking for it again gives the same. What may have been
    /// changed on its way, or lacks a certificate that is still to come, is worth another question.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Wire(_) | Self::Unseal(_) | Self::UnknownMeter | Self::UnknownEpoch => false,
            Self::OtherHousehold
            | Self::ForkedEpoch
            | Self::BrokenEpochs
            | Self::Fork
            | Self::Covered
            | Self::BrokenChain
            | Self::OutsideEpoch
            | Self::OutOfRange
            | Self::Discontinuity
            | Self::OtherUnit
            | Self::OtherPairing => true,
        }
    }
}
