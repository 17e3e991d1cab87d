//! The ratios of a run, from the medians that criterion leaves behind.
#![allow(clippy::float_arithmetic, reason = "times, not energy or money")]

use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// Least ratio to the opponents below.
const FLOOR: f64 = 10.0;
/// The opponents that the floor is about.
const FAIR: [&str; 2] = ["mod_p_salt_256", "mod_p_salt_2048"];
/// Shown beside them. The last gets precomputed tables that S1 does not have.
const OTHERS: [&str; 2] = ["mod_p_salt_256_constant_time", "mod_p_salt_256_fixed_base"];

/// Prints the ratios of this run (begun at `start`), as far as it measured them; `false` when one is too small.
pub fn compare(directory: &Path, start: SystemTime) -> bool {
    let median = |name: &str| fresh_median(&directory.join(name).join("new/estimates.json"), start);
    let Some(ours) = median("jubjub") else { return true };
    println!("commitment on Jubjub: {:.2} us (median)", ours / 1000.0);
    let mut enough = true;
    for name in FAIR.into_iter().chain(OTHERS) {
        let Some(theirs) = median(name) else { continue };
        let ratio = theirs / ours;
        println!("{name}: {:.2} us, {ratio:.1} times as long", theirs / 1000.0);
        if FAIR.contains(&name) && ratio < FLOOR {
            println!("  less than {FLOOR} times");
            enough = false;
        }
    }
    enough
}

/// The median in nanoseconds, if the file is of this run.
fn fresh_median(file: &Path, start: SystemTime) -> Option<f64> {
    if fs::metadata(file).ok()?.modified().ok()? < start {
        return None;
    }
    let text = fs::read_to_string(file).ok()?;
    let (_, median) = text.split_once("\"median\"")?;
    let (_, number) = median.split_once("\"point_estimate\":")?;
    number.split(',').next()?.trim().parse().ok()
}
