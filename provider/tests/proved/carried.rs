//! Carried values: each bill goes on from where the one before ended, and nothing else is booked.

use gateway_core::bill::proved::Before;

use crate::prover::Prover;
use crate::world::*;
use crate::{desk, no, yes};

/// The mark of a bill in the ledger: which correction the bill before has by now.
fn outdated(desk: &Desk) -> Vec<bool> {
    let list = desk.json(&["ledger", "list"]).1;
    let outdated: Vec<_> = list["bills"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bill| bill["proof"]["carried"]["outdated_by"].is_string())
        .collect();
    assert_eq!(list["outdated"], outdated.iter().filter(|mark| **mark).count());
    outdated
}

#[test]
fn a_line_of_bills_goes_on_and_corrections_follow_each_other() {
    let prover = Prover::new();
    let (desk, house) = (desk(&prover), House::new(1, 200));
    assert_eq!(desk.add(&house.meters[0], &["--contract", "4711"]).0, 0);
    let prove =
        |period, before: Option<&Before>, corrects| house.prove(&desk, &prover, "carries", period, before, corrects);
    let told = |bill: &[u8]| desk.told(bill, "carries", &[]);

    let one = prove(days(2, 5), None, None);
    let two = prove(days(5, 9), Some(&one.after), None);
    assert_eq!(told(&two.bill), no("state-unknown"), "the bill before is not booked");
    assert_eq!(told(&one.bill), yes("new"));
    assert_eq!(told(&one.bill), yes("already"));
    assert_eq!(told(&prove(days(5, 9), None, None).bill), no("state-reset"));
    // Values that no bill left behind, under the name of the bill before.
    let invented = Before { state: two.after.state.clone(), bill: one.digest };
    assert_eq!(told(&prove(days(5, 9), Some(&invented), None).bill), no("state-altered"));
    assert_eq!(told(&prove(days(6, 9), Some(&one.after), None).bill), no("state-skipped"), "the fifth is missing");
    assert_eq!(told(&two.bill), yes("new"));
    let three = prove(days(9, 12), Some(&two.after), None);
    assert_eq!(told(&prove(days(9, 12), Some(&one.after), None).bill), no("state-taken"));
    assert_eq!(told(&three.bill), yes("new"));
    assert_eq!(outdated(&desk), [false; 3]);

    // The first is corrected: the second rests on what was superseded until it is corrected in turn, and then the third.
    let one_again = prove(days(2, 5), None, Some(one.digest));
    assert_eq!(told(&one_again.bill), yes("correction"));
    assert_eq!(outdated(&desk), [false, true, false, false]);
    assert!(desk.run(&["ledger", "list"]).1.contains("CONTINUES A SUPERSEDED BILL"));
    let stale = prove(days(5, 9), Some(&one.after), Some(two.digest));
    assert_eq!(told(&stale.bill), no("state-skipped"), "a correction does not go on from what was superseded");
    assert_eq!(told(&prove(days(5, 9), None, Some(two.digest)).bill), no("state-reset"));
    let two_again = prove(days(5, 9), Some(&one_again.after), Some(two.digest));
    assert_eq!(told(&two_again.bill), yes("correction"));
    assert_eq!(outdated(&desk), [false, false, true, false, false]);
    // The next period goes on from the bill that stands; that one's own correction is then the third's business.
    let three_again = prove(days(9, 12), Some(&two_again.after), Some(three.digest));
    assert_eq!(told(&three_again.bill), yes("correction"));
    assert_eq!(outdated(&desk), [false; 6]);
    assert_eq!(told(&prove(days(12, 15), Some(&three.after), None).bill), no("state-skipped"));
    assert_eq!(told(&prove(days(12, 15), Some(&three_again.after), None).bill), yes("new"));

    let refused = desk.json(&["ledger", "refusals"]).1;
    let against = hex::encode(one.digest);
    assert_eq!(refused["refusals"][1]["against"], against, "{refused}");
}

#[test]
fn a_restart_and_a_gap_are_the_operator_s() {
    let prover = Prover::new();
    let (desk, house) = (desk(&prover), House::new(1, 200));
    assert_eq!(desk.add(&house.meters[0], &["--contract", "4711"]).0, 0);
    let prove =
        |period, before: Option<&Before>, corrects| house.prove(&desk, &prover, "carries", period, before, corrects);
    let told = |bill: &[u8], more: &[&str]| desk.told(bill, "carries", more);
    let by_hand = ["--restart-state"];

    let one = prove(days(2, 5), None, None);
    assert_eq!(told(&one.bill, &by_hand), yes("new"));
    let gap = prove(days(9, 12), Some(&one.after), None);
    assert_eq!(told(&gap.bill, &[]), no("state-skipped"));
    assert_eq!(told(&gap.bill, &by_hand), yes("new"));
    let marks = desk.json(&["ledger", "list"]).1;
    let mark = |place: usize| marks["bills"][place]["proof"]["carried"]["by_hand"].as_bool();
    assert_eq!((mark(0), mark(1)), (Some(false), Some(true)), "a word that was not needed is not noted");

    // What lies before a bill that was booked comes too late, but for the operator.
    let late = prove(days(5, 7), None, None);
    assert_eq!(told(&late.bill, &[]), no("state-reset"));
    assert_eq!(told(&prove(days(5, 7), Some(&one.after), None).bill, &by_hand), no("state-taken"));
    assert_eq!(told(&late.bill, &by_hand), yes("new"));
    // A correction may begin where the operator let the bill begin.
    assert_eq!(told(&prove(days(5, 7), None, Some(late.digest)).bill, &[]), yes("correction"));
    let again = prove(days(9, 12), Some(&one.after), Some(gap.digest));
    assert_eq!(told(&again.bill, &[]), yes("correction"));
    let gap = again;

    // Another list of values cannot go on from these; without values the line would end.
    let other = house.prove(&desk, &prover, "other", days(12, 15), Some(&gap.after), None);
    assert_eq!(desk.told(&other.bill, "other", &by_hand), no("state-other"));
    let (linear, _) = house.make(&desk, "import", days(9, 12), None, Some(gap.digest));
    assert_eq!(desk.told(&linear, "import", &[]), no("state-reset"));
    let anew = house.prove(&desk, &prover, "other", days(12, 15), None, None);
    assert_eq!(desk.told(&anew.bill, "other", &[]), no("state-reset"));
    assert_eq!(desk.told(&anew.bill, "other", &by_hand), yes("new"));
}

#[test]
fn a_meter_that_is_exchanged_takes_the_values_over_once() {
    let prover = Prover::new();
    let desk = desk(&prover);
    let mut house = House::empty();
    house.install(1, 200, 0..9, None, None);
    house.install(2, 200, 9..DAYS, None, None);
    // A second meter of the same contract, which did not replace any.
    let beside = House::new(3, 100);
    let (old, new) = (&house.meters[0], &house.meters[1]);
    for meter in [old, new, &beside.meters[0]] {
        assert_eq!(desk.add(meter, &["--contract", "4711"]).0, 0);
    }
    let span = |from: u64, until: u64| protocol::time::Span { from: START + from * DAY, until: START + until * DAY };
    let told = |bill: &[u8]| desk.told(bill, "carries", &[]);
    let one = house.prove(&desk, &prover, "carries", span(2, 9), None, None);
    assert_eq!(told(&one.bill), yes("new"));
    let first_beside = beside.prove(&desk, &prover, "carries", span(2, 9), None, None);
    assert_eq!(told(&first_beside.bill), yes("new"), "two meters side by side have a line each");

    assert_eq!(told(&house.prove(&desk, &prover, "carries", span(9, 12), None, None).bill), no("state-reset"));
    let two = house.prove(&desk, &prover, "carries", span(9, 12), Some(&one.after), None);
    assert_eq!(told(&two.bill), yes("new"));
    // The meter beside it has values of its own: it does not choose.
    let swapped = beside.prove(&desk, &prover, "carries", span(9, 12), Some(&one.after), None);
    assert_eq!(told(&swapped.bill), no("state-taken"));
    let second_beside = beside.prove(&desk, &prover, "carries", span(9, 12), Some(&first_beside.after), None);
    assert_eq!(told(&second_beside.bill), yes("new"));
    let swapped = beside.prove(&desk, &prover, "carries", span(12, 15), Some(&two.after), None);
    assert_eq!(told(&swapped.bill), no("state-skipped"));

    // The next contract of a meter begins a line of its own.
    assert_eq!(desk.json(&["contract", "end", "4711", "--on", "2026-03-12T00:00:00Z"]).0, 0);
    assert_eq!(desk.add(new, &["--contract", "4712"]).0, 0);
    let moved = house.prove(&desk, &prover, "carries", span(12, 15), Some(&two.after), None);
    assert_eq!(told(&moved.bill), no("state-unknown"));
    assert_eq!(told(&house.prove(&desk, &prover, "carries", span(12, 15), None, None).bill), yes("new"));
}
