//! A day block in constraints: readings of 16 bits, opened against the commitment that the meter signed.

use bellman::{ConstraintSystem, SynthesisError, Variable};
use blstrs::Scalar;
use ethnum::I256;
use ff::Field;
use metrology::poseidon::{WIDTH, day_domain};

use super::number::{Lc, Num, field, unsigned};
use super::poseidon::{Word, convert, permute};

/// 16-bit values in one word.
const PER_WORD: usize = 15;
const READING_BITS: u32 = 16;

/// A block's readings and residual.
pub(super) struct Day {
    pub readings: Vec<Num>,
    pub residual: Num,
}

/// Allocates a block's readings and holds them against its commitment.
pub(super) fn open<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    slots: usize,
    values: Option<(&[u16], u32)>,
    blinding: Option<Scalar>,
    commitment: Variable,
) -> Result<Day, SynthesisError> {
    let mut limbs = Vec::with_capacity(slots + 2);
    for slot in 0..slots {
        let value = match values {
            None => None,
            Some((list, _)) => Some(*list.get(slot).ok_or(SynthesisError::AssignmentMissing)?),
        };
        limbs.push(unsigned(cs, value.map(I256::from), READING_BITS)?.1);
    }
    let residual = values.map(|(_, residual)| I256::from(residual));
    let low = unsigned(cs, residual.map(|value| value & I256::from(u16::MAX)), READING_BITS)?.1;
    let high = unsigned(cs, residual.map(|value| value >> READING_BITS), READING_BITS)?.1;
    let residual = low.clone().plus_times(1 << READING_BITS, &high);
    limbs.extend([low, high]);

    let mut state: [Word; WIDTH] = core::array::from_fn(|_| Word::constant::<CS>(Scalar::ZERO));
    state[0] = Word::constant::<CS>(convert(&day_domain()));
    for (word, chunk) in state[1..WIDTH - 1].iter_mut().zip(limbs.chunks(PER_WORD)) {
        *word = packed(chunk, READING_BITS);
    }
    state[WIDTH - 1] = Word::alloc(cs, blinding)?;
    let opened = permute(cs, &state)?;
    cs.enforce(|| "the meter's commitment", |lc| lc + &opened.lc, |lc| lc + CS::one(), |lc| lc + commitment);
    limbs.truncate(slots);
    Ok(Day { readings: limbs, residual })
}

/// Σ valueᵢ · 2^(bits·i) as a field element: unique, since every value is known to have so many bits.
pub(super) fn packed(values: &[Num], bits: u32) -> Word {
    let mut weight = Scalar::ONE;
    let mut lc = Lc::zero();
    let mut value = Some(Scalar::ZERO);
    for number in values {
        lc = lc + (weight, &number.lc);
        value = value.zip(number.value).map(|(sum, number)| sum + weight * field(number));
        for _ in 0..bits {
            weight = weight.double();
        }
    }
    Word { lc, value }
}
