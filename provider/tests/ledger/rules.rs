//! The rules between bills: one for each meter, register and time; corrections; contradictions; contracts.

use metrology::keys::Hash;
use protocol::meter_bill::{MeterBill, MeterRegister};
use protocol::show;
use protocol::time::Span;

use crate::world::*;

fn is(outcome: (i32, String), code: i32, word: &str) {
    assert_eq!(outcome, (code, word.to_owned()));
}

#[test]
fn a_bill_is_booked_once() {
    let desk = Desk::new();
    let house = House::new(1, 200);
    assert_eq!(desk.add(&house.meters[0], &["--contract", "4711"]).0, 0);
    let nonce = Some([7; 16]);
    let (first, digest) = house.make(&desk, "import", days(2, 9), nonce, None);
    let (code, answer) = desk.verify(&first, &["--contract", "4711"]);
    assert_eq!((code, &answer["verdict"], &answer["booked"]), (0, &"valid".into(), &"new".into()), "{answer}");
    assert_eq!((&answer["contract"], &answer["new_ledger"]), (&"4711".into(), &serde_json::Value::Null));
    assert_eq!((&answer["digest"], &answer["slots"]), (&show::hex(&digest).into(), &(7 * 24).into()));
    is(desk.outcome(&first, &[]), 0, "already");

    // The same statement with other proof bytes is the same bill; a new statement for the same time is not.
    let (again, same) = house.make(&desk, "import", days(2, 9), nonce, None);
    assert!(same == digest && again != first);
    is(desk.outcome(&again, &["--nonce", &"07".repeat(16)]), 0, "already");
    is(desk.outcome(&again, &["--nonce", &"08".repeat(16)]), 1, "other-nonce");
    for period in [days(2, 9), days(1, 3), days(8, 10), days(4, 5), days(1, 20)] {
        let (code, answer) = desk.verify(&house.bill(&desk, period), &[]);
        assert_eq!((code, &answer["reason"], &answer["verdict"]), (1, &"overlap-booked".into(), &"invalid".into()));
        assert_eq!(answer["against"], show::hex(&digest), "{answer}");
    }
    // Neighbours share a block at the boundary and pass; so does another register for the same time.
    is(desk.outcome(&house.bill(&desk, days(9, 16)), &[]), 0, "new");
    is(desk.outcome(&house.bill(&desk, days(1, 2)), &[]), 0, "new");
    let (export, _) = house.make(&desk, "export", days(2, 9), None, None);
    desk.write("export.bill", &export);
    assert_eq!(desk.json(&["verify", "export.bill", "--tariff", "export.tariff"]).1["booked"], "new");
}

#[test]
fn corrections_form_a_line() {
    let desk = Desk::new();
    let house = House::new(1, 200);
    desk.add(&house.meters[0], &[]);
    let make = |period, corrects: Option<Hash>| house.make(&desk, "import", period, None, corrects);
    let (first, one) = make(days(2, 9), None);
    let (second, two) = make(days(2, 9), Some(one));
    is(desk.outcome(&second, &[]), 1, "corrects-unknown");
    is(desk.outcome(&first, &[]), 0, "new");
    is(desk.outcome(&make(days(2, 10), Some(one)).0, &[]), 1, "corrects-other");
    let (export, _) = house.make(&desk, "export", days(2, 9), None, Some(one));
    desk.write("export.bill", &export);
    assert_eq!(desk.json(&["verify", "export.bill", "--tariff", "export.tariff"]).1["reason"], "corrects-other");

    is(desk.outcome(&second, &[]), 0, "correction");
    is(desk.outcome(&second, &[]), 0, "already");
    is(desk.outcome(&make(days(2, 9), Some(one)).0, &[]), 1, "corrects-superseded");
    let (third, three) = make(days(2, 9), Some(two));
    is(desk.outcome(&third, &[]), 0, "correction");
    // What is superseded makes no room for others, and sending it again changes nothing.
    is(desk.outcome(&make(days(2, 9), None).0, &[]), 1, "overlap-booked");
    let (code, answer) = desk.verify(&first, &[]);
    assert_eq!((code, &answer["booked"], &answer["corrected_by"]), (0, &"already".into(), &show::hex(&two).into()));

    let (_, list) = desk.json(&["ledger", "list"]);
    assert_eq!((&list["accepted"], &list["superseded"]), (&1.into(), &2.into()), "{list}");
    assert_eq!(list["totals"][0]["fee_minor"], list["bills"][2]["fee_minor"]);
    let (_, bill) = desk.json(&["ledger", "show", &show::hex(&two)]);
    assert_eq!((&bill["corrects"], &bill["corrected_by"]), (&show::hex(&one).into(), &show::hex(&three).into()));
    assert_eq!(bill["state"], "superseded");
}

#[test]
fn a_meter_that_contradicts_itself_is_found() {
    let desk = Desk::new();
    let (house, twin) = (House::new(1, 200), House::new(1, 100));
    assert_eq!(house.meters[0].certificate_file(), twin.meters[0].certificate_file());
    desk.add(&house.meters[0], &[]);
    is(desk.outcome(&house.bill(&desk, days(2, 9)), &[]), 0, "new");
    // The week after shares the block of the boundary; a day later only the link of its first header tells.
    for period in [days(9, 16), days(10, 12), days(1, 2), days(2, 9)] {
        is(desk.outcome(&twin.bill(&desk, period), &[]), 1, "fork");
    }
    let evidence = twin.bill(&desk, days(9, 16));
    let (_, out, _) = desk.run(&["verify", "a.bill", "--tariff", "import.tariff"]);
    assert!(out.starts_with("INVALID") && out.contains("contradicts itself"), "{out}");
    is(desk.outcome(&evidence, &[]), 1, "fork");
    let (code, refused) = desk.json(&["ledger", "refusals"]);
    assert_eq!((code, &refused["contradictions"]), (0, &6.into()));
    let (_, list) = desk.json(&["ledger", "list"]);
    assert_eq!((&list["contradictions"], &list["accepted"]), (&6.into(), &1.into()));
    assert!(desk.run(&["ledger", "list"]).1.starts_with("ATTENTION"));
    let file = refused["refusals"][5]["file"].as_str().unwrap();
    assert_eq!(desk.run(&["ledger", "export", file, "--out", "evidence.bill"]).0, 0);
    assert_eq!(desk.read("evidence.bill"), evidence);
    // What the meter says in line with before still passes.
    is(desk.outcome(&house.bill(&desk, days(9, 16)), &[]), 0, "new");
}

#[test]
fn epochs_are_learnt_from_certificates_alone() {
    let desk = Desk::new();
    let noon = march(12) + 13 * HOUR;
    let (mut house, mut twin) = (House::empty(), House::empty());
    house.install(1, 200, 0..DAYS, Some(noon), None);
    twin.install(1, 200, 0..DAYS, Some(noon + DAY), None);
    let first = House::new(1, 200);
    assert_eq!(desk.add(&first.meters[0], &[]).1["new_epochs"], 1);
    // A later epoch is the same meter's by its identity key, but the registry does not take it from a bill.
    is(desk.outcome(&house.bill(&desk, days(2, 9)), &[]), 0, "new");
    is(desk.outcome(&house.bill(&desk, days(9, 16)), &[]), 0, "new");
    is(desk.outcome(&house.bill(&desk, days(16, 20)), &[]), 0, "new");
    let (_, list) = desk.json(&["meter", "list"]);
    assert_eq!(list["meters"][0]["epochs"].as_array().unwrap().len(), 1);
    // Another second epoch contradicts the booked bills, as a bill and as a certificate.
    is(desk.outcome(&twin.bill(&desk, days(20, 22)), &[]), 1, "forked-epoch");
    let (code, answer) = desk.add(&twin.meters[0], &[]);
    assert_eq!((code, &answer["error"]["code"]), (1, &"forked-epoch".into()));
    let (code, answer) = desk.add(&house.meters[0], &[]);
    assert_eq!((code, &answer["new_epochs"], &answer["added"]), (0, &1.into(), &true.into()));
    assert_eq!(desk.add(&house.meters[0], &[]).1["new_epochs"], 0);
    is(desk.outcome(&twin.bill(&desk, days(20, 22)), &[]), 1, "forked-epoch");
    assert_eq!(desk.json(&["ledger", "refusals"]).1["contradictions"], 3);
}

#[test]
fn meters_contracts_and_retirement() {
    let desk = Desk::new();
    let (house, stranger) = (House::new(1, 200), House::new(2, 200));
    let week = house.bill(&desk, days(2, 9));
    // With no meter listed nobody vouches for the seals; with another one listed this one is unknown.
    is(desk.outcome(&week, &[]), 1, "origin-unattested");
    is(desk.outcome(&week, &["--allow-unattested"]), 0, "origin-unattested");
    desk.add(&stranger.meters[0], &[]);
    is(desk.outcome(&week, &["--allow-unattested"]), 1, "unknown-meter");
    desk.add(&house.meters[0], &["--contract", "A"]);
    is(desk.outcome(&week, &["--contract", "B"]), 1, "other-contract");
    is(desk.outcome(&week, &["--contract", "A"]), 0, "new");
    is(desk.outcome(&week, &["--contract", "B"]), 1, "other-contract");
    assert_eq!(desk.add(&house.meters[0], &["--contract", "B"]).1["error"]["code"], "other-contract");

    // A replaced meter: both must be under one contract, and each is in service for its own part.
    let mut home = House::empty();
    home.install(3, 200, 0..10, None, None);
    home.install(4, 150, 10..DAYS, None, None);
    let moved = home.bill(&desk, days(2, 20));
    desk.add(&home.meters[0], &["--contract", "C"]);
    is(desk.outcome(&moved, &[]), 1, "unknown-meter");
    desk.add(&home.meters[1], &["--contract", "D"]);
    is(desk.outcome(&moved, &[]), 1, "several-contracts");
    is(desk.outcome(&moved, &["--contract", "C"]), 1, "other-contract");

    let desk = Desk::new();
    for meter in &home.meters {
        desk.add(meter, &["--contract", "C"]);
    }
    let old = home.meters[0].id().to_string();
    let moved = home.bill(&desk, days(2, 20));
    assert_eq!(desk.run(&["meter", "retire", &old, "--from", "2026-03-09T23:00:00Z"]).0, 0);
    is(desk.outcome(&moved, &["--contract", "C"]), 1, "meter-retired");
    let (code, answer) = desk.json(&["meter", "retire", &old, "--from", "2026-03-10"]);
    assert_eq!((code, &answer["meter"]["retired_from"]), (0, &"2026-03-10T00:00:00+00:00".into()), "{answer}");
    is(desk.outcome(&moved, &["--contract", "C"]), 0, "new");
    let missing = ["ledger", "missing", "--period-from", "2026-03-02", "--period-to", "2026-03-20"];
    assert_eq!(desk.run(&missing).0, 0, "each meter owes its own part");
    assert_eq!(desk.json(&["meter", "retire", "nobody", "--from", "2026-03-10"]).1["error"]["code"], "unknown-meter");
}

#[test]
fn a_meters_own_bill_is_booked_by_the_same_rule() {
    let desk = Desk::new();
    let house = House::new(1, 200);
    desk.add(&house.meters[0], &[]);
    let tariff = desk.tariff("import.tariff");
    let certificate = &house.meters[0].certificates()[0];
    let sign = |period: Span, fee_minor| {
        let slots = u32::try_from(period.seconds() / HOUR).unwrap();
        let register = MeterRegister { code: code("1-0:1.8.0"), slots, missing: 0, estimated: 0, tamper: 0, events: 0 };
        let bill = MeterBill {
            version: 1,
            certificate: certificate.hash,
            recipient: tariff.tariff.provider.key,
            tariff: tariff.hash,
            period,
            registers: vec![register],
            fee_minor,
        };
        bill.sign(&certificate.message, &signing_key(1))
    };
    is(desk.outcome(&sign(days(2, 9), 100), &[]), 0, "new");
    is(desk.outcome(&sign(days(2, 9), 100), &[]), 0, "already");
    is(desk.outcome(&sign(days(2, 9), 99), &[]), 1, "overlap-booked");
    is(desk.outcome(&house.bill(&desk, days(8, 10)), &[]), 1, "overlap-booked");
    is(desk.outcome(&house.bill(&desk, days(9, 10)), &[]), 0, "new");
    let (_, list) = desk.json(&["ledger", "list", "--meter", &house.meters[0].id().to_string()]);
    assert_eq!((&list["bills"][0]["kind"], &list["bills"][1]["kind"]), (&"meter-bill".into(), &"linear-bill".into()));
}
