//! Gas and its like.

use jiff::civil::DateTime;

use super::*;
use crate::plain::{Channel, Volume};

const CODE: &str = "0-1:24.2.1";

fn hourly() -> ChannelSlots {
    ChannelSlots::new(Terms::for_interval(3600), CODE)
}

fn stamp(second: u64, ahead: i16) -> Stamp {
    let local = i64::try_from(START + second).unwrap() + i64::from(ahead) * 60;
    let shown: DateTime = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::from_second(local).unwrap());
    Stamp { shown, ahead: Some(ahead) }
}

/// A telegram of a second that shows what the channel stood at in another, and the meter's clock if it has one.
fn gas(at: u64, read: Option<u64>, litres: i64, clock: bool) -> Telegram {
    let channel = Channel {
        code: CODE.into(),
        meter: Some("G1".into()),
        device: Some(3),
        total: Volume(litres),
        unit: "m3".into(),
        at: read.map(|read| stamp(read, 60)),
    };
    // The meter's clock is a day and seven minutes behind.
    let now = stamp(at, 60).shown.checked_sub(jiff::Span::new().seconds(86_820)).unwrap();
    let late =
        |stamp: Stamp| Stamp { shown: stamp.shown.checked_sub(jiff::Span::new().seconds(86_820)).unwrap(), ..stamp };
    let channel = Channel { at: if clock { channel.at.map(late) } else { channel.at }, ..channel };
    let at = clock.then_some(Moment::Clock(Stamp { shown: now, ahead: Some(60) }));
    Telegram { at, channels: vec![channel], checked: clock, ..Telegram::default() }
}

/// Every ten seconds for some hours; the value of each hour comes four minutes late and is repeated.
fn hear(slots: &mut ChannelSlots, clock: bool, seconds: std::ops::Range<u64>) -> Vec<(u64, u32, How)> {
    let mut told = Vec::new();
    for at in seconds.step_by(10) {
        let read = at.saturating_sub(240) / 3600 * 3600;
        let litres = 1_000_000 + i64::try_from(read).unwrap() / 36;
        told.extend(slots.hear((START + at) * 1000, &gas(at, Some(read), litres, clock)));
    }
    told.iter().map(|slot| (slot.number - START / 3600, slot.advance / 10_000, slot.how)).collect()
}

#[test]
fn a_value_counts_for_the_moment_it_was_read_whatever_the_clocks_show() {
    let measured = |hours: std::ops::Range<u64>| hours.map(|hour| (hour, 100, How::Measured)).collect::<Vec<_>>();
    assert_eq!(hear(&mut hourly(), true, 0..6 * 3600), measured(0..5));
    // Without a clock in the telegram and without a checksum; the first value may be old.
    assert_eq!(hear(&mut hourly(), false, 0..6 * 3600), measured(1..5));
}

#[test]
fn a_break_shows_and_its_sum_is_kept() {
    let mut slots = hourly();
    let mut told = hear(&mut slots, true, 0..7500);
    told.extend(hear(&mut slots, true, 14_700..22_000));
    let how: Vec<_> = told.iter().map(|(hour, litres, how)| (*hour, *litres, *how)).collect();
    let (measured, missing) = (How::Measured, How::Missing);
    assert_eq!(
        how,
        [
            (0, 100, measured),
            (1, 100, measured),
            (2, 0, missing),
            (3, 200, missing),
            (4, 100, measured),
            (5, 100, measured)
        ][..how.len()]
    );
    assert!(how.len() >= 5);
}

#[test]
fn a_changed_digit_counts_only_when_it_is_said_again() {
    let (mut honest, mut lied) = (hourly(), hourly());
    for at in (0..20_000_u64).step_by(10) {
        let read = at.saturating_sub(240) / 3600 * 3600;
        let litres = 1_000_000 + i64::try_from(read).unwrap() / 36;
        let telegram = gas(at, Some(read), litres, false);
        let slots = honest.hear((START + at) * 1000, &telegram);
        let changed = if at % 70 == 0 { gas(at, Some(read), litres + 1000, false) } else { telegram };
        let with = lied.hear((START + at) * 1000, &changed);
        assert!(with.iter().all(|slot| slot.advance == 100 * 10_000) && with.len() <= slots.len() + 1);
    }
}

#[test]
fn values_without_a_time_are_estimated_and_stale_ones_are_none() {
    let mut slots = hourly();
    let mut told = Vec::new();
    for at in (0..10_800_u64).step_by(100) {
        let telegram = Telegram { checked: true, ..gas(at, None, i64::try_from(at).unwrap(), false) };
        told.extend(slots.hear((START + at) * 1000, &telegram));
    }
    assert_eq!(
        told.iter().map(|slot| (slot.advance, slot.how)).collect::<Vec<_>>(),
        [(3600 * 10_000, How::Estimated); 2]
    );
    // Two days old.
    let mut slots = hourly();
    let old = |at| gas(at, Some(100), 5, true);
    assert_eq!(slots.hear((START + 172_900) * 1000, &old(172_900)), []);
    // Another channel is none of its business.
    assert_eq!(ChannelSlots::new(terms(), "0-2:24.2.1").hear(START * 1000, &old(200)), []);
}
