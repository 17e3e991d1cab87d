//! A bad line: what leaves is lost, doubled, swapped, damaged, or comes again. Repeatable from a seed.

use std::collections::VecDeque;

use sealer::port;

use super::{Fault, Probability};

/// Messages that are kept to come again.
const KEPT: usize = 32;

/// Repeatable chance: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). Nothing secret comes from it.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The chances of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number below a limit.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u128::try_from(limit).unwrap_or(1);
        usize::try_from((u128::from(self.next()) * limit) >> 64).unwrap_or(0)
    }

    fn happens(&mut self, probability: Option<Probability>) -> bool {
        probability.is_some_and(|p| u64::try_from(self.below(1_000_000)).unwrap_or(0) < p.millionths().into())
    }
}

/// The line's faults that are on, and what they hold back.
#[derive(Clone, Debug)]
pub struct Trouble {
    chance: Chance,
    lose: Option<Probability>,
    double: Option<Probability>,
    swap: Option<Probability>,
    damage: Option<Probability>,
    again: Option<Probability>,
    held: Option<Vec<u8>>,
    past: VecDeque<Vec<u8>>,
    happened: u64,
}

impl Trouble {
    /// A good line, with chances for when it is not.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            chance: Chance::new(seed),
            lose: None,
            double: None,
            swap: None,
            damage: None,
            again: None,
            held: None,
            past: VecDeque::new(),
            happened: 0,
        }
    }

    /// Switches a fault of the line on, or all off; says whether it is one of the line.
    pub fn switch(&mut self, fault: Fault) -> bool {
        match fault {
            Fault::Drop(p) => self.lose = Some(p),
            Fault::Duplicate(p) => self.double = Some(p),
            Fault::Reorder(p) => self.swap = Some(p),
            Fault::Corrupt(p) => self.damage = Some(p),
            Fault::Replay(p) => self.again = Some(p),
            Fault::None => {
                (self.lose, self.double, self.swap, self.damage, self.again) = (None, None, None, None, None)
            }
            _ => return false,
        }
        true
    }

    /// How often something happened.
    #[must_use]
    pub fn happened(&self) -> u64 {
        self.happened
    }
}

impl port::Trouble for Trouble {
    fn pass(&mut self, mut sent: Vec<u8>) -> Vec<Vec<u8>> {
        let mut arrives = Vec::new();
        if self.again.is_some() {
            if self.past.len() == KEPT {
                self.past.pop_front();
            }
            self.past.push_back(sent.clone());
        }
        if self.chance.happens(self.damage) && !sent.is_empty() {
            let (at, by) = (self.chance.below(sent.len()), self.chance.below(255));
            if let (Some(byte), Ok(by)) = (sent.get_mut(at), u8::try_from(by)) {
                *byte ^= by + 1;
            }
            self.happened += 1;
        }
        if self.chance.happens(self.lose) {
            self.happened += 1;
        } else if self.held.is_none() && self.chance.happens(self.swap) {
            self.happened += 1;
            self.held = Some(sent);
            return arrives;
        } else {
            if self.chance.happens(self.double) {
                self.happened += 1;
                arrives.push(sent.clone());
            }
            arrives.push(sent);
        }
        arrives.extend(self.held.take());
        if self.chance.happens(self.again) {
            let place = self.chance.below(self.past.len());
            arrives.extend(self.past.get(place).cloned());
            self.happened += 1;
        }
        arrives
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealer::port::Trouble as _;

    fn sent(fault: &str, seed: u64) -> Vec<Vec<u8>> {
        let mut line = Trouble::new(seed);
        assert!(line.switch(fault.parse().unwrap()));
        let arrived: Vec<_> = (0..200u8).flat_map(|n| line.pass(vec![n; 4])).collect();
        assert!(line.happened() > 0 || fault == "none");
        arrived
    }

    fn good() -> Vec<Vec<u8>> {
        (0..200u8).map(|n| vec![n; 4]).collect()
    }

    #[test]
    fn each_fault_does_what_it_says() {
        assert_eq!(sent("none", 1), good());
        let lost = sent("drop:0.5", 1);
        assert!((60..140).contains(&lost.len()) && lost.windows(2).all(|w| w[0] < w[1]));
        let mut doubled = sent("duplicate:0.5", 1);
        assert!((260..340).contains(&doubled.len()));
        doubled.dedup();
        assert_eq!(doubled, good());
        let mut swapped = sent("reorder:0.5", 1);
        assert_ne!(swapped, good());
        swapped.sort();
        // The last may be held back still.
        assert_eq!(swapped, good()[..swapped.len()]);
        let damaged = sent("corrupt:1", 1);
        assert!(damaged.iter().zip(good()).all(|(a, b)| a.iter().zip(b).filter(|(a, b)| **a != *b).count() == 1));
        let replayed = sent("replay:0.5", 1);
        let old = replayed.windows(2).filter(|w| w[1] <= w[0]).count();
        assert!(old > 50 && replayed.iter().all(|message| good().contains(message)));
    }

    #[test]
    fn the_same_seed_gives_the_same_faults() {
        assert_eq!(sent("drop:0.5", 7), sent("drop:0.5", 7));
        assert_ne!(sent("drop:0.5", 7), sent("drop:0.5", 8));
    }
}
