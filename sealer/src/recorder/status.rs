//! What the meter shows at this moment.

use metrology::label::RegisterCode;
use protocol::line::RegisterInfo;

use super::{Recorder, Running};
use crate::event::Event;
use crate::meter::SealingMeter;

/// Totals in 10⁻⁴ units, in the order in which the meter names its registers.
pub type Totals = Vec<u64>;

impl Recorder {
    /// What the registers show.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let since = |running: &Running| running.series.map_or(0, |series| self.setup.source.since(series));
        self.registers.iter().map(|running| running.total.saturating_add(since(running))).collect()
    }

    /// Its registers, in order of code.
    #[must_use]
    pub fn register_infos(&self) -> Vec<RegisterInfo> {
        self.meter.registers().filter_map(RegisterInfo::of).collect()
    }

    /// Power in watts, feeding in negative; none when no register counts watt-hours of import or export.
    #[must_use]
    pub fn power(&self) -> Option<i32> {
        let mut power: Option<i64> = None;
        for running in &self.registers {
            let Some(series) = running.series else { continue };
            let sign = match (is_import(&running.code), is_export(&running.code)) {
                (true, _) => 1,
                (_, true) => -1,
                _ => continue,
            };
            let rate = if self.supply() { self.setup.source.rate(series, self.at).unwrap_or(0) } else { 0 };
            let watts = i64::try_from(rate / metrology::seal::PARTS).unwrap_or(i64::MAX);
            power = Some(power.unwrap_or(0).saturating_add(sign * watts));
        }
        // The least number stands for power that is not measured.
        power.map(|watts| i32::try_from(watts.clamp((i32::MIN + 1).into(), i32::MAX.into())).unwrap_or(0))
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
