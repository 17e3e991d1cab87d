//! Charging stations: records in the Open Charge Metering Format (S.A.F.E., versions 1.0 to 1.3), signed by the meter.
//!
//! ```text
//! bytes ─► Ocmf: whole records ─► record: sections, readings ─► verify: the verdict ─► group: Telegram
//! ```
//!
//! [`read`] gives all of one record, its readings as they are written and the verdict. The decoder gives what good
//! readings say: nothing of a record whose signature does not fit, and `signed` where it was checked.

#![deny(clippy::indexing_slicing)]

mod der;
mod group;
mod record;
#[allow(
    missing_docs,
    dead_code,
    reason = "what the macros of RustCrypto make is more than a check of signatures needs"
)]
mod small;
mod verify;

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests;

use super::{Chunk, Decode, Fault, Found, MAX_TELEGRAM, Telegram};
use crate::dialect::Damage;

pub use record::{Reading, Record, read};
pub use verify::{Curve, PublicKey, PublicKeyError, Unchecked, Verdict};

use record::BEGIN;

/// Decoder of OCMF records, alone or in any text.
#[derive(Default)]
pub struct Ocmf {
    key: Option<PublicKey>,
    /// A record that has begun, or the last bytes that may begin one.
    held: Vec<u8>,
    scan: Scan,
}

/// How far a record was looked through for its end.
#[derive(Clone, Copy, Default)]
struct Scan {
    at: usize,
    /// Objects of JSON that are open.
    depth: usize,
    /// Objects that were closed: the second is the signature.
    closed: u8,
    text: bool,
    escaped: bool,
}

/// What a scan came to.
enum Step {
    /// More must come.
    More,
    /// The record ends after so many bytes.
    End(usize),
    /// Another record begins after so many bytes: this one was cut.
    Again(usize),
}

impl Scan {
    /// Looks on from where it was.
    fn step(&mut self, held: &[u8]) -> Step {
        while let Some(byte) = held.get(self.at) {
            if *byte == b'O' && self.at > 0 {
                let from = held.get(self.at..).unwrap_or_default();
                if from.starts_with(BEGIN) {
                    return Step::Again(self.at);
                }
                if BEGIN.starts_with(from) {
                    return Step::More;
                }
            }
            self.at += 1;
            match (self.text, byte) {
                (true, _) if self.escaped => self.escaped = false,
                (true, b'\\') => self.escaped = true,
                (_, b'"') => self.text = !self.text,
                (false, b'{') => self.depth += 1,
                (false, b'}') => {
                    self.depth = self.depth.saturating_sub(1);
                    self.closed += u8::from(self.depth == 0);
                    if self.closed == 2 {
                        return Step::End(self.at);
                    }
                }
                _ => {}
            }
        }
        Step::More
    }
}

impl Ocmf {
    /// A decoder; with the key the signatures are checked.
    #[must_use]
    pub fn new(key: Option<PublicKey>) -> Self {
        Self { key, ..Self::default() }
    }

    fn stream(&mut self, bytes: &[u8]) -> Vec<Found<Telegram>> {
        let (mut found, mut noise) = (Vec::new(), 0);
        // A piece at a time: what is held stays bounded however much comes at once.
        for piece in bytes.chunks(MAX_TELEGRAM) {
            self.held.extend_from_slice(piece);
            let mut at = 0;
            while let Some(rest) = self.held.get(at..).filter(|rest| !rest.is_empty()) {
                let begins = begins(rest);
                if begins > 0 {
                    noise += count(rest.get(..begins).unwrap_or_default());
                    at += begins;
                    continue;
                }
                at += match self.scan.step(rest) {
                    Step::End(end) => {
                        found.extend(said(rest.get(..end).unwrap_or_default(), self.key.as_ref()));
                        end
                    }
                    Step::Again(end) => {
                        found.push(Found::Damaged(Damage::Plain(Fault::Cut)));
                        end
                    }
                    // No other record begins in what is dropped.
                    Step::More if rest.len() > MAX_TELEGRAM => {
                        found.push(Found::Damaged(Damage::Plain(Fault::TooLong)));
                        self.scan.at
                    }
                    Step::More => break,
                };
                self.scan = Scan::default();
            }
            self.held.drain(..at);
        }
        if noise > 0 {
            found.push(Found::Noise(noise));
        }
        found
    }
}

impl Decode for Ocmf {
    fn begin(&mut self) {
        self.held.clear();
        self.scan = Scan::default();
    }

    fn hear(&mut self, chunk: &Chunk) -> Vec<Found<Telegram>> {
        match chunk {
            Chunk::Bytes(bytes) => self.stream(bytes),
            // A datagram holds what it holds: nothing of another completes it.
            Chunk::Datagram { payload, .. } => {
                let mut own = Self::new(self.key.clone());
                let mut found = own.stream(payload);
                found.extend(own.end());
                found
            }
        }
    }

    fn end(&mut self) -> Vec<Found<Telegram>> {
        let rest = std::mem::take(&mut self.held);
        self.scan = Scan::default();
        match (rest.starts_with(BEGIN), count(&rest)) {
            (true, _) => vec![Found::Damaged(Damage::Plain(Fault::Cut))],
            (false, 0) => Vec::new(),
            (false, noise) => vec![Found::Noise(noise)],
        }
    }
}

/// Bytes but for the blanks between records.
fn count(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| !byte.is_ascii_whitespace()).count() as u64
}

/// How many bytes cannot begin a record.
fn begins(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'O')) {
        at += found;
        let from = bytes.get(at..).unwrap_or_default();
        if from.starts_with(BEGIN) || BEGIN.starts_with(from) {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

fn said(record: &[u8], key: Option<&PublicKey>) -> Vec<Found<Telegram>> {
    // Who gave a key wants nothing that it did not sign.
    let checked = |record: Record| match record.verdict {
        Verdict::Fits => record.telegrams(),
        _ if key.is_some() => Err(Fault::Signature),
        _ => record.telegrams(),
    };
    match read(record, key).and_then(checked) {
        Ok(telegrams) => telegrams.into_iter().map(Found::Message).collect(),
        Err(fault) => vec![Found::Damaged(Damage::Plain(fault))],
    }
}
