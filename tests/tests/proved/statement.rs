//! Fields of the statement: kept under the good proof, and proved anew.

use protocol::bill::proved::ProvedStatement;
use protocol::verify::Policy;

use crate::cheat::{Cheat, verdict};
use crate::check;
use crate::world::{MARCH, World};

#[test]
fn fields_of_a_statement() {
    let world = &World::new();
    let cheat = Cheat::new(&world.one, &world.tariff, MARCH, None);
    let flipped = |change: &dyn Fn(&mut ProvedStatement)| cheat.verdict(&cheat.flipped(change));
    let anew = |change: &dyn Fn(&mut ProvedStatement)| cheat.verdict(&cheat.proved(change));
    let asked = Policy { nonce: Some([1; 16]), ..Policy::default() };
    let theirs = Policy { recipient: Some([1; 32]), ..Policy::default() };
    let under = |package: &[u8]| {
        verdict(package, &world.cheaper, &cheat.ready.circuits, &world.one.registry, &Policy::default())
    };
    let cheaper = |s: &mut ProvedStatement| s.tariff = world.cheaper.hash;
    check(&[
        ("control: the bill as it is", flipped(&|_| ()), "valid"),
        ("control: another proof of it", anew(&|_| ()), "valid"),
        ("control: another nonce where none was asked for, proved anew", anew(&|s| s.nonce = [1; 16]), "valid"),
        ("control: a correction, proved anew", anew(&|s| s.corrects = Some([1; 32].into())), "valid"),
        ("fee less one cent", flipped(&|s| s.fee_minor -= 1), "wrong-proof"),
        ("fee less one cent, proved anew", anew(&|s| s.fee_minor -= 1), "wrong-proof"),
        ("fee and one cent", flipped(&|s| s.fee_minor += 1), "wrong-proof"),
        ("fee and one cent, proved anew", anew(&|s| s.fee_minor += 1), "wrong-proof"),
        ("fee negated, proved anew", anew(&|s| s.fee_minor = -s.fee_minor), "wrong-proof"),
        ("no fee, proved anew", anew(&|s| s.fee_minor = 0), "wrong-proof"),
        ("another nonce", flipped(&|s| s.nonce = [1; 16]), "wrong-proof"),
        ("a nonce that was not asked for", cheat.verdict_by(&cheat.flipped(|_| ()), &asked), "other-nonce"),
        (
            "the nonce that was asked for, under the proof of another",
            cheat.verdict_by(&cheat.flipped(|s| s.nonce = [1; 16]), &asked),
            "wrong-proof",
        ),
        ("another recipient, proved anew", anew(&|s| s.recipient = [1; 32]), "other-recipient"),
        (
            "another recipient, read by him, under the proof for the first",
            cheat.verdict_by(&cheat.flipped(|s| s.recipient = [1; 32]), &theirs),
            "wrong-proof",
        ),
        ("another purpose, proved anew", anew(&|s| s.purpose = "research".into()), "other-purpose"),
        ("another kind, proved anew", anew(&|s| s.kind = "disclosure".into()), "unknown-kind"),
        ("another version, proved anew", anew(&|s| s.version = 2), "unknown-kind"),
        ("another suite, proved anew", anew(&|s| s.suite = 2), "unknown-kind"),
        ("another tariff than the one asked for, proved anew", anew(&cheaper), "other-tariff"),
        ("another tariff, under the first one's proof", under(&cheat.flipped(cheaper)), "wrong-proof"),
        ("another tariff, proved by the first one's numbers", under(&cheat.proved(cheaper)), "wrong-proof"),
        ("a circuit that nobody knows, proved anew", anew(&|s| s.circuit = [1; 32]), "unknown-circuit"),
        ("the digest of another corrected bill", flipped(&|s| s.corrects = Some([1; 32].into())), "wrong-proof"),
        ("slots declared missing, proved anew", anew(&|s| s.metered[0].missing = 1), "other-account"),
        ("slots declared estimated, proved anew", anew(&|s| s.metered[0].estimated = 1), "other-account"),
        ("slots declared tampered with, proved anew", anew(&|s| s.metered[0].tamper = 1), "other-account"),
        ("events that were not, proved anew", anew(&|s| s.metered[0].events ^= 1), "other-account"),
        ("slots of half the length, proved anew", anew(&|s| s.metered[0].interval = 1800), "other-account"),
        ("a block less, proved anew", anew(&|s| s.metered[0].segments[0].blocks -= 1), "other-account"),
        ("another head, proved anew", anew(&|s| s.metered[0].segments[0].head = [1; 32]), "other-account"),
        ("no register, proved anew", anew(&|s| s.metered.clear()), "other-account"),
    ]);
}
