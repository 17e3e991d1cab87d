//! `wattseal-meter bill` as a person or a program calls it: exit codes, messages, files, and that no reading stays.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::tariff::{days, provider, provider_key, signed, tariff};
use common::{run, run_json, snapshot};
use protocol::meter_bill::{VerifiedMeterBill, verify};
use protocol::verify::{Origin, Policy, Registry};

const IMPORT: &str = "1-0:1.8.0";
const COLUMN: &str = "--column import_wh --register 1-0:1.8.0";
const FEBRUARY: &str = "--bill-from 2025-02-01 --bill-to 2025-03-01";

/// A tariff, a provider.pub, and the words that name them.
fn terms(dir: &Path, codes: &[&str]) -> String {
    let (path, key) = (dir.join("green.tariff"), dir.join("provider.pub"));
    fs::write(&path, tariff(codes).sign(&provider()).unwrap()).unwrap();
    let text = format!("name = \"Polder = Energie\"\nkey = \"{}\"\nfingerprint = \"…\"\n", hex::encode(provider_key()));
    fs::write(&key, text).unwrap();
    format!("bill --tariff {} --provider-key {}", path.display(), key.display())
}

/// Half-hours from the start of February in Amsterdam; empty fields where nothing was measured.
fn csv(dir: &Path, name: &str, readings: impl Iterator<Item = Option<u32>>) -> PathBuf {
    let start = days("2025-02-01", "2025-03-01").from;
    let mut text = String::from("utc_start,import_wh\n");
    for (slot, reading) in (0..).zip(readings) {
        let reading = reading.map(|wh| wh.to_string()).unwrap_or_default();
        text.push_str(&format!("{},{reading}\n", sealer::time::show(start + slot * 1800)));
    }
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Two months of readings that are easily found again.
fn planted() -> Vec<u32> {
    (0..59 * 48).map(|slot| 10_007 + (slot * 7_919) % 50_000).collect()
}

fn verified(summary: &serde_json::Value, policy: &Policy) -> VerifiedMeterBill {
    let mut registry = Registry::default();
    let certificates = fs::read(summary["certificate"].as_str().unwrap()).unwrap();
    registry.list(&protocol::certificate::read_file(&certificates).unwrap());
    let bytes = fs::read(summary["bill"].as_str().unwrap()).unwrap();
    verify(&bytes, &signed(&tariff(&[IMPORT])), &registry, policy).unwrap()
}

#[test]
fn one_fee_leaves_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("meter");
    let csv = csv(dir.path(), "a.csv", planted().into_iter().map(Some));
    let words = format!("{} --csv {} {COLUMN} {FEBRUARY}", terms(dir.path(), &[IMPORT]), csv.display());
    let summary = run_json(&words, &out, 0);
    let bill = verified(&summary, &Policy::default());
    assert_eq!(bill.origin, Origin::Attested);
    assert_eq!(summary["digest"], hex::encode(bill.digest));
    assert_eq!(summary["fee_minor"], bill.bill.fee_minor);
    assert_eq!(summary["bytes"], fs::metadata(summary["bill"].as_str().unwrap()).unwrap().len());
    assert_eq!((&summary["slots"], &summary["missing"], &summary["complete"]), (&1344.into(), &0.into(), &true.into()));
    assert_eq!((&summary["currency"], &summary["exponent"]), (&"EUR".into(), &2.into()));
    assert_eq!(
        (&summary["from"], &summary["until"]),
        (&"2025-02-01T00:00:00+01:00".into(), &"2025-03-01T00:00:00+01:00".into())
    );
    assert_eq!((&summary["tariff"], &summary["provider"]), (&"simple-2025".into(), &"Polder Energie".into()));
    assert_eq!(summary["registers"][0]["register"], IMPORT);
    assert_eq!(summary["test_keys"], false);

    let files: Vec<_> =
        snapshot(&out).into_keys().map(|path| path.strip_prefix(&out).unwrap().display().to_string()).collect();
    let bill = "bills/2025-02-01_2025-03-01_1-0_1.8.0.bill";
    assert_eq!(files, [bill, "flash/lock", "flash/state.cbor", "meter.cert"]);
    // The next month goes on, with the key as digits and the period in RFC 3339.
    let words = format!(
        "bill --tariff {} --provider-key {} --bill-from 2025-02-28T23:00Z --bill-to 2025-03-05T00:00+01:00 --csv {} {COLUMN}",
        dir.path().join("green.tariff").display(),
        hex::encode(provider_key()),
        csv.display()
    );
    let next = run_json(&words, &out, 0);
    assert!(verified(&next, &Policy::default()).bill.fee_minor > 0);
    assert_eq!(next["bill"], out.join("bills/2025-03-01_2025-03-05_1-0_1.8.0.bill").to_str().unwrap());
    assert_eq!(next["fingerprint"], summary["fingerprint"]);
}

#[test]
fn no_reading_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("meter");
    let readings = planted();
    let csv_path = csv(dir.path(), "a.csv", readings.iter().copied().map(Some));
    let terms = terms(dir.path(), &[IMPORT]);
    let test = "5b".repeat(32);
    let output = run(&format!("{terms} --csv {} {COLUMN} {FEBRUARY} --seed {test}", csv_path.display()), &out);
    assert_eq!(output.status.code(), Some(0));
    let mut places = snapshot(&out);
    places.insert("stdout".into(), output.stdout);
    places.insert("stderr".into(), output.stderr);

    let mut total = 0;
    for (slot, pair) in readings.windows(2).enumerate() {
        let parts = pair[0] * 10_000;
        let words = [pair[0] as u16, pair[1] as u16];
        let mut forms = vec![
            parts.to_le_bytes().to_vec(),
            parts.to_be_bytes().to_vec(),
            words.map(u16::to_le_bytes).concat(),
            words.map(u16::to_be_bytes).concat(),
            format!("{}.", pair[0]).into_bytes(),
            format!(",{}", pair[0]).into_bytes(),
        ];
        // What the register shows between two slots tells as much. It does show it at the end of February.
        total += u64::from(pair[0]) * 10_000;
        if slot != 1343 {
            forms.push(total.to_be_bytes()[3..].to_vec());
            forms.push(total.to_le_bytes()[..5].to_vec());
        }
        for (path, bytes) in &places {
            for form in &forms {
                assert!(!bytes.windows(form.len()).any(|w| w == form.as_slice()), "{}", path.display());
            }
        }
    }

    // Other readings with the same total leave the same flash, byte for byte; and as much of it for a day as for a month.
    let seed = "2a".repeat(32);
    let flash = |name: &str, readings: Vec<u32>, until: &str| {
        let root = dir.path().join(name);
        let path = csv(dir.path(), &format!("{name}.csv"), readings.into_iter().map(Some));
        let words = format!("--bill-from 2025-02-01 --bill-to {until} --csv {} {COLUMN}", path.display());
        run_json(&format!("{terms} {words} --seed {seed}"), &root, 0);
        let bill = fs::read(common::names(&root.join("bills")).remove(0)).unwrap();
        (fs::read(root.join("flash/state.cbor")).unwrap(), bill)
    };
    let month: Vec<u32> = readings[..1344].to_vec();
    let reversed: Vec<u32> = month.iter().rev().copied().collect();
    let (one, other) = (flash("one", month, "2025-03-01"), flash("other", reversed.clone(), "2025-03-01"));
    assert_eq!(one.0, other.0);
    assert_ne!(one.1, other.1, "the fees differ");
    assert_eq!(one.1.len(), other.1.len());
    let day = flash("day", reversed, "2025-02-02");
    assert!(one.0.len() - day.0.len() <= 4, "a larger total takes a few bytes");
}

#[test]
fn incomplete_periods_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("meter");
    let readings = (0..1344).map(|slot| (!(100..110).contains(&slot)).then_some(500));
    let csv = csv(dir.path(), "a.csv", readings);
    let words = format!(
        "{} --csv {} {COLUMN} {FEBRUARY} --tamper 2025-02-10..2025-02-11",
        terms(dir.path(), &[IMPORT]),
        csv.display()
    );
    let output = run(&words, &out);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for line in [
        "1-0:1.8.0 (Wh): 1344 slots, 10 of them missing, 0 estimated, 48 with a tamper sensor active",
        "INCOMPLETE: 10 slots were not measured, and the bill says so.",
        "The meter reported: cover opened.",
        "Bill: ",
        "to Polder Energie, 2025-02-01T00:00:00+01:00 to 2025-03-01T00:00:00+01:00.",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let path = out.join("bills/2025-02-01_2025-03-01_1-0_1.8.0.bill");
    let bytes = fs::read(path).unwrap();
    let judged = |policy: &Policy| verify(&bytes, &signed(&tariff(&[IMPORT])), &Registry::default(), policy);
    assert_eq!(judged(&Policy::default()).unwrap_err().code(), "incomplete");
    let bill = judged(&Policy { allow_incomplete: true, ..Policy::default() }).unwrap().bill;
    let state = &bill.registers[0];
    assert_eq!((state.missing, state.tamper, state.events), (10, 48, metrology::label::events::COVER_OPENED));
}

#[test]
fn a_refusal_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("meter");
    let terms = terms(dir.path(), &[IMPORT]);
    let csv_path = csv(dir.path(), "a.csv", planted().into_iter().map(Some));
    let load = format!("--csv {} {COLUMN}", csv_path.display());
    let (path, key) = (dir.path().join("green.tariff"), hex::encode(provider_key()));
    let mut damaged = fs::read(&path).unwrap();
    let at = damaged.len() - 5;
    damaged[at] ^= 1;
    let forged = dir.path().join("forged.tariff");
    fs::write(&forged, damaged).unwrap();
    let forged = format!("bill --tariff {} --provider-key {key}", forged.display());
    let stranger = format!("bill --tariff {} --provider-key {}", path.display(), "07".repeat(32));
    let refusals = |used: bool| {
        let mut cases = vec![
            (format!("{forged} {load} {FEBRUARY}"), "bad_tariff"),
            (format!("{stranger} {load} {FEBRUARY}"), "other_provider"),
            (format!("bill --tariff {} --provider-key {key} {load} {FEBRUARY}", csv_path.display()), "bad_tariff"),
            (format!("{terms} {load} --bill-from 2025-02-01 --bill-to 2025-05-01"), "not_covered"),
            (format!("{terms} {load} --bill-from 2025-03-02 --bill-to 2025-03-02"), "empty_period"),
            (format!("{terms} {load} --bill-from 2025-03-02 --bill-to 2025-03-02T12:00Z"), "not_local_days"),
            (format!("{terms} {load} --bill-from 2025-03-02T00:01Z --bill-to 2025-03-03"), "not_local_days"),
            (format!("{terms} {load} --bill-from 2026-02-01 --bill-to 2026-03-01"), "outside_validity"),
            (format!("{terms} {load} --unit kWh {FEBRUARY}"), "other_unit"),
        ];
        if used {
            cases.push((format!("{terms} {load} {FEBRUARY}"), "already_billed"));
            cases.push((format!("{terms} {load} --bill-from 2025-02-28 --bill-to 2025-03-02"), "already_billed"));
            cases.push((format!("seal {load}"), "not_paired"));
            cases.push((
                format!("{terms} {load} --bill-from 2025-03-01 --bill-to 2025-03-02 --meter-id x"),
                "other_meter",
            ));
            let hours = format!("{terms} {load} --bill-from 2025-03-01 --bill-to 2025-03-02 --interval 3600");
            cases.push((hours, "register_differs"));
        }
        cases
    };
    for (words, code) in refusals(false) {
        let refused = run_json(&words, &out, 1);
        assert_eq!(refused["error"]["code"], code, "{words}: {refused}");
        assert!(!out.exists(), "nothing is made for a meter that never was");
    }
    run_json(&format!("{terms} {load} {FEBRUARY}"), &out, 0);
    let before = snapshot(&out);
    for (words, code) in refusals(true) {
        let refused = run_json(&words, &out, 1);
        assert_eq!(refused["error"]["code"], code, "{words}: {refused}");
        assert_eq!(snapshot(&out), before, "{words}");
    }
    let missing = format!("bill --tariff {} --provider-key {key} {load} {FEBRUARY}", dir.path().join("no").display());
    assert_eq!(run_json(&missing, &out, 3)["error"]["code"], "io");
    // A meter that seals bills other time, but none that it sealed.
    let sealing = dir.path().join("sealing");
    run_json(&format!("seal {load} --until 2025-02-14T23:00Z"), &sealing, 0);
    assert_eq!(run_json(&format!("{terms} {load} {FEBRUARY}"), &sealing, 1)["error"]["code"], "already_billed");
    let rest = run_json(&format!("{terms} {load} --bill-from 2025-02-15 --bill-to 2025-03-01"), &sealing, 0);
    assert_eq!(rest["epochs"], 2);
    verified(&rest, &Policy::default());
}

#[test]
fn wrong_usage_is_2() {
    let dir = tempfile::tempdir().unwrap();
    let terms = terms(dir.path(), &[IMPORT]);
    let empty = dir.path().join("empty.pub");
    fs::write(&empty, "name = \"x\"\nkey = \"12\"\n").unwrap();
    let tariff = dir.path().join("green.tariff");
    for words in [
        "bill".into(),
        format!("{terms} --household 1"),
        format!("{terms} --household 1 --bill-from 2025-02-01"),
        format!("{terms} {FEBRUARY}"),
        format!("{terms} --household 1 --bill-from 2025-02-30 --bill-to 2025-03-01"),
        format!("{terms} --household 1 --bill-from 2025-02-01T00:00 --bill-to 2025-03-01"),
        format!("{terms} --household 1 --bill-from 1960-02-01 --bill-to 2025-03-01"),
        format!("{terms} --household 1 {FEBRUARY} --rotate-at 2025-02-02"),
        format!("bill --tariff {} --provider-key {} --household 1 {FEBRUARY}", tariff.display(), empty.display()),
    ] {
        let result = run_json(&words, &dir.path().join("meter"), 2);
        assert_eq!(result["error"]["code"], "usage", "{words}");
    }
    assert!(!dir.path().join("meter").exists());
    let help = String::from_utf8(run("bill --help", dir.path()).stdout).unwrap();
    assert!(help.contains("wattseal-meter bill --tariff green.tariff --provider-key provider.pub"), "{help}");
}

#[test]
fn households_are_billed_for_the_period_they_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("meter");
    let terms = terms(dir.path(), &[IMPORT]);
    let first = run_json(&format!("{terms} --household 7 {FEBRUARY}"), &out, 0);
    assert!(first["remarks"].to_string().contains("the tariff does not bill register 1-0:2.8.0"));
    verified(&first, &Policy::default());
    // March has a clock change; its keys are new; a week before it is in no bill.
    let words = format!("{terms} --household 7 --bill-from 2025-03-08 --bill-to 2025-04-08 --rotate");
    let second = run_json(&words, &out, 0);
    assert_eq!((&second["epochs"], &second["slots"]), (&2.into(), &(31 * 48 - 2).into()));
    let remarks = second["remarks"].to_string();
    assert!(remarks.contains("168 hours of 1-0:1.8.0 before the period are in no bill"), "{remarks}");
    assert!(remarks.contains("epoch 1 begins with the period"), "{remarks}");
    verified(&second, &Policy::default());
    verified(&first, &Policy::default());
}
