//! Which settings of a serial port are tried, in which order, and for how long.

use std::time::Duration;

use crate::address::{Bits, Parity, Stop};
use crate::profile::{Need, Profiles, Wire};

/// A meter that speaks more rarely is heard when it does, or not.
const LONGEST_CADENCE: Duration = Duration::from_secs(10);
/// Added to the cadence: a telegram takes its time.
const MARGIN: Duration = Duration::from_secs(2);
/// A conversation at 300 baud and the readout behind it.
const CONVERSATION: Duration = Duration::from_secs(20);

/// One setting that is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// How the port is set.
    pub wire: Wire,
    /// Whether a meter is asked there; else it is listened to alone.
    pub asked: bool,
    /// How long it is tried.
    pub patience: Duration,
}

/// What is tried on a port: the settings of all profiles, each once, those of the most profiles first, and what asks
/// last. With `total`, all together take no longer.
#[must_use]
pub fn plan(profiles: &Profiles, total: Option<Duration>) -> Vec<Attempt> {
    let mut counted: Vec<(Attempt, usize)> = Vec::new();
    for profile in profiles.iter() {
        let asked = profile.needs(Need::Request);
        let patience = if asked { CONVERSATION } else { profile.cadence.min(LONGEST_CADENCE) + MARGIN };
        for wire in &profile.serial {
            let wire = if asked { *wire } else { heard_as(*wire) };
            match counted.iter_mut().find(|(known, _)| (known.wire, known.asked) == (wire, asked)) {
                Some((known, count)) => {
                    known.patience = known.patience.max(patience);
                    *count += 1;
                }
                None => counted.push((Attempt { wire, asked, patience }, 1)),
            }
        }
    }
    counted.sort_by_key(|(attempt, count)| (attempt.asked, std::cmp::Reverse(*count), attempt.wire.baud));
    let mut attempts: Vec<_> = counted.into_iter().map(|(attempt, _)| attempt).collect();
    let whole: Duration = attempts.iter().map(|attempt| attempt.patience).sum();
    if let Some(total) = total.filter(|total| *total < whole) {
        let parts = u32::try_from(whole.as_millis()).unwrap_or(u32::MAX).max(1);
        for attempt in &mut attempts {
            let part = u32::try_from(attempt.patience.as_millis()).unwrap_or(u32::MAX);
            attempt.patience = total.saturating_mul(part) / parts;
        }
    }
    attempts
}

/// An ear of eight bits hears seven and a parity bit as well: one setting fewer.
fn heard_as(wire: Wire) -> Wire {
    if wire.bits == Bits::Seven && wire.parity != Parity::None {
        return Wire { bits: Bits::Eight, parity: Parity::None, stop: Stop::One, ..wire };
    }
    wire
}
