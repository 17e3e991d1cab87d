//! Field elements of the prover's, forgotten when they go out of scope.

use core::ops::{Deref, DerefMut};

use blstrs::Scalar;
use ff::Field;

/// Field elements that follow from readings or blindings: overwritten when dropped, and not printed.
#[derive(Clone, Default)]
pub struct Wiped(Vec<Scalar>);

impl From<Vec<Scalar>> for Wiped {
    fn from(values: Vec<Scalar>) -> Self {
        Self(values)
    }
}

impl FromIterator<Scalar> for Wiped {
    fn from_iter<I: IntoIterator<Item = Scalar>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl Deref for Wiped {
    type Target = Vec<Scalar>;

    fn deref(&self) -> &Vec<Scalar> {
        &self.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut Vec<Scalar> {
        &mut self.0
    }
}

impl Drop for Wiped {
    /// blst's field elements know nothing of `zeroize`. The compiler cannot leave the writes out: it must take it that
    /// somebody looks at them afterwards.
    fn drop(&mut self) {
        self.0.fill(Scalar::ZERO);
        core::hint::black_box(self.0.as_slice());
    }
}

impl core::fmt::Debug for Wiped {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Wiped({})", self.0.len())
    }
}
