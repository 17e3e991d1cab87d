//! Time that the meter answers for without a block, since it billed the time itself, and time that it used up while it
//! ran on no line.

use metrology::label::RegisterCode;
use protocol::meter_bill::MeterBill;
use protocol::time::Span;

use super::{MeterError, SealingMeter};

impl SealingMeter {
    /// Marks a span of a register as used, for life, and sets what the register shows at its end.
    ///
    /// Blocks of one epoch follow each other without a gap, so an epoch that has blocks of the register takes no such
    /// span: start a new one first.
    ///
    /// # Errors
    /// When the span was used before, lies before the epoch or the end of what the register has, or does not fit.
    pub fn account(&mut self, code: &RegisterCode, span: Span, total: u64) -> Result<(), MeterError> {
        if span.from < self.epoch.first {
            return Err(MeterError::BeforeEpoch);
        }
        let chain = self.chain(code)?;
        if chain.sealer.expected().is_some() {
            return Err(MeterError::EpochHasBlocks(*code));
        }
        let (register, mut state) = (chain.register, chain.sealer.state().clone());
        if state.coverage.ranges().last().is_some_and(|range| span.from < range.1) {
            return Err(MeterError::Covered);
        }
        if !state.coverage.add(span.from, span.until) {
            return Err(MeterError::Covered);
        }
        state.total = total;
        self.install(register, state);
        self.pass(code);
        Ok(())
    }

    /// Sets what a register shows that has neither sealed nor recorded anything, in 10⁻⁴ units. Says whether it did.
    ///
    /// # Errors
    /// When the register does not exist, or none shows so much.
    pub fn set_total(&mut self, code: &RegisterCode, total: u64) -> Result<bool, MeterError> {
        if total >= super::MAX_TOTAL {
            return Err(MeterError::Total);
        }
        let chain = self.chain(code)?;
        let (register, mut state) = (chain.register, chain.sealer.state().clone());
        let is_new = state.block == 0 && state.coverage.ranges().is_empty() && !chain.sealer.is_open();
        if is_new && state.total != total {
            state.total = total;
            self.install(register, state);
        }
        Ok(is_new)
    }

    /// Signs a bill of the meter's own (simple profile) in the current epoch.
    #[must_use]
    pub fn sign_bill(&self, bill: &MeterBill) -> Vec<u8> {
        let certificate = self.certificates.last().map(|certificate| certificate.message.as_slice());
        bill.sign(certificate.unwrap_or_default(), &self.epoch.signing)
    }

    /// Time of a register was sealed or billed from a file: a meter that ran on a line before goes on after it, and
    /// counts nothing of it again.
    pub fn pass(&mut self, code: &RegisterCode) {
        let end = self.coverage(code).and_then(|coverage| coverage.ranges().last().map(|range| range.1));
        let interval = self.register(code).map(|register| register.interval);
        if let (Some(remembered), Some(end), Some(interval)) = (&mut self.remembered, end, interval) {
            remembered.pass(code, end, interval);
        }
    }
}
