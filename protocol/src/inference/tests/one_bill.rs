//! One linear bill, with nothing before it.

use super::*;
use crate::bill::Weights;
use crate::time::Span;

fn month(price: impl Fn(usize) -> i64) -> Vec<Weights> {
    vec![Weights { register: 0, prices: (0..31 * 48).map(price).collect(), fallback: 0 }]
}

fn check(lines: &[Weights], period: &Span, registers: &[Slots]) -> Result<(), Reveals> {
    alone(&linear(lines, period, registers, &utc()), registers)
}

fn judge(weights: &[Weights]) -> Result<(), Reveals> {
    let slots = weights[0].prices.len() as u64;
    check(weights, &Span { from: 100 * DAY, until: 100 * DAY + slots * 1800 }, &[half_hours(&[])])
}

fn half_hours(missing: &[usize]) -> Slots {
    let numbers: Vec<u64> = missing.iter().map(|place| 100 * SLOTS + *place as u64).collect();
    Slots { interval: 1800, unmeasured: numbers.clone(), in_residual: numbers, exceeding: Vec::new() }
}

#[test]
fn honest_tariffs_pass() {
    assert_eq!(judge(&month(|_| 300_000)), Ok(()));
    assert_eq!(judge(&month(|i| if i % 48 < 14 { 93_500 } else { 243_700 })), Ok(()));
    // Half-hourly prices with two decimals of a penny, one of them ten times the others for three hours.
    assert_eq!(
        judge(&month(|i| if (700..706).contains(&i) { 2_000_000 } else { 150_000 + 100 * (i as i64 * 7919 % 900) })),
        Ok(())
    );
    // Two bands as two lines.
    let band = |night: bool| move |i: usize| if (i % 48 < 14) == night { 100_000 } else { 0 };
    assert_eq!(judge(&[month(band(true)), month(band(false))].concat()), Ok(()));
}

#[test]
fn superincreasing_prices_are_refused() {
    let day = |price: &dyn Fn(usize) -> i64| month(|i| if i / 48 == 3 { price(i % 48) } else { 0 });
    assert!(matches!(judge(&day(&|i| 1 << (i % 40))), Err(Reveals::Few { .. })));
    // Random 40-bit prices weigh evenly, but two lines of them carry more than a day may.
    let random = |seed: u64| day(&|i| ((i as u64 + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24) as i64 | 1);
    assert_eq!(judge(&random(1)), Ok(()));
    assert!(matches!(judge(&[random(1), random(1000)].concat()), Err(Reveals::Bits { .. })));
}

#[test]
fn one_heavy_slot_is_refused() {
    let heavy = judge(&month(|i| if i == 700 { 1 << 20 } else { 1 }));
    assert_eq!(heavy, Err(Reveals::Few { at: 100 * DAY + 700 * 1800 }));
}

#[test]
fn two_lines_that_differ_in_one_slot_are_refused() {
    let base = month(|_| 1000);
    let other = month(|i| if i == 5 { 1001 } else { 1000 });
    assert!(matches!(judge(&[base, other].concat()), Err(Reveals::Few { .. })));
    // So close to each other that floating point alone would call them the same.
    for difference in [1, 2, 100] {
        let base = month(|_| 243_700 * 1000);
        let other = month(|i| if i == 5 { 243_700 * 1000 + difference } else { 243_700 * 1000 });
        assert!(matches!(judge(&[base, other].concat()), Err(Reveals::Few { .. })), "{difference}");
    }
    // The same prices twice, or a multiple of them, add nothing.
    assert_eq!(judge(&[month(|_| 243_700), month(|_| 243_700), month(|_| 487_400)].concat()), Ok(()));
}

#[test]
fn a_fallback_price_cannot_single_out_what_was_missed() {
    let judge = |weights: &[Weights], missing: &[usize]| {
        check(weights, &Span { from: 100 * DAY, until: 131 * DAY }, &[half_hours(missing)])
    };
    let mut alone = month(|_| 0);
    alone[0].fallback = 1;
    let mut differ = [month(|_| 1000), month(|_| 500)].concat();
    (differ[0].fallback, differ[1].fallback) = (1000, 501);
    for hostile in [&alone, &differ] {
        assert_eq!(judge(hostile, &[]), Ok(()), "nothing was missed");
        assert!(matches!(judge(hostile, &[77]), Err(Reveals::Few { .. })));
        assert_eq!(judge(hostile, &[1, 2, 3, 4, 5, 6, 7, 8]), Ok(()), "a sum of eight slots may be learnt");
    }
    let mut dear = month(|_| 300_000);
    dear[0].fallback = 900_000;
    assert_eq!(judge(&dear, &[77]), Ok(()));
    let cut = Slots { interval: 1800, exceeding: vec![100 * SLOTS + 5], ..Slots::default() };
    assert!(check(&differ, &Span { from: 100 * DAY, until: 131 * DAY }, &[cut]).is_err());
}

#[test]
fn an_hourly_spot_price_with_flat_lines_passes() {
    let line = |price: &dyn Fn(usize) -> i64| Weights {
        register: 0,
        prices: (0..31 * 24).map(price).collect(),
        fallback: 300_000,
    };
    let spot = line(&|i| 10_300 + 10 * (i as i64 * 7919 % 30_000));
    let (grid, levy) = (line(&|_| 52_300), line(&|_| 21_600));
    let hours = Slots { interval: 3600, ..Slots::default() };
    let period = Span { from: 100 * DAY, until: 131 * DAY };
    assert_eq!(check(&[spot, grid, levy], &period, &[hours]), Ok(()));
}

#[test]
fn a_few_slots_are_not_a_period() {
    let few = |n: usize| vec![Weights { register: 0, prices: vec![1; n], fallback: 1 }];
    assert!(judge(&few(7)).is_err());
    assert_eq!(judge(&few(8)), Ok(()));
}
