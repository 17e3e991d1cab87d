//! The dialect of a sealing meter: the messages of [`protocol::line`], framed on a stream, bare in a datagram.
//!
//! A fuzz target is three lines:
//!
//! ```
//! # let data: &[u8] = &[1, 2, 0, 3];
//! let mut decoder = drivers::sealed::Decoder::default();
//! decoder.hear(&drivers::Chunk::Bytes(data.to_vec()));
//! decoder.hear(&drivers::Chunk::Datagram { topic: String::new(), payload: data.to_vec() });
//! ```

use protocol::line::frame::{self, Deframer, FrameError};
use protocol::line::{MAX_MESSAGE, Message};

use crate::dialect::{Damage, Dialect, Found};
use crate::transport::{Chunk, Manner, Mode};

/// After so many bytes without an end they are reported as noise, not only once an end comes: a meter of another kind
/// may never send one.
const NO_FRAME: u64 = 2 * MAX_MESSAGE as u64;

/// The bytes that say a message.
#[must_use]
pub fn encode(message: &Message, mode: Mode) -> Vec<u8> {
    wrap(message.write(), mode)
}

fn wrap(bytes: Vec<u8>, mode: Mode) -> Vec<u8> {
    match mode {
        Mode::Stream => frame::frame(&bytes),
        Mode::Datagram => bytes,
    }
}

/// What a decoder has seen since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages understood.
    pub messages: u64,
    /// Messages damaged or not understood.
    pub damaged: u64,
    /// Bytes that were no message.
    pub noise: u64,
}

/// Cuts what a line gives into messages. Holds one frame at most.
#[derive(Debug, Default)]
pub struct Decoder {
    deframer: Deframer,
    /// Bytes since the last end of a frame that are not yet counted as noise.
    open: u64,
    counts: Counts,
}

impl Decoder {
    /// Takes what came and gives what it completes.
    pub fn hear(&mut self, chunk: &Chunk) -> Vec<Found<Message>> {
        let found = match chunk {
            Chunk::Bytes(bytes) => self.stream(bytes),
            // An empty publication clears a retained one; it says nothing.
            Chunk::Datagram { payload, .. } if payload.is_empty() => Vec::new(),
            Chunk::Datagram { payload, .. } => vec![read(payload)],
        };
        for one in &found {
            match one {
                Found::Message(_) => self.counts.messages += 1,
                Found::Damaged(_) => self.counts.damaged += 1,
                Found::Noise(bytes) => self.counts.noise += bytes,
            }
        }
        found
    }

    /// What it has seen since it was made.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn stream(&mut self, bytes: &[u8]) -> Vec<Found<Message>> {
        let mut found = Vec::new();
        // One part ends at most one frame, so the length of what was no frame is known.
        for part in bytes.split_inclusive(|byte| *byte == 0) {
            self.open += part.len() as u64;
            let ended = part.last() == Some(&0);
            for frame in self.deframer.feed(part) {
                found.push(match frame {
                    Ok(message) => read(&message),
                    Err(FrameError::Checksum) => Found::Damaged(Damage::Frame(FrameError::Checksum)),
                    Err(FrameError::Stuffing | FrameError::TooLong) => Found::Noise(self.open),
                });
            }
            if ended {
                self.open = 0;
            } else if self.open > NO_FRAME {
                found.push(Found::Noise(std::mem::take(&mut self.open)));
            }
        }
        found
    }
}

fn read(bytes: &[u8]) -> Found<Message> {
    match Message::read(bytes) {
        Ok(message) => Found::Message(message),
        Err(error) => Found::Damaged(Damage::Message(error)),
    }
}

impl Dialect for Decoder {
    type Heard = Message;
    type Said = Message;

    fn manner(&self) -> Manner {
        Manner { said: Some("/down"), retained: true, ..Manner::hearing(["/up"]) }
    }

    fn begin(&mut self) {
        self.deframer.reset();
        self.open = 0;
    }

    fn hear(&mut self, chunk: &Chunk) -> Vec<Found<Message>> {
        Self::hear(self, chunk)
    }

    fn say(said: &Message, mode: Mode) -> Option<Vec<u8>> {
        let bytes = said.write();
        (bytes.len() <= MAX_MESSAGE).then(|| wrap(bytes, mode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrology::label::RegisterCode;
    use proptest::prelude::*;
    use protocol::line::{BlockName, Hello};
    use protocol::wire::WireError;

    fn sealed(block: u64) -> Message {
        Message::Sealed(BlockName { register: RegisterCode::new("1-0:1.8.0").unwrap(), block })
    }

    fn datagram(payload: Vec<u8>) -> Chunk {
        Chunk::Datagram { topic: "wattseal/M-1/up".into(), payload }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_the_next_message_is_heard(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..20),
            block: u64,
        ) {
            let mut decoder = Decoder::default();
            let mut fed = 0;
            for chunk in chunks {
                fed += chunk.len() as u64;
                decoder.hear(&datagram(chunk.clone()));
                decoder.hear(&Chunk::Bytes(chunk));
            }
            prop_assert!(decoder.counts().noise <= fed);
            let found = decoder.hear(&Chunk::Bytes(encode(&sealed(block), Mode::Stream)));
            prop_assert_eq!(found.last(), Some(&Found::Message(sealed(block))));
            prop_assert_eq!(
                decoder.hear(&datagram(encode(&sealed(block), Mode::Datagram))),
                [Found::Message(sealed(block))]
            );
        }

        #[test]
        fn messages_between_noise_arrive_however_they_are_cut(
            parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..80), any::<u64>()), 1..20),
            cut in 1usize..200,
        ) {
            let mut stream = Vec::new();
            for (noise, block) in &parts {
                stream.extend_from_slice(noise);
                stream.extend(encode(&sealed(*block), Mode::Stream));
            }
            let mut decoder = Decoder::default();
            let found: Vec<_> = stream.chunks(cut).flat_map(|part| decoder.hear(&Chunk::Bytes(part.to_vec()))).collect();
            let messages: Vec<_> = found.into_iter().filter(|one| matches!(one, Found::Message(_))).collect();
            prop_assert_eq!(messages, parts.iter().map(|(_, block)| Found::Message(sealed(*block))).collect::<Vec<_>>());
            let counts = decoder.counts();
            prop_assert_eq!(counts.messages, parts.len() as u64);
            prop_assert!(counts.noise <= parts.iter().map(|(noise, _)| noise.len() as u64 + 1).sum::<u64>());
        }
    }

    #[test]
    fn damage_and_noise_are_told_apart() {
        let mut decoder = Decoder::default();
        let mut bytes = encode(&Message::Hello(Hello { nonce: [7; 16] }), Mode::Stream);
        bytes[10] ^= 1;
        let checksum = Found::Damaged(Damage::Frame(FrameError::Checksum));
        assert_eq!(decoder.hear(&Chunk::Bytes(bytes)), [checksum]);
        assert_eq!(decoder.hear(&Chunk::Bytes(vec![9, 1, 1, 0, 0, 0])), [Found::Noise(4)]);
        let unknown = Found::Damaged(Damage::Message(WireError::Version("line message")));
        assert_eq!(decoder.hear(&Chunk::Bytes(frame::frame(&[0x82, 2, 0]))), [unknown]);
        let unknown = Found::Damaged(Damage::Message(WireError::Version("line message")));
        assert_eq!(decoder.hear(&datagram(vec![0x82, 2, 0])), [unknown]);
        assert_eq!(decoder.hear(&datagram(Vec::new())), []);
        assert_eq!(decoder.counts(), Counts { messages: 0, damaged: 3, noise: 4 });
    }

    #[test]
    fn a_meter_that_never_ends_a_frame_is_noise_all_the_same() {
        let mut decoder = Decoder::default();
        let telegram = vec![b'/'; 1000];
        let total: u64 = (0..1000)
            .flat_map(|_| decoder.hear(&Chunk::Bytes(telegram.clone())))
            .map(|found| if let Found::Noise(bytes) = found { bytes } else { panic!("{found:?}") })
            .sum();
        assert!(total > 900_000 && total <= 1_000_000, "{total}");
        let rest = decoder.hear(&Chunk::Bytes(vec![0]));
        assert_eq!(rest, [Found::Noise(1_000_001 - total)]);
    }

    #[test]
    fn a_new_line_begins_with_nothing_held() {
        let bytes = encode(&sealed(1), Mode::Stream);
        let mut decoder = Decoder::default();
        assert_eq!(decoder.hear(&Chunk::Bytes(bytes[..10].to_vec())), []);
        decoder.begin();
        assert_eq!(decoder.hear(&Chunk::Bytes(bytes)), [Found::Message(sealed(1))]);
    }

    #[test]
    fn what_no_meter_takes_is_not_said() {
        for mode in [Mode::Stream, Mode::Datagram] {
            assert_eq!(Decoder::say(&Message::Command(vec![0; MAX_MESSAGE].into()), mode), None);
            assert!(Decoder::say(&Message::Command(vec![0; MAX_MESSAGE - 10].into()), mode).is_some());
        }
    }
}
