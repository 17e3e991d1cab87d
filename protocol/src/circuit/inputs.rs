//! Public inputs, taken one after the other in the order in which verifiers list them.

use bellman::{ConstraintSystem, SynthesisError};
use blstrs::Scalar;
use ethnum::I256;

use super::number::{Lc, Num, field};

/// The numbers of a program that are still to come; none while a circuit is only measured.
pub(super) struct Inputs<'a> {
    numbers: Option<core::slice::Iter<'a, i128>>,
}

impl<'a> Inputs<'a> {
    pub fn new(numbers: Option<&'a [i128]>) -> Self {
        Self { numbers: numbers.map(<[i128]>::iter) }
    }

    /// The next number as a public input.
    pub fn next<CS: ConstraintSystem<Scalar>>(&mut self, cs: &mut CS) -> Result<Num, SynthesisError> {
        let value = match &mut self.numbers {
            None => None,
            Some(numbers) => Some(I256::from(*numbers.next().ok_or(SynthesisError::AssignmentMissing)?)),
        };
        let variable = cs.alloc_input(|| "number", || value.map(field).ok_or(SynthesisError::AssignmentMissing))?;
        Ok(Num { lc: Lc::zero() + variable, value })
    }

    /// The next few.
    pub fn list<CS: ConstraintSystem<Scalar>>(
        &mut self,
        cs: &mut CS,
        count: usize,
    ) -> Result<Vec<Num>, SynthesisError> {
        (0..count).map(|_| self.next(cs)).collect()
    }
}
