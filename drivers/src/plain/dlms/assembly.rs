//! From frames to an APDU: the segments of HDLC, the numbered frames of M-Bus, the blocks of a general block transfer.

#![deny(clippy::indexing_slicing)]

use crate::plain::{Fault, MAX_TELEGRAM};

/// General block transfer (IEC 62056-5-3): control, number, number acknowledged, length, data.
const BLOCK: u8 = 0xe0;
const LAST_BLOCK: u8 = 0x80;

/// What has come of a telegram so far.
#[derive(Default)]
pub(super) struct Assembly {
    /// Information of HDLC segments or data of M-Bus frames.
    parts: Vec<u8>,
    /// The M-Bus frame that must come next.
    number: u8,
    blocks: Vec<u8>,
    /// The block that must come next, from 1.
    block: u16,
}

/// An APDU, nothing yet, or why there will be none.
pub(super) type Assembled = Result<Option<Vec<u8>>, Fault>;

impl Assembly {
    /// Forgets what was begun; true when there was something.
    pub(super) fn clear(&mut self) -> bool {
        let begun = self.begun();
        *self = Self::default();
        begun
    }

    /// Whether a telegram has begun and not ended.
    pub(super) fn begun(&self) -> bool {
        !self.parts.is_empty() || !self.blocks.is_empty()
    }

    /// Whether an HDLC frame begins another telegram while one has begun and not ended: its last segment was lost. Only a
    /// first segment brings the header of the link's upper layer.
    pub(super) fn is_cut_by(&mut self, information: &[u8]) -> bool {
        let cut = !self.parts.is_empty() && without_llc(information).len() < information.len();
        if cut {
            self.clear();
        }
        cut
    }

    /// Takes the information of an HDLC frame. The first frame of a telegram begins with the header of the link's upper
    /// layer; a block that is not the first comes without.
    pub(super) fn segment(&mut self, information: &[u8], last: bool) -> Assembled {
        let information = if self.parts.is_empty() { without_llc(information) } else { information };
        self.part(information, last)
    }

    /// Takes the data of an M-Bus frame.
    pub(super) fn numbered(&mut self, data: &[u8], number: u8, last: bool) -> Assembled {
        if number == 0 {
            self.parts.clear();
        } else if number != self.number || self.parts.is_empty() {
            self.clear();
            return Err(Fault::Cut);
        }
        self.number = (number + 1) & 0x0f;
        self.part(if number == 0 { without_llc(data) } else { data }, last)
    }

    fn part(&mut self, part: &[u8], last: bool) -> Assembled {
        if self.parts.len() + part.len() > MAX_TELEGRAM {
            self.clear();
            return Err(Fault::TooLong);
        }
        self.parts.extend_from_slice(part);
        if !last {
            return Ok(None);
        }
        let whole = std::mem::take(&mut self.parts);
        if whole.first() == Some(&BLOCK) { self.block(&whole) } else { Ok(Some(whole)) }
    }

    fn block(&mut self, apdu: &[u8]) -> Assembled {
        let [_, control, high, low, _, _, rest @ ..] = apdu else { return self.fail(Fault::Malformed) };
        let number = u16::from_be_bytes([*high, *low]);
        if number == 1 {
            self.blocks.clear();
            self.block = 1;
        }
        if number != self.block {
            return self.fail(Fault::Cut);
        }
        let Some(data) = length(rest).and_then(|(length, rest)| rest.get(..length)) else {
            return self.fail(Fault::Malformed);
        };
        if self.blocks.len() + data.len() > MAX_TELEGRAM {
            return self.fail(Fault::TooLong);
        }
        self.blocks.extend_from_slice(data);
        self.block = self.block.saturating_add(1);
        if control & LAST_BLOCK == 0 {
            return Ok(None);
        }
        self.block = 0;
        Ok(Some(std::mem::take(&mut self.blocks)))
    }

    fn fail(&mut self, fault: Fault) -> Assembled {
        self.clear();
        Err(fault)
    }
}

/// What follows the header of the link's upper layer, where there is one.
pub(super) fn without_llc(bytes: &[u8]) -> &[u8] {
    match bytes {
        [0xe6, 0xe6 | 0xe7, 0, rest @ ..] => rest,
        _ => bytes,
    }
}

/// A length in one byte, or in as many as the first says, and what follows it.
pub(super) fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..=0x7f => Some((usize::from(*first), rest)),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            Some((length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest))
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    pub(super) fn block(number: u16, last: bool, data: &[u8]) -> Vec<u8> {
        let control = if last { 0xc0 } else { 0x40 };
        let length = u8::try_from(data.len()).unwrap();
        [vec![BLOCK, control], number.to_be_bytes().to_vec(), vec![0, 0, length], data.to_vec()].concat()
    }

    #[test]
    fn blocks_come_in_order_or_not_at_all() {
        let mut assembly = Assembly::default();
        let first = [&[0xe6, 0xe7, 0], &block(1, false, &[0x0f, 1])[..]].concat();
        assert_eq!(assembly.segment(&first, true), Ok(None));
        assert_eq!(assembly.segment(&block(2, true, &[2]), true), Ok(Some(vec![0x0f, 1, 2])));
        assert_eq!(assembly.segment(&first, true), Ok(None));
        assert_eq!(assembly.segment(&block(3, true, &[3]), true), Err(Fault::Cut));
        assert_eq!(assembly.segment(&block(2, true, &[2]), true), Err(Fault::Cut));
        // A first block begins anew.
        assert_eq!(assembly.segment(&first, true), Ok(None));
        assert_eq!(assembly.segment(&first, true), Ok(None));
        assert_eq!(assembly.segment(&block(2, true, &[2]), true), Ok(Some(vec![0x0f, 1, 2])));
    }

    #[test]
    fn numbered_frames_come_in_order_or_not_at_all() {
        let mut assembly = Assembly::default();
        assert_eq!(assembly.numbered(&[1], 0, false), Ok(None));
        assert_eq!(assembly.numbered(&[2], 1, true), Ok(Some(vec![1, 2])));
        assert_eq!(assembly.numbered(&[2], 1, true), Err(Fault::Cut));
        assert_eq!(assembly.numbered(&[1], 0, false), Ok(None));
        assert_eq!(assembly.numbered(&[3], 2, true), Err(Fault::Cut));
        assert!(!assembly.clear());
    }

    #[test]
    fn what_never_ends_is_not_held() {
        let mut assembly = Assembly::default();
        let mut faults = 0;
        for _ in 0..100 {
            faults += usize::from(assembly.segment(&[1; 1000], false) == Err(Fault::TooLong));
            assert!(assembly.parts.len() <= MAX_TELEGRAM);
        }
        assert_eq!(faults, 3);
    }

    #[test]
    fn lengths_are_read_in_every_form() {
        assert_eq!(length(&[5, 1]), Some((5, &[1][..])));
        assert_eq!(length(&[0x81, 0xf8, 1]), Some((0xf8, &[1][..])));
        assert_eq!(length(&[0x82, 1, 2]), Some((0x102, &[][..])));
        assert_eq!(length(&[0x82, 1]), None);
        assert_eq!(length(&[0x80]), None);
        assert_eq!(length(&[]), None);
    }
}
