//! A meter that lies: for every block it also signs another account of the same slots, under the same number.
//!
//! An honest meter cannot do this: the compare-and-set of its journal stands against it. Here a second sealer runs from
//! a copy of the chain's state.

use std::collections::BTreeMap;

use metrology::label::RegisterCode;
use metrology::seal::{ChainState, PARTS, Sample};

use super::super::record::Advance;
use crate::meter::{Block, FileMeter};

/// False blocks that are kept of each register.
const KEPT: usize = 32;

/// The second account.
#[derive(Default)]
pub struct Lies {
    days: BTreeMap<RegisterCode, (ChainState, Vec<(u64, Sample)>)>,
    blocks: BTreeMap<RegisterCode, BTreeMap<u64, Vec<u8>>>,
}

impl std::fmt::Debug for Lies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lies({} registers)", self.blocks.len())
    }
}

impl Lies {
    /// What the meter is about to record.
    pub fn record(&mut self, meter: &FileMeter, slot: u64, advance: &Advance) {
        let Some(state) = meter.state(&advance.code) else { return };
        let day = self.days.entry(advance.code).or_insert_with(|| (state.clone(), Vec::new()));
        let mut sample = advance.sample();
        if day.1.is_empty() {
            // One unit more than was measured.
            sample.advance = sample.advance.saturating_add(u32::try_from(PARTS).unwrap_or(0));
        }
        day.1.push((slot, sample));
    }

    /// The true block was sealed: here is the other. A day that was not followed from its beginning has none.
    pub fn close(&mut self, meter: &FileMeter, block: &Block) {
        let Some((state, samples)) = self.days.remove(&block.register) else { return };
        let Some(lie) = meter.seal_again(&block.register, state, &samples) else { return };
        if lie.number == block.number && lie.hash != block.hash {
            let known = self.blocks.entry(block.register).or_default();
            known.insert(lie.number, lie.bytes());
            if known.len() > KEPT {
                known.pop_first();
            }
        }
    }

    /// The other block with a number.
    #[must_use]
    pub fn block(&self, code: &RegisterCode, number: u64) -> Option<&Vec<u8>> {
        self.blocks.get(code)?.get(&number)
    }
}
