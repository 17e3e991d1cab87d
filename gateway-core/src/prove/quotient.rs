//! The quotient polynomial (A·B − C)/Z, by bellman's transforms.

use bellman::domain::{EvaluationDomain, Scalar as Value};
use bellman::multicore::Worker;
use blstrs::Scalar;
use ff::Field;
use protocol::circuit::System;

use super::ProveError;

/// Coefficients of the quotient, one fewer than the domain has points.
pub(super) fn quotient(system: &System, columns: &[Scalar]) -> Result<Vec<Scalar>, ProveError> {
    let worker = Worker::new();
    let failed = |error: bellman::SynthesisError| ProveError::Synthesis(error.to_string());
    let side = |side: usize| {
        let mut values = rows(system, side, columns);
        if side == 0 {
            // Groth16's own rows, input · 0 = 0.
            values.extend(columns.iter().take(system.inputs()).map(|input| Value(*input)));
        } else {
            values.resize(system.rows(), Value(Scalar::ZERO));
        }
        let mut domain = EvaluationDomain::from_coeffs(values).map_err(failed)?;
        domain.ifft(&worker);
        domain.coset_fft(&worker);
        Ok::<_, ProveError>(domain)
    };
    let mut a = side(0)?;
    let b = side(1)?;
    a.mul_assign(&worker, &b);
    drop(b);
    let c = side(2)?;
    a.sub_assign(&worker, &c);
    drop(c);
    a.divide_by_z_on_coset(&worker);
    a.icoset_fft(&worker);
    let mut coefficients: Vec<Scalar> = a.into_coeffs().into_iter().map(|value| value.0).collect();
    coefficients.pop();
    Ok(coefficients)
}

/// Every row of a side, on all processors.
fn rows(system: &System, side: usize, columns: &[Scalar]) -> Vec<Value<Scalar>> {
    let count = system.constraints();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut values = vec![Value(Scalar::ZERO); count];
    let length = count.div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        for (part, chunk) in values.chunks_mut(length).enumerate() {
            scope.spawn(move || {
                for (place, value) in chunk.iter_mut().enumerate() {
                    *value = Value(system.evaluate(side, part * length + place, columns));
                }
            });
        }
    });
    values
}
