//! When a meter sends what.

use crate::plain::dlms::{Dialect, List};
use crate::plain::protocol::Protocol;

const HOUR: u64 = 3600;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// All that the protocol has.
    Whole,
    /// One of the lists of a meter that has several.
    List(List),
    /// The hourly list once more.
    Again,
}

/// An endless sequence of moments.
#[derive(Debug)]
pub(super) struct Due {
    /// The dialect, when it has hourly lists.
    hourly: Option<Dialect>,
    /// The interval that was asked for.
    asked: Option<u64>,
    interval: u64,
    /// Whether the hourly list comes again.
    repeats: bool,
    at: u64,
}

impl Due {
    pub(super) fn new(protocol: Protocol, interval: Option<u32>, repeats: bool, from: u64) -> Self {
        let hourly = if let Protocol::Dlms(dialect) = protocol { Some(dialect) } else { None };
        let hourly = hourly.filter(|dialect| dialect.is_hourly());
        let asked = interval.map(u64::from);
        let interval = asked.unwrap_or_else(|| protocol.cadence().into()).max(1);
        // A transaction has a beginning.
        let first = if matches!(protocol, Protocol::Ocmf(_)) { from.saturating_add(interval) } else { from };
        let at = if hourly.is_some() { first } else { first.div_ceil(interval).saturating_mul(interval) };
        Self { hourly, asked, interval, repeats, at }
    }

    /// Seconds between frames.
    pub(super) fn interval(&self) -> u64 {
        self.interval
    }

    /// Seconds after the hour at which its totals come.
    pub(super) fn lag(&self) -> u64 {
        self.hourly.map_or(0, Dialect::lag)
    }

    /// What a meter with hourly lists sends in a second.
    fn list(&self, dialect: Dialect) -> Option<What> {
        if self.at % HOUR == dialect.lag() {
            return Some(What::List(List::Totals));
        }
        if self.repeats && self.at % HOUR == HOUR / 2 + dialect.lag() {
            return Some(What::Again);
        }
        if self.at.is_multiple_of(self.interval) {
            return Some(What::List(List::Values));
        }
        let power = match dialect {
            // Every two and a half seconds.
            Dialect::Aidon => matches!(self.at % 5, 0 | 2),
            Dialect::Kaifa => self.at.is_multiple_of(2),
            _ => false,
        };
        (power && self.asked.is_none()).then_some(What::List(List::Power))
    }
}

impl Iterator for Due {
    type Item = (u64, What);

    fn next(&mut self) -> Option<(u64, What)> {
        let Some(dialect) = self.hourly else {
            let at = self.at;
            self.at = at.checked_add(self.interval)?;
            return Some((at, What::Whole));
        };
        loop {
            let (at, what) = (self.at, self.list(dialect));
            self.at = at.checked_add(1)?;
            if let Some(what) = what {
                return Some((at, what));
            }
        }
    }
}
