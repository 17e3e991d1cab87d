//! How every decoder is driven: the first byte says how the rest is cut, and nothing it finds may depend on that.

use drivers::plain::{Decode, Telegram};
use drivers::{Chunk, Damage, Found};

/// What a decoder found: telegrams and damages in their order, and bytes of noise.
#[derive(PartialEq)]
pub struct Heard {
    found: Vec<Result<Telegram, Damage>>,
    noise: u64,
}

impl Heard {
    fn counts(&self) -> (usize, usize, u64) {
        let telegrams = self.found.iter().filter(|found| found.is_ok()).count();
        (telegrams, self.found.len() - telegrams, self.noise)
    }
}

/// Feeds bytes to two decoders, whole and in pieces; both must find the same telegrams, the same damages between them and
/// as much noise.
///
/// # Panics
/// When they do not, or a decoder panics: that is what a fuzzer looks for.
pub fn stream(data: &[u8], decoder: impl Fn() -> Box<dyn Decode>) {
    let Some((cut, bytes)) = data.split_first() else { return };
    let whole = heard(decoder(), std::iter::once(bytes));
    let pieces = heard(decoder(), bytes.chunks(usize::from(*cut).max(1)));
    assert!(whole == pieces, "the cut changes what is found: {:?} and {:?}", whole.counts(), pieces.counts());
    assert!(whole.noise <= bytes.len() as u64, "more noise than bytes");
}

/// Feeds bytes as a publication on a topic that the data begins with.
pub fn datagram(data: &[u8], mut decoder: Box<dyn Decode>) {
    let (topic, payload) = data.split_at(data.iter().position(|byte| *byte == 0).unwrap_or(0));
    let topic = String::from_utf8_lossy(topic).into_owned();
    for _ in 0..2 {
        decoder.hear(&Chunk::Datagram { topic: topic.clone(), payload: payload.to_vec() });
    }
    decoder.end();
}

fn heard<'a>(mut decoder: Box<dyn Decode>, parts: impl Iterator<Item = &'a [u8]>) -> Heard {
    let mut heard = Heard { found: Vec::new(), noise: 0 };
    let mut keep = |found: Vec<Found<Telegram>>| {
        for one in found {
            match one {
                Found::Message(telegram) => heard.found.push(Ok(telegram)),
                Found::Damaged(damage) => heard.found.push(Err(damage)),
                Found::Noise(bytes) => heard.noise += bytes,
            }
        }
    };
    for part in parts {
        keep(decoder.hear(&Chunk::Bytes(part.to_vec())));
    }
    keep(decoder.end());
    heard
}
