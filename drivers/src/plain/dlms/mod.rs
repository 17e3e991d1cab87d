//! DLMS/COSEM as meters push it: the HAN of Norway and Sweden, the customer interfaces of Austria, Switzerland, Slovenia.
//!
//! ```text
//! bytes ─► hdlc  (frames, checksums)  ─┐
//!          mbus  (frames, checksums)  ─┴► assembly: segments, blocks ─► apdu: opened ─► axdr: nodes ─► list ─► Telegram
//! ```
//!
//! A line speaks HDLC or M-Bus; which it is, the frames tell. An APDU without a frame has no checksum, so it is taken
//! where something else says where it begins and ends: as a datagram, or as all that a file holds.

#![deny(clippy::indexing_slicing)]

mod apdu;
mod assembly;
mod axdr;
mod clock;
mod hdlc;
mod list;
mod mbus;
mod places;

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests;

use super::cipher::Lock;
use super::{Chunk, Decode, Fault, Found, MAX_TELEGRAM, MeterKey, Telegram};
use crate::dialect::Damage;

use apdu::Whole;
use assembly::{Assembled, Assembly};

/// Most bytes of a line looked at at once.
const PIECE: usize = 4096;

/// What stands where a frame may begin.
enum Look<'a> {
    /// Not yet decided.
    More,
    /// No frame.
    Noise,
    /// A frame's header, and not yet all of the frame.
    Begun,
    /// So many bytes that belong between frames, or a frame that carries nothing.
    Fill(usize),
    /// A frame that the line changed, of so many bytes.
    Damaged(usize, Fault),
    /// An HDLC frame.
    Segment { used: usize, information: &'a [u8], last: bool },
    /// An M-Bus frame.
    Numbered { used: usize, data: &'a [u8], number: u8, last: bool },
}

/// Looks at what a frame may begin with.
fn look(bytes: &[u8]) -> Look<'_> {
    match bytes.first() {
        Some(&hdlc::FLAG) => hdlc::look(bytes),
        Some(&mbus::START) => mbus::look(bytes),
        _ => Look::Noise,
    }
}

/// Decoder of DLMS push over HDLC and M-Bus.
#[derive(Default)]
pub struct Dlms {
    lock: Lock,
    /// What is not yet decided: one frame at most.
    held: Vec<u8>,
    assembly: Assembly,
    /// Bytes of no frame that were not yet told.
    noise: u64,
    /// A frame has just ended: a flag here is its last.
    closing: bool,
    /// All that came, while it may yet be one APDU without a frame.
    bare: Option<Vec<u8>>,
}

impl Dlms {
    /// A decoder; the key opens what is encrypted.
    #[must_use]
    pub fn new(key: Option<MeterKey>) -> Self {
        Self::with(Lock::new(key))
    }

    fn with(lock: Lock) -> Self {
        Self { lock, bare: Some(Vec::new()), ..Self::default() }
    }

    fn stream(&mut self, bytes: &[u8]) -> Vec<Found<Telegram>> {
        let mut found = Vec::new();
        for piece in bytes.chunks(PIECE) {
            self.held.extend_from_slice(piece);
            self.decide(&mut found);
            if let Some(bare) = &mut self.bare {
                bare.extend_from_slice(piece);
                if !found.is_empty() || bare.len() > MAX_TELEGRAM || !apdu::begins(bare) {
                    self.bare = None;
                }
            }
        }
        if self.bare.is_none() && self.noise > 0 {
            found.push(Found::Noise(std::mem::take(&mut self.noise)));
        }
        found
    }

    /// Decides what is held, as far as that can be done.
    fn decide(&mut self, found: &mut Vec<Found<Telegram>>) {
        let mut held = std::mem::take(&mut self.held);
        let mut at = 0;
        while let Some(rest) = held.get(at..).filter(|rest| !rest.is_empty()) {
            let look = look(rest);
            if let Look::More | Look::Begun = look {
                break;
            }
            let closing = std::mem::take(&mut self.closing) && rest.first() == Some(&hdlc::FLAG);
            at += match look {
                Look::More | Look::Begun | Look::Fill(0) => 1,
                Look::Fill(used) => used,
                Look::Segment { used, information, last } => {
                    if self.assembly.is_cut_by(information) {
                        found.push(damaged(Fault::Cut));
                    }
                    let assembled = self.assembly.segment(information, last);
                    self.closing = true;
                    self.tell(assembled, true, found);
                    used
                }
                Look::Numbered { used, data, number, last } => {
                    let assembled = self.assembly.numbered(data, number, last);
                    self.tell(assembled, false, found);
                    used
                }
                Look::Damaged(used, fault) => {
                    self.assembly.clear();
                    self.closing = used > 1;
                    found.push(damaged(fault));
                    used
                }
                Look::Noise => {
                    let begins = |byte: &u8| matches!(*byte, hdlc::FLAG | mbus::START);
                    let used = 1 + rest.iter().skip(1).position(begins).unwrap_or(rest.len() - 1);
                    let noise = used as u64 - u64::from(closing);
                    self.noise += noise;
                    // What was to follow may be lost in it.
                    if noise > 0 && self.assembly.clear() {
                        found.push(damaged(Fault::Cut));
                    }
                    used
                }
            };
        }
        held.drain(..at);
        self.held = held;
    }

    /// Tells what was assembled. HDLC's sixteen bits of checksum are enough to rest a reading on, M-Bus's eight are not.
    fn tell(&mut self, assembled: Assembled, checked: bool, found: &mut Vec<Found<Telegram>>) {
        match assembled {
            Ok(None) => {}
            Ok(Some(apdu)) => {
                let told = self.read(&apdu, Whole::Checked);
                found.push(said(told.map(|told| Telegram { checked: checked || told.checked, ..told })));
            }
            Err(fault) => found.push(damaged(fault)),
        }
    }

    /// What is complete but for its end, and the keys.
    fn ended(mut self) -> (Vec<Found<Telegram>>, Lock) {
        let mut found = Vec::new();
        if let Some(bare) = self.bare.take().filter(|bare| !bare.is_empty()) {
            found.push(match self.read(assembly::without_llc(&bare), Whole::Unchecked) {
                Err(Fault::Malformed) => Found::Noise(bare.len() as u64),
                told => said(told),
            });
            return (found, self.lock);
        }
        // A frame of which the end alone is missing.
        let begun = matches!(look(&self.held), Look::Begun);
        if begun || self.assembly.begun() {
            found.push(damaged(Fault::Cut));
        }
        let flag = self.closing && self.held == [hdlc::FLAG];
        let noise = self.noise + if begun || flag { 0 } else { self.held.len() as u64 };
        if noise > 0 {
            found.push(Found::Noise(noise));
        }
        (found, self.lock)
    }

    fn read(&mut self, apdu: &[u8], whole: Whole) -> Result<Telegram, Fault> {
        apdu::read(apdu, &mut self.lock, whole)
    }
}

impl Decode for Dlms {
    fn begin(&mut self) {
        *self = Self::with(self.lock.anew());
    }

    fn hear(&mut self, chunk: &Chunk) -> Vec<Found<Telegram>> {
        match chunk {
            Chunk::Bytes(bytes) => self.stream(bytes),
            // A datagram holds what it holds: nothing of another completes it.
            Chunk::Datagram { payload, .. } => {
                let mut own = Self::with(std::mem::take(&mut self.lock));
                let mut found = own.stream(payload);
                let (last, lock) = own.ended();
                found.extend(last);
                self.lock = lock;
                found
            }
        }
    }

    fn end(&mut self) -> Vec<Found<Telegram>> {
        let own = std::mem::take(self);
        let (found, lock) = own.ended();
        *self = Self::with(lock);
        found
    }
}

fn damaged(fault: Fault) -> Found<Telegram> {
    Found::Damaged(Damage::Plain(fault))
}

fn said(telegram: Result<Telegram, Fault>) -> Found<Telegram> {
    telegram.map_or_else(damaged, Found::Message)
}
