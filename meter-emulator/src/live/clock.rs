//! Time that passes faster than it does: world seconds as a function of real ones.

use std::str::FromStr;
use std::time::Duration;

/// Fastest time that is not "as fast as possible".
pub const MAX_SPEED: u32 = 1_000_000;

/// How fast time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// World seconds a real second, 1 to [`MAX_SPEED`].
    Times(u32),
    /// As fast as the meter can seal.
    Max,
}

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let times = text.parse().ok().filter(|times| (1..=MAX_SPEED).contains(times));
        times.map(Self::Times).ok_or("write 1 to 1000000, or max")
    }
}

impl Speed {
    /// World milliseconds in which real ones pass. As fast as possible, none pass by themselves.
    #[must_use]
    pub fn world_millis(self, real: Duration) -> u64 {
        match self {
            Self::Times(times) => {
                let millis = u64::try_from(real.as_millis()).unwrap_or(u64::MAX);
                millis.saturating_mul(times.into())
            }
            Self::Max => 0,
        }
    }

    /// The real time in which world seconds pass.
    #[must_use]
    pub fn real(self, world: u64) -> Duration {
        match self {
            Self::Times(times) => Duration::from_millis(world.saturating_mul(1000) / u64::from(times)),
            Self::Max => Duration::ZERO,
        }
    }
}

/// A clock of the world that was once set.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    speed: Speed,
    world: u64,
    real: Duration,
}

impl Clock {
    /// A clock that shows `world` when the process's own shows `real`.
    #[must_use]
    pub fn new(speed: Speed, world: u64, real: Duration) -> Self {
        Self { speed, world, real }
    }

    /// World time at a real moment; as fast as possible, a day after what is `reached`.
    #[must_use]
    pub fn world(&self, real: Duration, reached: u64) -> u64 {
        match self.speed {
            Speed::Max => reached.saturating_add(metrology::label::DAY_SECONDS),
            Speed::Times(_) => {
                let passed = self.speed.world_millis(real.saturating_sub(self.real)) / 1000;
                self.world.saturating_add(passed)
            }
        }
    }

    /// Sets it ahead: time that nobody lived.
    pub fn skip(&mut self, seconds: u64) {
        self.world = self.world.saturating_add(seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_as_fast_as_asked() {
        let clock = Clock::new(Speed::Times(600), 1000, Duration::from_secs(5));
        assert_eq!(clock.world(Duration::from_secs(5), 0), 1000);
        assert_eq!(clock.world(Duration::from_millis(6500), 0), 1900);
        assert_eq!(clock.world(Duration::ZERO, 0), 1000, "a clock that goes back does no harm");
        assert_eq!(Clock::new(Speed::Max, 0, Duration::ZERO).world(Duration::ZERO, 7), 86_407);
        assert_eq!(Speed::Times(600).real(1800), Duration::from_secs(3));
    }

    #[test]
    fn speeds() {
        assert_eq!("1".parse(), Ok(Speed::Times(1)));
        assert_eq!("1000000".parse(), Ok(Speed::Times(MAX_SPEED)));
        assert_eq!("max".parse(), Ok(Speed::Max));
        for bad in ["0", "1000001", "-1", "1.5", "", "fast"] {
            assert!(bad.parse::<Speed>().is_err(), "{bad}");
        }
    }
}
