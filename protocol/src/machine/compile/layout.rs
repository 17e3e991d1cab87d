//! Which block holds which slots: what the headers of a bill say.

use metrology::label::DAY_SECONDS;

/// The blocks of a bill in the order in which a circuit takes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Slots of a day.
    pub slots: usize,
    /// The blocks, register by register in the tariff's order, by time.
    pub blocks: Vec<LayoutBlock>,
}

/// A block: its readings stand at their places in the UTC day, zero where it does not reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LayoutBlock {
    /// Place of its register in the tariff.
    pub register: usize,
    /// UTC day.
    pub day: u64,
    /// First slot of the day that it covers.
    pub first: usize,
    /// How many it covers.
    pub count: usize,
    /// Whether its residual belongs to the period.
    pub residual: bool,
}

impl Layout {
    /// Seconds of a slot.
    #[must_use]
    pub fn interval(&self) -> u64 {
        DAY_SECONDS / u64::try_from(self.slots.max(1)).unwrap_or(1)
    }

    /// For each place of a block that is covered and within a period: its place in the block, and its slot in the period.
    pub(super) fn slots_of<'a>(
        &'a self,
        block: &'a LayoutBlock,
        period: &'a crate::time::Span,
    ) -> impl Iterator<Item = (usize, usize)> + 'a {
        let interval = self.interval();
        (block.first..(block.first + block.count).min(self.slots)).filter_map(move |place| {
            let start = block.day * DAY_SECONDS + u64::try_from(place).ok()? * interval;
            let inside = (period.from..period.until).contains(&start);
            let slot = usize::try_from(start.checked_sub(period.from)? / interval).ok()?;
            inside.then_some((place, slot))
        })
    }
}
