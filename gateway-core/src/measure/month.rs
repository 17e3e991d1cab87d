//! A made-up month under a made-up tariff.

use protocol::circuit::{State, Witness, WitnessError};
use protocol::machine::{CELLS, Program, Readings, Shape};

/// What a household takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Nothing at all.
    None,
    /// Up to 1,600 a slot.
    Typical,
    /// As much as a slot can hold.
    Greatest,
}

/// A tariff that uses all units of a shape: prices for every slot, greatest loads of days, limits, thresholds.
#[must_use]
pub fn program(shape: Shape) -> Program {
    let mut program = Program::idle(shape);
    let mut noise = Noise(1);
    for sum in &mut program.sums {
        sum.weights.iter_mut().for_each(|weight| *weight = 200_000 + i64::from(noise.below(20_000)));
    }
    if let Some(tiers) = &mut program.tiers {
        tiers.counts.fill(true);
        for (threshold, at) in tiers.thresholds.iter_mut().zip((1..).map(|n| n * 100_000)) {
            threshold.at = at;
            threshold.weights.fill(1_000);
        }
    }
    for demand in &mut program.demands {
        demand.weights.fill(1);
        demand.picks.iter_mut().take(shape.blocks).for_each(|picks| *picks = 1);
        demand.best = 3;
    }
    for hinge in &mut program.hinges {
        hinge.thresholds.fill(500);
        hinge.linear.fill(1_000);
    }
    if let Some(last) = program.wide[1].last_mut() {
        last.of.0 = (shape.first_sum()..shape.first_cell()).map(|place| (place, 1)).collect();
        last.divisor = 10_000_000;
    }
    program
}

/// The witness of a month under a program.
///
/// # Errors
/// When the program does not run over it.
pub fn month(program: &Program, load: Load) -> Result<Witness, WitnessError> {
    let shape = &program.shape;
    let mut noise = Noise(2);
    let reading = |_| match load {
        Load::None => 0,
        Load::Typical => noise.below(1_600),
        Load::Greatest => u16::MAX,
    };
    let values = (0..shape.readings()).map(reading).collect();
    let readings = Readings { values, residuals: vec![0; shape.blocks] };
    let blinding = |noise: &mut Noise| {
        let bytes: [u8; 64] = core::array::from_fn(|_| noise.below(256).to_le_bytes()[0]);
        bls12_381::Scalar::from_bytes_wide(&bytes)
    };
    let blindings: Vec<_> = (0..shape.blocks).map(|_| blinding(&mut noise)).collect();
    let before = State { cells: [0; CELLS], blinding: blinding(&mut noise) };
    Witness::new(&[7; 32], program, readings, &blindings, &before, &blinding(&mut noise))
}

/// Numbers that are the same every time (a linear congruence; nothing here is secret).
struct Noise(u32);

impl Noise {
    fn below(&mut self, limit: u16) -> u16 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u16::try_from((self.0 >> 16) % u32::from(limit.max(1))).unwrap_or(0)
    }
}
