//! Names and bytes of the TLS certificates, fixed so that a reader needs the pinned key alone to know its trust anchor.

use super::key::spki;

/// The name that every certificate of the service is for. It is the same for all providers and stands in no DNS: who
/// the service is follows from the pinned key, and the address is only a way there.
pub const SERVER_NAME: &str = "provider.wattseal";
/// Common name of the issuer, which is the provider's identity key.
pub const ISSUER_NAME: &str = "Wattseal provider";
/// Common name in a household's self-signed certificate; the same for all, so it tells nothing.
pub const HOUSEHOLD_NAME: &str = "Wattseal household";

/// The issuer's distinguished name, DER, without the outer SEQUENCE.
#[must_use]
pub fn issuer_name() -> Vec<u8> {
    let text = ISSUER_NAME.as_bytes();
    // SET { SEQUENCE { commonName, UTF8String } }; every length is below 128, so it is one byte.
    let length = |extra: usize| u8::try_from(text.len() + extra).unwrap_or(0);
    let mut der = vec![0x31, length(9), 0x30, length(7), 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, length(0)];
    der.extend_from_slice(text);
    der
}

/// The SubjectPublicKeyInfo of an identity key, DER, without the outer SEQUENCE.
#[must_use]
pub fn anchor_key(key: &[u8; 32]) -> Vec<u8> {
    spki(key).get(2..).unwrap_or_default().to_vec()
}
