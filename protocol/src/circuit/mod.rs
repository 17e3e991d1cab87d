//! The bill relation in constraints: Groth16's side of [`crate::machine`].
//!
//! ```text
//! public, of a bill    digest of the statement, output, states before and after, one commitment for each block
//! public, of a tariff  the numbers of the program
//! private              readings, residuals, blindings, cells, and what the units need
//! ```
//!
//! A circuit is made for a [`Shape`]; the tariff is not in it. The numbers of a program are public inputs, which a
//! verifier folds into its key once for all homes under one tariff and period.

mod catalogue;
mod day;
mod file;
mod inputs;
mod number;
mod pins;
mod poseidon;
mod rows;
mod state;
mod system;
mod units;
mod wiped;
mod witness;

use bellman::{Circuit, ConstraintSystem, SynthesisError, Variable};
use blstrs::Scalar;

use crate::machine::{CELLS, Shape};
use inputs::Inputs;
use number::Num;

pub use catalogue::{CATALOGUE, CircuitKey, Profile, choose};
pub use file::CircuitFileError;
pub(crate) use number::field;
pub use pins::Pin;
pub(crate) use poseidon::convert;
pub use state::commit as commit_state;
pub use system::{Assignment, SHORT_BITS, SIDES, System, Width};
pub use wiped::Wiped;
pub use witness::{State, Witness, WitnessError, digest_input};

/// What is public about one bill, in the order of the inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publics {
    /// The statement's digest, its first 31 bytes little-endian.
    pub digest: Scalar,
    /// What the program comes to.
    pub output: Scalar,
    /// Commitment of the state before.
    pub before: Scalar,
    /// Commitment of the state after.
    pub after: Scalar,
    /// The commitment of each block.
    pub blocks: Vec<Scalar>,
}

impl Publics {
    /// As a list.
    #[must_use]
    pub fn list(&self) -> Vec<Scalar> {
        [&[self.digest, self.output, self.before, self.after][..], &self.blocks].concat()
    }
}

/// A bill in constraints. Without a witness it is the circuit of a shape.
#[derive(Clone, Debug)]
pub struct BillCircuit<'a> {
    /// The size.
    pub shape: Shape,
    /// What a prover knows.
    pub witness: Option<&'a Witness>,
}

impl Circuit<Scalar> for BillCircuit<'_> {
    fn synthesize<CS: ConstraintSystem<Scalar>>(self, cs: &mut CS) -> Result<(), SynthesisError> {
        let (shape, witness) = (&self.shape, self.witness);
        let publics = witness.map(|w| w.publics.list());
        let mut heads = Vec::with_capacity(4 + shape.blocks);
        for place in 0..4 + shape.blocks {
            let value = publics.as_ref().map(|list| list.get(place).copied());
            heads.push(cs.alloc_input(|| "of this bill", || value.flatten().ok_or(SynthesisError::AssignmentMissing))?);
        }
        let [digest, output, before, after, commitments @ ..] = heads.as_slice() else {
            return Err(SynthesisError::AssignmentMissing);
        };
        bind_digest(cs, *digest, witness.map(|w| w.publics.digest))?;

        let mut readings: Vec<Num> = Vec::with_capacity(shape.readings());
        let mut residuals: Vec<Num> = Vec::with_capacity(shape.blocks);
        for (block, commitment) in commitments.iter().enumerate() {
            let values = witness.map(|w| w.block(block, shape.slots)).transpose()?;
            let blinding = witness.and_then(|w| w.blindings.get(block).copied());
            let day = day::open(cs, shape.slots, values, blinding, *commitment)?;
            readings.extend(day.readings);
            residuals.push(day.residual);
        }
        let cells = state::open(
            cs,
            witness.map(|w| &w.cells),
            witness.and_then(|w| w.state_blindings.first().copied()),
            *before,
        )?;

        let mut inputs = Inputs::new(witness.map(|w| w.numbers.as_slice()));
        let values = run(cs, &mut inputs, shape, witness, &readings, &residuals, cells)?;
        let last = values.last().ok_or(SynthesisError::AssignmentMissing)?;
        cs.enforce(|| "output", |lc| lc + &last.lc, |lc| lc + CS::one(), |lc| lc + *output);

        let first = shape.first_cell();
        let seen = |values: &[Num]| {
            let cells = values.get(first..first + CELLS).unwrap_or_default().to_vec();
            let rows = values.get(shape.first_row(0)..shape.first_row(2)).unwrap_or_default().to_vec();
            [cells, rows].concat()
        };
        let seen = seen(&values);
        let next = (0..CELLS).map(|_| rows::affine(cs, &mut inputs, &seen)?.settle(cs));
        let next = next.collect::<Result<Vec<_>, _>>()?;
        state::bind(cs, &next, witness.and_then(|w| w.state_blindings.get(1).copied()), *after)
    }
}

/// The digest takes part in a constraint of its own: a proof is for it alone.
fn bind_digest<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    digest: Variable,
    value: Option<Scalar>,
) -> Result<(), SynthesisError> {
    use ff::Field;
    let square = value.map(|digest| digest.square());
    let square = cs.alloc(|| "digest squared", || square.ok_or(SynthesisError::AssignmentMissing))?;
    cs.enforce(|| "digest", |lc| lc + digest, |lc| lc + digest, |lc| lc + square);
    Ok(())
}

/// The machine: all values in their order.
fn run<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    inputs: &mut Inputs<'_>,
    shape: &Shape,
    witness: Option<&Witness>,
    readings: &[Num],
    residuals: &[Num],
    cells: Vec<Num>,
) -> Result<Vec<Num>, SynthesisError> {
    let mut values = vec![Num::one::<CS>()];
    let rounded = if shape.rounded {
        readings.iter().map(|reading| units::tens(cs, reading)).collect::<Result<Vec<_>, _>>()?
    } else {
        Vec::new()
    };
    let summed = if shape.rounded { &rounded } else { readings };
    for _ in 0..shape.sums {
        values.push(units::sum(cs, inputs, summed, residuals)?);
    }
    if shape.tiers > 0 {
        values.extend(units::tiers(cs, inputs, shape.tiers, readings)?);
    }
    for demand in 0..shape.demands {
        let chosen = witness.and_then(|w| w.chosen.get(demand));
        values.push(units::demand(cs, inputs, shape, readings, chosen)?);
    }
    for _ in 0..shape.hinges {
        values.push(units::hinge(cs, inputs, readings, shape.powers)?);
    }
    values.extend(cells);
    for (narrow, wide) in shape.narrow.into_iter().zip(shape.wide) {
        for _ in 0..narrow {
            values.push(rows::narrow(cs, inputs, &values)?);
        }
        for _ in 0..wide {
            values.push(rows::wide(cs, inputs, &values)?);
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests;
