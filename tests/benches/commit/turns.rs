//! Times measured in turns: on a machine that others use as well, two figures taken one after the other differ by
//! more than what is to be shown. Every round times each way once, too briefly to be interrupted every time; what
//! counts is the shortest of all rounds.
#![allow(clippy::float_arithmetic, reason = "times, not energy or money")]

use std::time::{Duration, Instant};

/// Rounds.
const ROUNDS: usize = 400;
/// How long each way runs in a round, about.
const TURN: Duration = Duration::from_millis(1);

/// Something that is measured.
pub struct Way<'a> {
    /// Its name.
    pub name: &'static str,
    /// How many times as long as the first way it has to take at least.
    floor: Option<f64>,
    /// Runs it once on input `i`.
    pub run: Box<dyn Fn(usize) + 'a>,
}

impl<'a> Way<'a> {
    /// Names it.
    pub fn new(name: &'static str, floor: Option<f64>, run: impl Fn(usize) + 'a) -> Self {
        Self { name, floor, run: Box::new(run) }
    }
}

/// Prints the shortest time of every way, and its ratio to the first; `false` when one is below its floor.
pub fn compare(ways: &[Way<'_>]) -> bool {
    let repeats: Vec<u32> = ways.iter().map(repeats).collect();
    let mut times = vec![f64::MAX; ways.len()];
    for _ in 0..ROUNDS {
        for ((way, repeats), shortest) in ways.iter().zip(&repeats).zip(&mut times) {
            *shortest = shortest.min(time(way, *repeats));
        }
    }
    let mut enough = true;
    for (way, time) in ways.iter().zip(&times) {
        let ratio = time / times[0];
        println!("{:36} {:8.1} us {ratio:6.1} commitments", way.name, time * 1e6);
        if way.floor.is_some_and(|floor| ratio < floor) {
            println!("  which is too little");
            enough = false;
        }
    }
    enough
}

/// How often a way runs in a turn.
fn repeats(way: &Way<'_>) -> u32 {
    let mut repeats = 1;
    while time(way, repeats) * f64::from(repeats) < TURN.as_secs_f64() / 2.0 {
        repeats *= 2;
    }
    repeats
}

/// Seconds per run.
fn time(way: &Way<'_>, repeats: u32) -> f64 {
    let start = Instant::now();
    for i in 0..repeats as usize {
        (way.run)(i);
    }
    start.elapsed().as_secs_f64() / f64::from(repeats)
}
