//! Where the registers stood at the end of the last slot that was told: what a listener keeps over its own restart, so that the
//! slots after it go on where those before it ended.

use serde::{Deserialize, Serialize};

use super::register::{Register, Scale};
use super::who::Who;
use super::{Slots, Terms, Way};

/// Where one meter's registers stood.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// The meter's number.
    pub meter: Option<String>,
    /// Of energy taken from the grid.
    pub import: Option<Mark>,
    /// Of energy given to it.
    pub export: Option<Mark>,
}

/// Where one register stood.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The slot that began then.
    pub slot: u64,
    /// What the register showed, in 10⁻⁴ Wh; of a channel, 10⁻⁴ of a thousandth of its unit.
    pub total: i64,
}

impl Marks {
    /// Of one register.
    #[must_use]
    pub fn of(&self, way: Way) -> Option<Mark> {
        match way {
            Way::Import => self.import,
            Way::Export => self.export,
        }
    }
}

impl core::fmt::Debug for Marks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Marks({:?}, {:?})", self.import.map(|mark| mark.slot), self.export.map(|mark| mark.slot))
    }
}

impl core::fmt::Debug for Mark {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Mark({})", self.slot)
    }
}

impl Slots {
    /// Goes on after these marks: slots that nobody listened to are missing, with what passed in them.
    #[must_use]
    pub fn resume(terms: Terms, marks: &Marks) -> Self {
        let register = |mark: Option<Mark>| {
            mark.map_or_else(
                || Register::new(terms, Scale::ENERGY),
                |mark| Register::resume(terms, Scale::ENERGY, mark),
            )
        };
        let (import, export) = (register(marks.import), register(marks.export));
        Self { import, export, who: Who::known(marks.meter.clone()), ..Self::new(terms) }
    }

    /// Where the registers stood at the end of the last slots that were told.
    #[must_use]
    pub fn marks(&self) -> Marks {
        let meter = self.who.meter().map(ToOwned::to_owned);
        Marks { meter, import: self.import.mark(), export: self.export.mark() }
    }
}
