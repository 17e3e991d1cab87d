//! What real meters do otherwise than their standard says, on demand.

use std::fmt;
use std::str::FromStr;

/// One departure from the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// The clock was never set: it counts from 2000-01-01.
    ClockReset,
    /// Now and then the import register shows zero for one frame.
    MomentaryZero,
    /// Totals change with the full hour only.
    HourlyTotals,
    /// The hourly list comes again half an hour later, as it was.
    StaleRepeat,
    /// One byte of text in the frame is not ASCII.
    NonAscii,
    /// Power without a sign is sent as if it had one (DZG DVS74).
    UnsignedPower,
    /// Before the PIN is entered: whole kWh, and no power.
    PinLocked,
    /// The checksum is printed without leading zeros.
    ShortCrc,
    /// Now and then two lines run into one.
    MergedLines,
    /// Seven bits and even parity, as a reader set to eight bits hears them.
    ParityBits,
}

impl Quirk {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ClockReset,
        Self::MomentaryZero,
        Self::HourlyTotals,
        Self::StaleRepeat,
        Self::NonAscii,
        Self::UnsignedPower,
        Self::PinLocked,
        Self::ShortCrc,
        Self::MergedLines,
        Self::ParityBits,
    ];

    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClockReset => "clock-reset",
            Self::MomentaryZero => "momentary-zero",
            Self::HourlyTotals => "hourly-totals",
            Self::StaleRepeat => "stale-repeat",
            Self::NonAscii => "non-ascii",
            Self::UnsignedPower => "unsigned-power",
            Self::PinLocked => "pin-locked",
            Self::ShortCrc => "short-crc",
            Self::MergedLines => "merged-lines",
            Self::ParityBits => "parity-bits",
        }
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Quirk {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|quirk| quirk.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|quirk| quirk.name()).collect();
            format!("there are: {}", names.join(", "))
        })
    }
}

/// A set of quirks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks(u16);

impl Quirks {
    /// With one more.
    #[must_use]
    pub fn with(self, quirk: Quirk) -> Self {
        Self(self.0 | Self::bit(quirk))
    }

    /// Whether one is on.
    #[must_use]
    pub fn has(self, quirk: Quirk) -> bool {
        self.0 & Self::bit(quirk) != 0
    }

    /// Those that are on.
    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::ALL.into_iter().filter(move |quirk| self.has(*quirk))
    }

    fn bit(quirk: Quirk) -> u16 {
        1 << (quirk as u16)
    }
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Self {
        quirks.into_iter().fold(Self::default(), Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sets() {
        for quirk in Quirk::ALL {
            assert_eq!(quirk.to_string().parse(), Ok(quirk));
            let set = Quirks::default().with(quirk);
            assert_eq!(set.iter().collect::<Vec<_>>(), [quirk]);
        }
        assert!("on-fire".parse::<Quirk>().unwrap_err().contains("pin-locked"));
        assert_eq!(Quirk::ALL.into_iter().collect::<Quirks>().iter().count(), 10);
    }
}
