//! The machine and its circuit agree; what is not the machine's answer is not satisfied; nothing is left open.

mod forger;
mod hunt;
mod instance;

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::machine::{Affine, Demand, Narrow, Program, Readings, Wide, WideMode};

fn shape() -> Shape {
    Shape {
        slots: 24,
        blocks: 3,
        sums: 2,
        tiers: 2,
        demands: 2,
        hinges: 1,
        powers: true,
        rounded: false,
        narrow: [3, 2],
        wide: [2, 2],
    }
}

/// Numbers drawn by proptest for every part of a program.
fn program(shape: Shape) -> impl Strategy<Value = Program> {
    let readings = shape.readings();
    let weights = move || prop::collection::vec(-1i64 << 40..1i64 << 40, readings);
    let sums =
        prop::collection::vec((weights(), prop::collection::vec(-1i64 << 40..1i64 << 40, shape.blocks)), shape.sums);
    let tiers = (
        prop::collection::vec(any::<bool>(), readings),
        prop::collection::vec((0u32..400_000, weights()), shape.tiers),
    );
    let demand = (
        prop::collection::vec(0u8..=4, readings),
        prop::collection::vec(any::<bool>(), readings),
        prop::collection::vec(prop::bool::weighted(0.3), shape.blocks),
        prop::collection::vec(0u8..=3, shape.blocks + 1),
        0u8..4,
    );
    let hinge = (
        prop::collection::vec(0u32..=65_536, readings),
        weights(),
        prop::collection::vec(-1000i64..1000, readings),
        weights(),
    );
    let rows = prop::collection::vec((any::<u64>(), any::<bool>(), any::<bool>(), 0u8..6), 16);
    (sums, tiers, prop::collection::vec(demand, shape.demands), prop::collection::vec(hinge, shape.hinges), rows)
        .prop_map(move |(sums, tiers, demands, hinges, rows)| {
            let mut program = Program::idle(shape);
            program.sums =
                sums.into_iter().map(|(weights, residuals)| crate::machine::Sum { weights, residuals }).collect();
            if let Some(unit) = &mut program.tiers {
                unit.counts = tiers.0;
                unit.thresholds =
                    tiers.1.into_iter().map(|(at, weights)| crate::machine::Threshold { at, weights }).collect();
            }
            program.demands = demands.into_iter().map(|parts| demand_of(parts, shape)).collect();
            let hinge =
                |(thresholds, linear, square, count)| crate::machine::Hinge { thresholds, linear, square, count };
            program.hinges = hinges.into_iter().map(hinge).collect();
            settle(&mut program, &rows);
            program
        })
}

type DemandParts = (Vec<u8>, Vec<bool>, Vec<bool>, Vec<u8>, u8);

/// Groups that exist: picks stay within what a group has.
fn demand_of((weights, later, joined, mut picks, best): DemandParts, shape: Shape) -> Demand {
    let mut demand = Demand { weights, later, joined, picks: picks.clone(), best };
    let sizes: Vec<usize> = demand.groups(&shape).iter().map(Vec::len).collect();
    for (group, picks) in picks.iter_mut().enumerate() {
        let goes_on = demand.joined.get(group).copied().unwrap_or(false);
        *picks = if goes_on { 0 } else { (*picks).min(u8::try_from(sizes[group]).unwrap_or(u8::MAX)) };
    }
    demand.best = best.min(u8::try_from(picks.iter().filter(|n| **n > 0).count()).unwrap());
    demand.picks = picks;
    demand
}

/// Rows that use everything before them with small weights.
fn settle(program: &mut Program, rows: &[(u64, bool, bool, u8)]) {
    let shape = program.shape;
    let mut rows = rows.iter().cycle();
    let affine = |seed: u64, before: usize| {
        let weight = |place: usize| (place, i128::from((seed >> (place % 48)) as u8 as i8) / 16);
        Affine((0..before).map(weight).filter(|(_, w)| *w != 0).collect())
    };
    for stage in 0..2 {
        for row in 0..shape.narrow[stage] {
            let (seed, hinge, reached, _) = rows.next().unwrap();
            // Sums of money are beyond what is compared; units of energy are not.
            let before = shape.first_row(2 * stage) + row;
            let of = Affine(
                affine(*seed, before)
                    .0
                    .into_iter()
                    .filter(|(p, _)| *p == 0 || *p >= shape.first_demand() && *p < shape.first_hinge())
                    .collect(),
            );
            program.narrow[stage][row] = Narrow { of, hinge: *hinge, reached: *reached };
        }
        for row in 0..shape.wide[stage] {
            let (seed, _, _, mode) = rows.next().unwrap();
            let mode = [
                WideMode::HalfEven,
                WideMode::HalfAway,
                WideMode::HalfUp,
                WideMode::Floor,
                WideMode::Ceiling,
                WideMode::Truncate,
            ][usize::from(*mode)];
            let divisor = 1 + u128::from(seed >> 20);
            program.wide[stage][row] = Wide { of: affine(*seed, shape.first_row(2 * stage + 1) + row), divisor, mode };
        }
    }
    for (place, next) in program.next.iter_mut().enumerate() {
        *next = Affine(vec![(shape.first_cell() + (place + 1) % CELLS, 1)]);
    }
    program.next[0].0.push((shape.first_row(0), 1));
    program.next[0].0.sort_unstable();
}

fn readings(shape: Shape) -> impl Strategy<Value = Readings> {
    let value = prop_oneof![Just(0u16), 0u16..50, any::<u16>(), Just(u16::MAX)];
    (prop::collection::vec(value, shape.readings()), prop::collection::vec(any::<u32>(), shape.blocks))
        .prop_map(|(values, residuals)| Readings { values, residuals })
}

fn witness(program: &Program, readings: &Readings, cells: [i64; CELLS]) -> Result<Witness, WitnessError> {
    let blinding = |n: usize| bls12_381::Scalar::from(n as u64 + 7);
    let blindings: Vec<_> = (0..program.shape.blocks).map(blinding).collect();
    let before = State { cells, blinding: blinding(99) };
    Witness::new(&[7; 32], program, readings.clone(), &blindings, &before, &blinding(100))
}

fn assigned(shape: Shape, witness: &Witness) -> Vec<Scalar> {
    Assignment::of(BillCircuit { shape, witness: Some(witness) }).unwrap().columns().to_vec()
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new_with_rng(
        Config { cases, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    )
}

#[test]
fn machine_and_circuit_agree() {
    for rounded in [false, true] {
        let shape = Shape { rounded, ..shape() };
        let system = System::of(BillCircuit { shape, witness: None }).unwrap();
        let cells = prop::array::uniform15(-1i64 << 46..1i64 << 46);
        let ran = Cell::new(0);
        runner(40)
            .run(&(program(shape), readings(shape), cells), |(program, readings, cells)| {
                let Ok(witness) = witness(&program, &readings, cells) else { return Ok(()) };
                ran.set(ran.get() + 1);
                let values = assigned(shape, &witness);
                prop_assert_eq!(values.len(), system.inputs() + system.private());
                prop_assert_eq!(system.broken(&values), None);
                Ok(())
            })
            .unwrap();
        assert!(ran.get() >= 20, "only {} programs ran", ran.get());
    }
}

#[test]
fn another_output_is_not_satisfied() {
    let shape = shape();
    let system = System::of(BillCircuit { shape, witness: None }).unwrap();
    let found = Cell::new(0);
    runner(20)
        .run(&(program(shape), readings(shape)), |(program, readings)| {
            let Ok(witness) = witness(&program, &readings, [0; CELLS]) else { return Ok(()) };
            found.set(found.get() + 1);
            let values = assigned(shape, &witness);
            // Digest, output, states and commitments. A number of the program may be free: what it multiplies can be zero.
            for input in 1..=4 + shape.blocks {
                let mut other = values.clone();
                other[input] += Scalar::from(1);
                prop_assert!(system.broken(&other).is_some(), "input {input} is free");
            }
            Ok(())
        })
        .unwrap();
    assert!(found.get() > 5);
}
