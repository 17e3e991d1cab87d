//! Two commitments written the obvious way, which leak: the check must report them, or it could not be trusted to
//! report anything.

use jubjub::Fr;
use metrology::curve::{Extended, POINT_BYTES};
use metrology::pedersen::{commit_reading, mul_opening_generator, value_generator};

/// Skips the work when nothing was used: the time tells an empty home.
pub fn branch(reading: u16, opening: &Fr) -> [u8; POINT_BYTES] {
    if reading == 0 { mul_opening_generator(opening).to_bytes() } else { commit_reading(reading, opening) }
}

/// Windows of four bits, looked up by the digit itself: the cache tells the digit.
pub fn table(reading: u16, opening: &Fr) -> [u8; POINT_BYTES] {
    let mut multiples = [Extended::IDENTITY; 16];
    for i in 1..16 {
        multiples[i] = multiples[i - 1].add_niels(&value_generator());
    }
    let mut sum = Extended::IDENTITY;
    for digit in (0..4).rev().map(|place| usize::from((reading >> (4 * place)) & 15)) {
        sum = sum.double().double().double().double().add(&multiples[digit]);
    }
    sum.add(&mul_opening_generator(opening)).to_bytes()
}
