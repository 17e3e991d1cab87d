//! SML transport protocol, version 1: from the bytes of a line to SML files whose checksum fits.
//!
//! ```text
//! 1b1b1b1b 01010101   file, 1b1b1b1b in it doubled   00…   1b1b1b1b 1a NN CC CC
//! start                                           filling  end, count of filling, CRC-16/X.25
//! ```
//!
//! All of it is a multiple of four bytes long. What begins and is not ended before the next start counts as noise.

#![deny(clippy::indexing_slicing)]

use crc::{CRC_16_IBM_SDLC, Crc, Table};

use crate::plain::{Fault, MAX_TELEGRAM};

const ESCAPE: [u8; 4] = [0x1b; 4];
const START: [u8; 8] = [0x1b, 0x1b, 0x1b, 0x1b, 1, 1, 1, 1];
const X25: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_IBM_SDLC);

/// What the transport found.
pub(super) enum Part {
    /// A file, whole.
    File(Vec<u8>),
    /// A file that cannot be used.
    Damaged(Fault),
    /// So many bytes of no file.
    Noise(u64),
}

/// Cuts a stream into files. Holds one at most.
#[derive(Default)]
pub(super) struct Transport {
    /// What is not yet decided: from the start of a file on, or the last bytes that may begin one.
    held: Vec<u8>,
    /// How much of what is held was looked at.
    seen: usize,
}

impl Transport {
    pub(super) fn clear(&mut self) {
        self.held.clear();
        self.seen = 0;
    }

    /// Takes bytes and gives what they complete.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Vec<Part> {
        let mut found = Vec::new();
        // A piece at a time: what is held stays bounded however much comes at once.
        for piece in bytes.chunks(MAX_TELEGRAM) {
            self.held.extend_from_slice(piece);
            let mut at = 0;
            while let Some((used, part)) = self.next(at) {
                at += used;
                found.extend(part);
            }
            self.held.drain(..at);
        }
        found
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self) -> Option<Part> {
        let rest = self.held.len() as u64;
        self.clear();
        (rest > 0).then_some(Part::Noise(rest))
    }

    /// The next part from a place on: how many bytes it took. `None` when more must come.
    fn next(&mut self, at: usize) -> Option<(usize, Option<Part>)> {
        let rest = self.held.get(at..).filter(|rest| !rest.is_empty())?;
        let noise = |bytes: usize| (bytes, Some(Part::Noise(bytes as u64)));
        if !rest.starts_with(&START) {
            self.seen = 0;
            // Up to where a start stands, or may stand once more has come.
            return match start_in(rest) {
                0 => None,
                bytes => Some(noise(bytes)),
            };
        }
        match look(rest, self.seen.max(START.len())) {
            Look::More(seen) if rest.len() <= MAX_TELEGRAM => {
                self.seen = seen;
                None
            }
            Look::More(_) => {
                self.seen = 0;
                Some((START.len(), Some(Part::Damaged(Fault::TooLong))))
            }
            Look::Begins(bytes) | Look::Broken(bytes) => {
                self.seen = 0;
                Some(noise(bytes))
            }
            Look::Ends(bytes) => {
                self.seen = 0;
                let part = rest.get(..bytes).map(|whole| file(whole).map_or_else(Part::Damaged, Part::File));
                Some((bytes, part))
            }
        }
    }
}

/// How many bytes cannot begin a file.
fn start_in(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let Some(found) = rest.iter().position(|byte| *byte == 0x1b) else { break };
        at += found;
        let from = bytes.get(at..).unwrap_or_default();
        if from.starts_with(&START) || START.starts_with(from) {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

enum Look {
    /// Nothing decided up to here.
    More(usize),
    /// Another start begins after so many bytes.
    Begins(usize),
    /// An escape that means nothing: so many bytes are no file.
    Broken(usize),
    /// The file ends after so many bytes.
    Ends(usize),
}

/// Looks for the end of the file that a start begins, from a place on that is not inside an escape.
fn look(bytes: &[u8], from: usize) -> Look {
    let mut at = from;
    loop {
        let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == 0x1b)) else {
            return Look::More(bytes.len());
        };
        at += found;
        let rest = bytes.get(at..).unwrap_or_default();
        let run = rest.iter().take(ESCAPE.len()).take_while(|byte| **byte == 0x1b).count();
        if run < ESCAPE.len() {
            if run == rest.len() {
                return Look::More(at);
            }
            at += run;
            continue;
        }
        let Some(said) = rest.get(4..8) else { return Look::More(at) };
        // The last bytes of a file may be 1b themselves: the true escape is the one that stands at a multiple of four.
        let shift = (4 - at % 4) % 4;
        match said {
            [0x1b, 0x1b, 0x1b, 0x1b] => at += 8,
            [1, 1, 1, 1] => return Look::Begins(at),
            [0x1a, ..] => return Look::Ends(at + 8),
            said if said.get(..shift).is_some_and(|ones| ones.iter().all(|one| *one == 0x1b))
                && said.get(shift) == Some(&0x1a) =>
            {
                let end = at + shift + 8;
                return if bytes.len() < end { Look::More(at) } else { Look::Ends(end) };
            }
            // A start may begin one byte on.
            _ => return Look::Broken(at + 1),
        }
    }
}

/// The file in a whole transmission.
fn file(whole: &[u8]) -> Result<Vec<u8>, Fault> {
    let (checked, sum) = whole.split_last_chunk::<2>().ok_or(Fault::Cut)?;
    if !whole.len().is_multiple_of(4) || X25.checksum(checked) != u16::from_le_bytes(*sum) {
        return Err(Fault::Checksum);
    }
    let (body, filling) = match checked.get(START.len()..).and_then(<[u8]>::split_last_chunk::<6>) {
        Some((body, [.., filling])) if *filling <= 3 => (body, usize::from(*filling)),
        _ => return Err(Fault::Checksum),
    };
    let mut body = body.get(..body.len().saturating_sub(filling)).unwrap_or_default();
    let mut file = Vec::with_capacity(body.len());
    while let Some(at) = body.windows(ESCAPE.len()).position(|four| four == ESCAPE) {
        let (text, rest) = body.split_at(at + ESCAPE.len());
        file.extend_from_slice(text);
        body = rest.get(ESCAPE.len()..).unwrap_or_default();
    }
    file.extend_from_slice(body);
    Ok(file)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Packs a file for the line, as the standard says.
    pub(in crate::plain::sml) fn packed(file: &[u8]) -> Vec<u8> {
        let mut out = START.to_vec();
        let mut run = 0;
        for &byte in file {
            out.push(byte);
            run = if byte == 0x1b { run + 1 } else { 0 };
            if run == 4 {
                out.extend(ESCAPE);
                run = 0;
            }
        }
        let filling = (4 - out.len() % 4) % 4;
        out.extend(std::iter::repeat_n(0, filling));
        out.extend(ESCAPE);
        out.extend([0x1a, u8::try_from(filling).unwrap()]);
        let sum = X25.checksum(&out);
        out.extend(sum.to_le_bytes());
        out
    }

    fn heard(transport: &mut Transport, bytes: &[u8], cut: usize) -> (Vec<Vec<u8>>, u64, u64) {
        let mut all = (Vec::new(), 0, 0);
        let mut parts: Vec<_> = bytes.chunks(cut).flat_map(|piece| transport.hear(piece)).collect();
        parts.extend(transport.end());
        for part in parts {
            match part {
                Part::File(file) => all.0.push(file),
                Part::Damaged(_) => all.1 += 1,
                Part::Noise(bytes) => all.2 += bytes,
            }
        }
        all
    }

    /// Bytes in which escapes and starts are common.
    fn tricky() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![3 => Just(0x1b), 1 => Just(1), 1 => Just(0x1a), 1 => Just(0), 2 => any::<u8>()];
        prop::collection::vec(byte, 0..60)
    }

    proptest! {
        #[test]
        fn files_arrive_whole_however_they_are_cut(files in prop::collection::vec(tricky(), 1..5), cut in 1usize..100) {
            let stream: Vec<u8> = files.iter().flat_map(|file| packed(file)).collect();
            let (got, damaged, noise) = heard(&mut Transport::default(), &stream, cut);
            // A file that ends in an escape and needs no filling can be read in two ways; the checksum decides.
            let plain: Vec<_> = files.iter().filter(|file| !file.ends_with(&[0x1b])).cloned().collect();
            if plain.len() == files.len() {
                prop_assert_eq!(got, files);
                prop_assert_eq!((damaged, noise), (0, 0));
            }
        }

        #[test]
        fn the_cut_changes_nothing_and_nothing_is_lost_from_the_count(stream in tricky(), more in tricky(), cut in 1usize..20) {
            let mut bytes = stream;
            bytes.extend(packed(&more));
            bytes.extend(&more);
            let whole = heard(&mut Transport::default(), &bytes, bytes.len());
            prop_assert_eq!(heard(&mut Transport::default(), &bytes, cut), whole.clone());
            prop_assert!(whole.2 <= bytes.len() as u64);
        }

        #[test]
        fn a_flipped_bit_never_gives_another_file(file in tricky(), at: prop::sample::Index, bit in 0u8..8) {
            let mut bytes = packed(&file);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let (got, _, _) = heard(&mut Transport::default(), &bytes, 7);
            prop_assert!(got.iter().all(|one| *one == file), "{got:?}");
        }
    }

    #[test]
    fn a_start_after_a_lone_escape_byte_is_seen() {
        let mut bytes = vec![0x1b, 0x1b];
        bytes.extend(packed(&[0x76, 1, 2, 3]));
        assert_eq!(heard(&mut Transport::default(), &bytes, 3), (vec![vec![0x76, 1, 2, 3]], 0, 2));
    }

    #[test]
    fn what_never_ends_is_held_no_longer_than_a_telegram() {
        let mut transport = Transport::default();
        transport.hear(&START);
        let mut damaged = 0;
        for _ in 0..100 {
            damaged +=
                transport.hear(&[7; 1000]).iter().filter(|part| matches!(part, Part::Damaged(Fault::TooLong))).count();
            assert!(transport.held.len() <= 2 * MAX_TELEGRAM);
        }
        assert_eq!(damaged, 1);
        let file = vec![1, 2, 3, 4];
        assert_eq!(heard(&mut transport, &packed(&file), 5).0, [file]);
    }
}
