//! Commands that need no open gateway: making a home, its keys, backups. Each returns what a person reads and what a
//! program reads; neither holds a key.

mod backup;
mod bench;
mod decode;
mod detect;
mod init;
mod keys;
mod meters;
mod recover;

pub use backup::{backup, restore, verify};
pub use bench::bench;
pub use decode::{Decoded, Decoding, decode};
pub use detect::{DetectArgs, detect};
pub use init::init;
pub use keys::{KeysCommand, SheetArgs, Way, keys};
pub use meters::{meters, profiles};
pub use recover::{lock, recover, unlock};

use serde_json::Value;

use crate::Failure;

/// What a command has to say.
#[derive(Clone, Debug)]
pub struct Answer {
    /// For people, ends without a newline.
    pub text: String,
    /// For programs.
    pub json: Value,
    /// Whether part of what was asked was refused: exit code 1, although something was done.
    pub refused: bool,
}

impl Answer {
    /// An answer to a command that did all of what it was asked.
    #[must_use]
    pub fn done(text: String, json: Value) -> Self {
        Self { text, json, refused: false }
    }
}

/// What commands return.
pub type Outcome = Result<Answer, Failure>;

/// The beginning of 2026, when this was written. To be raised with a release.
const WRITTEN: u64 = 1_767_225_600;
/// When the program was built, as far as whoever built it says so, and else when it was written: a build without a word about
/// its time is the same at any time. A clock that stands before it was never set.
pub const BUILT: u64 = match option_env!("SOURCE_DATE_EPOCH") {
    Some(text) => match u64::from_str_radix(text, 10) {
        Ok(built) if built > WRITTEN => built,
        _ => WRITTEN,
    },
    None => WRITTEN,
};

/// Seconds since 1970 by this machine's clock.
#[must_use]
pub fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Unix milliseconds.
#[must_use]
pub fn now_millis() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}
