//! What one period leaves to the next. Whether a bill names the right one before it is for whoever keeps them, the
//! provider's ledger; what it names must be what it goes on from.

use protocol::bill::proved::ProvedStatement;
use protocol::circuit::{State, commit_state};
use protocol::verify::Policy;
use protocol::verify::proved::first_state;

use crate::cheat::{Cheat, verdict};
use crate::check;
use crate::world::{APRIL, MARCH, World};

fn commitment(state: &State) -> [u8; 32] {
    commit_state(&state.cells, &state.blinding).to_bytes()
}

#[test]
fn carried_state() {
    let world = &World::new();
    let march = Cheat::new(&world.one, &world.tariff, MARCH, None);
    let april = Cheat::new(&world.one, &world.tariff, APRIL, Some(&march.then()));
    let neighbour = Cheat::new(&world.other, &world.tariff, MARCH, None);
    assert_eq!(april.statement.before, march.statement.after);
    assert_eq!(april.statement.continues, Some(march.digest.into()));
    // A year that begins again in April costs less.
    let again = Cheat::new(&world.one, &world.tariff, APRIL, None);
    assert!(again.statement.fee_minor < april.statement.fee_minor);

    let flipped = |change: &dyn Fn(&mut ProvedStatement)| april.verdict(&april.flipped(change));
    let anew = |change: &dyn Fn(&mut Cheat), keep: bool| {
        let mut cheat = april.clone();
        change(&mut cheat);
        let (amount, before) = (cheat.amount(), commitment(&cheat.before));
        april.verdict(&cheat.proved(|s| {
            s.fee_minor = amount;
            s.before = if keep { s.before } else { before };
        }))
    };
    let first = |cheat: &mut Cheat| cheat.before = again.before.clone();
    let less = |cheat: &mut Cheat| cheat.before.cells[0] -= 100_000;
    let first_bytes = first_state(&world.tariff.tariff);
    let flat = Cheat::new(&world.one, &world.flat, MARCH, None);
    let without = |change: &dyn Fn(&mut ProvedStatement)| flat.verdict(&flat.proved(change));
    let borrowed = |s: &mut ProvedStatement| s.before = neighbour.statement.after;
    check(&[
        ("control: April goes on from March", flipped(&|_| ()), "valid"),
        ("the first state in place of March's, fee as it is", flipped(&|s| s.before = first_bytes), "wrong-proof"),
        ("March's state named, the first one proved", anew(&first, true), "wrong-proof"),
        ("March's state named, one with less taken proved", anew(&less, true), "wrong-proof"),
        ("another home's state named", flipped(&borrowed), "wrong-proof"),
        (
            "March's fee on from nowhere: its state, and no bill before it, proved",
            april.verdict(&april.proved(|s| s.continues = None)),
            "other-state",
        ),
        (
            "no bill before it, and the first state named",
            flipped(&|s| (s.continues, s.before) = (None, first_bytes)),
            "wrong-proof",
        ),
        ("another bill before it", flipped(&|s| s.continues = Some(neighbour.digest.into())), "wrong-proof"),
        ("another state left", flipped(&|s| s.after = s.before), "wrong-proof"),
        ("a state left that says less was taken", flipped(&|s| s.after = first_bytes), "wrong-proof"),
        ("a state that is no number of the field", flipped(&|s| s.before = [0xff; 32]), "other-state"),
        (
            "a tariff without state: a bill before it, proved",
            without(&|s| s.continues = Some([1; 32].into())),
            "other-state",
        ),
        ("a tariff without state: another one left, proved", without(&|s| s.after = [1; 32]), "other-state"),
    ]);

    // A bill that is alone consistent but leaves March out: it says so itself, and the ledger holds it against March's.
    let skipped = again.package.write();
    assert_eq!(
        verdict(&skipped, &world.tariff, &april.ready.circuits, &world.one.registry, &Policy::default()),
        "valid"
    );
    assert_eq!((again.statement.continues, again.statement.before), (None, first_bytes));
    assert_ne!(again.statement.before, march.statement.after);
}
