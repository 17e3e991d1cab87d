//! What a provider and its households say to each other over a network, as bytes: signed messages, no I/O.
//!
//! ```text
//! provider ──► tariff (crate::tariff), revocation list, succession of keys, command ──► household, meter
//! provider ◄── bill (crate::bill), command receipt ◄── household, meter
//! provider ──► bill receipt ──► household
//! ```
//!
//! Each is a COSE_Sign1 with a purpose of its own over a canonical CBOR array whose first element is the version.
//! docs/provider-service.md says how they travel.

pub mod command;
pub mod key;
pub mod receipt;
pub mod revocation;
pub mod succession;
pub mod tls;

use crate::wire::{self, Signed, WireError};

/// Format version of these messages and of the JSON around them.
pub const VERSION: u8 = 1;
/// Longest bill that a provider takes over a network: a year of quarter-hours in several registers.
pub const MAX_BILL: usize = 8 << 20;
/// Longest other body: certificates of a household's meters.
pub const MAX_BODY: usize = 256 << 10;

/// Takes a signed message apart and decodes its payload; the signature is checked by the key that `key` gives.
fn read<'b, T>(
    bytes: &'b [u8],
    purpose: &[u8],
    what: &'static str,
    limit: usize,
    key: impl FnOnce(&T) -> [u8; 32],
) -> Result<(T, &'b [u8]), WireError>
where
    T: minicbor::Encode<()> + minicbor::Decode<'b, ()>,
{
    if bytes.len() > limit {
        return Err(WireError::TooLong(what));
    }
    let signed = Signed::read(bytes, what)?;
    wire::expect_version(signed.payload, what)?;
    let message: T = wire::decode(signed.payload, what)?;
    signed.verify(&key(&message), purpose, what)?;
    Ok((message, signed.payload))
}
