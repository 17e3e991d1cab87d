//! What goes wrong on demand: on the line, in the meter's clock and memory, and in its honesty.

mod lies;
mod trouble;

pub use lies::Lies;
pub use trouble::{Chance, Trouble};

use std::fmt;
use std::str::FromStr;

/// How often something happens, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probability(u32);

impl Probability {
    const ONE: u32 = 1_000_000;

    /// In millionths.
    #[must_use]
    pub fn millionths(self) -> u32 {
        self.0
    }
}

impl FromStr for Probability {
    type Err = &'static str;

    /// Reads `0.25` or `25%`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = "write a probability such as 0.05 or 5%";
        let (number, unit) = text.strip_suffix('%').map_or((text, 100), |number| (number, 1));
        // 10⁻⁴ units of a hundredth are millionths.
        let parts = crate::amount::parse_parts(number).map_err(|_| bad)?;
        let parts = parts.checked_mul(unit).and_then(|parts| u32::try_from(parts).ok()).ok_or(bad)?;
        if parts <= Self::ONE { Ok(Self(parts)) } else { Err(bad) }
    }
}

/// A fault that can be switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Messages are lost.
    Drop(Probability),
    /// Messages come twice.
    Duplicate(Probability),
    /// Messages come after the one that follows them.
    Reorder(Probability),
    /// A byte is changed.
    Corrupt(Probability),
    /// Old messages come again.
    Replay(Probability),
    /// For every block, the meter also signs another with the same number.
    Equivocate,
    /// The clock is set by some seconds.
    Clock(i64),
    /// The power is cut every so many seconds of the world, and is back after some.
    PowerCut {
        /// Seconds between cuts.
        every: u64,
        /// Seconds without power.
        lasting: u64,
    },
    /// The memory is full.
    FullFlash,
    /// All faults that are on end.
    None,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, argument) = text.split_once(':').map_or((text, None), |(kind, rest)| (kind, Some(rest)));
        let chance = || -> Result<Probability, String> {
            argument.ok_or_else(|| format!("write {kind}:0.05"))?.parse().map_err(str::to_owned)
        };
        let seconds = |text: &str| text.parse::<u64>().ok().filter(|seconds| *seconds <= u64::from(u32::MAX));
        let none = |fault| match argument {
            None => Ok(fault),
            Some(_) => Err(format!("{kind} takes no argument")),
        };
        match kind {
            "drop" => chance().map(Self::Drop),
            "duplicate" => chance().map(Self::Duplicate),
            "reorder" => chance().map(Self::Reorder),
            "corrupt" => chance().map(Self::Corrupt),
            "replay" => chance().map(Self::Replay),
            "equivocate" => none(Self::Equivocate),
            "full-flash" => none(Self::FullFlash),
            "none" => none(Self::None),
            "clock" => {
                let step = argument.and_then(parse_step).ok_or("write clock:+3600 or clock:-3600 (seconds)")?;
                Ok(Self::Clock(step))
            }
            "power-cut" => {
                let (every, lasting) = argument.map_or((None, Some(0)), |argument| match argument.split_once(':') {
                    Some((every, lasting)) => (seconds(every), seconds(lasting)),
                    None => (seconds(argument), Some(0)),
                });
                let every = every.filter(|every| *every > 0);
                every.zip(lasting).map(|(every, lasting)| Self::PowerCut { every, lasting }).ok_or_else(|| {
                    "write power-cut:EVERY or power-cut:EVERY:LASTING (seconds of the meter's time)".to_owned()
                })
            }
            _ => Err(format!(
                "{kind:?} is no fault; there are drop, duplicate, reorder, corrupt, replay, equivocate, clock, power-cut, \
                 full-flash and none"
            )),
        }
    }
}

/// Reads `+3600` or `-3600`; not more than a hundred years.
#[must_use]
pub fn parse_step(text: &str) -> Option<i64> {
    const LIMIT: i64 = 100 * 366 * 86_400;
    text.parse().ok().filter(|step| (-LIMIT..=LIMIT).contains(step) && *step != 0)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drop(_) => "drop",
            Self::Duplicate(_) => "duplicate",
            Self::Reorder(_) => "reorder",
            Self::Corrupt(_) => "corrupt",
            Self::Replay(_) => "replay",
            Self::Equivocate => "equivocate",
            Self::Clock(_) => "clock",
            Self::PowerCut { .. } => "power-cut",
            Self::FullFlash => "full-flash",
            Self::None => "none",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_as_people_write_them() {
        assert_eq!("drop:0.25".parse(), Ok(Fault::Drop(Probability(250_000))));
        assert_eq!("corrupt:0.01%".parse(), Ok(Fault::Corrupt(Probability(100))));
        assert_eq!("replay:1".parse(), Ok(Fault::Replay(Probability(1_000_000))));
        assert_eq!("clock:+3600".parse(), Ok(Fault::Clock(3600)));
        assert_eq!("clock:-90000".parse(), Ok(Fault::Clock(-90_000)));
        assert_eq!("power-cut:7200".parse(), Ok(Fault::PowerCut { every: 7200, lasting: 0 }));
        assert_eq!("power-cut:7200:60".parse(), Ok(Fault::PowerCut { every: 7200, lasting: 60 }));
        for bad in [
            "",
            "drop",
            "drop:",
            "drop:1.1",
            "drop:-1",
            "drop:101%",
            "equivocate:1",
            "clock",
            "clock:0",
            "clock:9999999999",
            "power-cut",
            "power-cut:0",
            "power-cut:1:x",
            "fire",
        ] {
            assert!(bad.parse::<Fault>().is_err(), "{bad}");
        }
    }
}
