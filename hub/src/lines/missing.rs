//! Which blocks to ask for: what the meter holds for this home, less what is stored.
//!
//! Holdings are the word of the line. Whatever they say costs no more memory than a list of spans, which is bounded; a
//! span of 2⁶⁰ blocks is as large as one of two, and is asked for a window at a time.

use protocol::line::Run;

/// The last number that a block may have and be stored.
const LAST: u64 = i64::MAX.unsigned_abs();

/// Spans of numbers, in order and at most `most`, that cover the numbers of `runs` that are not `stored` (in order). Runs
/// that do not come in order, one after the other, are none.
#[must_use]
pub fn missing(runs: &[Run], stored: &[u64], most: usize) -> Vec<(u64, u64)> {
    let mut spans = Vec::new();
    let mut from = 0;
    for run in runs {
        let last = run.last.min(LAST);
        if run.first < from || run.first > last || spans.len() >= most {
            continue;
        }
        from = last.saturating_add(1);
        gaps(run.first, last, stored, most, &mut spans);
    }
    spans
}

/// Spans of numbers in `first..=last` that are not `stored`.
fn gaps(first: u64, last: u64, stored: &[u64], most: usize, spans: &mut Vec<(u64, u64)>) {
    let from = stored.partition_point(|number| *number < first);
    let mut next = first;
    for number in stored.get(from..).unwrap_or(&[]).iter().take_while(|number| **number <= last) {
        if spans.len() >= most {
            return;
        }
        if next < *number {
            spans.push((next, number - 1));
        }
        next = number.saturating_add(1);
    }
    if next <= last && spans.len() < most {
        spans.push((next, last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(spans: &[(u64, u64)]) -> Vec<u64> {
        spans.iter().flat_map(|(first, last)| *first..=*last).collect()
    }

    fn run(first: u64, last: u64) -> Run {
        Run { first, last, pairing: 1 }
    }

    #[test]
    fn exactly_what_is_missing_is_asked_for() {
        let runs = [run(3, 9), run(10, 60), run(61, 61)];
        let stored = [0, 3, 5, 6, 12, 61];
        assert_eq!(all(&missing(&runs[..1], &stored, 99)), [4, 7, 8, 9]);
        let wanted: Vec<u64> = (3..=61).filter(|n| !stored.contains(n)).collect();
        assert_eq!(all(&missing(&runs, &stored, 99)), wanted);
        assert_eq!(missing(&[], &stored, 99), []);
        assert_eq!(missing(&[run(5, 4)], &[], 99), [], "a run that is none");
    }

    #[test]
    fn whatever_a_line_says_the_answer_is_short() {
        for last in [u64::MAX, 1 << 63, LAST, LAST - 1] {
            let spans = missing(&[run(0, last)], &[3], 99);
            assert_eq!(spans, [(0, 2), (4, last.min(LAST))]);
        }
        assert_eq!(missing(&[run(u64::MAX, u64::MAX)], &[], 99), [], "no block has this number");
        assert_eq!(missing(&[run(LAST - 1, LAST)], &[LAST], 99), [(LAST - 1, LAST - 1)]);
        assert_eq!(missing(&[run(LAST, LAST)], &[LAST], 99), []);
        // The same run again and again gives it once.
        assert_eq!(missing(&[run(0, 1 << 60); 64], &[], 99).len(), 1);
        let every_other: Vec<u64> = (0..10_000).map(|n| 2 * n).collect();
        assert_eq!(missing(&[run(0, 1 << 60)], &every_other, 99).len(), 99);
    }
}
