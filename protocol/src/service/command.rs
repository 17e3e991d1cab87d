//! Commands that never need a reading: credit, disconnect, reconnect; and the meter's receipt for each.
//!
//! A command is for one meter and has a number that only grows: a meter obeys each at most once, in order, and only
//! until it expires. A receipt says what became of the command and when; it has no room for a balance or for anything
//! else that depends on consumption.

use ed25519_dalek::SigningKey;
use metrology::cose::purpose;
use metrology::keys::{Hash, hash};
use minicbor::{Decode, Encode};

use super::VERSION;
use crate::money::Currency;
use crate::wire::{self, WireError};

const WHAT: &str = "command";
const RECEIPT: &str = "command receipt";
/// Longest command or receipt that is read.
pub const MAX_BYTES: usize = 512;
/// The most that one command credits, in minor units: a mistyped amount is stopped here.
pub const MAX_CREDIT: u64 = 100_000_000;

/// What a meter is told to do.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Action {
    /// Add to the prepaid credit.
    #[n(0)]
    Credit {
        /// How much, in minor units; 1 to [`MAX_CREDIT`].
        #[n(0)]
        amount_minor: u64,
        /// Of which currency.
        #[n(1)]
        currency: Currency,
    },
    /// Open the switch.
    #[n(1)]
    Disconnect,
    /// Close the switch.
    #[n(2)]
    Reconnect,
}

impl Action {
    /// A short stable name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Credit { .. } => "credit",
            Self::Disconnect => "disconnect",
            Self::Reconnect => "reconnect",
        }
    }
}

/// An operator's command to one meter.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Command {
    /// Format version, [`VERSION`].
    #[n(0)]
    pub version: u8,
    /// Identity key of the meter.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub meter: [u8; 32],
    /// Its number, from 1; larger than that of every earlier command to this meter.
    #[n(2)]
    pub sequence: u64,
    /// When it was made, Unix seconds.
    #[n(3)]
    pub issued_at: u64,
    /// First Unix second at which it is too late to obey.
    #[n(4)]
    pub expires_at: u64,
    /// What to do.
    #[n(5)]
    pub action: Action,
}

impl Command {
    /// A command of the current version.
    #[must_use]
    pub fn new(meter: [u8; 32], sequence: u64, issued_at: u64, expires_at: u64, action: Action) -> Self {
        Self { version: VERSION, meter, sequence, issued_at, expires_at, action }
    }

    /// The signed message.
    #[must_use]
    pub fn sign(&self, operator: &SigningKey) -> Vec<u8> {
        wire::sign(operator, purpose::COMMAND, &wire::encode(self))
    }

    fn is_sound(&self) -> bool {
        let action = match &self.action {
            Action::Credit { amount_minor, .. } => (1..=MAX_CREDIT).contains(amount_minor),
            Action::Disconnect | Action::Reconnect => true,
        };
        action && self.sequence > 0 && self.issued_at < self.expires_at
    }
}

/// A command whose signature and content were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCommand {
    /// The command.
    pub command: Command,
    /// Hash of its payload, which the receipt names.
    pub hash: Hash,
}

impl VerifiedCommand {
    /// Reads a command and checks that the operator signed it.
    ///
    /// # Errors
    /// When bytes, content or signature are wrong.
    pub fn read(bytes: &[u8], operator: &[u8; 32]) -> Result<Self, WireError> {
        let (command, payload) = super::read::<Command>(bytes, purpose::COMMAND, WHAT, MAX_BYTES, |_| *operator)?;
        if !command.is_sound() {
            return Err(WireError::NotCanonical(WHAT));
        }
        Ok(Self { command, hash: hash("wattseal/v1/command-hash", &[payload]) })
    }

    /// What a meter has to answer: [`Outcome::Done`] when it is to obey. `last` is the number of the last command that
    /// it obeyed, 0 for none. One that expired is not obeyed and does not count as the last.
    #[must_use]
    pub fn outcome(&self, meter: &[u8; 32], last: u64, now: u64) -> Outcome {
        if self.command.meter != *meter {
            Outcome::NotAuthorised
        } else if self.command.sequence <= last {
            Outcome::OutOfSequence
        } else if now >= self.command.expires_at {
            Outcome::Expired
        } else {
            Outcome::Done
        }
    }

    /// The receipt for this command.
    #[must_use]
    pub fn receipt(&self, outcome: Outcome, at: u64) -> CommandReceipt {
        CommandReceipt {
            version: VERSION,
            meter: self.command.meter,
            sequence: self.command.sequence,
            command: self.hash,
            outcome,
            at,
        }
    }
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Outcome {
    /// The meter obeyed.
    #[n(0)]
    Done,
    /// It came too late.
    #[n(1)]
    Expired,
    /// The meter has obeyed this command or a later one already.
    #[n(2)]
    OutOfSequence,
    /// The signer may not command this meter, or the meter's contract does not allow it.
    #[n(3)]
    NotAuthorised,
}

impl Outcome {
    /// A short stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Expired => "expired",
            Self::OutOfSequence => "out-of-sequence",
            Self::NotAuthorised => "not-authorised",
        }
    }
}

/// A meter's word on what became of a command, signed by its identity key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct CommandReceipt {
    /// Format version, [`VERSION`].
    #[n(0)]
    pub version: u8,
    /// Identity key of the meter, which signs.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub meter: [u8; 32],
    /// Number of the command.
    #[n(2)]
    pub sequence: u64,
    /// Hash of the command.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub command: Hash,
    /// What became of it.
    #[n(4)]
    pub outcome: Outcome,
    /// When, Unix seconds by the meter's clock.
    #[n(5)]
    pub at: u64,
}

impl CommandReceipt {
    /// The signed message.
    #[must_use]
    pub fn sign(&self, identity: &SigningKey) -> Vec<u8> {
        wire::sign(identity, purpose::COMMAND_RECEIPT, &wire::encode(self))
    }

    /// Reads a receipt and checks that the meter it names signed it. Whether that meter is known, and whether the
    /// hash is that of the command, is for the caller to say.
    ///
    /// # Errors
    /// When bytes or signature are wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, WireError> {
        let key = |receipt: &Self| receipt.meter;
        Ok(super::read::<Self>(bytes, purpose::COMMAND_RECEIPT, RECEIPT, MAX_BYTES, key)?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(action: Action) -> Command {
        Command::new([7; 32], 3, 1000, 2000, action)
    }

    #[test]
    fn a_command_comes_back_under_its_operator_alone() {
        let (operator, other) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let key = metrology::cose::public_key(&operator);
        let euro = Currency { code: "EUR".into(), exponent: 2 };
        for action in [Action::Credit { amount_minor: 2000, currency: euro }, Action::Disconnect, Action::Reconnect] {
            let bytes = command(action.clone()).sign(&operator);
            assert_eq!(VerifiedCommand::read(&bytes, &key).unwrap().command.action, action);
            assert!(bytes.len() < 200, "{}", bytes.len());
            let forged = command(action).sign(&other);
            assert_eq!(VerifiedCommand::read(&forged, &key), Err(WireError::Signature(WHAT)));
            for at in 0..bytes.len() {
                let mut bad = bytes.clone();
                bad[at] ^= 1;
                assert!(VerifiedCommand::read(&bad, &key).is_err(), "byte {at}");
            }
        }
    }

    #[test]
    fn senseless_commands_are_refused() {
        let operator = SigningKey::from_bytes(&[1; 32]);
        let key = metrology::cose::public_key(&operator);
        let euro = Currency { code: "EUR".into(), exponent: 2 };
        let credit = |amount_minor| Action::Credit { amount_minor, currency: euro.clone() };
        for bad in [
            command(credit(0)),
            command(credit(MAX_CREDIT + 1)),
            Command { sequence: 0, ..command(Action::Disconnect) },
            Command { expires_at: 1000, ..command(Action::Disconnect) },
        ] {
            assert_eq!(VerifiedCommand::read(&bad.sign(&operator), &key), Err(WireError::NotCanonical(WHAT)));
        }
        let newer = Command { version: 2, ..command(Action::Disconnect) }.sign(&operator);
        assert_eq!(VerifiedCommand::read(&newer, &key), Err(WireError::Version(WHAT)));
        let long = [0; MAX_BYTES + 1];
        assert_eq!(VerifiedCommand::read(&long, &key), Err(WireError::TooLong(WHAT)));
    }

    #[test]
    fn a_meter_obeys_once_in_order_and_in_time() {
        let operator = SigningKey::from_bytes(&[1; 32]);
        let bytes = command(Action::Reconnect).sign(&operator);
        let verified = VerifiedCommand::read(&bytes, &metrology::cose::public_key(&operator)).unwrap();
        for (meter, last, now, outcome) in [
            ([7; 32], 2, 1999, Outcome::Done),
            ([7; 32], 2, 2000, Outcome::Expired),
            ([7; 32], 3, 1500, Outcome::OutOfSequence),
            ([8; 32], 0, 1500, Outcome::NotAuthorised),
        ] {
            assert_eq!(verified.outcome(&meter, last, now), outcome);
        }
    }

    #[test]
    fn a_receipt_is_the_meters_own() {
        let (operator, meter) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[3; 32]));
        let identity = metrology::cose::public_key(&meter);
        let bytes = Command { meter: identity, ..command(Action::Disconnect) }.sign(&operator);
        let verified = VerifiedCommand::read(&bytes, &metrology::cose::public_key(&operator)).unwrap();
        let receipt = verified.receipt(Outcome::Done, 1500);
        assert_eq!(CommandReceipt::read(&receipt.sign(&meter)), Ok(receipt.clone()));
        assert_eq!(CommandReceipt::read(&receipt.sign(&operator)), Err(WireError::Signature(RECEIPT)));
        assert!(CommandReceipt::read(&bytes).is_err(), "a command is no receipt");
    }
}
