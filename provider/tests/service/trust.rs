//! Whom the household trusts: pins, certificates, revocations, hand-overs.

use std::sync::atomic::Ordering;

use hub::provider::{ProviderError, ProviderPin, Retry};
use protocol::service::succession::{LineageError, Succession};

use crate::wire::*;
use crate::world::*;

const DAY_SECONDS: u64 = 86_400;

#[test]
fn only_the_pinned_key_is_the_provider() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let other = client(ProviderPin::new([7; 32], service.address.to_string()), 1, 0);
    let wrong = run(other.tariffs()).unwrap_err();
    assert_eq!((wrong.clone(), wrong.retry()), (ProviderError::WrongPin, Retry::After(3600)));
    assert!(wrong.to_string().contains("fingerprint"));
    assert_eq!(run(other.enrol("whatever", &[])).unwrap_err(), ProviderError::WrongPin, "before the code is sent");
    assert_eq!(run(service.client(1).tariffs()).unwrap().len(), 1);
}

#[test]
fn a_certificate_past_its_date_is_refused() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let ahead = |days: u64| run(client(service.pin(), 1, days * DAY_SECONDS).tariffs());
    assert_eq!(ahead(89).unwrap().len(), 1);
    let late = ahead(91).unwrap_err();
    assert_eq!((late.clone(), late.retry()), (ProviderError::ExpiredLeaf, Retry::After(3600)));
    let clock = std::sync::Arc::new(|| now() - 2 * DAY_SECONDS);
    let early = hub::provider::Client::new(service.pin(), None, clock).unwrap();
    assert_eq!(run(early.tariffs()).unwrap_err(), ProviderError::EarlyLeaf);
}

#[test]
fn a_revoked_certificate_is_refused_by_who_knows_and_rotation_needs_no_restart() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let client = service.client(1);
    run(client.revocations()).unwrap();
    // A copy has the mode of the file.
    std::fs::copy(desk.path("home/tls.leaf"), desk.path("stolen")).unwrap();
    let first = desk.json(&["tls", "show"]).1["certificate"].as_str().unwrap().to_owned();
    let (code, answer) = desk.json(&["tls", "revoke"]);
    assert_eq!((code, answer["revoked"].as_str()), (0, Some(first.as_str())));
    // The service shows the new certificate from the next connection on, and the list names the old one.
    let list = run(client.revocations()).unwrap();
    assert_eq!(hex::encode(list.leaves[0].certificate), first);

    // An impostor with the stolen certificate: whoever saw the list turns away, and so does its next client.
    let seen = client.revocation_list().unwrap();
    let thief = Desk::new();
    for name in ["provider.key", "provider.pub"] {
        thief.write(&format!("home/{name}"), &desk.read(&format!("home/{name}")));
    }
    assert_eq!(thief.json(&["contract", "list"]).0, 0);
    std::fs::copy(desk.path("stolen"), thief.path("home/tls.leaf")).unwrap();
    let trap = Service::start(&thief, &[]);
    let pin = ProviderPin { revocations: Some(seen), ..trap.pin() };
    let refused = run(crate::wire::client(pin, 1, 0).tariffs()).unwrap_err();
    assert_eq!((refused.clone(), refused.retry()), (ProviderError::RevokedLeaf, Retry::After(3600)));
    // The provider's own service does not go on with a revoked one, whoever puts it back.
    std::fs::copy(desk.path("stolen"), desk.path("home/tls.leaf")).unwrap();
    assert_eq!(run(client.tariffs()).unwrap().len(), 1);
    assert_ne!(desk.json(&["tls", "show"]).1["certificate"].as_str(), Some(first.as_str()));
}

#[test]
fn an_old_revocation_list_is_noticed() {
    let desk = desk();
    let mut service = Service::start(&desk, &[]);
    let (first, house) = (service.client(1), House::new(1, 200));
    enrol(&desk, &first, "4711", &house);
    let old = first.revocation_list().unwrap();
    assert_eq!(service.stop(), 0);
    let ledger = ["ledger.db", "ledger.db-wal", "ledger.db-shm"].map(|name| desk.path(&format!("home/{name}")));
    let backup = ledger.clone().map(|path| std::fs::read(path).ok());
    let begun = now();
    until("the next second", || (now() > begun).then_some(()));
    let meter = hex::encode(house.meters[0].certificates()[0].certificate.identity_key);
    let revoke = ["meter", "revoke", &meter, "--epoch", "0", "--since", "2026-03-20", "--reason", "stolen"];
    assert_eq!(desk.json(&revoke).0, 0);
    let mut service = Service::start(&desk, &[]);
    let seeing = client(ProviderPin { revocations: Some(old.clone()), ..service.pin() }, 1, 0);
    assert_eq!(run(seeing.revocations()).unwrap().epochs.len(), 1);
    let newest = seeing.revocation_list().unwrap();
    assert_eq!(service.stop(), 0);

    // The ledger of before: the service gives out the list of before, word for word.
    for (path, bytes) in ledger.iter().zip(&backup) {
        match bytes {
            Some(bytes) => std::fs::write(path, bytes).unwrap(),
            None => drop(std::fs::remove_file(path)),
        }
    }
    let service = Service::start(&desk, &[]);
    let unknowing = service.client(1);
    run(unknowing.revocations()).unwrap();
    assert_eq!(unknowing.revocation_list().unwrap(), old);
    let pin = ProviderPin { revocations: Some(newest), ..service.pin() };
    let (knowing, clock) = moving(pin, 1);
    let refused = run(knowing.revocations()).unwrap_err();
    assert_eq!((refused.code(), refused.retry()), ("old-revocations", Retry::Never));

    // A list past its date holds everything up until a newer one comes.
    assert!(run(knowing.commands()).is_ok(), "the newest one is still good");
    clock.store(9 * DAY_SECONDS, Ordering::SeqCst);
    let late = run(unknowing_later(&service, old).commands()).unwrap_err();
    assert_eq!((late.code(), late.retry()), ("stale-revocations", Retry::After(3600)));
    assert_eq!(run(knowing.commands()).unwrap_err().code(), "old-revocations");
}

/// A client nine days later, whose list is that of before.
fn unknowing_later(service: &Service, old: Vec<u8>) -> hub::provider::Client {
    client(ProviderPin { revocations: Some(old), ..service.pin() }, 1, 9 * DAY_SECONDS)
}

/// The provider's own key, as a thief of it would have it.
fn protocol_key(desk: &Desk) -> ed25519_dalek::SigningKey {
    let text = String::from_utf8(desk.read("home/provider.key")).unwrap();
    let secret = text.lines().find_map(|line| line.strip_prefix("secret = \"")).unwrap().trim_end_matches('"');
    let mut seed = [0; 32];
    hex::decode_to_slice(secret, &mut seed).unwrap();
    ed25519_dalek::SigningKey::from_bytes(&seed)
}

#[test]
fn households_follow_the_hand_over_and_no_forgery() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let (first, house) = (service.client(1), House::new(1, 200));
    enrol(&desk, &first, "4711", &house);
    let bill = house.bill(&desk, days(2, 9));
    let receipt = run(first.submit(&bill)).unwrap();
    let old_key = protocol_key(&desk);

    let (code, rotated) = desk.json(&["identity", "rotate"]);
    assert_eq!((code, rotated["former"][0].as_str()), (0, Some(hex::encode(service.key).as_str())));
    // The same service, the same client: it meets an unknown key and follows the hand-over to it.
    assert_eq!(run(first.submit(&bill)).unwrap(), receipt, "a receipt is for ever");
    assert_eq!(hex::encode(first.provider_key()), rotated["key"].as_str().unwrap());
    assert_eq!(first.successions().len(), 1);
    // A household that never came by since enrolment follows, too; one that pins the new key needs no chain.
    let later = house.bill(&desk, days(9, 12));
    let answer = run(service.client(1).submit(&later)).unwrap();
    assert_eq!(answer.receipt.provider, first.provider_key());
    assert_eq!(desk.outcome(&later, &[]), (0, "already".into()), "tariffs of the old key stay good for their periods");
    let new = ProviderPin::new(first.provider_key(), service.address.to_string());
    assert!(run(client(new.clone(), 1, 0).revocations()).is_ok());
    assert!(run(client(new, 1, 0).tariffs()).is_ok());
    let kept = ProviderPin { successions: first.successions(), ..service.pin() };
    assert_eq!(client(kept, 1, 0).provider_key(), first.provider_key());

    // The thief of the old key hands over to his own, and runs a service of it.
    let thief = Desk::new();
    let theirs = protocol_key(&thief);
    let forged = Succession::sign(&old_key, &theirs, now() - 10, now() - 10);
    thief.write("home/provider.successions", format!("{}\n", hex::encode(&forged)).as_bytes());
    let trap = Service::start(&thief, &[]);
    let known = ProviderPin { successions: first.successions(), ..service.pin() };
    let known = ProviderPin { address: trap.address.to_string(), ..known };
    let refused = run(client(known, 1, 0).tariffs()).unwrap_err();
    assert_eq!((refused.clone(), refused.retry()), (ProviderError::Lineage(LineageError::Forked), Retry::Never));
    // One that is not signed by the pinned key leads nowhere.
    let foreign = Succession::sign(&protocol_key(&Desk::new()), &theirs, now() - 10, now() - 10);
    thief.write("home/provider.successions", format!("{}\n", hex::encode(&foreign)).as_bytes());
    let pin = ProviderPin { address: trap.address.to_string(), ..service.pin() };
    assert_eq!(run(client(pin, 1, 0).tariffs()).unwrap_err(), ProviderError::WrongPin);

    // The old key publishes nothing any more.
    assert_eq!(desk.json(&["tariff", "publish", "import.tariff"]).1["error"]["code"], "other-provider");
}
