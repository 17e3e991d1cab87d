//! From telegrams to slots: what was taken from the grid in each interval, and how that is known.
//!
//! ```text
//! Telegram, heard at ─► Slots: Who ─► Register (import): believed? ─► Edges ─► Slot { number, advance, how }
//!                        │     └────► Register (export) ─► …
//!                        └ ChannelSlots: gas, water, heat ─► Register ─► …
//! ```
//!
//! A slot's energy is the difference of what the register showed at its two edges. What the register showed at an edge is a
//! reading that was heard there, or not far from it ([`Terms::reach`]); then the slot is measured, and nothing is computed into
//! it. Where the readings before and after an edge are further away, but no slot lies between them, the edge is
//! interpolated, and both slots at it are estimated. Slots in a longer silence are missing: their energy is known as a sum
//! alone, which goes to the last of them and into the day's residual when it is sealed. So sums are always those of the
//! register.
//!
//! Nothing is read from a meter's clock but seconds within the quarter of an hour, where a checksum stands behind them and
//! the meter has shown that it tells seconds: it may be months wrong, in whatever zone, with or without summer time, and no
//! slot moves. A total that comes with the time it came with before is a repetition and says nothing of now.
//!
//! A reading that no checksum stands behind waits until the next follows on. A register that drops, or leaps further than
//! wires carry, is not believed until it has said so three times in a minute or longer; then it was reset, and what was
//! between is missing. Another meter hangs there once its number has come three times in a minute or longer; until then what
//! comes under it is held, and then it counts for the new meter. A listener's clock that is set back makes what passes
//! meanwhile part of the first slot that is told again, as missing; one that leaps by more than 400 days of quarters begins
//! a new series. No slot is ever negative, and none is told twice.

mod channel;
mod edges;
mod marks;
mod register;
mod who;

#[cfg(test)]
mod tests;

pub use channel::ChannelSlots;
pub use marks::{Mark, Marks};

use crate::plain::{Energy, Moment, Telegram};
use register::{Register, Scale};
use who::{Who, Word};

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
    /// Energy in 10⁻⁴ Wh; of a channel, 10⁻⁴ of a thousandth of its unit.
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
    /// More than so many watts no wire carries: a leap beyond it is a fault, not a load. Of a channel, so many
    /// thousandths of its unit in an hour. After a day without a reading a tenth of it counts for the time beyond: nothing runs at its most for
    /// weeks.
    pub most: u32,
}

impl Terms {
    /// For slots of this many seconds: a reach of a sixtieth, and 150 kW, three phases of 217 A. For a channel, 150 m³ or
    /// whatever it counts in an hour.
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

/// What a telegram said of the meter's registers.
#[derive(Clone, Copy)]
struct Said {
    at: u64,
    moment: Option<Moment>,
    totals: [Option<Energy>; 2],
    checked: bool,
}

/// One meter's telegrams, becoming slots.
#[derive(Clone)]
pub struct Slots {
    import: Register,
    export: Register,
    who: Who<Said>,
    /// The last total of each register that came with a time.
    said: [Option<(Moment, Energy)>; 2],
    /// The meter's clock tells seconds, not minutes alone.
    seconds: bool,
    /// What another meter's registers begin as, if they have nothing to do with those of the one before.
    apart: Option<Register>,
}

impl core::fmt::Debug for Slots {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Slots").field("seconds", &self.seconds).finish_non_exhaustive()
    }
}

impl Slots {
    /// Nothing heard yet.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        let register = Register::new(terms, Scale::ENERGY);
        Self {
            import: register.clone(),
            export: register,
            who: Who::default(),
            said: [None; 2],
            seconds: false,
            apart: None,
        }
    }

    /// Another meter that hangs there begins series of its own, as it has a chain of its own: what the one before used since
    /// its last slot is in none. Else the series go on, and the slot of the exchange is missing.
    #[must_use]
    pub fn apart(self, terms: Terms) -> Self {
        Self { apart: Some(Register::new(terms, Scale::ENERGY)), ..self }
    }

    /// Takes a telegram that was heard at this moment, Unix milliseconds by the listener's clock; gives the slots that it
    /// completes, each register's in order.
    pub fn hear(&mut self, at: u64, telegram: &Telegram) -> Vec<(Way, Slot)> {
        let totals = [telegram.import, telegram.export];
        let said = Said { at, moment: telegram.at, totals, checked: telegram.checked };
        let said = totals.iter().any(Option::is_some).then_some(said);
        match self.who.hear(at, telegram.meter.as_deref(), said) {
            Word::Doubtful => Vec::new(),
            Word::Known(said) => said.map_or_else(Vec::new, |said| self.take(said)),
            Word::Exchanged(held) => {
                match &self.apart {
                    Some(new) => (self.import, self.export) = (new.clone(), new.clone()),
                    None => {
                        self.import.replaced();
                        self.export.replaced();
                    }
                }
                (self.said, self.seconds) = ([None; 2], false);
                held.into_iter().flat_map(|said| self.take(said)).collect()
            }
        }
    }

    fn take(&mut self, said: Said) -> Vec<(Way, Slot)> {
        let at = self.aligned(&said);
        let [said_import, said_export] = &mut self.said;
        let [import, export] = said.totals;
        let ways = [
            (Way::Import, &mut self.import, said_import, import),
            (Way::Export, &mut self.export, said_export, export),
        ];
        let heard = ways.into_iter().flat_map(|(way, register, before, total)| {
            let now = said.moment.zip(total);
            let repeated = now.is_some() && now == *before;
            *before = now.or(*before);
            if total.is_none() && !said.checked {
                register.unheard();
            }
            let total = total.filter(|_| !repeated);
            let slots = total.map_or_else(Vec::new, |total| register.read(at, total.0, said.checked));
            slots.into_iter().map(move |slot| (way, slot))
        });
        heard.collect()
    }

    /// The meter's seconds on the listener's time, when they are at most half a minute apart within the quarter of an hour.
    /// Nothing of a stamp that the line may have changed, or that stands at the full minute for want of seconds.
    fn aligned(&mut self, said: &Said) -> u64 {
        let Some(Moment::Clock(stamp)) = said.moment.filter(|_| said.checked) else { return said.at };
        self.seconds |= stamp.shown.second() != 0;
        if self.seconds { near(said.at, stamp.shown.minute(), stamp.shown.second()) } else { said.at }
    }
}

/// The moment next to this one at which a quarter of an hour is so far on, if it is at most half a minute away.
fn near(at: u64, minute: i8, second: i8) -> u64 {
    const QUARTER: i64 = 900_000;
    const NEAR: i64 = 30_000;
    let shown = (i64::from(minute) * 60 + i64::from(second)) * 1000;
    let Ok(heard) = i64::try_from(at) else { return at };
    let apart = (shown - heard + QUARTER / 2).rem_euclid(QUARTER) - QUARTER / 2;
    let near = heard.checked_add(apart).filter(|_| apart.abs() <= NEAR);
    near.and_then(|near| u64::try_from(near).ok()).unwrap_or(at)
}
