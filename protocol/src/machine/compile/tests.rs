//! The native relation and the machine agree, whatever the tariff.

use std::cell::Cell as Counter;

use metrology::label::Text;
use proptest::prelude::*;

use super::*;
use crate::bill::measure::Metered;
use crate::bill::{Measured, measure, settle_with};
use crate::machine::{CELLS, Readings, Shape};
use crate::money::{Currency, Mode, Rounding};
use crate::tariff::{
    Algebra, Band, Cell, Form, Limit, Line, Measure, Per, Prices, Provider, Quantity, Rule, Run, Schedule, Step, TENS,
    Tariff, TariffRegister, Term, Within,
};
use crate::time::{Change, Zone};

const MODES: [Mode; 6] = [Mode::HalfEven, Mode::HalfAway, Mode::HalfUp, Mode::Floor, Mode::Ceiling, Mode::Truncate];

/// March 2026 in Amsterdam: 31 local days, one of 23 hours, over 32 UTC days.
const MARCH: Span = Span { from: 1_772_319_600, until: 1_774_994_400 };

fn amsterdam() -> Zone {
    Zone { name: "Europe/Amsterdam".into(), offset: 3600, changes: vec![Change { at: 1_774_746_000, offset: 7200 }] }
}

/// The same hours by a clock five to eight hours behind: the month of another place.
fn zone(west: bool) -> (Zone, Span) {
    if west {
        let zone = Zone {
            name: "America/New_York".into(),
            offset: -18_000,
            changes: vec![Change { at: 1_772_953_200, offset: -14_400 }],
        };
        // 1 March 05:00Z to 1 April 04:00Z.
        (zone, Span { from: 1_772_341_200, until: 1_775_016_000 })
    } else {
        (amsterdam(), MARCH)
    }
}

fn shape(rounded: bool) -> Shape {
    Shape {
        slots: 24,
        blocks: 66,
        sums: 4,
        tiers: 2,
        demands: 2,
        hinges: 1,
        powers: true,
        rounded,
        narrow: [16, 8],
        wide: [8, 6],
    }
}

/// Blocks of two registers over a period; one day of the first register is in two blocks.
fn layout(period: &Span) -> Layout {
    let (first, last) = (period.from / 86_400, (period.until - 1) / 86_400);
    let block = |register, day, first, count| LayoutBlock {
        register,
        day,
        first,
        count,
        residual: day * 86_400 + (first + count) as u64 * 3600 <= period.until,
    };
    let mut blocks: Vec<_> = (first..=last).map(|day| block(0, day, 0, 24)).collect();
    blocks.splice(4..5, [block(0, first + 4, 0, 9), block(0, first + 4, 9, 15)]);
    blocks.extend((first..=last).map(|day| block(1, day, 0, 24)));
    Layout { slots: 24, blocks }
}

fn schedule(values: Vec<i64>, period: &Span, days: bool) -> Schedule {
    let first = period.from / 3600;
    let hours = (period.until - period.from) / 3600;
    if days {
        let bands = values.iter().enumerate().map(|(n, price)| Band { name: format!("b{n}"), price: *price }).collect();
        let mut runs: Vec<Run> = Vec::new();
        for hour in 0..hours {
            let band = u8::try_from((hour / 7) % values.len() as u64).unwrap();
            match runs.last_mut() {
                Some(run) if run.band == band => run.units += 1,
                _ => runs.push(Run { units: 1, band }),
            }
        }
        return Schedule { base: 3600, first, prices: Prices::Bands { bands, runs } };
    }
    let series = (0..hours).map(|hour| values[(hour * 31 % values.len() as u64) as usize]).collect();
    Schedule { base: 3600, first, prices: Prices::Series(series) }
}

fn spread(least: i64, most: i64) -> impl Strategy<Value = (Vec<i64>, bool)> {
    (prop::collection::vec(least..=most, 1..6), any::<bool>())
}

fn measures() -> impl Strategy<Value = Measure> {
    // Schedules for the period are put in later; here their values stand in a short series.
    let raw = |(values, days): (Vec<i64>, bool)| Schedule {
        base: if days { 1 } else { 0 },
        first: 0,
        prices: Prices::Series(values),
    };
    let per = prop_oneof![Just(Per::Bill), Just(Per::Day), Just(Per::Month)];
    prop_oneof![
        (spread(-3_000_000, 3_000_000), -3_000_000i64..3_000_000)
            .prop_map(move |(weights, fallback)| Measure::Sum { weights: raw(weights), fallback }),
        (0i64..400_000, per, spread(-3_000_000, 3_000_000)).prop_map(move |(amount, per, weights)| Measure::Beyond {
            counts: raw((vec![1, 1, 0], false)),
            limit: Limit { amount: if per == Per::Day { amount / 30 } else { amount }, per },
            weights: raw(weights),
        }),
        (spread(0, 4), 0u8..3, 1u8..=5, 1u8..=5).prop_map(move |(weights, within, picks, best)| Measure::Greatest {
            weights: raw(weights),
            window: 3600,
            within: [Within::Period, Within::Day, Within::Week][usize::from(within)],
            picks,
            best: if within == 0 { 1 } else { best },
        }),
        (spread(0, 3000), spread(-9000, 9000), any::<bool>(), spread(-50, 50)).prop_map(
            move |(thresholds, linear, both, more)| Measure::Over {
                thresholds: raw(thresholds),
                linear: raw(linear),
                square: both.then(|| raw(more.clone())),
                count: both.then(|| raw(more)),
            }
        ),
    ]
}

fn charges() -> impl Strategy<Value = (u8, Vec<(u8, i64)>, i64, u64, i64)> {
    (
        0u8..9,
        prop::collection::vec((0u8..24, -900i64..900), 1..4),
        -4_000_000i64..4_000_000,
        1u64..40,
        -2_000_000i64..2_000_000,
    )
}

type Recipe = (Vec<Measure>, Vec<(u8, Vec<(u8, i64)>, i64, u64, i64)>, Vec<u8>, bool, bool);

fn recipes() -> impl Strategy<Value = Recipe> {
    (
        prop::collection::vec(measures(), 1..4),
        prop::collection::vec(charges(), 1..6),
        prop::collection::vec(any::<u8>(), 20),
        any::<bool>(),
        any::<bool>(),
    )
}

/// A tariff from a recipe. It may break a bound: then it is refused by `check`, and the case is passed over.
fn tariff((measures, charges, dice, west, rounded): Recipe) -> (Tariff, Span) {
    let (zone, period) = zone(west);
    let dress = |raw: &Schedule| match &raw.prices {
        Prices::Series(values) => schedule(values.clone(), &period, raw.base == 1),
        Prices::Bands { .. } => raw.clone(),
    };
    let quantities: Vec<Quantity> = measures
        .into_iter()
        .enumerate()
        .map(|(place, measure)| Quantity {
            name: format!("q{place}"),
            unit: Text::new("Wh").unwrap(),
            register: 0,
            measure: match measure {
                Measure::Sum { weights, fallback } => Measure::Sum { weights: dress(&weights), fallback },
                Measure::Beyond { counts, limit, weights } => {
                    Measure::Beyond { counts: dress(&counts), limit, weights: dress(&weights) }
                }
                Measure::Greatest { weights, window, within, picks, best } => {
                    Measure::Greatest { weights: dress(&weights), window, within, picks, best }
                }
                Measure::Over { thresholds, linear, square, count } => Measure::Over {
                    thresholds: dress(&thresholds),
                    linear: dress(&linear),
                    square: square.as_ref().map(dress),
                    count: count.as_ref().map(dress),
                },
            },
        })
        .collect();
    let rounding = |die: u8| {
        (!die.is_multiple_of(3)).then(|| Rounding {
            step: [1, 1000, 10_000_000][usize::from(die % 3)],
            mode: MODES[usize::from(die / 3 % 6)],
        })
    };
    let energy = |name: &str, register, price| Line {
        name: name.into(),
        rounding: rounding(dice[0]),
        charge: Charge::Energy { register, schedule: schedule(vec![price, price / 3], &period, true), fallback: price },
        rule: None,
    };
    let mut lines = vec![energy("in", 0, 287_100), energy("out", 1, -65_000)];
    for (place, (kind, terms, constant, divisor, other)) in charges.into_iter().enumerate() {
        let earlier = lines.len();
        let form = |shift: i64| {
            let mut terms: Vec<Term> = terms
                .iter()
                .map(|(of, factor)| {
                    let of = usize::from(*of);
                    let of = match of % 3 {
                        0 => Ref::Quantity((of / 3 % quantities.len()) as u8),
                        1 => Ref::Line((of / 3 % earlier) as u8),
                        _ => Ref::Cell((of / 3 % 3) as u8),
                    };
                    Term { of, factor: if *factor == 0 { 1 } else { *factor } }
                })
                .collect();
            terms.sort_by_key(|term| term.of);
            terms.dedup_by_key(|term| term.of);
            Form { terms, constant: Limit { amount: constant + shift, per: Per::Bill }, divisor }
        };
        let charge = match kind {
            0 => Charge::Standing { amount: constant, per: Per::Month },
            1 => Charge::Tax { numerator: 21, denominator: 100, base: vec![0, 1] },
            2 | 3 => Charge::Form(form(0)),
            4 => Charge::Excess(form(0)),
            5 => Charge::Greater(form(0), form(other)),
            6 => Charge::Lesser(form(0), form(other)),
            _ => Charge::Steps {
                of: form(0),
                base: other,
                steps: vec![
                    Step { at: other, inclusive: divisor % 2 == 0, amount: constant },
                    Step { at: other + 777, inclusive: true, amount: -other },
                ],
            },
        };
        let die = dice[place + 1];
        let rule = (die % 4 == 0).then(|| Rule { aside: true, when: Vec::new() });
        lines.push(Line { name: format!("l{place}"), rounding: rounding(die), charge, rule });
    }
    let cell = |name: &str, first, next| Cell { name: name.into(), first, next };
    let last = u8::try_from(lines.len() - 1).unwrap();
    let cells = vec![
        cell("a", 5, Ref::Quantity(0)),
        cell("b", -7, Ref::Cell(0)),
        cell("c", 12, if lines[usize::from(last)].rounding.is_some() { Ref::Line(last) } else { Ref::Cell(1) }),
    ];
    let register = |code: &str| TariffRegister {
        code: Text::new(code).unwrap(),
        unit: Text::new("Wh").unwrap(),
        rounding: rounded.then_some(TENS),
    };
    let tariff = Tariff {
        version: crate::tariff::VERSION_ALGEBRA,
        id: "t".into(),
        name: "t".into(),
        provider: Provider { name: "p".into(), key: [0; 32] },
        currency: Currency { code: "EUR".into(), exponent: 2 },
        valid: period,
        zone,
        registers: vec![register("1-0:1.8.0"), register("1-0:2.8.0")],
        lines,
        total: Rounding {
            step: if dice[19] % 2 == 0 { 10_000_000 } else { 50_000_000 },
            mode: MODES[usize::from(dice[18] % 6)],
        },
        algebra: Some(Algebra { quantities, cells }),
    };
    (tariff, period)
}

/// Readings by block as the machine takes them, and by register as the native relation does.
fn spread_readings(
    layout: &Layout,
    period: &Span,
    shape: Shape,
    load: impl Fn(usize, u64) -> u16,
) -> (Readings, [Vec<u16>; 2], [Vec<u32>; 2]) {
    let mut readings = Readings { values: vec![0; shape.readings()], residuals: vec![0; shape.blocks] };
    let (mut values, mut residuals): ([Vec<u16>; 2], [Vec<u32>; 2]) = Default::default();
    for (number, block) in layout.blocks.iter().enumerate() {
        for place in block.first..block.first + block.count {
            let start = block.day * 86_400 + place as u64 * 3600;
            // What lies outside the period is measured as well, and must not count.
            let x = load(block.register, start);
            readings.values[number * layout.slots + place] = x;
            if (period.from..period.until).contains(&start) {
                values[block.register].push(x);
            }
        }
        let rest = u32::from(load(block.register, block.day)) * 3;
        readings.residuals[number] = rest;
        if block.residual {
            residuals[block.register].push(rest);
        }
    }
    (readings, values, residuals)
}

#[test]
fn native_and_machine_agree_on_every_tariff() {
    let (compared, refused) = (Counter::new(0), Counter::new(0));
    let config = proptest::test_runner::Config { cases: 600, failure_persistence: None, ..Default::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(
            &(recipes(), prop::collection::vec(0u16..4000, 97), prop::array::uniform3(-5000i64..5000)),
            |(recipe, loads, state)| {
                let (tariff, period) = tariff(recipe);
                if tariff.check().is_err() {
                    refused.set(refused.get() + 1);
                    return Ok(());
                }
                let layout = layout(&period);
                let shape = shape(tariff.registers[0].rounding.is_some());
                let program = match compile(&tariff, &period, &layout, shape) {
                    Ok(program) => program,
                    Err(CompileError::Shape(_) | CompileError::TooLarge(_)) => {
                        refused.set(refused.get() + 1);
                        return Ok(());
                    }
                    Err(error) => return Err(TestCaseError::fail(error.to_string())),
                };
                let load = |register: usize, start: u64| {
                    loads[(start / 3600 * 7 + register as u64 * 13) as usize % loads.len()]
                };
                let (readings, values, residuals) = spread_readings(&layout, &period, shape, load);
                let metered: Vec<Metered<'_>> = values
                    .iter()
                    .zip(&residuals)
                    .map(|(values, residuals)| Metered { interval: 3600, readings: values, residuals })
                    .collect();
                let measured: Measured = measure(&tariff, &period, &metered).unwrap();
                let native = settle_with(&tariff, &period, &measured, &state);
                let mut cells = [0; CELLS];
                cells[..3].copy_from_slice(&state);
                let machine = program.run(&readings, &cells);
                match (native, machine) {
                    (Ok(native), Ok(machine)) => {
                        compared.set(compared.get() + 1);
                        prop_assert_eq!(native.settlement.fee_minor, machine.output);
                        prop_assert_eq!(&native.next[..], &machine.next[..3]);
                    }
                    // A machine may be narrower than the native relation, never wider.
                    (_, Err(_)) => {}
                    (Err(error), Ok(_)) => prop_assert!(false, "native refuses: {error}"),
                }
                Ok(())
            },
        )
        .unwrap();
    println!("{} agree, {} were refused before", compared.get(), refused.get());
    assert!(compared.get() > 100, "only {} compared, {} refused", compared.get(), refused.get());
}
