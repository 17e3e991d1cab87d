//! Labels: what is measured, where and when. A slot is one metering interval on the UTC grid.

use core::fmt;

use minicbor::{Encode, Encoder, encode::Write};

/// Most slots in a UTC day: quarter-hours.
pub const MAX_SLOTS: usize = 96;
/// Seconds in a UTC day.
pub const DAY_SECONDS: u64 = 86_400;

/// Seconds a slot lasts: 900, 1800 or 3600.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval(u16);

impl Interval {
    /// A quarter of an hour.
    pub const QUARTER: Self = Self(900);
    /// Half an hour.
    pub const HALF: Self = Self(1800);
    /// An hour.
    pub const HOUR: Self = Self(3600);

    /// The interval of that many seconds, if it is one of the three.
    #[must_use]
    pub fn from_seconds(seconds: u32) -> Option<Self> {
        [Self::QUARTER, Self::HALF, Self::HOUR].into_iter().find(|known| known.seconds() == u64::from(seconds))
    }

    /// Seconds a slot lasts.
    #[must_use]
    pub fn seconds(self) -> u64 {
        u64::from(self.0)
    }

    /// Slots in a UTC day: 96, 48 or 24.
    #[must_use]
    pub fn slots_per_day(self) -> u64 {
        DAY_SECONDS / self.seconds()
    }
}

impl<C> Encode<C> for Interval {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u16(self.0)?.ok()
    }
}

/// A short printable text held without a heap: `N` bytes at most, printable ASCII without spaces at the ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    length: u8,
}

impl<const N: usize> Text<N> {
    /// `None` when empty, too long, not printable ASCII, or with a space at an end.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let raw = text.as_bytes();
        let length = u8::try_from(raw.len()).ok()?;
        let printable = raw.iter().all(|b| (0x20..0x7f).contains(b));
        if raw.is_empty() || !printable || text.trim() != text {
            return None;
        }
        let mut bytes = [0; N];
        bytes.get_mut(..raw.len())?.copy_from_slice(raw);
        Some(Self { bytes, length })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..usize::from(self.length)).and_then(|b| core::str::from_utf8(b).ok()).unwrap_or("")
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<C, const N: usize> Encode<C> for Text<N> {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(self.as_str())?.ok()
    }
}

/// Which register of a meter, by its code: an OBIS code such as `1-0:1.8.0`, or a name in another domain.
pub type RegisterCode = Text<24>;
/// The unit of a register's whole numbers: `Wh`, `L`, `m`.
pub type Unit = Text<8>;
/// What the maker printed on the meter.
pub type MeterId = Text<32>;

/// What a register counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RegisterKind {
    /// A total that only grows; a reading is the advance within the slot.
    Cumulative = 0,
    /// A value of its own in each slot (voltage); there is no residual.
    Sampled = 1,
}

/// A register of a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// The code, unique within the meter.
    pub code: RegisterCode,
    /// Unit of readings.
    pub unit: Unit,
    /// Cumulative or sampled.
    pub kind: RegisterKind,
    /// How long a slot lasts.
    pub interval: Interval,
}

/// How a slot's reading was obtained. Public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Status {
    /// Measured as it should be.
    #[default]
    Measured = 0,
    /// Not measured: the reading is zero, what passed is in the residual.
    Missing = 1,
    /// Substituted or cut to 16 bits; an excess is in the residual.
    Estimated = 2,
    /// Measured while a tamper sensor was active.
    Tamper = 3,
}

impl Status {
    /// By its two-bit code.
    #[must_use]
    pub fn from_code(code: u8) -> Self {
        match code & 3 {
            0 => Self::Measured,
            1 => Self::Missing,
            2 => Self::Estimated,
            _ => Self::Tamper,
        }
    }

    /// Its two-bit code.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// Whether the meter's clock could be trusted during a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum ClockQuality {
    /// Synchronised within the meter's limits.
    #[default]
    Good = 0,
    /// Running on reserve; drift possible.
    Uncertain = 1,
    /// Known to be wrong.
    Bad = 2,
}

impl ClockQuality {
    /// The quality with a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Good, Self::Uncertain, Self::Bad].into_iter().find(|known| *known as u8 == code)
    }
}

/// Events of a block, reported in clear and never hidden.
pub mod events {
    /// The terminal cover was opened.
    pub const COVER_OPENED: u16 = 1;
    /// A strong magnetic field was present.
    pub const MAGNETIC_FIELD: u16 = 1 << 1;
    /// The supply was interrupted.
    pub const OUTAGE: u16 = 1 << 2;
    /// The clock was set.
    pub const CLOCK_SET: u16 = 1 << 3;
}

/// The times of one register that commitments exist for: disjoint half-open ranges of Unix seconds in order.
///
/// A range grows in normal running; another one appears when an epoch begins after a gap. When there are too many, the
/// two with the smallest gap between them become one: the gap then counts as covered, which only refuses more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    ranges: [(u64, u64); Self::RANGES],
    count: u8,
}

impl Coverage {
    /// Ranges held at most.
    pub const RANGES: usize = 8;

    /// The ranges, in order.
    #[must_use]
    pub fn ranges(&self) -> &[(u64, u64)] {
        self.ranges.get(..usize::from(self.count)).unwrap_or(&[])
    }

    /// Adds `[from, until)`. `false`, and no change, when any second of it is already covered, or when it is empty.
    #[must_use]
    pub fn add(&mut self, from: u64, until: u64) -> bool {
        if from >= until || self.ranges().iter().any(|&(a, b)| from < b && a < until) {
            return false;
        }
        let mut merged = [(0, 0); Self::RANGES + 1];
        let mut count = 0;
        let mut pending = Some((from, until));
        for &range in self.ranges() {
            if let Some(new) = pending.filter(|new| new.0 < range.0) {
                join(&mut merged, &mut count, new);
                pending = None;
            }
            join(&mut merged, &mut count, range);
        }
        if let Some(new) = pending {
            join(&mut merged, &mut count, new);
        }
        if count > Self::RANGES {
            close_smallest_gap(&mut merged, &mut count);
        }
        match (merged.get(..Self::RANGES), u8::try_from(count)) {
            (Some(kept), Ok(length)) => {
                self.ranges.copy_from_slice(kept);
                self.count = length;
                true
            }
            _ => false,
        }
    }
}

/// Joins the two neighbours with the smallest gap between them.
fn close_smallest_gap(ranges: &mut [(u64, u64)], count: &mut usize) {
    let gap = |pair: &[(u64, u64)]| pair.last().map_or(0, |b| b.0) - pair.first().map_or(0, |a| a.1);
    let smallest = ranges.windows(2).take(count.saturating_sub(1)).enumerate().min_by_key(|(_, pair)| gap(pair));
    let Some(place) = smallest.map(|(place, _)| place) else { return };
    let end = ranges.get(place + 1).map_or(0, |range| range.1);
    if let Some(range) = ranges.get_mut(place) {
        range.1 = end;
    }
    ranges.copy_within(place + 2..*count, place + 1);
    *count -= 1;
    if let Some(unused) = ranges.get_mut(*count) {
        *unused = (0, 0);
    }
}

/// Appends a range, joining it to the one before when they touch.
fn join(ranges: &mut [(u64, u64)], count: &mut usize, range: (u64, u64)) {
    if let Some(last) = count.checked_sub(1).and_then(|i| ranges.get_mut(i)).filter(|last| last.1 == range.0) {
        last.1 = range.1;
    } else if let Some(free) = ranges.get_mut(*count) {
        *free = range;
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn interval_has_three_values() {
        assert_eq!(Interval::from_seconds(900).unwrap().slots_per_day(), 96);
        assert_eq!(Interval::from_seconds(1800).unwrap().slots_per_day(), 48);
        assert_eq!(Interval::from_seconds(3600).unwrap().slots_per_day(), 24);
        for bad in [0, 60, 901, 7200, 66_436] {
            assert_eq!(Interval::from_seconds(bad), None);
        }
    }

    #[test]
    fn text_refuses_what_it_cannot_hold() {
        assert_eq!(RegisterCode::new("1-0:1.8.0").unwrap().as_str(), "1-0:1.8.0");
        for bad in ["", " x", "x ", "grüße", "a\nb", "1234567890123456789012345"] {
            assert!(RegisterCode::new(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_full_coverage_closes_its_smallest_gap() {
        let mut coverage = Coverage::default();
        for i in 0..Coverage::RANGES as u64 {
            assert!(coverage.add(i * 100, i * 100 + 50 + i));
        }
        assert!(coverage.add(5000, 5001));
        // The last gap, between 657 and 700, was the smallest.
        assert_eq!(coverage.ranges().len(), Coverage::RANGES);
        assert!(!coverage.add(660, 661));
        assert!(coverage.add(5001, 5002), "a range that touches another needs no room");
    }

    proptest! {
        #[test]
        fn coverage_is_a_set_of_seconds(steps in proptest::collection::vec((0u64..40, 1u64..8), 0..30)) {
            let mut coverage = Coverage::default();
            let mut seconds = [false; 64];
            for (from, length) in steps {
                let span = from as usize..(from + length) as usize;
                let free = !seconds[span.clone()].iter().any(|s| *s);
                let full = coverage.ranges().len() == Coverage::RANGES;
                let took = coverage.add(from, from + length);
                prop_assert!(!took || free, "took a covered second");
                if took { seconds[span].fill(true); }
                for (i, covered) in seconds.iter_mut().enumerate() {
                    let inside = coverage.ranges().iter().any(|r| (r.0..r.1).contains(&(i as u64)));
                    prop_assert!(!*covered || inside, "forgot a covered second");
                    prop_assert!(*covered || !inside || full, "covers a second that is free, though there was room");
                    *covered = inside;
                }
            }
        }
    }
}
