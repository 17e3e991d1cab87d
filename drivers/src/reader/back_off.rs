//! How long to wait before a line is opened anew: ever longer, and never two readers in step.

use std::time::Duration;

#[derive(Debug)]
pub(super) struct BackOff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl BackOff {
    pub(super) fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first.min(most) }
    }

    /// The next wait: from half of the step to the whole of it. The step doubles.
    pub(super) fn wait(&mut self, random: u64) -> Duration {
        let step = self.next;
        self.next = step.saturating_mul(2).min(self.most);
        let half = step / 2;
        let spread = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).saturating_add(1);
        half.saturating_add(Duration::from_nanos(random % spread))
    }

    /// The line was good.
    pub(super) fn reset(&mut self) {
        self.next = self.first.min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn from_one_second_to_sixty() {
        let seconds = |value| Duration::from_secs(value);
        let mut calm = BackOff::new(seconds(2), seconds(60));
        let shortest: Vec<_> = (0..7).map(|_| calm.wait(0)).collect();
        assert_eq!(shortest, [1, 2, 4, 8, 16, 30, 30].map(seconds));
        calm.reset();
        assert_eq!(calm.wait(1_000_000_000), seconds(2));
    }

    proptest! {
        #[test]
        fn a_wait_is_never_longer_than_the_longest(
            first: Duration, most: Duration, randoms in prop::collection::vec(any::<u64>(), 1..40),
        ) {
            let mut back_off = BackOff::new(first, most);
            for random in randoms {
                prop_assert!(back_off.wait(random) <= most);
            }
        }
    }
}
