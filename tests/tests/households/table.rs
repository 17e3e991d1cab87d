//! What is said at the end: a row for each setting, and what was skipped and why.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use crate::matrix::Tally;
use crate::plan::{Home, Setting};

/// Says a line past the capture of the test harness: what was skipped must be seen even when everything passes.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The table.
pub fn of(homes: &[Home], settings: &[Setting], tallies: &[Tally], left_out: &[String], time: Duration) -> String {
    let mut text = String::from("\n");
    let row = |text: &mut String, cells: [&str; 9]| {
        let [file, setting, meters, billed, refused, tariffs, bills, refusals, wrong] = cells;
        let _ = writeln!(
            text,
            "{file:<42} {setting:<18} {meters:>6} {billed:>7} {refused:>8} {tariffs:>8} {bills:>6} {refusals:>9} {wrong:>11}"
        );
    };
    row(
        &mut text,
        ["file", "interval, shift", "meters", "months", "refused", "tariffs", "bills", "refusals", "mismatches"],
    );
    let mut sums = [0; 5];
    for (setting, tally) in settings.iter().zip(tallies) {
        let counts = [
            tally.billed.len(),
            tally.refused.len(),
            tally.bills,
            tally.refusals,
            tally.mismatches.len() + tally.hostile.len(),
        ];
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        let [billed, refused, bills, refusals, wrong] = counts.map(|count| count.to_string());
        let (meters, tariffs) = (setting.meters.len().to_string(), setting.tariffs.len().to_string());
        let name = &homes[setting.home].name;
        row(&mut text, [name, &setting.title(), &meters, &billed, &refused, &tariffs, &bills, &refusals, &wrong]);
    }
    let [billed, refused, bills, refusals, wrong] = sums.map(|count| count.to_string());
    row(&mut text, ["all", "", "", &billed, &refused, "", &bills, &refusals, &wrong]);
    let _ = writeln!(
        text,
        "months: of one meter, billed under at least one tariff (a file without a whole month: runs of whole days);\n\
         refused: with missing slots or only partly covered.\n\
         Where years differ, the load is moved by whole calendar years, never the prices. {} s.",
        time.as_secs()
    );
    for line in left_out {
        let _ = writeln!(text, "left out: {line}");
    }
    for (setting, tally) in settings.iter().zip(tallies) {
        let place = format!("{}, {}", homes[setting.home].name, setting.title());
        for months in tally.unpriced.chunk_by(|a, b| a.0 == b.0) {
            let days: Vec<&str> = months.iter().map(|(_, from, _)| from.as_str()).collect();
            let (tariff, _, why) = &months[0];
            let _ = writeln!(
                text,
                "{place}: {tariff} cannot be billed from {}: the desk refuses it ({why})",
                days.join(", ")
            );
        }
        for (word, list) in [("refused as hostile", &tally.hostile), ("MISMATCH", &tally.mismatches)] {
            for line in list {
                let _ = writeln!(text, "{word}: {line}");
            }
        }
    }
    text
}
