//! What a prover puts into a circuit.

use bellman::SynthesisError;
use blstrs::Scalar;
use ff::Field;
use metrology::keys::Hash;
use metrology::label::MAX_SLOTS;
use metrology::poseidon::day_commitment;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::units::Chosen;
use super::{Publics, Wiped, commit_state, convert};
use crate::machine::{CELLS, Demand, Program, Readings, RunError, Shape};

/// Why a witness cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// The program does not run over these readings.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Everything that a proof is made from. It holds readings and openings and never leaves the household.
pub struct Witness {
    /// What is public about the bill.
    pub publics: Publics,
    pub(super) numbers: Vec<i128>,
    pub(super) readings: Readings,
    pub(super) blindings: Wiped,
    pub(super) cells: [i64; CELLS],
    /// Of the states before and after.
    pub(super) state_blindings: Wiped,
    pub(super) chosen: Vec<Chosen>,
    /// The state after.
    pub next: [i64; CELLS],
    /// What the program comes to.
    pub output: i64,
}

impl core::fmt::Debug for Witness {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Witness")
    }
}

/// A state and the blinding of its commitment.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct State {
    /// The cells.
    pub cells: [i64; CELLS],
    /// The blinding.
    pub blinding: bls12_381::Scalar,
}

impl Witness {
    /// Runs a program over readings and notes what its proof needs. `blindings` are those of the blocks' commitments.
    ///
    /// # Errors
    /// When the program does not run over these readings.
    pub fn new(
        digest: &Hash,
        program: &Program,
        readings: Readings,
        blindings: &[bls12_381::Scalar],
        before: &State,
        blinding_after: &bls12_381::Scalar,
    ) -> Result<Self, WitnessError> {
        let shape = &program.shape;
        let outcome = program.run(&readings, &before.cells)?;
        if blindings.len() != shape.blocks {
            return Err(RunError::Size.into());
        }
        let blocks = readings.values.chunks(shape.slots).zip(&readings.residuals).zip(blindings);
        let blocks = blocks.map(|((values, residual), blinding)| {
            let mut day = [0; MAX_SLOTS];
            day.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
            convert(&day_commitment(&day, shape.slots, *residual, blinding))
        });
        let publics = Publics {
            digest: digest_input(digest),
            output: super::number::field(outcome.output.into()),
            before: convert(&commit_state(&before.cells, &before.blinding)),
            after: convert(&commit_state(&outcome.next, blinding_after)),
            blocks: blocks.collect(),
        };
        Ok(Self {
            publics,
            numbers: program.numbers()?,
            chosen: program.demands.iter().map(|demand| choose(demand, shape, &readings.values)).collect(),
            blindings: blindings.iter().map(convert).collect(),
            cells: before.cells,
            state_blindings: [&before.blinding, blinding_after].map(convert).to_vec().into(),
            next: outcome.next,
            output: outcome.output,
            readings,
        })
    }

    /// A block's readings and residual.
    pub(super) fn block(&self, block: usize, slots: usize) -> Result<(&[u16], u32), SynthesisError> {
        let values = self.readings.values.get(block * slots..(block + 1) * slots);
        let residual = self.readings.residuals.get(block).copied();
        values.zip(residual).ok_or(SynthesisError::AssignmentMissing)
    }
}

/// A digest as a public input: 31 bytes, which every field element holds.
#[must_use]
pub fn digest_input(digest: &Hash) -> Scalar {
    let mut bytes = *digest;
    bytes[31] = 0;
    Option::from(Scalar::from_bytes_le(&bytes)).unwrap_or(Scalar::ZERO)
}

/// Takes the greatest readings of each group and the greatest groups.
fn choose(demand: &Demand, shape: &Shape, readings: &[u16]) -> Chosen {
    let load = |place: usize| {
        let weight = demand.weights.get(place).copied().unwrap_or(0);
        u32::from(readings.get(place).copied().unwrap_or(0)) * u32::from(weight)
    };
    let mut taken = vec![false; shape.readings()];
    let groups = demand.groups(shape);
    let mut bounds = vec![0; groups.len()];
    let mut sums = Vec::with_capacity(groups.len());
    for (group, members) in groups.iter().enumerate() {
        let picks = usize::from(demand.picks.get(group).copied().unwrap_or(0));
        let mut order = members.clone();
        order.sort_by_key(|place| core::cmp::Reverse(load(*place)));
        let (greatest, rest) = order.split_at(picks.min(order.len()));
        for place in greatest {
            if let Some(mark) = taken.get_mut(*place) {
                *mark = true;
            }
        }
        let bound = greatest.last().or(rest.first()).map_or(0, |place| load(*place));
        sums.push(greatest.iter().map(|place| load(*place)).sum::<u32>());
        if let Some(slot) = bounds.get_mut(group) {
            *slot = bound;
        }
    }
    // A group that goes on in the next shares its bound.
    for group in (0..shape.blocks).rev() {
        if demand.joined.get(group).copied().unwrap_or(false) {
            bounds[group] = bounds[group + 1];
        }
    }
    let mut order: Vec<usize> = (0..groups.len()).filter(|g| demand.picks.get(*g).is_some_and(|n| *n > 0)).collect();
    order.sort_by_key(|group| core::cmp::Reverse(sums.get(*group).copied().unwrap_or(0)));
    let mut best = vec![false; groups.len()];
    let (greatest, rest) = order.split_at(usize::from(demand.best).min(order.len()));
    for group in greatest {
        best[*group] = true;
    }
    let bound = greatest.last().or(rest.first()).and_then(|group| sums.get(*group)).copied().unwrap_or(0);
    Chosen { bounds, readings: taken, bound, groups: best }
}
