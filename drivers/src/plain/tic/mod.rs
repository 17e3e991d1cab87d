//! TIC: what French meters say all the time, historique and standard (Enedis-NOI-CPT_54E, chapters 5 and 6).
//!
//! ```text
//! STX  LF label SP value SP check CR  …  ETX             historique
//! STX  LF label HT [date HT] value HT check CR  …  ETX   standard
//! Decoder: byte by byte ─► Group: its check ─► Frame ─► Telegram
//! ```
//!
//! Each group has a check of its own, and one that does not fit is dropped alone. A frame that was cut off is good for
//! the groups that came; but a sum of rates is told only when all of them did. Adapters exist that swallow STX and ETX:
//! the meter's number, with which every frame begins, begins a new one as well.

#![deny(clippy::indexing_slicing)]

mod frame;
mod group;
#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::cloned_ref_to_slice_refs)]
mod tests;

use std::fmt;

use super::telegram::Telegram;
use super::{Decode, Fault};
use crate::dialect::{Damage, Found};
use crate::transport::Chunk;
use frame::Frame;
use group::Group;

/// No group is longer: the longest holds 98 characters of text (PJOURF+1).
const MAX_GROUP: usize = 192;
/// No frame has more groups.
const MAX_GROUPS: u32 = 250;

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
/// The meter breaks a frame off, for its own remote reading.
const EOT: u8 = 0x04;

/// How many groups came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Their check fits.
    pub good: u64,
    /// It does not, or they are built otherwise.
    pub bad: u64,
}

/// Cuts what a TIC line gives into frames. Holds one group and what the ones before it said.
#[derive(Default)]
pub struct Decoder {
    held: Vec<u8>,
    /// Bytes of this group, of which no more are held than a group can have.
    length: u64,
    frame: Frame,
    /// The frame's own mark was heard.
    begun: bool,
    good: u32,
    bad: u32,
    groups: Groups,
    noise: u64,
}

impl Decoder {
    /// How many groups came since it was made.
    #[must_use]
    pub fn groups(&self) -> Groups {
        self.groups
    }

    fn byte(&mut self, byte: u8, found: &mut Vec<Found<Telegram>>) {
        match byte {
            b'\r' | b'\n' => self.group(found),
            STX => {
                self.frame(false, found);
                self.begun = true;
            }
            ETX | EOT => self.frame(byte == ETX, found),
            _ => {
                self.length += 1;
                if self.held.len() <= MAX_GROUP {
                    self.held.push(byte);
                }
            }
        }
    }

    /// A group ended.
    fn group(&mut self, found: &mut Vec<Found<Telegram>>) {
        let length = std::mem::take(&mut self.length);
        if length == 0 {
            return;
        }
        let held = std::mem::take(&mut self.held);
        let group = Group::read(&held).filter(|_| held.len() <= MAX_GROUP);
        if self.good > 0 && group.as_ref().is_some_and(Group::begins_frame) || self.good + self.bad >= MAX_GROUPS {
            self.frame(false, found);
        }
        if group.is_some_and(|group| self.frame.take(&group)) {
            self.good += 1;
            self.groups.good += 1;
        } else if self.begun || self.good > 0 {
            self.bad += 1;
            self.groups.bad += 1;
        } else {
            self.noise += length;
        }
        self.held = held;
        self.held.clear();
    }

    /// A frame ended: by its mark, or because another begins or nothing more comes.
    fn frame(&mut self, marked: bool, found: &mut Vec<Found<Telegram>>) {
        self.group(found);
        let whole = std::mem::take(&mut self.begun) && marked;
        let (good, bad) = (std::mem::take(&mut self.good), std::mem::take(&mut self.bad));
        let telegram = std::mem::take(&mut self.frame).telegram(bad);
        if good + bad == 0 {
            return;
        }
        let told = match telegram {
            Some(telegram) => Found::Message(telegram),
            // Its beginning or its end alone, as when a line is joined: no damage.
            None if !whole => return,
            None if bad > 0 => Found::Damaged(Damage::Plain(Fault::Checksum)),
            None => Found::Damaged(Damage::Plain(Fault::Nothing)),
        };
        self.flush(found);
        found.push(told);
    }

    fn flush(&mut self, found: &mut Vec<Found<Telegram>>) {
        if self.noise > 0 {
            found.push(Found::Noise(std::mem::take(&mut self.noise)));
        }
    }

    fn forget(&mut self) {
        *self = Self { held: std::mem::take(&mut self.held), groups: self.groups, ..Self::default() };
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
        self.forget();
    }

    fn hear(&mut self, chunk: &Chunk) -> Vec<Found<Telegram>> {
        let mut found = Vec::new();
        match chunk {
            Chunk::Bytes(bytes) => bytes.iter().for_each(|byte| self.byte(*byte, &mut found)),
            // A publication is a frame, and nothing of it reaches into the next.
            Chunk::Datagram { payload, .. } => {
                self.forget();
                payload.iter().for_each(|byte| self.byte(*byte, &mut found));
                self.frame(false, &mut found);
            }
        }
        self.flush(&mut found);
        found
    }

    fn end(&mut self) -> Vec<Found<Telegram>> {
        let mut found = Vec::new();
        self.frame(false, &mut found);
        self.flush(&mut found);
        found
    }
}
