//! What a tariff may say beyond prices: quantities measured over a period, forms over them, and state between periods.
//!
//! Everything is public data. A *quantity* is a whole number that follows from the readings of one register; a *form* is
//! an affine combination of quantities, earlier lines and carried cells; lines are forms, the part of a form above zero,
//! the greater or lesser of two, or steps. Eleven primitives of real tariffs are made of these
//! (docs/decisions/0014).

use metrology::label::Unit;
use minicbor::{Decode, Encode};

use super::Per;
use super::prices::Schedule;
use crate::time::Span;

/// A number that follows from the readings of a register over a billing period.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Quantity {
    /// For people; unique within the tariff.
    #[n(0)]
    pub name: String,
    /// What it is counted in, such as `Wh`.
    #[cbor(n(1), with = "crate::block::text")]
    pub unit: Unit,
    /// Place of the register.
    #[n(2)]
    pub register: u8,
    /// How it follows.
    #[n(3)]
    pub measure: Measure,
}

/// How a quantity follows from readings x of slots t.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Measure {
    /// Σ w(t)·x(t) + fallback·Σ residuals.
    #[n(0)]
    Sum {
        /// w.
        #[n(0)]
        weights: Schedule,
        /// Weight of what missing slots and overflow left in the residual.
        #[n(1)]
        fallback: i64,
    },
    /// Σ w(t)·(what slot t took after the running total of the period had passed the limit): chronological tiers.
    #[n(1)]
    Beyond {
        /// Which slots count towards the total: weights 0 or 1. Others take nothing.
        #[n(0)]
        counts: Schedule,
        /// The total to pass, in the register's unit.
        #[n(1)]
        limit: Limit,
        /// w.
        #[n(2)]
        weights: Schedule,
    },
    /// The sum of the greatest loads w(t)·x(t): the `picks` greatest of each stretch of time, of these the `best` greatest.
    #[n(2)]
    Greatest {
        /// w, 0 to 4; 0 leaves a slot out.
        #[n(0)]
        weights: Schedule,
        /// Seconds of the slots it is meant for; a meter with others cannot be billed by it.
        #[n(1)]
        window: u16,
        /// The stretches.
        #[n(2)]
        within: Within,
        /// How many loads of each, 1 to 16.
        #[n(3)]
        picks: u8,
        /// How many stretches, 1 to 16; fewer when there are fewer.
        #[n(4)]
        best: u8,
    },
    /// Σ linear(t)·h + square(t)·h² + count(t)·\[x ≥ θ(t)\], with h = max(0, x − θ(t)).
    #[n(3)]
    Over {
        /// θ, 0 to 65,536 in the register's unit for a slot.
        #[n(0)]
        thresholds: Schedule,
        /// For each unit above.
        #[n(1)]
        linear: Schedule,
        /// For each squared unit above; none is 0.
        #[n(2)]
        square: Option<Schedule>,
        /// For each slot that reaches its threshold; none is 0.
        #[n(3)]
        count: Option<Schedule>,
    },
}

/// Stretches of a billing period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Within {
    /// The whole period.
    #[n(0)]
    Period,
    /// Each local day.
    #[n(1)]
    Day,
    /// Each local week from Monday; those at the ends may be shorter.
    #[n(2)]
    Week,
}

/// A public number that may grow with the length of the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Limit {
    /// For one period of `per`.
    #[n(0)]
    pub amount: i64,
    /// What the amount is for.
    #[n(1)]
    pub per: Per,
}

/// (Σ factor · value + constant) / divisor.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Form {
    /// The values, each named once.
    #[n(0)]
    pub terms: Vec<Term>,
    /// Added to them.
    #[n(1)]
    pub constant: Limit,
    /// At least 1.
    #[n(2)]
    pub divisor: u64,
}

/// A value with its factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Term {
    /// Which.
    #[n(0)]
    pub of: Ref,
    /// How often.
    #[n(1)]
    pub factor: i64,
}

/// A value that a form may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Ref {
    /// A quantity.
    #[n(0)]
    Quantity(#[n(0)] u8),
    /// An earlier line, after its rounding.
    #[n(1)]
    Line(#[n(0)] u8),
    /// A cell of the state that the period before left.
    #[n(2)]
    Cell(#[n(0)] u8),
}

/// A step: from `at` on, `amount` more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Step {
    /// Where it is.
    #[n(0)]
    pub at: i64,
    /// Whether it is reached at `at` itself, or only above.
    #[n(1)]
    pub inclusive: bool,
    /// What it adds; negative ones take away.
    #[n(2)]
    pub amount: i64,
}

/// A number that one period leaves to the next.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Cell {
    /// For people; unique within the tariff.
    #[n(0)]
    pub name: String,
    /// What it is before the first period.
    #[n(1)]
    pub first: i64,
    /// What it becomes: a line or a quantity of this period, or a cell as it was.
    #[n(2)]
    pub next: Ref,
}

/// When a line counts: in periods that begin in one of these spans.
pub type When = Vec<Span>;
