//! The commands as a person or script meets them: exit codes, JSON, refusals, and what is on disk afterwards. Real
//! programs, real files, the encrypted store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod ledger;
mod place;

use std::os::unix::fs::PermissionsExt;

use place::Place;
use serde_json::Value;

/// The fields that every verdict has.
const VERDICT: [&str; 8] = ["verdict", "reason", "fee_minor", "currency", "exponent", "slots", "period", "bytes_left"];

#[test]
fn a_month_becomes_a_verified_bill() {
    let place = Place::sealed(62);
    let bill = place.json(
        &[
            "wattseal",
            "--home",
            "h",
            "bill",
            "--tariff",
            "t",
            "--from",
            "2026-03-01",
            "--to",
            "2026-04-01",
            "--out",
            "b",
        ],
        0,
    );
    let verdict = place.json(&["wattseal-verify", "b", "--tariff", "t", "--meter", "m/meter.cert"], 0);
    for field in VERDICT {
        assert!(verdict.get(field).is_some(), "{field} is missing: {verdict}");
    }
    assert_eq!(verdict["verdict"], "valid");
    assert_eq!(verdict["reason"], Value::Null);
    assert_eq!(verdict["slots"], 31 * 48 - 2);
    assert_eq!(verdict["fee_minor"], bill["fee_minor"]);
    assert_eq!(verdict["currency"], "EUR");
    assert_eq!(verdict["exponent"], 2);
    assert_eq!(verdict["period"]["from"], "2026-03-01T00:00:00+01:00");
    assert_eq!(verdict["period"]["until"], "2026-04-01T00:00:00+02:00");
    assert_eq!(verdict["bytes_left"], place.size("b"));
    // RFC 3339 names the same period.
    let again = [
        "wattseal",
        "--home",
        "h",
        "bill",
        "--tariff",
        "t",
        "--from",
        "2026-02-28T23:00:00Z",
        "--to",
        "2026-04-01T00:00:00+02:00",
        "--out",
        "b2",
    ];
    assert_eq!(place.json(&again, 0)["fee_minor"], bill["fee_minor"]);
    assert_eq!(place.json(&["wattseal", "--home", "h", "bills"], 0)["bills"].as_array().unwrap().len(), 2);

    let unattested = place.json(&["wattseal-verify", "b", "--tariff", "t"], 1);
    assert_eq!(unattested["verdict"], "origin-unattested");
    assert_eq!(unattested["fee_minor"], bill["fee_minor"]);
    place.json(&["wattseal-verify", "b", "--tariff", "t", "--allow-unattested"], 0);
    place.json(&["wattseal-verify", "b", "--tariff", "t", "--meter", "m/meter.cert", "--require-certified"], 0);
    let key = bill["provider"]["key"].as_str().unwrap().to_owned();
    place.json(&["wattseal-verify", "b", "--tariff", "t", "--meter", "m/meter.cert", "--provider-key", &key], 0);
    let other = "00".repeat(32);
    let refused =
        place.json(&["wattseal-verify", "b", "--tariff", "t", "--meter", "m/meter.cert", "--provider-key", &other], 1);
    assert_eq!(refused["reason"], "other-provider");

    let booked =
        place.json(&["wattseal-provider", "--home", "p", "verify", "b", "--tariff", "t", "--meter", "m/meter.cert"], 0);
    assert_eq!(booked["verdict"], "valid");
    let twice = place
        .json(&["wattseal-provider", "--home", "p", "verify", "b2", "--tariff", "t", "--meter", "m/meter.cert"], 1);
    assert_eq!(twice["reason"], "overlap-booked", "another statement for a booked period");
}

#[test]
fn wrong_usage_and_missing_files() {
    let place = Place::new();
    for (command, code) in [
        (vec!["wattseal"], 2),
        (vec!["wattseal", "frobnicate"], 2),
        (vec!["wattseal", "bill"], 2),
        (vec!["wattseal-verify"], 2),
        (vec!["wattseal-meter", "seal"], 2),
        (vec!["wattseal-provider", "tariff"], 2),
        (vec!["wattseal", "--home", "none", "status"], 3),
        (vec!["wattseal", "--home", "none", "import", "none"], 3),
        (vec!["wattseal-verify", "none", "--tariff", "none"], 3),
        (vec!["wattseal-provider", "--home", "none", "tariff", "compile", "none", "--out", "t"], 3),
        (
            vec![
                "wattseal-meter",
                "seal",
                "--csv",
                "none",
                "--column",
                "x",
                "--register",
                "1-0:1.8.0",
                "--interval",
                "1800",
                "--out",
                "m",
            ],
            3,
        ),
    ] {
        assert_eq!(place.run(&command).0, Some(code), "{command:?}");
    }
    for command in [
        "wattseal init",
        "wattseal pair",
        "wattseal import",
        "wattseal status",
        "wattseal readings",
        "wattseal bill",
        "wattseal bills",
        "wattseal ledger history",
        "wattseal ledger budget",
        "wattseal ledger explain",
        "wattseal-verify",
        "wattseal-meter seal",
        "wattseal-provider init",
        "wattseal-provider tariff compile",
        "wattseal-provider tariff import csv",
        "wattseal-provider tariff import octopus",
        "wattseal-provider tariff show",
        "wattseal-provider verify",
        "wattseal-provider ledger list",
        "wattseal-provider meter add",
    ] {
        let mut words: Vec<&str> = command.split(' ').collect();
        words.push("--help");
        let (code, text) = place.run(&words);
        assert_eq!(code, Some(0), "{command}");
        assert!(
            text.contains("xample") && text.contains("--json"),
            "{command} --help has an example and --json: {text}"
        );
    }
}

#[test]
fn a_home_is_made_once_and_guards_its_key() {
    let place = Place::new();
    place.json(&["wattseal", "--home", "h", "init"], 0);
    let mode = |name: &str| std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("h"), mode("h/hub.credential"), mode("h/store.db")), (0o700, 0o600, 0o600));
    let before = std::fs::read(place.path("h/hub.credential")).unwrap();
    assert_eq!(place.json(&["wattseal", "--home", "h", "init"], 1)["error"]["code"], "exists");
    assert_eq!(std::fs::read(place.path("h/hub.credential")).unwrap(), before);

    std::fs::set_permissions(place.path("h/hub.credential"), PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(place.json(&["wattseal", "--home", "h", "status"], 1)["error"]["code"], "open-key");
    std::fs::set_permissions(place.path("h/hub.credential"), PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(place.path("h/hub.credential"), "00".repeat(32)).unwrap();
    assert_eq!(place.json(&["wattseal", "--home", "h", "status"], 3)["error"]["code"], "wrong-key");
    std::fs::remove_file(place.path("h/hub.credential")).unwrap();
    assert_eq!(place.json(&["wattseal", "--home", "h", "status"], 3)["error"]["code"], "no-key");
    // The key on a medium of its own.
    std::fs::write(place.path("stick"), before).unwrap();
    std::fs::set_permissions(place.path("stick"), PermissionsExt::from_mode(0o600)).unwrap();
    place.json(&["wattseal", "--home", "h", "--key-file", "stick", "status"], 0);
}

#[test]
fn arrivals_are_verified_one_by_one() {
    let place = Place::new();
    place.json(
        &[
            "wattseal-meter",
            "seal",
            "--household",
            "5",
            "--from",
            "2026-03-01",
            "--days",
            "4",
            "--interval",
            "1800",
            "--out",
            "m",
        ],
        0,
    );
    place.json(&["wattseal", "--home", "h", "init"], 0);
    assert_eq!(
        place.json(&["wattseal", "--home", "h", "import", "m"], 1)["refused"][0]["code"],
        "unknown-meter",
        "not paired yet"
    );
    place.json(&["wattseal", "--home", "h", "pair", "m/pairing.key"], 0);
    assert_eq!(place.json(&["wattseal", "--home", "h", "pair", "m/pairing.key"], 0)["known"], true);
    assert_eq!(place.json(&["wattseal", "--home", "h", "pair", "m/meter.cert"], 1)["error"]["code"], "malformed");

    // One damaged block is discarded and named; the others are kept.
    let blocks = place.blocks("m");
    let good = std::fs::read(&blocks[2]).unwrap();
    let mut bad = good.clone();
    bad[120] ^= 1;
    std::fs::write(&blocks[2], bad).unwrap();
    let report = place.json(&["wattseal", "--home", "h", "import", "m"], 1);
    assert_eq!(report["stored"], blocks.len() - 1);
    assert_eq!(report["refused"].as_array().unwrap().len(), 1);
    let status = place.json(&["wattseal", "--home", "h", "status"], 0);
    assert!(status["meters"][0]["registers"].to_string().contains("gaps"));
    assert_eq!(status["refusals"][0]["code"], "bad-signature", "what was refused is on record: {status}");
    // The good one fills the gap; everything else is known.
    std::fs::write(&blocks[2], good).unwrap();
    let report = place.json(&["wattseal", "--home", "h", "import", "m"], 0);
    assert_eq!((report["stored"].as_u64(), report["known"].as_u64()), (Some(1), Some(blocks.len() as u64 - 1)));
    for register in place.json(&["wattseal", "--home", "h", "status"], 0)["meters"][0]["registers"].as_array().unwrap()
    {
        assert_eq!(register["gaps"].as_array().unwrap().len(), 0);
    }
    std::fs::create_dir(place.path("empty")).unwrap();
    assert_eq!(place.json(&["wattseal", "--home", "h", "import", "empty"], 1)["error"]["code"], "nothing");
}

#[test]
fn what_is_not_complete_is_not_billed_as_complete() {
    let place = Place::new();
    place.tariff("t", "");
    // Three hours without a value on 10 March.
    let csv = place.csv(|slot| if (460..466).contains(&slot) { None } else { Some(200 + slot % 37) }, 62);
    place.seal(&csv, "m");
    place.home("h", "m");
    let bill = |extra: &[&'static str], code| {
        let mut command = vec![
            "wattseal",
            "--home",
            "h",
            "bill",
            "--tariff",
            "t",
            "--from",
            "2026-03-01",
            "--to",
            "2026-04-01",
            "--out",
            "b",
        ];
        command.extend(extra);
        place.json(&command, code)
    };
    assert_eq!(bill(&[], 1)["error"]["code"], "incomplete");
    assert!(!place.path("b").exists(), "nothing is written when a bill is refused");
    let marked = bill(&["--allow-incomplete"], 0);
    assert_eq!((marked["complete"].as_bool(), marked["missing"].as_u64()), (Some(false), Some(6)));
    assert_eq!(
        place.json(&["wattseal-verify", "b", "--tariff", "t", "--meter", "m/meter.cert"], 1)["reason"],
        "incomplete"
    );
    let verdict =
        place.json(&["wattseal-verify", "b", "--tariff", "t", "--meter", "m/meter.cert", "--allow-incomplete"], 0);
    assert_eq!((verdict["complete"].as_bool(), verdict["missing"].as_u64()), (Some(false), Some(6)));

    let gap = [
        "wattseal",
        "--home",
        "h",
        "bill",
        "--tariff",
        "t",
        "--from",
        "2026-02-01",
        "--to",
        "2026-03-01",
        "--out",
        "c",
    ];
    assert_eq!(place.json(&gap, 1)["error"]["code"], "gap");
    for (from, to, code) in [
        ("2026-03-01", "2026-03-01", "period"),
        ("2026-04-01", "2026-03-01", "period"),
        ("2026-03-01T12:00:00Z", "2026-04-01", "period"),
        ("2026-03-01T00:10:00Z", "2026-04-01", "period"),
        ("2025-03-01", "2025-04-01", "period"),
        ("March", "2026-04-01", "time"),
    ] {
        let refused = place
            .json(&["wattseal", "--home", "h", "bill", "--tariff", "t", "--from", from, "--to", to, "--out", "c"], 1);
        assert_eq!(refused["error"]["code"], code, "{from} to {to}: {refused}");
    }
}

#[test]
fn epochs_and_a_new_meter() {
    let place = Place::new();
    place.tariff("t", "");
    let whole = place.csv(|slot| Some(150 + slot % 91), 62);
    place.seal(&whole, "m");
    place.home("h", "m");
    let fee = |home: &'static str, out: &'static str| {
        place.json(
            &[
                "wattseal",
                "--home",
                home,
                "bill",
                "--tariff",
                "t",
                "--from",
                "2026-03-01",
                "--to",
                "2026-04-01",
                "--out",
                out,
            ],
            0,
        )["fee_minor"]
            .clone()
    };
    let straight = fee("h", "b0");

    // The same load through a meter that changes its key in mid-month: the same fee, one more signature.
    let path = whole.to_str().unwrap();
    let seal = |out: &str, extra: &[&str], code| {
        let mut command = vec![
            "wattseal-meter",
            "seal",
            "--csv",
            path,
            "--column",
            "load",
            "--register",
            "1-0:1.8.0",
            "--interval",
            "1800",
            "--out",
            out,
        ];
        command.extend(extra);
        place.json(&command, code)
    };
    seal("r", &["--rotate-at", "2026-03-15T12:00:00Z"], 0);
    place.home("hr", "r");
    assert_eq!(fee("hr", "b1"), straight);
    assert_eq!(
        place.json(&["wattseal-verify", "b1", "--tariff", "t", "--meter", "r/meter.cert"], 0)["verdict"],
        "valid"
    );

    // A new meter from 15 March on, in the same home: two certificates in the registry.
    seal("a", &["--until", "2026-03-15T12:00:00Z"], 0);
    seal("z", &["--from", "2026-03-15T12:00:00Z"], 0);
    place.home("hz", "a");
    place.json(&["wattseal", "--home", "hz", "pair", "z/pairing.key"], 0);
    place.json(&["wattseal", "--home", "hz", "import", "z"], 0);
    assert_eq!(fee("hz", "b2"), straight);
    assert_eq!(
        place.json(&["wattseal-verify", "b2", "--tariff", "t", "--meter", "a/meter.cert"], 1)["reason"],
        "unknown-meter"
    );
    let both = ["wattseal-verify", "b2", "--tariff", "t", "--meter", "a/meter.cert", "--meter", "z/meter.cert"];
    assert_eq!(place.json(&both, 0)["verdict"], "valid");

    // A second meter for the same time: the household must say which.
    place.seal(&whole, "w");
    place.json(&["wattseal", "--home", "h", "pair", "w/pairing.key"], 0);
    place.json(&["wattseal", "--home", "h", "import", "w"], 0);
    let which = [
        "wattseal",
        "--home",
        "h",
        "bill",
        "--tariff",
        "t",
        "--from",
        "2026-03-01",
        "--to",
        "2026-04-01",
        "--out",
        "b3",
    ];
    assert_eq!(place.json(&which, 1)["error"]["code"], "several-meters");
    let identity =
        place.json(&["wattseal", "--home", "h", "status"], 0)["meters"][0]["identity"].as_str().unwrap().to_owned();
    let mut named = which.to_vec();
    named.extend(["--meter", &identity]);
    place.json(&named, 0);

    // The same time cannot be sealed twice.
    assert!(seal("r", &[], 1)["error"]["code"].is_string());
}

#[test]
fn a_providers_key_is_pinned() {
    let place = Place::sealed(62);
    let bill = |tariff: &str, out: &str, extra: &[&str], code| {
        let mut command = vec![
            "wattseal",
            "--home",
            "h",
            "bill",
            "--tariff",
            tariff,
            "--from",
            "2026-03-01",
            "--to",
            "2026-04-01",
            "--out",
            out,
        ];
        command.extend(extra);
        place.json(&command, code)
    };
    bill("t", "b", &[], 0);
    // Somebody else publishes under the same name.
    place.json(&["wattseal-provider", "--home", "thief", "init", "--name", "Polder"], 0);
    place.json(&["wattseal-provider", "--home", "thief", "tariff", "compile", "t.toml", "--out", "t2"], 0);
    assert_eq!(bill("t2", "b2", &[], 1)["error"]["code"], "other-provider");
    assert!(!place.path("b2").exists());
    let mut damaged = std::fs::read(place.path("t")).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(place.path("t3"), damaged).unwrap();
    assert_eq!(bill("t3", "b3", &[], 1)["error"]["code"], "tariff");
}

#[test]
fn a_store_in_use_and_a_disk_that_refuses() {
    let place = Place::sealed(2);
    // Another process is writing: wait, then say so, and lose nothing.
    let key = hex::encode(place.store_key("h").expose());
    let holder = rusqlite::Connection::open(place.path("h/store.db")).unwrap();
    holder.execute_batch(&format!("PRAGMA key = \"x'{key}'\"; BEGIN IMMEDIATE")).unwrap();
    assert_eq!(place.json(&["wattseal", "--home", "h", "import", "m"], 3)["error"]["code"], "locked");
    holder.execute_batch("ROLLBACK").unwrap();
    drop(holder);
    place.json(&["wattseal", "--home", "h", "import", "m"], 0);
    // An output that cannot be written leaves no bill behind, in the directory or in the store.
    place.json(
        &[
            "wattseal",
            "--home",
            "h",
            "bill",
            "--tariff",
            "t",
            "--from",
            "2026-03-01",
            "--to",
            "2026-03-02",
            "--out",
            "nowhere/b",
        ],
        3,
    );
    assert_eq!(place.json(&["wattseal", "--home", "h", "bills"], 0)["bills"].as_array().unwrap().len(), 0);
}
