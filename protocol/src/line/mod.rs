//! The line between a sealing meter and a household: what may be said, and how it is framed.
//!
//! ```text
//! meter ── Identity, Certificates, Holdings, Block, Sealed, Now ──► household
//!       ◄── Hello, AskCertificates, AskHoldings, AskBlocks, Command ──
//!       ◄── AskPairing ── Offer ──► ◄── ConfirmPairing ── Paired ──►        (pairing)
//! ```
//!
//! The line is trusted with nothing. Blocks and certificates are signed, current readings are encrypted under a key of
//! the session, commands are signed by the operator, and a pairing needs the code on the meter's own display. A line that
//! lies can withhold and waste time, no more: every request may be repeated without harm, and what matters is checked
//! where it is stored. A message is canonical CBOR `[version, message]`; on a serial line or TCP it travels in a frame
//! ([`frame`]), over MQTT it is the payload of a publication.

mod blocks;
pub mod frame;
pub mod handshake;
mod identity;
pub mod live;
mod pairing;
mod refused;

pub use blocks::{AskBlocks, BlockName, Holdings, Run};
pub use identity::{Identity, RegisterInfo};
pub use pairing::{AskPairing, ConfirmPairing, Offer, Paired};
pub use refused::Refused;

use metrology::exchange::NONCE_BYTES;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::wire::{self, WireError};

const WHAT: &str = "line message";

/// Longest encoded message: a block of quarter-hours takes about 7 kB.
pub const MAX_MESSAGE: usize = 16 << 10;
/// Most certificates in one answer.
pub const MAX_CERTIFICATES: usize = 8;
/// Most runs of blocks in one answer.
pub const MAX_RUNS: usize = 64;
/// Most blocks that one request asks for.
pub const MAX_BLOCKS: u16 = 64;
/// Topic below which meters speak over MQTT: `wattseal/METER/up`, and are spoken to: `wattseal/METER/down`.
pub const TOPIC: &str = "wattseal";

/// A message of either side.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Message {
    /// Household: who is there? Begins a live session.
    #[n(0)]
    Hello(#[n(0)] Hello),
    /// Household: certificates from this epoch on.
    #[n(1)]
    AskCertificates(#[n(0)] u32),
    /// Household: which blocks do you hold, from this number of the register on?
    #[n(2)]
    AskHoldings(#[n(0)] BlockName),
    /// Household: send these blocks.
    #[n(3)]
    AskBlocks(#[n(0)] AskBlocks),
    /// Household: pair with me; the button was pressed.
    #[n(4)]
    AskPairing(#[n(0)] AskPairing),
    /// Household: the code was typed in, here is what follows from it.
    #[n(5)]
    ConfirmPairing(#[n(0)] ConfirmPairing),
    /// Household: a command that the operator signed.
    #[n(6)]
    Command(#[n(0)] ByteVec),

    /// Meter: who it is.
    #[n(16)]
    Identity(#[n(0)] Box<Identity>),
    /// Meter: certificates, in order of epoch.
    #[n(17)]
    Certificates(#[n(0)] Vec<ByteVec>),
    /// Meter: runs of blocks of one register.
    #[n(18)]
    Holdings(#[n(0)] Holdings),
    /// Meter: a block's transport form.
    #[n(19)]
    Block(#[n(0)] ByteVec),
    /// Meter: its part of a pairing.
    #[n(20)]
    Offer(#[n(0)] Offer),
    /// Meter: from now on it seals for the household with this fingerprint.
    #[n(21)]
    Paired(#[n(0)] Paired),
    /// Meter: it does not do what was asked.
    #[n(22)]
    Refused(#[n(0)] Refused),
    /// Meter: current readings, encrypted.
    #[n(23)]
    Now(#[n(0)] Now),
    /// Meter: its signed answer to a command.
    #[n(24)]
    Receipt(#[n(0)] ByteVec),
    /// Meter: a block is complete.
    #[n(25)]
    Sealed(#[n(0)] BlockName),
}

impl Message {
    /// The bytes of `[version, message]`.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        wire::encode(&(metrology::VERSION, self))
    }

    /// Reads a message.
    ///
    /// # Errors
    /// When it is of another version, too long, or not the canonical form of a known message.
    pub fn read(bytes: &[u8]) -> Result<Self, WireError> {
        if bytes.len() > MAX_MESSAGE {
            return Err(WireError::TooLong(WHAT));
        }
        wire::expect_version(bytes, WHAT)?;
        let (_, message): (u8, Self) = wire::decode(bytes, WHAT)?;
        let bounded = match &message {
            Self::Certificates(list) => list.len() <= MAX_CERTIFICATES,
            Self::Holdings(holdings) => holdings.runs.len() <= MAX_RUNS,
            Self::AskBlocks(ask) => (1..=MAX_BLOCKS).contains(&ask.count),
            Self::Identity(identity) => identity.registers.len() <= metrology::certificate::MAX_REGISTERS,
            _ => true,
        };
        if bounded { Ok(message) } else { Err(WireError::NotCanonical(WHAT)) }
    }
}

/// [`Message::Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Hello {
    /// Fresh for each session.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub nonce: [u8; NONCE_BYTES],
}

/// [`Message::Now`]: current readings in the cipher of a session ([`live`]).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Now {
    /// Counts within the session, and is the cipher's nonce.
    #[n(0)]
    pub counter: u64,
    /// The encrypted [`live::Live`].
    #[n(1)]
    pub ciphertext: ByteVec,
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrology::label::{MeterId, RegisterCode, Unit};

    fn identity() -> Identity {
        Identity {
            meter: MeterId::new("M-1").unwrap(),
            identity_key: [1; 32],
            epoch: 2,
            certificate: [3; 32],
            pairing: 4,
            household: [5; 32],
            nonce: [6; 16],
            answers: [0; 16],
            clock: 1_772_323_200,
            registers: vec![RegisterInfo {
                code: RegisterCode::new("1-0:1.8.0").unwrap(),
                unit: Unit::new("Wh").unwrap(),
                sampled: false,
                interval: 1800,
            }],
            cadence: 10,
            pairing_open: true,
        }
    }

    fn messages() -> Vec<Message> {
        let register = RegisterCode::new("1-0:1.8.0").unwrap();
        vec![
            Message::Hello(Hello { nonce: [1; 16] }),
            Message::AskCertificates(3),
            Message::AskHoldings(BlockName { register, block: 7 }),
            Message::AskBlocks(AskBlocks { register, first: 7, count: 64 }),
            Message::AskPairing(AskPairing { household: [1; 32], nonce: [2; 16] }),
            Message::ConfirmPairing(ConfirmPairing { counter: 1, tag: [9; 32] }),
            Message::Command(vec![1, 2].into()),
            Message::Identity(Box::new(identity())),
            Message::Certificates(vec![vec![1].into(), vec![2].into()]),
            Message::Holdings(Holdings { register, runs: vec![Run { first: 0, last: 9, pairing: 1 }], next: 10 }),
            Message::Block(vec![0; 7000].into()),
            Message::Offer(Offer { certificate: [1; 32], counter: 2, nonce: [3; 16], tag: [4; 32] }),
            Message::Paired(Paired { counter: 2, household: [1; 32] }),
            Message::Refused(Refused::WrongCode),
            Message::Now(Now { counter: 1, ciphertext: vec![1; 60].into() }),
            Message::Receipt(vec![5].into()),
            Message::Sealed(BlockName { register, block: 9 }),
        ]
    }

    #[test]
    fn messages_come_back_and_nothing_else_passes() {
        for message in messages() {
            let bytes = message.write();
            assert_eq!(Message::read(&bytes), Ok(message.clone()));
            assert!(Message::read(&[&bytes[..], &[0]].concat()).is_err());
            for cut in 0..bytes.len().min(80) {
                assert!(Message::read(&bytes[..cut]).is_err(), "{message:?} cut at {cut}");
            }
            let mut newer = bytes;
            newer[1] = 2;
            assert_eq!(Message::read(&newer), Err(WireError::Version(WHAT)));
        }
    }

    #[test]
    fn bounds() {
        let register = RegisterCode::new("x").unwrap();
        let ask = |count| Message::AskBlocks(AskBlocks { register, first: 0, count }).write();
        assert!(Message::read(&ask(0)).is_err() && Message::read(&ask(MAX_BLOCKS + 1)).is_err());
        let runs = vec![Run { first: 0, last: 0, pairing: 1 }; MAX_RUNS + 1];
        assert!(Message::read(&Message::Holdings(Holdings { register, runs, next: 1 }).write()).is_err());
        assert!(
            Message::read(&Message::Certificates(vec![ByteVec::from(vec![]); MAX_CERTIFICATES + 1]).write()).is_err()
        );
        let long = Message::Block(vec![0; MAX_MESSAGE].into()).write();
        assert_eq!(Message::read(&long), Err(WireError::TooLong(WHAT)));
    }

    #[test]
    fn a_register_survives_being_named() {
        let info = identity().registers[0];
        assert_eq!(RegisterInfo::of(&info.register().unwrap()), Some(info));
        assert!(RegisterInfo { interval: 1000, ..info }.register().is_none());
    }
}
