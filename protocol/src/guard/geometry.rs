//! The geometry of weights: how much a span of them can say about one slot.

/// ‖Qᵢ‖² for every place i, Q an orthonormal basis of the rows' span (modified Gram–Schmidt, twice for stability).
///
/// A row within 2⁻²⁰ of the span of the earlier ones must depend on them exactly, shown modulo a prime; it then adds
/// nothing. Otherwise its difference from the span is a combination of few readings that rounding would hide.
///
/// # Errors
/// The place where such a row differs most.
pub fn leverage(rows: &[Vec<i64>]) -> Result<Vec<f64>, usize> {
    let places = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let mut exact = Echelon::default();
    for row in rows {
        let depends = !exact.add(row);
        let as_float: Vec<f64> = row.iter().map(|w| *w as f64).collect();
        let length = norm(&as_float);
        if length == 0.0 || depends {
            continue;
        }
        let mut rest: Vec<f64> = as_float.iter().map(|w| w / length).collect();
        for _ in 0..2 {
            for known in &basis {
                let along: f64 = known.iter().zip(&rest).map(|(a, b)| a * b).sum();
                rest.iter_mut().zip(known).for_each(|(r, k)| *r -= along * k);
            }
        }
        let remains = norm(&rest);
        if remains < 1.0 / f64::from(1 << 20) {
            let largest = rest.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
            return Err(largest.map_or(0, |(place, _)| place));
        }
        rest.iter_mut().for_each(|r| *r /= remains);
        basis.push(rest);
    }
    Ok((0..places).map(|i| basis.iter().filter_map(|q| q.get(i)).map(|q| q * q).sum()).collect())
}

/// Rows in echelon form modulo the prime 2⁶¹ − 1: whether a further row depends on them, without rounding.
#[derive(Default)]
pub(super) struct Echelon(Vec<(usize, Vec<u64>)>);

impl Echelon {
    const PRIME: u64 = (1 << 61) - 1;

    /// Adds a row; `false` when it depends on the earlier ones.
    pub(super) fn add(&mut self, row: &[i64]) -> bool {
        let prime = i128::from(Self::PRIME);
        let mut rest: Vec<u64> =
            row.iter().map(|w| u64::try_from(i128::from(*w).rem_euclid(prime)).unwrap_or(0)).collect();
        for (pivot, known) in &self.0 {
            let factor = rest.get(*pivot).copied().unwrap_or(0);
            if factor != 0 {
                for (r, k) in rest.iter_mut().zip(known) {
                    *r = Self::sum(*r, Self::PRIME - Self::product(factor, *k));
                }
            }
        }
        let Some(pivot) = rest.iter().position(|w| *w != 0) else { return false };
        let inverse = Self::power(rest.get(pivot).copied().unwrap_or(1), Self::PRIME - 2);
        rest.iter_mut().for_each(|r| *r = Self::product(*r, inverse));
        self.0.push((pivot, rest));
        true
    }

    fn sum(a: u64, b: u64) -> u64 {
        (a + b) % Self::PRIME
    }

    fn product(a: u64, b: u64) -> u64 {
        u64::try_from(u128::from(a) * u128::from(b) % u128::from(Self::PRIME)).unwrap_or(0)
    }

    fn power(base: u64, exponent: u64) -> u64 {
        (0..64).rev().fold(1, |power, bit| {
            let square = Self::product(power, power);
            if exponent >> bit & 1 == 1 { Self::product(square, base) } else { square }
        })
    }
}

fn norm(row: &[f64]) -> f64 {
    row.iter().map(|w| w * w).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basis_spans_what_it_should() {
        let rows = vec![vec![1, 1, 0], vec![2, 2, 0], vec![0, 0, 3]];
        let got = leverage(&rows).unwrap();
        assert!(got.iter().zip([0.5, 0.5, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{got:?}");
    }
}
