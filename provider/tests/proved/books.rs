//! Proved bills in the books: booked once, corrected, exported, and refused for their circuit.

use std::fs;

use crate::prover::Prover;
use crate::world::*;
use crate::{desk, no, yes};

#[test]
fn a_proved_bill_is_booked_once_and_corrected() {
    let prover = Prover::new();
    let (desk, house) = (desk(&prover), House::new(1, 200));
    let first = house.prove(&desk, &prover, "import", days(2, 9), None, None);
    desk.write("first.bill", &first.bill);
    assert_eq!(desk.told(&first.bill, "import", &[]), no("origin-unattested"));
    assert_eq!(desk.add(&house.meters[0], &["--contract", "4711"]).0, 0);
    let (code, verdict) = desk.verify(&first.bill, &[]);
    assert_eq!((code, verdict["booked"].as_str(), verdict["kind"].as_str()), (0, Some("new"), Some("proved-bill")));
    assert_eq!((&verdict["demonstration"], &verdict["circuit"]["name"]), (&true.into(), &"energy-60".into()));
    assert!(verdict.get("lines").is_none() && verdict.get("totals").is_none(), "no sum leaves the house: {verdict}");
    assert_eq!(desk.told(&first.bill, "import", &[]), yes("already"));

    // A linear bill of the same time says the same amount; as a second bill it is refused.
    let linear = house.bill(&desk, days(2, 9));
    assert_eq!(desk.outcome(&linear, &[]), no("overlap-booked"));
    let second = house.prove(&desk, &prover, "import", days(2, 9), None, Some(first.digest));
    assert_eq!(desk.told(&second.bill, "import", &[]), yes("correction"));
    let (_, digest) = house.make(&desk, "import", days(2, 9), None, Some(second.digest));
    let (linear, _) = house.make(&desk, "import", days(2, 9), None, Some(second.digest));
    assert_eq!(desk.outcome(&linear, &[]), yes("correction"), "another kind of bill corrects it, too");
    assert_ne!(digest, second.digest);
    let list = desk.json(&["ledger", "list"]).1;
    let fees: Vec<_> = list["bills"].as_array().unwrap().iter().map(|bill| &bill["fee_minor"]).collect();
    assert!(fees.windows(2).all(|pair| pair[0] == pair[1]), "{fees:?}");
    assert_eq!((&list["accepted"], &list["superseded"]), (&1.into(), &2.into()));

    let shown = desk.json(&["ledger", "show", &hex::encode(first.digest)]).1;
    assert_eq!(shown["proof"]["circuit"], hex::encode(prover.circuit.id()));
    assert_eq!((&shown["proof"]["demonstration"], shown["proof"]["carried"].is_null()), (&true.into(), true));
    assert!(desk.run(&["ledger", "show", &hex::encode(first.digest)]).1.contains("DEMONSTRATION"));

    // What it was verified under is in the books, whatever becomes of the home's folder.
    assert_eq!(desk.run(&["circuits", "remove", "energy-60"]).0, 0);
    let digest = hex::encode(first.digest);
    let export =
        ["ledger", "export", &digest, "--out", "x.bill", "--circuit-out", "x.circuit", "--tariff-out", "x.tariff"];
    assert_eq!(desk.json(&export).0, 0);
    assert_eq!((desk.read("x.bill"), desk.read("x.circuit")), (first.bill, prover.circuit.write()));
}

#[test]
fn a_circuit_that_is_not_here_is_refused_with_what_to_do() {
    let prover = Prover::new();
    let (desk, house) = (desk(&prover), House::new(1, 200));
    assert_eq!(desk.add(&house.meters[0], &[]).0, 0);
    let bill = house.prove(&desk, &prover, "import", days(2, 9), None, None);
    fs::rename(desk.path("home/circuits"), desk.path("home/aside")).unwrap();
    let (code, verdict) = desk.verify(&bill.bill, &[]);
    assert_eq!((code, &verdict["reason"]), (1, &"unknown-circuit".into()));
    let message = verdict["message"].as_str().unwrap();
    assert!(message.contains(&hex::encode(prover.circuit.id())) && message.contains("circuits list"), "{message}");
    assert!(desk.run(&["circuits", "list"]).1.contains("There are none"));
    fs::rename(desk.path("home/aside"), desk.path("home/circuits")).unwrap();
    assert_eq!(desk.told(&bill.bill, "import", &[]), yes("new"));

    // A damaged circuit is not used, and said.
    let path = desk.path("home/circuits/energy-60.circuit");
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::write(&path, bytes).unwrap();
    let next = house.prove(&desk, &prover, "import", days(9, 12), None, None);
    assert_eq!(desk.told(&next.bill, "import", &[]), no("unknown-circuit"));
    assert!(desk.run(&["circuits", "list"]).1.contains("NOT USED"));
}

#[test]
fn nothing_of_a_proved_bill_can_be_changed() {
    let prover = Prover::new();
    let (desk, house) = (desk(&prover), House::new(1, 200));
    assert_eq!(desk.add(&house.meters[0], &[]).0, 0);
    let one =
        protocol::bill::Package::read(&house.prove(&desk, &prover, "import", days(2, 5), None, None).bill).unwrap();
    let two =
        protocol::bill::Package::read(&house.prove(&desk, &prover, "import", days(2, 5), None, None).bill).unwrap();
    let certificates = || one.certificates.iter().map(|c| c.to_vec()).collect::<Vec<_>>();
    let package = |statement: Vec<u8>, proof: Vec<u8>| {
        protocol::bill::Package::new(statement, proof, certificates(), one.chains.clone()).write()
    };
    let other_proof = package(one.statement.to_vec(), two.proof.to_vec());
    assert_eq!(desk.told(&other_proof, "import", &[]), no("wrong-proof"));
    let mut statement: protocol::bill::proved::ProvedStatement =
        protocol::wire::decode(&one.statement, "statement").unwrap();
    statement.fee_minor -= 1;
    assert_eq!(desk.told(&package(statement.encode(), one.proof.to_vec()), "import", &[]), no("wrong-proof"));
    assert_eq!(desk.told(&package(one.statement.to_vec(), one.proof.to_vec()), "import", &[]), yes("new"));
    // The proof's bytes are not the bill: the same statement again is the same bill, whatever proof came first.
    assert_eq!(desk.json(&["ledger", "refusals"]).1["refusals"].as_array().unwrap().len(), 2);
}
