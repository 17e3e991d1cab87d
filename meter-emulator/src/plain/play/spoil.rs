//! What a bad cable makes of a frame. The result always differs from what was sent.

use crate::live::fault::Chance;

/// Most bytes that are lost or heard in addition at once.
const RUN: usize = 12;

/// Flipped bits, lost bytes, noise, or an early end.
pub(super) fn spoil(chance: &mut Chance, mut bytes: Vec<u8>) -> Vec<u8> {
    let before = bytes.clone();
    let at = chance.below(bytes.len().max(1)).min(bytes.len());
    let run = 1 + chance.below(RUN);
    match chance.below(4) {
        0 => {
            for _ in 0..run.min(4) {
                let place = chance.below(bytes.len().max(1));
                let bit = chance.below(8);
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << bit;
                }
            }
        }
        1 => drop(bytes.drain(at..(at + run).min(bytes.len()))),
        2 => {
            let noise: Vec<u8> = (0..run).map(|_| u8::try_from(chance.below(256)).unwrap_or(0)).collect();
            bytes.splice(at..at, noise);
        }
        _ => bytes.truncate(at),
    }
    if bytes == before {
        // Bits that were flipped twice.
        match bytes.first_mut() {
            Some(byte) => *byte ^= 0x10,
            None => bytes.push(0),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_of_every_kind_and_never_none() {
        let (mut chance, frame) = (Chance::new(1), vec![0x55; 60]);
        let spoilt: Vec<_> = (0..400).map(|_| spoil(&mut chance, frame.clone())).collect();
        assert!(spoilt.iter().all(|bytes| *bytes != frame));
        let of = |count: fn(usize) -> bool| spoilt.iter().filter(|bytes| count(bytes.len())).count();
        assert!(of(|n| n == 60) > 50 && of(|n| n > 60) > 50 && of(|n| n < 48) > 30);
        assert!(spoilt.iter().all(|bytes| bytes.len() <= 60 + RUN));
        assert_eq!(spoil(&mut chance, Vec::new()).len().min(1), 1);
    }
}
