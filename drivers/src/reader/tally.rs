//! Damage and noise, summed up: a line at the wrong speed gives thousands a second, and nobody reads thousands.

use std::time::Duration;

use tokio::time::Instant;

use super::Event;
use crate::dialect::Damage;

#[derive(Debug)]
pub(super) struct Tally {
    every: Duration,
    damaged: Vec<(Damage, u64)>,
    noise: u64,
    /// When the last summary was given.
    told: Option<Instant>,
}

impl Tally {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, damaged: Vec::new(), noise: 0, told: None }
    }

    /// There are as many kinds as [`Damage`] has values, a handful.
    pub(super) fn damaged(&mut self, kind: Damage) {
        match self.damaged.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.damaged.push((kind, 1)),
        }
    }

    pub(super) fn noise(&mut self, bytes: u64) {
        self.noise = self.noise.saturating_add(bytes);
    }

    /// When the next summary is due: at once when the last is long ago; `None` when there is nothing to tell.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        if self.noise == 0 && self.damaged.is_empty() {
            return None;
        }
        self.told.map_or(Some(now), |told| told.checked_add(self.every))
    }

    /// The summary; begins a new one.
    pub(super) fn tell<M>(&mut self, now: Instant) -> Vec<Event<M>> {
        self.told = Some(now);
        let damaged = self.damaged.drain(..).map(|(kind, count)| Event::Damaged { kind, count });
        let noise = std::mem::take(&mut self.noise);
        damaged.chain((noise > 0).then_some(Event::Noise { bytes: noise })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::line::frame::FrameError;

    #[test]
    fn the_first_at_once_then_summaries() {
        let (start, every) = (Instant::now(), Duration::from_secs(10));
        let (sum, stuffing) = (Damage::Frame(FrameError::Checksum), Damage::Frame(FrameError::Stuffing));
        let mut tally = Tally::new(every);
        assert_eq!(tally.due(start), None);
        tally.noise(3);
        assert_eq!(tally.due(start), Some(start));
        assert_eq!(tally.tell::<()>(start), [Event::Noise { bytes: 3 }]);
        assert_eq!(tally.due(start), None);
        for _ in 0..1000 {
            tally.damaged(sum);
            tally.damaged(stuffing);
            tally.noise(u64::MAX);
        }
        assert_eq!(tally.due(start), Some(start + every));
        assert_eq!(
            tally.tell::<()>(start + every),
            [
                Event::Damaged { kind: sum, count: 1000 },
                Event::Damaged { kind: stuffing, count: 1000 },
                Event::Noise { bytes: u64::MAX }
            ]
        );
        assert_eq!(tally.due(start), None);
    }
}
