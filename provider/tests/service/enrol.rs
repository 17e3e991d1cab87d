//! Invitations, keys and their change.

use hub::provider::{ClientKey, EnrolState, ProviderError, Retry};

use crate::wire::*;
use crate::world::*;

fn code_of(error: &ProviderError) -> &str {
    error.code()
}

#[test]
fn an_invitation_is_good_once_in_time_and_for_one_key() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let house = House::new(1, 200);
    let files = vec![house.meters[0].certificate_file()];
    let bill = house.bill(&desk, days(2, 9));
    let client = service.client(1);
    let stranger = run(client.submit(&bill)).unwrap_err();
    assert_eq!((code_of(&stranger), stranger.retry()), ("not-enrolled", Retry::Never));

    let code = invite(&desk, "4711", &[]);
    let done = EnrolState::Enrolled { contract: "4711".into() };
    let sloppy = code.to_lowercase().replace('-', " ");
    assert_eq!(run(client.enrol(&sloppy, &files)).unwrap(), done);
    assert_eq!(run(client.enrol(&code, &files)).unwrap(), done, "the answer may have been lost");
    assert_eq!(code_of(&run(service.client(2).enrol(&code, &files)).unwrap_err()), "bad-code", "another key");

    let short = invite(&desk, "4712", &["--expires", "1s"]);
    let begun = now();
    until("the code's end", || (now() > begun + 1).then_some(()));
    assert_eq!(code_of(&run(service.client(3).enrol(&short, &files)).unwrap_err()), "bad-code");

    let other = invite(&desk, "4712", &[]);
    assert_eq!(code_of(&run(service.client(3).enrol(&other, &files)).unwrap_err()), "other-contract");
    assert_eq!(code_of(&run(service.client(1).enrol(&other, &files)).unwrap_err()), "key-in-use");
    let theirs = vec![House::new(2, 300).meters[0].certificate_file()];
    let done = EnrolState::Enrolled { contract: "4712".into() };
    assert_eq!(run(service.client(3).enrol(&other, &theirs)).unwrap(), done, "a refused attempt uses nothing up");

    // The ledger has no code in it, only hashes: the code of the letters would be found in no file.
    for entry in std::fs::read_dir(desk.path("home")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(code.len()).any(|w| w == code.as_bytes()));
    }
    run(client.submit(&bill)).unwrap();
}

#[test]
fn wrong_codes_are_soon_not_heard_any_more() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let files = vec![House::new(1, 200).meters[0].certificate_file()];
    let good = invite(&desk, "4711", &[]);
    let mut answers = Vec::new();
    for attempt in 0_u8..12 {
        let guess = protocol::code::write(protocol::code::Purpose::Enrolment, &[attempt; 16]);
        answers.push(run(service.client(1).enrol(&guess, &files)).unwrap_err());
    }
    assert!(answers[..10].iter().all(|e| code_of(e) == "bad-code"), "{answers:?}");
    assert!(answers[10..].iter().all(|e| code_of(e) == "too-many-attempts"), "{answers:?}");
    assert!(matches!(answers[10].retry(), Retry::After(s) if s > 60));
    let waits = run(service.client(1).enrol(&good, &files)).unwrap_err();
    assert_eq!(code_of(&waits), "too-many-attempts");
}

#[test]
fn an_operator_may_have_the_last_word() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let (client, house) = (service.client(1), House::new(1, 200));
    let code = invite(&desk, "4711", &["--approve"]);
    let pending = EnrolState::Pending { contract: "4711".into() };
    let files = vec![house.meters[0].certificate_file()];
    assert_eq!(run(client.enrol(&code, &files)).unwrap(), pending);
    let bill = house.bill(&desk, days(2, 9));
    let waits = run(client.submit(&bill)).unwrap_err();
    assert_eq!((code_of(&waits), waits.retry()), ("pending", Retry::After(3600)));
    assert_eq!(desk.json(&["meter", "list"]).1["meters"], serde_json::json!([]));
    assert_eq!(desk.json(&["contract", "list"]).1["contracts"][0]["pending"], true);
    let meter = hex::encode(house.meters[0].certificates()[0].certificate.identity_key);
    let waiting = desk.json(&["contract", "list"]).1["contracts"][0]["waiting"].clone();
    assert_eq!((&waiting[0]["meters"][0], waiting.as_array().unwrap().len()), (&meter.as_str().into(), 1));
    let pin = waiting[0]["pin"].as_str().unwrap().to_owned();
    assert!(desk.run(&["contract", "list"]).1.contains(&pin));
    assert_eq!(desk.json(&["contract", "approve", "4711", "--pin", "00000000"]).1["error"]["code"], "nothing-waits");
    let approved = desk.json(&["contract", "approve", "4711"]).1;
    assert_eq!((&approved["pin"], &approved["meters"][0]), (&pin.into(), &meter.into()));
    assert_eq!(desk.json(&["contract", "approve", "4711"]).1["error"]["code"], "nothing-waits");
    run(client.submit(&bill)).unwrap();
}

#[test]
fn of_several_that_wait_one_is_named_and_its_own_meters_are_listed() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let (right, house) = (service.client(1), House::new(1, 200));
    let (stray, foreign) = (service.client(2), House::new(2, 300));
    enrol(&desk, &service.client(3), "4712", &foreign);
    // Somebody with another code of the contract names a meter that is another contract's.
    let file = |house: &House| vec![house.meters[0].certificate_file()];
    run(stray.enrol(&invite(&desk, "4711", &["--approve"]), &file(&foreign))).unwrap();
    run(right.enrol(&invite(&desk, "4711", &["--approve"]), &file(&house))).unwrap();
    let (code, several) = desk.json(&["contract", "approve", "4711"]);
    assert_eq!((code, several["error"]["code"].as_str()), (1, Some("several-wait")), "{several}");
    let pin = |client: &hub::provider::Client| hex::encode(protocol::service::key::pin(&client.public_key().unwrap()));
    let message = several["error"]["message"].as_str().unwrap();
    assert!(message.contains(&pin(&right)) && message.contains(&pin(&stray)), "{message}");
    let approve = |client| desk.json(&["contract", "approve", "4711", "--pin", &pin(client)[..8]]);
    assert_eq!(approve(&stray).1["error"]["code"], "other-contract");
    assert_eq!(approve(&right).0, 0, "what the other one brought is not its");
    assert_eq!(desk.json(&["contract", "list"]).1["contracts"][0]["pending"], false);
    assert_eq!(approve(&stray).1["error"]["code"], "nothing-waits");
    run(right.submit(&house.bill(&desk, days(2, 9)))).unwrap();
    assert_eq!(code_of(&run(stray.commands()).unwrap_err()), "not-enrolled");
}

#[test]
fn the_next_tenant_has_the_meter_from_the_end_of_the_contract_before() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let (old, new, house) = (service.client(1), service.client(2), House::new(1, 200));
    enrol(&desk, &old, "4711", &house);
    let files = vec![house.meters[0].certificate_file()];
    let code = invite(&desk, "4712", &[]);
    assert_eq!(code_of(&run(new.enrol(&code, &files)).unwrap_err()), "other-contract");
    let end = ["contract", "end", "4711", "--on", "2026-03-09", "--zone", "Europe/Amsterdam"];
    assert_eq!(desk.json(&end).1["ended_at"], "2026-03-09T00:00:00+01:00");
    assert_eq!(run(new.enrol(&code, &files)).unwrap(), EnrolState::Enrolled { contract: "4712".into() });
    let (before, after, both) =
        (house.bill(&desk, days(2, 9)), house.bill(&desk, days(9, 12)), house.bill(&desk, days(8, 10)));
    for (client, bill) in [(&old, &after), (&new, &before), (&old, &both), (&new, &both)] {
        assert_eq!(code_of(&run(client.submit(bill)).unwrap_err()), "other-contract");
    }
    assert_eq!(run(old.submit(&before)).unwrap().receipt.contract, "4711", "the last bill comes after the move");
    assert_eq!(run(new.submit(&after)).unwrap().receipt.contract, "4712");
    assert_eq!(desk.json(&["contract", "end", "none", "--on", "2026-03-09"]).1["error"]["code"], "no-such-contract");
}

#[test]
fn keys_change_hands_and_are_taken_back() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let (client, house) = (service.client(1), House::new(1, 200));
    enrol(&desk, &client, "4711", &house);
    let (bill, digest) = house.make(&desk, "import", days(2, 9), None, None);
    run(client.submit(&bill)).unwrap();

    let next = run(client.rotate_key(&ClientKey::from_seed(&[9; 32]))).unwrap();
    run(client.rotate_key(&ClientKey::from_seed(&[9; 32]))).unwrap();
    assert!(run(client.state(&digest)).unwrap().is_some(), "the old key is good until the new one is used");
    assert!(run(next.state(&digest)).unwrap().is_some());
    assert_eq!(code_of(&run(client.state(&digest)).unwrap_err()), "not-enrolled", "and no longer");
    let back = run(next.rotate_key(&ClientKey::from_seed(&[1; 32]))).unwrap_err();
    assert_eq!((code_of(&back), back.retry()), ("key-in-use", Retry::Never), "a retired key does not come back");

    // A key that was announced and never used gives way to the next announced one.
    let lost = run(next.rotate_key(&ClientKey::from_seed(&[10; 32]))).unwrap();
    let third = run(next.rotate_key(&ClientKey::from_seed(&[11; 32]))).unwrap();
    assert_eq!(code_of(&run(lost.state(&digest)).unwrap_err()), "not-enrolled");
    assert!(run(third.state(&digest)).unwrap().is_some());

    assert_eq!(desk.json(&["contract", "revoke", "4711"]).0, 0);
    let out = run(third.submit(&bill)).unwrap_err();
    assert_eq!((code_of(&out), out.retry()), ("not-enrolled", Retry::Never));
    assert_eq!(desk.json(&["contract", "revoke", "none"]).1["error"]["code"], "no-such-contract");
    let again = service.client(12);
    enrol(&desk, &again, "4711", &house);
    assert!(run(again.state(&digest)).unwrap().is_some());
    assert_eq!(code_of(&run(third.state(&digest)).unwrap_err()), "not-enrolled", "the revoked key stays out");
}
