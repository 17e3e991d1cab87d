//! P1: what Dutch, Belgian, Luxembourgish, Nordic and other meters push every second to ten (DSMR 2.2 to 5, ESMR,
//! e-MUCS P1), in the open or encrypted.
//!
//! ```text
//! /AAA5ident CR LF … data lines … !CRC CR LF      frame: where it ends ─► Decoder: CRC ─► telegram::read
//! DB 08 title length 30 counter ciphertext tag    frame: Head ─► cipher::open ─► the same text
//! ```
//!
//! What makes a telegram good: its CRC; or, of an encrypted one, the tag that only a holder of the key can make (its
//! CRC is then not asked). One whose meter is too old for a CRC stands by its structure; but a meter that once sent a
//! good CRC must go on doing so. An encrypted telegram whose tag cannot be checked must bring a good CRC inside, or be
//! built well where it has none.

#![deny(clippy::indexing_slicing)]

mod frame;
mod telegram;
#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::cloned_ref_to_slice_refs)]
mod tests;

use std::fmt;

use crc::{CRC_16_ARC, Crc, Table};

use super::cipher::{self, Lock, MeterKey};
use super::telegram::Telegram;
use super::{Decode, Fault};
use crate::dialect::{Damage, Found};
use crate::transport::Chunk;
use frame::{Head, Step, Sum};

static CRC: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_ARC);

/// So many bytes are taken at a time, whatever comes.
const PIECE: usize = 4096;

/// Cuts what a P1 port gives into telegrams. Holds one telegram and one piece at most.
#[derive(Default)]
pub struct Decoder {
    lock: Lock,
    held: Vec<u8>,
    /// Of what is held, so much is known to hold no end.
    searched: usize,
    noise: u64,
    /// This meter sends a CRC.
    sums: bool,
    /// What the last encrypted telegram that opened names itself.
    title: Option<[u8; 8]>,
}

impl Decoder {
    /// A decoder for a meter that may encrypt.
    #[must_use]
    pub fn new(key: Option<MeterKey>) -> Self {
        Self { lock: Lock::new(key), ..Self::default() }
    }

    fn work(&mut self, last: bool, found: &mut Vec<Found<Telegram>>) {
        let held = std::mem::take(&mut self.held);
        let mut rest = held.as_slice();
        loop {
            let step = frame::step(rest, std::mem::take(&mut self.searched), last);
            let length = match step {
                Step::More(searched) => {
                    self.searched = searched;
                    break;
                }
                Step::Noise(length) => {
                    self.count(rest.get(..length));
                    length
                }
                Step::Unended(length, fault) => {
                    self.unended(rest.get(..length).unwrap_or_default(), fault, found);
                    length
                }
                Step::Text(end) => {
                    self.text(rest.get(..end.mark).unwrap_or_default(), end.sum, found);
                    end.length
                }
                Step::Ciphered(head) => {
                    let bytes = rest.get(..head.length).unwrap_or_default();
                    let told = self.open(&head, bytes.get(head.body..).unwrap_or_default());
                    let length = match told {
                        // Bytes were lost, and the head of the next one was taken for ciphertext.
                        Err(Fault::WrongKey) => {
                            let known = self.title.unwrap_or(head.system_title);
                            frame::inner_head(bytes, &known).unwrap_or(head.length)
                        }
                        Ok(_) => {
                            self.title = Some(head.system_title);
                            head.length
                        }
                        _ => head.length,
                    };
                    self.tell(told, found);
                    length
                }
            };
            rest = rest.get(length..).unwrap_or_default();
        }
        let settled = held.len() - rest.len();
        self.held = held;
        self.held.drain(..settled);
    }

    /// Takes a telegram in the open, without its exclamation mark.
    fn text(&mut self, text: &[u8], sum: Sum, found: &mut Vec<Found<Telegram>>) {
        let (mut text, mut fits) = (text, fits(text, sum));
        if !fits && let Some((cut, telegram)) = frame::restart(text).and_then(|at| text.split_at_checked(at)) {
            self.unended(cut, Fault::Cut, found);
            (text, fits) = (telegram, self::fits(telegram, sum));
        }
        let told = match (self.lock.plain(), sum) {
            (Err(fault), _) => Err(fault),
            (_, Sum::Absent) if !self.sums => telegram::read(text, false),
            (_, Sum::Is(_)) if fits => {
                self.sums = true;
                telegram::read(text, true)
            }
            _ => Err(Fault::Checksum),
        };
        self.tell(told, found);
    }

    fn unended(&mut self, bytes: &[u8], fault: Fault, found: &mut Vec<Found<Telegram>>) {
        if frame::is_ident(bytes) || bytes.first() == Some(&frame::CIPHERED) {
            self.tell(Err(fault), found);
        } else {
            self.count(Some(bytes));
        }
    }

    fn open(&mut self, head: &Head, body: &[u8]) -> Result<Telegram, Fault> {
        let Head { system_title, security, counter, .. } = *head;
        let opened = self.lock.open(cipher::Head { system_title, security, counter }, body)?;
        let text = opened.plain.trim_ascii_start();
        let end = if text.first() == Some(&b'/') { frame::end(text, 0, true).ok() } else { None };
        match end.map(|end| (text.get(..end.mark).unwrap_or_default(), end.sum)) {
            Some((text, _)) if opened.verified => telegram::read(text, true),
            Some((text, sum @ Sum::Is(_))) if fits(text, sum) => {
                self.sums = true;
                telegram::read(text, true)
            }
            Some((text, Sum::Absent)) if !self.sums => telegram::read(text, false).map_err(|_| Fault::WrongKey),
            None if opened.verified => Err(Fault::Malformed),
            _ => Err(Fault::WrongKey),
        }
    }

    fn tell(&mut self, told: Result<Telegram, Fault>, found: &mut Vec<Found<Telegram>>) {
        self.flush(found);
        found.push(told.map_or_else(|fault| Found::Damaged(Damage::Plain(fault)), Found::Message));
    }

    /// Counts noise. The line ends between telegrams are none.
    fn count(&mut self, bytes: Option<&[u8]>) {
        let bytes = bytes.unwrap_or_default().iter();
        self.noise += bytes.filter(|byte| !matches!(**byte, b'\r' | b'\n')).map(|_| 1_u64).sum::<u64>();
    }

    fn flush(&mut self, found: &mut Vec<Found<Telegram>>) {
        if self.noise > 0 {
            found.push(Found::Noise(std::mem::take(&mut self.noise)));
        }
    }

    fn reset(&mut self) {
        self.held.clear();
        self.searched = 0;
        self.noise = 0;
    }
}

/// True when the sum is that of the telegram up to and with its exclamation mark. Where the carriage returns were lost
/// on the way, as in many a recording, it is that with them.
fn fits(text: &[u8], sum: Sum) -> bool {
    let Sum::Is(sum) = sum else { return false };
    let mut digest = CRC.digest();
    digest.update(text);
    digest.update(b"!");
    if digest.finalize() == sum {
        return true;
    }
    if text.contains(&b'\r') {
        return false;
    }
    let mut digest = CRC.digest();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let (bare, ended) = line.strip_suffix(b"\n").map_or((line, false), |bare| (bare, true));
        digest.update(bare);
        digest.update(if ended { b"\r\n" } else { b"" });
    }
    digest.update(b"!");
    digest.finalize() == sum
}

impl fmt::Debug for Decoder {
    /// How much it holds, nothing of what that says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("held", &self.held.len()).finish_non_exhaustive()
    }
}

impl Decode for Decoder {
    fn begin(&mut self) {
        self.reset();
        self.sums = false;
        self.lock.begin();
        self.title = None;
    }

    fn hear(&mut self, chunk: &Chunk) -> Vec<Found<Telegram>> {
        let mut found = Vec::new();
        match chunk {
            Chunk::Bytes(bytes) => {
                for piece in bytes.chunks(PIECE) {
                    self.held.extend_from_slice(piece);
                    self.work(false, &mut found);
                }
                self.flush(&mut found);
            }
            // A publication is a telegram, and nothing of it reaches into the next.
            Chunk::Datagram { payload, .. } => {
                self.reset();
                for piece in payload.chunks(PIECE) {
                    self.held.extend_from_slice(piece);
                    self.work(false, &mut found);
                }
                found.append(&mut self.end());
            }
        }
        found
    }

    fn end(&mut self) -> Vec<Found<Telegram>> {
        let mut found = Vec::new();
        self.work(true, &mut found);
        self.flush(&mut found);
        self.reset();
        found
    }
}
