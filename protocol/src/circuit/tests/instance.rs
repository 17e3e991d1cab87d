//! For any shape, an instance in which every unit works and the cases at the edge occur: ties, zeros, limits reached exactly.

use super::*;
use crate::machine::{Hinge, Sum, Threshold};

/// Numbers that look random and are the same every time (Steele, Lea, Flood 2014: SplitMix64).
pub(super) struct Draw(pub u64);

impl Draw {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A weight of either sign.
    fn weight(&mut self, bits: u32) -> i64 {
        (self.next() >> (64 - bits)) as i64 - (1 << (bits - 1))
    }

    pub fn scalar(&mut self) -> Scalar {
        let limbs = [self.next(), self.next(), self.next(), self.next() >> 2];
        Option::from(Scalar::from_u64s_le(&limbs)).unwrap()
    }
}

/// A witness of a shape. Readings repeat, so that greatest loads tie; every mode of rounding meets a tie on each side of zero.
pub(super) fn instance(shape: Shape, draw: &mut Draw) -> (Program, Witness) {
    let kinds = [0, 5, 15, 25, 300, 300, 1000, u16::MAX];
    let values: Vec<u16> = (0..shape.readings())
        .map(|_| if draw.below(2) == 0 { kinds[draw.below(8) as usize] } else { draw.below(4000) as u16 })
        .collect();
    let residuals = (0..shape.blocks).map(|_| draw.next() as u32).collect();
    let readings = Readings { values, residuals };
    let program = program(shape, &readings, draw);
    let cells = core::array::from_fn(|_| draw.weight(40));
    let witness = witness(&program, &readings, cells).unwrap();
    (program, witness)
}

fn program(shape: Shape, readings: &Readings, draw: &mut Draw) -> Program {
    let mut program = Program::idle(shape);
    let count = shape.readings();
    let weights = |draw: &mut Draw, bits: u32| (0..count).map(|_| draw.weight(bits)).collect::<Vec<_>>();
    for sum in &mut program.sums {
        *sum = Sum { weights: weights(draw, 28), residuals: (0..shape.blocks).map(|_| draw.weight(20)).collect() };
    }
    if let Some(tiers) = &mut program.tiers {
        tiers.counts = (0..count).map(|_| draw.below(8) > 0).collect();
        let totals: Vec<u32> = tiers
            .counts
            .iter()
            .zip(&readings.values)
            .scan(0, |total, (counts, x)| {
                *total += if *counts { u32::from(*x) } else { 0 };
                Some(*total)
            })
            .collect();
        // Reached exactly; passed within a slot; never passed.
        let limits = [totals[count / 3], totals[count / 2] + 1, totals[count - 1]];
        for (threshold, at) in tiers.thresholds.iter_mut().zip(limits) {
            *threshold = Threshold { at, weights: weights(draw, 30) };
        }
    }
    for place in 0..shape.demands {
        let (groups, ends) = (shape.blocks, shape.blocks + 1);
        let parts = (
            (0..count).map(|_| draw.below(5) as u8).collect(),
            (0..count).map(|slot| slot % shape.slots > shape.slots - 4).collect(),
            (0..groups).map(|group| place > 0 && group % 7 != 6 || draw.below(5) == 0).collect(),
            (0..ends).map(|_| 1 + draw.below(3) as u8).collect(),
            3,
        );
        program.demands[place] = demand_of(parts, shape);
    }
    for hinge in &mut program.hinges {
        let powers = if shape.powers { count } else { 0 };
        *hinge = Hinge {
            thresholds: readings.values.iter().map(|x| u32::from(*x) / 2 + draw.below(400) as u32).collect(),
            linear: weights(draw, 30),
            square: weights(draw, 10).into_iter().take(powers).collect(),
            count: weights(draw, 30).into_iter().take(powers).collect(),
        };
        // Reached exactly, and never.
        hinge.thresholds[7] = u32::from(readings.values[7]);
        hinge.thresholds[8] = 1 << 16;
    }
    let rows: Vec<_> = (0..40).map(|_| (draw.next(), draw.below(2) == 0, draw.below(2) == 0, 0)).collect();
    settle(&mut program, &rows);
    let rounded = WideMode::HalfEven;
    let modes = [rounded, WideMode::HalfAway, WideMode::HalfUp, WideMode::Floor, WideMode::Ceiling, WideMode::Truncate];
    let mut place = draw.below(6) as usize;
    for stage in 0..2 {
        for (row, top) in [0, 1, -1].into_iter().enumerate().take(shape.narrow[stage].saturating_sub(1)) {
            program.narrow[stage][row] = Narrow { of: Affine::constant(top), hinge: true, reached: true };
        }
        for row in 0..shape.wide[stage] {
            let wide = &mut program.wide[stage][row];
            (wide.mode, place) = (modes[place % 6], place + 1);
            // Halves, of odd and even wholes, on both sides of zero; and whole quotients.
            if row + 1 < shape.wide[stage] && row % 3 != 2 {
                let top = [-5, -4, -3, -1, 0, 1, 3, 5, 7, -7][draw.below(10) as usize];
                *wide = Wide { of: Affine::constant(top), divisor: 2, mode: wide.mode };
            }
        }
    }
    // Everything reaches the output: units, what compares, and what rounds constants.
    let last = shape.wide[1] - 1;
    let rounds = |stage: usize| (0..shape.wide[stage] - stage).filter(|row| row % 3 != 2);
    let first = [1, 3].map(|stage| shape.first_row(stage));
    let rows = rounds(0).map(|row| first[0] + row).chain(rounds(1).map(|row| first[1] + row));
    let places = (1..shape.first_cell()).chain(shape.first_row(0)..shape.first_row(0) + 3).chain(rows);
    program.wide[1][last].of = Affine(places.map(|place| (place, 1 + i128::from(draw.below(7) as u8))).collect());
    program.wide[1][last].divisor = 3;
    program
}
