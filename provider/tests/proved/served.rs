//! Proved bills and circuits over the network.

use std::fs;
use std::io::{Read, Write};

use protocol::circuit::CircuitKey;
use protocol::groth16::Parameters;
use serde_json::Value;

use crate::prover::Prover;
use crate::wire::*;
use crate::world::*;
use crate::{CARRIES, yes};

fn published(prover: &Prover) -> Desk {
    assert!(CARRIES.contains("cell"));
    let desk = crate::desk(prover);
    for tariff in ["import.tariff", "carries.tariff"] {
        assert_eq!(desk.json(&["tariff", "publish", tariff]).0, 0);
    }
    assert_eq!(desk.json(&["tls", "root", "--out", "root.pem"]).0, 0);
    desk
}

/// Asks for a path: the status and the body.
fn get(service: &Service, desk: &Desk, path: &str, seed: Option<u8>) -> (u16, Vec<u8>) {
    let mut stream = raw(service, &desk.read("root.pem"), seed);
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: provider.wattseal\r\n\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), answer.split_off(end + 4))
}

fn code(answer: (u16, Vec<u8>)) -> (u16, String) {
    let error: Value = serde_json::from_slice(&answer.1).unwrap();
    (answer.0, error["error"]["code"].as_str().unwrap().to_owned())
}

#[test]
fn a_household_fetches_what_it_proves_with() {
    let prover = Prover::new();
    let desk = published(&prover);
    let service = Service::start(&desk, &[]);
    let client = service.client(1);
    enrol(&desk, &client, "4711", &House::new(1, 200));
    let (status, list) = get(&service, &desk, "/v1/circuits", None);
    let list: Value = serde_json::from_slice(&list).unwrap();
    let row = &list["circuits"][0];
    assert_eq!((status, &row["name"], &row["demonstration"]), (200, &"energy-60".into(), &true.into()), "{list}");
    let id = hex::encode(prover.circuit.id());
    assert_eq!((&row["id"], &row["system"]), (&id.as_str().into(), &hex::encode(prover.circuit.system).into()));
    assert_eq!((&row["origin"], row["powers"].is_null()), (&"00".repeat(32).into(), true));

    let parameters = fs::read(&prover.parameters).unwrap();
    assert_eq!(row["proving"]["bytes"], parameters.len());
    assert_eq!(row["proving"]["pin"], hex::encode(Parameters::pin(&parameters).unwrap()));
    let path = format!("/v1/circuits/{id}/proving");
    let (status, body) = get(&service, &desk, &path, Some(1));
    assert!(status == 200 && body == parameters, "the file came whole: {status}, {} bytes", body.len());
    let (status, circuit) = get(&service, &desk, &format!("/v1/circuits/{id}/circuit"), None);
    assert_eq!((status, CircuitKey::read(&circuit).unwrap().id()), (200, prover.circuit.id()));
    assert_eq!(row["circuit"]["bytes"], circuit.len());

    assert_eq!(code(get(&service, &desk, &path, None)), (401, "no-key".into()));
    assert_eq!(code(get(&service, &desk, &path, Some(9))), (403, "not-enrolled".into()));
    assert_eq!(
        code(get(&service, &desk, &format!("/v1/circuits/{id}/powers"), Some(1))),
        (404, "not-published".into())
    );
    let none = format!("/v1/circuits/{}/proving", "00".repeat(32));
    assert_eq!(code(get(&service, &desk, &none, Some(1))), (404, "unknown-circuit".into()));

    // Powers that are published while the service runs: seen as soon as the circuit's file is written.
    let powers = fs::read(crate::prover::shared().join("energy-60-trial.powers")).unwrap();
    fs::remove_file(desk.path("home/circuits/energy-60.circuit")).unwrap();
    assert_eq!(get(&service, &desk, "/v1/circuits", None).1, br#"{"circuits":[],"format":1}"#);
    desk.write("home/circuits/energy-60.powers", &powers);
    let sum = provider::circuits::sha256(&mut &powers[..]).unwrap();
    desk.write("home/circuits/energy-60.powers.sha256", format!("{}  energy-60.powers\n", hex::encode(sum)).as_bytes());
    prover.install(&desk.path("home/circuits"));
    let (status, body) = get(&service, &desk, &format!("/v1/circuits/{id}/powers"), Some(1));
    assert!(status == 200 && body == powers, "{status}, {} bytes", body.len());
    let list: Value = serde_json::from_slice(&get(&service, &desk, "/v1/circuits", None).1).unwrap();
    assert_eq!(list["circuits"][0]["powers"], serde_json::json!({ "bytes": powers.len(), "sha256": hex::encode(sum) }));
}

#[test]
fn proved_bills_are_taken_like_all_others() {
    let prover = Prover::new();
    let desk = published(&prover);
    let service = Service::start(&desk, &[]);
    let (client, house) = (service.client(1), House::new(1, 200));
    enrol(&desk, &client, "4711", &house);
    let rejected = |bill: &[u8]| match run(client.submit(bill)).unwrap_err() {
        hub::provider::ProviderError::Rejected { code, .. } => code,
        other => panic!("{other:?}"),
    };
    let one = house.prove(&desk, &prover, "carries", days(2, 5), None, None);
    let two = house.prove(&desk, &prover, "carries", days(5, 9), Some(&one.after), None);
    assert_eq!(rejected(&two.bill), "state-unknown");
    let first = run(client.submit(&one.bill)).unwrap();
    assert_eq!((first.receipt.digest, &first.verdict["kind"]), (one.digest, &"proved-bill".into()));
    assert_eq!((&first.verdict["demonstration"], &first.verdict["fee_minor"].is_i64()), (&true.into(), &true));
    assert_eq!(run(client.submit(&one.bill)).unwrap(), first);
    assert_eq!(rejected(&house.prove(&desk, &prover, "carries", days(5, 9), None, None).bill), "state-reset");
    // The refusal before was of its time: what was missing has come.
    run(client.submit(&two.bill)).unwrap();

    // Booked by hand, its receipt not written; then the operator takes the circuit away while the service runs.
    let three = house.prove(&desk, &prover, "carries", days(9, 12), Some(&two.after), None);
    assert_eq!(desk.told(&three.bill, "carries", &[]), yes("new"));
    let four = house.prove(&desk, &prover, "carries", days(12, 15), Some(&three.after), None);
    assert_eq!(desk.json(&["circuits", "remove", "energy-60"]).0, 0);
    assert_eq!(rejected(&four.bill), "unknown-circuit");
    let third = run(client.submit(&three.bill)).unwrap();
    assert_eq!(third.verdict["circuit"]["id"], hex::encode(prover.circuit.id()), "from the books");
    assert_eq!(run(client.submit(&one.bill)).unwrap(), first);
    prover.install(&desk.path("home/circuits"));
    run(client.submit(&four.bill)).unwrap();
    assert_eq!(desk.json(&["ledger", "list"]).1["accepted"], 4);
}
