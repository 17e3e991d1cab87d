//! `wattseal-meter` as a person or a program calls it: exit codes, messages, files.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::fs;

use common::{half_hours, names, open_directory, readings, run, run_json, snapshot};

const IMPORT: &str = "--column import_wh --register 1-0:1.8.0";

#[test]
fn a_first_run_and_its_summary() {
    let dir = tempfile::tempdir().unwrap();
    let csv = half_hours(dir.path(), "a.csv", "2013-01-01", 100);
    let out = dir.path().join("meter");
    let words =
        format!("seal --csv {} {IMPORT} --column export_wh --register 1-0:2.8.0 --interval 1800", csv.display());
    let summary = run_json(&words, &out, 0);
    assert_eq!((&summary["blocks"], &summary["slots"], &summary["missing"]), (&6.into(), &200.into(), &0.into()));
    assert_eq!(summary["from"], "2013-01-01T00:00Z");
    assert_eq!(summary["until"], "2013-01-03T02:00Z");
    assert_eq!(summary["registers"][1]["register"], "1-0:2.8.0");
    assert_eq!(summary["certificate"], out.join("meter.cert").to_str().unwrap());
    assert_eq!(summary["pairing"], out.join("pairing.key").to_str().unwrap());
    assert_eq!(summary["fingerprint"].as_str().unwrap().len(), 39);
    assert_eq!(summary["test_keys"], false);

    let blocks = names(&out.join("blocks/1-0_1.8.0"));
    let blocks: Vec<_> = blocks.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(blocks, ["2013-01-01-000000.block", "2013-01-02-000000.block", "2013-01-03-000000.block"]);
    let registers = open_directory(&out);
    let import: Vec<_> = (0..100).map(|i| Some(100 + i % 50)).collect();
    assert_eq!(readings(&registers["1-0:1.8.0"]), import);
    let export: u64 = (0..100).map(|i| (i % 7) * 10_000 + 5_000).sum();
    assert_eq!(registers["1-0:2.8.0"].last().unwrap().after, export);
}

#[test]
fn the_meter_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("meter");
    let seal = |from: &str, count: u64, words: &str| {
        let csv = half_hours(dir.path(), "part.csv", from, count);
        run_json(&format!("seal --csv {} {words}", csv.display()), &out, 0)
    };
    let first = seal("2013-01-01", 30, &format!("{IMPORT} --register-start 1000.5"));
    let pairing = fs::read(out.join("pairing.key")).unwrap();
    // Another register of the same time, then half a day missing, then rotated keys, then a month missing.
    seal("2013-01-01", 30, "--column export_wh --register 1-0:2.8.0");
    let gap = seal("2013-01-02T03:00Z", 10, IMPORT);
    assert_eq!((&gap["missing"], &gap["from"]), (&24.into(), &"2013-01-01T15:00Z".into()));
    let rotated = seal("2013-01-02T08:00Z", 100, &format!("{IMPORT} --rotate-at 2013-01-03T12:30Z"));
    assert_eq!(rotated["epochs"], 2);
    let stepped = seal("2013-02-04T10:00Z", 10, IMPORT);
    assert_eq!((&stepped["epochs"], &stepped["missing"]), (&3.into(), &0.into()));
    let remarks = stepped["remarks"].to_string();
    assert!(remarks.contains("epoch 2 begins at 2013-02-04T10:00Z: the clock stepped"), "{remarks}");

    assert_eq!(first["fingerprint"], stepped["fingerprint"]);
    assert_eq!(pairing, fs::read(out.join("pairing.key")).unwrap(), "the pairing is made once");
    let registers = open_directory(&out);
    let import = &registers["1-0:1.8.0"];
    assert_eq!(import[0].before, 10_005_000);
    assert_eq!(readings(import).len(), 30 + 24 + 10 + 100 + 10);
    assert_eq!(import.last().unwrap().header.events, metrology::label::events::CLOCK_SET);
    assert_eq!(registers["1-0:2.8.0"].len(), 1);
}

#[test]
fn a_refusal_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("meter");
    let csv = half_hours(dir.path(), "a.csv", "2013-01-01", 100);
    let csv = csv.display();
    let bad = dir.path().join("bad.csv");
    fs::write(&bad, "utc_start,import_wh\n2014-01-01T00:00Z,1\n2014-01-01T00:30Z,-1\n").unwrap();
    let bad = bad.display();

    // Nothing is made for a meter that never was.
    let refused = run_json(&format!("seal --csv {bad} {IMPORT}"), &out, 1);
    assert_eq!(refused["error"]["code"], "negative");
    assert!(refused["error"]["message"].as_str().unwrap().contains("line 3"));
    run_json(&format!("seal --csv {csv} {IMPORT} --rotate-at 2012-01-01"), &out, 1);
    assert!(!out.exists());

    run_json(&format!("seal --csv {csv} {IMPORT} --until 2013-01-02 --meter-id cellar --class self"), &out, 0);
    let before = snapshot(&out);
    for (words, code) in [
        (format!("--csv {bad} {IMPORT}"), "negative"),
        (format!("--csv {csv} {IMPORT}"), "already_sealed"),
        (format!("--csv {csv} {IMPORT} --until 2013-01-01T00:30Z"), "already_sealed"),
        (format!("--csv {csv} --column nothing --register 1-0:1.8.0"), "unknown_column"),
        (format!("--csv {csv} {IMPORT} --from 2013-01-02 --interval 3600"), "register_differs"),
        (format!("--csv {csv} {IMPORT} --from 2013-01-02 --unit kWh"), "register_differs"),
        (format!("--csv {csv} {IMPORT} --from 2013-01-02 --register-start 0"), "start_given"),
        (format!("--csv {csv} {IMPORT} --from 2013-01-02 --meter-id attic"), "other_meter"),
        (format!("--csv {csv} {IMPORT} --from 2013-01-02 --class certified"), "other_class"),
        (format!("--csv {csv} {IMPORT} --from 2013-01-02 --seed {}", "00".repeat(32)), "other_seed"),
        (format!("--csv {csv} {IMPORT} --from 2013-01-02 --tamper 2012-01-01..2012-01-02"), "fault_outside"),
        (format!("--csv {csv} {IMPORT} --from 2020-01-01"), "nothing_left"),
        (format!("--csv {csv} {IMPORT} --shift-years -1"), "before_epoch"),
    ] {
        let refused = run_json(&format!("seal {words}"), &out, 1);
        assert_eq!(refused["error"]["code"], code, "{words}: {refused}");
        assert_eq!(snapshot(&out), before, "{words}");
    }
    run_json(&format!("seal --csv {csv} {IMPORT} --from 2013-01-02 --meter-id cellar --class self"), &out, 0);
    open_directory(&out);
}

#[test]
fn wrong_usage_is_2() {
    let dir = tempfile::tempdir().unwrap();
    let csv = half_hours(dir.path(), "a.csv", "2013-01-01", 10);
    let csv = csv.display();
    for words in [
        String::new(),
        "unseal".into(),
        "seal".into(),
        format!("seal --csv {csv}"),
        format!("seal --csv {csv} --column import_wh"),
        format!("seal --csv {csv} --column import_wh --column export_wh --register 1-0:1.8.0"),
        format!("seal --csv {csv} {IMPORT} --interval 1000"),
        format!("seal --csv {csv} {IMPORT} --from yesterday"),
        format!("seal --csv {csv} {IMPORT} --tamper 2013-01-02..2013-01-01"),
        format!("seal --csv {csv} {IMPORT} --seed 12"),
        format!("seal --csv {csv} {IMPORT} --outage-counted"),
        format!("seal --csv {csv} {IMPORT} --class gold"),
        format!("seal --csv {csv} {IMPORT} --household 1"),
        format!("seal --csv {csv} {IMPORT} --days 3"),
        format!("seal --csv {csv} {IMPORT} --register-start 1 --register-start 2"),
        format!("seal --csv {csv} {IMPORT} --register-start x"),
        "seal --household 1 --days 0".into(),
        "seal --household 1 --pv 1000000".into(),
    ] {
        let result = run_json(&words, &dir.path().join("meter"), 2);
        assert_eq!(result["error"]["code"], "usage", "{words}");
        assert!(!result["error"]["message"].as_str().unwrap().is_empty());
    }
    let text = run_json(&format!("seal --csv {csv}"), dir.path(), 2)["error"]["message"].to_string();
    assert!(text.contains("--column") && !text.contains("Usage"), "{text}");
    let secret = run(&format!("seal --csv {csv} {IMPORT} --seed {}x", "ab".repeat(31)), dir.path());
    assert!(!String::from_utf8(secret.stderr).unwrap().contains("abab"), "a seed is not repeated");
    assert!(!dir.path().join("meter").exists());
}

#[test]
fn what_could_not_be_done_is_3() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("meter");
    let missing = run_json(&format!("seal --csv {} {IMPORT}", dir.path().join("no.csv").display()), &out, 3);
    assert_eq!(missing["error"]["code"], "io");

    run_json("seal --household 1 --days 1", &out, 0);
    let lock = fs::OpenOptions::new().write(true).open(out.join("flash/lock")).unwrap();
    fs2::FileExt::lock_exclusive(&lock).unwrap();
    let before = snapshot(&out);
    let locked = run_json("seal --household 1 --days 1 --from 2025-01-02", &out, 3);
    assert_eq!(locked["error"]["code"], "locked");
    assert_eq!(snapshot(&out), before);
    drop(lock);
    run_json("seal --household 1 --days 1 --from 2025-01-02", &out, 0);

    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(run_json("seal --household 1 --days 1", &file.join("meter"), 3)["error"]["code"], "io");
}

#[test]
fn a_seed_repeats_everything_and_says_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let words = format!("seal --household 5 --days 3 --seed {} --rotate-at 2025-01-02T06:00Z", "2a".repeat(32));
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    let summary = run_json(&words, &a, 0);
    run_json(&words, &b, 0);
    assert_eq!(summary["test_keys"], true);
    assert!(summary["remarks"].to_string().contains("for tests only"));
    let bytes = |root: &std::path::Path| snapshot(root).into_values().collect::<Vec<_>>();
    assert_eq!(bytes(&a), bytes(&b));
    assert_eq!(open_directory(&a).len(), 2);

    let other = dir.path().join("c");
    run_json("seal --household 5 --days 3", &other, 0);
    assert_ne!(fs::read(a.join("meter.cert")).unwrap(), fs::read(other.join("meter.cert")).unwrap());
}

#[test]
fn households_go_on_too() {
    let dir = tempfile::tempdir().unwrap();
    let (once, twice) = (dir.path().join("once"), dir.path().join("twice"));
    run_json("seal --household 5 --from 2025-03-01 --days 4 --pv 0", &once, 0);
    run_json("seal --household 5 --from 2025-03-01 --until 2025-03-02T12:00Z --pv 0", &twice, 0);
    run_json("seal --household 5 --from 2025-03-02T12:00Z --until 2025-03-05 --pv 0", &twice, 0);
    let (once, twice) = (open_directory(&once), open_directory(&twice));
    assert_eq!((once.len(), twice["1-0:1.8.0"].len()), (1, 5));
    assert_eq!(readings(&once["1-0:1.8.0"]), readings(&twice["1-0:1.8.0"]));
}

#[test]
fn what_people_read() {
    let dir = tempfile::tempdir().unwrap();
    let help = run("seal --help", dir.path());
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success() && text.contains("--column import_wh --register 1-0:1.8.0"), "{text}");

    let csv = half_hours(dir.path(), "a.csv", "2013-01-01T00:30Z", 10);
    let words = format!("seal --csv {} {IMPORT} --interval 3600 --shift-years 12", csv.display());
    let output = run(&words, &dir.path().join("meter"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "no progress where nobody looks");
    for line in [
        "Sealed 4 slots in 1 blocks, 2025-01-01T01:00Z to 2025-01-01T05:00Z.",
        "1-0:1.8.0 (Wh): 4 slots, 0 of them missing, in 1 blocks",
        "Note: the file's intervals of 1800 s were summed to slots of 3600 s.",
        "Note: the first 1 lines were left out: their slot is not covered whole.",
        "Note: the last 1 lines were left out: their slot is not covered whole.",
        "Note: the readings were moved by 12 years: 2013-01-01T01:00Z became 2025-01-01T01:00Z.",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let again = run(&words, &dir.path().join("meter"));
    assert_eq!(again.status.code(), Some(1));
    let text = String::from_utf8(again.stderr).unwrap();
    assert!(text.starts_with("error: register 1-0:1.8.0 is already sealed until 2025-01-01T05:00Z"), "{text}");
    assert!(again.stdout.is_empty());
}
