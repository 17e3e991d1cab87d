//! Repeatable chance: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) used as a hash of what is being decided. Nothing
//! secret comes from it.

/// What is being decided; each has draws of its own.
#[derive(Clone, Copy)]
pub(super) enum Question {
    /// The size of something in this household.
    Household = 1,
    /// Whether people are away.
    Absence,
    /// The appliance runs of a day.
    Appliance,
    /// Small changes from quarter to quarter.
    Quarter,
    /// The weather of a day.
    Weather,
    /// Clouds passing.
    Cloud,
    /// Gas burnt in a quarter-hour.
    Gas,
}

/// The chances of one household.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// A whole number below `limit` for the `index`-th case of a question. The same every time.
    pub(super) fn below(self, question: Question, index: u64, limit: u32) -> u32 {
        let hashed = mix(self.0 ^ mix((question as u64) << 56 ^ index));
        // The high half of hash × limit: the bias is below limit / 2⁶⁴.
        let scaled = (u128::from(hashed) * u128::from(limit)) >> 64;
        u32::try_from(scaled).unwrap_or(0)
    }

    /// A whole number in `from..until`.
    pub(super) fn between(self, question: Question, index: u64, from: u32, until: u32) -> u32 {
        from + self.below(question, index, until.saturating_sub(from))
    }

    /// Whether something happens that has a chance of `percent` in a hundred.
    pub(super) fn happens(self, question: Question, index: u64, percent: u32) -> bool {
        self.below(question, index, 100) < percent
    }
}

fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
