//! Numbers in constraints: a linear combination with the integer that it stands for.

use bellman::{ConstraintSystem, LinearCombination, SynthesisError, Variable};
use blstrs::Scalar;
use ethnum::I256;
use ff::Field;

use super::system::{BIT, SHORT};

/// A linear combination over the scalar field.
pub(super) type Lc = LinearCombination<Scalar>;

/// An integer, known to the prover, as a linear combination of variables.
#[derive(Clone)]
pub(super) struct Num {
    pub lc: Lc,
    pub value: Option<I256>,
}

/// The field element of an integer, |value| < 2²⁵².
pub(crate) fn field(value: I256) -> Scalar {
    let magnitude = value.unsigned_abs();
    let (high, low) = (*magnitude.high(), *magnitude.low());
    let limb = |x: u128, shift: u32| u64::try_from(x >> shift & u128::from(u64::MAX)).unwrap_or(0);
    let limbs = [limb(low, 0), limb(low, 64), limb(high, 0), limb(high, 64)];
    let positive = Scalar::from_u64s_le(&limbs).unwrap_or(Scalar::ZERO);
    if value < I256::ZERO { -positive } else { positive }
}

impl Num {
    pub fn zero() -> Self {
        Self { lc: Lc::zero(), value: Some(I256::ZERO) }
    }

    pub fn one<CS: ConstraintSystem<Scalar>>() -> Self {
        Self { lc: Lc::zero() + CS::one(), value: Some(I256::ONE) }
    }

    pub fn constant<CS: ConstraintSystem<Scalar>>(value: i128) -> Self {
        let value = I256::from(value);
        Self { lc: Lc::zero() + (field(value), CS::one()), value: Some(value) }
    }

    /// A new variable with a value of at most [`super::SHORT_BITS`] bits.
    pub fn alloc<CS: ConstraintSystem<Scalar>>(cs: &mut CS, value: Option<I256>) -> Result<Self, SynthesisError> {
        Self::named(cs, SHORT, value)
    }

    /// A new variable with a value of any width.
    pub fn alloc_long<CS: ConstraintSystem<Scalar>>(cs: &mut CS, value: Option<I256>) -> Result<Self, SynthesisError> {
        Self::named(cs, "long", value)
    }

    fn named<CS: ConstraintSystem<Scalar>>(
        cs: &mut CS,
        name: &'static str,
        value: Option<I256>,
    ) -> Result<Self, SynthesisError> {
        let variable = cs.alloc(|| name, || value.map(field).ok_or(SynthesisError::AssignmentMissing))?;
        Ok(Self { lc: Lc::zero() + variable, value })
    }

    /// A new variable that equals `a · b`.
    pub fn product<CS: ConstraintSystem<Scalar>>(cs: &mut CS, a: &Self, b: &Self) -> Result<Self, SynthesisError> {
        let product = Self::alloc(cs, both(a.value, b.value, |a, b| a * b))?;
        cs.enforce(|| "product", |lc| lc + &a.lc, |lc| lc + &b.lc, |lc| lc + &product.lc);
        Ok(product)
    }

    /// As [`Num::product`], of any width.
    pub fn long_product<CS: ConstraintSystem<Scalar>>(cs: &mut CS, a: &Self, b: &Self) -> Result<Self, SynthesisError> {
        let product = Self::alloc_long(cs, both(a.value, b.value, |a, b| a * b))?;
        cs.enforce(|| "product", |lc| lc + &a.lc, |lc| lc + &b.lc, |lc| lc + &product.lc);
        Ok(product)
    }

    /// A new variable of the same value: one term instead of many.
    pub fn settle<CS: ConstraintSystem<Scalar>>(&self, cs: &mut CS) -> Result<Self, SynthesisError> {
        let settled = Self::alloc(cs, self.value)?;
        cs.enforce(|| "settled", |lc| lc + &self.lc, |lc| lc + CS::one(), |lc| lc + &settled.lc);
        Ok(settled)
    }

    /// As [`Num::settle`], of any width.
    pub fn settle_long<CS: ConstraintSystem<Scalar>>(&self, cs: &mut CS) -> Result<Self, SynthesisError> {
        let settled = Self::alloc_long(cs, self.value)?;
        cs.enforce(|| "settled", |lc| lc + &self.lc, |lc| lc + CS::one(), |lc| lc + &settled.lc);
        Ok(settled)
    }

    /// `a · b = c` must hold.
    pub fn enforce_product<CS: ConstraintSystem<Scalar>>(cs: &mut CS, a: &Self, b: &Self, c: &Self) {
        cs.enforce(|| "holds", |lc| lc + &a.lc, |lc| lc + &b.lc, |lc| lc + &c.lc);
    }

    /// `self = other` must hold.
    pub fn enforce_equal<CS: ConstraintSystem<Scalar>>(cs: &mut CS, a: &Self, b: &Self) {
        cs.enforce(|| "equal", |lc| lc + &a.lc, |lc| lc + CS::one(), |lc| lc + &b.lc);
    }

    pub fn plus(mut self, other: &Self) -> Self {
        self.lc = self.lc + &other.lc;
        self.value = both(self.value, other.value, |a, b| a + b);
        self
    }

    pub fn minus(mut self, other: &Self) -> Self {
        self.lc = self.lc - &other.lc;
        self.value = both(self.value, other.value, |a, b| a - b);
        self
    }

    pub fn plus_times(mut self, factor: i128, other: &Self) -> Self {
        let factor = I256::from(factor);
        self.lc = self.lc + (field(factor), &other.lc);
        self.value = both(self.value, other.value, |a, b| a + b * factor);
        self
    }
}

/// A function of two values, when both are known.
pub(super) fn both<T>(a: Option<I256>, b: Option<I256>, of: impl FnOnce(I256, I256) -> T) -> Option<T> {
    Some(of(a?, b?))
}

/// A variable that is 0 or 1.
pub(super) fn bit<CS: ConstraintSystem<Scalar>>(cs: &mut CS, value: Option<bool>) -> Result<Variable, SynthesisError> {
    let of = |bit| if bit { Scalar::ONE } else { Scalar::ZERO };
    let variable = cs.alloc(|| BIT, || value.map(of).ok_or(SynthesisError::AssignmentMissing))?;
    cs.enforce(|| "0 or 1", |lc| lc + CS::one() - variable, |lc| lc + variable, |lc| lc);
    Ok(variable)
}

/// A bit as a number.
pub(super) fn bit_number<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    value: Option<bool>,
) -> Result<Num, SynthesisError> {
    Ok(Num { lc: Lc::zero() + bit(cs, value)?, value: value.map(|bit| I256::from(u8::from(bit))) })
}

/// An integer of `bits` bits: its bits from the lowest, and itself as their combination.
pub(super) fn unsigned<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    value: Option<I256>,
    bits: u32,
) -> Result<(Vec<Variable>, Num), SynthesisError> {
    let mut list = Vec::with_capacity(usize::try_from(bits).unwrap_or(0));
    let mut lc = Lc::zero();
    let mut weight = Scalar::ONE;
    for place in 0..bits {
        let variable = bit(cs, value.map(|value| value >> place & I256::ONE == I256::ONE))?;
        lc = lc + (weight, variable);
        weight = weight.double();
        list.push(variable);
    }
    Ok((list, Num { lc, value }))
}

/// 0 ≤ number < 2^bits must hold: `bits` constraints, the lowest bit being what the others leave.
///
/// The other bits sum to a multiple of 2, and what is left is 0 or 1: then the number is that sum plus that bit. A number
/// outside has no such bits, since sums of bits stay far below the field's order.
pub(super) fn in_range<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    number: &Num,
    bits: u32,
) -> Result<(), SynthesisError> {
    low_bit(cs, number, bits).map(|_| ())
}

/// As [`in_range`], and gives the lowest bit.
pub(super) fn low_bit<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    number: &Num,
    bits: u32,
) -> Result<Num, SynthesisError> {
    let upper = number.value.map(|value| value >> 1);
    let (_, upper) = unsigned(cs, upper, bits - 1)?;
    let low = number.clone().plus_times(-2, &upper);
    cs.enforce(|| "lowest bit", |lc| lc + CS::one() - &low.lc, |lc| lc + &low.lc, |lc| lc);
    Ok(low)
}
