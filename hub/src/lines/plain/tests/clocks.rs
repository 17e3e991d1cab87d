//! Clocks of this machine that are wrong, or were.

use super::*;

#[tokio::test]
async fn a_clock_that_was_never_set_seals_nothing_and_loses_nothing() {
    let home = home();
    let mut sealing = home.take_up("a", Some("E1")).await;
    for tick in 0..200 {
        home.hear(&mut sealing, tick, &checked("E1", total(tick))).await;
    }
    // Off for a while, and the clock begins in 1970.
    let mut sealing = home.take_up("a", Some("E1")).await;
    for tick in 300..400 {
        let notice = sealing.hear(TICK * tick, &checked("E1", total(tick)));
        assert_eq!(notice, Some(Notice::Unset));
        assert!(sealing.work().is_none());
    }
    for tick in 400..600 {
        assert_eq!(home.hear(&mut sealing, tick, &checked("E1", total(tick))).await, None);
    }
    let slots = home.open("a", Some("E1")).await;
    let passed: u64 = slots.iter().map(|(_, advance, _)| u64::from(*advance)).sum();
    assert_eq!(passed, 6 * u64::from(SLOT), "{slots:?}");
}

#[tokio::test]
async fn a_clock_that_was_years_ahead_does_not_end_the_sealing() {
    const YEARS: u64 = 5 * 365 * 8640;
    const HOUR: u64 = 360;
    let home = home();
    let mut sealing = home.take_up("a", Some("E1")).await;
    for tick in 0..200 {
        home.hear(&mut sealing, YEARS + tick, &checked("E1", total(tick))).await;
    }
    let wrong = sealing.identity();
    let mut notices = Vec::new();
    for tick in 200..800 {
        let notice = home.hear(&mut sealing, tick, &checked("E1", total(tick))).await;
        notices.extend(notice.filter(|notice| notices.last() != Some(notice)));
    }
    assert_eq!(notices, [Notice::Behind, Notice::WasAhead]);
    assert!(sealing.identity().is_some() && sealing.identity() != wrong, "a chain of its own");
    // Tick 560 is an hour later.
    assert_eq!(home.open("a", Some("E1")).await, measured(7..8));
    // The same when it was set right while the gateway was off.
    for tick in 0..200 {
        home.hear(&mut sealing, YEARS + tick, &checked("E1", total(800 + tick))).await;
    }
    let mut again = home.take_up("a", Some("E1")).await;
    for tick in 1000..1000 + HOUR {
        let notice = home.hear(&mut again, tick, &checked("E1", total(tick))).await;
        assert_eq!(notice, Some(Notice::Behind));
    }
    let notice = home.hear(&mut again, 1000 + HOUR, &checked("E1", total(1000 + HOUR))).await;
    assert_eq!(notice, Some(Notice::WasAhead));
    for tick in 1001 + HOUR..1800 {
        assert_eq!(home.hear(&mut again, tick, &checked("E1", total(tick))).await, None);
    }
    assert_eq!(home.open("a", Some("E1")).await, measured(16..19));
}

#[tokio::test]
async fn a_machine_that_starts_with_an_old_clock_waits_for_the_time() {
    let home = home();
    let mut sealing = home.take_up("a", Some("E1")).await;
    for tick in 0..200 {
        home.hear(&mut sealing, tick, &checked("E1", total(tick))).await;
    }
    let identity = sealing.identity();
    let mut sealing = home.take_up("a", Some("E1")).await;
    for tick in 300..330 {
        let early = START - 20 * 86_400_000 + TICK * tick;
        assert_eq!(sealing.hear(early, &checked("E1", total(tick))), Some(Notice::Behind));
    }
    for tick in 330..600 {
        assert_eq!(home.hear(&mut sealing, tick, &checked("E1", total(tick))).await, None);
    }
    assert_eq!(sealing.identity(), identity);
    let slots = home.open("a", Some("E1")).await;
    let passed: u64 = slots.iter().map(|(_, advance, _)| u64::from(*advance)).sum();
    assert_eq!(passed, 6 * u64::from(SLOT), "{slots:?}");
}
