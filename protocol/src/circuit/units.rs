//! The units of the machine in constraints: sums, tiers, demands, hinges, readings rounded to tens.

use bellman::{ConstraintSystem, SynthesisError};
use blstrs::Scalar;
use ethnum::I256;

use super::inputs::Inputs;
use super::number::{Num, bit_number, both, in_range, low_bit};
use crate::machine::{Shape, TOTAL_BITS};

/// Bits of a weighted reading: 16, and weights up to 4.
const LOAD_BITS: u32 = 18;
/// Bits of the sum of sixteen of them.
const GROUP_BITS: u32 = LOAD_BITS + 4;

/// 10·y for the reading x rounded to tens, half to even.
///
/// x = 10·y + r with −5 ≤ r ≤ 5; when y is odd the two ties are excluded: odd ≤ r + 5 ≤ 10 − odd.
pub(super) fn tens<CS: ConstraintSystem<Scalar>>(cs: &mut CS, reading: &Num) -> Result<Num, SynthesisError> {
    let value = reading.value.map(|x| I256::from(crate::machine::to_tens(u16::try_from(x).unwrap_or(0))));
    let y = Num::alloc(cs, value)?;
    let odd = low_bit(cs, &y, 13)?;
    let ten = Num::zero().plus_times(10, &y);
    let rest = reading.clone().minus(&ten).plus(&Num::constant::<CS>(5));
    in_range(cs, &rest.clone().minus(&odd), 4)?;
    in_range(cs, &Num::constant::<CS>(10).minus(&odd).minus(&rest), 4)?;
    Ok(ten)
}

/// Σ weight · reading + Σ weight · residual.
pub(super) fn sum<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    inputs: &mut Inputs<'_>,
    readings: &[Num],
    residuals: &[Num],
) -> Result<Num, SynthesisError> {
    let mut total = Num::zero();
    for value in readings.iter().chain(residuals) {
        let weight = inputs.next(cs)?;
        total = total.plus(&Num::product(cs, value, &weight)?);
    }
    total.settle(cs)
}

/// What is above thresholds of a running total, each unit at the weight of its slot.
///
/// For a threshold θ let b be 0 up to the slot in which the total passes it and 1 from there on. Above it lie b(before)·x of
/// each slot, and in the passing slot itself total − θ, which is neither below zero nor more than the slot took. When it
/// is never passed, the whole total is at most θ.
pub(super) fn tiers<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    inputs: &mut Inputs<'_>,
    thresholds: usize,
    readings: &[Num],
) -> Result<Vec<Num>, SynthesisError> {
    let mut counted = Vec::with_capacity(readings.len());
    let mut totals: Vec<Num> = Vec::with_capacity(readings.len());
    for reading in readings {
        let counts = inputs.next(cs)?;
        counted.push(Num::product(cs, reading, &counts)?);
    }
    let mut total = Num::zero();
    for take in &counted {
        total = total.plus(take).settle(cs)?;
        totals.push(total.clone());
    }
    in_range(cs, &total, TOTAL_BITS)?;
    let mut costs = Vec::with_capacity(thresholds);
    for _ in 0..thresholds {
        let at = inputs.next(cs)?;
        costs.push(above(cs, inputs, &at, &counted, &totals)?.settle(cs)?);
    }
    Ok(costs)
}

fn above<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    inputs: &mut Inputs<'_>,
    at: &Num,
    counted: &[Num],
    totals: &[Num],
) -> Result<Num, SynthesisError> {
    let mut before = Num::zero();
    let (mut cost, mut over, mut took) = (Num::zero(), Num::zero(), Num::zero());
    for (take, total) in counted.iter().zip(totals) {
        let passed = Num::alloc(cs, both(total.value, at.value, |total, at| I256::from(u8::from(total > at))))?;
        let now = passed.clone().minus(&before);
        Num::enforce_product(cs, &now, &now, &now);
        let excess = Num::product(cs, &now, &total.clone().minus(at))?;
        let passing = Num::product(cs, &now, take)?;
        let whole = Num::product(cs, take, &before)?;
        let weight = inputs.next(cs)?;
        cost = cost.plus(&Num::product(cs, &whole.plus(&excess), &weight)?);
        over = over.plus(&excess);
        took = took.plus(&passing);
        before = passed;
    }
    // It is passed once at most: the steps are 0 or 1, and so is their sum.
    Num::enforce_product(cs, &before, &before, &before);
    in_range(cs, &over, TOTAL_BITS)?;
    in_range(cs, &took.minus(&over), TOTAL_BITS)?;
    let all = totals.last().cloned().unwrap_or_else(Num::zero);
    let short = at.clone().minus(&all);
    let never = Num::one::<CS>().minus(&before);
    let left = Num::product(cs, &short, &never)?;
    in_range(cs, &left, TOTAL_BITS)?;
    Ok(cost)
}

/// The greatest loads of each group, and of these the greatest groups.
///
/// Every load of a group is on the right side of the group's bound: those that are taken not below it, the others not above.
/// Then those taken are the greatest, however ties fall. The same again over the groups.
pub(super) fn demand<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    inputs: &mut Inputs<'_>,
    shape: &Shape,
    readings: &[Num],
    chosen: Option<&Chosen>,
) -> Result<Num, SynthesisError> {
    let weights = inputs.list(cs, readings.len())?;
    let later = inputs.list(cs, readings.len())?;
    let joined = inputs.list(cs, shape.blocks)?;
    let ends = (0..=shape.blocks).map(|_| Ok((inputs.next(cs)?, inputs.next(cs)?)));
    let ends = ends.collect::<Result<Vec<_>, SynthesisError>>()?;
    let best = inputs.next(cs)?;

    let bounds = (0..=shape.blocks).map(|group| {
        Num::alloc(cs, chosen.and_then(|chosen| chosen.bounds.get(group).map(|bound| I256::from(*bound))))
    });
    let bounds = bounds.collect::<Result<Vec<_>, SynthesisError>>()?;
    let mut taken = vec![Num::zero(); shape.blocks + 1];
    let mut loads = vec![Num::zero(); shape.blocks + 1];
    for (place, reading) in readings.iter().enumerate() {
        let (block, missing) = (place / shape.slots, SynthesisError::AssignmentMissing);
        let (Some(weight), Some(later), Some(here), Some(next)) =
            (weights.get(place), later.get(place), bounds.get(block), bounds.get(block + 1))
        else {
            return Err(missing);
        };
        let load = Num::product(cs, reading, weight)?;
        let bound = Num::product(cs, &next.clone().minus(here), later)?.plus(here);
        let take = bit_number(cs, chosen.and_then(|chosen| chosen.readings.get(place).copied()))?;
        let part = Num::product(cs, &load, &take)?;
        on_its_side(cs, &bound, &load, &take, LOAD_BITS)?;
        let take_later = Num::product(cs, &take, later)?;
        let part_later = Num::product(cs, &part, later)?;
        for (list, all, late) in [(&mut taken, take, take_later), (&mut loads, part, part_later)] {
            if let Some([here, next]) = list.get_mut(block..block + 2) {
                *here = core::mem::replace(here, Num::zero()).plus(&all.minus(&late));
                *next = core::mem::replace(next, Num::zero()).plus(&late);
            }
        }
    }
    best_groups(cs, &Groups { bounds, taken, loads, joined, ends, best }, chosen)
}

/// What the prover picks: all of it is checked.
pub(super) struct Chosen {
    /// For each group, a number between the least load taken and the greatest not taken.
    pub bounds: Vec<u32>,
    /// Which readings are taken.
    pub readings: Vec<bool>,
    /// The same over the groups.
    pub bound: u32,
    /// Which groups are taken.
    pub groups: Vec<bool>,
}

/// (bound − load)·(1 − 2·take) ≥ 0.
fn on_its_side<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    bound: &Num,
    load: &Num,
    take: &Num,
    bits: u32,
) -> Result<(), SynthesisError> {
    let side = Num::one::<CS>().plus_times(-2, take);
    let distance = Num::product(cs, &bound.clone().minus(load), &side)?;
    in_range(cs, &distance, bits)
}

struct Groups {
    bounds: Vec<Num>,
    taken: Vec<Num>,
    loads: Vec<Num>,
    joined: Vec<Num>,
    ends: Vec<(Num, Num)>,
    best: Num,
}

fn best_groups<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    groups: &Groups,
    chosen: Option<&Chosen>,
) -> Result<Num, SynthesisError> {
    let bound = Num::alloc(cs, chosen.map(|chosen| I256::from(chosen.bound)))?;
    let (mut count, mut total) = (Num::zero(), Num::zero());
    let (mut carried_count, mut carried_load) = (Num::zero(), Num::zero());
    let lists = groups.taken.iter().zip(&groups.loads).zip(&groups.ends);
    for (group, ((taken, load), (ends, picks))) in lists.enumerate() {
        let taken = taken.clone().plus(&carried_count).settle(cs)?;
        let load = load.clone().plus(&carried_load).settle(cs)?;
        if let (Some(joined), Some(here), Some(next)) =
            (groups.joined.get(group), groups.bounds.get(group), groups.bounds.get(group + 1))
        {
            // A group that goes on has one bound throughout.
            Num::enforce_product(cs, joined, &here.clone().minus(next), &Num::zero());
            carried_count = Num::product(cs, &taken, joined)?;
            carried_load = Num::product(cs, &load, joined)?;
        }
        Num::enforce_product(cs, &taken, ends, picks);
        let load = Num::product(cs, &load, ends)?;
        let take = bit_number(cs, chosen.and_then(|chosen| chosen.groups.get(group).copied()))?;
        Num::enforce_product(cs, &take, &Num::one::<CS>().minus(ends), &Num::zero());
        on_its_side(cs, &bound, &load, &take, GROUP_BITS)?;
        total = total.plus(&Num::product(cs, &load, &take)?);
        count = count.plus(&take);
    }
    Num::enforce_equal(cs, &count, &groups.best);
    total.settle(cs)
}

/// Σ linear·h + square·h² + count·b, with h = max(0, x − θ) and b = \[x ≥ θ\].
pub(super) fn hinge<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    inputs: &mut Inputs<'_>,
    readings: &[Num],
    powers: bool,
) -> Result<Num, SynthesisError> {
    let mut heights = Vec::with_capacity(readings.len());
    let mut reached = Vec::with_capacity(readings.len());
    for reading in readings {
        let over = reading.clone().minus(&inputs.next(cs)?);
        let (b, h) = positive_part(cs, &over, 17)?;
        heights.push(h);
        reached.push(b);
    }
    let mut total = Num::zero();
    for h in &heights {
        let weight = inputs.next(cs)?;
        total = total.plus(&Num::product(cs, h, &weight)?);
    }
    if !powers {
        return total.settle(cs);
    }
    for h in &heights {
        let weight = inputs.next(cs)?;
        let weighted = Num::product(cs, h, &weight)?;
        total = total.plus(&Num::long_product(cs, &weighted, h)?);
    }
    for b in &reached {
        let weight = inputs.next(cs)?;
        total = total.plus(&Num::product(cs, b, &weight)?);
    }
    total.settle_long(cs)
}

/// b = \[x ≥ 0\] and h = b·x, for |x| < 2^bits: h − x + h − (1 − b) is x when b is 1 and −x − 1 when it is 0.
pub(super) fn positive_part<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    x: &Num,
    bits: u32,
) -> Result<(Num, Num), SynthesisError> {
    let b = bit_number(cs, x.value.map(|x| x >= I256::ZERO))?;
    let h = Num::product(cs, x, &b)?;
    let magnitude = Num::zero().plus_times(2, &h).minus(x).minus(&Num::one::<CS>()).plus(&b);
    in_range(cs, &magnitude, bits)?;
    Ok((b, h))
}
