//! The machine: one fixed computation with public numbers for every tariff, in plain integers.
//!
//! A tariff and a period compile to a [`Program`]: weights for each slot, thresholds, and rows of public coefficients. The
//! [`Shape`] says how many of each there are; it is what a circuit of the catalogue is made for. Running a program over
//! readings is the relation that a proof shows; [`crate::circuit`] is its twin in constraints, and neither sees the other.
//!
//! ```text
//! readings ─► sums, tiers, demands, hinges ─► narrow rows ─► wide rows ─► narrow rows ─► wide rows ─► output
//!                       state before ─┘            └──────────────► state after
//! ```
//!
//! Rial and Danezis (2010), §4, name the policies: linear, interval, cumulative and polynomial ones.

mod compile;
mod numbers;
mod program;
mod run;
mod shape;

pub use compile::{CompileError, Layout, LayoutBlock, compile};
pub use program::{Affine, Demand, Hinge, Narrow, Program, Round, Sum, Threshold, Tiers, Wide, WideMode};
pub use run::{DIVISOR_BITS, NARROW_BITS, Outcome, QUOTIENT_BITS, Readings, RunError, TOTAL_BITS, to_tens};
pub use shape::{CELL_BITS, CELLS, Shape};
