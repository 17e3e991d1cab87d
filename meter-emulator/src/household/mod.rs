//! A household that does not exist: a load that looks like one, from a seed and whole numbers alone.
//!
//! People rise, leave, come back, cook, wash and go away; the sun follows the season and clouds pass. Everything at a
//! given quarter-hour depends on the seed and on that quarter-hour only, so any window of days can be generated and
//! windows fit together; longer intervals are exact sums. Clocks here show UTC, without daylight saving.

mod draw;
pub mod gas;
mod habits;
mod sun;

use metrology::label::Interval;

use crate::load::{Load, Series};
use draw::Draw;
use habits::Habits;

/// Peak power of the panels when none is given, in watts.
pub const DEFAULT_PV_WATTS: u32 = 3000;
/// Most power the panels may have; more would not be a household.
pub const MAX_PV_WATTS: u32 = 50_000;
/// Longest run that is generated at once.
pub const MAX_DAYS: u32 = 50 * 366;

/// Quarter-hours in a day.
const QUARTERS: u32 = 96;
/// 10⁻⁴ Wh that a watt makes in a quarter-hour.
const PARTS_PER_WATT: u32 = 2500;

/// A household without a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Household {
    /// Which one.
    pub seed: u64,
    /// Peak power of its panels in watts, at most [`MAX_PV_WATTS`]; 0 for none.
    pub pv_watts: u32,
}

/// The import and export of the household with the default panels. `from` is a day counted from 1970-01-01.
///
/// `None` when `days` is zero or more than [`MAX_DAYS`].
#[must_use]
pub fn generate(seed: u64, from: u32, days: u32, interval: Interval) -> Option<Load> {
    Household { seed, pv_watts: DEFAULT_PV_WATTS }.generate(from, days, interval)
}

impl Household {
    /// Its load in the series `import` and `export`, from a day counted from 1970-01-01.
    ///
    /// `None` when `days` is zero or more than [`MAX_DAYS`], or the panels exceed [`MAX_PV_WATTS`].
    #[must_use]
    pub fn generate(&self, from: u32, days: u32, interval: Interval) -> Option<Load> {
        if days == 0 || days > MAX_DAYS || self.pv_watts > MAX_PV_WATTS {
            return None;
        }
        let until = from.checked_add(days)?;
        let merged = usize::try_from(interval.seconds() / Interval::QUARTER.seconds()).ok()?;
        let habits = Habits::of(Draw::new(self.seed));
        let (mut import, mut export) = (Vec::new(), Vec::new());
        for day in from..until {
            let plan = habits.day(day);
            let light = sun::Daylight::of(day);
            let clouds = habits.clouds(day);
            let net: Vec<(u32, u32)> = (0..QUARTERS)
                .map(|quarter| {
                    let used = plan.watts(quarter);
                    let made = light.output(self.pv_watts, quarter) * clouds.clearness(quarter) / 100;
                    (used.saturating_sub(made) * PARTS_PER_WATT, made.saturating_sub(used) * PARTS_PER_WATT)
                })
                .collect();
            for slot in net.chunks(merged) {
                import.push(Some(slot.iter().map(|(import, _)| import).sum()));
                export.push(Some(slot.iter().map(|(_, export)| export).sum()));
            }
        }
        let series = |name: &str, amounts| Series { name: name.into(), amounts };
        let first = u64::from(from) * interval.slots_per_day();
        Load::new(interval, first, vec![series("import", import), series("export", export)])
    }
}

#[cfg(test)]
mod tests;
