//! A constraint system written down: the matrices A, B, C of A·z ∘ B·z = C·z.
//!
//! Circuits are synthesized into it once. Provers multiply by it, tests count and hash it and look for what it leaves open,
//! and whoever checks parameters rebuilds them from it. Coefficients are few and repeat, so each term is eight bytes.

use std::collections::HashMap;

use bellman::{Circuit, ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};
use blstrs::Scalar;
use ff::Field;
use sha2::{Digest, Sha256};

use super::Wiped;

/// How large the value of a variable can be, whatever the readings: provers sort their work by it, so that the work does
/// not follow the readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 0 or 1.
    Bit,
    /// A signed number of at most [`SHORT_BITS`] bits.
    Short,
    /// Any field element.
    Full,
}

/// Bits of a short number, its sign among them.
pub const SHORT_BITS: u32 = 87;

/// Names under which circuits allocate.
pub(super) const BIT: &str = "bit";
pub(super) const SHORT: &str = "short";

impl Width {
    fn named(name: &str) -> Self {
        match name {
            BIT => Self::Bit,
            SHORT => Self::Short,
            _ => Self::Full,
        }
    }
}

/// Which matrix.
pub const SIDES: usize = 3;

/// A constraint system in rows. Column 0 is one; the other inputs follow, then the private variables.
#[derive(Clone, Debug)]
pub struct System {
    inputs: usize,
    widths: Vec<Width>,
    coefficients: Vec<Scalar>,
    known: HashMap<[u8; 32], u32>,
    /// For each side: where each row's terms end.
    ends: [Vec<usize>; SIDES],
    /// For each side: column (inputs as they are, private ones with the highest bit set) and coefficient.
    terms: [Vec<(u32, u32)>; SIDES],
}

/// Marks a private column while the number of inputs is not known yet.
const PRIVATE: u32 = 1 << 31;

impl System {
    /// Writes a circuit down. Its values are not asked for.
    ///
    /// # Errors
    /// What the circuit's own synthesis says.
    pub fn of<C: Circuit<Scalar>>(circuit: C) -> Result<Self, SynthesisError> {
        let mut system = Self {
            inputs: 1,
            widths: Vec::new(),
            coefficients: Vec::new(),
            known: HashMap::new(),
            ends: Default::default(),
            terms: Default::default(),
        };
        circuit.synthesize(&mut system)?;
        system.known = HashMap::new();
        Ok(system)
    }

    /// Public inputs, one among them.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Private variables.
    #[must_use]
    pub fn private(&self) -> usize {
        self.widths.len()
    }

    /// How large each private variable of an honest prover can be.
    #[must_use]
    pub fn widths(&self) -> &[Width] {
        &self.widths
    }

    /// Constraints of the circuit itself.
    #[must_use]
    pub fn constraints(&self) -> usize {
        self.ends[0].len()
    }

    /// Rows of the quadratic programme: Groth16 adds one for each input, so that none is left out.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.constraints() + self.inputs
    }

    /// The terms of a row on a side: column and coefficient.
    pub fn row(&self, side: usize, row: usize) -> impl Iterator<Item = (usize, &Scalar)> {
        let ends = &self.ends[side];
        let start = row.checked_sub(1).map_or(0, |before| ends[before]);
        self.terms[side][start..ends[row]]
            .iter()
            .map(|(column, coefficient)| (self.column(*column), &self.coefficients[coefficient_index(*coefficient)]))
    }

    fn column(&self, column: u32) -> usize {
        let place = coefficient_index(column & !PRIVATE);
        if column & PRIVATE == 0 { place } else { self.inputs + place }
    }

    /// Σ coefficient · value of a row on a side.
    #[must_use]
    pub fn evaluate(&self, side: usize, row: usize, values: &[Scalar]) -> Scalar {
        self.row(side, row).fold(Scalar::ZERO, |sum, (column, coefficient)| {
            sum + if *coefficient == Scalar::ONE { values[column] } else { values[column] * coefficient }
        })
    }

    /// The first row that does not hold.
    #[must_use]
    pub fn broken(&self, values: &[Scalar]) -> Option<usize> {
        (0..self.constraints()).find(|row| !self.holds(*row, values))
    }

    /// Whether a row holds.
    #[must_use]
    pub fn holds(&self, row: usize, values: &[Scalar]) -> bool {
        let [a, b, c] = [0, 1, 2].map(|side| self.evaluate(side, row, values));
        a * b == c
    }

    /// SHA-256 over sizes and all terms in order: what pins a circuit.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut number = |n: usize| hash.update(u64::try_from(n).unwrap_or(u64::MAX).to_le_bytes());
        number(self.inputs);
        number(self.private());
        number(self.constraints());
        for side in 0..SIDES {
            for row in 0..self.constraints() {
                hash.update(u64::try_from(self.row(side, row).count()).unwrap_or(u64::MAX).to_le_bytes());
                for (column, coefficient) in self.row(side, row) {
                    hash.update(u64::try_from(column).unwrap_or(u64::MAX).to_le_bytes());
                    hash.update(coefficient.to_bytes_le());
                }
            }
        }
        hash.finalize().into()
    }

    fn push(&mut self, side: usize, lc: &LinearCombination<Scalar>) {
        for (variable, coefficient) in lc.as_ref() {
            if bool::from(coefficient.is_zero()) {
                continue;
            }
            let column = match variable.get_unchecked() {
                Index::Input(place) => small(place),
                Index::Aux(place) => small(place) | PRIVATE,
            };
            let next = small(self.coefficients.len());
            let index = *self.known.entry(coefficient.to_bytes_le()).or_insert(next);
            if index == next {
                self.coefficients.push(*coefficient);
            }
            self.terms[side].push((column, index));
        }
        self.ends[side].push(self.terms[side].len());
    }
}

fn small(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(PRIVATE - 1)
}

fn coefficient_index(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

impl ConstraintSystem<Scalar> for System {
    type Root = Self;

    fn alloc<F, A, AR>(&mut self, name: A, _: F) -> Result<Variable, SynthesisError>
    where
        F: FnOnce() -> Result<Scalar, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.widths.push(Width::named(&name().into()));
        Ok(Variable::new_unchecked(Index::Aux(self.private() - 1)))
    }

    fn alloc_input<F, A, AR>(&mut self, _: A, _: F) -> Result<Variable, SynthesisError>
    where
        F: FnOnce() -> Result<Scalar, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.inputs += 1;
        Ok(Variable::new_unchecked(Index::Input(self.inputs - 1)))
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, _: A, a: LA, b: LB, c: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(LinearCombination<Scalar>) -> LinearCombination<Scalar>,
        LB: FnOnce(LinearCombination<Scalar>) -> LinearCombination<Scalar>,
        LC: FnOnce(LinearCombination<Scalar>) -> LinearCombination<Scalar>,
    {
        self.push(0, &a(LinearCombination::zero()));
        self.push(1, &b(LinearCombination::zero()));
        self.push(2, &c(LinearCombination::zero()));
    }

    fn push_namespace<NR, N>(&mut self, _: N)
    where
        NR: Into<String>,
        N: FnOnce() -> NR,
    {
    }

    fn pop_namespace(&mut self) {}

    fn get_root(&mut self) -> &mut Self::Root {
        self
    }
}

/// All values of a circuit, and no constraint: what a prover needs of its synthesis.
#[derive(Clone, Debug, Default)]
pub struct Assignment {
    /// One and the public inputs.
    pub inputs: Vec<Scalar>,
    /// Private values.
    pub private: Wiped,
}

/// More private values than any circuit of the catalogue has: a list that grows leaves copies behind.
const ROOM: usize = 1 << 18;

impl Assignment {
    /// The values of a circuit.
    ///
    /// # Errors
    /// What the circuit's own synthesis says.
    pub fn of<C: Circuit<Scalar>>(circuit: C) -> Result<Self, SynthesisError> {
        let mut assignment = Self { inputs: vec![Scalar::ONE], private: Vec::with_capacity(ROOM).into() };
        circuit.synthesize(&mut assignment)?;
        Ok(assignment)
    }

    /// In the order of a system's columns.
    #[must_use]
    pub fn columns(&self) -> Wiped {
        [self.inputs.as_slice(), &self.private].concat().into()
    }
}

impl ConstraintSystem<Scalar> for Assignment {
    type Root = Self;

    fn alloc<F, A, AR>(&mut self, _: A, f: F) -> Result<Variable, SynthesisError>
    where
        F: FnOnce() -> Result<Scalar, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.private.push(f()?);
        Ok(Variable::new_unchecked(Index::Aux(self.private.len() - 1)))
    }

    fn alloc_input<F, A, AR>(&mut self, _: A, f: F) -> Result<Variable, SynthesisError>
    where
        F: FnOnce() -> Result<Scalar, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.inputs.push(f()?);
        Ok(Variable::new_unchecked(Index::Input(self.inputs.len() - 1)))
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, _: A, _: LA, _: LB, _: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(LinearCombination<Scalar>) -> LinearCombination<Scalar>,
        LB: FnOnce(LinearCombination<Scalar>) -> LinearCombination<Scalar>,
        LC: FnOnce(LinearCombination<Scalar>) -> LinearCombination<Scalar>,
    {
    }

    fn push_namespace<NR, N>(&mut self, _: N)
    where
        NR: Into<String>,
        N: FnOnce() -> NR,
    {
    }

    fn pop_namespace(&mut self) {}

    fn get_root(&mut self) -> &mut Self::Root {
        self
    }
}
