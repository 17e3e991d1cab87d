//! Long frames of wired M-Bus (EN 13757-2) that carry DLMS (EN 13757-1), as Austrian meters push.
//!
//! ```text
//! 68 L L 68  C A CI  STSAP DTSAP  data …  sum 16        CI = last of its telegram (0x10) | number of the frame
//! ```
//!
//! A header has no checksum. Where it is not one that sends DLMS data, a frame that is not whole was none: four bytes that
//! look alike stand in noise too.

#![deny(clippy::indexing_slicing)]

use super::Look;
use crate::plain::Fault;

/// The first byte of a long frame, and its fourth.
pub(super) const START: u8 = 0x68;
const STOP: u8 = 0x16;

/// Looks at what follows a start byte, which the bytes begin with.
pub(super) fn look(bytes: &[u8]) -> Look<'_> {
    let length = match bytes {
        [START, one, two, START, ..] if one == two && *one >= 3 => usize::from(*one),
        [START] | [START, _] => return Look::More,
        [START, one, two] if one == two && *one >= 3 => return Look::More,
        _ => return Look::Noise,
    };
    // Sent with data (SND_UD) or answered with data (RSP_UD), and a number that DLMS gives its frames.
    let headed = matches!(bytes.get(4..7), Some([0x08 | 0x18 | 0x28 | 0x38 | 0x43 | 0x53 | 0x63 | 0x73, _, 0..=0x1f]));
    let Some(frame) = bytes.get(4..length + 6) else { return if headed { Look::Begun } else { Look::More } };
    let Some((body, [sum, stop])) = frame.split_last_chunk::<2>() else { return Look::Noise };
    let fits = body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) == *sum;
    match (*stop == STOP, fits) {
        (true, true) => {}
        _ if !headed => return Look::Noise,
        (true, false) => return Look::Damaged(length + 6, Fault::Checksum),
        // Bytes were lost.
        (false, _) => return Look::Damaged(1, Fault::Checksum),
    }
    match body {
        [_, _, control @ 0..=0x1f, _, _, data @ ..] => {
            Look::Numbered { used: length + 6, data, number: control & 0x0f, last: control & 0x10 != 0 }
        }
        _ => Look::Damaged(length + 6, Fault::Malformed),
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
pub(super) mod tests {
    use super::*;

    /// A telegram in frames of so many bytes.
    pub(in crate::plain::dlms) fn frames(telegram: &[u8], width: usize) -> Vec<u8> {
        let count = telegram.chunks(width).count();
        let frame = |(number, data): (usize, &[u8])| {
            let control = u8::try_from(number).unwrap() | if number + 1 == count { 0x10 } else { 0 };
            let body = [&[0x53, 0xff, control, 1, 0x67], data].concat();
            let length = u8::try_from(body.len()).unwrap();
            let sum = body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
            [vec![START, length, length, START], body, vec![sum, STOP]].concat()
        };
        telegram.chunks(width).enumerate().flat_map(frame).collect()
    }

    #[test]
    fn frames_are_read_and_checked() {
        let bytes = frames(&[1, 2, 3], 10);
        let Look::Numbered { used, data, number, last } = look(&bytes) else { panic!() };
        assert_eq!((used, data, number, last), (bytes.len(), &[1, 2, 3][..], 0, true));
        assert!(matches!(look(&bytes[..bytes.len() - 1]), Look::Begun) && matches!(look(&bytes[..6]), Look::More));
        let mut changed = bytes.clone();
        changed[10] ^= 1;
        assert!(matches!(look(&changed), Look::Damaged(used, Fault::Checksum) if used == bytes.len()));
        changed.remove(10);
        changed.push(7);
        assert!(matches!(look(&changed), Look::Damaged(1, Fault::Checksum)));
        assert!(matches!(look(&[START, 3, 4, START]), Look::Noise));
        // Alike, and no header that sends DLMS.
        for (at, byte) in [(4, 0x68), (6, 0x68)] {
            let mut alike = bytes.clone();
            alike[at] = byte;
            assert!(matches!(look(&alike), Look::Noise) && matches!(look(&alike[..9]), Look::More));
        }
        // A frame of another application.
        assert!(matches!(look(&[START, 3, 3, START, 8, 1, 0x72, 0x7b, STOP]), Look::Damaged(9, Fault::Malformed)));
    }
}
