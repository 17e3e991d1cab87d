//! The quotient polynomial (A·B − C)/Z.

use blstrs::Scalar;
use ff::Field;
use protocol::circuit::{System, Wiped};

use super::transform::Domain;

/// Coefficients of the quotient in the domain's bit-reversed order; the highest is zero.
pub(super) fn quotient(system: &System, domain: &Domain, size: usize, columns: &[Scalar]) -> Wiped {
    let side = |side: usize| {
        let mut values = rows(system, side, columns, size);
        if side == 0 {
            // Groth16's own rows, input · 0 = 0.
            values.extend_from_slice(columns.get(..system.inputs()).unwrap_or_default());
        }
        values.resize(size, Scalar::ZERO);
        domain.to_coset(&mut values);
        values
    };
    let mut quotient = side(0);
    for (number, minus) in [(1, false), (2, true)] {
        let values = side(number);
        for (sum, value) in quotient.iter_mut().zip(values.iter()) {
            if minus {
                *sum -= value;
            } else {
                *sum *= value;
            }
        }
    }
    domain.divide(&mut quotient);
    quotient
}

/// Every row of a side, on all processors, with room for the whole domain.
fn rows(system: &System, side: usize, columns: &[Scalar], size: usize) -> Wiped {
    let count = system.constraints();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut values: Wiped = Vec::with_capacity(size.max(count)).into();
    values.resize(count, Scalar::ZERO);
    let length = count.div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        for (part, chunk) in values.chunks_mut(length).enumerate() {
            scope.spawn(move || {
                for (place, value) in chunk.iter_mut().enumerate() {
                    *value = system.evaluate(side, part * length + place, columns);
                }
            });
        }
    });
    values
}
