//! One-time codes for enrolment: 128 bits, shown once, kept as a hash.

use protocol::code::{Purpose, write};
use protocol::metrology::keys::{Hash, hash};
use zeroize::Zeroizing;

/// A new code and its hash.
///
/// # Errors
/// When the system gives no randomness.
pub fn new_code() -> Result<(Zeroizing<String>, Hash), getrandom::Error> {
    let mut secret = Zeroizing::new([0; 16]);
    getrandom::fill(secret.as_mut_slice())?;
    Ok((write(Purpose::Enrolment, secret.as_slice()), code_hash(&secret)))
}

/// What the ledger keeps of a code. A plain hash is enough: nobody guesses 128 random bits.
#[must_use]
pub fn code_hash(secret: &[u8; 16]) -> Hash {
    hash("wattseal/v1/enrolment-code", &[secret])
}
