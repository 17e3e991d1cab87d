//! From the lines of a file to slots: a finer cadence is summed exactly.

use metrology::label::Interval;

use super::table::Table;
use super::{Load, LoadError, Series};

/// Longest load: a mistyped year in the last line must not become millions of missing slots.
const MAX_SECONDS: u64 = 50 * 366 * 86_400;

/// Lines outside the first and last whole slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Before the first whole slot.
    pub first: u64,
    /// After the last.
    pub last: u64,
}

/// One slot of one column while it fills.
#[derive(Clone, Copy, Default)]
struct Filling {
    sum: u32,
    parts: u64,
}

/// Sums lines into slots. What a partly measured slot did count is not known to be all of it, so the slot is missing
/// and counts nothing.
pub(super) fn rebin(table: Table, cadence: u64, interval: Interval) -> Result<(Load, Dropped), LoadError> {
    let seconds = interval.seconds();
    let nothing = LoadError::NoWholeSlot { interval: seconds };
    let (Some(start), Some(last)) = (table.times.first(), table.times.last()) else {
        return Err(LoadError::Empty);
    };
    if last - start > MAX_SECONDS {
        return Err(LoadError::TooLong { line: table.lines.last().copied().unwrap_or(0) });
    }
    let first = start.div_ceil(seconds);
    let end = (last + cadence) / seconds;
    let Some(length) = end.checked_sub(first).filter(|n| *n > 0).and_then(|n| usize::try_from(n).ok()) else {
        return Err(nothing);
    };
    let width = table.columns.len();
    let mut slots = vec![Filling::default(); length.checked_mul(width).ok_or(LoadError::ShiftOutOfRange)?];
    let mut dropped = Dropped::default();
    let lines = table.times.iter().zip(&table.lines).zip(table.amounts.chunks(width));
    for ((time, line), amounts) in lines {
        let slot = time / seconds;
        if slot < first {
            dropped.first += 1;
        } else if slot >= end {
            dropped.last += 1;
        } else {
            let at = usize::try_from(slot - first).unwrap_or(usize::MAX).saturating_mul(width);
            let row = slots.iter_mut().skip(at).take(width);
            for ((filling, amount), column) in row.zip(amounts).zip(&table.columns) {
                if let Some(amount) = amount {
                    let sum = filling.sum.checked_add(*amount);
                    let too_large = || LoadError::SlotTooLarge { line: *line, column: column.clone() };
                    filling.sum = sum.ok_or_else(too_large)?;
                    filling.parts += 1;
                }
            }
        }
    }
    let whole = seconds / cadence;
    let series = table.columns.into_iter().enumerate().map(|(place, name)| {
        let column = slots.iter().skip(place).step_by(width);
        Series { name, amounts: column.map(|slot| (slot.parts == whole).then_some(slot.sum)).collect() }
    });
    let load = Load::new(interval, first, series.collect()).ok_or(nothing)?;
    Ok((load, dropped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(cadence: u64, start: u64, amounts: &[Option<u32>]) -> Table {
        let count = amounts.len() as u64;
        Table {
            columns: vec!["a".into()],
            lines: (2..count + 2).collect(),
            times: (0..count).map(|i| (start + i) * cadence).collect(),
            amounts: amounts.to_vec(),
        }
    }

    #[test]
    fn the_line_that_passes_the_limit_is_named() {
        let parts = [Some(u32::MAX - 1), Some(1), Some(u32::MAX), Some(1)];
        let error = rebin(table(900, 0, &parts), 900, Interval::HALF).unwrap_err();
        assert_eq!(error, LoadError::SlotTooLarge { line: 5, column: "a".into() });
    }

    proptest! {
        #[test]
        fn whole_slots_hold_exactly_what_their_lines_say(
            per_slot in prop_oneof![Just(1u64), Just(2), Just(6), Just(30)],
            start in 0u64..100,
            amounts in proptest::collection::vec(proptest::option::weighted(0.9, 0u32..2_000_000), 1..200),
        ) {
            let cadence = 1800 / per_slot;
            let result = rebin(table(cadence, start, &amounts), cadence, Interval::HALF);
            let slots: Vec<u64> = (start..start + amounts.len() as u64).map(|i| i / per_slot).collect();
            let whole = |slot: u64| slots.iter().filter(|s| **s == slot).count() as u64 == per_slot;
            let expected: Vec<u64> = (slots[0]..=slots[slots.len() - 1]).filter(|slot| whole(*slot)).collect();
            let Ok((load, dropped)) = result else {
                prop_assert!(expected.is_empty());
                return Ok(());
            };
            prop_assert_eq!(load.first(), expected[0]);
            prop_assert_eq!(load.length(), expected.len() as u64);
            let used = expected.len() as u64 * per_slot;
            prop_assert_eq!(dropped.first + used + dropped.last, amounts.len() as u64);
            for (slot, amount) in expected.iter().zip(&load.series()[0].amounts) {
                let parts: Vec<_> = slots.iter().zip(&amounts).filter(|(s, _)| *s == slot).map(|(_, a)| *a).collect();
                prop_assert_eq!(*amount, parts.into_iter().sum::<Option<u32>>());
            }
        }
    }
}
