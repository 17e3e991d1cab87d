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
    assert_eq!(send(&["credit", "--amount", "20.00", "--currency", "EUR", "--out", "c.cmd"]).1["sequence"], 1);
    assert_eq!(send(&["disconnect", "--valid-for", "2d"]).1["sequence"], 2);
    assert_eq!(send(&["credit", "--amount", "0", "--currency", "EUR"]).1["error"]["code"], "bad-value");
    assert_eq!(send(&["reconnect", "--valid-for", "1s"]).1["sequence"], 3);
    let begun = now();
    until("the command's end", || (now() > begun + 1).then_some(()));

    let pending = run(client.commands()).unwrap();
    assert_eq!(pending.iter().map(|c| c.sequence).collect::<Vec<_>>(), [1, 2], "an expired one is not handed out");
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
}
