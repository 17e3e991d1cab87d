//! TLS certificates of the service: each can be named and revoked, whatever became of its file; and the ledger that
//! knows them is not lost in silence.

use provider::identity::Identity;
use provider::ledger::Ledger;
use provider::tls::Leaf;
use serde_json::Value;

use crate::wire::*;
use crate::world::*;

const DAY_SECONDS: u64 = 86_400;

fn shown(desk: &Desk) -> String {
    desk.json(&["tls", "show"]).1["certificate"].as_str().unwrap().to_owned()
}

fn listed(desk: &Desk) -> Vec<Value> {
    desk.json(&["tls", "list"]).1["certificates"].as_array().unwrap().clone()
}

#[test]
fn a_certificate_that_was_replaced_long_ago_can_be_revoked() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let client = service.client(1);
    run(client.revocations()).unwrap();
    let first = shown(&desk);
    assert_eq!(desk.json(&["tls", "rotate", "--days", "7"]).0, 0);
    let second = shown(&desk);
    run(client.tariffs()).unwrap();
    assert_eq!(shown(&desk), second, "one of few days is not replaced before its last third");
    let names = |rows: &[Value]| rows.iter().map(|r| r["certificate"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&listed(&desk)), [first.clone(), second.clone()]);

    assert_eq!(desk.json(&["tls", "revoke", "--certificate", &first[..16]]).1["certificate"], first.as_str());
    assert_eq!(shown(&desk), second, "the one in use stays");
    let unknown = "ab".repeat(32);
    assert_eq!(desk.json(&["tls", "revoke", "--certificate", "abababab"]).1["error"]["code"], "no-such-certificate");
    assert_eq!(desk.json(&["tls", "revoke", "--certificate", &unknown]).0, 0, "one that was never noted, by all of it");
    let list = run(client.revocations()).unwrap();
    let mut revoked: Vec<_> = list.leaves.iter().map(|leaf| hex::encode(leaf.certificate)).collect();
    revoked.sort();
    let mut wanted = vec![first, unknown];
    wanted.sort();
    assert_eq!(revoked, wanted);

    // The one in use, by its digits, is replaced by one of as many days.
    assert_eq!(desk.json(&["tls", "revoke", "--certificate", &second[..8]]).1["revoked"], second.as_str());
    let leaf = Leaf::load(&desk.path("home")).unwrap();
    assert_eq!(leaf.span(), 7 * DAY_SECONDS);
    assert_eq!(run(client.revocations()).unwrap().leaves.len(), 3);
    assert_eq!(listed(&desk).iter().filter(|row| row["revoked_from"].is_string()).count(), 3);
}

#[test]
fn a_revocation_that_was_cut_short_loses_no_name() {
    let desk = desk();
    let mut service = Service::start(&desk, &[]);
    let stolen = shown(&desk);
    service.kill();
    // Killed after the ledger had it and before the file was replaced.
    let leaf = Leaf::load(&desk.path("home")).unwrap();
    let mut ledger = Ledger::open(&desk.path("home")).unwrap();
    ledger.revoke_leaf(&leaf.hash(), now(), leaf.from, leaf.until).unwrap();
    drop(ledger);
    let service = Service::start(&desk, &[]);
    let client = service.client(1);
    let list = run(client.revocations()).unwrap();
    assert_eq!(hex::encode(list.leaves[0].certificate), stolen);
    assert_ne!(shown(&desk), stolen, "the service has another one");

    // Cut short before the ledger had it, nothing has happened: the one in use is still there to be named.
    let present = shown(&desk);
    let holder = rusqlite::Connection::open(desk.path("home/ledger.db")).unwrap();
    let key = String::from_utf8(desk.read("home/ledger.key")).unwrap();
    holder.execute_batch(&format!("PRAGMA key = \"x'{}'\"; BEGIN IMMEDIATE", key.trim())).unwrap();
    assert_eq!(desk.json(&["tls", "revoke"]).1["error"]["code"], "locked");
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(shown(&desk), present);
    assert_eq!(desk.json(&["tls", "revoke"]).1["revoked"], present.as_str());
}

#[test]
fn a_certificate_of_a_wrong_clock_goes_with_it() {
    let desk = desk();
    let identity = Identity::open(&desk.path("home")).unwrap();
    Leaf::issue(&identity, now() + 10 * DAY_SECONDS, 90 * DAY_SECONDS).unwrap().store(&desk.path("home")).unwrap();
    assert_eq!(desk.json(&["contract", "list"]).0, 0);
    let service = Service::start(&desk, &[]);
    assert_eq!(run(service.client(1).tariffs()).unwrap().len(), 1);
}

#[test]
fn a_service_begins_no_second_ledger_in_silence() {
    let desk = Desk::new();
    let mut service = Service::start(&desk, &[]);
    assert_eq!(service.said["new_ledger"], true, "a home that never had one");
    assert_eq!(service.stop(), 0);
    let mut service = Service::start(&desk, &[]);
    assert_eq!(service.said["new_ledger"], false);
    assert_eq!(service.stop(), 0);
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        let _ = std::fs::remove_file(desk.path(&format!("home/{name}")));
    }
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let (code, refused) = desk.json(&serve);
    assert_eq!((code, refused["error"]["code"].as_str()), (3, Some("no-ledger")), "{refused}");
    assert!(!desk.path("home/ledger.db").exists());
    // Whoever wants an empty one says so first.
    assert_eq!(desk.json(&["contract", "list"]).1["new_ledger"], true);
    assert_eq!(Service::start(&desk, &[]).stop(), 0);
}
