//! The provider's receipt for a booked bill: proof for the household that the bill arrived and counts.

use ed25519_dalek::SigningKey;
use metrology::cose::purpose;
use metrology::keys::Hash;
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

use super::VERSION;
use crate::wire::{self, WireError};

const WHAT: &str = "bill receipt";
/// Longest receipt that is read.
pub const MAX_BYTES: usize = 1024;

/// A receipt. It repeats nothing of the bill but its digest.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct BillReceipt {
    /// Format version, [`VERSION`].
    #[n(0)]
    pub version: u8,
    /// The provider's identity key, which signs.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub provider: [u8; 32],
    /// Digest of the bill's statement.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub digest: Hash,
    /// The contract it was booked under.
    #[n(3)]
    pub contract: String,
    /// When it was booked, Unix seconds.
    #[n(4)]
    pub booked_at: u64,
    /// The verdict; only "valid" bills are booked.
    #[n(5)]
    pub verdict: String,
    /// The bill that it superseded.
    #[n(6)]
    pub corrects: Option<ByteArray<32>>,
    /// The bill that had superseded it when this receipt was written; a later one is named by its own receipt.
    #[n(7)]
    pub corrected_by: Option<ByteArray<32>>,
}

impl BillReceipt {
    /// A receipt of the current version for a valid bill.
    #[must_use]
    pub fn new(provider: [u8; 32], digest: Hash, contract: String, booked_at: u64) -> Self {
        let verdict = "valid".into();
        Self { version: VERSION, provider, digest, contract, booked_at, verdict, corrects: None, corrected_by: None }
    }

    /// The signed message.
    #[must_use]
    pub fn sign(&self, identity: &SigningKey) -> Vec<u8> {
        wire::sign(identity, purpose::BILL_RECEIPT, &wire::encode(self))
    }

    /// Reads a receipt and checks that the key it names signed it. Whether that key is the provider's is for the
    /// caller to decide ([`super::succession::Lineage::speaks_at`]).
    ///
    /// # Errors
    /// When bytes or signature are wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(super::read::<Self>(bytes, purpose::BILL_RECEIPT, WHAT, MAX_BYTES, |r| r.provider)?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_comes_back_and_no_byte_of_it_may_change() {
        let key = SigningKey::from_bytes(&[4; 32]);
        let mut receipt = BillReceipt::new(metrology::cose::public_key(&key), [5; 32], "4711".into(), 99);
        receipt.corrects = Some([6; 32].into());
        let bytes = receipt.sign(&key);
        assert_eq!(BillReceipt::read(&bytes), Ok(receipt.clone()));
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert!(BillReceipt::read(&bad).is_err(), "byte {at}");
        }
        assert_eq!(bytes, receipt.sign(&key), "the same receipt has the same bytes");
        assert!(BillReceipt::read(&receipt.sign(&SigningKey::from_bytes(&[5; 32]))).is_err());
    }
}
