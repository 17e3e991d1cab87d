//! Proved bills under attack, and honest ones of unusual months. Every attack starts from a bill that gateway-core made of
//! sealed blocks, changes one thing, and must be refused with its own reason; controls must be accepted.
//!
//! What a cheating household can do without breaking a signature, it does well: it has its readings, blindings and the
//! proving key, and proves whatever it wants anew ([`cheat`]). Whoever made phase 1 of a set-up can do more; that forgery is
//! shown in `protocol::groth16::tests::forgery`, where the trapdoor is at hand, and is why production takes a public phase 1.
//! Altered points in each list of parameters are refused in `protocol::groth16::tests::check`; here one is in a file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation, missing_docs)]

mod cheat;
#[path = "../common/home.rs"]
#[allow(dead_code)] // bills that go on from each other are made by cheats here
mod home;
mod honest;
mod keys;
mod points;
mod query;
mod state;
mod statement;
mod substitution;
mod world;

/// One attack: what is done, what came of it, what must.
type Row = (&'static str, &'static str, &'static str);

/// Prints a table and fails when a row is wrong.
fn check(table: &[Row]) {
    for (name, got, _) in table {
        println!("{name:<84} {got}");
    }
    let wrong: Vec<_> = table.iter().filter(|(_, got, want)| got != want).collect();
    assert!(wrong.is_empty(), "attack, verdict, expected verdict: {wrong:#?}");
}
