//! From telegrams to slots: what was taken from the grid in each interval, and how that is known.
//!
//! ```text
//! Telegram, heard at ─► Slots ─► Register (import) ─► Slot { number, advance, Measured | Estimated | Missing }
//!                          └───► Register (export) ─► …
//! ```
//!
//! A slot's energy is the difference of what the register showed at its two edges. What the register showed at an edge is a
//! reading that was heard there, or not far from it ([`Terms::reach`]); then the slot is measured, and nothing is computed into
//! it. Where the readings before and after an edge are further away, but no slot lies between them, the edge is
//! interpolated, and both slots at it are estimated. Slots in a longer silence are missing: their energy is known as a sum
//! alone, which goes to the last of them and into the day's residual when it is sealed. So sums are always those of the
//! register.
//!
//! Nothing is read from a meter's clock but seconds within the quarter of an hour: it may be months wrong, in whatever zone,
//! with or without summer time, and no slot moves. A total that comes with the time it came with before is a repetition and
//! says nothing of now. A register that drops, or leaps further than wires carry, is not believed until it has said so three
//! times in a minute or longer; then it was reset, and what was between is missing. No slot is ever negative, and none is told twice.

mod edges;
mod register;

#[cfg(test)]
mod tests;

pub use edges::{Edge, Edges};
pub use register::Register;

use crate::plain::{Energy, Moment, Telegram};

/// How a slot's energy is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The register was read at both edges.
    Measured,
    /// At an edge it was read shortly before and after, and interpolated.
    Estimated,
    /// It was not read; the energy of several slots in a row stands in the last of them.
    Missing,
}

/// What passed through a register in one slot. It does not print: it is a reading.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Unix time divided by the interval.
    pub number: u64,
    /// Energy in 10⁻⁴ Wh.
    pub advance: u32,
    /// How it is known.
    pub how: How,
}

impl core::fmt::Debug for Slot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Slot({}, {:?})", self.number, self.how)
    }
}

/// How readings become slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Seconds of a slot; an hour is a whole number of them.
    pub interval: u32,
    /// A reading so many seconds from an edge stands for it.
    pub reach: u32,
    /// More than so many watts no wire carries: a leap beyond it is a fault, not a load.
    pub most: u32,
}

impl Terms {
    /// For slots of this many seconds: a reach of a sixtieth, and 150 kW, three phases of 217 A.
    #[must_use]
    pub const fn for_interval(interval: u32) -> Self {
        Self { interval, reach: interval / 60, most: 150_000 }
    }
}

/// Which register a slot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Energy taken from the grid.
    Import,
    /// Energy given to it.
    Export,
}

/// One meter's telegrams, becoming slots.
#[derive(Clone, Debug)]
pub struct Slots {
    import: Register,
    export: Register,
    meter: Option<String>,
    /// The last total of each register that came with a time.
    said: [Option<(Moment, Energy)>; 2],
}

impl Slots {
    /// Nothing heard yet.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self { import: Register::new(terms), export: Register::new(terms), meter: None, said: [None; 2] }
    }

    /// Takes a telegram that was heard at this moment, Unix milliseconds by the listener's clock; gives the slots that it
    /// completes, each register's in order.
    pub fn hear(&mut self, at: u64, telegram: &Telegram) -> Vec<(Way, Slot)> {
        if telegram.meter.is_some() && telegram.meter != self.meter {
            if self.meter.is_some() {
                // Another meter hangs there now.
                self.import.replaced();
                self.export.replaced();
                self.said = [None; 2];
            }
            self.meter.clone_from(&telegram.meter);
        }
        if telegram.import.is_none() && telegram.export.is_none() {
            return Vec::new();
        }
        let at = aligned(at, telegram.at);
        let [said_import, said_export] = &mut self.said;
        let ways = [
            (Way::Import, &mut self.import, said_import, telegram.import),
            (Way::Export, &mut self.export, said_export, telegram.export),
        ];
        let heard = ways.into_iter().flat_map(|(way, register, said, total)| {
            let now = telegram.at.zip(total);
            let repeated = now.is_some() && now == *said;
            *said = now.or(*said);
            let total = total.filter(|_| !repeated);
            let slots = total.map_or_else(Vec::new, |total| register.read(at, total));
            slots.into_iter().map(move |slot| (way, slot))
        });
        heard.collect()
    }
}

/// The meter's seconds on the listener's time, when they are at most half a minute apart within the quarter of an hour.
fn aligned(at: u64, said: Option<Moment>) -> u64 {
    const QUARTER: i64 = 900_000;
    const NEAR: i64 = 30_000;
    let Some(Moment::Clock(stamp)) = said else { return at };
    let shown = (i64::from(stamp.shown.minute()) * 60 + i64::from(stamp.shown.second())) * 1000;
    let Ok(heard) = i64::try_from(at) else { return at };
    let apart = (shown - heard + QUARTER / 2).rem_euclid(QUARTER) - QUARTER / 2;
    if apart.abs() <= NEAR { u64::try_from(heard + apart).unwrap_or(at) } else { at }
}
