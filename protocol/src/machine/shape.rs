//! How large a machine is: what a circuit is made for.

/// Values that are carried from one period to the next.
pub const CELLS: usize = 15;
/// A cell holds a signed number of this many bits.
pub const CELL_BITS: u32 = 48;

/// The size of a machine. Two programs of one shape are proved by one circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Slots of a day block: 96, 48 or 24.
    pub slots: usize,
    /// Day blocks, of all registers together.
    pub blocks: usize,
    /// Weighted sums over all readings.
    pub sums: usize,
    /// Thresholds that a running total passes, over the blocks: chronological tiers. 0 leaves the unit out.
    pub tiers: usize,
    /// Greatest-of units.
    pub demands: usize,
    /// Units that look at each reading against a threshold of its own.
    pub hinges: usize,
    /// Whether the hinges have squares and counts.
    pub powers: bool,
    /// Whether readings are rounded to tens, half to even, before they are summed.
    pub rounded: bool,
    /// Rows that compare, in the first and the second stage.
    pub narrow: [usize; 2],
    /// Rows that divide and round, in the first and the second stage. The last of all gives the output.
    pub wide: [usize; 2],
}

impl Shape {
    /// Readings in all.
    #[must_use]
    pub const fn readings(&self) -> usize {
        self.slots * self.blocks
    }

    /// Values that stand before the rows: one, sums, tiers, demands, hinges, cells.
    #[must_use]
    pub const fn values(&self) -> usize {
        1 + self.sums + self.tiers + self.demands + self.hinges + CELLS
    }

    /// Place of the first sum.
    #[must_use]
    pub const fn first_sum(&self) -> usize {
        1
    }

    /// Place of the first tier.
    #[must_use]
    pub const fn first_tier(&self) -> usize {
        1 + self.sums
    }

    /// Place of the first demand.
    #[must_use]
    pub const fn first_demand(&self) -> usize {
        self.first_tier() + self.tiers
    }

    /// Place of the first hinge.
    #[must_use]
    pub const fn first_hinge(&self) -> usize {
        self.first_demand() + self.demands
    }

    /// Place of the first cell of the state before.
    #[must_use]
    pub const fn first_cell(&self) -> usize {
        self.first_hinge() + self.hinges
    }

    /// Place of the first row of a stage: 0 narrow, 1 wide, 2 narrow, 3 wide; 4 is the number of all values.
    #[must_use]
    pub const fn first_row(&self, stage: usize) -> usize {
        let mut place = self.values();
        let rows = [self.narrow[0], self.wide[0], self.narrow[1], self.wide[1]];
        let mut passed = 0;
        while passed < stage && passed < rows.len() {
            place += rows[passed];
            passed += 1;
        }
        place
    }
}
