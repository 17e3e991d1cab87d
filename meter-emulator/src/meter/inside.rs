//! What a meter on a line asks of its chains besides, and the second account of a meter that lies.

use std::convert::Infallible;

use metrology::label::RegisterCode;
use metrology::seal::{ChainState, Sample, Sealer};

use super::{Batch, Block, FileMeter};

impl FileMeter {
    /// The slot that a register may record next at the earliest: the one that is due, or else the first that lies within
    /// the epoch and after everything that is sealed or billed.
    #[must_use]
    pub fn earliest(&self, code: &RegisterCode) -> Option<u64> {
        let chain = self.chains.get(code)?;
        let first = || {
            let sealed = chain.sealer.state().coverage.ranges().last().map_or(0, |range| range.1);
            sealed.max(self.epoch.first).div_ceil(chain.register.interval.seconds())
        };
        Some(chain.sealer.expected().unwrap_or_else(first))
    }

    /// Number of a register's next block.
    pub(crate) fn next_number(&self, code: &RegisterCode) -> u64 {
        self.chains.get(code).map_or(0, |chain| chain.sealer.state().block)
    }

    /// What a register's last block left durable.
    pub(crate) fn state(&self, code: &RegisterCode) -> Option<&ChainState> {
        self.chains.get(code).map(|chain| chain.sealer.state())
    }

    /// A second block from a copy of a register's state: what a meter must never hand out. For tests of those who must
    /// notice.
    pub(crate) fn seal_again(
        &self,
        code: &RegisterCode,
        state: ChainState,
        samples: &[(u64, Sample)],
    ) -> Option<Block> {
        let register = *self.register(code)?;
        let number = state.block;
        let mut sealer = Sealer::resume(register, &self.epoch, self.household.label(), state);
        for (slot, sample) in samples {
            sealer.record::<Infallible>(*slot, *sample).ok()?;
        }
        let seconds = register.interval.seconds();
        let end = sealer.expected()? * seconds;
        let sealed = sealer.close(&self.epoch, &mut Batch::default()).ok()?;
        Some(Block::new(*code, number, end, seconds, &sealed))
    }

    /// Whether any register has slots that no block holds yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.chains.values().any(|chain| chain.sealer.is_open())
    }
}
