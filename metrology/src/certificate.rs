//! Epoch certificates: which key seals, from when, and what came before.
//!
//! A meter has one identity key for life; a registry lists it. Each epoch has its own signing key, vouched for by a
//! certificate that the identity key signs and that names the first second it covers and, per register, the last
//! block of the past. Epochs change when keys rotate or when the clock stepped by more than a day.

use ed25519_dalek::SigningKey;

use crate::cose::{self, Bytes, MAX_MESSAGE, MAX_PAYLOAD};
use crate::keys::{Hash, hash};
use crate::label::{MeterId, RegisterCode};
use crate::{SUITE, VERSION};

/// Registers a certificate can name at most.
pub const MAX_REGISTERS: usize = 8;

/// Where the sealing runs, and so what its word is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SealClass {
    /// In the certified meter.
    Certified = 0,
    /// On a device of its own beside a plain meter.
    BesideMeter = 1,
    /// In the household's gateway: for auditing one's own bill.
    SelfSealed = 2,
}

/// The fields of an epoch certificate.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// What the maker printed on the meter.
    pub meter: MeterId,
    /// Where the sealing runs.
    pub class: SealClass,
    /// The meter's key for life.
    pub identity_key: [u8; 32],
    /// Number of this epoch, from 0.
    pub epoch: u32,
    /// The key that signs this epoch's blocks.
    pub signing_key: [u8; 32],
    /// The meter's X25519 key for pairing.
    pub agreement_key: [u8; 32],
    /// First Unix second this epoch may cover.
    pub first: u64,
    /// Hash of the certificate before, none in epoch 0.
    pub previous: Option<Hash>,
    /// Last block hash of each register that has one, in order of code.
    pub heads: &'a [(RegisterCode, Hash)],
}

impl Certificate<'_> {
    /// The signed payload. `None` when more than [`MAX_REGISTERS`] heads are named.
    #[must_use]
    pub fn payload(&self) -> Option<Bytes<MAX_PAYLOAD>> {
        if self.heads.len() > MAX_REGISTERS {
            return None;
        }
        Bytes::encode(|e| {
            e.array(11)?.u8(VERSION)?.u8(SUITE)?.encode(self.meter)?.u8(self.class as u8)?;
            e.bytes(&self.identity_key)?.u32(self.epoch)?.bytes(&self.signing_key)?.bytes(&self.agreement_key)?;
            e.u64(self.first)?;
            match &self.previous {
                Some(previous) => e.bytes(previous)?,
                None => e.null()?,
            };
            e.array(self.heads.len() as u64)?;
            for (register, head) in self.heads {
                e.array(2)?.encode(register)?.bytes(head)?;
            }
            e.ok()
        })
    }

    /// The certificate as a COSE_Sign1 by the identity key.
    #[must_use]
    pub fn sign(&self, identity: &SigningKey) -> Option<Bytes<MAX_MESSAGE>> {
        cose::sign1(identity, cose::purpose::CERTIFICATE, self.payload()?.as_slice())
    }
}

/// The hash by which headers name a certificate, over its payload bytes.
#[must_use]
pub fn certificate_hash(payload: &[u8]) -> Hash {
    hash("wattseal/v1/certificate-hash", &[payload])
}
