//! Checksums of the meters' lines.

use crc::{CRC_16_ARC, CRC_16_IBM_SDLC, Crc};

/// CRC-16/ARC: P1 telegrams (DSMR 5.0.2, 5.2).
#[must_use]
pub fn arc(bytes: &[u8]) -> u16 {
    Crc::<u16>::new(&CRC_16_ARC).checksum(bytes)
}

/// CRC-16/X-25: HDLC frames (ISO/IEC 13239) and SML (BSI TR-03109-1, annex IV), in the order of transmission.
#[must_use]
pub fn x25(bytes: &[u8]) -> [u8; 2] {
    Crc::<u16>::new(&CRC_16_IBM_SDLC).checksum(bytes).to_le_bytes()
}

/// Exclusive or of all bytes: block check character of IEC 62056-21, 6.2.
#[must_use]
pub fn xor(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

/// Sum of all bytes: M-Bus (EN 13757-2) and TIC.
#[must_use]
pub fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Check values of the catalogue of parametrised CRC algorithms.
    #[test]
    fn published_check_values() {
        assert_eq!(arc(b"123456789"), 0xbb3d);
        assert_eq!(x25(b"123456789"), [0x6e, 0x90]);
        // Header of a Kaifa's first list, as the maker's description prints it.
        assert_eq!(x25(&[0xa0, 0x27, 0x01, 0x02, 0x01, 0x10]), [0x5a, 0x87]);
    }
}
