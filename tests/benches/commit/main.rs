//! What sealing costs: one commitment against the opponent of S1 in the same run, and a whole day.
//!
//!     cargo bench -p tests --bench commit
//!
//! Ends with the ratios of the medians. Pedersen on Jubjub, in constant time, has to be at least ten times as fast as
//! modulo a 2048-bit prime with a 256-bit salt (the fair opponent) and with the 2048-bit salt of S1's footnote;
//! otherwise the exit code is 1. docs/measurements.md holds the figures.

mod day;
mod gmp;
mod group;
mod mod_p;
mod ratio;

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use gmp::Integer;
use jubjub::Fr;
use metrology::pedersen;
use mod_p::{FixedBase, Group};
use sha2::{Digest, Sha256, Sha512};

/// Different inputs that a benchmark goes round.
const INPUTS: usize = 64;

fn main() -> ExitCode {
    let start = SystemTime::now();
    let output = output_directory();
    let mut criterion = Criterion::default().output_directory(&output).configure_from_args();
    let done = commitments(&mut criterion).and_then(|()| day::days(&mut criterion));
    criterion.final_summary();
    if let Err(error) = done {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    if ratio::compare(&output.join("commit"), start) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `criterion` in the target directory, found from this program's own place: target/release/deps/commit-….
fn output_directory() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.ancestors().nth(3).unwrap_or(Path::new("target")).join("criterion")
}

fn commitments(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let (mut readings, mut openings, mut salts) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..INPUTS {
        let wide: [u8; 64] = Sha512::digest(i.to_le_bytes()).into();
        let salt: [u8; 32] = Sha256::digest(i.to_le_bytes()).into();
        // Never zero: GMP's exponentiation for secrets does not take it.
        readings.push(u16::from_le_bytes([wide[0] | 1, wide[1]]));
        openings.push(Fr::from_bytes_wide(&wide));
        salts.push(salt);
    }
    let numbers: Vec<_> = readings.iter().map(|reading| Integer::from_bytes(&reading.to_le_bytes())).collect();
    let short: Vec<_> = salts.iter().map(|salt| Integer::from_bytes(salt)).collect();
    let long: Vec<_> = salts.iter().map(|salt| Integer::from_bytes(&salt.repeat(8))).collect();

    let modp = Group::new()?;
    let fixed = FixedBase::new(&modp);
    let expected = modp.commit(&numbers[0], &short[0]);
    if modp.commit_secret(&numbers[0], &short[0]) != expected || fixed.commit(readings[0], &salts[0]) != expected {
        return Err("the three ways to commit modulo p differ".into());
    }

    let mut group = criterion.benchmark_group("commit");
    around(&mut group, "jubjub", |i| pedersen::commit_reading(black_box(readings[i]), black_box(&openings[i])));
    around(&mut group, "mod_p_salt_256", |i| modp.commit(black_box(&numbers[i]), black_box(&short[i])));
    around(&mut group, "mod_p_salt_2048", |i| modp.commit(black_box(&numbers[i]), black_box(&long[i])));
    around(&mut group, "mod_p_salt_256_constant_time", |i| {
        modp.commit_secret(black_box(&numbers[i]), black_box(&short[i]))
    });
    around(&mut group, "mod_p_salt_256_fixed_base", |i| fixed.commit(black_box(readings[i]), black_box(&salts[i])));
    group.finish();
    Ok(())
}

/// Measures something that goes round the inputs.
fn around<T>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut run: impl FnMut(usize) -> T) {
    let mut turn = (0..INPUTS).cycle();
    group.bench_function(name, |b| b.iter(|| run(turn.next().unwrap_or(0))));
}
