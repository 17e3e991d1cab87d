//! The tampering table. Every attack starts from an honest bill (or block, tariff, certificate), changes one thing and
//! must be refused with its own reason. Signed fields are attacked twice: flipped under the old signature, and signed
//! anew by the legitimate key, so that the check of meaning has to refuse by itself. Controls must be accepted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation, missing_docs)]

mod arrival;
mod bill;
mod epochs;
mod forge;
mod handshakes;
mod headers;
mod tariff;
mod totals;
mod world;

use std::sync::OnceLock;

use world::World;

/// The honest world, built once.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(World::new)
}

/// One attack: what is done, what came of it, what must.
type Row = (&'static str, &'static str, &'static str);

/// Compares a table and prints it whole when a row is wrong.
fn check(table: &[Row]) {
    let wrong: Vec<_> = table.iter().filter(|(_, got, want)| got != want).collect();
    for (name, got, _) in table {
        println!("{name:<64} {got}");
    }
    assert!(wrong.is_empty(), "attack, verdict, expected verdict: {wrong:#?}");
}
