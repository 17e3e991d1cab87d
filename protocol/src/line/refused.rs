//! What a meter does not do.

use minicbor::{Decode, Encode};

/// [`super::Message::Refused`]: why a meter does not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
#[cbor(index_only)]
pub enum Refused {
    /// Nobody pressed the button, or too long ago.
    #[error("the meter is not ready to pair: press its pairing button, then try again within ten minutes")]
    #[n(0)]
    NotPairing,
    /// The proof did not fit.
    #[error("the meter refused the code: compare it with the meter's display; somebody may also sit on the line")]
    #[n(1)]
    WrongCode,
    /// Too many wrong proofs.
    #[error("the meter refused too many codes and stopped pairing: press its button again for a new code")]
    #[n(2)]
    TooManyTries,
    /// No such register.
    #[error("the meter has no such register")]
    #[n(3)]
    NoRegister,
    /// None of the blocks is there.
    #[error("the meter does not hold these blocks: they are older than its memory, or not yet sealed")]
    #[n(4)]
    NotHeld,
    /// Its memory is full or failing.
    #[error("the meter's memory is full or failing; tell its operator")]
    #[n(5)]
    Memory,
    /// The request makes no sense to it.
    #[error("the meter does not understand the request; one of the two programs may be older")]
    #[n(6)]
    Unsupported,
}
