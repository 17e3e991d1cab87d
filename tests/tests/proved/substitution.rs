//! Readings, days, months and numbers of a program that are not those of the bill.

use protocol::block::DayHeader;
use protocol::machine::{Layout, compile};
use protocol::time::Span;
use protocol::verify::Policy;
use protocol::verify::proved::prepare;
use protocol::wire;

use crate::cheat::{Cheat, verdict};
use crate::check;
use crate::world::{APRIL, MARCH, World};

#[test]
fn readings_of_another_home() {
    let world = &World::new();
    let one = Cheat::new(&world.one, &world.tariff, MARCH, None);
    let other = Cheat::new(&world.other, &world.tariff, MARCH, None);
    let fee = other.statement.fee_minor;
    let with = |change: &dyn Fn(&mut Cheat)| {
        let mut cheat = one.clone();
        change(&mut cheat);
        let amount = cheat.amount();
        one.verdict(&cheat.proved(|s| s.fee_minor = amount))
    };
    let mut their_proof = one.statement.clone();
    their_proof.fee_minor = fee;
    assert_ne!(fee, one.statement.fee_minor);
    check(&[
        (
            "another home's proof and fee",
            one.verdict(&one.package_of(&their_proof, other.package.proof.to_vec())),
            "wrong-proof",
        ),
        (
            "another home's statement and proof, this home's blocks",
            one.verdict(&one.package_of(&other.statement, other.package.proof.to_vec())),
            "other-account",
        ),
        (
            "another home's bill as this one's",
            verdict(
                &other.package.write(),
                &world.tariff,
                &one.ready.circuits,
                &world.one.registry,
                &Policy::default(),
            ),
            "unknown-meter",
        ),
        (
            "another home's readings and blindings, proved",
            with(&|c| (c.values, c.blindings) = (other.values.clone(), other.blindings.clone())),
            "wrong-proof",
        ),
        (
            "another home's readings, own blindings, proved",
            with(&|c| c.values.clone_from(&other.values)),
            "wrong-proof",
        ),
        ("a reading one less, proved", with(&|c| c.values[200] -= 1), "wrong-proof"),
        ("all readings zero, proved", with(&|c| c.values.fill(0)), "wrong-proof"),
        ("readings of two days exchanged, proved", with(&|c| c.values[24..72].rotate_left(24)), "wrong-proof"),
        ("two readings of a day exchanged, proved", with(&|c| c.values.swap(200, 201)), "wrong-proof"),
        ("a residual that was not, proved", with(&|c| c.residuals[3] = 1), "wrong-proof"),
    ]);
}

#[test]
fn days_and_months() {
    let world = &World::new();
    let march = Cheat::new(&world.one, &world.tariff, MARCH, None);
    let april = Cheat::new(&world.one, &world.tariff, APRIL, None);
    let mut their_proof = april.statement.clone();
    their_proof.fee_minor = march.statement.fee_minor;
    let mut their_readings = april.clone();
    their_readings.values.clone_from(&march.values);
    their_readings.blindings.clone_from(&march.blindings);
    let short = Span { until: MARCH.until - 86_400, ..MARCH };
    let headers = |change: &dyn Fn(&mut Vec<DayHeader>)| {
        let mut package = march.package.clone();
        let blocks = &mut package.chains[0].blocks;
        let mut headers: Vec<DayHeader> = blocks.iter().map(|b| DayHeader::read(&b.header).unwrap()).collect();
        change(&mut headers);
        blocks.iter_mut().zip(&headers).for_each(|(block, header)| block.header = wire::encode(header).into());
        march.verdict(&package.write())
    };
    let commitments = |headers: &mut Vec<DayHeader>| {
        let first = headers[4].day_commitment;
        headers[4].day_commitment = headers[5].day_commitment;
        headers[5].day_commitment = first;
    };
    // What the equation itself says, as though the meter had signed the blocks in this order.
    let registry = &world.one.registry;
    let prepared =
        prepare(&march.package.write(), &world.tariff, &march.ready.circuits, registry, &Policy::default()).unwrap();
    let holds = |change: &dyn Fn(&mut protocol::circuit::Publics)| {
        let mut publics = prepared.publics.clone();
        change(&mut publics);
        if prepared.key.verify(&publics, &prepared.proof) { "valid" } else { "wrong-proof" }
    };
    check(&[
        (
            "March's proof and fee on April's blocks",
            april.verdict(&april.package_of(&their_proof, march.package.proof.to_vec())),
            "wrong-proof",
        ),
        (
            "March's readings on April's blocks, proved",
            april.verdict(&their_readings.proved(|s| s.fee_minor = their_readings.amount())),
            "wrong-proof",
        ),
        ("March's blocks as April's", march.verdict(&march.flipped(|s| s.period = APRIL)), "untouched-block"),
        ("a day less", march.verdict(&march.flipped(|s| s.period = short)), "untouched-block"),
        ("half an hour less", march.verdict(&march.flipped(|s| s.period.until -= 1800)), "not-on-grid"),
        ("control: headers written anew", headers(&|_| ()), "valid"),
        ("two blocks exchanged", headers(&|h| h.swap(4, 5)), "broken-chain"),
        ("the last two blocks exchanged", headers(&|h| h.swap(30, 31)), "bad-meter-signature"),
        ("the commitments of two days exchanged", headers(&commitments), "broken-chain"),
        ("a status changed to missing", headers(&|h| h[7].status[2] ^= 1), "broken-chain"),
        ("a status of the last day changed", headers(&|h| h[31].status[2] ^= 1), "bad-meter-signature"),
        ("a block left out", headers(&|h| h.iter_mut().skip(9).for_each(|h| h.day += 1)), "bad-meter-signature"),
        ("control: the equation as it is", holds(&|_| ()), "valid"),
        ("the commitments of two days exchanged, as though signed", holds(&|p| p.blocks.swap(4, 5)), "wrong-proof"),
        ("a day twice, as though signed", holds(&|p| p.blocks[4] = p.blocks[5]), "wrong-proof"),
        ("the empty blocks at the end moved to the front", holds(&|p| p.blocks.rotate_right(1)), "wrong-proof"),
    ]);
}

/// A prover may run any program; the verifier's is the tariff's.
#[test]
fn numbers_of_a_program() {
    let world = &World::new();
    let honest = Cheat::new(&world.one, &world.tariff, MARCH, None);
    let with = |change: &dyn Fn(&mut Cheat)| {
        let mut cheat = honest.clone();
        change(&mut cheat);
        let amount = cheat.amount();
        honest.verdict(&cheat.proved(|s| s.fee_minor = amount))
    };
    let under = |change: &dyn Fn(&mut Layout)| {
        with(&|cheat| {
            change(&mut cheat.layout);
            let shape = cheat.ready.circuit.profile.shape;
            cheat.program = compile(&world.tariff.tariff, &MARCH, &cheat.layout, shape).unwrap();
        })
    };
    check(&[
        ("control: the tariff's program", with(&|_| ()), "valid"),
        ("one slot free of charge", with(&|c| c.program.sums[0].weights[200] = 0), "wrong-proof"),
        ("residuals free of charge", with(&|c| c.program.sums[0].residuals.fill(0)), "wrong-proof"),
        ("a tier that begins later", with(&|c| c.program.narrow[1][0].of.0[0].1 -= 1000), "wrong-proof"),
        ("no total", with(&|c| c.program.wide[1].last_mut().unwrap().of.0.clear()), "wrong-proof"),
        ("rounded down", with(&|c| c.program.wide[1].last_mut().unwrap().divisor += 1), "wrong-proof"),
        ("a layout of a day less", under(&|l| l.blocks.truncate(31)), "wrong-proof"),
        ("a layout without the first day", under(&|l| l.blocks = l.blocks.split_off(1)), "wrong-proof"),
        ("a layout with blocks an hour late", under(&|l| l.blocks.iter_mut().for_each(|b| b.first = 1)), "wrong-proof"),
        ("a layout a day on", under(&|l| l.blocks.iter_mut().for_each(|b| b.day += 1)), "wrong-proof"),
        ("a layout whose last residual is no part", under(&|l| l.blocks[30].residual = false), "wrong-proof"),
    ]);
}
