//! Powers that one machine makes, for trying out.

use blstrs::{G1Projective, G2Affine, G2Projective, Scalar};
use ff::Field;
use group::prime::PrimeCurveAffine;
use group::{Curve, Group};
use rand_core::RngCore;

use super::super::points::{Progress, Secret, draw};
use super::super::table::Table;
use super::{Origin, Powers};

/// What the maker of powers knows, and forges with.
pub(in super::super) struct Trapdoor {
    pub(in super::super) tau: Secret,
    pub(in super::super) alpha: Secret,
    pub(in super::super) beta: Secret,
}

impl Trapdoor {
    pub(in super::super) fn draw(rng: &mut impl RngCore) -> Self {
        Self { tau: draw(rng), alpha: draw(rng), beta: draw(rng) }
    }

    /// How many points [`Trapdoor::powers`] makes.
    pub(in super::super) fn points(size: usize) -> usize {
        (2 * size).saturating_sub(1) + 3 * size
    }

    /// The powers, from tables of the generators' multiples.
    pub(in super::super) fn powers(
        &self,
        size: usize,
        g1: &Table<G1Projective>,
        g2: &Table<G2Projective>,
        progress: &Progress<'_>,
    ) -> Powers {
        let powers = |first: Scalar, count: usize| -> Vec<Scalar> {
            std::iter::successors(Some(first), |power| Some(power * self.tau.0)).take(count).collect()
        };
        let tau = powers(Scalar::ONE, (2 * size).saturating_sub(1));
        Powers {
            origin: Origin::Demonstration,
            tau_g1: g1.all(&tau, progress),
            tau_g2: g2.all(tau.get(..size).unwrap_or_default(), progress),
            alpha_g1: g1.all(&powers(self.alpha.0, size), progress),
            beta_g1: g1.all(&powers(self.beta.0, size), progress),
            beta_g2: (G2Affine::generator() * self.beta.0).to_affine(),
        }
    }
}

impl Powers {
    /// Makes powers for circuits of at most `size` rows, a power of two, and forgets the trapdoor. Whoever runs this could
    /// have kept it, so they are marked as a demonstration's. `watch` is told how many of how many points there are.
    pub fn demonstration(size: usize, rng: &mut impl RngCore, watch: &(dyn Fn(usize, usize) + Sync)) -> Self {
        let size = size.next_power_of_two().max(2);
        let progress = Progress::new(Trapdoor::points(size), watch);
        let (g1, g2) = (Table::new(G1Projective::generator(), size), Table::new(G2Projective::generator(), size));
        Trapdoor::draw(rng).powers(size, &g1, &g2, &progress)
    }
}
