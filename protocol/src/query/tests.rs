//! Answers are what plain arithmetic says, by the relation and by the machine.

use proptest::prelude::*;

use super::*;
use crate::bill::measure::Metered;
use crate::bill::{measure, settle_with};
use crate::circuit::choose;
use crate::machine::{CELLS, Layout, LayoutBlock, Readings};
use crate::tariff::{Band, Prices, Run, Schedule};
use crate::time::Change;

const DAY: u64 = 86_400;
/// 28 March 2026 in Amsterdam; the clock changes on the 29th.
const START: u64 = 1_774_652_400;

fn subject(days: u64) -> Subject {
    Subject {
        id: "question".into(),
        name: "A question".into(),
        asker: Provider { name: "Survey".into(), key: [7; 32] },
        // The 29th has 23 hours.
        period: Span { from: START, until: START + days * DAY - 3600 },
        zone: Zone {
            name: "Europe/Amsterdam".into(),
            offset: 3600,
            changes: vec![Change { at: 1_774_746_000, offset: 7200 }],
        },
        register: RegisterCode::new("1-0:1.8.0").unwrap(),
        unit: Unit::new("Wh").unwrap(),
    }
}

/// The answer by the relation, and the name of the circuit whose machine says the same. The last block's residual is 321.
fn answer(tariff: &Tariff, interval: u64, readings: &[u16]) -> (i64, &'static str) {
    tariff.check().unwrap();
    let period = tariff.valid;
    let residuals = [0, 321];
    let metered = Metered { interval, readings, residuals: &residuals };
    let measured = measure(tariff, &period, &[metered]).unwrap();
    let cells: Vec<i64> = tariff.cells().iter().map(|cell| cell.first).collect();
    let native = settle_with(tariff, &period, &measured, &cells).unwrap().settlement.fee_minor;

    let slots = usize::try_from(DAY / interval).unwrap();
    let days = period.from / DAY..period.until.div_ceil(DAY);
    let blocks = days.clone().map(|day| {
        let from = (period.from.max(day * DAY) % DAY / interval) as usize;
        let until = ((period.until.min((day + 1) * DAY) - day * DAY) / interval) as usize;
        LayoutBlock { register: 0, day, first: from, count: until - from, residual: true }
    });
    let layout = Layout { slots, blocks: blocks.collect() };
    let (profile, program) = choose(tariff, &period, &layout).unwrap();
    let mut witness = Readings { values: vec![0; profile.shape.readings()], residuals: vec![0; profile.shape.blocks] };
    witness.residuals[layout.blocks.len() - 1] = 321;
    for (slot, reading) in readings.iter().enumerate() {
        let at = period.from + slot as u64 * interval - days.start * DAY;
        witness.values[(at / interval) as usize] = *reading;
    }
    let mut before = [0; CELLS];
    before[..cells.len()].copy_from_slice(&cells);
    assert_eq!(program.run(&witness, &before).unwrap().output, native, "{}", profile.name);
    (native, profile.name)
}

fn asked(question: &Question, interval: u64, readings: &[u16]) -> i64 {
    let days = (readings.len() as u64 * interval).div_ceil(DAY);
    answer(&question.tariff(&subject(days)).unwrap(), interval, readings).0
}

/// Readings of some days by the hour or half-hour, an hour less than whole: the clock changes.
fn readings() -> impl Strategy<Value = (u64, Vec<u16>)> {
    (prop::sample::select(vec![1800u64, 3600]), 2u64..6).prop_flat_map(|(interval, days)| {
        let slots = (days * DAY - 3600) / interval;
        let reading = prop_oneof![0..3u16, 0..2000u16, any::<u16>()];
        (Just(interval), prop::collection::vec(reading, slots as usize))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn answers_are_plain_arithmetic((interval, readings) in readings(), threshold in 0..3000u16) {
        let whole = |x: &u16| i64::from(*x);
        let sum: i64 = readings.iter().map(whole).sum();
        let peak = readings.iter().copied().max().unwrap();
        let squares: i64 = readings.iter().map(|x| whole(x) * whole(x)).sum();
        let reach = |least: u16| readings.iter().filter(|x| **x >= least).count() as i64;
        let ask = |question: Question| asked(&question, interval, &readings);

        prop_assert_eq!(ask(Question::Total), sum + 321);
        prop_assert_eq!(ask(Question::Peak { interval: interval as u16 }), whole(&peak));
        prop_assert_eq!(ask(Question::Squares), squares);
        prop_assert_eq!(ask(Question::AtLeast(threshold)), reach(threshold));
        prop_assert_eq!(ask(Question::PeakAtMost(peak)), 1);
        prop_assert_eq!(ask(Question::PeakAtMost(threshold)), i64::from(peak <= threshold));
        if let Some(less) = peak.checked_sub(1) {
            prop_assert_eq!(ask(Question::PeakAtMost(less)), 0);
        }
        prop_assert_eq!(ask(Question::PeakAtMost(u16::MAX)), 1);

        let days = by_day(&subject((readings.len() as u64 * interval).div_ceil(DAY))).unwrap();
        let per_day = days.into_iter().map(&ask).collect::<Vec<_>>();
        let first = (DAY / interval) as usize;
        prop_assert_eq!(per_day[0], readings[..first].iter().map(whole).sum::<i64>());
        // The day of 23 hours.
        let second = first + (23 * 3600 / interval) as usize;
        prop_assert_eq!(per_day[1], readings[first..second].iter().map(whole).sum::<i64>());
        prop_assert_eq!(per_day.iter().sum::<i64>(), sum);

        // Every other pair of hours, as a band would have it.
        let spans: Vec<Span> = (0..4).map(|n| START + n * 4 * 3600).map(|from| Span { from, until: from + 7200 }).collect();
        let inside = |slot: usize| slot as u64 * interval < 16 * 3600 && (slot as u64 * interval / 7200).is_multiple_of(2);
        let expected: i64 = readings.iter().enumerate().filter(|(slot, _)| inside(*slot)).map(|(_, x)| whole(x)).sum();
        prop_assert_eq!(ask(Question::During(spans)), expected);

        let edges = [1, 500, threshold.max(501)];
        let answers: Vec<i64> = histogram(&edges).into_iter().map(&ask).collect();
        let bins = bins(readings.len() as u64, &answers).unwrap();
        let bin = |from: u16, until: u16| readings.iter().filter(|x| (from..until).contains(x)).count() as u64;
        let last = reach(edges[2]) as u64;
        prop_assert_eq!(bins, vec![bin(0, 1), bin(1, 500), bin(500, edges[2]), last]);
    }

    #[test]
    fn mean_and_variance_follow_from_two_answers((interval, readings) in readings()) {
        let days = (readings.len() as u64 * interval).div_ceil(DAY);
        let [sum, squares] = Moments::questions(subject(days).period).map(|question| asked(&question, interval, &readings));
        let moments = Moments { slots: readings.len() as u64, sum, squares };
        let n = readings.len() as f64;
        let mean = readings.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
        let variance = readings.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / n;
        let close = |(numerator, denominator): (i128, i128), expected: f64| {
            (numerator as f64 / denominator as f64 - expected).abs() <= 1e-9 * expected.max(1.0)
        };
        prop_assert!(close(moments.mean(), mean));
        prop_assert!(close(moments.variance(), variance));
    }

    /// Both tariffs round on their way; only the difference of the two amounts due comes out.
    #[test]
    fn a_comparison_is_the_difference_of_two_bills((interval, readings) in readings(), dear in -400_000..400_000i64) {
        let (own, other) = priced((readings.len() as u64 * interval).div_ceil(DAY), interval as u16, dear);
        let both = comparison(&own, &other, &subject(2).asker, "compare").unwrap();
        let (difference, _) = answer(&both, interval, &readings);
        let (own, other) = (answer(&own, interval, &readings).0, answer(&other, interval, &readings).0);
        prop_assert_eq!(difference, other - own);
    }
}

/// A flat price with a tax that rounds, and a charge for the peak with a memory.
fn priced(days: u64, interval: u16, dear: i64) -> (Tariff, Tariff) {
    let subject = subject(days);
    let flat = |price| {
        let units = u32::try_from(subject.period.seconds() / 900).unwrap();
        let prices =
            Prices::Bands { bands: vec![Band { name: "all".into(), price }], runs: vec![Run { units, band: 0 }] };
        Schedule { base: 900, first: subject.period.from / 900, prices }
    };
    let line = |name: &str, charge| Line { name: name.into(), rounding: None, charge, rule: None };
    let cent = Rounding { step: 10_000_000, mode: Mode::HalfEven };
    let base = Question::Peak { interval }.tariff(&subject).unwrap();
    let energy = |price| line("Energy", Charge::Energy { register: 0, schedule: flat(price), fallback: price });
    let own = Tariff {
        version: 1,
        id: "own".into(),
        currency: Currency { code: "EUR".into(), exponent: 2 },
        lines: vec![
            Line { rounding: Some(cent), ..energy(312_345) },
            line("VAT", Charge::Tax { numerator: 21, denominator: 100, base: vec![0] }),
        ],
        total: cent,
        algebra: None,
        ..base.clone()
    };
    let peak = Term { of: Ref::Quantity(0), factor: 7_654_321 };
    let before = Term { of: Ref::Cell(0), factor: 1_234_567 };
    let rounded = Line {
        rounding: Some(Rounding { step: 1, mode: Mode::Floor }),
        ..line("Peak", Charge::Form(sum(vec![peak, before])))
    };
    let other = Tariff {
        id: "other".into(),
        currency: own.currency.clone(),
        lines: vec![energy(dear), rounded],
        total: cent,
        algebra: base.algebra.clone().map(|algebra| Algebra {
            cells: vec![crate::tariff::Cell { name: "before".into(), first: 3, next: Ref::Quantity(0) }],
            ..algebra
        }),
        ..base
    };
    (own, other)
}

#[test]
fn each_question_has_a_circuit() {
    let readings = vec![300; 47];
    let of = |question: Question| answer(&question.tariff(&subject(2)).unwrap(), 3600, &readings).1;
    let interval = 3600;
    assert_eq!(of(Question::Total), "energy-60");
    assert_eq!(of(Question::Peak { interval }), "demand-60");
    for question in [Question::PeakAtMost(300), Question::AtLeast(300), Question::Squares] {
        assert_eq!(of(question), "query-60");
    }
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let refused = |question: Question, change: fn(&mut Subject)| {
        let mut subject = subject(2);
        change(&mut subject);
        question.tariff(&subject).unwrap_err().to_string()
    };
    let span = |from: u64, until: u64| Span { from: START + from, until: START + until };
    let same = |_: &mut Subject| ();
    assert!(refused(Question::Total, |s| s.period.until += 60).contains("quarter-hours"));
    assert!(refused(Question::Total, |s| s.period.until = s.period.from).contains("empty"));
    for spans in [vec![span(0, 0)], vec![span(3600, 7200), span(0, 3600)], vec![span(0, 3 * DAY)]] {
        assert!(refused(Question::During(spans), same).contains("not in order, or not within"));
    }
    assert!(refused(Question::During(vec![span(60, 3600)]), same).contains("quarter-hours"));
    assert!(refused(Question::Peak { interval: 60 }, same).contains("15, 30 or 60"));

    assert_eq!(bins(10, &[5, 6]), None, "more reach the higher edge");
    assert_eq!(bins(10, &[11]), None);
    assert_eq!(bins(10, &[-1]), None);

    let (own, other) = priced(2, 1800, 1);
    let asker = subject(2).asker;
    let compared = |change: &dyn Fn(&mut Tariff)| {
        let mut other = other.clone();
        change(&mut other);
        comparison(&own, &other, &asker, "c").unwrap_err()
    };
    assert_eq!(compared(&|t| t.currency.exponent = 3), CompareError::OtherCurrency);
    assert_eq!(compared(&|t| t.zone.offset = 0), CompareError::OtherZone);
    assert_eq!(compared(&|t| t.valid.from = own.valid.until), CompareError::NoCommonTime);
    assert!(matches!(compared(&|t| t.registers[0].unit = Unit::new("m").unwrap()), CompareError::Register(_)));
    let many = |t: &mut Tariff| (0..31).for_each(|n| t.lines.push(Line { name: format!("{n}"), ..t.lines[0].clone() }));
    assert!(matches!(compared(&many), CompareError::Tariff(_)));
    assert!(is_question(&Question::Total.tariff(&subject(2)).unwrap()) && !is_question(&own));
    assert_eq!(readdressed(&own, &asker, "x").lines, own.lines);
}
