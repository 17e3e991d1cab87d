//! The proof's bytes and the package's.

use blstrs::{G1Affine, G2Affine, Scalar};
use ff::Field;
use group::Curve;
use group::prime::PrimeCurveAffine;
use protocol::bill::Package;
use protocol::groth16::Proof;
use protocol::verify::Policy;
use protocol::verify::proved::verify_proved;

use crate::cheat::Cheat;
use crate::check;
use crate::world::{MARCH, World};

#[test]
fn proofs() {
    let world = &World::new();
    let cheat = Cheat::new(&world.one, &world.tariff, MARCH, None);
    let good = Proof::read(&cheat.package.proof).unwrap();
    let bytes = |proof: Vec<u8>| cheat.verdict(&cheat.package_of(&cheat.statement, proof));
    let with = |change: &dyn Fn(&mut Proof)| {
        let mut proof = good;
        change(&mut proof);
        bytes(proof.write().to_vec())
    };
    let at = |place: usize, value: u8| {
        let mut proof = good.write().to_vec();
        proof[place] ^= value;
        bytes(proof)
    };
    let (one, two) = (G1Affine::generator(), G2Affine::generator());
    let (none1, none2) = (G1Affine::identity(), G2Affine::identity());
    // On the curve, and not in the group of prime order: the first such point by its x.
    let outside = (0u8..).find_map(|x| {
        let mut bytes = [0; 48];
        (bytes[0], bytes[47]) = (0x80, x);
        let point: Option<G1Affine> = G1Affine::from_compressed_unchecked(&bytes).into();
        point.filter(|point| !bool::from(point.is_torsion_free())).map(|_| bytes)
    });
    let mut torsion = good.write();
    torsion[..48].copy_from_slice(&outside.unwrap());
    check(&[
        ("A negated", with(&|p| p.a = -p.a), "wrong-proof"),
        ("B negated", with(&|p| p.b = -p.b), "wrong-proof"),
        ("C negated", with(&|p| p.c = -p.c), "wrong-proof"),
        ("A and C exchanged", with(&|p| core::mem::swap(&mut p.a, &mut p.c)), "wrong-proof"),
        ("A the generator", with(&|p| p.a = one), "wrong-proof"),
        ("B the generator", with(&|p| p.b = two), "wrong-proof"),
        ("C the generator", with(&|p| p.c = one), "wrong-proof"),
        ("A at infinity", with(&|p| p.a = none1), "wrong-proof"),
        ("B at infinity", with(&|p| p.b = none2), "wrong-proof"),
        ("C at infinity", with(&|p| p.c = none1), "wrong-proof"),
        ("all at infinity", with(&|p| *p = Proof { a: none1, b: none2, c: none1 }), "wrong-proof"),
        ("A outside the group", bytes(torsion.to_vec()), "wrong-proof"),
        ("a bit of A", at(20, 1), "wrong-proof"),
        ("a bit of B", at(90, 1), "wrong-proof"),
        ("a bit of C", at(180, 1), "wrong-proof"),
        ("A not marked as compressed", at(0, 0x80), "wrong-proof"),
        ("zeros", bytes(vec![0; 192]), "wrong-proof"),
        ("a byte less", bytes(good.write()[..191].to_vec()), "wrong-proof"),
        ("a byte more", bytes([&good.write()[..], &[0]].concat()), "wrong-proof"),
        ("no proof", bytes(Vec::new()), "wrong-proof"),
    ]);

    // Anybody can make other proofs of a bill out of one (Groth16 proofs are malleable): they are proofs of the same bill,
    // which its statement's digest names, and of no other.
    let r = Scalar::from(1234);
    let delta = cheat.ready.circuit.key.delta_g2;
    let others: [Proof; 3] = [
        Proof { a: -good.a, b: -good.b, ..good },
        Proof { a: (good.a * r).to_affine(), b: (good.b * r.invert().unwrap()).to_affine(), ..good },
        Proof {
            b: (good.b.to_curve() + delta * r).to_affine(),
            c: (good.c.to_curve() + good.a * r).to_affine(),
            ..good
        },
    ];
    for other in others {
        assert_ne!(other, good);
        let package = cheat.package_of(&cheat.statement, other.write().to_vec());
        let (circuits, registry) = (&cheat.ready.circuits, &world.one.registry);
        let verified = verify_proved(&package, &world.tariff, circuits, registry, &Policy::default()).unwrap();
        assert_eq!((verified.digest, verified.statement), (cheat.digest, cheat.statement.clone()));
    }
}

#[test]
fn packages() {
    let world = &World::new();
    let cheat = Cheat::new(&world.one, &world.tariff, MARCH, None);
    let good = cheat.package.write();
    let with = |change: &dyn Fn(&mut Package)| {
        let mut package = Package::read(&good).unwrap();
        change(&mut package);
        cheat.verdict(&package.write())
    };
    check(&[
        ("cut short", cheat.verdict(&good[..good.len() - 1]), "malformed"),
        ("empty", cheat.verdict(&[]), "malformed"),
        ("bytes after the end", cheat.verdict(&[&good[..], &[0]].concat()), "not-canonical"),
        ("a statement with bytes after its end", with(&|p| p.statement.push(0)), "not-canonical"),
        ("a statement cut short", with(&|p| p.statement.truncate(100)), "malformed"),
        ("no certificates", with(&|p| p.certificates.clear()), "unknown-certificate"),
        ("no blocks", with(&|p| p.chains[0].blocks.clear()), "gap"),
        ("the last block left out", with(&|p| drop(p.chains[0].blocks.pop())), "bad-meter-signature"),
        ("the first block left out", with(&|p| drop(p.chains[0].blocks.remove(0))), "gap"),
        ("no chain", with(&|p| p.chains.clear()), "other-registers"),
        ("no signature", with(&|p| p.chains[0].signatures.clear()), "signature-count"),
        (
            "commitments of slots, which a proved bill does not carry",
            with(&|p| p.chains[0].blocks[3].commitments.extend([0; 64])),
            "other-commitments",
        ),
    ]);

    // Every so-manieth bit of the file: every field is hit.
    let survivors: Vec<usize> = (0..good.len() * 8)
        .step_by(241)
        .filter(|bit| {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            cheat.verdict(&bad) == "valid"
        })
        .collect();
    assert_eq!(survivors, Vec::<usize>::new());
}
