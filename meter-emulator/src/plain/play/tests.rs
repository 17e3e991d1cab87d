//! A meter over hours, against its household.

use super::*;
use crate::plain::{Keys, Quirk};
use std::collections::HashMap;

/// 2025-06-01.
const FROM: u64 = 1_748_736_000;

fn plan(name: &str, dialect: &str, hours: u64) -> Plan {
    let mut plan = Plan::new(Protocol::named(name, Some(dialect)).unwrap(), 7, FROM, FROM + hours * HOUR);
    if plan.protocol.is_encrypted() {
        plan.keys = Some(Keys::new([3; 16], None));
    }
    plan
}

fn text(sent: &Sent) -> String {
    String::from_utf8_lossy(&sent.bytes).into_owned()
}

/// The kWh with three decimals behind a code, in 10⁻⁴ Wh.
fn kwh(text: &str, code: &str) -> u64 {
    let rest = text.split(&format!("{code}(")).nth(1).unwrap();
    let digits: String = rest.split('*').next().unwrap().chars().filter(char::is_ascii_digit).collect();
    digits.parse::<u64>().unwrap() * 10_000
}

#[test]
fn a_day_of_a_dutch_meter_shows_the_truth_at_every_edge() {
    let play = Play::new(plan("p1", "dsmr5", 24)).unwrap();
    let truths: HashMap<u64, Truth> = play.edges().map(|at| (at, play.truth(at))).collect();
    assert_eq!(truths.len(), 97);
    let (mut count, mut last, mut expected) = (0, 0, FROM);
    for sent in play {
        assert_eq!(sent.at, expected, "every second");
        expected += 1;
        let Some(truth) = truths.get(&sent.at) else { continue };
        let text = text(&sent);
        let import = kwh(&text, "1.8.1") + kwh(&text, "1.8.2");
        assert_eq!((import, Some(kwh(&text, "2.8.1") + kwh(&text, "2.8.2"))), (truth.import_shown, truth.export_shown));
        assert!(truth.import - truth.import_shown < 20_000 && import >= last);
        (count, last) = (count + 1, import);
    }
    assert_eq!((count, expected), (97, FROM + 24 * HOUR + 1));
    assert!(truths[&(FROM + 24 * HOUR)].import > truths[&FROM].import);
}

#[test]
fn the_household_is_the_one_that_all_emulators_play() {
    let play = Play::new(plan("sml", "emh", 48)).unwrap();
    let load = crate::household::generate(7, (FROM / 86_400) as u32, 2, metrology::label::Interval::QUARTER).unwrap();
    let passed: u64 = load.series()[0].amounts.iter().map(|amount| u64::from(amount.unwrap())).sum();
    let (first, last) = (play.truth(FROM), play.truth(FROM + 48 * HOUR));
    assert_eq!(last.import - first.import, passed);
    // Rates add up at any second.
    for at in (FROM..FROM + 48 * HOUR).step_by(377) {
        let (now, next) = (play.home.at(at), play.home.at(at + 377));
        assert!((0..2).all(|rate| now.import.rates[rate] <= next.import.rates[rate]));
    }
}

#[test]
fn norwegian_totals_come_after_the_hour() {
    for (dialect, lag, frames) in [("aidon", 10, 3600 / 5 * 2), ("kaifa", 10, 1800), ("kamstrup", 5, 360)] {
        let sent: Vec<_> = Play::new(plan("dlms", dialect, 3)).unwrap().collect();
        let longest = sent.iter().map(|sent| sent.bytes.len()).max().unwrap();
        let totals: Vec<_> =
            sent.iter().filter(|sent| sent.bytes.len() == longest).map(|sent| sent.at - FROM).collect();
        assert_eq!(totals, [lag, HOUR + lag, 2 * HOUR + lag], "{dialect}");
        // The hour's totals take the place of a shorter list, or come in addition.
        let hourly = sent.iter().filter(|sent| sent.at < FROM + HOUR).count();
        assert!((frames..=frames + 1).contains(&hourly), "{dialect}: {hourly}");
    }
}

#[test]
fn quirks_do_what_they_say() {
    let with = |name, dialect, quirk| {
        let mut plan = plan(name, dialect, 4);
        plan.quirks = Quirks::default().with(quirk);
        Play::new(plan)
    };
    let stale: Vec<_> = with("dlms", "kaifa", Quirk::StaleRepeat).unwrap().collect();
    let at = |seconds| stale.iter().find(|sent| sent.at == FROM + seconds).unwrap();
    assert_eq!(at(10).bytes, at(1810).bytes);
    assert_ne!(at(10).bytes, at(3610).bytes);

    let reset = with("p1", "dsmr4", Quirk::ClockReset).unwrap().next().unwrap();
    assert!(text(&reset).contains("0-0:1.0.0(000101010000W)"));

    let frames = |quirk| with("p1", "dsmr4", quirk).unwrap().map(|sent| text(&sent));
    let zeros = frames(Quirk::MomentaryZero).filter(|text| kwh(text, "1.8.1") == 0).count();
    assert!((1..40).contains(&zeros), "{zeros} of 1441");
    let mut totals: Vec<_> =
        frames(Quirk::HourlyTotals).map(|text| kwh(&text, "2.8.2") + kwh(&text, "1.8.1")).collect();
    totals.dedup();
    assert!((2..=5).contains(&totals.len()));

    let plain: Vec<_> = Play::new(plan("tic", "base", 1)).unwrap().collect();
    let heard: Vec<_> = with("tic", "base", Quirk::ParityBits).unwrap().take(plain.len()).collect();
    for (plain, heard) in plain.iter().zip(heard) {
        assert!(heard.bytes.iter().all(|byte| byte.count_ones() % 2 == 0) && heard.bytes != plain.bytes);
        assert!(heard.bytes.iter().map(|byte| byte & 0x7f).eq(plain.bytes.iter().copied()));
    }
    let odd = with("d0", "mode-d", Quirk::NonAscii).unwrap().filter(|sent| !sent.bytes.is_ascii()).count();
    assert!((300..1500).contains(&odd), "{odd} of 7201");
    for (name, dialect, quirk) in [
        ("sml", "emh", Quirk::UnsignedPower),
        ("p1", "dsmr2", Quirk::ShortCrc),
        ("ocmf", "pairs", Quirk::MomentaryZero),
    ] {
        assert!(matches!(with(name, dialect, quirk), Err(PlanError::Quirk { .. })));
    }
}

#[test]
fn no_counter_repeats_when_a_meter_is_played_again_later() {
    let counters = |from: u64| {
        let mut plan = plan("dlms", "sagemcom", 1);
        (plan.from, plan.until) = (from, from + HOUR);
        let frames = Play::new(plan).unwrap().map(|sent| sent.bytes[22..26].to_vec());
        frames.collect::<Vec<_>>()
    };
    let (first, second) = (counters(FROM), counters(FROM + HOUR));
    assert!(first.is_sorted() && first[0] < first[1] && first.last().unwrap() < &second[0]);
}

#[test]
fn damage_is_as_frequent_as_asked_and_repeats() {
    let damaged = || {
        let mut plan = plan("sml", "dzg", 1);
        plan.damage = 10;
        Play::new(plan).unwrap()
    };
    let whole: Vec<_> = damaged().collect();
    let spoilt = whole.iter().filter(|sent| sent.damaged).count();
    assert!((120..240).contains(&spoilt), "{spoilt} of 1801");
    assert!(whole.iter().cloned().eq(damaged()));
}

#[test]
fn every_protocol_plays_an_hour() {
    for protocol in Protocol::all() {
        let mut plan = plan(protocol.name(), protocol.dialect(), 1);
        plan.gas = true;
        let play = Play::new(plan).unwrap();
        let sent: Vec<_> = play.collect();
        let topics = matches!(protocol, Protocol::Json(_) | Protocol::Ocmf(_));
        assert!(sent.len() >= 4, "{protocol:?}");
        assert!(sent.iter().all(|sent| sent.topic.is_some() == topics && !sent.bytes.is_empty() && !sent.damaged));
        assert!(sent.is_sorted_by_key(|sent| sent.at) && sent.last().unwrap().at == FROM + HOUR, "{protocol:?}");
    }
}

#[test]
fn plans_that_make_no_sense_are_refused() {
    let refused = |change: fn(&mut Plan)| {
        let mut plan = plan("p1", "dsmr5", 1);
        change(&mut plan);
        Play::new(plan).map(drop)
    };
    assert_eq!(refused(|plan| plan.until = plan.from), Err(PlanError::Time));
    assert_eq!(refused(|plan| plan.until = u64::MAX), Err(PlanError::Time));
    assert_eq!(refused(|plan| plan.pv_watts = u32::MAX), Err(PlanError::Time));
    assert_eq!(refused(|plan| plan.damage = 101), Err(PlanError::Damage));
    assert_eq!(refused(|plan| plan.interval = Some(0)), Err(PlanError::Interval));
    assert_eq!(refused(|plan| plan.keys = Some(Keys::new([1; 16], None))), Err(PlanError::Unencrypted("p1")));
    let luxembourg = |plan: &mut Plan| plan.protocol = Protocol::named("p1", Some("luxembourg")).unwrap();
    assert_eq!(refused(luxembourg), Err(PlanError::NoKey("luxembourg")));
}

#[test]
fn summer_time_changes_in_the_meters_clock_alone() {
    // 2025-03-30, 00:59:50 UTC: ten seconds before two o'clock becomes three.
    let from = 1_743_296_390;
    let protocol = Protocol::named("p1", Some("dsmr4")).unwrap();
    let play = Play::new(Plan::new(protocol, 7, from, from + 10)).unwrap();
    let stamps: Vec<_> = play.map(|sent| text(&sent).split("0-0:1.0.0(").nth(1).unwrap()[..13].to_owned()).collect();
    assert_eq!(stamps, ["250330015950W", "250330030000S"]);
}
