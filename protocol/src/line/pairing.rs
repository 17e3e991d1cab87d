//! The messages of a pairing; what they mean stands in [`super::handshake`].

use metrology::exchange::NONCE_BYTES;
use metrology::keys::Hash;
use minicbor::{Decode, Encode};

/// [`super::Message::AskPairing`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct AskPairing {
    /// The household's fresh X25519 public key.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub household: [u8; 32],
    /// The household's nonce.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub nonce: [u8; NONCE_BYTES],
}

/// [`super::Message::Offer`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Offer {
    /// Hash of the meter's current epoch certificate.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub certificate: Hash,
    /// Number that the pairing will have.
    #[n(1)]
    pub counter: u32,
    /// The meter's nonce.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub nonce: [u8; NONCE_BYTES],
    /// The meter's proof that it knows the code.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub tag: [u8; 32],
}

/// [`super::Message::ConfirmPairing`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ConfirmPairing {
    /// Number of the pairing that was offered.
    #[n(0)]
    pub counter: u32,
    /// The household's proof that it knows the code.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub tag: [u8; 32],
}

/// [`super::Message::Paired`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Paired {
    /// Number of the pairing.
    #[n(0)]
    pub counter: u32,
    /// Fingerprint of the household.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub household: Hash,
}
