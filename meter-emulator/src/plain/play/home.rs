//! The made-up household behind a plain meter: its registers at any second, by rate.

use jiff::tz::TimeZone;
use metrology::label::{DAY_SECONDS, Interval};
use sealer::Source;

use super::plan::{Plan, PlanError};
use crate::household::{Household, gas};
use crate::live::World;
use crate::live::fault::Chance;
use crate::load::Load;
use crate::plain::state::Register;

const IMPORT: usize = 0;
const EXPORT: usize = 1;
const GAS: usize = 2;

/// Seconds between words of a gas meter.
const GAS_CADENCE: u64 = 300;

/// Registers and power at a moment.
pub(super) struct Reading {
    pub import: Register,
    pub export: Register,
    /// In mW.
    pub power_import: u64,
    pub power_export: u64,
    pub rate: u8,
}

/// Registers as a function of time.
pub(super) struct Home {
    world: World,
    /// For each slot of the load, whether the day rate counts.
    by_day: Vec<bool>,
    /// For import and export, what passed at the day rate before each slot.
    before: [Vec<u64>; 2],
    /// What the registers showed at the load's beginning, night and day.
    start: [Register; 2],
    gas_start: Option<u64>,
}

impl std::fmt::Debug for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Home({:?})", self.world.load().span())
    }
}

impl Home {
    /// Registers count from the midnight before the plan begins.
    pub(super) fn new(plan: &Plan) -> Result<Self, PlanError> {
        let first = u32::try_from(plan.from / DAY_SECONDS).map_err(|_| PlanError::Time)?;
        let days = plan.until / DAY_SECONDS + 1 - plan.from / DAY_SECONDS;
        let days = u32::try_from(days).map_err(|_| PlanError::Time)?;
        let household = Household { seed: plan.household, pv_watts: plan.pv_watts };
        let load = household.generate(first, days, Interval::QUARTER).ok_or(PlanError::Time)?;
        let mut series = load.series().to_vec();
        if plan.gas {
            let heating = gas::generate(plan.household, first, days, Interval::QUARTER).ok_or(PlanError::Time)?;
            series.extend(heating.series().iter().cloned());
        }
        let load = Load::new(Interval::QUARTER, load.first(), series).ok_or(PlanError::Time)?;
        let zone = plan.zone()?;
        let slots = load.first()..load.first() + load.length();
        let by_day: Vec<_> = slots.map(|slot| is_day(&zone, slot * Interval::QUARTER.seconds())).collect();
        let sums = |place: usize| {
            let mut sum = 0u64;
            let mut sums = Vec::with_capacity(by_day.len());
            let amounts = load.series().get(place).map_or(&[][..], |series| &series.amounts);
            for (amount, day) in amounts.iter().zip(&by_day) {
                sums.push(sum);
                if *day {
                    sum += u64::from(amount.unwrap_or(0));
                }
            }
            sums
        };
        let before = [sums(IMPORT), sums(EXPORT)];
        // Up to 9999 kWh on each rate, with every digit in use.
        let mut chance = Chance::new(!plan.household);
        let mut stand = || u64::try_from(chance.below(100_000_000_000)).unwrap_or(0);
        let start = [Register { rates: [stand(), stand()] }, Register { rates: [stand(), stand()] }];
        let gas_start = plan.gas.then(stand);
        let world = World::new(load).map_err(|_| PlanError::Time)?;
        Ok(Self { world, by_day, before, start, gas_start })
    }

    /// Registers and power at a moment; outside of the load they stand still.
    pub(super) fn at(&self, at: u64) -> Reading {
        let slot = Interval::QUARTER.seconds();
        let last = self.world.until().saturating_sub(1);
        let now = at.clamp(self.world.from(), last);
        let place = usize::try_from((now - self.world.from()) / slot).unwrap_or(usize::MAX);
        let day = self.by_day.get(place).copied().unwrap_or(false);
        let slot_start = now - now % slot;
        let register = |series: usize| {
            let all = self.world.passed(series, 0, at);
            let before = self.before.get(series).and_then(|sums| sums.get(place)).copied().unwrap_or(0);
            let by_day = before + if day { self.world.passed(series, slot_start, at) } else { 0 };
            let [low, high] = self.start.get(series).map_or([0; 2], |register| register.rates);
            Register { rates: [low + all.saturating_sub(by_day), high + by_day] }
        };
        // 10⁻⁴ Wh an hour are tenths of a milliwatt.
        let power = |series: usize| self.world.rate(series, at).unwrap_or(0) / 10;
        Reading {
            import: register(IMPORT),
            export: register(EXPORT),
            power_import: power(IMPORT),
            power_export: power(EXPORT),
            rate: u8::from(day),
        }
    }

    /// What the gas meter said last, and when.
    pub(super) fn gas(&self, at: u64) -> Option<(u64, u64)> {
        let told = at - at % GAS_CADENCE;
        Some((self.gas_start? + self.world.passed(GAS, 0, told), told))
    }
}

/// Whether the day rate counts: working days from seven to eleven, local time.
fn is_day(zone: &TimeZone, at: u64) -> bool {
    let stamp = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
    stamp.is_some_and(|stamp| {
        let local = zone.to_datetime(stamp);
        local.date().weekday().to_monday_one_offset() <= 5 && (7..23).contains(&local.hour())
    })
}
