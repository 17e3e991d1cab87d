//! What is said at the end: a row for each setting, and what was skipped and why.

use std::collections::BTreeSet;
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

/// Complete months of a file that its own interval bills under fixed prices, but no setting of that interval under
/// published ones: file, meter and month.
pub fn months_without_dynamic_prices(homes: &[Home], settings: &[Setting], tallies: &[Tally]) -> Vec<String> {
    let mut left = Vec::new();
    // A part of a file is the same home.
    let file = |home: &Home| home.name.split(" (").next().unwrap_or_default().to_owned();
    for home in homes {
        let same = |s: &Setting| file(&homes[s.home]) == file(home);
        let own = settings.iter().filter(|s| same(s)).map(|s| s.interval).min();
        let of_home = || settings.iter().zip(tallies).filter(|(s, _)| same(s) && Some(s.interval) == own);
        // Years are those of the load as moved; the day within the year is what counts.
        let key = |(meter, first): &(String, String)| (meter.clone(), first[4..].to_owned());
        let all: BTreeSet<_> = of_home().flat_map(|(_, t)| t.billed.iter().map(key)).collect();
        let priced: BTreeSet<_> = of_home()
            .flat_map(|(setting, tally)| {
                let published: Vec<_> = setting
                    .tariffs
                    .iter()
                    .map(|t| t.id.as_str())
                    .filter(|id| !["flat", "bands"].contains(id))
                    .collect();
                let is_priced = move |first: &str| {
                    published
                        .iter()
                        .any(|id| !tally.unpriced.iter().any(|(tariff, from, _)| tariff == id && from == first))
                };
                tally.billed.iter().filter(move |(_, first)| is_priced(first)).map(key)
            })
            .collect();
        left.extend(all.difference(&priced).map(|(meter, day)| format!("{} {meter} from{day}", home.name)));
    }
    left
}
