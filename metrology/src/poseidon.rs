//! Poseidon over the BLS12-381 scalar field and the day commitment D.
//!
//! Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon" (USENIX Security 2021), §2.2: t = 9, α = 5,
//! R_F = 8, R_P = 57, constants as in Filecoin's specification for arity 8. Written in the plain, unoptimised
//! form: one permutation a day. Constant-time: field operations only.

use bls12_381::Scalar as Fq;
use zeroize::Zeroize;

use crate::label::MAX_SLOTS;

include!(concat!(env!("OUT_DIR"), "/poseidon_constants.rs"));

/// Width of the permutation.
pub const WIDTH: usize = 9;
/// Rounds in which every word goes through the S-box; half of them at each end.
pub const FULL_ROUNDS: usize = 8;
/// Rounds in which the first word alone does.
pub const PARTIAL_ROUNDS: usize = 57;
/// 16-bit values packed into one field element: 240 bits.
const PER_WORD: usize = 15;

/// The word in the capacity: ASCII "wattseal:day:1", little-endian.
#[must_use]
pub fn day_domain() -> Fq {
    let mut bytes = [0; 32];
    bytes[..14].copy_from_slice(b"wattseal:day:1");
    Fq::from_bytes(&bytes).unwrap_or(Fq::zero())
}

/// The round constants by round and word, and the matrix, for those who write the permutation in another form.
#[must_use]
pub fn constants() -> (&'static [[Fq; WIDTH]; FULL_ROUNDS + PARTIAL_ROUNDS], &'static [[Fq; WIDTH]; WIDTH]) {
    (&ROUND_CONSTANTS, &MDS)
}

/// One Poseidon permutation.
pub fn permute(state: &mut [Fq; WIDTH]) {
    for (round, constants) in ROUND_CONSTANTS.iter().enumerate() {
        let full = !(FULL_ROUNDS / 2..FULL_ROUNDS / 2 + PARTIAL_ROUNDS).contains(&round);
        for (word, constant) in state.iter_mut().zip(constants) {
            *word += constant;
        }
        for word in state.iter_mut().take(if full { WIDTH } else { 1 }) {
            let square = word.square();
            *word *= square.square();
        }
        let mut mixed = [Fq::zero(); WIDTH];
        for (row, word) in MDS.iter().zip(state.iter()) {
            for (out, entry) in mixed.iter_mut().zip(row) {
                *out += entry * word;
            }
        }
        *state = mixed;
        erase(&mut mixed);
    }
}

/// The scalars do not implement `Zeroize`.
fn erase(words: &mut [Fq]) {
    words.fill(Fq::zero());
    core::hint::black_box(words);
}

/// The day commitment D: word 1 of one permutation over (domain, packed readings and residual, blinding).
///
/// `readings` are indexed by their slot in the UTC day, zero where the block does not reach; `slots_per_day` of
/// them are used and the residual's low and high limbs follow. Fifteen 16-bit values go into a word, least
/// significant first; unused words are zero; the last word is the blinding.
#[must_use]
pub fn day_commitment(readings: &[u16; MAX_SLOTS], slots_per_day: usize, residual: u32, blinding: &Fq) -> Fq {
    let mut values = [0u16; MAX_SLOTS + 2];
    let count = slots_per_day.min(MAX_SLOTS);
    values[..count].copy_from_slice(&readings[..count]);
    let [a, b, c, d] = residual.to_le_bytes();
    values[count] = u16::from_le_bytes([a, b]);
    values[count + 1] = u16::from_le_bytes([c, d]);

    let mut state = [Fq::zero(); WIDTH];
    state[0] = day_domain();
    state[WIDTH - 1] = *blinding;
    for (word, chunk) in state[1..WIDTH - 1].iter_mut().zip(values.chunks(PER_WORD)) {
        let mut bytes = [0u8; 32];
        for (place, value) in bytes.chunks_exact_mut(2).zip(chunk) {
            place.copy_from_slice(&value.to_le_bytes());
        }
        *word = Fq::from_bytes(&bytes).unwrap_or(Fq::zero());
        bytes.zeroize();
    }
    values.zeroize();
    permute(&mut state);
    let commitment = state[1];
    erase(&mut state);
    commitment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_day_changes_the_commitment() {
        let mut readings = [0u16; MAX_SLOTS];
        let base = day_commitment(&readings, 48, 0, &Fq::one());
        assert_ne!(base, day_commitment(&readings, 48, 1, &Fq::one()));
        assert_ne!(base, day_commitment(&readings, 48, 1 << 16, &Fq::one()));
        assert_ne!(base, day_commitment(&readings, 48, 0, &Fq::zero()));
        for slot in 0..48 {
            readings[slot] = 1;
            assert_ne!(base, day_commitment(&readings, 48, 0, &Fq::one()));
            readings[slot] = 0;
        }
    }

    #[test]
    fn a_quarter_hour_day_fits() {
        let readings = [u16::MAX; MAX_SLOTS];
        assert_ne!(
            day_commitment(&readings, 96, u32::MAX, &Fq::zero()),
            day_commitment(&readings, 96, u32::MAX - (1 << 16), &Fq::zero())
        );
    }
}
