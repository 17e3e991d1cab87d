//! Where a meter's keys come from: the operating system, or a seed so that tests and demonstrations repeat.

use std::fmt;

use metrology::keys::hash;
use zeroize::{Zeroize, Zeroizing};

/// 32 bytes from which all keys of a meter follow. For tests and demonstrations only: whoever knows the seed has the
/// meter.
#[derive(Clone)]
pub struct MeterSeed(Zeroizing<[u8; 32]>);

impl MeterSeed {
    /// Takes over the bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text, &mut *bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Debug for MeterSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeterSeed(…)")
    }
}

/// A source of key material.
#[derive(Clone, Debug)]
pub enum Entropy {
    /// The operating system's generator.
    System,
    /// A seed; each purpose and number gives the same bytes every time.
    Seeded(MeterSeed),
}

/// The operating system gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no randomness for new keys; try again when it has started up")]
pub struct NoEntropy;

impl Entropy {
    /// Fresh bytes for one purpose. With a seed, `purpose` and `number` must not repeat for different secrets.
    ///
    /// # Errors
    /// When the operating system has none.
    pub fn draw<const N: usize>(&self, purpose: &str, number: u32) -> Result<Zeroizing<[u8; N]>, NoEntropy> {
        let mut bytes = Zeroizing::new([0; N]);
        match self {
            Self::System => getrandom::fill(&mut *bytes).map_err(|_| NoEntropy)?,
            Self::Seeded(seed) => {
                for (part, chunk) in (0u32..).zip(bytes.chunks_mut(32)) {
                    let parts: [&[u8]; 4] = [&*seed.0, &number.to_le_bytes(), &part.to_le_bytes(), purpose.as_bytes()];
                    let mut drawn = hash("wattseal/file-meter/seed", &parts);
                    chunk.copy_from_slice(drawn.get(..chunk.len()).unwrap_or(&drawn));
                    drawn.zeroize();
                }
            }
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_separates_purposes() {
        let entropy = Entropy::Seeded(MeterSeed::from_bytes([7; 32]));
        let draw = |purpose, number| *entropy.draw::<32>(purpose, number).unwrap();
        assert_eq!(draw("identity", 0), draw("identity", 0));
        assert_ne!(draw("identity", 0), draw("agreement", 0));
        assert_ne!(draw("epoch", 0), draw("epoch", 1));
        assert_ne!(*Entropy::System.draw::<32>("identity", 0).unwrap(), *Entropy::System.draw("identity", 0).unwrap());
    }

    #[test]
    fn hexadecimal_seeds() {
        assert!(MeterSeed::from_hex(&"0f".repeat(32)).is_some());
        for bad in ["", "0f", &"0g".repeat(32), &"0f".repeat(33)] {
            assert!(MeterSeed::from_hex(bad).is_none());
        }
        assert_eq!(format!("{:?}", Entropy::Seeded(MeterSeed::from_bytes([7; 32]))), "Seeded(MeterSeed(…))");
    }
}
