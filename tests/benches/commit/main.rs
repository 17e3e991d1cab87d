//! What sealing costs: one commitment against the opponent in Eccles and Halak (2017) in the same run, and a whole day.
//!
//!     cargo bench -p tests --bench commit
//!
//! Ends with a table of shortest times, measured in turns. Pedersen on Jubjub, in constant time, has to be at least
//! ten times as fast as modulo a 2048-bit prime with a 256-bit salt (the fair opponent) and with the 2048-bit salt of
//! that paper's footnote; otherwise the exit code is 1. docs/measurements.md holds the figures. `-- none` prints the table only.

mod day;
mod gmp;
mod group;
mod mod_p;
mod turns;

use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;

use criterion::Criterion;
use gmp::Integer;
use jubjub::Fr;
use metrology::pedersen;
use mod_p::{FixedBase, Group};
use sha2::{Digest, Sha256, Sha512};
use turns::Way;

/// Different inputs that a benchmark goes round.
const INPUTS: usize = 64;
/// Least ratio to the opponents in that paper.
const FLOOR: f64 = 10.0;

fn main() -> ExitCode {
    match measure(&mut Criterion::default().configure_from_args()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures everything; whether the ratios are large enough.
fn measure(criterion: &mut Criterion) -> Result<bool, Box<dyn Error>> {
    let modp = Group::new()?;
    let fixed = FixedBase::new(&modp);
    let mut ways = commitments(&modp, &fixed)?;
    ways.extend(day::ways()?);
    for way in &ways {
        let mut turn = 0;
        criterion.bench_function(way.name, |b| {
            b.iter(|| {
                turn += 1;
                (way.run)(turn);
            });
        });
    }
    criterion.final_summary();
    let only_listed = std::env::args().any(|argument| argument == "--list" || argument == "--test");
    Ok(only_listed || turns::compare(&ways))
}

/// One commitment: ours, then the opponent's.
fn commitments<'a>(modp: &'a Group, fixed: &'a FixedBase<'_>) -> Result<Vec<Way<'a>>, Box<dyn Error>> {
    let (mut readings, mut openings, mut salts) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..INPUTS {
        let wide: [u8; 64] = Sha512::digest(i.to_le_bytes()).into();
        let salt: [u8; 32] = Sha256::digest(i.to_le_bytes()).into();
        // Never zero: GMP's exponentiation for secrets does not take it.
        readings.push(u16::from_le_bytes([wide[0] | 1, wide[1]]));
        openings.push(Fr::from_bytes_wide(&wide));
        salts.push(salt);
    }
    let number = |i: usize| Integer::from_bytes(&readings[i % INPUTS].to_le_bytes());
    let short = |i: usize| Integer::from_bytes(&salts[i % INPUTS]);
    let long = |i: usize| Integer::from_bytes(&salts[i % INPUTS].repeat(8));

    let expected = modp.commit(&number(0), &short(0));
    if modp.commit_secret(&number(0), &short(0)) != expected || fixed.commit(readings[0], &salts[0]) != expected {
        return Err("the three ways to commit modulo p differ".into());
    }

    let numbers: [Vec<_>; 3] = [0; 3].map(|_| (0..INPUTS).map(number).collect());
    let [x, x_long, x_secret] = numbers;
    let [r, r_secret]: [Vec<_>; 2] = [0; 2].map(|_| (0..INPUTS).map(short).collect());
    let r_long: Vec<_> = (0..INPUTS).map(long).collect();
    let plain = readings.clone();
    let at = |i: usize| i % INPUTS;
    Ok(vec![
        Way::new("commit_jubjub", None, move |i| {
            black_box(pedersen::commit_reading(black_box(plain[at(i)]), black_box(&openings[at(i)])));
        }),
        Way::new("commit_mod_p_salt_256", Some(FLOOR), move |i| {
            black_box(modp.commit(black_box(&x[at(i)]), black_box(&r[at(i)])));
        }),
        Way::new("commit_mod_p_salt_2048", Some(FLOOR), move |i| {
            black_box(modp.commit(black_box(&x_long[at(i)]), black_box(&r_long[at(i)])));
        }),
        Way::new("commit_mod_p_salt_256_constant_time", None, move |i| {
            black_box(modp.commit_secret(black_box(&x_secret[at(i)]), black_box(&r_secret[at(i)])));
        }),
        // Not in the paper: our own technique, given to the opponent.
        Way::new("commit_mod_p_salt_256_fixed_base", None, move |i| {
            black_box(fixed.commit(black_box(readings[at(i)]), black_box(&salts[at(i)])));
        }),
    ])
}
