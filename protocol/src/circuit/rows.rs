//! The rows of the machine in constraints: what compares, and what divides and rounds.

use bellman::{ConstraintSystem, SynthesisError};
use blstrs::Scalar;
use ethnum::I256;

use super::inputs::Inputs;
use super::number::{Lc, Num, bit_number, both, in_range};
use super::units::positive_part;
use crate::machine::{DIVISOR_BITS, NARROW_BITS, QUOTIENT_BITS};

/// Σ weight · value, over the values that a row sees.
pub(super) fn affine<'a, CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    inputs: &mut Inputs<'_>,
    values: impl IntoIterator<Item = &'a Num>,
) -> Result<Num, SynthesisError> {
    let mut total = Num::zero();
    for value in values {
        let weight = inputs.next(cs)?;
        total = total.plus(&Num::long_product(cs, value, &weight)?);
    }
    Ok(total)
}

/// hinge·max(0, A) + reached·\[A ≥ 0\].
pub(super) fn narrow<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    inputs: &mut Inputs<'_>,
    values: &[Num],
) -> Result<Num, SynthesisError> {
    let of = affine(cs, inputs, values)?.settle(cs)?;
    let (reached, height) = positive_part(cs, &of, NARROW_BITS)?;
    let (hinge, counts) = (inputs.next(cs)?, inputs.next(cs)?);
    let height = Num::product(cs, &height, &hinge)?;
    let reached = Num::product(cs, &reached, &counts)?;
    height.plus(&reached).settle(cs)
}

/// ⌊(scale·A + offset) / divisor⌋, corrected at ties and below zero as the public marks say.
///
/// N = q·D + ρ with 0 ≤ ρ < D fixes q. At a tie (ρ = 0 by the choice of the offset) an odd quotient goes down under `even`,
/// one that is not above zero goes down under `away`; under `truncate` a quotient below zero with a rest goes up.
pub(super) fn wide<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    inputs: &mut Inputs<'_>,
    values: &[Num],
) -> Result<Num, SynthesisError> {
    let of = affine(cs, inputs, values)?;
    let [scale, divisor, offset, even, away, truncate] = take(cs, inputs)?;
    let numerator = Num::long_product(cs, &of, &scale)?.plus(&offset);

    let quotient =
        both(numerator.value, divisor.value, |n, d| if d > I256::ZERO { n.div_euclid(d) } else { I256::ZERO });
    let quotient = Num::alloc(cs, quotient)?;
    let whole = Num::long_product(cs, &quotient, &divisor)?;
    let rest = numerator.minus(&whole).settle(cs)?;
    in_range(cs, &rest, DIVISOR_BITS + 1)?;
    in_range(cs, &divisor.clone().minus(&rest).minus(&Num::one::<CS>()), DIVISOR_BITS + 1)?;

    // q − away + 2^(bits − 1): its highest bit says that q ≥ away, its lowest whether q is odd (when `away` is 0).
    let shifted = quotient.clone().minus(&away).plus(&Num::constant::<CS>(1 << (QUOTIENT_BITS - 1)));
    let (odd, not_negative) = ends(cs, &shifted)?;
    let negative = Num::one::<CS>().minus(&not_negative);

    let tie = is_zero(cs, &rest)?;
    let down_even = Num::product(cs, &odd, &even)?;
    let down_away = Num::product(cs, &negative, &away)?;
    let down = Num::product(cs, &down_even.plus(&down_away), &tie)?;
    let up = Num::product(cs, &negative, &truncate)?;
    let up = Num::product(cs, &Num::one::<CS>().minus(&tie), &up)?;
    quotient.minus(&down).plus(&up).settle(cs)
}

fn take<CS: ConstraintSystem<Scalar>>(cs: &mut CS, inputs: &mut Inputs<'_>) -> Result<[Num; 6], SynthesisError> {
    let list = inputs.list(cs, 6)?;
    list.try_into().map_err(|_| SynthesisError::AssignmentMissing)
}

/// The lowest and the highest bit of a number of a quotient's width.
fn ends<CS: ConstraintSystem<Scalar>>(cs: &mut CS, number: &Num) -> Result<(Num, Num), SynthesisError> {
    let middle_bits = QUOTIENT_BITS - 2;
    let value = |of: fn(I256) -> bool| number.value.map(of);
    let odd = bit_number(cs, value(|x| x & I256::ONE == I256::ONE))?;
    let high = bit_number(cs, value(|x| x >> (QUOTIENT_BITS - 1) & I256::ONE == I256::ONE))?;
    let middle = number.value.map(|x| x >> 1 & ((I256::ONE << middle_bits) - I256::ONE));
    let middle = Num::alloc(cs, middle)?;
    in_range(cs, &middle, middle_bits)?;
    let sum = odd.clone().plus_times(2, &middle).plus_times(1 << (QUOTIENT_BITS - 1), &high);
    Num::enforce_equal(cs, &sum, number);
    Ok((odd, high))
}

/// 1 when a number is zero, else 0: z = 1 − x·y and x·z = 0.
fn is_zero<CS: ConstraintSystem<Scalar>>(cs: &mut CS, x: &Num) -> Result<Num, SynthesisError> {
    use ff::Field;
    let inverse = x.value.map(|x| {
        let x = super::number::field(x);
        Option::from(x.invert()).unwrap_or(Scalar::ZERO)
    });
    let inverse = cs.alloc(|| "inverse", || inverse.ok_or(SynthesisError::AssignmentMissing))?;
    let zero = Num::alloc(cs, x.value.map(|x| I256::from(u8::from(x == I256::ZERO))))?;
    cs.enforce(|| "an inverse, or zero", |lc| lc + &x.lc, |lc| lc + inverse, |lc| lc + CS::one() - &zero.lc);
    cs.enforce(|| "not both", |lc| lc + &x.lc, |lc| lc + &zero.lc, |lc: Lc| lc);
    Ok(zero)
}
