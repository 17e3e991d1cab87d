//! Groth16 proofs of bills, made at home.
//!
//! ```text
//! Witness ─► Assignment ─► A·z, B·z, C·z ─► quotient ─┐
//!                 └─► multi-scalar sums over the key ─┴─► Proof
//! ```
//!
//! Circuits are synthesized through bellman's traits; sums are blst's (Pippenger's buckets, and additions that share their
//! inversions). How much work there is follows from the circuit and the tariff alone: a household's variables are sorted by
//! the width that their place in the circuit allows, never by their values; a bit adds a point whether it is 0 or 1, and a
//! short number is shifted by a fixed random one so that no digit is zero because a reading is (docs/decisions/0016).
//! Groth, EUROCRYPT 2016, §3.2; Pippenger's method as in Bernstein, Doumen, Lange, Oosterwijk (2012), §4.

mod key;
mod pairs;
mod points;
mod query;
mod quotient;
mod transform;

use blstrs::{G1Projective, G2Projective, Scalar};
use ff::Field;
use group::Curve;
use protocol::circuit::{Assignment, BillCircuit, Wiped, Witness};
use protocol::groth16::Proof;
use rand_core::RngCore;

pub use key::{KeyError, ProvingKey};

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The circuit could not be filled in.
    #[error("the proof could not be made: {0}")]
    Synthesis(String),
    /// The key is for another circuit.
    #[error("the proving key is for another circuit; fetch the one that the provider names")]
    OtherCircuit,
    /// A value is beyond the width that its place allows: the readings do not fit the circuit.
    #[error("a number of this bill is larger than the circuit's variables")]
    TooWide,
    /// Somebody asked for it to stop.
    #[error("stopped")]
    Stopped,
}

/// A step of the work, for showing how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Values of the circuit.
    Values,
    /// The quotient polynomial.
    Quotient,
    /// Sum number one of five over the key.
    Sum(u8),
}

impl ProvingKey {
    /// Proves a bill. `watch` is told of each step and says whether to go on.
    ///
    /// # Errors
    /// When the witness does not fill this key's circuit, or `watch` says no.
    pub fn prove(
        &self,
        witness: &Witness,
        rng: &mut impl RngCore,
        watch: &mut dyn FnMut(Step) -> bool,
    ) -> Result<Proof, ProveError> {
        let mut step = |step| if watch(step) { Ok(()) } else { Err(ProveError::Stopped) };
        step(Step::Values)?;
        let circuit = BillCircuit { shape: self.shape, witness: Some(witness) };
        let assignment = Assignment::of(circuit).map_err(|error| ProveError::Synthesis(error.to_string()))?;
        if assignment.inputs.len() != self.system.inputs() || assignment.private.len() != self.system.private() {
            return Err(ProveError::OtherCircuit);
        }
        let columns = assignment.columns();
        step(Step::Quotient)?;
        let quotient = quotient::quotient(&self.system, &self.domain, self.size, &columns);

        let blindings = Wiped::from(vec![Scalar::random(&mut *rng), Scalar::random(&mut *rng)]);
        let (r, s) = (blindings[0], blindings[1]);
        step(Step::Sum(1))?;
        let h: G1Projective = self.h.sum(&quotient)?;
        drop(quotient);
        step(Step::Sum(2))?;
        let l: G1Projective = self.l.sum(&columns)?;
        step(Step::Sum(3))?;
        let a: G1Projective = self.a.sum(&columns)?;
        step(Step::Sum(4))?;
        let b1: G1Projective = self.b_g1.sum(&columns)?;
        step(Step::Sum(5))?;
        let b2: G2Projective = self.b_g2.sum(&columns)?;

        let a = a + self.alpha_g1 + self.delta_g1 * r;
        let b1 = b1 + self.beta_g1 + self.delta_g1 * s;
        let b2 = b2 + self.beta_g2 + self.delta_g2 * s;
        // A·s + B·r counts δ·r·s twice.
        let c = h + l + a * s + b1 * r - self.delta_g1 * (r * s);
        Ok(Proof { a: a.to_affine(), b: b2.to_affine(), c: c.to_affine() })
    }
}
