//! Arithmetic modulo primes that follow from a hash.

use sha2::{Digest, Sha256};

/// Arithmetic modulo an odd number below 2⁶², in Montgomery's form (Math. Comp. 44, 1985).
pub(super) struct Field {
    modulus: u64,
    /// −modulus⁻¹ mod 2⁶⁴.
    minus_inverse: u64,
    /// 2¹²⁸ mod modulus.
    square: u64,
}

impl Field {
    pub(super) fn new(modulus: u64) -> Self {
        // Newton's iteration doubles the correct bits.
        let inverse = (0..6).fold(modulus, |x, _| x.wrapping_mul(2u64.wrapping_sub(modulus.wrapping_mul(x))));
        let square = (u128::MAX % u128::from(modulus) + 1) % u128::from(modulus);
        Self { modulus, minus_inverse: inverse.wrapping_neg(), square: u64::try_from(square).unwrap_or(0) }
    }

    pub(super) fn multiply(&self, a: u64, b: u64) -> u64 {
        let product = u128::from(a) * u128::from(b);
        let factor = (product as u64).wrapping_mul(self.minus_inverse);
        let sum = (product + u128::from(factor) * u128::from(self.modulus)) >> 64;
        self.below(sum as u64)
    }

    fn below(&self, value: u64) -> u64 {
        if value >= self.modulus { value - self.modulus } else { value }
    }

    pub(super) fn add(&self, a: u64, b: u64) -> u64 {
        self.below(a + b)
    }

    pub(super) fn subtract(&self, a: u64, b: u64) -> u64 {
        self.below(a + (self.modulus - b))
    }

    pub(super) fn number(&self, value: u64) -> u64 {
        self.multiply(value % self.modulus, self.square)
    }

    pub(super) fn signed(&self, value: i64) -> u64 {
        let magnitude = self.number(value.unsigned_abs());
        if value < 0 { self.subtract(0, magnitude) } else { magnitude }
    }

    pub(super) fn one(&self) -> u64 {
        self.number(1)
    }

    fn power(&self, base: u64, exponent: u64) -> u64 {
        (0..64).rev().fold(self.one(), |power, bit| {
            let square = self.multiply(power, power);
            if exponent >> bit & 1 == 1 { self.multiply(square, base) } else { square }
        })
    }

    pub(super) fn inverse(&self, value: u64) -> u64 {
        self.power(value, self.modulus - 2)
    }
}

/// A prime between 2⁶¹ and 2⁶² that follows from the seed.
pub(super) fn prime(seed: &[u8; 32], number: u8) -> u64 {
    let hash = Sha256::new().chain_update(seed).chain_update([number]).finalize();
    let bytes = hash.first_chunk::<8>().copied().unwrap_or_default();
    let mut candidate = u64::from_le_bytes(bytes) >> 2 | 1 << 61 | 1;
    while !is_prime(candidate) {
        // The gap between primes of this size is below 2000.
        candidate = if candidate >= (1 << 62) - 3 { (1 << 61) + 1 } else { candidate + 2 };
    }
    candidate
}

/// Miller and Rabin's test; with the first twelve primes it is exact below 2⁶⁴ (Sorenson and Webster, Math. Comp. 86, 2017).
fn is_prime(candidate: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if BASES.iter().any(|base| candidate.is_multiple_of(*base)) {
        return BASES.contains(&candidate);
    }
    let field = Field::new(candidate);
    let (one, minus_one) = (field.one(), field.subtract(0, field.one()));
    let twos = (candidate - 1).trailing_zeros();
    let odd = (candidate - 1) >> twos;
    BASES.iter().all(|base| {
        let mut power = field.power(field.number(*base), odd);
        if power == one || power == minus_one {
            return true;
        }
        (1..twos).any(|_| {
            power = field.multiply(power, power);
            power == minus_one
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_and_their_arithmetic() {
        let small: Vec<u64> = (2..60).filter(|n| is_prime(*n)).collect();
        assert_eq!(small, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59]);
        assert!(is_prime((1 << 61) - 1) && !is_prime((1 << 61) + 1));
        // Strong pseudoprimes to the bases 2, 3, 5 and 7.
        assert!(!is_prime(3_215_031_751) && !is_prime(3_825_123_056_546_413_051));
        for number in 0..20 {
            let prime = prime(&[number; 32], number);
            assert!(is_prime(prime) && (1 << 61..1 << 62).contains(&prime));
            let field = Field::new(prime);
            let value = field.number(123_456_789);
            assert_eq!(field.multiply(value, field.inverse(value)), field.one());
            assert_eq!(field.add(field.signed(-5), field.number(5)), 0);
        }
    }
}
