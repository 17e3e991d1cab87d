//! A gas heating that does not exist: warm water every day, and the rooms when it is cold. In litres.

use metrology::label::Interval;

use super::draw::{Draw, Question};
use super::habits::cold_of;
use super::{MAX_DAYS, QUARTERS};
use crate::load::{Load, Series};

/// 10⁻⁴ litres in a litre.
const PARTS_PER_LITRE: u32 = 10_000;

/// What a heating with a number burns, from a day counted from 1970-01-01, in one series. `None` when `days` is zero or
/// more than [`MAX_DAYS`].
#[must_use]
pub fn generate(seed: u64, from: u32, days: u32, interval: Interval) -> Option<Load> {
    if days == 0 || days > MAX_DAYS {
        return None;
    }
    let until = from.checked_add(days)?;
    let merged = usize::try_from(interval.seconds() / Interval::QUARTER.seconds()).ok()?;
    // Numbers of gas and of electricity are unrelated.
    let draw = Draw::new(!seed);
    let rooms = draw.between(Question::Household, 16, 250, 500);
    let mut amounts = Vec::new();
    for day in from..until {
        let quarters: Vec<u32> = (0..QUARTERS)
            .map(|quarter| {
                let index = u64::from(day) << 8 | u64::from(quarter) << 1;
                let (awake, showers) = ((24..92).contains(&quarter), (26..32).contains(&quarter) || quarter == 84);
                let heat = rooms * cold_of(day) / 100 * if awake { 3 } else { 1 } / 3;
                let heat = heat * draw.between(Question::Gas, index, 70, 131) / 100;
                let water = if showers && draw.happens(Question::Gas, index | 1, 40) { 120 } else { 0 };
                (heat + water) * PARTS_PER_LITRE
            })
            .collect();
        amounts.extend(quarters.chunks(merged).map(|slot| Some(slot.iter().sum())));
    }
    Load::new(interval, u64::from(from) * interval.slots_per_day(), vec![Series { name: "gas".into(), amounts }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn litres(from: u32, days: u32) -> u64 {
        let load = generate(3, from, days, Interval::HALF).unwrap();
        load.series()[0].amounts.iter().map(|amount| u64::from(amount.unwrap())).sum::<u64>() / 10_000
    }

    #[test]
    fn winters_are_warm_and_days_repeat() {
        let january = 20_089; // 2025-01-01
        assert!(litres(january, 30) > 5 * litres(january + 180, 30), "heating stops in summer");
        assert!(litres(january + 180, 30) > 0, "people wash in summer too");
        let month = generate(3, january, 30, Interval::HOUR).unwrap();
        let day = generate(3, january + 7, 1, Interval::HOUR).unwrap();
        assert_eq!(month.series()[0].amounts[7 * 24..8 * 24], day.series()[0].amounts);
        assert!(generate(3, january, 0, Interval::HOUR).is_none());
    }
}
