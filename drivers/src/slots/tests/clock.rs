//! Clocks that are wrong: the meter's and the listener's.

use super::*;

fn at_clock(shown: jiff::civil::DateTime, wh: i64) -> Telegram {
    Telegram { at: Some(Moment::Clock(Stamp { shown, ahead: None })), ..telegram(wh) }
}

#[test]
fn a_wrong_clock_moves_no_slot() {
    // Months behind, in another zone, seven seconds late: only the seconds count.
    for (minute, second) in [(44, 53), (59, 53)] {
        assert_eq!(near(START * 1000, minute, second), (START - 7) * 1000);
    }
    assert_eq!(near(START * 1000 + 5, 20, 0), START * 1000 + 5);
    assert_eq!(near(u64::MAX, 0, 0), u64::MAX);
    for last in 0..900_000 {
        near(i64::MAX.cast_unsigned() - last, 7, 0);
    }
}

#[test]
fn seconds_are_read_from_a_clock_that_shows_some_and_from_nothing_that_may_be_changed() {
    let told = |telegrams: &[(u64, Telegram)]| -> Vec<_> {
        let mut slots = Slots::new(terms());
        let told = telegrams.iter().flat_map(|(at, telegram)| slots.hear((START + at) * 1000, telegram));
        told.map(|(_, slot)| (slot.advance / 10_000, slot.how)).collect()
    };
    // Minutes alone, at ten and fifty seconds: an edge lies between, and is no reading's moment.
    let minutes = |at: u64, minute: i8, wh| (at, at_clock(date(2026, 3, 1).at(1, minute, 0, 0), wh));
    let coarse = [minutes(0, 0, 0), minutes(875, 14, 75), minutes(925, 15, 125), minutes(1800, 30, 300)];
    assert_eq!(told(&coarse), [(100, How::Estimated), (200, How::Estimated)]);
    // The same clock with seconds, 25 s late on the line: the reading was taken at the edge.
    let seconds = |at: u64, minute: i8, second, wh| (at, at_clock(date(2026, 3, 1).at(1, minute, second, 0), wh));
    let fine = [seconds(25, 0, 0, 0), seconds(40, 0, 15, 2), seconds(925, 15, 0, 125), seconds(1825, 30, 0, 300)];
    assert_eq!(told(&fine), [(175, How::Measured)]);
    // A stamp that nothing checks moves nothing.
    let unchecked: Vec<_> =
        fine.iter().map(|(at, telegram)| (*at, Telegram { checked: false, ..telegram.clone() })).collect();
    assert!(told(&unchecked).iter().all(|(_, how)| *how != How::Measured));
}

#[test]
fn a_clock_that_is_set_back_tells_no_slot_twice_and_loses_nothing() {
    let mut register = register();
    let mut told = read(&mut register, &[(0, 0), (900, 100), (1800, 200), (2700, 300), (3000, 330)]);
    // An hour and a half back, and on for three hours, a reading every five minutes, 20 Wh each.
    let back: Vec<_> = (1..37).map(|n| (n * 300, 330 + 20 * i64::try_from(n).unwrap())).collect();
    for (at, wh) in back {
        let slots = register.read((START + at - 2400) * 1000, wh * 10_000, true);
        told.extend(slots.iter().map(|slot| (slot.number - START / QUARTER, slot.advance / 10_000, slot.how)));
    }
    let numbers: Vec<_> = told.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
    assert_eq!(told[3].2, How::Missing, "what passed meanwhile is in it");
    assert!(told[4..].iter().all(|(_, wh, how)| (*wh, *how) == (60, How::Measured)));
    let sum: u32 = told.iter().map(|(_, wh, _)| wh).sum();
    let last = i64::try_from(numbers.len()).unwrap() * 900;
    assert_eq!(i64::from(sum), 330 + 20 * (last + 2400) / 300);
}

#[test]
fn a_few_seconds_back_are_no_other_clock() {
    let told = read(&mut register(), &[(0, 0), (800, 90), (780, 88), (900, 100), (1800, 200)]);
    assert_eq!(told, [(0, 100, How::Measured), (1, 100, How::Measured)]);
}

#[test]
fn a_clock_that_leaps_from_1970_begins_a_new_series() {
    let mut register = register();
    assert_eq!(register.read(0, 0, true), []);
    assert_eq!(register.read(900_000, 1_000_000, true).len(), 1);
    assert_eq!(register.read(1_000_000, 1_010_000, true), []);
    let told = read(&mut register, &[(100, 110), (900, 120), (1800, 130)]);
    assert_eq!(told, [(1, 10, How::Measured)]);
    // And back, and forth again: what was told stays told.
    assert_eq!(register.read(950_000, 1_400_000, true), []);
    let again: Vec<_> = [1_000_000, 1_800_000, 2_700_000].map(|at| register.read(at, 1_500_000, true)).concat();
    assert_eq!(again.iter().map(|slot| slot.number).collect::<Vec<_>>(), [1, 2]);
    let told = read(&mut register, &[(800, 160), (900, 170), (1800, 180), (2700, 190)]);
    assert_eq!(told, [(2, 20, How::Missing)], "slot 1 was told, and what passed in it stands here");
}

#[test]
fn a_gap_of_400_days_is_told_and_no_longer_one() {
    let days = 399 * 86_400;
    let told = read(&mut register(), &[(0, 0), (900, 1), (days, 2)]);
    assert_eq!(told.len(), 399 * 96);
    assert_eq!(read(&mut register(), &[(0, 0), (900, 1), (days + 2 * 86_400, 2)]).len(), 1);
}
