//! Initial parameters: phase 1 made fit for one circuit, with γ and δ one.

use blstrs::{G1Affine, G1Projective, G2Affine, Scalar};
use ff::Field;
use group::Group;
use group::prime::PrimeCurveAffine;

use super::super::points::{Point, Progress, affine, parallel};
use super::super::polynomial::{lagrange, lagrange_work};
use super::super::powers::Cut;
use super::super::quadratic::{domain_size, used};
use super::super::{Parameters, Powers, VerifyingKey};
use super::{CeremonyError, Transcript};
use crate::circuit::{SIDES, System};

/// Makes a circuit's initial parameters and an empty transcript: everybody makes the same. The powers should have been
/// verified. `watch` is told how much of how much work is done (minutes for 2¹⁷ rows).
///
/// # Errors
/// When the powers are for smaller circuits.
pub fn begin(
    system: &System,
    powers: &Powers,
    watch: &(dyn Fn(usize, usize) + Sync),
) -> Result<(Parameters, Transcript), CeremonyError> {
    let size = domain_size(system);
    let Cut { tau_g1, tau_g2, alpha_g1, beta_g1 } = powers.cut(size)?;
    let (side_a, side_b) = (used(system, 0), used(system, 1));
    let (inputs, columns) = (system.inputs(), system.inputs() + system.private());
    let work = 4 * lagrange_work(size) + columns + side_a.len() + 2 * side_b.len();
    let progress = Progress::new(work, watch);
    let low = tau_g1.get(..size).unwrap_or_default();
    let basis = Basis {
        tau: lagrange(low, &progress),
        alpha: lagrange(alpha_g1, &progress),
        beta: lagrange(beta_g1, &progress),
    };
    let in_g2 = lagrange(tau_g2, &progress);
    let terms = Terms::of(system);

    let a = parallel(&side_a, &progress, |column| combine(&basis.tau, terms.of_column(0, *column)));
    let b_g1 = parallel(&side_b, &progress, |column| combine(&basis.tau, terms.of_column(1, *column)));
    let b_g2 = parallel(&side_b, &progress, |column| combine(&in_g2, terms.of_column(1, *column)));
    let every: Vec<usize> = (0..columns).collect();
    let mixed: Vec<G1Affine> = affine(&parallel(&every, &progress, |column| -> G1Projective {
        combine(&basis.beta, terms.of_column(0, *column))
            + combine(&basis.alpha, terms.of_column(1, *column))
            + combine(&basis.tau, terms.of_column(2, *column))
    }));
    let (ic, l) = mixed.split_at_checked(inputs).unwrap_or_default();
    let raised = tau_g1.get(size..).unwrap_or_default();
    let h: Vec<G1Projective> = raised.iter().zip(low).map(|(high, low)| high.to_curve() - low).collect();

    let one = |list: &[G1Affine]| list.first().copied().unwrap_or_else(G1Affine::identity);
    let mut parameters = Parameters {
        circuit: system.hash(),
        origin: [0; 32],
        demonstration: powers.is_demonstration(),
        key: VerifyingKey {
            alpha_g1: one(alpha_g1),
            beta_g2: powers.beta_g2,
            gamma_g2: G2Affine::generator(),
            delta_g2: G2Affine::generator(),
            ic: ic.to_vec(),
        },
        beta_g1: one(beta_g1),
        delta_g1: G1Affine::generator(),
        h: affine(&h),
        l: l.to_vec(),
        a: affine(&a),
        b_g1: affine(&b_g1),
        b_g2: affine(&b_g2),
    };
    let transcript = Transcript::new(parameters.circuit, powers.digest(size)?, powers.origin());
    parameters.origin = transcript.head();
    Ok((parameters, transcript))
}

/// Lⱼ(τ), α·Lⱼ(τ), β·Lⱼ(τ).
struct Basis {
    tau: Vec<G1Affine>,
    alpha: Vec<G1Affine>,
    beta: Vec<G1Affine>,
}

/// Terms by column: the matrices turned round.
struct Terms([Vec<Vec<(u32, Scalar)>>; SIDES]);

impl Terms {
    fn of(system: &System) -> Self {
        Self([0, 1, 2].map(|side| {
            let mut columns = vec![Vec::new(); system.inputs() + system.private()];
            let mut add = |column: usize, row: usize, coefficient| {
                if let (Some(terms), Ok(row)) = (columns.get_mut(column), u32::try_from(row)) {
                    terms.push((row, coefficient));
                }
            };
            for row in 0..system.constraints() {
                system.row(side, row).for_each(|(column, coefficient)| add(column, row, *coefficient));
            }
            if side == 0 {
                // Groth16's own rows, input · 0 = 0.
                (0..system.inputs()).for_each(|input| add(input, system.constraints() + input, Scalar::ONE));
            }
            columns
        }))
    }

    fn of_column(&self, side: usize, column: usize) -> &[(u32, Scalar)] {
        self.0.get(side).and_then(|columns| columns.get(column)).map_or(&[], Vec::as_slice)
    }
}

/// Σ coefficient · point of its row.
fn combine<P: Point>(points: &[P], terms: &[(u32, Scalar)]) -> P::Curve {
    let mut sum = P::Curve::identity();
    for (row, coefficient) in terms {
        let Some(point) = usize::try_from(*row).ok().and_then(|row| points.get(row)) else { continue };
        if *coefficient == Scalar::ONE {
            sum += *point;
        } else if *coefficient == -Scalar::ONE {
            sum -= *point;
        } else {
            sum += *point * coefficient;
        }
    }
    sum
}
