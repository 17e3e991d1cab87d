//! Real households, sealed and opened again. The files are not part of the project: `WATTSEAL_DATA` names the
//! directory that holds `households/`; without it these tests say that they skipped.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{names, open_directory, open_first, readings, run_json};

fn file(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("WATTSEAL_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let path = root.join("households").join(name);
    if !path.exists() {
        eprintln!("skipped: {} is not here (set WATTSEAL_DATA)", path.display());
        return None;
    }
    Some(path)
}

/// A column as text, read in the plainest way.
fn column(path: &Path, place: usize) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| line.split(',').nth(place).unwrap_or("").to_owned()).collect()
}

/// Whole Wh and no gap in time: readings are the file's own numbers.
fn expect(path: &Path, place: usize) -> Vec<Option<u16>> {
    column(path, place).iter().map(|text| (!text.is_empty()).then(|| text.parse().unwrap())).collect()
}

#[test]
fn a_london_year() {
    let Some(path) = file("uk_lcl_MAC000033_2013_30min.csv") else { return };
    let dir = tempfile::tempdir().unwrap();
    let words = format!("seal --csv {} --column import_wh --register 1-0:1.8.0 --interval 1800", path.display());
    let summary = run_json(&words, dir.path(), 0);
    assert_eq!((&summary["blocks"], &summary["missing"]), (&365.into(), &1.into()));
    assert_eq!(readings(&open_directory(dir.path())["1-0:1.8.0"]), expect(&path, 1));
}

#[test]
fn import_and_export_with_a_gap() {
    let Some(path) = file("be_house1_import_export_2024_15min.csv") else { return };
    let dir = tempfile::tempdir().unwrap();
    let words = format!(
        "seal --csv {} --column import_wh --register 1-0:1.8.0 --column export_wh --register 1-0:2.8.0 --interval 900",
        path.display()
    );
    let summary = run_json(&words, dir.path(), 0);
    let registers = open_directory(dir.path());
    for (place, code) in [(1, "1-0:1.8.0"), (2, "1-0:2.8.0")] {
        let sealed: Vec<_> = readings(&registers[code]).into_iter().flatten().collect();
        let written: Vec<_> = expect(&path, place).into_iter().flatten().collect();
        assert_eq!(sealed, written, "{code}");
    }
    let days = (summary["slots"].as_u64().unwrap() / 2).div_ceil(96);
    assert_eq!(summary["blocks"], days * 2, "the gap is sealed too");
}

#[test]
fn minutes_become_half_hours() {
    let Some(path) = file("fr_uci_household_2006-12_1min.csv") else { return };
    let dir = tempfile::tempdir().unwrap();
    let words = format!("seal --csv {} --column import_wh --register 1-0:1.8.0 --interval 1800", path.display());
    run_json(&words, dir.path(), 0);
    let opened = open_directory(dir.path());
    let first = &opened["1-0:1.8.0"][0];
    assert_eq!(sealer::time::show(first.header.span().from), "2006-12-16T16:30Z");
    let minutes = column(&path, 1);
    let parts = |text: &String| meter_emulator::amount::parse_parts(text).unwrap();
    // The file begins at 16:24; the day's last slot ends at midnight.
    let expected: u64 = minutes[6..6 + 450].iter().map(parts).sum();
    assert_eq!(first.after, expected);
}

#[test]
fn other_files_are_read_whole() {
    for (name, column, interval) in [
        ("au_sgsc_5households_2013-14_30min.csv", "c10006414", 1800),
        ("be_house2_import_export_2024_15min.csv", "export_wh", 3600),
        ("de_wpuq_SFH19_2018_15min.csv", "import_wh", 900),
        ("fr_uci_household_2007_60min.csv", "import_wh", 3600),
        ("nl_zonnedael_28households_2013H1_15min.csv", "h2", 900),
    ] {
        let Some(path) = file(name) else { return };
        let dir = tempfile::tempdir().unwrap();
        let words = format!("seal --csv {} --column {column} --register r --interval {interval}", path.display());
        let summary = run_json(&words, dir.path(), 0);
        let blocks = names(&dir.path().join("blocks/r")).len();
        assert_eq!(summary["blocks"], blocks, "{name}");
        assert_eq!(open_first(dir.path(), 10)["r"].len(), 10, "{name}");
    }
}
