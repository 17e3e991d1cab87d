//! Real households, billed twice: on the whole path from the meter to the verifier, and by the oracle in
//! `oracle/bills.py`, which shares no line with it. Fee and every line must be the same, to the last fraction; what
//! was not measured whole must not become a bill.
//!
//! The files are not part of the project: `WATTSEAL_DATA` names the folder that holds `households/` and `prices/`, or
//! it stands beside the repository. Without it these tests say that they skipped. The table at the end is also written
//! to `households.txt` in Cargo's folder for tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod household;
mod matrix;
mod oracle;
mod plan;
mod programs;
mod table;
mod tariffs;
mod terms;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

/// The folder with the data, or nothing, said so that it is seen.
fn data() -> Option<PathBuf> {
    let root = std::env::var_os("WATTSEAL_DATA").map_or_else(|| tests::root().join("../shared"), PathBuf::from);
    if root.join("households").is_dir() && root.join("prices").is_dir() {
        return Some(root.canonicalize().unwrap());
    }
    let there = root.display();
    table::say(&format!("SKIPPED: there are no households/ and prices/ in {there}; set WATTSEAL_DATA"));
    None
}

#[test]
fn the_oracle_checks_itself() {
    let output = oracle::self_test();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn every_file_by_the_programs() {
    let Some(data) = data() else { return };
    let begun = Instant::now();
    let (homes, refused) = plan::homes(&data.join("households"));
    assert!(refused.is_empty(), "{refused:?}");
    let (settings, _) = plan::settings(&homes, &data.join("prices"));
    let first = |home: usize| settings.iter().find(|s| s.home == home).unwrap();
    let said = Mutex::new(Vec::new());
    matrix::in_parallel(homes.len(), |at| {
        let tour = programs::tour(&homes[at], first(at));
        let (name, bills, refusals) = (&homes[at].name, tour.bills, tour.refusals);
        assert!(bills > 0, "{name}: nothing was billed");
        said.lock().unwrap().push(format!("{name}: {bills} bills and {refusals} refusals by the programs"));
    });
    for line in said.into_inner().unwrap() {
        table::say(&line);
    }
    table::say(&format!("{} s", begun.elapsed().as_secs()));
}

#[test]
fn every_file_every_month_every_tariff() {
    let Some(data) = data() else { return };
    let begun = Instant::now();
    let (homes, refused) = plan::homes(&data.join("households"));
    assert!(!homes.is_empty() && refused.is_empty(), "{refused:?}");
    let (settings, left_out) = plan::settings(&homes, &data.join("prices"));
    let tallies = matrix::run(&homes, &settings);
    let text = table::of(&homes, &settings, &tallies, &left_out, begun.elapsed());
    table::say(&text);
    std::fs::write(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("households.txt"), &text).unwrap();

    let all = |pick: fn(&matrix::Tally) -> &Vec<String>| -> Vec<&String> { tallies.iter().flat_map(pick).collect() };
    let (mismatches, hostile) = (all(|t| &t.mismatches), all(|t| &t.hostile));
    assert!(mismatches.is_empty(), "{} mismatches, the first: {:#?}", mismatches.len(), &mismatches[..1]);
    assert!(hostile.is_empty(), "{} honest bills refused as hostile: {hostile:#?}", hostile.len());
    let unpriced = table::months_without_dynamic_prices(&homes, &settings, &tallies);
    assert!(unpriced.is_empty(), "complete months billed under fixed prices alone: {unpriced:#?}");
    for (setting, tally) in settings.iter().zip(&tallies) {
        let name = &homes[setting.home].name;
        // A setting with published prices alone may meet them for no complete month.
        assert!(tally.bills > 0 || setting.tariffs.len() == 1, "{name}, {}: nothing was billed", setting.title());
    }
}
