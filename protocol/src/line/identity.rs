//! Who a meter says it is.

use metrology::exchange::NONCE_BYTES;
use metrology::keys::Hash;
use metrology::label::{Interval, MeterId, Register, RegisterCode, RegisterKind, Unit};
use minicbor::{Decode, Encode};

/// [`super::Message::Identity`]: what a meter says of itself. None of it is signed; the certificates are.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Identity {
    /// What the maker printed on it.
    #[cbor(n(0), with = "crate::block::text")]
    pub meter: MeterId,
    /// Its key for life.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub identity_key: [u8; 32],
    /// Number of its current epoch.
    #[n(2)]
    pub epoch: u32,
    /// Hash of that epoch's certificate.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub certificate: Hash,
    /// How often it has been paired; 0 when it never was.
    #[n(4)]
    pub pairing: u32,
    /// Fingerprint of the household it seals for.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub household: Hash,
    /// The meter's nonce of this session.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub nonce: [u8; NONCE_BYTES],
    /// The household's nonce that this answers; zero when the meter speaks unasked.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub answers: [u8; NONCE_BYTES],
    /// Its clock, Unix seconds.
    #[n(8)]
    pub clock: u64,
    /// Its registers.
    #[n(9)]
    pub registers: Vec<RegisterInfo>,
    /// Seconds between current readings.
    #[n(10)]
    pub cadence: u16,
    /// Whether the button was pressed and it waits for a pairing.
    #[n(11)]
    pub pairing_open: bool,
}

/// A register as the meter names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct RegisterInfo {
    /// The code.
    #[cbor(n(0), with = "crate::block::text")]
    pub code: RegisterCode,
    /// Unit of its readings.
    #[cbor(n(1), with = "crate::block::text")]
    pub unit: Unit,
    /// Whether it is sampled rather than cumulative.
    #[n(2)]
    pub sampled: bool,
    /// Seconds of a slot.
    #[n(3)]
    pub interval: u16,
}

impl RegisterInfo {
    /// As a message names it. `None` when the interval has no place in the message.
    #[must_use]
    pub fn of(register: &Register) -> Option<Self> {
        Some(Self {
            code: register.code,
            unit: register.unit,
            sampled: register.kind == RegisterKind::Sampled,
            interval: u16::try_from(register.interval.seconds()).ok()?,
        })
    }

    /// The register; `None` when the interval is none that exists.
    #[must_use]
    pub fn register(&self) -> Option<Register> {
        let kind = if self.sampled { RegisterKind::Sampled } else { RegisterKind::Cumulative };
        let interval = Interval::from_seconds(self.interval.into())?;
        Some(Register { code: self.code, unit: self.unit, kind, interval })
    }
}
