//! What whoever stands before the meter may say.

use std::str::FromStr;

use crate::live::clock::Speed;
use crate::live::fault::{Fault, parse_step};

/// A control command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Press the button.
    Pair,
    /// Say how things are.
    Status,
    /// Cut the power for some seconds of the world.
    PowerCut(u64),
    /// Switch a fault on.
    Fault(Fault),
    /// Set the clock by some seconds.
    Clock(i64),
    /// Let time pass faster or slower from now on.
    Speed(Speed),
    /// Stop.
    Quit,
}

impl FromStr for Control {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<_> = text.split_whitespace().collect();
        match *words {
            ["pair"] => Ok(Self::Pair),
            ["status"] => Ok(Self::Status),
            ["quit"] => Ok(Self::Quit),
            ["power-cut"] => Ok(Self::PowerCut(0)),
            ["power-cut", seconds] => {
                let seconds = seconds.parse::<u32>().map_err(|_| "write power-cut SECONDS".to_owned())?;
                Ok(Self::PowerCut(seconds.into()))
            }
            ["speed", speed] => speed.parse().map(Self::Speed).map_err(str::to_owned),
            ["fault", fault] => fault.parse().map(Self::Fault),
            ["clock", step] => {
                parse_step(step).map(Self::Clock).ok_or_else(|| "write clock +3600 or clock -3600".to_owned())
            }
            _ => Err(
                "there are: pair, status, power-cut [SECONDS], fault KIND[:ARGUMENT], clock +SECONDS, speed N, quit"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_lines() {
        assert_eq!(" pair\n".parse(), Ok(Control::Pair));
        assert_eq!("power-cut 60".parse(), Ok(Control::PowerCut(60)));
        assert_eq!("clock -60".parse(), Ok(Control::Clock(-60)));
        assert_eq!("speed max".parse(), Ok(Control::Speed(Speed::Max)));
        assert_eq!("fault none".parse(), Ok(Control::Fault(Fault::None)));
        for bad in ["", "pair me", "power-cut x", "fault", "fault fire", "clock 0", "speed 0", "Quit"] {
            assert!(bad.parse::<Control>().is_err(), "{bad}");
        }
    }
}
