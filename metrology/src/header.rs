//! The header of a day block: everything a verifier needs to know about it, and nothing about the readings.

use crate::cose::{Bytes, MAX_PAYLOAD};
use crate::curve::POINT_BYTES;
use crate::keys::{Hash, hash};
use crate::label::{ClockQuality, MAX_SLOTS, Register, Status};
use crate::{SUITE, VERSION};

/// Bytes of a status map: two bits a slot.
pub const STATUS_BYTES: usize = MAX_SLOTS / 4;

/// The fields of a header, in the order in which they are encoded.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// Hash of the epoch certificate.
    pub certificate: Hash,
    /// Number of the epoch.
    pub epoch: u32,
    /// The register.
    pub register: Register,
    /// UTC day, counted from 1970-01-01.
    pub day: u32,
    /// First slot within the day.
    pub first: u8,
    /// Number of slots.
    pub count: u8,
    /// Status of each slot, two bits each, first slot in the low bits of the first byte.
    pub status: &'a [u8],
    /// Trust in the clock during the block.
    pub clock: ClockQuality,
    /// Events during the block ([`crate::label::events`]).
    pub events: u16,
    /// Number of the block within the register's whole life.
    pub block: u64,
    /// How often the meter has been paired.
    pub pairing: u32,
    /// Fingerprint of the household the readings are encrypted to.
    pub household: Hash,
    /// Hash of the register's previous block, or of the certificate for its first.
    pub previous: Hash,
    /// Hash of the list of commitments.
    pub list: Hash,
    /// Poseidon commitment D to the day, little-endian.
    pub day_commitment: [u8; 32],
    /// Pedersen commitment to the residual, u ‖ v.
    pub residual: [u8; POINT_BYTES],
}

impl Header<'_> {
    /// The signed payload.
    #[must_use]
    pub fn payload(&self) -> Option<Bytes<MAX_PAYLOAD>> {
        Bytes::encode(|e| {
            e.array(21)?.u8(VERSION)?.u8(SUITE)?.bytes(&self.certificate)?.u32(self.epoch)?;
            e.encode(self.register.code)?.encode(self.register.unit)?.u8(self.register.kind as u8)?;
            e.encode(self.register.interval)?.u32(self.day)?.u8(self.first)?.u8(self.count)?.bytes(self.status)?;
            e.u8(self.clock as u8)?.u16(self.events)?.u64(self.block)?.u32(self.pairing)?.bytes(&self.household)?;
            e.bytes(&self.previous)?.bytes(&self.list)?.bytes(&self.day_commitment)?.bytes(&self.residual)?.ok()
        })
    }
}

/// The hash by which the next block, bills and logs name a header, over its payload bytes as received.
#[must_use]
pub fn header_hash(payload: &[u8]) -> Hash {
    hash("wattseal/v1/header", &[payload])
}

/// The hash of a list of commitments, over their 64-byte encodings in order.
#[must_use]
pub fn list_hash(commitments: &[[u8; POINT_BYTES]]) -> Hash {
    hash("wattseal/v1/list", &[commitments.as_flattened()])
}

/// Bytes that hold the statuses of `count` slots.
#[must_use]
pub fn status_length(count: usize) -> usize {
    count.div_ceil(4)
}

/// Sets the status of a slot, counted from the block's first.
pub fn set_status(map: &mut [u8], place: usize, status: Status) {
    if let Some(byte) = map.get_mut(place / 4) {
        *byte |= status.code() << (2 * (place % 4));
    }
}

/// The status of a slot, counted from the block's first.
#[must_use]
pub fn status(map: &[u8], place: usize) -> Status {
    Status::from_code(map.get(place / 4).copied().unwrap_or(0) >> (2 * (place % 4)))
}
