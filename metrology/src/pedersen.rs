//! Pedersen commitments on Jubjub, C = x·G + r·H, in constant time.
//!
//! Fixed-base multiplication with signed radix-16 digits: odd digits first, one multiplication by 16, then even
//! digits, so one table serves two digits (Bernstein, Duif, Lange, Schwabe, Yang, "High-speed high-security
//! signatures", §4). Look-ups scan all eight entries. The tables come from `build.rs` (28 kB of flash).

use jubjub::Fr;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

use crate::curve::{Extended, Niels, POINT_BYTES};

include!(concat!(env!("OUT_DIR"), "/pedersen_tables.rs"));

/// Digits of a 252-bit opening.
const OPENING_DIGITS: usize = 64;
/// Digits of a 32-bit amount, with the carry.
const AMOUNT_DIGITS: usize = 9;
/// Digits of a 16-bit reading, with the carry.
const READING_DIGITS: usize = 5;

/// Commits to a 16-bit reading. Returns the affine point u ‖ v.
#[must_use]
pub fn commit_reading(value: u16, opening: &Fr) -> [u8; POINT_BYTES] {
    let mut digits = recode::<2, READING_DIGITS>(&value.to_le_bytes());
    let point = commit(&digits, opening);
    digits.zeroize();
    point
}

/// Commits to a 32-bit amount (a day's residual). Returns the affine point u ‖ v.
#[must_use]
pub fn commit_residual(value: u32, opening: &Fr) -> [u8; POINT_BYTES] {
    let mut digits = recode::<4, AMOUNT_DIGITS>(&value.to_le_bytes());
    let point = commit(&digits, opening);
    digits.zeroize();
    point
}

fn commit<const N: usize>(value: &[i8; N], opening: &Fr) -> [u8; POINT_BYTES] {
    let mut bytes = opening.to_bytes();
    let mut digits = recode::<32, OPENING_DIGITS>(&bytes);
    let mut sum = Extended::IDENTITY;
    for parity in [1, 0] {
        accumulate(&mut sum, &digits, &OPENING_TABLE, parity);
        accumulate(&mut sum, value, &VALUE_TABLE, parity);
        if parity == 1 {
            sum = sum.double().double().double().double();
        }
    }
    let point = sum.to_bytes();
    sum.zeroize();
    digits.zeroize();
    bytes.zeroize();
    point
}

/// Adds digit·256^k·generator for all digits at odd (1) or even (0) places.
fn accumulate(sum: &mut Extended, digits: &[i8], table: &[[Niels; 8]], parity: usize) {
    for (digit, entries) in digits.iter().skip(parity).step_by(2).zip(table) {
        *sum = sum.add_niels(&select(entries, *digit));
    }
}

/// entries[|digit| − 1] with the digit's sign, or the neutral element; reads every entry.
fn select(entries: &[Niels; 8], digit: i8) -> Niels {
    let sign = digit >> 7;
    let negative = Choice::from(sign.to_le_bytes()[0] & 1);
    let magnitude = ((digit ^ sign) - sign).to_le_bytes()[0];
    let mut found = Niels::IDENTITY;
    for (multiple, entry) in (1u8..=8).zip(entries) {
        found.conditional_assign(entry, magnitude.ct_eq(&multiple));
    }
    found.conditional_negate(negative)
}

/// Signed radix-16 digits in −8..8, least significant first. `N` is 2·`B` or, to hold the last carry, 2·`B` + 1.
fn recode<const B: usize, const N: usize>(bytes: &[u8; B]) -> [i8; N] {
    let mut digits = [0i8; N];
    let mut carry = 0i8;
    for (place, digit) in digits.iter_mut().enumerate() {
        let byte = bytes.get(place / 2).copied().unwrap_or(0);
        let nibble = (byte >> (4 * (place % 2))) & 15;
        let value = i8::from_le_bytes([nibble]) + carry;
        carry = (value + 8) >> 4;
        *digit = value - (carry << 4);
    }
    digits
}

/// The generator of values, G.
#[must_use]
pub fn value_generator() -> Niels {
    VALUE_TABLE[0][0]
}

/// The generator of openings, H.
#[must_use]
pub fn opening_generator() -> Niels {
    OPENING_TABLE[0][0]
}

/// r·H in constant time.
#[must_use]
pub fn mul_opening_generator(scalar: &Fr) -> Extended {
    let mut bytes = scalar.to_bytes();
    let mut digits = recode::<32, OPENING_DIGITS>(&bytes);
    let mut sum = Extended::IDENTITY;
    accumulate(&mut sum, &digits, &OPENING_TABLE, 1);
    sum = sum.double().double().double().double();
    accumulate(&mut sum, &digits, &OPENING_TABLE, 0);
    digits.zeroize();
    bytes.zeroize();
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use jubjub::{AffinePoint, ExtendedPoint};
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    /// The generator by its definition, not by the table.
    fn generator(name: &str) -> ExtendedPoint {
        (0u8..=255)
            .find_map(|counter| {
                let hash = Sha256::digest([b"wattseal/v1/generator/".as_slice(), name.as_bytes(), &[counter]].concat());
                let point: Option<AffinePoint> = AffinePoint::from_bytes(hash.into()).into();
                point.map(|p| p.mul_by_cofactor())
            })
            .expect("some counter gives a point")
    }

    fn slow(value: u64, opening: &Fr) -> [u8; 64] {
        let point = AffinePoint::from(generator("value") * Fr::from(value) + generator("opening") * opening);
        crate::curve::point_bytes(&point.get_u(), &point.get_v())
    }

    #[test]
    fn generators_have_prime_order_and_differ() {
        let (g, h) = (generator("value"), generator("opening"));
        assert!(bool::from(g.is_prime_order()) && bool::from(h.is_prime_order()));
        assert_ne!(g, h);
    }

    #[test]
    fn edge_values() {
        let openings = [Fr::zero(), Fr::one(), -Fr::one(), Fr::from(8), Fr::from(15), Fr::from(0x8888_8888_8888_8888)];
        for opening in openings {
            for value in [0u16, 1, 7, 8, 9, 15, 16, 0x7fff, 0x8000, 0x8888, u16::MAX] {
                assert_eq!(commit_reading(value, &opening), slow(u64::from(value), &opening));
            }
            for value in [0u32, 0x8000_0000, 0x8888_8888, u32::MAX] {
                assert_eq!(commit_residual(value, &opening), slow(u64::from(value), &opening));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn equals_the_textbook(value: u16, amount: u32, low: [u8; 32], high: [u8; 32]) {
            let mut wide = [0; 64];
            wide[..32].copy_from_slice(&low);
            wide[32..].copy_from_slice(&high);
            let opening = Fr::from_bytes_wide(&wide);
            prop_assert_eq!(commit_reading(value, &opening), slow(u64::from(value), &opening));
            prop_assert_eq!(commit_residual(amount, &opening), slow(u64::from(amount), &opening));
            let point = AffinePoint::from(generator("opening") * opening);
            let ours = mul_opening_generator(&opening).to_affine();
            prop_assert_eq!(ours, (point.get_u(), point.get_v()));
        }
    }
}
