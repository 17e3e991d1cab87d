//! Reading the books: lists, exports, and what is missing.

use protocol::show;

use crate::world::*;

#[test]
fn the_ledger_shows_and_gives_back_what_it_booked() {
    let desk = Desk::new();
    let mut house = House::empty();
    house.install(1, 200, 0..DAYS, None, Some(march(5) + HOUR));
    desk.add(&house.meters[0], &["--contract", "4711"]);
    let (bill, digest) = house.make(&desk, "import", days(2, 9), None, None);
    assert_eq!(desk.outcome(&bill, &[]), (1, "incomplete".into()));
    let (code, answer) = desk.verify(&bill, &["--allow-incomplete"]);
    assert_eq!((code, &answer["booked"], &answer["complete"]), (0, &"new".into(), &false.into()));
    assert_eq!(desk.outcome(&house.bill(&desk, days(9, 16)), &["--require-certified"]), (0, "new".into()));

    let (code, list) = desk.json(&["ledger", "list"]);
    let rows = list["bills"].as_array().unwrap();
    assert_eq!((code, rows.len(), &list["incomplete"], &list["refusals"]), (0, 2, &1.into(), &1.into()));
    assert_eq!(
        (&rows[0]["missing"], &rows[0]["contract"], &rows[0]["complete"]),
        (&1.into(), &"4711".into(), &false.into())
    );
    assert_eq!(rows[0]["period"]["from"], "2026-03-02T00:00:00+01:00");
    let total: i64 = rows.iter().map(|row| row["fee_minor"].as_i64().unwrap()).sum();
    assert_eq!((&list["totals"][0]["fee_minor"], &list["totals"][0]["currency"]), (&total.into(), &"EUR".into()));
    let (_, text, _) = desk.run(&["ledger", "list"]);
    assert!(text.contains("INCOMPLETE") && text.contains("2 accepted (1 of them incomplete), 0 superseded, 1 refused"));
    let identity = house.meters[0].certificates()[0].certificate.identity_key;
    for (meter, count) in [(show::hex(&identity), Some(2)), (show::hex(&identity[..4]), Some(2)), ("aa".into(), None)] {
        let (_, list) = desk.json(&["ledger", "list", "--meter", &meter]);
        assert_eq!(list["bills"].as_array().map(Vec::len), count, "{list}");
    }

    let hex = show::hex(&digest);
    let (code, shown) = desk.json(&["ledger", "show", &hex[..8]]);
    assert_eq!((code, &shown["digest"], &shown["state"]), (0, &hex.as_str().into(), &"accepted".into()));
    assert_eq!(shown["claims"][0]["meter"], show::hex(&identity));
    for bad in ["", "abc", "00000000", "%%%%%%%%", "zzzzzzzz"] {
        assert_eq!(desk.json(&["ledger", "show", bad]).1["error"]["code"], "no-such-bill", "{bad}");
    }
    // The bill and its tariff come back as they came, and a stranger's judgement on them is the same.
    let export = ["ledger", "export", &hex, "--out", "out.bill", "--tariff-out", "out.tariff"];
    assert_eq!(desk.run(&export).0, 0);
    assert_eq!((desk.read("out.bill"), desk.read("out.tariff")), (bill, desk.read("import.tariff")));

    let (_, refusals) = desk.json(&["ledger", "refusals"]);
    assert_eq!(refusals["refusals"][0]["reason"], "incomplete");
    assert_eq!(refusals["refusals"][0]["bytes"], desk.read("out.bill").len());
}

#[test]
fn missing_bills_are_found() {
    let desk = Desk::new();
    let (house, other) = (House::new(1, 200), House::new(2, 300));
    let missing = |from, to| desk.json(&["ledger", "missing", "--period-from", from, "--period-to", to]);
    let (code, answer) = missing("2026-03-02", "2026-03-09");
    assert_eq!((code, &answer["new_ledger"]), (0, &true.into()), "nobody owes anything yet");
    desk.add(&house.meters[0], &["--contract", "A"]);
    desk.add(&other.meters[0], &["--contract", "B"]);
    let (code, answer) = missing("2026-03-02", "2026-03-09");
    assert_eq!((code, answer["missing"].as_array().unwrap().len()), (1, 2));

    desk.outcome(&house.bill(&desk, days(2, 9)), &[]);
    let (code, answer) = missing("2026-03-02", "2026-03-09");
    assert_eq!((code, &answer["covered"], &answer["missing"][0]["contract"]), (1, &1.into(), &"B".into()), "{answer}");
    desk.outcome(&other.bill(&desk, days(2, 9)), &[]);
    // A bare date is the local one of the bills, so that the period is exactly theirs.
    let (code, answer) = missing("2026-03-02", "2026-03-09");
    assert_eq!((code, &answer["covered"], &answer["expected"]), (0, &2.into(), &2.into()), "{answer}");
    let (code, answer) = missing("2026-03-01", "2026-03-11");
    assert_eq!(code, 1);
    let uncovered = &answer["missing"][0]["uncovered"];
    assert_eq!(uncovered[0]["until"], "2026-03-02T00:00:00+01:00", "{uncovered}");
    assert_eq!(uncovered[1]["from"], "2026-03-09T00:00:00+01:00");
    let (code, text, _) =
        desk.run(&["ledger", "missing", "--period-from", "2026-03-09", "--period-to", "2026-03-10", "--zone", "UTC"]);
    assert!(code == 1 && text.contains("MISSING contract A"), "{text}");

    // A register that is expected by name, or was billed before, is owed on its own.
    desk.add(&other.meters[0], &["--register", "1-0:1.8.0", "--register", "1-0:2.8.0"]);
    let (code, answer) = missing("2026-03-02", "2026-03-09");
    assert_eq!((code, &answer["missing"][0]["register"]), (1, &"1-0:2.8.0".into()));
    desk.write("export.bill", &other.make(&desk, "export", days(2, 9), None, None).0);
    assert_eq!(desk.run(&["verify", "export.bill", "--tariff", "export.tariff"]).0, 0);
    assert_eq!(missing("2026-03-02", "2026-03-09").0, 0);
    desk.run(&["meter", "retire", &other.meters[0].id().to_string(), "--from", "2026-03-09"]);
    let (_, answer) = missing("2026-03-09", "2026-03-11");
    assert_eq!(answer["missing"].as_array().unwrap().len(), 1, "a retired meter owes nothing");

    for (from, to, code) in [("2026-03-09", "2026-03-09", "time"), ("soon", "2026-03-09", "time")] {
        assert_eq!(missing(from, to).1["error"]["code"], code);
    }
}
