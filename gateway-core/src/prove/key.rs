//! A circuit's proving key.

use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective};
use group::prime::PrimeCurveAffine;
use protocol::circuit::{BillCircuit, System, Width};
use protocol::groth16::Parameters;
use protocol::groth16::quadratic::{domain_size, used};
use protocol::machine::Shape;

use super::query::{Holds, Query};
use super::transform::{Domain, reverse};

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The circuit cannot be written down.
    #[error("the circuit could not be made: {0}")]
    Circuit(String),
    /// The parameters are for another circuit.
    #[error("these parameters are for another circuit")]
    OtherCircuit,
    /// δ or γ is zero: whoever made the parameters could learn readings from proofs.
    #[error("these parameters were made to leak readings (δ is zero); do not use them, and tell the provider")]
    Subverted,
}

/// Everything a proof needs but the witness.
pub struct ProvingKey {
    pub(super) shape: Shape,
    pub(super) system: System,
    pub(super) domain: Domain,
    /// Points of the domain.
    pub(super) size: usize,
    pub(super) alpha_g1: G1Affine,
    pub(super) beta_g1: G1Affine,
    pub(super) beta_g2: G2Affine,
    pub(super) delta_g1: G1Affine,
    pub(super) delta_g2: G2Affine,
    pub(super) h: Query<G1Projective>,
    pub(super) l: Query<G1Projective>,
    pub(super) a: Query<G1Projective>,
    pub(super) b_g1: Query<G1Projective>,
    pub(super) b_g2: Query<G2Projective>,
}

impl core::fmt::Debug for ProvingKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ProvingKey({:?})", self.shape)
    }
}

impl ProvingKey {
    /// Prepares parameters for a shape.
    ///
    /// # Errors
    /// When they are for another circuit, or subverted in a way that every prover must see.
    pub fn new(shape: Shape, parameters: &Parameters) -> Result<Self, KeyError> {
        let system = System::of(BillCircuit { shape, witness: None }).map_err(|e| KeyError::Circuit(e.to_string()))?;
        let key = &parameters.key;
        let zero = parameters.delta_g1.is_identity() | key.delta_g2.is_identity() | key.gamma_g2.is_identity();
        if bool::from(zero) {
            return Err(KeyError::Subverted);
        }
        let inputs = system.inputs();
        let holds = |column: usize| match column.checked_sub(inputs) {
            None => Holds::Public,
            Some(place) => Holds::Private(system.widths().get(place).copied().unwrap_or(Width::Full)),
        };
        let (a, b) = (used(&system, 0), used(&system, 1));
        let private: Vec<usize> = (inputs..inputs + system.private()).collect();
        let size = domain_size(&system);
        let domain = Domain::new(size).ok_or(KeyError::OtherCircuit)?;
        let fits = parameters.circuit == system.hash()
            && key.ic.len() == inputs
            && parameters.h.len() + 1 == size
            && parameters.l.len() == private.len()
            && parameters.a.len() == a.len()
            && parameters.b_g1.len() == b.len()
            && parameters.b_g2.len() == b.len();
        if !fits {
            return Err(KeyError::OtherCircuit);
        }
        let g1 = |columns: &[usize], points: &[G1Affine]| {
            Query::new(columns.iter().zip(points).map(|(column, point)| (*column, holds(*column), *point)))
        };
        let b_g2 = b.iter().zip(&parameters.b_g2).map(|(column, point)| (*column, holds(*column), *point));
        let full = Holds::Private(Width::Full);
        Ok(Self {
            h: Query::new((0..size).zip(&parameters.h).map(|(power, h)| (reverse(power, size), full, *h))),
            l: g1(&private, &parameters.l),
            a: g1(&a, &parameters.a),
            b_g1: g1(&b, &parameters.b_g1),
            b_g2: Query::new(b_g2),
            alpha_g1: key.alpha_g1,
            beta_g1: parameters.beta_g1,
            beta_g2: key.beta_g2,
            delta_g1: parameters.delta_g1,
            delta_g2: key.delta_g2,
            shape,
            system,
            domain,
            size,
        })
    }
}
