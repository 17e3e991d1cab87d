//! Attacks on readings by what is asked, and honest use.

mod attacks;
mod honest;
mod measures;
mod one_bill;

use super::*;
use crate::time::Zone;

const DAY: u64 = 86_400;
/// Half-hours of a day.
const SLOTS: u64 = 48;
/// A Monday: 2026-01-05.
const MONDAY: u64 = 20_458 * SLOTS;

fn utc() -> Zone {
    Zone { name: "UTC".into(), offset: 0, changes: Vec::new() }
}

/// Weights from a half-hour on.
fn row(first: u64, weights: impl IntoIterator<Item = i64>) -> Row {
    Row { first, weights: weights.into_iter().collect(), excess: Vec::new() }
}

/// Half-hours that count one, of so many from the first on.
fn those(first: u64, count: u64, counted: impl Fn(u64) -> bool) -> Row {
    row(first, (0..count).map(|slot| i64::from(counted(slot))))
}

/// The exact sum of a row.
fn exact(row: Row) -> Vec<Output> {
    let unit = row.divisor();
    rounded(row, unit).into_iter().map(|output| Output { kind: Kind::Exact, ..output }).collect()
}

/// The sum of a row, rounded to so many units of its weights.
fn rounded(row: Row, step: u64) -> Vec<Output> {
    let mut bits = Bits::new();
    for (slot, weight) in (row.first..).zip(&row.weights) {
        for window in Window::of_day(i64::try_from(slot / SLOTS).unwrap()) {
            *bits.entry(window).or_default() += weight.unsigned_abs() as f64 * 65_535.0 / step as f64;
        }
    }
    bits.values_mut().for_each(|width| *width = (1.0 + *width).log2());
    vec![Output { rows: vec![row], kind: Kind::Rounded, bits }]
}

/// Numbers that look random and are always the same.
fn random(seed: u64, place: u64) -> u64 {
    let mixed = (place ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 32)
}

/// Releases one after the other; the reason of the first that is refused, and which it is.
fn all(lane: &mut Lane, releases: impl IntoIterator<Item = Vec<Output>>) -> Result<(), (usize, Reveals)> {
    for (number, release) in releases.into_iter().enumerate() {
        let fits = lane.consider(&release, true).map_err(|reason| (number, reason))?;
        lane.book(fits);
    }
    Ok(())
}

fn lane() -> Lane {
    Lane::new(1800)
}
