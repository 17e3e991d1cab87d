//! Which blocks to ask for: what the meter holds for this home, less what is stored.

use protocol::line::{MAX_BLOCKS, Run};

/// Blocks in one request. A window of quarter-hour blocks takes ten seconds at 115,200 baud.
const WINDOW: u64 = 16;
const _: () = assert!(WINDOW <= MAX_BLOCKS as u64);

/// Windows of numbers, at most [`WINDOW`] wide and in order, that cover every number of `runs` sealed for one of
/// `pairings` and not `stored` (in order), together with how many numbers those are.
#[must_use]
pub fn windows(runs: &[Run], pairings: &[u32], stored: &[u64]) -> (Vec<(u64, u16)>, u64) {
    let mut windows = Vec::new();
    let mut count = 0;
    for run in runs.iter().filter(|run| pairings.contains(&run.pairing) && run.first <= run.last) {
        for (first, last) in gaps(run.first, run.last, stored) {
            count += last - first + 1;
            let mut at = first;
            loop {
                let end = last.min(at.saturating_add(WINDOW - 1));
                windows.push((at, u16::try_from(end - at + 1).unwrap_or(1)));
                if end == last {
                    break;
                }
                at = end + 1;
            }
        }
    }
    (windows, count)
}

/// Spans of numbers in `first..=last` that are not `stored`.
fn gaps(first: u64, last: u64, stored: &[u64]) -> Vec<(u64, u64)> {
    let from = stored.partition_point(|number| *number < first);
    let mut gaps = Vec::new();
    let mut next = Some(first);
    for number in stored.get(from..).unwrap_or(&[]).iter().take_while(|number| **number <= last) {
        if let Some(at) = next.filter(|at| at < number) {
            gaps.push((at, number - 1));
        }
        next = number.checked_add(1);
    }
    if let Some(at) = next.filter(|at| *at <= last) {
        gaps.push((at, last));
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(windows: &[(u64, u16)]) -> Vec<u64> {
        windows.iter().flat_map(|(first, count)| (*first..).take(usize::from(*count))).collect()
    }

    #[test]
    fn exactly_what_is_missing_is_asked_for() {
        let run = |first, last, pairing| Run { first, last, pairing };
        let runs = [run(3, 9, 1), run(10, 60, 2), run(61, 61, 1)];
        let stored = [0, 3, 5, 6, 12, 61];
        let (asked, count) = windows(&runs, &[1], &stored);
        assert_eq!(all(&asked), [4, 7, 8, 9]);
        assert_eq!(count, 4);
        let (asked, count) = windows(&runs, &[1, 2], &stored);
        let wanted: Vec<u64> = (3..=61).filter(|n| !stored.contains(n)).collect();
        assert_eq!(all(&asked), wanted);
        assert_eq!(count, wanted.len() as u64);
        assert!(asked.iter().all(|(_, count)| (1..=WINDOW).contains(&u64::from(*count))));
        assert_eq!(windows(&runs, &[], &stored).0, []);
        assert_eq!(windows(&[run(5, 4, 1)], &[1], &[]).0, [], "a run that is none");
    }

    #[test]
    fn numbers_at_the_end_of_their_range() {
        let runs = [Run { first: u64::MAX - 1, last: u64::MAX, pairing: 1 }];
        assert_eq!(all(&windows(&runs, &[1], &[u64::MAX]).0), [u64::MAX - 1]);
        assert_eq!(windows(&runs, &[1], &[u64::MAX - 1, u64::MAX]).0, []);
    }
}
