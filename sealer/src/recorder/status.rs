//! What the meter shows at this moment.

use metrology::label::RegisterCode;
use protocol::line::RegisterInfo;

use super::{Recorder, Running};
use crate::event::Event;
use crate::meter::SealingMeter;

/// Totals in 10⁻⁴ units, in the order in which the meter names its registers.
pub type Totals = Vec<u64>;

impl Recorder {
    /// What the registers show; none while that is not known of one of them.
    #[must_use]
    pub fn totals(&self) -> Option<Totals> {
        let shown = |running: &Running| match running.series {
            Some(series) => self.setup.source.shown(series, running.total, self.has_begun(&running.code)),
            None => Some(running.total),
        };
        self.registers.iter().map(shown).collect()
    }

    /// Whether a register has recorded or billed anything in its life.
    fn has_begun(&self, code: &RegisterCode) -> bool {
        let used = self.meter.coverage(code).is_some_and(|coverage| !coverage.ranges().is_empty());
        used || self.meter.expected(code).is_some()
    }

    /// Its registers, in order of code.
    #[must_use]
    pub fn register_infos(&self) -> Vec<RegisterInfo> {
        self.meter.registers().filter_map(RegisterInfo::of).collect()
    }

    /// Power in watts, feeding in negative; none where it is not known.
    #[must_use]
    pub fn power(&self) -> Option<i32> {
        let sign = |code: &RegisterCode| if is_import(code) { Some(1) } else { is_export(code).then_some(-1) };
        let ways = self.registers.iter().filter_map(|running| Some((running.series?, sign(&running.code)?)));
        let ways: Vec<_> = ways.collect();
        // Nothing passes an open switch.
        let is_open = !self.supply() && !ways.is_empty();
        let parts = if is_open { 0 } else { self.setup.source.power(&ways, self.at)? };
        let watts = parts / i64::try_from(metrology::seal::PARTS).unwrap_or(i64::MAX);
        // The least number stands for power that is not measured.
        Some(i32::try_from(watts.clamp((i32::MIN + 1).into(), i32::MAX.into())).unwrap_or(0))
    }

    /// The meter that seals.
    #[must_use]
    pub fn meter(&self) -> &SealingMeter {
        &self.meter
    }

    /// Whether a block is sealed and waits for memory.
    #[must_use]
    pub fn is_waiting(&self, code: &RegisterCode, numbers: std::ops::Range<u64>) -> bool {
        self.unsaved.iter().any(|block| block.register == *code && numbers.contains(&block.number))
    }

    /// Number that the next block of a register will have, of those that are durable.
    #[must_use]
    pub fn next_number(&self, code: &RegisterCode) -> u64 {
        let waiting = self.unsaved.iter().filter(|block| block.register == *code).map(|block| block.number).min();
        waiting.unwrap_or_else(|| self.meter.next_number(code))
    }

    /// How things are.
    #[must_use]
    pub fn status(&self, pairing_open: bool, line_faults: u64) -> Event {
        Event::Status {
            at: self.at,
            clock: self.clock(),
            epoch: self.meter.epoch.number,
            pairing: self.meter.household.counter,
            pairing_open,
            blocks: self.registers.iter().map(|running| self.archive.count(&running.code)).sum(),
            waiting: self.unsaved.len(),
            supply: self.supply(),
            line_faults,
        }
    }
}

/// Whether a register counts energy that is bought (OBIS group C = 1, D = 8, total rate).
pub(super) fn is_import(code: &RegisterCode) -> bool {
    code.as_str().ends_with(":1.8.0")
}

fn is_export(code: &RegisterCode) -> bool {
    code.as_str().ends_with(":2.8.0")
}
