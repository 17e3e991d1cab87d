//! A meter that lies: for every block it also signs another account of the same slots, under the same number.
//!
//! An honest meter cannot do this: the compare-and-set of its journal stands against it. Here the flash is copied, which
//! hardware must not allow, and a second meter seals from the copy.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use metrology::label::RegisterCode;
use metrology::seal::PARTS;
use sealer::record::Advance;
use sealer::{Block, SealingMeter, Witness, flash};

/// False blocks that are kept of each register.
const KEPT: usize = 32;

/// The second account.
#[derive(Default)]
pub struct Lies {
    /// For each register whose day is open a copy of the meter as the day began, and the block that it has sealed.
    days: BTreeMap<RegisterCode, (SealingMeter, Option<Block>)>,
    blocks: BTreeMap<RegisterCode, BTreeMap<u64, Vec<u8>>>,
}

impl std::fmt::Debug for Lies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lies({} registers)", self.blocks.len())
    }
}

impl Witness for Lies {
    fn slot(&mut self, meter: &SealingMeter, slot: u64, advance: &Advance) {
        let mut sample = advance.sample();
        let (copy, sealed) = match self.days.entry(advance.code) {
            Entry::Occupied(day) => day.into_mut(),
            Entry::Vacant(day) => {
                // One unit more than was measured.
                sample.advance = sample.advance.saturating_add(u32::try_from(PARTS).unwrap_or(0));
                let Some((copy, _)) = flash::read(&flash::write(meter, 1)) else { return };
                day.insert((copy, None))
            }
        };
        // A slot that the copy refuses leaves a block that differs more.
        *sealed = copy.record(&advance.code, slot, sample).ok().flatten().or(sealed.take());
    }

    fn block(&mut self, _: &SealingMeter, block: &Block) {
        // A day that was not followed from its beginning has no other account.
        let Some((mut copy, sealed)) = self.days.remove(&block.register) else { return };
        let Some(lie) = sealed.or_else(|| copy.close(&block.register).ok().flatten()) else { return };
        if lie.number == block.number && lie.hash != block.hash {
            let known = self.blocks.entry(block.register).or_default();
            known.insert(lie.number, lie.bytes());
            if known.len() > KEPT {
                known.pop_first();
            }
        }
    }

    fn another(&self, code: &RegisterCode, number: u64) -> Option<&Vec<u8>> {
        self.blocks.get(code)?.get(&number)
    }
}
