//! The opponent: Pedersen commitments h^x·g^r mod p as Eccles and Halak (2017, §II.C) have them, with GMP.

use crate::gmp::Integer;
use crate::group;

/// Bits of a window of the fixed-base tables.
const WINDOW: usize = 4;

/// p, q, g and h, checked.
pub struct Group {
    p: Integer,
    g: Integer,
    h: Integer,
}

impl Group {
    /// Reads and checks the frozen parameters.
    pub fn new() -> Result<Self, &'static str> {
        let read = |text| Integer::from_hex(text).ok_or("not hexadecimal");
        let (p, q, g, h) = (read(group::P)?, read(group::Q)?, read(group::G)?, read(group::H)?);
        if p.bits() != 2048 || q.bits() != 256 || !p.is_prime() || !q.is_prime() {
            return Err("p and q are not primes of 2048 and 256 bits");
        }
        let one = Integer::from_bytes(&[1]);
        for base in [&g, &h] {
            let mut power = Integer::new();
            power.power(base, &q, &p);
            if *base == one || power != one {
                return Err("g and h do not have order q");
            }
        }
        Ok(Self { p, g, h })
    }

    /// h^x·g^r with GMP's fastest exponentiation, whose time depends on x and r.
    pub fn commit(&self, reading: &Integer, salt: &Integer) -> Integer {
        let (mut left, mut right) = (Integer::new(), Integer::new());
        left.power(&self.h, reading, &self.p);
        right.power(&self.g, salt, &self.p);
        left.multiply(&right, &self.p);
        left
    }

    /// The same with GMP's exponentiation for secrets.
    pub fn commit_secret(&self, reading: &Integer, salt: &Integer) -> Integer {
        let (mut left, mut right) = (Integer::new(), Integer::new());
        left.power_secret(&self.h, reading, &self.p);
        right.power_secret(&self.g, salt, &self.p);
        left.multiply(&right, &self.p);
        left
    }
}

/// What the paper does not have: the tables that our commitment uses, given to the opponent as well. 4-bit windows, 269 kB
/// for a 16-bit reading and a 256-bit salt, looked up by secrets.
pub struct FixedBase<'a> {
    group: &'a Group,
    readings: Vec<[Integer; 16]>,
    salts: Vec<[Integer; 16]>,
}

impl<'a> FixedBase<'a> {
    /// Computes the tables.
    pub fn new(group: &'a Group) -> Self {
        let table = |base: &Integer, windows: usize| {
            let mut unit = Integer::from_bytes(&[1]);
            unit.multiply(base, &group.p);
            let mut rows = Vec::new();
            for _ in 0..windows {
                let mut next = Integer::from_bytes(&[1]);
                let row = [(); 16].map(|()| {
                    let mut entry = Integer::from_bytes(&[1]);
                    entry.multiply(&next, &group.p);
                    next.multiply(&unit, &group.p);
                    entry
                });
                unit = next;
                rows.push(row);
            }
            rows
        };
        Self { group, readings: table(&group.h, 16 / WINDOW), salts: table(&group.g, 256 / WINDOW) }
    }

    /// h^x·g^r.
    pub fn commit(&self, reading: u16, salt: &[u8; 32]) -> Integer {
        let mut product = Integer::from_bytes(&[1]);
        for (rows, bytes) in [(&self.readings, reading.to_le_bytes().as_slice()), (&self.salts, salt)] {
            for (place, row) in rows.iter().enumerate() {
                let digit = (bytes[place / 2] >> (WINDOW * (place % 2))) & 15;
                product.multiply(&row[usize::from(digit)], &self.group.p);
            }
        }
        product
    }
}
