//! Exchanged meters, and numbers that a line changed.

use super::*;

fn named(meter: &str, wh: i64) -> Telegram {
    Telegram { meter: Some(meter.into()), ..telegram(wh) }
}

fn told(telegrams: &[(u64, Telegram)]) -> Vec<(u32, How)> {
    let mut slots = Slots::new(terms());
    let told = telegrams.iter().flat_map(|(at, telegram)| slots.hear((START + at) * 1000, telegram));
    told.map(|(_, slot)| (slot.advance / 10_000, slot.how)).collect()
}

#[test]
fn an_exchanged_meter_counts_from_its_own_number() {
    let meters = [(0, "A", 5000), (900, "A", 5100), (1500, "B", 7), (1530, "B", 7), (1560, "B", 8), (1800, "B", 9)];
    let mut telegrams: Vec<_> = meters.into_iter().map(|(at, meter, wh)| (at, named(meter, wh))).collect();
    telegrams.push((2700, named("B", 20)));
    let expected = [(100, How::Measured), (2, How::Missing), (11, How::Measured)];
    assert_eq!(told(&telegrams), expected);
    // Without a checksum, one word later.
    for (_, telegram) in &mut telegrams {
        telegram.checked = false;
    }
    telegrams.insert(0, (0, named("A", 5000)));
    telegrams[0].0 = 0;
    telegrams[1].0 = 1;
    telegrams.insert(3, (901, Telegram { checked: false, ..named("A", 5100) }));
    telegrams.push((2701, Telegram { checked: false, ..named("B", 20) }));
    telegrams[0].1.checked = false;
    assert_eq!(told(&telegrams), expected);
}

/// The edge after the exchange falls among the telegrams that wait for the number to be believed.
#[test]
fn what_comes_under_another_number_is_held_for_it() {
    let telegrams = [(0, "A", 100), (900, "A", 200), (1795, "B", 7), (1800, "B", 8), (1870, "B", 10), (2700, "B", 20)];
    let telegrams = telegrams.map(|(at, meter, wh)| (at, named(meter, wh)));
    assert_eq!(told(&telegrams), [(100, How::Measured), (1, How::Missing), (12, How::Measured)]);
}

#[test]
fn a_changed_number_is_no_exchange_and_counts_for_nothing() {
    let telegrams: Vec<_> = (0..200_u64)
        .map(|n| match n % 7 {
            // Changed in the number, and who knows where else.
            3 => (n * 30, named(&format!("A{n}"), 999_999)),
            4 if n % 5 == 0 => (n * 30, named("B", 3)),
            _ => (n * 30, named("A", 1000 + i64::try_from(n).unwrap())),
        })
        .collect();
    let told = told(&telegrams);
    assert_eq!(told.len(), 6);
    assert!(told.iter().all(|slot| matches!(slot, (29..=31, How::Measured | How::Estimated))), "{told:?}");
}

#[test]
fn telegrams_without_a_number_wait_while_another_is_in_doubt() {
    let mut slots = Slots::new(terms());
    let mut hear = |at: u64, telegram: &Telegram| slots.hear((START + at) * 1000, telegram).len();
    assert_eq!(hear(0, &named("A", 1000)) + hear(890, &named("B", 1001)) + hear(900, &telegram(1002)), 0);
    assert_eq!(hear(910, &named("A", 1005)), 1);
    // A number that does not come again keeps nobody waiting for long.
    assert_eq!(hear(1000, &named("C", 1)) + hear(1800, &telegram(1100)), 1);
}
