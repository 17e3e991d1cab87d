//! HDLC frames of type 3 (IEC 62056-46): from a flag to what a frame carries.
//!
//! ```text
//! 7e  a|s|length  destination  source  control  HCS HCS  information …  FCS FCS  7e
//! ```
//!
//! Length tells where a frame ends; flags may stand in its information. Both checksums are CRC-16/X.25. The header's says
//! that there is a frame at all: flags stand in any noise, and what follows one of them there was no frame that the line
//! changed.

#![deny(clippy::indexing_slicing)]

use crc::{CRC_16_IBM_SDLC, Crc, Table};

use super::Look;
use crate::plain::Fault;

/// The flag between frames.
pub(super) const FLAG: u8 = 0x7e;

const X25: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_IBM_SDLC);

/// Looks at what follows a flag, which the bytes begin with.
pub(super) fn look(bytes: &[u8]) -> Look<'_> {
    let (kind, low) = match bytes {
        [FLAG, FLAG, ..] => return Look::Fill(1),
        [FLAG, kind, low, ..] if kind & 0xf0 == 0xa0 => (*kind, *low),
        [FLAG] | [FLAG, 0xa0..=0xaf] => return Look::More,
        _ => return Look::Noise,
    };
    let length = usize::from(kind & 7) << 8 | usize::from(low);
    let Some(control) = address(bytes, 3).and_then(|source| address(bytes, source)) else {
        return if bytes.len() < 11 { Look::More } else { Look::Noise };
    };
    // The header's checksum stands after the control byte; in a frame without information it is the frame's own.
    let header = control + 1;
    let Some(end) = (length + 1).checked_sub(2).filter(|end| *end >= header) else { return Look::Noise };
    if bytes.len() < header + 2 {
        return Look::More;
    }
    if !sum_fits(bytes, header) {
        // Without a checksum of its own a header counts when the frame is as long as it says, and carries nothing.
        return match bytes.get(end + 2) {
            None if end == header => Look::More,
            Some(&FLAG) if end == header => Look::Damaged(length + 1, Fault::Checksum),
            _ => Look::Noise,
        };
    }
    if end == header {
        return Look::Fill(length + 1);
    }
    if bytes.len() < end + 2 {
        return Look::Begun;
    }
    if !sum_fits(bytes, end) {
        // A flag in its place says that the length is right and that no byte was lost.
        return match bytes.get(length + 1) {
            None => Look::Begun,
            Some(&FLAG) => Look::Damaged(length + 1, Fault::Checksum),
            Some(_) => Look::Damaged(1, Fault::Checksum),
        };
    }
    let information = bytes.get(header + 2..end).unwrap_or_default();
    Look::Segment { used: length + 1, information, last: kind & 8 == 0 }
}

/// Where the address that begins at a place ends: its last byte is odd, and it has four at most.
fn address(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    rest.iter().take(4).position(|byte| byte & 1 == 1).map(|last| at + last + 1)
}

/// Whether the checksum at a place fits what stands before it, from the flag on.
fn sum_fits(bytes: &[u8], at: usize) -> bool {
    let sum = bytes.get(at..at + 2).and_then(|sum| sum.try_into().ok()).map(u16::from_le_bytes);
    bytes.get(1..at).map(|checked| X25.checksum(checked)) == sum
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
pub(super) mod tests {
    use super::*;

    /// A frame with both flags.
    pub(in crate::plain::dlms) fn frame(information: &[u8], last: bool) -> Vec<u8> {
        let length = 8 + 2 + information.len();
        let kind = 0xa0 | u8::try_from(length >> 8).unwrap() | if last { 0 } else { 8 };
        let mut out = vec![FLAG, kind, u8::try_from(length & 255).unwrap(), 0xcf, 0x02, 0x23, 0x13];
        out.extend(X25.checksum(&out[1..]).to_le_bytes());
        out.extend(information);
        out.extend(X25.checksum(&out[1..]).to_le_bytes());
        out.push(FLAG);
        out
    }

    #[test]
    fn a_frame_is_what_its_length_says() {
        let bytes = frame(&[1, FLAG, 0xa0, 2], true);
        let Look::Segment { used, information, last } = look(&bytes) else { panic!() };
        assert_eq!((used, information, last), (bytes.len() - 1, &[1, FLAG, 0xa0, 2][..], true));
        assert!(matches!(look(&frame(&[1], false)), Look::Segment { last: false, .. }));
        assert!(matches!(look(&bytes[..bytes.len() - 2]), Look::Begun));
        assert!(matches!(look(&bytes[..8]), Look::More));
    }

    #[test]
    fn what_is_no_frame_is_told_early() {
        assert!(matches!(look(&[FLAG, 0x27]), Look::Noise));
        assert!(matches!(look(&[FLAG, FLAG]), Look::Fill(1)));
        let mut header = frame(&[1, 2, 3], true);
        header[6] ^= 1;
        assert!(matches!(look(&header[..9]), Look::Noise) && matches!(look(&header), Look::Noise));
        assert!(matches!(look(&[FLAG, 0xa0, 0x20, 2, 2, 2, 2, 2, 2, 2, 2]), Look::Noise));
    }

    #[test]
    fn a_flag_in_its_place_tells_a_changed_frame_from_one_that_lost_bytes() {
        let mut changed = frame(&[1, 2, 3, 4], true);
        changed[10] ^= 4;
        assert!(matches!(look(&changed), Look::Damaged(used, Fault::Checksum) if used == changed.len() - 1));
        let mut lost = frame(&[1, 2, 3, 4], true);
        lost.drain(10..12);
        lost.extend(frame(&[5], true));
        assert!(matches!(look(&lost), Look::Damaged(1, Fault::Checksum)));
    }

    #[test]
    fn a_frame_without_information_is_filling() {
        let mut frame = vec![FLAG, 0xa0, 7, 0x03, 0x05, 0x73];
        frame.extend(X25.checksum(&frame[1..]).to_le_bytes());
        assert!(matches!(look(&frame), Look::Fill(8)));
        frame[5] ^= 4;
        assert!(matches!(look(&frame), Look::More));
        assert!(matches!(look(&[&frame[..], &[1]].concat()), Look::Noise));
        assert!(matches!(look(&[&frame[..], &[FLAG]].concat()), Look::Damaged(8, Fault::Checksum)));
    }
}
