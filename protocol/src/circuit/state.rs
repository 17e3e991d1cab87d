//! The state between periods in constraints, and its commitment.

use bellman::{ConstraintSystem, SynthesisError, Variable};
use blstrs::Scalar;
use ethnum::I256;
use ff::Field;
use metrology::poseidon::WIDTH;

use super::day::packed;
use super::number::{Num, in_range};
use super::poseidon::{Word, convert, permute};
use crate::machine::{CELL_BITS, CELLS};

/// Cells in one word: 240 bits.
const PER_WORD: usize = 5;

/// The word in the capacity: ASCII "wattseal:state:1", little-endian.
pub(crate) fn domain() -> bls12_381::Scalar {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(b"wattseal:state:1");
    Option::from(bls12_381::Scalar::from_bytes(&bytes)).unwrap_or(bls12_381::Scalar::zero())
}

/// The commitment to a state: word 1 of one permutation over (domain, cells plus 2⁴⁷ five to a word, 0, blinding).
#[must_use]
pub fn commit(cells: &[i64; CELLS], blinding: &bls12_381::Scalar) -> bls12_381::Scalar {
    let mut state = [bls12_381::Scalar::zero(); WIDTH];
    state[0] = domain();
    for (word, chunk) in state[1..].iter_mut().zip(cells.chunks(PER_WORD)) {
        let mut bytes = [0u8; 32];
        for (place, cell) in bytes.chunks_exact_mut(6).zip(chunk) {
            let shifted = cell.wrapping_add(1 << (CELL_BITS - 1)).to_le_bytes();
            place.copy_from_slice(&shifted[..6]);
        }
        *word = Option::from(bls12_381::Scalar::from_bytes(&bytes)).unwrap_or(bls12_381::Scalar::zero());
    }
    state[WIDTH - 1] = *blinding;
    metrology::poseidon::permute(&mut state);
    state[1]
}

/// Cells that the prover knows, each of a cell's width.
pub(super) fn open<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    cells: Option<&[i64; CELLS]>,
    blinding: Option<Scalar>,
    commitment: Variable,
) -> Result<Vec<Num>, SynthesisError> {
    let values = (0..CELLS).map(|place| {
        let value = cells.and_then(|cells| cells.get(place)).map(|cell| I256::from(*cell));
        Num::alloc(cs, value)
    });
    let values = values.collect::<Result<Vec<_>, _>>()?;
    bind(cs, &values, blinding, commitment)?;
    Ok(values)
}

/// Numbers are within a cell's width, and the commitment is theirs.
pub(super) fn bind<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    cells: &[Num],
    blinding: Option<Scalar>,
    commitment: Variable,
) -> Result<(), SynthesisError> {
    let offset = Num::constant::<CS>(1 << (CELL_BITS - 1));
    let shifted: Vec<Num> = cells.iter().map(|cell| cell.clone().plus(&offset)).collect();
    for cell in &shifted {
        in_range(cs, cell, CELL_BITS)?;
    }
    let mut state: [Word; WIDTH] = core::array::from_fn(|_| Word::constant::<CS>(Scalar::ZERO));
    state[0] = Word::constant::<CS>(convert(&domain()));
    for (word, chunk) in state[1..].iter_mut().zip(shifted.chunks(PER_WORD)) {
        *word = packed(chunk, CELL_BITS);
    }
    state[WIDTH - 1] = Word::alloc(cs, blinding)?;
    let opened = permute(cs, &state)?;
    cs.enforce(|| "commitment of a state", |lc| lc + &opened.lc, |lc| lc + CS::one(), |lc| lc + commitment);
    Ok(())
}
