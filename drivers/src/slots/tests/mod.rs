mod channel;
mod clock;
mod unchecked;
mod who;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::plain::{Energy, Stamp};

const QUARTER: u64 = 900;
/// 1 March 2026.
const START: u64 = 1_772_323_200;

fn terms() -> Terms {
    Terms::for_interval(900)
}

fn register() -> Register {
    Register::new(terms(), Scale::ENERGY)
}

/// A telegram with a checksum that shows the import.
fn telegram(wh: i64) -> Telegram {
    Telegram { import: Some(Energy(wh * 10_000)), checked: true, ..Telegram::default() }
}

fn read(register: &mut Register, readings: &[(u64, i64)]) -> Vec<(u64, u32, How)> {
    read_as(register, true, readings)
}

fn read_as(register: &mut Register, checked: bool, readings: &[(u64, i64)]) -> Vec<(u64, u32, How)> {
    let slots = readings.iter().flat_map(|(at, wh)| register.read((START + at) * 1000, wh * 10_000, checked));
    slots.map(|slot| (slot.number - START / QUARTER, slot.advance / 10_000, slot.how)).collect()
}

#[test]
fn readings_at_and_near_edges_measure() {
    let mut register = register();
    // At the edge, 5 s before the next, 10 s after the one after that; not interpolated.
    let told = read(&mut register, &[(0, 100), (895, 190), (907, 200), (1790, 300), (1815, 303), (2700, 400)]);
    assert_eq!(told, [(0, 90, How::Measured), (1, 110, How::Measured), (2, 100, How::Measured)]);
}

#[test]
fn a_series_begins_at_an_edge() {
    let told = read(&mut register(), &[(300, 100), (900, 160), (1800, 200)]);
    assert_eq!(told, [(1, 40, How::Measured)]);
    let told = read(&mut register(), &[(14, 100), (900, 160)]);
    assert_eq!(told, [(0, 60, How::Measured)]);
}

#[test]
fn an_edge_between_distant_readings_is_estimated_and_a_silence_is_missing() {
    let mut register = register();
    // Half a minute on each side: 900 s lies in the middle.
    let told = read(&mut register, &[(0, 0), (860, 100), (940, 200), (1800, 300)]);
    assert_eq!(told, [(0, 150, How::Estimated), (1, 150, How::Estimated)]);
    // Silence over two edges and more; the sum stands in the last.
    let told = read(&mut register, &[(2000, 310), (5000, 500), (5400, 540), (6300, 600)]);
    let missing = [(2, 0, How::Missing), (3, 0, How::Missing), (4, 0, How::Missing)];
    assert_eq!(told[..3], missing);
    assert_eq!(told[3..], [(5, 240, How::Missing), (6, 60, How::Measured)]);
}

#[test]
fn a_silence_that_begins_and_ends_at_edges_spares_the_slots_beside_it() {
    let mut register = register();
    let told = read(&mut register, &[(0, 0), (899, 100), (3601, 500), (4500, 600)]);
    let missing = [(1, 0, How::Missing), (2, 0, How::Missing), (3, 400, How::Missing)];
    assert_eq!(told[0], (0, 100, How::Measured));
    assert_eq!(told[1..4], missing);
    assert_eq!(told[4..], [(4, 100, How::Measured)]);
}

#[test]
fn a_momentary_zero_and_a_spike_are_no_readings() {
    for wrong in [0, 9_999_999] {
        let mut register = register();
        let told =
            read(&mut register, &[(0, 1000), (600, 1050), (890, wrong), (900, 1100), (1000, wrong), (1800, 1200)]);
        assert_eq!(told, [(0, 100, How::Measured), (1, 100, How::Measured)], "{wrong}");
    }
}

#[test]
fn a_reset_that_stays_is_believed_and_costs_the_slots_it_fell_into() {
    let mut register = register();
    let told = read(
        &mut register,
        &[(0, 1000), (900, 1100), (1000, 1110), (1100, 3), (1200, 5), (1300, 7), (1800, 17), (2700, 50)],
    );
    assert_eq!(told, [(0, 100, How::Measured), (1, 10 + 14, How::Missing), (2, 33, How::Measured)]);
}

#[test]
fn a_repeated_telegram_says_nothing_of_now() {
    let stamp = |hour: i8, second: i8| {
        Some(Moment::Clock(Stamp { shown: date(2026, 3, 1).at(hour, 0, second, 0), ahead: None }))
    };
    let hourly = |hour, wh: i64| Telegram { at: stamp(hour, 10), ..telegram(wh) };
    let mut slots = Slots::new(Terms::for_interval(3600));
    let mut told = Vec::new();
    // The list of one o'clock comes again before that of two, and once more after it would have been due.
    for (at, telegram) in
        [(12, hourly(1, 100)), (3612, hourly(2, 900)), (7212, hourly(2, 900)), (10_812, hourly(4, 1900))]
    {
        told.extend(slots.hear((START + at) * 1000, &telegram));
    }
    let told: Vec<_> = told.iter().map(|(_, slot)| (slot.advance / 10_000, slot.how)).collect();
    assert_eq!(told, [(800, How::Measured), (0, How::Missing), (1000, How::Missing)]);
}

#[test]
fn registers_that_come_apart_under_one_time_are_both_read() {
    let at = Some(Moment::Clock(Stamp { shown: date(2026, 3, 1).at(1, 0, 0, 0), ahead: None }));
    let mut slots = Slots::new(terms());
    let mut told = Vec::new();
    // The clock stands still, and each register has a telegram of its own.
    for (second, wh) in [(0, 100), (900, 150), (1800, 210)] {
        for telegram in [
            Telegram { at, ..telegram(wh) },
            Telegram { at, import: None, export: Some(Energy(2 * wh * 10_000)), ..telegram(wh) },
        ] {
            told.extend(slots.hear((START + second) * 1000, &telegram));
        }
    }
    let told: Vec<_> = told.iter().map(|(way, slot)| (*way, slot.advance / 10_000)).collect();
    assert_eq!(told, [(Way::Import, 50), (Way::Export, 100), (Way::Import, 60), (Way::Export, 120)]);
}

#[test]
fn doubts_that_come_in_the_wrong_order_prove_nothing() {
    let mut register = register();
    let told = read(&mut register, &[(0, 1000), (1100, 0), (1095, 0), (1090, 0), (1800, 1200)]);
    assert_eq!(told, [(0, 0, How::Missing), (1, 200, How::Missing)]);
}

#[test]
fn a_reset_settles_the_edge_before_its_first_reading_and_tells_the_slot_it_fell_into() {
    // The old register was read 10 s before the edge at 1800, the new one 5 s after it.
    let told = read(
        &mut register(),
        &[(0, 1000), (900, 1100), (1790, 1200), (1805, 3), (1850, 4), (1870, 5), (2700, 25), (3600, 40)],
    );
    let measured = [(0, 100), (1, 100), (2, 22), (3, 15)].map(|(slot, wh)| (slot, wh, How::Measured));
    assert_eq!(told, measured);
    // Only the new one was read at an edge: the slots before are missing, those after are measured.
    let told = read(&mut register(), &[(0, 1000), (800, 1090), (1805, 3), (1850, 4), (1870, 5), (2700, 25)]);
    assert_eq!(told, [(0, 0, How::Missing), (1, 90, How::Missing), (2, 22, How::Measured)]);
    // A series that began at an edge, and a reset within its first slot: that slot is told, as missing.
    let told = read(&mut register(), &[(0, 1000), (300, 1010), (400, 3), (500, 5), (600, 7), (900, 9), (1800, 20)]);
    assert_eq!(told, [(0, 16, How::Missing), (1, 11, How::Measured)]);
}

#[test]
fn a_leap_is_believed_only_as_far_as_wires_carry_over_weeks() {
    let week = 7 * 86_400;
    // 150 kW for a day and 15 kW for the rest: 5.8 MWh in a week, not 25.
    for (leap, believed) in [(5_700_000, true), (5_900_000, false)] {
        let told = read(&mut register(), &[(0, 0), (900, 10), (week, 10 + leap)]);
        assert_eq!(told.len() > 1, believed, "{leap}");
    }
}

/// A load of up to 50 kW by seconds, and how long the next reading takes to come.
fn course() -> impl Strategy<Value = Vec<(u32, u64)>> {
    let gap = prop_oneof![8 => 1_u64..20, 2 => 20_u64..400, 1 => 400_u64..9000];
    proptest::collection::vec((0_u32..140_000, gap), 1..200)
}

proptest! {
    /// Whatever is heard and whatever is not: slots follow each other, sums are the register's, and what is called measured
    /// is the truth but for what passes within reach of its edges.
    #[test]
    fn nothing_is_lost_or_made_up(course in course(), start in 0_u64..5000, first in 0_i64..1_000_000_000_000) {
        let mut register = register();
        let (mut at, mut total) = (START + start, first);
        // What the register stands at, by second.
        let mut truth = vec![total];
        let mut slots = register.read(at * 1000, total, true);
        for (parts_each_second, seconds) in course {
            for _ in 0..seconds {
                total += i64::from(parts_each_second);
                truth.push(total);
            }
            at += seconds;
            slots.extend(register.read(at * 1000, total, true));
        }
        let stood = |second: u64| second.checked_sub(START + start).and_then(|s| truth.get(usize::try_from(s).unwrap()));
        for pair in slots.windows(2) {
            prop_assert_eq!(pair[1].number, pair[0].number + 1);
        }
        let reach = u64::from(terms().reach);
        let most = 140_000 * 2 * reach;
        for slot in &slots {
            let (from, until) = (slot.number * QUARTER, (slot.number + 1) * QUARTER);
            if let (How::Measured, Some(a), Some(b)) = (slot.how, stood(from), stood(until)) {
                let apart = (b - a).abs_diff(i64::from(slot.advance));
                prop_assert!(apart <= most, "{} parts", apart);
            }
        }
        if let (Some(one), Some(other)) = (slots.first(), slots.last()) {
            let sum: i64 = slots.iter().map(|slot| i64::from(slot.advance)).sum();
            let (from, until) = (one.number * QUARTER, (other.number + 1) * QUARTER);
            if let (Some(a), Some(b)) = (stood(from), stood(until)) {
                let room = i64::try_from(most).unwrap().max(if other.how == How::Estimated || one.how == How::Estimated { 140_000 * 1800 } else { 0 });
                prop_assert!(((b - a) - sum).abs() <= room);
            }
        }
    }

    /// Rubbish between true readings changes nothing, as long as no rubbish says the same three times.
    #[test]
    fn single_lies_change_nothing(course in course(), lies in proptest::collection::vec(any::<i64>(), 200)) {
        let (mut honest, mut lied) = (register(), register());
        let (mut at, mut total) = (START, 5_000_000_000_i64);
        for ((parts_each_second, seconds), lie) in course.into_iter().zip(lies) {
            total += i64::from(parts_each_second) * i64::try_from(seconds).unwrap();
            at += seconds + 1;
            let slots = honest.read(at * 1000, total, true);
            prop_assert_eq!(&lied.read(at * 1000, total, true), &slots);
            // A lie that could be true is none.
            let lie = if (total..total + 1_000_000_000_000).contains(&lie) { -1 } else { lie };
            prop_assert_eq!(lied.read(at * 1000 + 500, lie, true), Vec::new());
        }
    }
}

#[test]
fn a_restart_goes_on_where_the_last_slot_ended() {
    let readings: Vec<_> = (0..200).map(|n| (n * 97, i64::try_from(n * n).unwrap())).collect();
    let read = |register: &mut Register, readings: &[(u64, i64)]| -> Vec<Slot> {
        readings.iter().flat_map(|(at, wh)| register.read((START + at) * 1000, wh * 10_000, true)).collect()
    };
    let whole = read(&mut Register::new(terms(), Scale::ENERGY), &readings);
    for cut in 1..readings.len() {
        let mut before = Register::new(terms(), Scale::ENERGY);
        let mut told = read(&mut before, &readings[..cut]);
        let Some(mark) = before.mark() else { continue };
        let mut after = Register::resume(terms(), Scale::ENERGY, mark);
        told.extend(read(&mut after, &readings[cut..]));
        assert!(told.windows(2).all(|pair| pair[0].number + 1 == pair[1].number), "each once, cut {cut}");
        assert_eq!(told.len(), whole.len(), "cut {cut}");
        let sum: i64 = told.iter().map(|slot| i64::from(slot.advance)).sum();
        assert_eq!(sum, after.mark().unwrap().total - readings[0].1, "cut {cut}");
        // An edge may be interpolated from other readings than without the restart; elsewhere nothing differs.
        assert!(told.iter().zip(&whole).filter(|(one, other)| one != other).count() <= 2, "cut {cut}");
    }
}

#[test]
fn marks_come_back_as_they_were_written() {
    let marks = Marks { meter: Some("E1".into()), import: Some(Mark { slot: 3, total: i64::MAX }), export: None };
    let text = serde_json::to_string(&marks).unwrap();
    assert_eq!(serde_json::from_str::<Marks>(&text).unwrap(), marks);
    assert_eq!(Slots::resume(terms(), &marks).marks(), marks);
}
