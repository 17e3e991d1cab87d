//! Commands for meters: queued, fetched, answered by the meter.

use ed25519_dalek::SigningKey;
use protocol::service::command::{Action, Outcome, VerifiedCommand};

use crate::wire::*;
use crate::world::*;

/// The meter's identity key, as the emulator derives it from its seed.
fn identity(seed: u8, public: [u8; 32]) -> SigningKey {
    let key = SigningKey::from_bytes(&entropy(seed).draw::<32>("identity", 0).unwrap());
    assert_eq!(key.verifying_key().to_bytes(), public);
    key
}

#[test]
fn a_command_goes_to_its_meter_and_the_receipt_comes_back() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let (client, house) = (service.client(1), House::new(1, 200));
    enrol(&desk, &client, "4711", &house);
    let (other, neighbour) = (service.client(2), House::new(2, 300));
    enrol(&desk, &other, "4712", &neighbour);
    let public = house.meters[0].certificates()[0].certificate.identity_key;
    let meter = hex::encode(public);
    let send = |args: &[&str]| desk.json(&[&["meter", "command", meter.as_str()], args].concat());
    // Numbers are not below the time: a ledger that came back from a backup repeats none.
    let earliest = now();
    let credit = send(&["credit", "--amount", "20.00", "--currency", "EUR", "--out", "c.cmd"]).1;
    let first = credit["sequence"].as_u64().unwrap();
    assert!((earliest..=now()).contains(&first), "{credit}");
    let second = send(&["disconnect", "--valid-for", "2d"]).1["sequence"].as_u64().unwrap();
    assert_eq!(send(&["credit", "--amount", "0", "--currency", "EUR"]).1["error"]["code"], "bad-value");
    let third = send(&["reconnect", "--valid-for", "1s"]).1["sequence"].as_u64().unwrap();
    assert!(first < second && second < third);
    let begun = now();
    until("the command's end", || (now() > begun + 1).then_some(()));

    let pending = run(client.commands()).unwrap();
    assert_eq!(
        pending.iter().map(|c| c.sequence).collect::<Vec<_>>(),
        [first, second],
        "an expired one is not handed out"
    );
    assert_eq!(pending[0].message, desk.read("c.cmd"));
    assert_eq!(run(other.commands()).unwrap(), [], "another contract's commands are not told of");

    let verified = VerifiedCommand::read(&pending[0].message, &service.key).unwrap();
    assert!(matches!(verified.command.action, Action::Credit { amount_minor: 2000, .. }));
    assert_eq!(verified.outcome(&public, 0, now()), Outcome::Done);
    let key = identity(1, public);
    let receipt = verified.receipt(Outcome::Done, now()).sign(&key);
    assert_eq!(run(other.command_receipt(&receipt)).unwrap_err().code(), "unknown-command");
    let forged = verified.receipt(Outcome::Done, now()).sign(&SigningKey::from_bytes(&[3; 32]));
    assert_eq!(run(client.command_receipt(&forged)).unwrap_err().code(), "bad-receipt");
    run(client.command_receipt(&receipt)).unwrap();
    run(client.command_receipt(&receipt)).unwrap();
    let twice = verified.receipt(Outcome::OutOfSequence, now()).sign(&key);
    assert_eq!(run(client.command_receipt(&twice)).unwrap_err().code(), "other-receipt");

    assert_eq!(run(client.commands()).unwrap().len(), 1);
    let listed = desk.json(&["meter", "commands", &meter]).1;
    assert_eq!(listed["commands"][0]["outcome"], "done");
    assert_eq!(listed["commands"][0]["amount"], "20.00 EUR");
    assert_eq!(listed["commands"][1]["outcome"], serde_json::Value::Null);
    assert_eq!(listed["commands"][0]["message"], hex::encode(desk.read("c.cmd")));
}

#[test]
fn a_command_whose_file_cannot_be_written_is_said_to_be_queued() {
    let desk = desk();
    let house = House::new(1, 200);
    assert_eq!(desk.add(&house.meters[0], &["--contract", "4711"]).0, 0);
    let meter = hex::encode(house.meters[0].certificates()[0].certificate.identity_key);
    let credit = ["credit", "--amount", "20.00", "--currency", "EUR", "--out", "none/c.cmd"];
    let (code, answer) = desk.json(&[&["meter", "command", meter.as_str()], &credit[..]].concat());
    assert_eq!((code, answer["error"]["code"].as_str()), (3, Some("queued-not-written")), "{answer}");
    let listed = desk.json(&["meter", "commands", &meter]).1;
    assert_eq!(listed["commands"].as_array().unwrap().len(), 1);
    let number = listed["commands"][0]["sequence"].as_u64().unwrap().to_string();
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains(&number) && message.contains("do not queue it again"), "{message}");
}
