//! The few functions of GMP that the opponent needs, linked from the system (Debian: libgmp-dev). GMP is LGPL and
//! serves this benchmark alone.
#![allow(unsafe_code, reason = "calls into a C library")]

use std::cmp::Ordering;
use std::ffi::{CStr, c_char, c_int, c_void};

/// `__mpz_struct` of gmp.h.
#[repr(C)]
struct Raw {
    allocated: c_int,
    size: c_int,
    limbs: *mut c_void,
}

#[link(name = "gmp")]
unsafe extern "C" {
    fn __gmpz_init(x: *mut Raw);
    fn __gmpz_clear(x: *mut Raw);
    fn __gmpz_set_str(x: *mut Raw, text: *const c_char, base: c_int) -> c_int;
    fn __gmpz_import(
        x: *mut Raw,
        n: usize,
        order: c_int,
        size: usize,
        endian: c_int,
        nails: usize,
        from: *const c_void,
    );
    fn __gmpz_powm(out: *mut Raw, base: *const Raw, exponent: *const Raw, modulus: *const Raw);
    fn __gmpz_powm_sec(out: *mut Raw, base: *const Raw, exponent: *const Raw, modulus: *const Raw);
    fn __gmpz_mul(out: *mut Raw, a: *const Raw, b: *const Raw);
    fn __gmpz_tdiv_r(out: *mut Raw, a: *const Raw, modulus: *const Raw);
    fn __gmpz_probab_prime_p(x: *const Raw, rounds: c_int) -> c_int;
    fn __gmpz_sizeinbase(x: *const Raw, base: c_int) -> usize;
    fn __gmpz_cmp(a: *const Raw, b: *const Raw) -> c_int;
}

/// A natural number.
pub struct Integer(Raw);

// SAFETY of all calls in this file: every `Raw` is initialised by `__gmpz_init` when its `Integer` is made, cleared
// once when that is dropped and never copied; GMP allows an output to be one of the inputs.
impl Integer {
    /// Zero.
    pub fn new() -> Self {
        let mut raw = Raw { allocated: 0, size: 0, limbs: std::ptr::null_mut() };
        unsafe { __gmpz_init(&raw mut raw) };
        Self(raw)
    }

    /// From hexadecimal digits; `None` when they are none.
    pub fn from_hex(text: &CStr) -> Option<Self> {
        let mut number = Self::new();
        (unsafe { __gmpz_set_str(&raw mut number.0, text.as_ptr(), 16) } == 0).then_some(number)
    }

    /// From bytes, least significant first.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut number = Self::new();
        unsafe { __gmpz_import(&raw mut number.0, bytes.len(), -1, 1, 0, 0, bytes.as_ptr().cast()) };
        number
    }

    /// self ← base^exponent mod modulus, the fast way.
    pub fn power(&mut self, base: &Self, exponent: &Self, modulus: &Self) {
        unsafe { __gmpz_powm(&raw mut self.0, &raw const base.0, &raw const exponent.0, &raw const modulus.0) }
    }

    /// The same in a time that depends on sizes only. The exponent must not be zero, the modulus odd.
    pub fn power_secret(&mut self, base: &Self, exponent: &Self, modulus: &Self) {
        unsafe { __gmpz_powm_sec(&raw mut self.0, &raw const base.0, &raw const exponent.0, &raw const modulus.0) }
    }

    /// self ← self·other mod modulus.
    pub fn multiply(&mut self, other: &Self, modulus: &Self) {
        unsafe {
            __gmpz_mul(&raw mut self.0, &raw const self.0, &raw const other.0);
            __gmpz_tdiv_r(&raw mut self.0, &raw const self.0, &raw const modulus.0);
        }
    }

    /// Whether it is prime, by 30 rounds.
    pub fn is_prime(&self) -> bool {
        unsafe { __gmpz_probab_prime_p(&raw const self.0, 30) != 0 }
    }

    /// Length in bits.
    pub fn bits(&self) -> usize {
        unsafe { __gmpz_sizeinbase(&raw const self.0, 2) }
    }
}

impl PartialEq for Integer {
    fn eq(&self, other: &Self) -> bool {
        let sign = unsafe { __gmpz_cmp(&raw const self.0, &raw const other.0) };
        sign.cmp(&0) == Ordering::Equal
    }
}

impl Drop for Integer {
    fn drop(&mut self) {
        unsafe { __gmpz_clear(&raw mut self.0) }
    }
}
