//! What is asked of the chains besides sealing.

use metrology::label::RegisterCode;

use super::SealingMeter;

impl SealingMeter {
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
    #[must_use]
    pub fn next_number(&self, code: &RegisterCode) -> u64 {
        self.chains.get(code).map_or(0, |chain| chain.sealer.state().block)
    }

    /// Whether any register has slots that no block holds yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.chains.values().any(|chain| chain.sealer.is_open())
    }
}
