//! Wrong files, wrong keys, locks and disks: exit codes, and that nothing is booked.

use std::fs;

use rusqlite::Connection;

use crate::world::*;

#[test]
fn wrong_and_damaged_files_are_refused_and_recorded() {
    let desk = Desk::new();
    let house = House::new(1, 200);
    let bill = house.bill(&desk, days(2, 9));
    desk.add(&house.meters[0], &[]);
    for (at, reason) in [(0, "malformed"), (bill.len() / 2, ""), (bill.len() - 1, "")] {
        let mut bad = bill.clone();
        bad[at] ^= 1;
        let (code, word) = desk.outcome(&bad, &[]);
        assert!(code == 1 && (reason.is_empty() || word == reason), "{word}");
    }
    assert_eq!(desk.outcome(&[], &[]), (1, "malformed".into()));

    let other = Desk::new();
    desk.write("theirs.tariff", &other.read("import.tariff"));
    desk.write("bad.tariff", b"no tariff");
    desk.write("bad.cert", b"no certificate");
    desk.write("a.bill", &bill);
    for (args, reason) in [
        (&["--tariff", "theirs.tariff"][..], "other-provider"),
        (&["--tariff", "bad.tariff"], "bad-tariff"),
        (&["--tariff", "export.tariff"], "other-tariff"),
        (&["--tariff", "import.tariff", "--meter", "bad.cert"], "bad-certificate"),
    ] {
        let (code, answer) = desk.json(&[&["verify", "a.bill"], args].concat());
        assert_eq!((code, &answer["reason"], &answer["booked"]), (1, &reason.into(), &serde_json::Value::Null));
    }
    let (_, refusals) = desk.json(&["ledger", "refusals"]);
    assert_eq!(refusals["refusals"].as_array().unwrap().len(), 8);
    assert_eq!(desk.json(&["ledger", "list"]).1["accepted"], 0);
    assert_eq!(desk.json(&["meter", "add", "bad.cert"]).1["error"]["code"], "bad-certificate");

    // A certificate that is given stands in for the registry.
    let fresh = Desk::new();
    fresh.write("meter.cert", &house.meters[0].certificate_file());
    let bill = house.bill(&fresh, days(2, 9));
    let (code, answer) = fresh.verify(&bill, &["--meter", "meter.cert"]);
    assert_eq!((code, &answer["booked"], &answer["new_ledger"]), (0, &"new".into(), &true.into()));
    assert_eq!(fresh.verify(&bill, &["--meter", "meter.cert"]).1.get("new_ledger"), None);
}

#[test]
fn what_cannot_be_done_is_exit_3_and_changes_nothing() {
    let desk = Desk::new();
    let house = House::new(1, 200);
    desk.add(&house.meters[0], &[]);
    let bill = house.bill(&desk, days(2, 9));
    desk.write("a.bill", &bill);
    let error = |args: &[&str]| {
        let (code, answer) = desk.json(args);
        (code, answer["error"]["code"].as_str().unwrap_or("none").to_owned())
    };
    let verify = ["verify", "a.bill", "--tariff", "import.tariff"];
    assert_eq!(error(&["verify", "none.bill", "--tariff", "import.tariff"]), (3, "file".into()));
    assert_eq!(error(&["verify", "a.bill", "--tariff", "none.tariff"]), (3, "file".into()));
    assert_eq!(error(&["verify", ".", "--tariff", "import.tariff"]), (3, "file".into()));
    fs::rename(desk.path("home"), desk.path("elsewhere")).unwrap();
    assert_eq!(error(&["ledger", "list"]), (3, "no-key".into()));
    assert!(!desk.path("home").exists(), "a mistyped home is not made");
    fs::rename(desk.path("elsewhere"), desk.path("home")).unwrap();

    // Another process is writing.
    let key = fs::read_to_string(desk.path("home/ledger.key")).unwrap();
    let holder = Connection::open(desk.path("home/ledger.db")).unwrap();
    holder.execute_batch(&format!("PRAGMA key = \"x'{}'\"; BEGIN IMMEDIATE", key.trim())).unwrap();
    assert_eq!(error(&verify), (3, "locked".into()));
    assert_eq!(desk.json(&["ledger", "list"]).0, 0, "reading goes on");
    holder.execute_batch("ROLLBACK").unwrap();
    drop(holder);

    fs::write(desk.path("home/ledger.key"), "00".repeat(32)).unwrap();
    assert_eq!(error(&verify), (3, "wrong-key".into()));
    fs::write(desk.path("home/ledger.key"), "damaged").unwrap();
    assert_eq!(error(&verify), (3, "bad-key".into()));
    fs::remove_file(desk.path("home/ledger.key")).unwrap();
    assert_eq!(error(&verify), (3, "no-key".into()));
    fs::write(desk.path("home/ledger.key"), &key).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |mode| fs::set_permissions(desk.path("home/ledger.key"), fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        assert_eq!(error(&verify), (1, "key-exposed".into()));
        mode(0o600);
    }
    let whole = desk.read("home/ledger.db");
    let mut damaged = whole.clone();
    for byte in &mut damaged[4096..] {
        *byte ^= 0x55;
    }
    desk.write("home/ledger.db", &damaged);
    let (code, word) = error(&verify);
    assert!(code == 3 && ["wrong-key", "damaged-ledger", "database"].contains(&word.as_str()), "{word}");
    desk.write("home/ledger.db", &whole);
    assert_eq!(desk.outcome(&bill, &[]), (0, "new".into()));

    let digest = desk.json(&["ledger", "list"]).1["bills"][0]["digest"].as_str().unwrap().to_owned();
    assert_eq!(error(&["ledger", "export", &digest, "--out", "none/out.bill"]), (3, "file".into()));
    assert_eq!(desk.run(&["verify", "a.bill"]).0, 2, "no tariff given");
    assert_eq!(desk.run(&["verify", "a.bill", "--tariff", "import.tariff", "--nonce", "07"]).0, 2);
    assert_eq!(desk.run(&["verify", "a.bill", "--tariff", "import.tariff", "--contract", ""]).0, 2);
}

#[test]
fn of_many_at_once_one_books() {
    let desk = Desk::new();
    let house = House::new(1, 200);
    desk.write("meter.cert", &house.meters[0].certificate_file());
    desk.write("a.bill", &house.bill(&desk, days(2, 9)));
    let verify = ["verify", "a.bill", "--tariff", "import.tariff", "--meter", "meter.cert"];
    // None of them finds a ledger: they begin it together, too.
    let booked = std::thread::scope(|scope| {
        let all: Vec<_> = (0..6).map(|_| scope.spawn(|| desk.json(&verify))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    let count = |word: &str| booked.iter().filter(|(code, answer)| *code == 0 && answer["booked"] == word).count();
    assert_eq!((count("new"), count("already")), (1, 5), "{booked:?}");
    assert_eq!(booked.iter().filter(|(_, answer)| answer["new_ledger"] == true).count(), 1);
}
