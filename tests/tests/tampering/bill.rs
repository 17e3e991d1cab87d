//! Attacks on what the household says: statement, proof and package.

use protocol::bill::{Package, Statement};
use protocol::linear::LinearProof;
use protocol::wire;

use crate::forge::Forge;
use crate::{Row, check, world};

#[test]
fn fields_of_a_statement() {
    let forge = Forge::new(world());
    let mut asks = forge.clone();
    asks.policy.nonce = Some([1; 16]);
    let mut complete = forge.clone();
    complete.policy.allow_incomplete = false;
    let flipped = |change: &dyn Fn(&mut Statement)| forge.code_flipped(change);
    let proved = |change: &dyn Fn(&mut Statement)| forge.code_with(change);
    let table: Vec<Row> = vec![
        ("fee, flipped", flipped(&|s| s.fee_minor -= 1), "sum-wrong"),
        ("fee, proved anew", proved(&|s| s.fee_minor -= 1), "fee-wrong"),
        ("sum, flipped", flipped(&|s| s.amounts[0] -= 100), "sum-wrong"),
        ("sum, proved anew", proved(&|s| s.amounts[0] -= 100), "sum-wrong"),
        ("sum that no readings can give", flipped(&|s| s.amounts[0] -= 1), "sum-impossible"),
        ("a sum too many", proved(&|s| s.amounts.push(0)), "other-account"),
        (
            "a sum missing",
            proved(&|s| {
                let _ = s.amounts.pop();
            }),
            "other-account",
        ),
        ("export credited twice", proved(&|s| s.amounts[1] *= 2), "sum-wrong"),
        ("recipient, flipped", flipped(&|s| s.recipient = [1; 32]), "other-recipient"),
        ("recipient, proved anew", proved(&|s| s.recipient = [1; 32]), "other-recipient"),
        ("purpose, proved anew", proved(&|s| s.purpose = "research".into()), "other-purpose"),
        ("nonce, flipped", flipped(&|s| s.nonce = [1; 16]), "sum-wrong"),
        ("nonce that was not asked for", asks.code(), "other-nonce"),
        ("tariff, proved anew", proved(&|s| s.tariff = [1; 32]), "other-tariff"),
        ("kind, proved anew", proved(&|s| s.kind = "disclosure".into()), "unknown-kind"),
        ("version, proved anew", proved(&|s| s.version = 2), "unknown-kind"),
        ("suite, proved anew", proved(&|s| s.suite = 2), "unknown-kind"),
        ("period, flipped", flipped(&|s| s.period.from += 86_400), "untouched-block"),
        ("missing slots not admitted, proved anew", proved(&|s| s.metered[0].missing = 0), "other-account"),
        ("tamper not admitted, proved anew", proved(&|s| s.metered[0].tamper += 1), "other-account"),
        ("events not admitted, proved anew", proved(&|s| s.metered[0].events ^= 1), "other-account"),
        ("head, proved anew", proved(&|s| s.metered[0].segments[0].head = [1; 32]), "other-account"),
        ("number of blocks, proved anew", proved(&|s| s.metered[0].segments[0].blocks -= 1), "other-account"),
        ("a register left out, proved anew", proved(&|s| drop(s.metered.pop())), "other-account"),
        ("correction of another bill, flipped", flipped(&|s| s.corrects = Some([1; 32].into())), "sum-wrong"),
        ("unmeasured slots where a complete period is required", complete.code(), "incomplete"),
        ("control: a correction, proved anew", proved(&|s| s.corrects = Some([1; 32].into())), "valid"),
    ];
    check(&table);
}

#[test]
fn periods() {
    let with = |from: i64, until: i64| {
        let mut forge = Forge::new(world());
        forge.period.from = forge.period.from.checked_add_signed(from).unwrap();
        forge.period.until = forge.period.until.checked_add_signed(until).unwrap();
        let (entries, chains) = (world().entries.clone(), &world().chains);
        forge.entries = entries;
        for (ours, all) in forge.chains.iter_mut().zip(chains) {
            *ours = all.iter().filter(|b| b.header.span().overlaps(&forge.period)).cloned().collect();
        }
        forge.sign();
        forge.code()
    };
    let day = 86_400;
    check(&[
        ("begins half an hour late: the dear slot is left out", with(1800, 0), "not-local-days"),
        ("ends a second early", with(0, -1), "not-on-grid"),
        ("reaches beyond the tariff", with(0, 30 * day), "gap"),
        ("empty", with(0, -(31 * day - 3600)), "empty-period"),
        ("wrong way round", with(5 * day, -(31 * day - 3600)), "empty-period"),
        ("control: a shorter honest period", with(2 * day, -2 * day), "valid"),
    ]);
}

#[test]
fn proofs() {
    let forge = Forge::new(world());
    let statement = forge.statement();
    let proof = forge.prove(&statement);
    let judge = |proof: &LinearProof| {
        let bytes = forge.package_with(&statement, proof).write();
        forge.judge(&bytes).map_or_else(|code| code, |_| "valid")
    };
    let with = |change: &dyn Fn(&mut LinearProof)| {
        let mut other = proof.clone();
        change(&mut other);
        judge(&other)
    };
    let other_statement = Statement { nonce: [8; 16], ..statement.clone() };
    let replayed = forge.prove(&other_statement);
    // s + q is the same scalar written differently.
    let unreduced = |proof: &mut LinearProof| {
        let mut carry = 0u16;
        for (byte, order) in proof.lines[0].response.iter_mut().zip(GROUP_ORDER) {
            carry += u16::from(*byte) + u16::from(order);
            *byte = carry as u8;
            carry >>= 8;
        }
    };
    let torsion = |proof: &mut LinearProof| {
        let point = metrology::curve::read_point(&proof.lines[0].commitment).unwrap();
        let (u, v) = metrology::curve::Extended::IDENTITY.add_niels(&point).to_affine();
        proof.lines[0].commitment = metrology::curve::point_bytes(&-u, &-v);
    };
    check(&[
        ("control: the proof as it is", judge(&proof), "valid"),
        ("control: a second proof of the same statement", judge(&forge.prove(&statement)), "valid"),
        ("a proof of another statement", judge(&replayed), "sum-wrong"),
        ("a response bit", with(&|p| p.lines[0].response[3] ^= 1), "sum-wrong"),
        ("a response not reduced: another form of the same proof", with(&unreduced), "proof-encoding"),
        ("a commitment bit", with(&|p| p.lines[0].commitment[3] ^= 1), "proof-encoding"),
        ("a small-order point added to a commitment: the challenge binds it", with(&torsion), "sum-wrong"),
        ("lines exchanged", with(&|p| p.lines.swap(0, 1)), "sum-wrong"),
        (
            "a line missing",
            with(&|p| {
                p.lines.pop();
            }),
            "proof-shape",
        ),
        (
            "a line too many",
            with(&|p| {
                let l = p.lines[0].clone();
                p.lines.push(l);
            }),
            "proof-shape",
        ),
        ("no proof", judge(&LinearProof { lines: Vec::new() }), "proof-shape"),
        (
            "zeros",
            with(&|p| {
                p.lines[0].commitment = metrology::curve::Extended::IDENTITY.to_bytes();
                p.lines[0].response = [0; 32];
            }),
            "sum-wrong",
        ),
    ]);
}

/// Order of Jubjub's prime subgroup, little-endian.
const GROUP_ORDER: [u8; 32] = [
    183, 44, 247, 214, 94, 14, 151, 208, 130, 16, 200, 204, 147, 32, 104, 166, 0, 59, 52, 1, 1, 59, 103, 6, 169, 175,
    51, 101, 234, 180, 125, 14,
];

#[test]
fn packages() {
    let forge = Forge::new(world());
    let good = forge.package();
    let judge = |bytes: &[u8]| forge.judge(bytes).map_or_else(|code| code, |_| "valid");
    let with = |change: &dyn Fn(&mut Package)| {
        let mut package = Package::read(&good).unwrap();
        change(&mut package);
        judge(&package.write())
    };
    let mut version = good.clone();
    let at = good.windows(13).position(|w| w == b"wattseal/bill").unwrap() + 13;
    version[at] = 2;
    let mut longer = good.clone();
    longer[0] += 1;
    longer.push(0);
    // The version as a two-byte integer: the same value, another form.
    let wide: Vec<u8> = [&good[..at], &[0x18, 1], &good[at + 1..]].concat();
    check(&[
        ("bytes after the end", judge(&[&good[..], &[0]].concat()), "not-canonical"),
        ("cut short", judge(&good[..good.len() - 1]), "malformed"),
        ("empty", judge(&[]), "malformed"),
        ("another version", judge(&version), "unknown-version"),
        ("a field too many", judge(&longer), "not-canonical"),
        ("an integer in a longer form", judge(&wide), "not-canonical"),
        ("a register's chain missing", with(&|p| drop(p.chains.pop())), "other-registers"),
        ("chains exchanged", with(&|p| p.chains.swap(0, 1)), "other-registers"),
        (
            "a chain twice",
            with(&|p| {
                let c = p.chains[0].clone();
                p.chains.push(c);
            }),
            "other-registers",
        ),
        (
            "the import chain as export",
            with(&|p| p.chains[1].blocks = p.chains[0].blocks.clone()),
            "bad-meter-signature",
        ),
        ("a statement with bytes after its end", with(&|p| p.statement.push(0)), "not-canonical"),
        ("a proof with bytes after its end", with(&|p| p.proof.push(0)), "not-canonical"),
        ("a header with bytes after its end", with(&|p| p.chains[0].blocks[3].header.push(0)), "not-canonical"),
    ]);
}

#[test]
fn no_single_bit_can_change() {
    let forge = Forge::new(world());
    let good = forge.package();
    // Every 97th bit of the file: every field is hit, in a time that a test may take.
    let survivors: Vec<usize> = (0..good.len() * 8)
        .step_by(9_973)
        .filter(|bit| {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            forge.judge(&bad).is_ok()
        })
        .collect();
    assert_eq!(survivors, Vec::<usize>::new());
    assert!(wire::decode::<Statement>(&Package::read(&good).unwrap().statement, "statement").is_ok());
}
