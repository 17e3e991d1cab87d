//! Attacks on what the meter signs: headers, lists, chains and signatures.

use ed25519_dalek::SigningKey;
use metrology::label::{ClockQuality, Interval, RegisterKind, Text};
use protocol::block::DayHeader;

use crate::forge::Forge;
use crate::{Row, check, world};

/// Changes the last header of the import register's first epoch: the one that carries a signature.
fn flip(change: impl FnOnce(&mut DayHeader)) -> &'static str {
    let mut forge = Forge::new(world());
    let place = forge.chains[0].iter().rposition(|b| b.header.epoch == 0).unwrap();
    change(&mut forge.chains[0][place].header);
    forge.code()
}

/// Changes a header in the middle of the first epoch; the legitimate keys sign everything anew.
fn resigned(change: impl FnOnce(&mut DayHeader)) -> &'static str {
    let mut forge = Forge::new(world());
    change(&mut forge.chains[0][5].header);
    forge.reseal();
    forge.code()
}

#[test]
fn the_untouched_bill_is_valid() {
    assert_eq!(Forge::new(world()).code(), "valid");
    let mut forge = Forge::new(world());
    forge.reseal();
    assert_eq!(forge.code(), "valid", "signing anew changes nothing");
}

#[test]
fn fields_of_a_header() {
    let f = "bad-meter-signature";
    let table: Vec<Row> = vec![
        ("day, flipped", flip(|h| h.day += 1), f),
        ("day, signed anew: a later day's label", resigned(|h| h.day += 1), "gap"),
        ("day, signed anew: an earlier day's label", resigned(|h| h.day -= 1), "overlap"),
        ("first slot, flipped", flip(|h| (h.first, h.count) = (1, h.count - 1)), f),
        ("interval, flipped", flip(|h| h.register.interval = Interval::QUARTER), f),
        ("interval, signed anew", resigned(|h| h.register.interval = Interval::QUARTER), "mixed-intervals"),
        ("register, flipped", flip(|h| h.register.code = Text::new("1-0:3.8.0").unwrap()), f),
        (
            "register, signed anew: export as import",
            resigned(|h| h.register.code = Text::new("1-0:2.8.0").unwrap()),
            "other-registers",
        ),
        ("unit, flipped", flip(|h| h.register.unit = Text::new("kWh").unwrap()), f),
        ("unit, signed anew", resigned(|h| h.register.unit = Text::new("kWh").unwrap()), "other-unit"),
        ("kind, flipped", flip(|h| h.register.kind = RegisterKind::Sampled), f),
        ("kind, signed anew: a voltage", resigned(|h| h.register.kind = RegisterKind::Sampled), "other-unit"),
        ("epoch number, flipped", flip(|h| h.epoch = 1), f),
        ("epoch number, signed anew", resigned(|h| h.epoch = 1), "broken-epochs"),
        ("certificate, flipped to one that is not there", flip(|h| h.certificate = [1; 32]), "unknown-certificate"),
        ("block number, flipped", flip(|h| h.block += 1), f),
        ("block number, signed anew: one is skipped", resigned(|h| h.block += 1), "broken-chain"),
        ("pairing counter, flipped", flip(|h| h.pairing += 1), f),
        ("household, flipped", flip(|h| h.household = [1; 32]), f),
        ("household, signed anew without a new pairing", resigned(|h| h.household = [1; 32]), "broken-chain"),
        ("previous hash, flipped", flip(|h| h.previous = [1; 32]), f),
        ("list hash, flipped", flip(|h| h.list = [1; 32]), f),
        ("day commitment, flipped", flip(|h| h.day_commitment[0] ^= 1), f),
        ("residual, flipped", flip(|h| h.residual[0] ^= 1), f),
        ("status, flipped: a measured slot made missing", flip(|h| h.status[0] |= 1), f),
        ("events, flipped: tamper hidden", flip(|h| h.events ^= 1), f),
        ("clock quality, flipped", flip(|h| h.clock = ClockQuality::Bad), f),
    ];
    check(&table);
}

#[test]
fn fields_of_a_header_signed_anew_but_not_linked() {
    let mut table: Vec<Row> = Vec::new();
    // The pairing counter goes back: the next block is of an earlier pairing.
    table.push(("pairing counter, signed anew: goes back", resigned(|h| h.pairing += 1), "broken-chain"));
    let signed = |change: fn(&mut Forge)| {
        let mut forge = Forge::new(world());
        change(&mut forge);
        forge.sign();
        forge.code()
    };
    table.push(("previous hash, signed anew", signed(|f| f.chains[0][5].header.previous = [1; 32]), "broken-chain"));
    table.push((
        "list hash, signed anew",
        {
            let mut forge = Forge::new(world());
            let last = forge.chains[0].len() - 1;
            forge.chains[0][last].header.list = [1; 32];
            forge.sign();
            forge.code()
        },
        "other-commitments",
    ));
    table.push((
        "residual, signed anew: another amount than is billed",
        resigned(|h| h.residual = metrology::pedersen::commit_residual(5, &jubjub::Fr::one())),
        "sum-wrong",
    ));
    table.push(("residual, signed anew: not a point", resigned(|h| h.residual = [3; 64]), "not-a-point"));
    table.push((
        "certificate, signed anew: the later epoch's for an earlier day",
        {
            let mut forge = Forge::new(world());
            let later = forge.entries[1].hash();
            forge.chains[0][5].header.certificate = later;
            forge.sign();
            forge.code()
        },
        "broken-epochs",
    ));
    check(&table);
}

#[test]
fn lists_of_commitments() {
    let with = |change: &dyn Fn(&mut Forge), anew: bool| {
        let mut forge = Forge::new(world());
        change(&mut forge);
        if anew {
            forge.reseal();
        }
        forge.code()
    };
    let lower = |forge: &mut Forge| {
        let block = &mut forge.chains[0][5];
        let opening = block.seed.slot_opening(&block.header.register, block.header.first_slot(), block.header.block);
        block.list[0] = metrology::pedersen::commit_reading(1, opening.expose());
    };
    let torsion = |forge: &mut Forge| {
        // The point (0, −1) of order two, added to a commitment.
        let block = &mut forge.chains[0][5];
        let (u, v) = metrology::curve::Extended::IDENTITY
            .add_niels(&metrology::curve::read_point(&block.list[0]).unwrap())
            .to_affine();
        block.list[0] = metrology::curve::point_bytes(&-u, &-v);
    };
    check(&[
        ("two commitments swapped, flipped", with(&|f| f.chains[0][5].list.swap(0, 40), false), "other-commitments"),
        ("two commitments swapped, signed anew", with(&|f| f.chains[0][5].list.swap(0, 40), true), "sum-wrong"),
        ("a lower reading committed by the household", with(&lower, false), "other-commitments"),
        ("a lower reading committed, signed anew, true sum billed", with(&lower, true), "sum-wrong"),
        (
            "a commitment missing, flipped",
            with(
                &|f| {
                    let _ = f.chains[0][5].list.pop();
                },
                false,
            ),
            "other-commitments",
        ),
        (
            "a commitment missing, signed anew",
            with(
                &|f| {
                    let _ = f.chains[0][5].list.pop();
                },
                true,
            ),
            "other-commitments",
        ),
        ("a commitment off the curve, signed anew", with(&|f| f.chains[0][5].list[3] = [3; 64], true), "not-a-point"),
        (
            "a commitment with a coordinate not reduced, signed anew",
            with(&|f| f.chains[0][5].list[3] = [0xff; 64], true),
            "not-a-point",
        ),
        // All verifiers multiply by the cofactor: a small-order part changes nothing for anyone.
        ("control: a small-order point added, signed anew", with(&torsion, true), "valid"),
    ]);
}

#[test]
fn chains() {
    let with = |change: &dyn Fn(&mut Forge), anew: bool| {
        let mut forge = Forge::new(world());
        change(&mut forge);
        if anew {
            forge.reseal();
        } else {
            forge.sign();
        }
        forge.code()
    };
    let renumber = |forge: &mut Forge| {
        let start = forge.chains[0][0].header.block;
        for (number, block) in (start..).zip(forge.chains[0].iter_mut()) {
            block.header.block = number;
        }
    };
    let last = Forge::new(world()).chains[0].len() - 1;
    let early = world().chains[0][0].clone();
    let late = world().chains[0].last().unwrap().clone();
    check(&[
        ("a block left out", with(&|f| drop(f.chains[0].remove(5)), false), "broken-chain"),
        (
            "a block left out, renumbered and signed anew",
            with(
                &|f| {
                    f.chains[0].remove(5);
                    renumber(f);
                },
                true,
            ),
            "gap",
        ),
        ("the first block left out", with(&|f| drop(f.chains[0].remove(0)), false), "gap"),
        ("the last block left out", with(&|f| drop(f.chains[0].remove(last)), false), "gap"),
        (
            "a block twice",
            with(
                &|f| {
                    let copy = f.chains[0][5].clone();
                    f.chains[0].insert(5, copy);
                },
                false,
            ),
            "broken-chain",
        ),
        (
            "a block twice, renumbered and signed anew",
            with(
                &|f| {
                    let copy = f.chains[0][5].clone();
                    f.chains[0].insert(5, copy);
                    renumber(f);
                },
                true,
            ),
            "overlap",
        ),
        ("two blocks swapped", with(&|f| f.chains[0].swap(5, 6), false), "broken-chain"),
        (
            "two blocks swapped, renumbered and signed anew",
            with(
                &|f| {
                    f.chains[0].swap(5, 6);
                    renumber(f);
                },
                true,
            ),
            "gap",
        ),
        (
            "an earlier day replayed in place of another, signed anew",
            with(
                &|f| {
                    f.chains[0][5] = early.clone();
                    renumber(f);
                },
                true,
            ),
            "overlap",
        ),
        (
            "a block before the period added",
            with(
                &|f| {
                    let mut b = early.clone();
                    b.header.day = f.chains[0][0].header.day - 1;
                    f.chains[0].insert(0, b);
                },
                false,
            ),
            "broken-chain",
        ),
        (
            "a block after the period added, signed anew",
            with(
                &|f| {
                    let mut block = late.clone();
                    block.header.day = f.chains[0][last].header.day + 1;
                    block.header.block = f.chains[0][last].header.block + 1;
                    f.chains[0].push(block);
                },
                true,
            ),
            "untouched-block",
        ),
        ("no block at all", with(&|f| f.chains[0].clear(), false), "gap"),
        (
            "the registers exchanged",
            with(
                &|f| {
                    f.chains.swap(0, 1);
                    f.signatures.swap(0, 1);
                },
                true,
            ),
            "other-registers",
        ),
    ]);
}

#[test]
fn signatures() {
    let with = |change: &dyn Fn(&mut Forge)| {
        let mut forge = Forge::new(world());
        change(&mut forge);
        forge.code()
    };
    let stranger = SigningKey::from_bytes(&[99; 32]);
    let by = |key: &SigningKey, purpose: &[u8], header: &DayHeader| {
        metrology::cose::signature(key, purpose, &protocol::wire::encode(header)).unwrap()
    };
    let last = |f: &Forge| f.chains[0].last().unwrap().header.clone();
    use metrology::cose::purpose::{CERTIFICATE, DAY_BLOCK};
    check(&[
        ("a bit of the signature", with(&|f| f.signatures[0][0][10] ^= 1), "bad-meter-signature"),
        (
            "a signature missing",
            with(&|f| {
                let _ = f.signatures[0].pop();
            }),
            "signature-count",
        ),
        (
            "a signature too many",
            with(&|f| {
                let s = f.signatures[0][0];
                f.signatures[0].push(s);
            }),
            "signature-count",
        ),
        ("signatures of two epochs exchanged", with(&|f| f.signatures[0].swap(0, 1)), "bad-meter-signature"),
        (
            "signed by a stranger's key",
            with(&|f| f.signatures[0][1] = by(&stranger, DAY_BLOCK, &last(f))),
            "bad-meter-signature",
        ),
        (
            "signed by the meter for another purpose",
            with(&|f| f.signatures[0][1] = by(&f.entries[1].signing, CERTIFICATE, &last(f))),
            "bad-meter-signature",
        ),
        (
            "signed by the identity key instead of the epoch's",
            with(&|f| f.signatures[0][1] = by(&f.entries[1].identity, DAY_BLOCK, &last(f))),
            "bad-meter-signature",
        ),
    ]);
}
