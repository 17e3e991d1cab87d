//! What stands out is refused, whatever the measure; what real tariffs do goes through.

use metrology::label::{RegisterCode, Unit};

use super::super::*;
use crate::money::{Currency, Mode, Rounding};
use crate::tariff::{
    Algebra, Charge, Form, Limit, Line, Measure, Per, Prices, Provider, Quantity, Ref, Schedule, Tariff,
    TariffRegister, Term, Within,
};
use crate::time::{Span, Zone};

const DAY: u64 = 86_400;
const MONTH: Span = Span { from: 100 * DAY, until: 131 * DAY };
const SLOTS: usize = 31 * 48;

/// A value for each half-hour.
fn schedule(of: impl Fn(usize) -> i64) -> Schedule {
    Schedule { base: 1800, first: MONTH.from / 1800, prices: Prices::Series((0..SLOTS).map(of).collect()) }
}

fn judge(measure: Measure) -> Result<(), Reveals> {
    let quantity = Quantity { name: "it".into(), unit: Unit::new("Wh").unwrap(), register: 0, measure };
    let form = Form {
        terms: vec![Term { of: Ref::Quantity(0), factor: 1 }],
        constant: Limit { amount: 0, per: Per::Bill },
        divisor: 1,
    };
    let line = |name: &str, charge| Line { name: name.into(), rounding: None, charge, rule: None };
    let tariff = Tariff {
        version: 2,
        provider: Provider { name: "P".into(), key: [1; 32] },
        id: "t".into(),
        name: "T".into(),
        currency: Currency { code: "EUR".into(), exponent: 2 },
        zone: Zone { name: "UTC".into(), offset: 0, changes: Vec::new() },
        valid: MONTH,
        registers: vec![TariffRegister {
            code: RegisterCode::new("1-0:1.8.0").unwrap(),
            unit: Unit::new("Wh").unwrap(),
            rounding: None,
        }],
        lines: vec![
            line("Energy", Charge::Energy { register: 0, schedule: schedule(|_| 300_000), fallback: 300_000 }),
            line("It", Charge::Form(form)),
        ],
        total: Rounding { step: 10_000_000, mode: Mode::HalfAway },
        algebra: Some(Algebra { quantities: vec![quantity], cells: Vec::new() }),
    };
    let slots = [Slots { interval: 1800, ..Slots::default() }];
    alone(&proved(&tariff, &MONTH, &slots, &tariff.zone).unwrap(), &slots)
}

fn evening(slot: usize) -> bool {
    (34..40).contains(&(slot % 48))
}

/// One slot in place of many.
fn one(slot: usize) -> bool {
    slot == 700
}

fn over(reached: fn(usize) -> bool) -> Measure {
    let thresholds = schedule(move |slot| if reached(slot) { 1000 } else { 65_536 });
    Measure::Over { thresholds, linear: schedule(|_| 500), square: None, count: Some(schedule(|_| 7)) }
}

fn greatest(seen: fn(usize) -> bool) -> Measure {
    let weights = schedule(move |slot| i64::from(seen(slot)));
    Measure::Greatest { weights, window: 1800, within: Within::Period, picks: 1, best: 1 }
}

fn beyond(seen: fn(usize) -> bool) -> Measure {
    let limit = Limit { amount: 100_000, per: Per::Bill };
    Measure::Beyond { counts: schedule(|_| 1), limit, weights: schedule(move |slot| i64::from(seen(slot))) }
}

fn sum(seen: fn(usize) -> bool) -> Measure {
    Measure::Sum { weights: schedule(move |slot| i64::from(seen(slot))), fallback: 0 }
}

#[test]
fn what_real_tariffs_measure_goes_through() {
    for (name, measure) in
        [("over", over(evening)), ("greatest", greatest(evening)), ("beyond", beyond(evening)), ("sum", sum(evening))]
    {
        judge(measure).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    judge(greatest(|_| true)).unwrap();
}

#[test]
fn one_slot_alone_is_refused_by_every_measure() {
    for (name, measure) in
        [("over", over(one)), ("greatest", greatest(one)), ("beyond", beyond(one)), ("sum", sum(one))]
    {
        assert!(matches!(judge(measure), Err(Reveals::Few { .. })), "{name}");
    }
}

#[test]
fn what_leaves_out_one_slot_of_all_is_refused_beside_the_energy() {
    for (name, measure) in [("greatest", greatest(|slot| !one(slot))), ("sum", sum(|slot| !one(slot)))] {
        assert!(matches!(judge(measure), Err(Reveals::Few { .. })), "{name}");
    }
    // Thresholds that are out of reach but for one slot.
    let thresholds = schedule(|slot| if one(slot) { 0 } else { 60_000 });
    let measure = Measure::Over { thresholds, linear: schedule(|_| 500), square: None, count: None };
    assert!(matches!(judge(measure), Err(Reveals::Few { .. })));
}
