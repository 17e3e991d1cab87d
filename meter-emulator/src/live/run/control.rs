//! Whoever stands before the meter: lines on standard input, and signals.

use std::io::BufRead;
use std::str::FromStr;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::RunError;
use crate::live::clock::Speed;
use crate::live::fault::{Fault, parse_step};
use sealer::port::Inward;

/// Longest control line.
const MAX_LINE: usize = 256;

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

/// Hands on control input and signals. When standard input ends the meter goes on.
pub(super) fn listen(runtime: &Runtime, inward: &mpsc::Sender<Inward>) -> Result<(), RunError> {
    let _within = runtime.enter();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signal(kind).map_err(RunError::Runtime)?;
        let inward = inward.clone();
        runtime.spawn(async move {
            while signals.recv().await.is_some() {
                let _ = inward.send(Inward::Stop).await;
            }
        });
    }
    let lines = inward.clone();
    let reader = std::thread::Builder::new().name("control".into());
    reader.spawn(move || read(&lines)).map_err(RunError::Runtime)?;
    Ok(())
}

fn read(inward: &mpsc::Sender<Inward>) {
    let mut input = std::io::stdin().lock();
    loop {
        let mut line = String::new();
        let limit = u64::try_from(MAX_LINE).unwrap_or(0);
        let mut bounded = std::io::Read::take(&mut input, limit);
        match bounded.read_line(&mut line) {
            Ok(length) if length > 0 => {}
            _ => return,
        }
        if !line.trim().is_empty() && inward.blocking_send(Inward::Control(line)).is_err() {
            return;
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
