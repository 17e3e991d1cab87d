//! What a tariff becomes for one period: public numbers alone. Every verifier derives them from the signed tariff.

use super::shape::{CELLS, Shape};

/// Σ weight · value: places of values with their public weight, in increasing order of place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affine(pub Vec<(usize, i128)>);

/// A weighted sum of all readings and residuals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// A weight for each reading.
    pub weights: Vec<i64>,
    /// A weight for each block's residual.
    pub residuals: Vec<i64>,
}

/// A running total that passes thresholds: what is above each is charged for by a weight of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiers {
    /// Which readings count towards the total, in the order of the blocks.
    pub counts: Vec<bool>,
    /// The thresholds.
    pub thresholds: Vec<Threshold>,
}

/// A threshold of a running total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The total at which it is passed, at most 2²⁷.
    pub at: u32,
    /// For each reading, what a unit above the threshold costs.
    pub weights: Vec<i64>,
}

/// The greatest readings: the `picks` greatest of each group of slots, then the `best` greatest groups, summed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// What a reading counts for, 0 to 4; 0 leaves it out.
    pub weights: Vec<u8>,
    /// Whether a reading belongs to the group after the one of its block's number.
    pub later: Vec<bool>,
    /// For each group but the last, whether it goes on in the next. There is one group more than blocks.
    pub joined: Vec<bool>,
    /// For each group, how many of its readings are taken; 0 where the group does not end, or does not exist.
    pub picks: Vec<u8>,
    /// How many groups are taken.
    pub best: u8,
}

/// Each reading against a threshold of its own: Σ linear·h + square·h² + count·\[x ≥ t\], h = max(0, x − t).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hinge {
    /// The thresholds, at most 2¹⁶.
    pub thresholds: Vec<u32>,
    /// For each unit above.
    pub linear: Vec<i64>,
    /// For each squared unit above; empty when the shape has no powers.
    pub square: Vec<i64>,
    /// For each reading that reaches its threshold; empty when the shape has no powers.
    pub count: Vec<i64>,
}

/// A row that compares with zero: `hinge`·max(0, A) + `reached`·\[A ≥ 0\], |A| < 2⁶³.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrow {
    /// A.
    pub of: Affine,
    /// Weight of max(0, A): 0 or 1.
    pub hinge: bool,
    /// Weight of \[A ≥ 0\]: 0 or 1.
    pub reached: bool,
}

/// A row that divides and rounds: A / divisor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wide {
    /// A.
    pub of: Affine,
    /// What A is divided by, 1 to 2⁷⁰.
    pub divisor: u128,
    /// How.
    pub mode: WideMode,
}

/// How a quotient becomes whole: rounding as [`crate::money::Mode`] has it.
pub type WideMode = crate::money::Mode;

/// The rounding of a row, written out as the machine does it: ⌊(scale·A + offset) / (scale·divisor)⌋, then a correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// 1, or 2 for roundings to the nearest.
    pub scale: u8,
    /// Added to the numerator.
    pub offset: u128,
    /// A tie goes to the even quotient.
    pub even: bool,
    /// A tie below zero goes away from it.
    pub away: bool,
    /// What is below zero and not whole goes up.
    pub truncate: bool,
}

impl Wide {
    /// The rounding written out.
    #[must_use]
    pub fn round(&self) -> Round {
        use crate::money::Mode;
        let plain = Round { scale: 1, offset: 0, even: false, away: false, truncate: false };
        let nearest = Round { scale: 2, offset: self.divisor, ..plain };
        match self.mode {
            Mode::Floor => plain,
            Mode::Ceiling => Round { offset: self.divisor.saturating_sub(1), ..plain },
            Mode::Truncate => Round { truncate: true, ..plain },
            Mode::HalfUp => nearest,
            Mode::HalfEven => Round { even: true, ..nearest },
            Mode::HalfAway => Round { away: true, ..nearest },
        }
    }
}

impl Default for Wide {
    fn default() -> Self {
        Self { of: Affine::default(), divisor: 1, mode: WideMode::Floor }
    }
}

/// A machine with its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its size.
    pub shape: Shape,
    /// The sums.
    pub sums: Vec<Sum>,
    /// The tiers, when the shape has them.
    pub tiers: Option<Tiers>,
    /// The demands.
    pub demands: Vec<Demand>,
    /// The hinges.
    pub hinges: Vec<Hinge>,
    /// Rows that compare, by stage.
    pub narrow: [Vec<Narrow>; 2],
    /// Rows that divide, by stage.
    pub wide: [Vec<Wide>; 2],
    /// What each cell of the state becomes: of cells and rows of the first stages alone.
    pub next: [Affine; CELLS],
}

impl Program {
    /// A machine of a shape that does nothing: all numbers zero.
    #[must_use]
    pub fn idle(shape: Shape) -> Self {
        let readings = shape.readings();
        let groups = shape.blocks + 1;
        let sum = Sum { weights: vec![0; readings], residuals: vec![0; shape.blocks] };
        let threshold = Threshold { at: 0, weights: vec![0; readings] };
        let demand = Demand {
            weights: vec![0; readings],
            later: vec![false; readings],
            joined: vec![false; shape.blocks],
            picks: vec![0; groups],
            best: 0,
        };
        let zeros = || vec![0; readings];
        let hinge = {
            let powers = if shape.powers { zeros() } else { Vec::new() };
            Hinge { thresholds: vec![0; readings], linear: zeros(), square: powers.clone(), count: powers }
        };
        let tiers = (shape.tiers > 0)
            .then(|| Tiers { counts: vec![false; readings], thresholds: vec![threshold; shape.tiers] });
        Self {
            sums: vec![sum; shape.sums],
            tiers,
            demands: vec![demand; shape.demands],
            hinges: vec![hinge; shape.hinges],
            narrow: shape.narrow.map(|rows| vec![Narrow::default(); rows]),
            wide: shape.wide.map(|rows| vec![Wide::default(); rows]),
            next: core::array::from_fn(|_| Affine::default()),
            shape,
        }
    }
}
