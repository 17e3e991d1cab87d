//! Poseidon in constraints: three for each S-box, none for the linear layers.
//!
//! Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon" (USENIX Security 2021), §2.2 and appendix A: through the
//! partial rounds all words are linear in the nine before them and the S-boxes since. Those combinations are worked out
//! once, so that no list of terms grows while a circuit is made.

use std::sync::OnceLock;

use bellman::{ConstraintSystem, SynthesisError, Variable};
use blstrs::Scalar;
use ff::{Field, PrimeField};
use metrology::poseidon::{FULL_ROUNDS, PARTIAL_ROUNDS, WIDTH, constants};

use super::number::Lc;

const HALF: usize = FULL_ROUNDS / 2;

/// A word: a linear combination and its value.
#[derive(Clone)]
pub(super) struct Word {
    pub lc: Lc,
    pub value: Option<Scalar>,
}

impl Word {
    pub fn constant<CS: ConstraintSystem<Scalar>>(value: Scalar) -> Self {
        Self { lc: Lc::zero() + (value, CS::one()), value: Some(value) }
    }

    pub fn alloc<CS: ConstraintSystem<Scalar>>(cs: &mut CS, value: Option<Scalar>) -> Result<Self, SynthesisError> {
        let variable = cs.alloc(|| "word", || value.ok_or(SynthesisError::AssignmentMissing))?;
        Ok(Self { lc: Lc::zero() + variable, value })
    }
}

/// The constants over the field of the circuits, and the words of the partial rounds over what they are linear in.
struct Tables {
    rounds: Vec<[Scalar; WIDTH]>,
    matrix: [[Scalar; WIDTH]; WIDTH],
    /// For each partial round, word 0 before its S-box over: nine S-boxes before, those since, one.
    partial: Vec<Vec<Scalar>>,
    /// The words after all of them.
    after: Vec<Vec<Scalar>>,
}

/// The same number in the field of the circuits.
pub(crate) fn convert(value: &bls12_381::Scalar) -> Scalar {
    Option::from(Scalar::from_repr(value.to_bytes())).unwrap_or(Scalar::ZERO)
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let (rounds, matrix) = constants();
        let rounds: Vec<[Scalar; WIDTH]> = rounds.iter().map(|round| round.each_ref().map(convert)).collect();
        let matrix = matrix.each_ref().map(|row| row.each_ref().map(convert));
        let length = WIDTH + PARTIAL_ROUNDS + 1;
        // Words after the first full rounds: the matrix over the nine S-boxes.
        let mut words: Vec<Vec<Scalar>> =
            matrix.iter().map(|row| [&row[..], &vec![Scalar::ZERO; length - WIDTH]].concat()).collect();
        let mut partial = Vec::with_capacity(PARTIAL_ROUNDS);
        for round in 0..PARTIAL_ROUNDS {
            for (word, constant) in words.iter_mut().zip(&rounds[HALF + round]) {
                word[length - 1] += constant;
            }
            let mut fresh = vec![Scalar::ZERO; length];
            fresh[WIDTH + round] = Scalar::ONE;
            partial.push(core::mem::replace(&mut words[0], fresh));
            words = mix(&matrix, &words);
        }
        Tables { rounds, matrix, partial, after: words }
    })
}

fn mix(matrix: &[[Scalar; WIDTH]; WIDTH], words: &[Vec<Scalar>]) -> Vec<Vec<Scalar>> {
    let combine = |row: &[Scalar; WIDTH]| {
        let mut out = vec![Scalar::ZERO; words.first().map_or(0, Vec::len)];
        for (factor, word) in row.iter().zip(words) {
            for (sum, term) in out.iter_mut().zip(word) {
                *sum += *factor * term;
            }
        }
        out
    };
    matrix.iter().map(combine).collect()
}

/// x⁵ as a variable of its own.
fn sbox<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    value: Option<Scalar>,
    lc: impl Fn(Lc) -> Lc,
) -> Result<(Variable, Option<Scalar>), SynthesisError> {
    let square = value.map(|x| x.square());
    let fourth = square.map(|x| x.square());
    let fifth = both(fourth, value);
    let alloc =
        |cs: &mut CS, value: Option<Scalar>| cs.alloc(|| "power", || value.ok_or(SynthesisError::AssignmentMissing));
    let (second, third, last) = (alloc(cs, square)?, alloc(cs, fourth)?, alloc(cs, fifth)?);
    cs.enforce(|| "square", &lc, &lc, |one| one + second);
    cs.enforce(|| "fourth", |one| one + second, |one| one + second, |one| one + third);
    cs.enforce(|| "fifth", &lc, |one| one + third, |one| one + last);
    Ok((last, fifth))
}

fn both(a: Option<Scalar>, b: Option<Scalar>) -> Option<Scalar> {
    Some(a? * b?)
}

/// Word 1 after one permutation.
pub(super) fn permute<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    state: &[Word; WIDTH],
) -> Result<Word, SynthesisError> {
    let tables = tables();
    let mut words = state.clone();
    let mut boxes: Vec<(Variable, Option<Scalar>)> = Vec::new();
    for round in 0..HALF {
        boxes = full_round(cs, &words, &tables.rounds[round])?;
        if round + 1 < HALF {
            words = mixed(&tables.matrix, &boxes);
        }
    }
    for row in &tables.partial {
        let value = value_of(row, &boxes);
        let terms = &boxes;
        let next = sbox(cs, value, |lc| combination::<CS>(lc, row, terms))?;
        boxes.push(next);
    }
    for (word, row) in words.iter_mut().zip(&tables.after) {
        word.lc = combination::<CS>(Lc::zero(), row, &boxes);
        word.value = value_of(row, &boxes);
    }
    for round in HALF + PARTIAL_ROUNDS..FULL_ROUNDS + PARTIAL_ROUNDS {
        boxes = full_round(cs, &words, &tables.rounds[round])?;
        words = mixed(&tables.matrix, &boxes);
    }
    Ok(words[1].clone())
}

fn full_round<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    words: &[Word; WIDTH],
    constants: &[Scalar; WIDTH],
) -> Result<Vec<(Variable, Option<Scalar>)>, SynthesisError> {
    let one = |word: (&Word, &Scalar)| {
        let (word, constant) = word;
        sbox(cs, word.value.map(|value| value + constant), |lc| lc + &word.lc + (*constant, CS::one()))
    };
    words.iter().zip(constants).map(one).collect()
}

fn mixed(matrix: &[[Scalar; WIDTH]; WIDTH], boxes: &[(Variable, Option<Scalar>)]) -> [Word; WIDTH] {
    matrix.each_ref().map(|row| {
        let terms = || row.iter().zip(boxes);
        Word {
            lc: terms().fold(Lc::zero(), |lc, (factor, (variable, _))| lc + (*factor, *variable)),
            value: terms().try_fold(Scalar::ZERO, |sum, (factor, (_, value))| Some(sum + *factor * (*value)?)),
        }
    })
}

/// A row of the tables over the S-boxes so far; its last entry is the constant.
fn combination<CS: ConstraintSystem<Scalar>>(lc: Lc, row: &[Scalar], boxes: &[(Variable, Option<Scalar>)]) -> Lc {
    let constant = row.last().copied().unwrap_or(Scalar::ZERO);
    row.iter().zip(boxes).fold(lc + (constant, CS::one()), |lc, (factor, (variable, _))| lc + (*factor, *variable))
}

fn value_of(row: &[Scalar], boxes: &[(Variable, Option<Scalar>)]) -> Option<Scalar> {
    let constant = row.last().copied().unwrap_or(Scalar::ZERO);
    row.iter().zip(boxes).try_fold(constant, |sum, (factor, (_, value))| Some(sum + *factor * (*value)?))
}
