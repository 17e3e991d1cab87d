//! The hunt for what a circuit of the catalogue leaves open.
//!
//! 1. Each private variable alone, against *all* values of the field: a row of degree two leaves at most one other value.
//! 2. A prover who cheats: each choice that is his, set otherwise, with everything that follows from it worked out again; and
//!    choices set together where one alone is caught at once: quotients with their ends, sets of loads with their bounds,
//!    where a limit is passed.
//!
//! What may survive: the inverse of a rest that is zero (it is multiplied by zero), the bound of a group without readings
//! (nothing is compared with it), and choices that come to the same bill: a bound anywhere between the loads, one of two equal
//! loads, one of several slots without consumption in which a limit is passed. Nothing may come to another bill.

use ff::Field;

use super::forger::{End, Forger};
use super::instance::{Draw, instance};
use super::*;

/// Values that a single variable can take when all others stay.
fn alone(system: &System, values: &[Scalar]) -> Vec<usize> {
    let sides: [Vec<Scalar>; SIDES] =
        core::array::from_fn(|side| (0..system.constraints()).map(|row| system.evaluate(side, row, values)).collect());
    // By column: row, and its coefficient on each side.
    let mut terms: Vec<Vec<(usize, [Scalar; SIDES])>> = vec![Vec::new(); values.len()];
    for row in 0..system.constraints() {
        for side in 0..SIDES {
            for (column, coefficient) in system.row(side, row) {
                let list = &mut terms[column];
                if list.last().is_none_or(|(last, _)| *last != row) {
                    list.push((row, [Scalar::ZERO; SIDES]));
                }
                list.last_mut().unwrap().1[side] += coefficient;
            }
        }
    }
    let open = |column: &usize| {
        // (a + α·d)(b + β·d) = c + γ·d with a·b = c: α·β·d² + (α·b + β·a − γ)·d = 0.
        let mut only: Option<Scalar> = None;
        for (row, [alpha, beta, gamma]) in &terms[*column] {
            let (square, linear) = (alpha * beta, alpha * sides[1][*row] + beta * sides[0][*row] - gamma);
            if square == Scalar::ZERO && linear == Scalar::ZERO {
                continue;
            }
            let Some(inverse) = Option::<Scalar>::from(square.invert()) else { return false };
            let d = -linear * inverse;
            if d == Scalar::ZERO || only.is_some_and(|only| only != d) {
                return false;
            }
            only = Some(d);
        }
        true
    };
    (system.inputs()..values.len()).filter(open).collect()
}

/// Columns that may be set freely: inverses of zero, and bounds of groups that have no readings.
fn harmless(system: &System, values: &[Scalar], column: usize) -> bool {
    let mut rows = 0;
    let zero =
        (0..system.constraints()).filter(|row| (0..SIDES).any(|s| system.row(s, *row).any(|(c, _)| c == column)));
    zero.inspect(|_| rows += 1).all(|row| {
        let in_b = system.row(1, row).count() == 1 && system.row(1, row).all(|(c, _)| c == column);
        in_b && system.evaluate(0, row, values) == Scalar::ZERO
            || system.row(2, row).next().is_none() && system.evaluate(0, row, values) == Scalar::ZERO
            || system.evaluate(1, row, values) == Scalar::ZERO
    }) && rows > 0
}

/// Tally of a circuit's cheats.
#[derive(Default)]
struct Tally {
    tried: usize,
    harmless: usize,
    another: usize,
}

impl Tally {
    fn count(&mut self, forger: &mut Forger<'_>, set: &[(usize, Scalar)], what: &str) {
        self.tried += 1;
        match forger.attempt(set) {
            End::Caught => {}
            End::Harmless => self.harmless += 1,
            End::Another if forger.blind => self.another += 1,
            End::Another => panic!("{what}: another bill would be accepted, {set:?}"),
        }
    }
}

fn whole(value: u64) -> Scalar {
    Scalar::from(value)
}

/// Each choice by itself.
fn each(forger: &mut Forger<'_>, system: &System, witness: &Witness, draw: &mut Draw, tally: &mut Tally) {
    // The last block's commitment closes the days.
    let days = forger
        .rows_of(4 + witness.blindings.len())
        .filter_map(|row| system.row(0, row).map(|(column, _)| column).max())
        .max();
    let mut choices = forger.choices.clone();
    // The last is the blinding of the state after, which is the prover's to draw: only the cells under it are not.
    assert_eq!(choices.pop().map(|column| forger.values[column]), Some(witness.state_blindings[1]));
    for column in choices {
        let value = forger.values[column];
        if system.widths()[column - system.inputs()] == Width::Bit {
            // Bits of readings are many and alike: one in sixty is tried.
            if Some(column) > days || draw.below(60) == 0 {
                tally.count(forger, &[(column, Scalar::ONE - value)], "a bit");
            }
            continue;
        }
        let one = Scalar::ONE;
        for other in [value + one, value - one, Scalar::ZERO, one, -value, value + whole(1 << 47), draw.scalar()] {
            if other != value {
                tally.count(forger, &[(column, other)], "a choice");
            }
        }
    }
}

/// Quotients with their lowest and highest bits: rows odd + 2·middle + 2⁷⁸·high = quotient − away + 2⁷⁸.
fn quotients(forger: &mut Forger<'_>, system: &System, tally: &mut Tally) {
    let top = whole(1 << 39).square();
    let mut found = 0;
    for row in 0..system.constraints() {
        let ends: Vec<(usize, Scalar)> = system.row(0, row).map(|(column, factor)| (column, *factor)).collect();
        let [(odd, low), (middle, two), (high, weight)] = ends[..] else { continue };
        if (low, two, weight) != (Scalar::ONE, whole(2), top) || middle < system.inputs() {
            continue;
        }
        found += 1;
        let quotient = system.row(2, row).map(|(column, _)| column).max().unwrap();
        let shifted = system.evaluate(2, row, &forger.values);
        for step in [0, 1, 2, 3, 1 << 40] {
            for step in [whole(step), -whole(step)] {
                for (odd_is, high_is) in [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(a, b)| (whole(a), whole(b))) {
                    let half: Scalar = whole(2).invert().unwrap();
                    let rest = (shifted + step - odd_is - top * high_is) * half;
                    let quotient = (quotient, forger.values[quotient] + step);
                    tally.count(forger, &[quotient, (odd, odd_is), (high, high_is), (middle, rest)], "a quotient");
                }
            }
        }
    }
    assert!(found > 0);
}

/// Whether a rest is zero, told otherwise, with an inverse that suits.
fn ties(forger: &mut Forger<'_>, system: &System, tally: &mut Tally) {
    for (row, inverse, mark) in forger.zeros() {
        let x = system.evaluate(0, row, &forger.values);
        let told = Scalar::ONE - forger.values[mark];
        let suits = (Scalar::ONE - told) * x.invert().unwrap_or(Scalar::ONE);
        tally.count(forger, &[(mark, told), (inverse, suits)], "a tie");
        tally.count(forger, &[(inverse, forger.values[inverse] + Scalar::ONE)], "an inverse");
    }
}

/// Loads: one that is taken left out for another, with bounds that suit; the same for groups.
fn loads(forger: &mut Forger<'_>, system: &System, draw: &mut Draw, tally: &mut Tally) {
    let choices = forger.choices.clone();
    // Rows (bound − load)·(1 − 2·take) = distance.
    let side = |forger: &Forger<'_>, take: usize| {
        forger.rows_of(take).find(|row| {
            let mut terms = system.row(1, *row);
            terms.any(|(column, factor)| column == take && *factor == -whole(2)) && system.row(1, *row).count() == 2
        })
    };
    let takes: Vec<(usize, usize)> = choices.iter().filter_map(|take| Some((*take, side(forger, *take)?))).collect();
    let bounds = |forger: &Forger<'_>, row: usize| -> Vec<usize> {
        let first: Vec<usize> = system.row(0, row).map(|(column, _)| column).collect();
        let before = first.iter().flat_map(|column| forger.rows_of(*column).take(1));
        let deeper = before.flat_map(|row| system.row(0, row).map(|(column, _)| column));
        let mut all: Vec<usize> =
            first.iter().copied().chain(deeper).filter(|c| choices.binary_search(c).is_ok()).collect();
        all.retain(|column| system.widths()[column - system.inputs()] != Width::Bit);
        all
    };
    for (place, (take, row)) in takes.iter().enumerate() {
        if forger.values[*take] == Scalar::ZERO {
            continue;
        }
        for back in 0..6 {
            let near = if back < 3 { place + 1 + back } else { draw.below(takes.len() as u64) as usize };
            let Some((other, other_row)) = takes.get(near).filter(|(other, _)| forger.values[*other] == Scalar::ZERO)
            else {
                continue;
            };
            let exchange = [(*take, Scalar::ZERO), (*other, Scalar::ONE)];
            tally.count(forger, &exchange, "an exchange");
            for bound in bounds(forger, *row) {
                for row in [*row, *other_row] {
                    // bound − load at this place: the bound that lets it pass just so.
                    let distance = system.evaluate(0, row, &forger.values);
                    let with = [exchange[0], exchange[1], (bound, forger.values[bound] - distance)];
                    tally.count(forger, &with, "an exchange with its bound");
                }
            }
        }
        for bound in bounds(forger, *row) {
            for step in [1, 1 << 17, 1 << 18, 1 << 22] {
                for to in [forger.values[bound] + whole(step), forger.values[bound] - whole(step)] {
                    tally.count(forger, &[(bound, to)], "a bound");
                    tally.count(forger, &[(bound, to), (*take, Scalar::ZERO)], "a bound and a load");
                }
            }
        }
    }
}

/// Limits of running totals, passed elsewhere, never, or twice: rows now·now = now with now = passed − passed before.
fn limits(forger: &mut Forger<'_>, system: &System, shape: &Shape, draw: &mut Draw, tally: &mut Tally) {
    let choices = forger.choices.clone();
    let mut steps: Vec<usize> = Vec::new();
    for row in 0..system.constraints() {
        let lists: [Vec<_>; SIDES] = core::array::from_fn(|side| system.row(side, row).collect());
        if lists[0] == lists[1] && lists[1] == lists[2] && lists[0].len() <= 2 {
            let column = lists[0].iter().map(|(column, _)| *column).max().unwrap();
            if choices.binary_search(&column).is_ok() && steps.last() != Some(&column) {
                steps.push(column);
            }
        }
    }
    let count = shape.readings();
    assert_eq!(steps.len(), shape.tiers * count);
    for unit in steps.chunks(count) {
        let at = unit.iter().position(|step| forger.values[*step] == Scalar::ONE).unwrap_or(count);
        let mut places: Vec<usize> = (0..7).map(|step| (at + step).saturating_sub(3)).collect();
        places.extend([0, 1, count - 1, count]);
        places.extend((0..8).map(|_| draw.below(count as u64) as usize));
        for place in places {
            let set: Vec<_> =
                unit.iter().enumerate().map(|(slot, column)| (*column, whole(u64::from(slot >= place)))).collect();
            tally.count(forger, &set, "a limit");
            let again = place + 1 + draw.below(9) as usize;
            let twice = |slot: usize| u64::from(slot >= place) + u64::from(slot >= again);
            let set: Vec<_> = unit.iter().enumerate().map(|(slot, column)| (*column, whole(twice(slot)))).collect();
            tally.count(forger, &set, "a limit twice");
            let undone = |slot: usize| u64::from(slot >= place && slot < again);
            let set: Vec<_> = unit.iter().enumerate().map(|(slot, column)| (*column, whole(undone(slot)))).collect();
            tally.count(forger, &set, "a limit undone");
        }
    }
}

/// Bits of range checks with the field's order added, or of a neighbour: only one set of bits is a number's.
fn aliases(forger: &Forger<'_>, system: &System) -> usize {
    let minus_one = (-Scalar::ONE).to_bytes_le();
    let mut tried = 0;
    for (row, first, bits) in forger.ranges() {
        let mut order = minus_one;
        let carry = |bytes: &mut [u8; 32], more: &[u8; 32]| {
            let mut carry = 1u16;
            for (byte, more) in bytes.iter_mut().zip(more) {
                carry += u16::from(*byte) + u16::from(*more);
                *byte = carry as u8;
                carry >>= 8;
            }
        };
        let x = system.evaluate(1, row, &forger.values);
        let upper = forger.bits(first, bits);
        carry(&mut order, &(x + upper.double()).to_bytes_le());
        let of = |bytes: &[u8; 32], bit: u32| u64::from(bytes[(bit as usize + 1) / 8] >> ((bit + 1) % 8) & 1);
        let other = (0..bits).rev().fold(Scalar::ZERO, |sum, bit| sum.double() + whole(of(&order, bit)));
        for other in [other, upper + Scalar::ONE, upper - Scalar::ONE] {
            let left = x + (upper - other).double();
            tried += 1;
            assert!(other == upper || left * left != left, "row {row}: two sets of bits for one number");
        }
    }
    tried
}

fn hunt(slots: usize) {
    for (seed, profile) in (0..).zip(CATALOGUE.iter().filter(|profile| profile.shape.slots == slots)) {
        let mut draw = Draw(seed);
        let system = profile.system().unwrap();
        let (_, witness) = instance(profile.shape, &mut draw);
        let values = assigned(profile.shape, &witness);
        assert_eq!(system.broken(&values), None, "{}", profile.name);
        let open = alone(&system, &values);
        for column in &open {
            assert!(harmless(&system, &values, *column), "{}: column {column} is open", profile.name);
        }
        let mut forger = Forger::new(&system, values);
        let mut tally = Tally::default();
        each(&mut forger, &system, &witness, &mut draw, &mut tally);
        quotients(&mut forger, &system, &mut tally);
        ties(&mut forger, &system, &mut tally);
        loads(&mut forger, &system, &mut draw, &mut tally);
        if profile.shape.tiers > 0 {
            limits(&mut forger, &system, &profile.shape, &mut draw, &mut tally);
        }
        let aliases = aliases(&forger, &system);
        println!(
            "{:12} {:7} private, each against the whole field: {:3} open, harmless | {:6} choices, {:6} cheats, {:5} \
             harmless, none another bill | {:6} other sets of bits",
            profile.name,
            system.private(),
            open.len(),
            forger.choices.len(),
            tally.tried,
            tally.harmless,
            aliases
        );
    }
}

#[test]
fn hours_leave_nothing_open() {
    hunt(24);
}

#[test]
fn half_hours_leave_nothing_open() {
    hunt(48);
}

#[test]
fn quarter_hours_leave_nothing_open() {
    hunt(96);
}

/// The hunt finds what there is to find: without its range checks a circuit takes other bills.
#[test]
fn a_circuit_without_range_checks_is_caught() {
    let profile = Profile::named("tiers-60").unwrap();
    let mut draw = Draw(0);
    let system = profile.system().unwrap();
    let (_, witness) = instance(profile.shape, &mut draw);
    let mut forger = Forger::new(&system, assigned(profile.shape, &witness));
    forger.blind = true;
    type Hunt = fn(&mut Forger<'_>, &System, &Shape, &mut Draw, &mut Tally);
    let hunts: [Hunt; 3] = [
        |forger, system, _, _, tally| quotients(forger, system, tally),
        |forger, system, _, draw, tally| loads(forger, system, draw, tally),
        limits,
    ];
    for hunt in hunts {
        let mut tally = Tally::default();
        hunt(&mut forger, &system, &profile.shape, &mut draw, &mut tally);
        println!("{} cheats, {} other bills", tally.tried, tally.another);
        assert!(tally.another > 0);
    }
}
