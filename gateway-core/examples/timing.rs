//! Whether the time of a proof tells readings apart: months without consumption, of an ordinary home, and of a home that
//! takes all it can, proved in turns, each pair compared by Welch's t (docs/decisions/0016).
//!
//!     cargo run --release -p gateway-core --example timing -- energy-30 40
//!
//! Times of proofs on a machine that does other work vary by far more than what is looked for: the smaller half of each kind
//! is compared as well, which interruptions reach least.
#![allow(clippy::unwrap_used, clippy::float_arithmetic, clippy::print_stdout)]

use std::time::Instant;

use gateway_core::measure::{Load, month, program};
use gateway_core::prove::ProvingKey;
use protocol::circuit::Profile;
use protocol::groth16::Parameters;
use rand_core::OsRng;

const LOADS: [Load; 3] = [Load::None, Load::Typical, Load::Greatest];

fn main() {
    let mut words = std::env::args().skip(1);
    let profile = Profile::named(&words.next().unwrap_or("energy-30".into())).unwrap();
    let turns: usize = words.next().and_then(|word| word.parse().ok()).unwrap_or(40);
    let system = profile.system().unwrap();
    let (parameters, _) = Parameters::trial(&system, &mut OsRng, &|_, _| ()).unwrap();
    let key = ProvingKey::new(profile.shape, &parameters).unwrap();
    drop(parameters);
    let witnesses = LOADS.map(|load| month(&program(profile.shape), load).unwrap());
    let mut times: [Vec<f64>; 3] = Default::default();
    for turn in 0..turns {
        for place in (0..3).map(|step| (step + turn) % 3) {
            let started = Instant::now();
            key.prove(&witnesses[place], &mut OsRng, &mut |_| true).unwrap();
            times[place].push(started.elapsed().as_secs_f64() * 1e3);
        }
    }
    for list in &mut times {
        list.sort_by(f64::total_cmp);
    }
    println!("{}, {turns} proofs each, milliseconds", profile.name);
    for (load, list) in LOADS.iter().zip(&times) {
        let ((mean, deviation), (lower, lower_deviation)) = (moments(list), moments(&list[..turns.div_ceil(2)]));
        println!(
            "{:10} least {:7.1}  median {:7.1}  mean {mean:7.1} ± {deviation:5.1}  smaller half {lower:7.1} ± {lower_deviation:4.1}",
            format!("{load:?}"),
            list[0],
            list[turns / 2]
        );
    }
    for (one, other) in [(0, 1), (1, 2), (0, 2)] {
        let half = turns.div_ceil(2);
        println!(
            "{:?} and {:?}: t = {:5.2}, of the smaller halves {:5.2}",
            LOADS[one],
            LOADS[other],
            welch(&times[one], &times[other]),
            welch(&times[one][..half], &times[other][..half])
        );
    }
}

#[allow(clippy::cast_precision_loss)]
fn moments(list: &[f64]) -> (f64, f64) {
    let count = list.len() as f64;
    let mean = list.iter().sum::<f64>() / count;
    let variance = list.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, variance.sqrt())
}

#[allow(clippy::cast_precision_loss)]
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let ((a, s), (b, t)) = (moments(one), moments(other));
    (a - b) / (s * s / one.len() as f64 + t * t / other.len() as f64).sqrt()
}
