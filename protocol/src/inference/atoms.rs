//! Which slots stand together in all that was asked, other than sums: no fewer than m may stand apart.
//!
//! Sums over two sets tell of their difference, which the basis sees. Maxima and counts over two sets can also tell of what
//! the sets have in common; so no intersection of sets, and of what lies outside them, may be smaller than m.

use std::collections::{BTreeMap, BTreeSet};

use super::MIN_SLOTS;

/// The finest partition that all sets make; what no set holds has no name.
#[derive(Clone, Debug, Default)]
pub(super) struct Atoms {
    /// The atom of each slot.
    of: BTreeMap<u64, u32>,
    next: u32,
}

impl Atoms {
    /// Whether every atom would have m slots or more.
    ///
    /// # Errors
    /// A slot of one that has fewer.
    pub(super) fn check(&self, sets: &[BTreeSet<u64>]) -> Result<(), u64> {
        let touched: BTreeSet<u64> = sets.iter().flatten().copied().collect();
        let mut sizes: BTreeMap<(u32, Vec<bool>), (u32, u64)> = BTreeMap::new();
        // Atoms that a set cuts have a part outside it, among slots that no set touches.
        let cut: BTreeSet<u32> = touched.iter().filter_map(|slot| self.of.get(slot).copied()).collect();
        let all = self.of.iter().filter(|(_, atom)| cut.contains(atom)).map(|(slot, _)| *slot);
        for slot in touched.iter().copied().chain(all).collect::<BTreeSet<u64>>() {
            let within = sets.iter().map(|set| set.contains(&slot)).collect();
            let atom = self.of.get(&slot).copied().unwrap_or(u32::MAX);
            sizes.entry((atom, within)).or_insert((0, slot)).0 += 1;
        }
        match sizes.values().find(|(size, _)| *size < MIN_SLOTS) {
            Some((_, slot)) => Err(*slot),
            None => Ok(()),
        }
    }

    /// Cuts atoms by sets.
    pub(super) fn add(&mut self, sets: Vec<BTreeSet<u64>>) {
        for set in sets {
            let mut named: BTreeMap<Option<u32>, u32> = BTreeMap::new();
            for slot in set {
                let before = self.of.get(&slot).copied();
                let name = *named.entry(before).or_insert_with(|| {
                    self.next += 1;
                    self.next
                });
                self.of.insert(slot, name);
            }
        }
    }
}
