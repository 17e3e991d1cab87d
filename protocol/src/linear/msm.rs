//! Sums of points with public integer weights. Variable time: nothing secret comes here.
//!
//! Pippenger's bucket method with signed digits (Bernstein, Doumen, Lange, Oosterwijk, "Faster batch forgery
//! identification", 2012, §4). Weights are prices, so they are short; the window follows their length.

use metrology::curve::{Extended, Niels};

/// Σ weight · point. Extra weights or points are ignored.
#[must_use]
pub fn weighted_sum(points: &[Niels], weights: &[i64]) -> Extended {
    let bits = weights.iter().map(|w| 64 - w.unsigned_abs().leading_zeros()).max().unwrap_or(0);
    if bits == 0 {
        return Extended::IDENTITY;
    }
    let window = window(points.len(), bits);
    let windows = windows(bits, window);
    let mut buckets = vec![Extended::IDENTITY; 1 << (window - 1)];
    let mut total = Extended::IDENTITY;
    for place in (0..windows).rev() {
        for _ in 0..window {
            total = total.double();
        }
        buckets.fill(Extended::IDENTITY);
        for (point, weight) in points.iter().zip(weights) {
            let (magnitude, negative) = digit(*weight, place, window);
            let Some(bucket) = magnitude.checked_sub(1).and_then(|at| buckets.get_mut(at)) else { continue };
            *bucket = bucket.add_niels(&if negative { point.negated() } else { *point });
        }
        let mut running = Extended::IDENTITY;
        let mut sum = Extended::IDENTITY;
        for bucket in buckets.iter().rev() {
            running = running.add(bucket);
            sum = sum.add(&running);
        }
        total = total.add(&sum);
    }
    total
}

/// value · point for one point.
#[must_use]
pub fn multiple(point: &Niels, value: i64) -> Extended {
    let mut sum = Extended::IDENTITY;
    for bit in (0..64).rev() {
        sum = sum.double();
        if value.unsigned_abs() >> bit & 1 == 1 {
            sum = sum.add_niels(point);
        }
    }
    if value < 0 { sum.negated() } else { sum }
}

/// scalar · point, for a public scalar.
#[must_use]
pub fn scalar_multiple(point: &Extended, scalar: &jubjub::Fr) -> Extended {
    let mut table = [Extended::IDENTITY; 16];
    for at in 1..16 {
        table[at] = table[at - 1].add(point);
    }
    let mut sum = Extended::IDENTITY;
    for byte in scalar.to_bytes().iter().rev() {
        for nibble in [byte >> 4, byte & 15] {
            sum = sum.double().double().double().double();
            if let Some(entry) = table.get(usize::from(nibble)).filter(|_| nibble != 0) {
                sum = sum.add(entry);
            }
        }
    }
    sum
}

/// The window with the fewest additions: windows · (points + 2 · buckets).
fn window(points: usize, bits: u32) -> u32 {
    (2..=14).min_by_key(|w| u64::from(windows(bits, *w)) * (points as u64 + (1 << w))).unwrap_or(4)
}

/// How many signed digits hold a weight. With digits in −2^(w−1) .. 2^(w−1) − 1 the largest number of n digits is
/// above 2^(n·w − 2), but for short windows not above 2^(n·w − 1): two spare bits.
fn windows(bits: u32, window: u32) -> u32 {
    (bits + 2).div_ceil(window)
}

/// The signed digit of a weight at a place: magnitude at most 2^(window − 1), and whether it is negative.
fn digit(weight: i64, place: u32, window: u32) -> (usize, bool) {
    let magnitude = u128::from(weight.unsigned_abs());
    // Adding half a window at every lower place turns unsigned digits into signed ones without a carry loop.
    let mut offset = 0u128;
    for lower in 0..=place {
        offset |= 1 << (lower * window + window - 1);
    }
    let digit = ((magnitude + offset) >> (place * window)) & ((1 << window) - 1);
    let half = 1u128 << (window - 1);
    let (size, below) = if digit >= half { (digit - half, false) } else { (half - digit, true) };
    (usize::try_from(size).unwrap_or(0), below != (weight < 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jubjub::Fr;
    use metrology::pedersen;
    use proptest::prelude::*;

    fn points(n: usize) -> Vec<Niels> {
        (0..n as u64)
            .map(|i| {
                let bytes = pedersen::commit_reading(i as u16, &Fr::from(i * 77 + 1));
                metrology::curve::read_point(&bytes).unwrap()
            })
            .collect()
    }

    fn slow(points: &[Niels], weights: &[i64]) -> Extended {
        points.iter().zip(weights).fold(Extended::IDENTITY, |sum, (p, w)| sum.add(&multiple(p, *w)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn equals_the_plain_sum(weights in proptest::collection::vec(prop_oneof![-5i64..5, any::<i32>().prop_map(i64::from), any::<i64>()], 1..80)) {
            let points = points(weights.len());
            let (fast, slow) = (weighted_sum(&points, &weights), slow(&points, &weights));
            prop_assert_eq!(fast.to_affine(), slow.to_affine());
        }

        #[test]
        fn a_scalar_multiple_equals_repeated_addition(value in any::<u32>()) {
            let point = points(2)[1];
            let by_scalar = scalar_multiple(&Extended::IDENTITY.add_niels(&point), &Fr::from(u64::from(value)));
            prop_assert_eq!(by_scalar.to_affine(), multiple(&point, i64::from(value)).to_affine());
        }
    }

    #[test]
    fn extremes() {
        for weights in [vec![i64::MIN, i64::MAX], vec![0, 0], vec![1 << 40, -(1 << 40)], vec![i64::MIN; 3], vec![]] {
            let points = points(weights.len());
            assert_eq!(weighted_sum(&points, &weights).to_affine(), slow(&points, &weights).to_affine());
        }
    }
}
