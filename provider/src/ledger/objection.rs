//! Why the ledger does not take a bill or a certificate that is right in itself.

use protocol::metrology::keys::Hash;
use protocol::show;
use protocol::time::Zone;

/// The reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// A meter of another contract, or of none.
    #[error("meter {} belongs to {}, not to contract {wanted}; check the contract, or list the meter under it with `meter add`", show::fingerprint(meter), named(found.as_deref()))]
    OtherContract {
        /// The meter's identity key.
        meter: [u8; 32],
        /// Its contract in the registry.
        found: Option<String>,
        /// The contract that was asked for.
        wanted: String,
    },
    /// The meters of one bill are those of several contracts.
    #[error(
        "the bill rests on meters of different contracts; give --contract when that is right, or list them under one with `meter add`"
    )]
    SeveralContracts,
    /// Readings from after the meter was taken out of service.
    #[error("meter {} is retired, but the bill rests on readings of it from after that; check the time with `meter list`", show::fingerprint(.0))]
    MeterRetired([u8; 32]),
    /// Readings from after their certificate was revoked.
    #[error("the certificate of meter {} was revoked from {} on, and the bill rests on readings sealed under it after that; have the meter rotated or replaced", show::fingerprint(meter), utc(*since))]
    RevokedCertificate {
        /// The meter's identity key.
        meter: [u8; 32],
        /// First Unix second that counts no more.
        since: u64,
    },
    /// Two certificates for one epoch.
    #[error(
        "meter {} shows two certificates for epoch {epoch}: one is forged, or its key is compromised. Keep both files and have the meter examined",
        show::fingerprint(meter)
    )]
    ForkedEpoch {
        /// The meter's identity key.
        meter: [u8; 32],
        /// The epoch.
        epoch: u32,
        /// The booked bill that showed the other certificate, if it was a bill.
        against: Option<Hash>,
    },
    /// Certificates that do not follow the listed ones.
    #[error("the meter's certificates do not follow the ones in the registry")]
    BrokenEpochs,
    /// Two blocks under one number.
    #[error(
        "meter {} shows two different blocks {number} of register {register}: it contradicts itself, or its key is compromised. Keep both bills and have the meter examined (booked bill {})",
        show::fingerprint(meter),
        show::fingerprint(against)
    )]
    Fork {
        /// The meter's identity key.
        meter: [u8; 32],
        /// The register.
        register: String,
        /// Number of the block.
        number: u64,
        /// The booked bill that showed the other block.
        against: Hash,
    },
    /// Time of a register that is billed already.
    #[error(
        "bill {} is booked for part of this time of meter {}, register {register}; a change of it must name it as the bill it corrects",
        show::hex(against),
        show::fingerprint(meter)
    )]
    OverlapBooked {
        /// The meter's identity key.
        meter: [u8; 32],
        /// The register.
        register: String,
        /// The booked bill.
        against: Hash,
    },
    /// A correction of a bill that was never booked.
    #[error("the bill corrects {}, which is not booked here", show::hex(.0))]
    CorrectsUnknown(Hash),
    /// A correction of a bill that was corrected before.
    #[error("the bill corrects {}, which another correction has superseded already; correct {} instead", show::hex(.0), show::hex(.1))]
    CorrectsSuperseded(Hash, Hash),
    /// A correction for another period, meter or register.
    #[error("the bill corrects {}, which is for other meters, registers or another period", show::hex(.0))]
    CorrectsOther(Hash),
    /// It begins its carried values anew.
    #[error(
        "the bill begins its carried values anew, but bill {} is booked with values to go on from; make it again from there. \
         Where a restart is right, book it by hand with `verify --restart-state`",
        show::hex(.0)
    )]
    StateReset(Hash),
    /// It goes on from a bill that is none of its own.
    #[error(
        "the bill goes on from the carried values of bill {}, which is not booked for its contract, meters and registers; \
         submit that one first",
        show::hex(.0)
    )]
    StateUnknown(Hash),
    /// Another bill than the one that it should go on from.
    #[error(
        "the bill goes on from the carried values of bill {}, but {why}: bill {}",
        show::hex(from),
        show::hex(against)
    )]
    StateSkipped {
        /// The bill that it goes on from.
        from: Hash,
        /// What is wrong with that.
        why: &'static str,
        /// The bill that says so.
        against: Hash,
    },
    /// Another list of cells.
    #[error(
        "the bill's tariff carries other values than that of bill {} did: it cannot go on from there. Where a restart is \
         right, have a bill that begins anew booked by hand with `verify --restart-state`",
        show::hex(.0)
    )]
    StateOther(Hash),
    /// The values are others than the bill before left.
    #[error("the bill does not begin with the carried values that bill {} ended with", show::hex(.0))]
    StateAltered(Hash),
    /// Another bill went on from there.
    #[error("the carried values of bill {} were taken over by bill {} already", show::hex(.0), show::hex(.1))]
    StateTaken(Hash, Hash),
    /// No meter, or several, where one was named.
    #[error("{0}")]
    NoSuchMeter(String),
}

impl Objection {
    /// A short stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherContract { .. } => "other-contract",
            Self::SeveralContracts => "several-contracts",
            Self::MeterRetired(_) => "meter-retired",
            Self::RevokedCertificate { .. } => "revoked-certificate",
            Self::ForkedEpoch { .. } => "forked-epoch",
            Self::BrokenEpochs => "broken-epochs",
            Self::Fork { .. } => "fork",
            Self::OverlapBooked { .. } => "overlap-booked",
            Self::CorrectsUnknown(_) => "corrects-unknown",
            Self::CorrectsSuperseded(..) => "corrects-superseded",
            Self::CorrectsOther(_) => "corrects-other",
            Self::StateReset(_) => "state-reset",
            Self::StateUnknown(_) => "state-unknown",
            Self::StateSkipped { .. } => "state-skipped",
            Self::StateOther(_) => "state-other",
            Self::StateAltered(_) => "state-altered",
            Self::StateTaken(..) => "state-taken",
            Self::NoSuchMeter(_) => "unknown-meter",
        }
    }

    /// The booked bill that stands against it.
    #[must_use]
    pub fn against(&self) -> Option<Hash> {
        match self {
            Self::Fork { against, .. } | Self::OverlapBooked { against, .. } | Self::StateSkipped { against, .. } => {
                Some(*against)
            }
            Self::StateReset(digest) | Self::StateOther(digest) | Self::StateAltered(digest) => Some(*digest),
            Self::StateTaken(_, by) => Some(*by),
            Self::ForkedEpoch { against, .. } => *against,
            Self::CorrectsSuperseded(_, by) => Some(*by),
            Self::CorrectsOther(digest) => Some(*digest),
            _ => None,
        }
    }
}

/// Reasons that mean that a meter contradicts itself. Their files are kept as evidence.
pub(super) const CONTRADICTIONS: [&str; 2] = ["fork", "forked-epoch"];

/// A Unix second as people read it.
fn utc(at: u64) -> String {
    show::local(&Zone { name: "UTC".into(), offset: 0, changes: Vec::new() }, at)
}

fn named(contract: Option<&str>) -> String {
    contract.map_or_else(|| "no contract".to_owned(), |id| format!("contract {id}"))
}
