//! The quadratic arithmetic programme of a constraint system at a point (Groth 2016, §2.3; Gennaro, Gentry, Parno, Raykova,
//! EUROCRYPT 2013, §3): rows are points of a domain of roots of unity, and each column is a polynomial.

use blstrs::Scalar;
use ff::{Field, PrimeField};

use crate::circuit::System;

/// The values at a point of each column's polynomials.
pub struct Columns {
    /// By column, on side A.
    pub a: Vec<Scalar>,
    /// On side B.
    pub b: Vec<Scalar>,
    /// On side C.
    pub c: Vec<Scalar>,
    /// Z at the point: point^size − 1.
    pub vanishing: Scalar,
}

/// Points of the domain: the least power of two that holds all rows.
#[must_use]
pub fn domain_size(system: &System) -> usize {
    system.rows().next_power_of_two()
}

/// The columns at a point that is no point of the domain. `None` when it is one.
#[must_use]
pub fn at(system: &System, point: Scalar) -> Option<Columns> {
    let size = domain_size(system);
    let bits = size.trailing_zeros();
    let omega = (bits..Scalar::S).fold(Scalar::ROOT_OF_UNITY, |root, _| root.square());
    let power = (0..bits).fold(point, |power, _| power.square());
    let vanishing = power - Scalar::ONE;
    // Lⱼ(point) = ωʲ·Z(point) / (size·(point − ωʲ)), all inverted together.
    let size_inverse: Option<Scalar> = Scalar::from(u64::try_from(size).ok()?).invert().into();
    let factor = vanishing * size_inverse?;
    let mut roots = Vec::with_capacity(system.rows());
    let mut root = Scalar::ONE;
    for _ in 0..system.rows() {
        roots.push(root);
        root *= omega;
    }
    let mut lagrange: Vec<Scalar> = roots.iter().map(|root| point - root).collect();
    invert_all(&mut lagrange)?;
    for (value, root) in lagrange.iter_mut().zip(&roots) {
        *value *= factor * root;
    }
    let columns = system.inputs() + system.private();
    let side = |side: usize| {
        let mut values = vec![Scalar::ZERO; columns];
        for (row, weight) in lagrange.iter().enumerate().take(system.constraints()) {
            for (column, coefficient) in system.row(side, row) {
                if let Some(value) = values.get_mut(column) {
                    *value += *coefficient * weight;
                }
            }
        }
        values
    };
    let mut a = side(0);
    // Groth16's own rows, input · 0 = 0: no two inputs have polynomials that depend on each other.
    for (value, weight) in a.iter_mut().zip(lagrange.iter().skip(system.constraints())) {
        *value += weight;
    }
    Some(Columns { a, b: side(1), c: side(2), vanishing })
}

/// Inverts all at the cost of one inversion (Montgomery's trick). `None` when one is zero.
pub(super) fn invert_all(values: &mut [Scalar]) -> Option<()> {
    let mut products = Vec::with_capacity(values.len());
    let mut product = Scalar::ONE;
    for value in values.iter() {
        products.push(product);
        product *= value;
    }
    let mut inverse: Scalar = Option::from(product.invert())?;
    for (value, before) in values.iter_mut().zip(products).rev() {
        let own = *value;
        *value = inverse * before;
        inverse *= own;
    }
    Some(())
}

/// The columns that a side uses; on side A all inputs do.
#[must_use]
pub fn used(system: &System, side: usize) -> Vec<usize> {
    let mut used = vec![false; system.inputs() + system.private()];
    for (column, _) in (0..system.constraints()).flat_map(|row| system.row(side, row)) {
        if let Some(mark) = used.get_mut(column) {
            *mark = true;
        }
    }
    if side == 0 {
        used.iter_mut().take(system.inputs()).for_each(|mark| *mark = true);
    }
    used.into_iter().enumerate().filter(|(_, used)| *used).map(|(column, _)| column).collect()
}
