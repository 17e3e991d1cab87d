//! The circuits that there are. A tariff is proved by the first that holds it.

use metrology::keys::{Hash, hash};

use super::pins::{PINS, Pin};
use super::{BillCircuit, System};
use crate::groth16::{FoldedKey, VerifyingKey};
use crate::machine::{CompileError, Layout, Program, Shape, compile};
use crate::tariff::Tariff;
use crate::time::Span;

/// A circuit of the catalogue: a shape with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// For people, and for names of files.
    pub name: &'static str,
    /// Its size.
    pub shape: Shape,
}

/// Rows of most circuits.
const ENERGY: Shape = Shape {
    slots: 48,
    blocks: 32,
    sums: 5,
    tiers: 0,
    demands: 0,
    hinges: 0,
    powers: false,
    rounded: false,
    narrow: [16, 8],
    wide: [6, 4],
};

/// Blocks of a billing cycle: up to 35 local days touch 36 days of UTC. Half-hours are billed by months, which touch 32.
const CYCLE: usize = 36;

const fn quarter(shape: Shape) -> Shape {
    Shape { slots: 96, blocks: CYCLE, ..shape }
}

const fn hour(shape: Shape) -> Shape {
    Shape { slots: 24, blocks: CYCLE, ..shape }
}

const fn two_ways(shape: Shape) -> Shape {
    Shape { sums: 4, blocks: 2 * shape.blocks, ..shape }
}

const ROUNDED: Shape = Shape { sums: 2, rounded: true, ..ENERGY };
const DEMAND: Shape = Shape { sums: 3, demands: 1, ..ENERGY };
const BACK_OFF: Shape = Shape { sums: 2, demands: 1, hinges: 1, narrow: [16, 6], ..ENERGY };
const TIERS: Shape = Shape { sums: 2, demands: 1, tiers: 2, ..ENERGY };
/// Demands by time of use together with a chronological tier.
const MIXED: Shape = Shape { sums: 2, demands: 3, tiers: 1, ..ENERGY };
const QUERY: Shape = Shape { sums: 1, hinges: 1, powers: true, narrow: [4, 2], wide: [2, 2], ..ENERGY };

/// All circuits, by interval and from the smallest to the largest.
pub const CATALOGUE: &[Profile] = &[
    Profile { name: "energy-60", shape: hour(ENERGY) },
    Profile { name: "demand-60", shape: hour(Shape { demands: 3, sums: 3, ..ENERGY }) },
    Profile { name: "tiers-60", shape: hour(Shape { tiers: 3, sums: 4, ..TIERS }) },
    Profile { name: "mixed-60", shape: hour(MIXED) },
    Profile { name: "query-60", shape: hour(QUERY) },
    Profile { name: "two-way-60", shape: two_ways(hour(ENERGY)) },
    // Four greatest loads of a month: with a cycle's blocks they would need twice the domain.
    Profile { name: "maxima-60", shape: Shape { demands: 4, sums: 3, blocks: 32, ..hour(ENERGY) } },
    Profile { name: "energy-30", shape: ENERGY },
    Profile { name: "rounded-30", shape: ROUNDED },
    Profile { name: "query-30", shape: QUERY },
    Profile { name: "demand-30", shape: DEMAND },
    Profile { name: "tiers-30", shape: TIERS },
    Profile { name: "back-off-30", shape: BACK_OFF },
    Profile { name: "two-way-30", shape: two_ways(ENERGY) },
    Profile { name: "mixed-30", shape: MIXED },
    Profile { name: "energy-15", shape: quarter(ENERGY) },
    Profile { name: "demand-15", shape: quarter(DEMAND) },
    Profile { name: "tiers-15", shape: quarter(TIERS) },
    // 36 blocks would need twice the domain.
    Profile { name: "back-off-15", shape: Shape { blocks: 35, ..quarter(BACK_OFF) } },
    Profile { name: "two-way-15", shape: two_ways(quarter(ENERGY)) },
    Profile { name: "query-15", shape: quarter(QUERY) },
];

/// The first circuit that holds a tariff over a period, with its program.
///
/// # Errors
/// When none does: what the last one of the interval lacks.
pub fn choose(tariff: &Tariff, period: &Span, layout: &Layout) -> Result<(Profile, Program), CompileError> {
    let mut last = CompileError::Shape("another interval");
    for profile in CATALOGUE.iter().filter(|profile| profile.shape.slots == layout.slots) {
        match compile(tariff, period, layout, profile.shape) {
            Ok(program) => return Ok((*profile, program)),
            Err(error @ CompileError::Bill(_)) => return Err(error),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Profile {
    /// The profile of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        CATALOGUE.iter().copied().find(|profile| profile.name == name)
    }

    /// What its constraint system is pinned to.
    #[must_use]
    pub fn pin(&self) -> Pin {
        PINS.iter().find(|(name, _)| *name == self.name).map(|(_, pin)| *pin).unwrap_or_default()
    }

    /// Its constraint system.
    ///
    /// # Errors
    /// What its synthesis says.
    pub fn system(&self) -> Result<System, bellman::SynthesisError> {
        System::of(BillCircuit { shape: self.shape, witness: None })
    }
}

/// A circuit with the key of its ceremony: what a verifier trusts.
#[derive(Clone, Debug)]
pub struct CircuitKey {
    /// The circuit.
    pub profile: Profile,
    /// Hash of its constraint system.
    pub system: [u8; 32],
    /// Hash of the transcript of its ceremony; zero when there was none.
    pub origin: [u8; 32],
    /// The key.
    pub key: VerifyingKey,
    /// Whether its maker could forge.
    pub demonstration: bool,
}

impl CircuitKey {
    /// The identity that statements name: the constraint system and the key.
    #[must_use]
    pub fn id(&self) -> Hash {
        let key = &self.key;
        let g2 = [key.beta_g2, key.gamma_g2, key.delta_g2].map(|point| point.to_compressed());
        let mut points: Vec<u8> = key.alpha_g1.to_compressed().to_vec();
        points.extend(g2.as_flattened());
        key.ic.iter().for_each(|point| points.extend_from_slice(&point.to_compressed()));
        hash("wattseal/v1/circuit", &[&self.system, &points])
    }

    /// The key for one tariff, period and layout.
    ///
    /// # Errors
    /// When the tariff does not compile for this circuit, or the key is for another.
    pub fn fold(&self, tariff: &Tariff, period: &Span, layout: &Layout) -> Result<FoldedKey, CompileError> {
        let program = compile(tariff, period, layout, self.profile.shape)?;
        let folded = self.key.fold(4 + self.profile.shape.blocks, &program.numbers()?);
        folded.ok_or(CompileError::Shape("another number of inputs"))
    }
}
