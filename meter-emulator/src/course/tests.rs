//! Which runs fit a meter, and what fills the time between them.

use metrology::certificate::SealClass;
use metrology::label::{Interval, RegisterKind, Text};

use super::*;
use crate::load::Series;
use sealer::MeterSeed;

/// 2025-01-01.
const START: u64 = 1_735_689_600;
const HALF: u64 = 1800;
const DAY: u64 = 48;

fn entropy() -> Entropy {
    Entropy::Seeded(MeterSeed::from_bytes([3; 32]))
}

fn register(code: &str, interval: Interval) -> Register {
    Register {
        code: Text::new(code).unwrap(),
        unit: Text::new("Wh").unwrap(),
        kind: RegisterKind::Cumulative,
        interval,
    }
}

fn course(code: &str, slot: u64, slots: usize) -> Course {
    let series = vec![Series { name: "a".into(), amounts: vec![Some(10_000); slots] }];
    Course {
        load: Load::new(Interval::HALF, START / HALF + slot, series).unwrap(),
        intakes: vec![Intake { register: register(code, Interval::HALF), start: None }],
        faults: Faults::default(),
        rotations: vec![],
    }
}

fn meter() -> SealingMeter {
    SealingMeter::new(&entropy(), None, SealClass::Certified, START).unwrap().0
}

/// Runs a course and returns what came of it and the spans of its blocks in half-hours from the start.
fn run(meter: &mut SealingMeter, course: &Course) -> (Tally, Vec<(u64, u64)>) {
    let outline = course.prepare(meter).unwrap();
    let mut spans = Vec::new();
    let hand_out = |block: Block| {
        spans.push(((block.span.from - START) / HALF, (block.span.until - START) / HALF));
        Ok::<_, MeterError>(())
    };
    let tallies = course.run(&outline, meter, &entropy(), hand_out).unwrap();
    (tallies[0], spans)
}

#[test]
fn a_short_gap_is_missing_and_a_long_one_is_a_new_epoch() {
    let mut meter = meter();
    run(&mut meter, &course("a", 0, 10));
    let (tally, spans) = run(&mut meter, &course("a", 12, 3));
    assert_eq!((tally.slots, tally.missing, tally.filled), (5, 2, 2));
    assert_eq!(spans, [(10, 15)]);
    let (tally, spans) = run(&mut meter, &course("a", 15 + DAY, 1));
    assert_eq!((tally.filled, spans), (48, vec![(15, 48), (48, 64)]), "a day to the second is still a gap");
    assert_eq!(meter.certificates().len(), 1);

    let (tally, spans) = run(&mut meter, &course("a", 64 + DAY + 1, 1));
    assert_eq!((tally.slots, tally.filled, spans), (1, 0, vec![(113, 114)]));
    assert_eq!(meter.certificates().len(), 2);
    assert_eq!(meter.epoch_first(), START + 113 * HALF);
}

#[test]
fn missing_stretches_inside_a_load_stay_in_the_epoch() {
    let mut meter = meter();
    let mut long = course("a", 0, 1);
    let amounts = [vec![Some(1)], vec![None; 500], vec![Some(1)]].concat();
    long.load = Load::new(Interval::HALF, START / HALF, vec![Series { name: "a".into(), amounts }]).unwrap();
    let (tally, spans) = run(&mut meter, &long);
    assert_eq!((tally.slots, tally.missing, tally.filled), (502, 500, 0));
    assert_eq!((spans.len(), meter.certificates().len()), (11, 1));
    assert!(spans.windows(2).all(|w| w[0].1 == w[1].0));
}

#[test]
fn another_register_joins_the_epoch_anywhere_after_its_beginning() {
    let mut meter = meter();
    run(&mut meter, &course("a", 0, 100));
    let (tally, spans) = run(&mut meter, &course("b", 3, 50));
    assert_eq!((tally.slots, tally.missing), (50, 0));
    assert_eq!(spans, [(3, 48), (48, 53)]);
    assert_eq!(meter.certificates().len(), 1);
}

#[test]
fn what_does_not_fit_is_refused_with_its_reason() {
    let mut meter = meter();
    run(&mut meter, &course("a", 10, 100));
    run(&mut meter, &course("b", 0, 200));
    let mut refused = |course: &Course, code: &str| {
        let error = course.prepare(&mut meter).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        error.to_string()
    };
    let text = refused(&course("a", 109, 5), "already_sealed");
    assert!(text.contains("2025-01-03T07:00Z"), "{text}");
    refused(&course("a", 0, 5), "already_sealed");
    let early = Course { load: course("a", 0, 5).load.shift_years(-1).unwrap(), ..course("c", 0, 5) };
    refused(&early, "before_epoch");
    refused(&Course { intakes: vec![], ..course("a", 110, 5) }, "columns");

    let mut other = course("a", 110, 5);
    other.intakes[0].register.unit = Text::new("L").unwrap();
    refused(&other, "register_differs");
    let mut started = course("a", 110, 5);
    started.intakes[0].start = Some(0);
    refused(&started, "start_given");

    let rotate = |at| Course { rotations: vec![at], ..course("a", 110, 5) };
    refused(&rotate(START + 115 * HALF), "rotation_outside");
    refused(&rotate(START + 109 * HALF), "rotation_outside");
    refused(&rotate(START + 111 * HALF + 1), "rotation_off_grid");
    refused(&rotate(START + 111 * HALF), "sealed_beyond");
    // b is sealed further than a new epoch for a would have to begin.
    refused(&course("a", 110 + DAY + 1, 5), "sealed_beyond");

    let fault = vec![Span { from: START, until: START + 110 * HALF }];
    refused(&Course { faults: Faults { outages: fault, ..Faults::default() }, ..course("a", 110, 5) }, "fault_outside");
    let mut twice = course("a", 110, 5);
    twice.intakes.push(twice.intakes[0]);
    let series = twice.load.series()[0].clone();
    twice.load = Load::new(Interval::HALF, twice.load.first(), vec![series.clone(), series]).unwrap();
    refused(&twice, "register_repeated");
}

#[test]
fn a_step_of_one_register_leaves_the_short_gap_of_another_in_the_old_epoch() {
    let mut meter = meter();
    run(&mut meter, &course("a", 0, 100));
    run(&mut meter, &course("b", 0, 48));
    let mut both = course("a", 102, 1);
    both.intakes.push(Intake { register: register("b", Interval::HALF), start: None });
    let series = both.load.series()[0].clone();
    both.load = Load::new(Interval::HALF, both.load.first(), vec![series.clone(), series]).unwrap();
    let (tally, spans) = run(&mut meter, &both);
    assert_eq!((tally.filled, spans), (2, vec![(100, 102), (102, 103), (102, 103)]));
    assert_eq!(meter.certificates().len(), 2);
}

#[test]
fn an_epoch_cannot_begin_twice_at_one_time() {
    let mut meter = meter();
    let again = Course { rotations: vec![START], ..course("a", 0, 5) };
    assert_eq!(again.prepare(&mut meter).unwrap_err().code(), "epoch_begins");
    run(&mut meter, &course("a", 0, 5));
    let (_, spans) = run(&mut meter, &Course { rotations: vec![START + 7 * HALF], ..course("a", 7, 5) });
    assert_eq!(spans, [(5, 7), (7, 12)], "the gap belongs to the old epoch");
    let stepped = START + 200 * HALF;
    let (_, spans) = run(&mut meter, &Course { rotations: vec![stepped, stepped + HALF], ..course("a", 200, 5) });
    assert_eq!(spans, [(200, 201), (201, 205)]);
    assert_eq!(meter.certificates().len(), 4);
}
