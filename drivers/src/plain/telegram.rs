//! What one telegram of a plain meter says, whatever its protocol.

use std::fmt;

use jiff::civil::DateTime;

use super::number::{Energy, Power, Volume};

/// What one telegram says. What it does not say is absent, never zero.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Telegram {
    /// The number printed on the meter, or what the meter sends for it.
    pub meter: Option<String>,
    /// Which input of a bridge it came by, where the bridge has several and each is a meter of its own.
    pub input: Option<String>,
    /// Who made the meter, where the telegram tells.
    pub maker: Option<String>,
    /// Where the meter's time stands in it.
    pub at: Option<Moment>,
    /// Energy taken from the grid since the meter was made: the total, or the sum of all its rates when it sends those
    /// alone.
    pub import: Option<Energy>,
    /// Energy given to the grid, likewise.
    pub export: Option<Energy>,
    /// The registers by rate that the telegram holds.
    pub rates: Vec<Rate>,
    /// Power just now: import less export.
    pub power: Option<Power>,
    /// Apparent power just now in volt-amperes, where the meter tells no other.
    pub apparent: Option<u32>,
    /// Other meters that speak through this one: gas, water, heat.
    pub channels: Vec<Channel>,
    /// Groups that the line changed, in protocols that check each group by itself; the rest of the telegram is good.
    pub damaged_groups: u32,
    /// The record's own signature was checked with a key that came from elsewhere, and fits.
    pub signed: bool,
    /// Sixteen bits of checksum or more, a tag or a signature say that it is as it was sent. Of one without, a digit may be
    /// another: whoever counts with it waits for the next ([`slots`](crate::slots)). Eight bits or six are not enough: what
    /// a bad line makes in a day would pass them.
    pub checked: bool,
}

/// A register of one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Number of the rate, from 1.
    pub number: u8,
    /// True for export.
    pub export: bool,
    /// What it stands at.
    pub total: Energy,
}

/// Another meter that speaks through this one.
#[derive(Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its reduced OBIS code, such as `0-1:24.2.1`.
    pub code: String,
    /// Its number, where told.
    pub meter: Option<String>,
    /// What it counts, as an M-Bus device type, where told: 2 electricity, 3 gas, 4 heat, 6 warm water, 7 water.
    pub device: Option<u8>,
    /// What it stands at.
    pub total: Volume,
    /// The unit, such as `m3`, `GJ` or `kWh`.
    pub unit: String,
    /// When it was read, where told.
    pub at: Option<Stamp>,
}

/// Where a telegram stands in the meter's own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// By a clock.
    Clock(Stamp),
    /// By a count of seconds that began at no known time.
    Seconds(u32),
}

/// A meter's clock. It may be wrong by years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// What the clock shows.
    pub shown: DateTime,
    /// Minutes ahead of UTC, when the meter tells that.
    pub ahead: Option<i16>,
}

impl fmt::Display for Stamp {
    /// ISO 8601, with the offset when it is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.shown.strftime("%Y-%m-%dT%H:%M:%S"))?;
        match self.ahead {
            None => Ok(()),
            Some(0) => f.write_str("Z"),
            Some(ahead) => {
                let sign = if ahead < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", ahead.unsigned_abs() / 60, ahead.unsigned_abs() % 60)
            }
        }
    }
}

impl fmt::Debug for Telegram {
    /// What it holds, never what that stands at.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telegram")
            .field("at", &self.at)
            .field("import", &self.import.map(|_| "…"))
            .field("export", &self.export.map(|_| "…"))
            .field("power", &self.power.map(|_| "…"))
            .field("rates", &self.rates.len())
            .field("channels", &self.channels.len())
            .field("damaged_groups", &self.damaged_groups)
            .field("signed", &self.signed)
            .field("checked", &self.checked)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("code", &self.code).field("unit", &self.unit).finish_non_exhaustive()
    }
}
