//! Which totals are believed: whoever reads a total that falls takes it for a new meter and counts all of it again.
//!
//! A counter that shows zero for a moment, or a digit that a line changed, is held back. What is true comes again: after
//! a start a total needs a second that follows from it, and one that contradicts what was believed must come three times
//! over a minute, each following from the one before, until a reset or another meter is believed. Slots are read by the
//! same rules ([`drivers::slots`]).

use std::time::Duration;

use tokio::time::Instant;

/// How often a total must come at a start.
const AT_FIRST: u32 = 2;
/// How often a total that contradicts must come, and over which time.
const RESET: (u32, Duration) = (3, Duration::from_secs(60));
/// Published units an hour that no house exceeds: 150 kW, three phases of 217 A, or 150 m³.
const MOST_IN_HOUR: u128 = 150;
/// Published units that a total may advance at once: counters of whole units.
const STEP: u128 = 2;

/// A total as it was seen.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    /// In parts of the published unit.
    pub total: u64,
    /// When it was heard; the meter's own clock says nothing of that, it may be wrong by years.
    pub heard: Instant,
}

/// What is believed of one register.
pub(crate) struct Guard {
    /// Parts of a published unit.
    parts: u64,
    believed: Option<Seen>,
    waiting: Option<Waiting>,
}

/// Totals that follow from each other and not from what is believed.
struct Waiting {
    since: Instant,
    times: u32,
    last: Seen,
}

impl Guard {
    pub(crate) fn new(parts: u64) -> Self {
        Self { parts, believed: None, waiting: None }
    }

    /// Whether a total is believed. The same telegram is not to be shown twice: it would be its own witness.
    pub(crate) fn believes(&mut self, seen: Seen) -> bool {
        if self.believed.is_some_and(|before| self.follows(before, seen)) {
            self.believed = Some(seen);
            self.waiting = None;
            return true;
        }
        let waiting = match self.waiting.take() {
            Some(before) if self.follows(before.last, seen) => {
                Waiting { times: before.times.saturating_add(1), last: seen, ..before }
            }
            _ => Waiting { since: seen.heard, times: 1, last: seen },
        };
        let (times, time) = if self.believed.is_some() { RESET } else { (AT_FIRST, Duration::ZERO) };
        let enough = waiting.times >= times && seen.heard - waiting.since >= time;
        if enough {
            self.believed = Some(seen);
        } else {
            self.waiting = Some(waiting);
        }
        enough
    }

    /// Whether a house can have used so much in between.
    fn follows(&self, before: Seen, now: Seen) -> bool {
        let Some(advance) = now.total.checked_sub(before.total) else { return false };
        let passed = (now.heard - before.heard).as_secs().saturating_add(1);
        let most = (MOST_IN_HOUR * u128::from(passed) / 3600).saturating_add(STEP);
        u128::from(advance) <= most.saturating_mul(u128::from(self.parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Totals in Wh with their seconds; which of them were believed.
    fn believed(course: &[(u64, u64)]) -> Vec<u64> {
        let (mut guard, start) = (Guard::new(1000), Instant::now());
        let mut list = Vec::new();
        for (second, total) in course {
            let seen = Seen { total: *total, heard: start + Duration::from_secs(*second) };
            if guard.believes(seen) {
                list.push(*total);
            }
        }
        list
    }

    #[test]
    fn totals_advance_as_in_a_house() {
        assert_eq!(believed(&[(0, 5_000_000), (10, 5_000_003), (20, 5_000_003), (30, 5_000_010)]).len(), 3);
        assert_eq!(believed(&[(0, 5_000_000)]), [0_u64; 0], "one alone is no witness");
    }

    #[test]
    fn a_momentary_zero_is_no_reset() {
        let course = [(0, 5_000_000), (10, 5_000_003), (20, 0), (30, 0), (40, 5_000_010), (50, 5_000_012)];
        assert_eq!(believed(&course), [5_000_003, 5_000_010, 5_000_012]);
        // At the start as well, where nothing is believed yet.
        assert_eq!(believed(&[(0, 0), (10, 5_000_003), (20, 5_000_004)]), [5_000_004]);
        assert_eq!(believed(&[(0, 5_000_003), (10, 0), (20, 5_000_004), (30, 5_000_005)]), [5_000_005]);
    }

    #[test]
    fn a_changed_digit_is_no_spike() {
        let course = [(0, 5_000_000), (10, 5_000_003), (20, 95_000_003), (30, 5_000_004), (40, 5_000_005)];
        assert_eq!(believed(&course), [5_000_003, 5_000_004, 5_000_005]);
    }

    #[test]
    fn another_meter_is_believed_when_it_stays() {
        let mut course = vec![(0, 5_000_000), (10, 5_000_003)];
        course.extend((2..=9).map(|n| (n * 10, 10 + n)));
        assert_eq!(believed(&course), [5_000_003, 18, 19], "after a minute");
        // Ones that contradict each other never are.
        let mut course = vec![(0, 5_000_000), (10, 5_000_003)];
        course.extend((2..=40).map(|n| (n * 10, if n % 2 == 0 { 0 } else { 90_000_000 })));
        assert_eq!(believed(&course), [5_000_003]);
    }

    #[test]
    fn after_a_long_silence_much_has_passed() {
        assert_eq!(believed(&[(0, 5_000_000), (10, 5_000_003), (86_410, 6_000_000)]), [5_000_003, 6_000_000]);
    }
}
