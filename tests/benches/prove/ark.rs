//! The opponent: ark-groth16 on the same constraints and the same values.

use ark_bls12_381::{Bls12_381, Fr};
use ark_ff::{PrimeField, UniformRand};
use ark_groth16::{Groth16, ProvingKey};
use ark_relations::r1cs::{
    ConstraintMatrices, ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable,
};
use ark_std::rand::rngs::OsRng;
use protocol::circuit::{SIDES, System};

/// The constraint system as ark has it. Values play no part.
#[derive(Clone, Copy)]
struct Same<'a>(&'a System);

fn number(value: &blstrs::Scalar) -> Fr {
    Fr::from_le_bytes_mod_order(&value.to_bytes_le())
}

impl ConstraintSynthesizer<Fr> for Same<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let system = self.0;
        let zero = || Ok(Fr::from(0u8));
        let mut columns = vec![Variable::One];
        for _ in 1..system.inputs() {
            columns.push(cs.new_input_variable(zero)?);
        }
        for _ in 0..system.private() {
            columns.push(cs.new_witness_variable(zero)?);
        }
        for row in 0..system.constraints() {
            let [a, b, c] = [0, 1, 2].map(|side| {
                LinearCombination(system.row(side, row).map(|(column, x)| (number(x), columns[column])).collect())
            });
            cs.enforce_constraint(a, b, c)?;
        }
        Ok(())
    }
}

/// Ark's prover of a system.
pub struct Ark {
    key: ProvingKey<Bls12_381>,
    matrices: ConstraintMatrices<Fr>,
}

impl Ark {
    /// Makes its parameters, and its matrices: those of ours, column for column.
    pub fn new(system: &System) -> Self {
        let key = Groth16::<Bls12_381>::generate_random_parameters_with_reduction(Same(system), &mut OsRng).unwrap();
        let [a, b, c]: [Vec<Vec<(Fr, usize)>>; SIDES] = [0, 1, 2].map(|side| {
            let row = |row| system.row(side, row).map(|(column, x)| (number(x), column)).collect();
            (0..system.constraints()).map(row).collect()
        });
        let terms = |side: &[Vec<(Fr, usize)>]| side.iter().map(Vec::len).sum();
        let matrices = ConstraintMatrices {
            num_instance_variables: system.inputs(),
            num_witness_variables: system.private(),
            num_constraints: system.constraints(),
            a_num_non_zero: terms(&a),
            b_num_non_zero: terms(&b),
            c_num_non_zero: terms(&c),
            a,
            b,
            c,
        };
        Self { key, matrices }
    }

    /// Proves values, columns in our order. What it gets for nothing: synthesis and conversion are not counted.
    pub fn prove(&self, values: &[Fr]) -> ark_groth16::Proof<Bls12_381> {
        let (r, s) = (Fr::rand(&mut OsRng), Fr::rand(&mut OsRng));
        let (inputs, rows) = (self.matrices.num_instance_variables, self.matrices.num_constraints);
        Groth16::<Bls12_381>::create_proof_with_reduction_and_matrices(
            &self.key,
            r,
            s,
            &self.matrices,
            inputs,
            rows,
            values,
        )
        .unwrap()
    }

    /// Whether its proof holds, so that it did the work.
    pub fn holds(&self, values: &[Fr], proof: &ark_groth16::Proof<Bls12_381>) -> bool {
        let key = ark_groth16::prepare_verifying_key(&self.key.vk);
        let inputs = &values[1..self.matrices.num_instance_variables];
        Groth16::<Bls12_381>::verify_proof(&key, proof, inputs).unwrap()
    }
}

/// Values as ark has them.
pub fn values(columns: &[blstrs::Scalar]) -> Vec<Fr> {
    columns.iter().map(number).collect()
}
