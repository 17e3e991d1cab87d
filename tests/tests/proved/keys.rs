//! Keys of other circuits and ceremonies, and parameters that were made to leak.

use std::fs;
use std::io::Cursor;

use blstrs::{G1Affine, G2Affine};
use gateway_core::circuits::{CircuitError, CircuitFolder};
use gateway_core::prove::{KeyError, ProvingKey};
use group::Curve;
use group::prime::PrimeCurveAffine;
use protocol::bill::proved::ProvedStatement;
use protocol::circuit::{CircuitKey, Profile};
use protocol::groth16::{CheckError, Parameters};
use protocol::verify::Policy;
use protocol::verify::proved::Circuits;
use rand_core::OsRng;

use crate::cheat::{Cheat, verdict};
use crate::check;
use crate::home::{folder, ready};
use crate::world::{MARCH, World};

#[test]
fn keys_of_others() {
    let world = &World::new();
    let cheat = Cheat::new(&world.one, &world.tariff, MARCH, None);
    let own = &cheat.ready.circuit;
    // The same circuit after another ceremony, and another circuit.
    let mut again = own.clone();
    again.key.delta_g2 = (again.key.delta_g2.to_curve() + G2Affine::generator()).to_affine();
    let query = ready(Profile::named("query-60").unwrap()).circuit.clone();
    let by = |keys: Vec<CircuitKey>, package: &[u8]| {
        verdict(package, &world.tariff, &Circuits::new(keys), &world.one.registry, &Policy::default())
    };
    let named = |key: &CircuitKey| {
        let id = key.id();
        move |s: &mut ProvedStatement| s.circuit = id
    };
    let all = || vec![own.clone(), again.clone(), query.clone()];
    check(&[
        ("control: trusted among others", by(all(), &cheat.flipped(|_| ())), "valid"),
        ("no circuit is trusted", by(Vec::new(), &cheat.flipped(|_| ())), "unknown-circuit"),
        ("only another ceremony's is trusted", by(vec![again.clone()], &cheat.flipped(|_| ())), "unknown-circuit"),
        ("another ceremony's key named", by(all(), &cheat.flipped(named(&again))), "wrong-proof"),
        ("another ceremony's key named, proved", by(all(), &cheat.proved(named(&again))), "wrong-proof"),
        (
            "another circuit named, which does not hold the tariff",
            by(all(), &cheat.flipped(named(&query))),
            "not-provable",
        ),
    ]);
}

/// Parameters that would let their maker read proofs are not proved with. All lists and single points of a file are gone
/// through in protocol's own tests; here a file goes the way that it goes in a home.
#[test]
fn parameters_that_leak() {
    let profile = Profile::named("query-60").unwrap();
    let made = folder().trial(profile, &mut OsRng, &|_, _| ()).unwrap();
    let file = fs::read(folder().path(&profile, &made.pin)).unwrap();
    let good = Parameters::read(&file, false).unwrap();
    let key = |change: &dyn Fn(&mut Parameters)| {
        let mut parameters = good.clone();
        change(&mut parameters);
        ProvingKey::new(profile.shape, &parameters).map(|_| "taken").unwrap_or_else(|error| match error {
            KeyError::Subverted => "subverted",
            KeyError::OtherCircuit => "other-circuit",
            KeyError::Circuit(_) => "no circuit",
        })
    };
    check(&[
        ("control: parameters as they are", key(&|_| ()), "taken"),
        (
            "delta at infinity",
            key(&|p| (p.delta_g1, p.key.delta_g2) = (G1Affine::identity(), G2Affine::identity())),
            "subverted",
        ),
        ("delta at infinity in the first group", key(&|p| p.delta_g1 = G1Affine::identity()), "subverted"),
        ("delta at infinity in the second group", key(&|p| p.key.delta_g2 = G2Affine::identity()), "subverted"),
        ("gamma at infinity", key(&|p| p.key.gamma_g2 = G2Affine::identity()), "subverted"),
        ("a point less", key(&|p| p.h.truncate(1000)), "other-circuit"),
        ("another circuit's hash", key(&|p| p.circuit[0] ^= 1), "other-circuit"),
    ]);

    // One point among some ninety thousand, in a file that is whole.
    let home = tempfile::tempdir().unwrap();
    let mut altered = good;
    let middle = altered.a.len() / 2;
    altered.a[middle] = (altered.a[middle].to_curve() + G1Affine::generator()).to_affine();
    let powers = fs::read(concat!(env!("CARGO_TARGET_TMPDIR"), "/circuits/query-60-trial.powers")).unwrap();
    let taken = CircuitFolder::new(home.path()).add(&altered.write(), &mut Cursor::new(powers), &mut OsRng, &|_, _| ());
    let refused = taken.err().unwrap();
    assert!(matches!(refused, CircuitError::Check(CheckError::Rebuilt(_))), "{refused}");
    assert!(refused.to_string().contains("could leak readings: the list a"), "{refused}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "nothing is kept of a file that was refused");
}
