//! Tells bytes of seven bits and a parity bit from bytes of eight, by their bits alone.

use crate::address::Parity;

/// Bytes before anything is said about them.
const ENOUGH: u64 = 48;

/// Counts what was heard.
#[derive(Clone, Copy, Debug, Default)]
pub struct SevenBits {
    bytes: u64,
    /// Those with an even number of bits.
    even: u64,
    /// Those whose highest bit is set.
    high: u64,
    /// Those that are text without their highest bit.
    text: u64,
    /// Those that are text as they are.
    plain: u64,
}

impl SevenBits {
    /// Takes bytes as an ear of eight bits heard them.
    pub fn hear(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.bytes += 1;
            self.even += u64::from(byte.count_ones() % 2 == 0);
            self.high += u64::from(byte & 0x80 != 0);
            self.text += u64::from(is_text(byte & 0x7f));
            self.plain += u64::from(is_text(*byte));
        }
    }

    /// Whether the bytes are text as they are, but for what the line changed.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.plain.saturating_mul(10) >= self.bytes.saturating_mul(9)
    }

    /// The parity of the line, where the bytes are text of seven bits with one: nearly all have the same parity, which
    /// half of all text does not, and it takes the highest bit for that, which text does not.
    #[must_use]
    pub fn parity(&self) -> Option<Parity> {
        let Self { bytes, even, high, text, .. } = *self;
        let nearly = |part: u64| part.saturating_mul(100) >= bytes.saturating_mul(97);
        if bytes < ENOUGH || !nearly(text) || high.saturating_mul(5) < bytes {
            return None;
        }
        match (nearly(even), nearly(bytes - even)) {
            (true, _) => Some(Parity::Even),
            (_, true) => Some(Parity::Odd),
            _ => None,
        }
    }
}

/// What meters write: printable characters, line ends, and the marks around a block.
fn is_text(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e | b'\r' | b'\n' | b'\t' | 0x02 | 0x03 | 0x04 | 0x06)
}
