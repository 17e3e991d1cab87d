//! D0: what meters with an optical head say (IEC 62056-21), pushed (mode D) or asked for (mode C).
//!
//! ```text
//! mode D:  /AAA5ident CR LF CR LF   data lines   ! CR LF
//! mode C:  /AAA5ident CR LF  STX    data lines   ! CR LF ETX BCC       asked for by Talk
//! Decoder: byte by byte ─► BCC, where there is one ─► telegram::read
//! ```
//!
//! An optical head gives back what is sent through it: the sign-on `/?!` and the choice of speed are passed over.

#![deny(clippy::indexing_slicing)]

mod talk;
mod telegram;
#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::cloned_ref_to_slice_refs)]
mod tests;

use std::fmt;

use super::telegram::Telegram;
use super::{Decode, Fault, MAX_TELEGRAM, text};
use crate::dialect::{Damage, Found};
use crate::transport::Chunk;

pub use talk::{Act, Talk};

/// Begins a block that a check character ends.
const STX: u8 = 0x02;
/// Ends it; the check character follows.
const ETX: u8 = 0x03;

/// Where in a telegram the line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// In none.
    #[default]
    Idle,
    /// Behind a slash.
    Open,
    /// Behind the exclamation mark of a telegram that no block holds.
    Marked,
    /// In a block.
    Block,
    /// Behind the end of a block: the check character is next.
    Check,
}

/// Cuts what an optical head gives into telegrams. Holds one telegram at most.
#[derive(Default)]
pub struct Decoder {
    phase: Phase,
    held: Vec<u8>,
    /// Where the block begins in what is held.
    block: usize,
    /// All bytes of the block, each added without carry.
    check: u8,
    noise: u64,
}

impl Decoder {
    fn byte(&mut self, byte: u8, found: &mut Vec<Found<Telegram>>) {
        let at_line_start = matches!(self.held.last(), None | Some(b'\r' | b'\n'));
        match (self.phase, byte) {
            (Phase::Open | Phase::Block, b'/') if at_line_start => {
                self.abandon(Fault::Cut, found);
                self.open(b'/');
            }
            (Phase::Idle, b'/') => self.open(b'/'),
            (Phase::Idle, STX) => self.begin_block(),
            (Phase::Idle, _) => self.count(&[byte]),
            (Phase::Open, STX) if at_line_start => self.begin_block(),
            (Phase::Open, b'!') if at_line_start => self.phase = Phase::Marked,
            (Phase::Open, _) => self.hold(byte, found),
            (Phase::Marked, b'\r' | b'\n' | b' ' | b'/' | ETX) => {
                self.settle(|held| telegram::read(held, 0, false), found);
                self.byte(byte, found);
            }
            // Digits stand there in a P1 telegram.
            (Phase::Marked, _) => self.settle(|_| Err(Fault::Malformed), found),
            (Phase::Block, ETX) => {
                self.check ^= ETX;
                self.phase = Phase::Check;
            }
            // No block holds the byte that begins one: the end of this one was lost, and it runs into the next readout.
            (Phase::Block, STX) => self.restart(found),
            (Phase::Block, _) => {
                self.check ^= byte;
                self.hold(byte, found);
            }
            (Phase::Check, _) => {
                let (fits, block) = (self.check == byte, self.block);
                self.settle(|held| if fits { telegram::read(held, block, true) } else { Err(Fault::Checksum) }, found);
            }
        }
    }

    fn open(&mut self, byte: u8) {
        self.held.clear();
        self.held.push(byte);
        self.phase = Phase::Open;
    }

    fn begin_block(&mut self) {
        (self.phase, self.block, self.check) = (Phase::Block, self.held.len(), 0);
    }

    /// Another block begins within one. Its identification, where it came, stands before it.
    fn restart(&mut self, found: &mut Vec<Found<Telegram>>) {
        let line = self.held.iter().rposition(|byte| *byte == b'/').and_then(|at| self.held.get(at..));
        let ident = line.filter(|line| text::maker(line).is_some() && line.ends_with(b"\n") && !line.contains(&b'('));
        let ident = ident.unwrap_or_default().to_vec();
        self.held.truncate(self.held.len() - ident.len());
        self.abandon(Fault::Cut, found);
        self.held = ident;
        self.begin_block();
    }

    fn hold(&mut self, byte: u8, found: &mut Vec<Found<Telegram>>) {
        self.held.push(byte);
        if self.held.len() >= MAX_TELEGRAM {
            self.abandon(Fault::TooLong, found);
        }
    }

    fn settle(&mut self, read: impl FnOnce(&[u8]) -> Result<Telegram, Fault>, found: &mut Vec<Found<Telegram>>) {
        let told = read(&self.held);
        self.flush(found);
        found.push(told.map_or_else(|fault| Found::Damaged(Damage::Plain(fault)), Found::Message));
        self.clear();
    }

    /// Gives up what is held: a telegram if it holds a value, else noise, unless it is what was sent to the meter.
    fn abandon(&mut self, fault: Fault, found: &mut Vec<Found<Telegram>>) {
        if self.held.contains(&b'(') {
            return self.settle(|_| Err(fault), found);
        }
        let held = std::mem::take(&mut self.held);
        if !held.starts_with(b"/?") {
            self.count(&held);
        }
        self.clear();
    }

    /// Counts noise. The line ends between telegrams are none.
    fn count(&mut self, bytes: &[u8]) {
        self.noise += bytes.iter().filter(|byte| !matches!(**byte, b'\r' | b'\n')).map(|_| 1_u64).sum::<u64>();
    }

    fn flush(&mut self, found: &mut Vec<Found<Telegram>>) {
        if self.noise > 0 {
            found.push(Found::Noise(std::mem::take(&mut self.noise)));
        }
    }

    fn clear(&mut self) {
        self.phase = Phase::Idle;
        self.held.clear();
    }
}

impl fmt::Debug for Decoder {
    /// How much it holds, nothing of what that says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("held", &self.held.len()).finish_non_exhaustive()
    }
}

impl Decode for Decoder {
    fn begin(&mut self) {
        self.clear();
        self.noise = 0;
    }

    fn hear(&mut self, chunk: &Chunk) -> Vec<Found<Telegram>> {
        let mut found = Vec::new();
        match chunk {
            Chunk::Bytes(bytes) => bytes.iter().for_each(|byte| self.byte(*byte, &mut found)),
            // A publication is a telegram, and nothing of it reaches into the next.
            Chunk::Datagram { payload, .. } => {
                self.begin();
                payload.iter().for_each(|byte| self.byte(*byte, &mut found));
                found.append(&mut self.end());
            }
        }
        self.flush(&mut found);
        found
    }

    fn end(&mut self) -> Vec<Found<Telegram>> {
        let mut found = Vec::new();
        match self.phase {
            Phase::Idle => {}
            Phase::Marked => self.settle(|held| telegram::read(held, 0, false), &mut found),
            Phase::Open | Phase::Block | Phase::Check => self.abandon(Fault::Cut, &mut found),
        }
        self.flush(&mut found);
        found
    }
}
