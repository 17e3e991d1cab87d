//! Frames on a line of bytes: consistent-overhead byte stuffing (Cheshire and Baker, 1999) between zero bytes, with a
//! CRC-32 that finds what a bad cable did.
//!
//! A reader that joins in the middle, or that lost bytes, is right again at the next zero. Integrity against people is
//! not the frame's: what matters is signed or encrypted inside.

use crc::{CRC_32_ISO_HDLC, Crc};

use super::MAX_MESSAGE;

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
const CRC_BYTES: usize = 4;
/// Longest stuffed frame between its zeros.
const MAX_STUFFED: usize = cobs::max_encoding_length(MAX_MESSAGE + CRC_BYTES);

/// What came between two zeros and is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than any frame.
    #[error("longer than any frame")]
    TooLong,
    /// The stuffing is broken.
    #[error("not a frame, or cut short")]
    Stuffing,
    /// The checksum is wrong.
    #[error("damaged on the line (checksum)")]
    Checksum,
}

/// The bytes of a frame around a message, zeros included.
#[must_use]
pub fn frame(message: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(message.len() + CRC_BYTES);
    body.extend_from_slice(message);
    body.extend_from_slice(&CRC.checksum(message).to_le_bytes());
    let mut bytes = vec![0];
    bytes.extend(cobs::encode_vec(&body));
    bytes.push(0);
    bytes
}

/// Cuts a stream of bytes into messages. Holds one frame at most.
#[derive(Debug, Default)]
pub struct Deframer {
    held: Vec<u8>,
    /// The frame that is coming is already too long.
    spilt: bool,
}

impl Deframer {
    /// Takes bytes as they come and gives what they complete: messages, or why there is none.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Vec<u8>, FrameError>> {
        let mut found = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == 0) {
            match part.split_last() {
                Some((0, rest)) => {
                    self.hold(rest);
                    found.extend(self.finish());
                }
                _ => self.hold(part),
            }
        }
        found
    }

    /// Forgets a frame that will not be completed: the line was opened anew.
    pub fn reset(&mut self) {
        self.held.clear();
        self.spilt = false;
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.spilt || self.held.len() + bytes.len() > MAX_STUFFED {
            self.spilt = true;
            self.held.clear();
        } else {
            self.held.extend_from_slice(bytes);
        }
    }

    fn finish(&mut self) -> Option<Result<Vec<u8>, FrameError>> {
        let stuffed = std::mem::take(&mut self.held);
        if std::mem::take(&mut self.spilt) {
            return Some(Err(FrameError::TooLong));
        }
        (!stuffed.is_empty()).then(|| open(&stuffed))
    }
}

fn open(stuffed: &[u8]) -> Result<Vec<u8>, FrameError> {
    let mut body = cobs::decode_vec(stuffed).map_err(|_| FrameError::Stuffing)?;
    let (message, sum) = body.split_last_chunk::<CRC_BYTES>().ok_or(FrameError::Stuffing)?;
    if CRC.checksum(message) != u32::from_le_bytes(*sum) {
        return Err(FrameError::Checksum);
    }
    body.truncate(body.len() - CRC_BYTES);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_come_back_however_they_are_cut(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..600), 1..5),
            cut in 1usize..70,
        ) {
            let stream: Vec<u8> = messages.iter().flat_map(|m| frame(m)).collect();
            let mut deframer = Deframer::default();
            let found: Vec<_> = stream.chunks(cut).flat_map(|part| deframer.feed(part)).collect();
            prop_assert_eq!(found, messages.into_iter().map(Ok).collect::<Vec<_>>());
        }

        #[test]
        fn noise_costs_one_frame_at_most(
            noise in proptest::collection::vec(any::<u8>(), 0..300),
            message in proptest::collection::vec(any::<u8>(), 1..200),
        ) {
            let mut deframer = Deframer::default();
            deframer.feed(&noise);
            let found = deframer.feed(&frame(&message));
            prop_assert_eq!(found.last(), Some(&Ok(message)));
        }

        #[test]
        fn a_changed_byte_is_noticed(message in proptest::collection::vec(any::<u8>(), 1..200), at: prop::sample::Index, by in 1u8..) {
            let mut bytes = frame(&message);
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            let found = Deframer::default().feed(&bytes);
            // The only change without a loss is to the zero before the frame.
            prop_assert!(at == 0 || found.iter().all(|f| f.as_ref() != Ok(&message)));
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut deframer = Deframer::default();
        for _ in 0..1000 {
            assert!(deframer.feed(&[1; 1000]).is_empty());
            assert!(deframer.held.capacity() <= 2 * MAX_STUFFED);
        }
        assert_eq!(deframer.feed(&[0]), [Err(FrameError::TooLong)]);
        assert_eq!(deframer.feed(&frame(b"x")), [Ok(b"x".to_vec())]);
        let longest = vec![7; MAX_MESSAGE];
        assert_eq!(deframer.feed(&frame(&longest)), [Ok(longest)]);
    }
}
