//! What proofs cost: ours against ark-groth16 on the same constraints, verification alone and of many homes, keys.
//!
//!     cargo bench -p tests --bench prove              both provers, every figure
//!     cargo bench -p tests --bench prove -- back-off-30
//!
//! Both provers run in turns, in one process, on all processors; the shortest time of each counts. The run fails when ours
//! is not 1.3 times as fast. docs/measurements.md holds the table.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::float_arithmetic)]

mod ark;
mod homes;

use std::time::{Duration, Instant};

use gateway_core::measure::{Load, month, program};
use gateway_core::prove::ProvingKey;
use protocol::circuit::{Assignment, BillCircuit, CircuitKey, Profile};
use protocol::groth16::Parameters;
use rand_core::OsRng;

/// Rounds in which both provers have a turn.
const ROUNDS: usize = 5;
/// How many times as fast ours has to be.
const FLOOR: f64 = 1.3;

fn main() {
    let name = std::env::args().skip(1).find(|word| Profile::named(word).is_some()).unwrap_or("energy-30".into());
    let profile = Profile::named(&name).unwrap();
    let system = profile.system().unwrap();
    println!("{name}: {} inputs, {} private, {} constraints", system.inputs(), system.private(), system.constraints());
    let (parameters, powers) = Parameters::trial(&system, &mut OsRng, &|_, _| ()).unwrap();

    let file = parameters.write();
    let (load, key) = shortest(3, || {
        let parameters = Parameters::read(&file, false).unwrap();
        ProvingKey::new(profile.shape, &parameters).unwrap()
    });
    println!("{:52} {:9.1} ms, {} MB", "pinned parameters read and prepared", ms(load), file.len() / 1_000_000);
    let (read, _) = shortest(1, || Parameters::read(&file, true).unwrap());
    println!("{:52} {:9.1} ms", "parameters read, every point checked", ms(read));
    let (check, _) = shortest(1, || parameters.check(&system, &powers, &mut OsRng, &|_, _| ()).unwrap());
    println!("{:52} {:9.1} ms", "parameters checked against powers of tau", ms(check));
    drop(powers);

    let tariff = program(profile.shape);
    let witness = month(&tariff, Load::Typical).unwrap();
    let circuit = BillCircuit { shape: profile.shape, witness: Some(&witness) };
    let values = ark::values(&Assignment::of(circuit).unwrap().columns());
    let opponent = ark::Ark::new(&system);
    assert!(opponent.holds(&values, &opponent.prove(&values)));
    let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
    let mut proof = None;
    for _ in 0..ROUNDS {
        let (time, made) = shortest(1, || key.prove(&witness, &mut OsRng, &mut |_| true).unwrap());
        (ours, proof) = (ours.min(time), Some(made));
        theirs = theirs.min(shortest(1, || opponent.prove(&values)).0);
    }
    drop(opponent);
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    println!("{:52} {:9.1} ms", "proof, with synthesis", ms(ours));
    println!("{:52} {:9.1} ms: {ratio:.2} times", "ark-groth16, without synthesis", ms(theirs));

    let circuit = CircuitKey::of(profile, &parameters).unwrap();
    let numbers = tariff.numbers().unwrap();
    let (fold, folded) = shortest(3, || circuit.key.fold(4 + profile.shape.blocks, &numbers).unwrap());
    println!("{:52} {:9.1} ms", "tariff folded into the key, once for all homes", ms(fold));
    let proof = proof.unwrap();
    let (one, right) = shortest(50, || folded.verify(&witness.publics, &proof));
    assert!(right);
    println!("{:52} {:9.3} ms", "verification of one proof", ms(one));
    homes::run(&folded, &witness.publics, &proof, &circuit, &key);
    assert!(ratio >= FLOOR, "our prover is only {ratio:.2} times as fast as ark's");
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The shortest of several runs, and what the last gave.
fn shortest<R>(times: usize, run: impl Fn() -> R) -> (Duration, R) {
    let timed = || {
        let started = Instant::now();
        let result = run();
        (started.elapsed(), result)
    };
    (1..times).fold(timed(), |(least, _), _| {
        let (time, result) = timed();
        (least.min(time), result)
    })
}
