//! Some of the values of one meter: which stand on a topic, and which may still stand below a name in a JSON text.

use super::map::{MAX_VALUES, Value};

/// A bit for each value, by its number in the meter's list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(u64);

const _: () = assert!(MAX_VALUES <= 64, "a value has no bit");

impl Set {
    /// Those that fit.
    pub(super) fn of(values: &[Value], fits: impl Fn(&Value) -> bool) -> Self {
        let bits = values.iter().zip(0..u64::BITS).map(|(value, number)| u64::from(fits(value)) << number);
        Self(bits.fold(0, |all, bit| all | bit))
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of them that fit.
    pub(super) fn that(self, values: &[Value], fits: impl Fn(&Value) -> bool) -> Self {
        let fitting = |(number, value)| if fits(value) { 1_u64 << number } else { 0 };
        Self(self.each(values).map(fitting).fold(0, |all, bit| all | bit))
    }

    /// Each with its number, in order.
    pub(super) fn each(self, values: &[Value]) -> impl Iterator<Item = (usize, &Value)> {
        let mut bits = self.0;
        std::iter::from_fn(move || {
            let number = bits.trailing_zeros() as usize;
            bits &= bits.wrapping_sub(1);
            values.get(number).map(|value| (number, value))
        })
    }
}
