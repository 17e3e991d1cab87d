//! Plain market meters: what they push, decoded. Nothing here is signed by the meter, save where a record says so itself.
//!
//! ```text
//! Chunk ──► Decode (p1, dlms, sml, tic, d0, ocmf, json) ── Found<Telegram> ──► Reader, `wattseal decode`
//! ```
//!
//! A decoder knows bytes and no socket, no clock and no file. It holds a bounded amount, whatever comes, and never
//! panics: each is driven by a fuzzer. What the line changed is told as [`Damage::Plain`] and gives no telegram.
//!
//! [`Damage::Plain`]: crate::Damage::Plain

pub mod cipher;
pub mod d0;
pub mod dlms;
pub mod file;
pub mod json;
pub mod number;
pub mod ocmf;
pub mod p1;
pub mod protocol;
mod registers;
pub mod sml;
pub mod telegram;
mod text;
pub mod tic;

use crate::dialect::Found;
use crate::transport::Chunk;

pub use crate::profile::Spoken;
pub use cipher::{KeyError, MeterKey};
pub use number::{Decimal, Energy, Power, Volume};
pub use protocol::{Keys, Protocol, UnknownProtocol};
pub use telegram::{Channel, Moment, Rate, Stamp, Telegram};

/// Longest telegram of any protocol here. A P1 telegram with every optional line has about 2,500 bytes, an OCMF record
/// with a hundred readings about 10,000.
pub const MAX_TELEGRAM: usize = 32 * 1024;

/// One way in which plain meters speak.
pub trait Decode: Send {
    /// The line was opened anew: what had begun will not be completed.
    fn begin(&mut self);

    /// Takes what came and gives what it completes. Must not panic and must hold a bounded amount, whatever comes.
    fn hear(&mut self, chunk: &Chunk) -> Vec<Found<Telegram>>;

    /// Nothing more comes: what is complete but for its end. A telegram without the end that its protocol demands is
    /// damaged; begun bytes that never became a frame are noise.
    fn end(&mut self) -> Vec<Found<Telegram>>;
}

/// Why a telegram of a plain meter cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its checksum does not fit.
    #[error("changed on the line: its checksum does not fit; look at the cable and its length")]
    Checksum,
    /// It ends before it should.
    #[error("cut off before its end")]
    Cut,
    /// Longer than any of its kind.
    #[error("longer than any telegram of its kind")]
    TooLong,
    /// Bytes that its protocol does not allow there.
    #[error("not built as its protocol demands")]
    Malformed,
    /// Encrypted, and no key was given.
    #[error("encrypted; ask the grid operator for the meter's key and give it")]
    Encrypted,
    /// Encrypted, and the key does not fit or something was changed.
    #[error("encrypted, and the key does not open it")]
    WrongKey,
    /// It carries nothing that shows who sent it, although this meter's telegrams must.
    #[error(
        "sent without the tag that shows it to be the meter's, although an authentication key was given or a tag came \
         before; if this meter sends none, leave the authentication key out"
    )]
    Unauthenticated,
    /// The signature of a record does not fit it.
    #[error("signed, and its signature does not fit")]
    Signature,
    /// A number that is out of any range.
    #[error("saying a number that no meter can mean")]
    OutOfRange,
    /// Understood, and holding nothing that a meter measures.
    #[error("understood, but it holds no reading")]
    Nothing,
}

impl Fault {
    /// Short name, the same for as long as this program exists.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::Cut => "cut",
            Self::TooLong => "too-long",
            Self::Malformed => "malformed",
            Self::Encrypted => "encrypted",
            Self::WrongKey => "wrong-key",
            Self::Unauthenticated => "not-authenticated",
            Self::Signature => "signature",
            Self::OutOfRange => "out-of-range",
            Self::Nothing => "no-reading",
        }
    }
}
