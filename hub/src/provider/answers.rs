//! What the provider answers, checked.

use protocol::metrology::keys::Hash;
use protocol::service::receipt::BillReceipt;
use protocol::time::Span;
use serde_json::Value;

/// What an enrolment came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnrolState {
    /// The household may submit bills for this contract.
    Enrolled {
        /// The provider's name of the contract.
        contract: String,
    },
    /// The provider has to approve it.
    Pending {
        /// The provider's name of the contract.
        contract: String,
    },
}

/// A published tariff as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its hash.
    pub hash: Hash,
    /// The provider's own name for it.
    pub id: String,
    /// For people.
    pub name: String,
    /// When it applies.
    pub valid: Span,
}

/// The answer on a booked bill.
#[derive(Clone, Debug, PartialEq)]
pub struct SubmitAnswer {
    /// The provider's verdict, as JSON.
    pub verdict: Value,
    /// The receipt, whose signature and content were checked.
    pub receipt: BillReceipt,
    /// The receipt as it was signed, to be kept.
    pub receipt_bytes: Vec<u8>,
}

/// Where a submitted bill stands.
#[derive(Clone, Debug, PartialEq)]
pub struct BillState {
    /// The answer as it was given.
    pub answer: SubmitAnswer,
    /// The correction that has superseded the bill since.
    pub corrected_by: Option<Hash>,
}

/// A command for a meter, signed by a key of the provider. Whether that key may command the meter, the meter checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The meter's identity key.
    pub meter: [u8; 32],
    /// Its number.
    pub sequence: u64,
    /// First Unix second at which it is too late.
    pub expires_at: u64,
    /// What the meter's receipt will name it by.
    pub hash: Hash,
    /// The signed message.
    pub message: Vec<u8>,
}

/// A circuit that a provider takes bills by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitOffer {
    /// Its identity, which statements name.
    pub id: Hash,
    /// Its name in the catalogue.
    pub name: String,
    /// Hash of the parameters' file.
    pub pin: Hash,
    /// Bytes of the parameters' file.
    pub bytes: u64,
    /// Bytes of the file of powers, when the provider has it.
    pub powers: Option<u64>,
}
