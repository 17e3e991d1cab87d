//! Generates the static tables that the crate links: multiples of the two Pedersen generators and the
//! Poseidon round constants. Everything follows from public strings and published algorithms; nothing
//! is chosen by hand, and `cargo test -p metrology` and the cross-crate tests recompute it another way.

use std::fmt::Write as _;
use std::{env, error::Error, fs, path::Path};

use jubjub::{AffinePoint, ExtendedPoint, Fq};
use sha2::{Digest, Sha256};

/// Multiples 1..=8 per window: signed radix-16 digits lie in −8..=8.
const WINDOW: usize = 8;
/// Tables for every second digit of a 252-bit scalar (64 digits).
const OPENING_TABLES: usize = 32;
/// Tables for every second digit of a 32-bit amount (8 digits and a carry).
const VALUE_TABLES: usize = 5;

/// Poseidon: width, full rounds, partial rounds (BLS12-381 scalar field, α = 5).
const T: usize = 9;
const FULL: usize = 8;
const PARTIAL: usize = 57;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR")?;
    let mut source = String::new();
    table(&mut source, "VALUE_TABLE", generator("value")?, VALUE_TABLES)?;
    table(&mut source, "OPENING_TABLE", generator("opening")?, OPENING_TABLES)?;
    fs::write(Path::new(&out).join("pedersen_tables.rs"), source)?;

    let mut source = String::new();
    poseidon(&mut source)?;
    fs::write(Path::new(&out).join("poseidon_constants.rs"), source)?;
    Ok(())
}

/// Try-and-increment: the first counter for which SHA-256("wattseal/v1/generator/" ‖ name ‖ counter) is the
/// encoding of a point (ZIP-216 rules), times the cofactor. Nobody can know a discrete logarithm between two of them.
fn generator(name: &str) -> Result<ExtendedPoint, Box<dyn Error>> {
    for counter in 0..=u8::MAX {
        let mut hash = Sha256::new();
        hash.update(b"wattseal/v1/generator/");
        hash.update(name.as_bytes());
        hash.update([counter]);
        let found: Option<AffinePoint> = AffinePoint::from_bytes(hash.finalize().into()).into();
        if let Some(point) = found {
            let point = point.mul_by_cofactor();
            if !bool::from(point.is_identity()) {
                return Ok(point);
            }
        }
    }
    Err("no counter gives a point".into())
}

/// `name[k][j]` is (j + 1)·256^k times the generator, in the form `(v + u, v − u, 2d·u·v)`.
fn table(out: &mut String, name: &str, generator: ExtendedPoint, tables: usize) -> Result<(), Box<dyn Error>> {
    let d2 = edwards_d().double();
    writeln!(out, "pub(crate) static {name}: [[Niels; {WINDOW}]; {tables}] = [")?;
    let mut base = generator;
    for _ in 0..tables {
        out.push_str("    [\n");
        let mut multiple = ExtendedPoint::identity();
        for _ in 0..WINDOW {
            multiple += base;
            let affine = AffinePoint::from(multiple);
            let (u, v) = (affine.get_u(), affine.get_v());
            writeln!(out, "        Niels::from_raw({}, {}, {}),", limbs(v + u), limbs(v - u), limbs(u * v * d2))?;
        }
        out.push_str("    ],\n");
        for _ in 0..8 {
            base = base.double();
        }
    }
    out.push_str("];\n");
    Ok(())
}

/// Jubjub's d = −10240/10241.
fn edwards_d() -> Fq {
    let inverse = Fq::from(10241).invert().unwrap_or(Fq::zero());
    -(Fq::from(10240) * inverse)
}

fn limbs(value: Fq) -> String {
    let bytes = value.to_bytes();
    let mut text = String::from("[");
    for chunk in bytes.chunks(8) {
        let mut limb = [0u8; 8];
        limb.copy_from_slice(chunk);
        let _ = write!(text, "{:#x}, ", u64::from_le_bytes(limb));
    }
    text.push(']');
    text
}

/// Round constants by the Grain LFSR of the Poseidon paper (eprint 2019/458, appendix F) and the Cauchy
/// matrix M[i][j] = 1/(xᵢ + yⱼ), x = 0..t, y = t..2t, of Filecoin's Poseidon specification.
fn poseidon(out: &mut String) -> Result<(), Box<dyn Error>> {
    let mut grain = Grain::new();
    writeln!(out, "pub(crate) static ROUND_CONSTANTS: [[Fq; {T}]; {}] = [", FULL + PARTIAL)?;
    for _ in 0..FULL + PARTIAL {
        out.push_str("    [\n");
        for _ in 0..T {
            writeln!(out, "        Fq::from_raw({}),", limbs(grain.field_element()))?;
        }
        out.push_str("    ],\n");
    }
    out.push_str("];\n");
    writeln!(out, "pub(crate) static MDS: [[Fq; {T}]; {T}] = [")?;
    for x in 0..T as u64 {
        out.push_str("    [\n");
        for y in T as u64..2 * T as u64 {
            let inverse = Fq::from(x + y).invert().unwrap_or(Fq::zero());
            writeln!(out, "        Fq::from_raw({}),", limbs(inverse))?;
        }
        out.push_str("    ],\n");
    }
    out.push_str("];\n");
    Ok(())
}

/// The self-shrinking 80-bit Grain LFSR.
struct Grain {
    state: [bool; 80],
    at: usize,
}

impl Grain {
    fn new() -> Self {
        let mut bits = Vec::with_capacity(80);
        let mut push = |value: u64, width: u32| (0..width).rev().for_each(|i| bits.push((value >> i) & 1 == 1));
        push(1, 2); // prime field
        push(1, 4); // S-box x^5, as the reference script encodes it
        push(255, 12); // bits of the modulus
        push(T as u64, 12);
        push(FULL as u64, 10);
        push(PARTIAL as u64, 10);
        push((1 << 30) - 1, 30);
        let mut state = [false; 80];
        state.copy_from_slice(&bits);
        let mut grain = Self { state, at: 0 };
        for _ in 0..160 {
            grain.step();
        }
        grain
    }

    fn step(&mut self) -> bool {
        let bit = |i: usize| self.state[(self.at + i) % 80];
        let new = bit(62) ^ bit(51) ^ bit(38) ^ bit(23) ^ bit(13) ^ bit(0);
        self.state[self.at] = new;
        self.at = (self.at + 1) % 80;
        new
    }

    fn bit(&mut self) -> bool {
        loop {
            let keep = self.step();
            let bit = self.step();
            if keep {
                return bit;
            }
        }
    }

    /// 255 bits, most significant first; values not below the modulus are thrown away.
    fn field_element(&mut self) -> Fq {
        loop {
            let mut bytes = [0u8; 32];
            for i in (0..255).rev() {
                if self.bit() {
                    bytes[i / 8] |= 1 << (i % 8);
                }
            }
            if let Some(value) = Option::from(Fq::from_bytes(&bytes)) {
                return value;
            }
        }
    }
}
