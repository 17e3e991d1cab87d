//! The built-in household is the same everywhere and looks like one.

use metrology::keys::hash;
use metrology::label::Interval;
use proptest::prelude::*;

use super::*;

/// 2025-01-01, a Wednesday.
const NEW_YEAR: u32 = 20_089;

fn checksum(load: &Load) -> String {
    let mut bytes = Vec::new();
    for series in load.series() {
        for amount in &series.amounts {
            bytes.extend(amount.expect("a generated load has no gaps").to_le_bytes());
        }
    }
    hex::encode(hash("household", &[&bytes]))
}

/// Whole Wh of a series, summed over each day.
fn days(load: &Load, series: usize) -> Vec<u64> {
    let per_day = load.interval().slots_per_day() as usize;
    let sum = |day: &[Option<u32>]| day.iter().map(|a| u64::from(a.unwrap())).sum::<u64>() / 10_000;
    load.series()[series].amounts.chunks(per_day).map(sum).collect()
}

fn mean(values: impl Iterator<Item = u64>) -> u64 {
    let values: Vec<u64> = values.collect();
    values.iter().sum::<u64>() / values.len() as u64
}

#[test]
fn the_load_is_frozen() {
    let load = generate(7, NEW_YEAR, 365, Interval::QUARTER).unwrap();
    assert_eq!(checksum(&load), "8c5123d2bf6237c7136fa74c3200e8484d6ca7d993db4816030fbbe2b9922a37");
    let load = Household { seed: u64::MAX, pv_watts: 0 }.generate(0, 400, Interval::HOUR).unwrap();
    assert_eq!(checksum(&load), "dfab821f4b6730d2de312b437fb3e98107d186bb816974f9ac7793afd16047d4");
}

#[test]
fn a_year_is_plausible_for_many_households() {
    let mut means = Vec::new();
    for seed in 0..40 {
        let load = Household { seed, pv_watts: 0 }.generate(NEW_YEAR, 365, Interval::HALF).unwrap();
        let days = days(&load, 0);
        let year: u64 = days.iter().sum::<u64>() / 1000;
        assert!((1500..9000).contains(&year), "seed {seed}: {year} kWh a year");
        let winter = mean(days[..59].iter().copied());
        let summer = mean(days[151..243].iter().copied());
        assert!(winter * 10 > summer * 11, "seed {seed}: winter {winter}, summer {summer}");
        let home: Vec<_> = days.iter().enumerate().collect();
        let weekday = |day: usize| (day + 2) % 7 < 5;
        let work = mean(home.iter().filter(|(d, _)| weekday(*d)).map(|(_, wh)| **wh));
        let free = mean(home.iter().filter(|(d, _)| !weekday(*d)).map(|(_, wh)| **wh));
        assert!(free > work, "seed {seed}: {free} on free days, {work} on others");
        let typical = mean(days.iter().copied());
        let away = days.iter().filter(|wh| **wh * 2 < typical).count();
        assert!((10..90).contains(&away), "seed {seed}: {away} quiet days");
        let fortnight = days[170..245].windows(14).any(|w| w.iter().all(|wh| wh * 3 < typical * 2));
        assert!(fortnight, "seed {seed}: nobody went away in summer");
        means.push(typical);
    }
    means.sort_unstable();
    means.dedup();
    assert!(means.len() > 30, "households differ");
}

#[test]
fn evenings_and_mornings_stand_out() {
    let load = Household { seed: 3, pv_watts: 0 }.generate(NEW_YEAR, 365, Interval::HOUR).unwrap();
    let hours: Vec<u64> = (0..24)
        .map(|hour| mean(load.series()[0].amounts.iter().skip(hour).step_by(24).map(|a| u64::from(a.unwrap()))))
        .collect();
    let night = hours[2];
    assert!(hours[7] > night * 3 / 2, "{hours:?}");
    assert!(hours[18] > night * 2 && hours[18] > hours[14], "{hours:?}");
}

#[test]
fn the_sun_shines_by_day_and_more_in_summer() {
    let load = generate(11, NEW_YEAR, 365, Interval::QUARTER).unwrap();
    for (quarter, amount) in load.series()[1].amounts.iter().enumerate() {
        let (day, quarter) = (quarter / 96, quarter % 96);
        assert!(amount == &Some(0) || (14..82).contains(&quarter), "export in quarter {quarter} of day {day}");
    }
    let days = days(&load, 1);
    assert!(mean(days[151..243].iter().copied()) > 4 * mean(days[..31].iter().copied()).max(1));
    assert!(days.iter().sum::<u64>() > 500_000);
    let without = Household { seed: 11, pv_watts: 0 }.generate(NEW_YEAR, 365, Interval::QUARTER).unwrap();
    assert!(without.series()[1].amounts.iter().all(|a| *a == Some(0)));
}

#[test]
fn limits() {
    assert!(generate(1, 0, 0, Interval::HALF).is_none());
    assert!(generate(1, 0, MAX_DAYS + 1, Interval::HALF).is_none());
    assert!(generate(1, u32::MAX, 2, Interval::HALF).is_none());
    assert!(Household { seed: 1, pv_watts: MAX_PV_WATTS + 1 }.generate(0, 1, Interval::HALF).is_none());
    let most = Household { seed: 1, pv_watts: MAX_PV_WATTS }.generate(NEW_YEAR, 365, Interval::HOUR).unwrap();
    assert!(most.series()[1].amounts.iter().max() > Some(&Some(300_000_000)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn windows_and_intervals_fit_together(seed: u64, from in 0u32..40_000, days in 2u32..20, cut in 1u32..19) {
        let cut = cut.min(days - 1);
        let whole = generate(seed, from, days, Interval::QUARTER).unwrap();
        let tail = generate(seed, from + cut, days - cut, Interval::QUARTER).unwrap();
        let hours = generate(seed, from, days, Interval::HOUR).unwrap();
        for ((whole, tail), hours) in whole.series().iter().zip(tail.series()).zip(hours.series()) {
            prop_assert_eq!(&whole.amounts[96 * cut as usize..], &tail.amounts[..]);
            let sums: Vec<_> = whole.amounts.chunks(4).map(|q| q.iter().copied().sum::<Option<u32>>()).collect();
            prop_assert_eq!(&sums, &hours.amounts);
        }
    }
}
