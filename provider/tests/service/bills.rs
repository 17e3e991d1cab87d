//! Bills over the network: booked once, answered alike for ever, and refused with their reasons.

use hub::provider::{ProviderError, Retry};

use crate::wire::*;
use crate::world::*;

fn rejected(error: ProviderError) -> String {
    assert_eq!(error.retry(), Retry::Never, "{error}");
    match error {
        ProviderError::Rejected { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bill_is_booked_once_and_its_receipt_stays_the_same() {
    let desk = desk();
    let mut service = Service::start(&desk, &[]);
    let (client, house) = (service.client(1), House::new(1, 200));
    enrol(&desk, &client, "4711", &house);

    let offers = run(client.tariffs()).unwrap();
    let tariff = desk.tariff("import.tariff");
    assert_eq!((offers.len(), offers[0].hash, offers[0].id.as_str()), (1, tariff.hash, "import"));
    let (signed, message) = run(client.tariff(&tariff.hash)).unwrap();
    assert_eq!((signed.hash, message), (tariff.hash, desk.read("import.tariff")));
    let meter = house.meters[0].certificates()[0].certificate.identity_key;
    assert_eq!(run(client.certificates(&meter)).unwrap()[0].hash, house.meters[0].certificates()[0].hash);

    let (bill, digest) = house.make(&desk, "import", days(2, 9), None, None);
    assert_eq!(run(client.state(&digest)).unwrap(), None);
    let first = run(client.submit(&bill)).unwrap();
    assert_eq!((first.receipt.digest, first.receipt.contract.as_str()), (digest, "4711"));
    assert_eq!((first.receipt.provider, first.receipt.verdict.as_str()), (service.key, "valid"));
    assert_eq!(first.verdict["verdict"], "valid");
    assert_eq!(run(client.submit(&bill)).unwrap(), first);
    assert_eq!(desk.json(&["ledger", "list"]).1["accepted"], 1);

    // Another proof of the same statement is the same bill.
    let state = run(client.state(&digest)).unwrap().unwrap();
    assert_eq!((&state.answer, state.corrected_by), (&first, None));
    let (second, newer) = house.make(&desk, "import", days(2, 9), None, Some(digest));
    let corrected = run(client.submit(&second)).unwrap();
    assert_eq!(corrected.receipt.corrects.map(<[u8; 32]>::from), Some(digest));
    let state = run(client.state(&digest)).unwrap().unwrap();
    assert_eq!((&state.answer, state.corrected_by), (&first, Some(newer)));
    assert_eq!(run(client.submit(&bill)).unwrap(), first, "the same answer after its correction, too");

    assert_eq!(service.stop(), 0);
    let service = Service::start(&desk, &[]);
    assert_eq!(run(service.client(1).submit(&bill)).unwrap(), first, "and after a restart");
    let log = String::from_utf8(desk.read("log")).unwrap();
    for secret in ["127.0.0.1:", &hex::encode(meter), &hex::encode(digest), &first.receipt.booked_at.to_string()] {
        assert!(!log.contains(secret), "the log tells {secret}: {log}");
    }
    assert!(log.contains("/v1/bills"), "{log}");
}

#[test]
fn a_bill_that_was_booked_by_hand_has_its_receipt_too() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let (client, house) = (service.client(1), House::new(1, 200));
    enrol(&desk, &client, "4711", &house);
    let bill = house.bill(&desk, days(2, 9));
    assert_eq!(desk.outcome(&bill, &[]), (0, "new".into()));
    let answer = run(client.submit(&bill)).unwrap();
    assert_eq!(run(client.submit(&bill)).unwrap(), answer);
    assert_eq!(desk.json(&["ledger", "list"]).1["accepted"], 1);
}

#[test]
fn what_is_booked_has_its_receipt_whatever_came_after() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let (client, house) = (service.client(1), House::new(1, 200));
    // Booked by hand before any household enrolled: the meter had no contract.
    assert_eq!(desk.add(&house.meters[0], &[]).0, 0);
    let early = house.bill(&desk, days(2, 5));
    assert_eq!(desk.outcome(&early, &[]), (0, "new".into()));
    enrol(&desk, &client, "4711", &house);
    let other = service.client(2);
    enrol(&desk, &other, "4712", &House::new(2, 300));
    assert_eq!(rejected(run(other.submit(&early)).unwrap_err()), "other-contract");
    assert_eq!(run(client.submit(&early)).unwrap().receipt.contract, "4711");
    assert_eq!(desk.json(&["ledger", "list"]).1["bills"][0]["contract"], "4711");

    // Booked, but the service ended before the receipt, or an operator booked it; then the tariff is withdrawn.
    let (bill, digest) = house.make(&desk, "import", days(5, 9), None, None);
    assert_eq!(desk.outcome(&bill, &[]), (0, "new".into()));
    let hash = desk.json(&["tariff", "published"]).1["tariffs"][0]["hash"].as_str().unwrap().to_owned();
    assert_eq!(desk.json(&["tariff", "withdraw", &hash]).0, 0);
    let asked = run(client.state(&digest)).unwrap().unwrap();
    let answer = run(client.submit(&bill)).unwrap();
    assert_eq!((&asked.answer, answer.verdict["verdict"].as_str()), (&answer, Some("valid")));
    assert_eq!(rejected(run(client.submit(&house.bill(&desk, days(9, 12)))).unwrap_err()), "withdrawn-tariff");

    // Booked by hand under a milder policy than the service's.
    let mut gap = House::empty();
    gap.install(4, 100, 0..DAYS, None, Some(march(3) + 5 * HOUR));
    let third = service.client(4);
    enrol(&desk, &third, "4713", &gap);
    let holed = gap.bill(&desk, days(2, 9));
    assert_eq!(desk.outcome(&holed, &["--allow-incomplete"]), (0, "new".into()));
    assert_eq!(run(third.submit(&holed)).unwrap().verdict["slots"], 7 * 24);
    let refusals = desk.json(&["ledger", "refusals"]).1;
    assert_eq!(refusals["refusals"].as_array().unwrap().len(), 2, "no booked bill is among them: {refusals}");
}

#[test]
fn a_receipt_by_a_key_that_did_not_speak_is_signed_again() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let (client, house) = (service.client(1), House::new(1, 200));
    enrol(&desk, &client, "4711", &house);
    let (bill, digest) = house.make(&desk, "import", days(2, 9), None, None);
    let first = run(client.submit(&bill)).unwrap();
    // The key was stolen before that bill was booked; the provider found out later.
    let (code, rotated) = desk.json(&["identity", "rotate", "--old-until", "2026-05-01"]);
    assert_eq!(code, 0, "{rotated}");
    let again = run(client.submit(&bill)).unwrap();
    assert_eq!(hex::encode(again.receipt.provider), rotated["key"].as_str().unwrap());
    assert_eq!((again.receipt.booked_at, &again.verdict), (first.receipt.booked_at, &first.verdict));
    assert_eq!(run(client.submit(&bill)).unwrap(), again, "and then it is the receipt for ever");
    assert_eq!(run(client.state(&digest)).unwrap().unwrap().answer, again);
}

#[test]
fn a_badly_made_package_is_no_contradiction_of_its_meter() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let (client, house) = (service.client(1), House::new(1, 200));
    enrol(&desk, &client, "4711", &house);
    let good = protocol::bill::Package::read(&house.bill(&desk, days(2, 9))).unwrap();
    let mut certificates: Vec<_> = good.certificates.iter().map(|c| c.to_vec()).collect();
    certificates.push(certificates[0].clone());
    let (statement, proof) = (good.statement.to_vec(), good.proof.to_vec());
    let twice = protocol::bill::Package::new(statement, proof, certificates, good.chains.clone()).write();
    for _ in 0..3 {
        assert_eq!(rejected(run(client.submit(&twice)).unwrap_err()), "not-canonical");
    }
    let list = desk.json(&["ledger", "refusals"]).1;
    assert_eq!((&list["contradictions"], list["refusals"].as_array().unwrap().len()), (&0.into(), 1), "{list}");
    assert_eq!(list["refusals"][0]["contract"], "4711");
}

#[test]
fn what_is_not_booked_says_why() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let (client, house) = (service.client(1), House::new(1, 200));
    enrol(&desk, &client, "4711", &house);
    let (other, neighbour) = (service.client(2), House::new(2, 300));
    enrol(&desk, &other, "4712", &neighbour);

    let bill = house.bill(&desk, days(2, 9));
    assert_eq!(rejected(run(other.submit(&bill)).unwrap_err()), "other-contract");
    assert_eq!(rejected(run(client.submit(b"no bill")).unwrap_err()), "malformed");
    let (export, _) = house.make(&desk, "export", days(2, 9), None, None);
    assert_eq!(rejected(run(client.submit(&export)).unwrap_err()), "unknown-tariff");
    let stranger = House::new(3, 200).bill(&desk, days(2, 9));
    assert_eq!(rejected(run(client.submit(&stranger)).unwrap_err()), "unknown-meter");
    assert_eq!(desk.json(&["ledger", "list"]).1["accepted"], 0);

    let (_, digest) = house.make(&desk, "import", days(2, 9), None, None);
    run(client.submit(&bill)).unwrap();
    assert_eq!(rejected(run(client.submit(&house.bill(&desk, days(8, 12)))).unwrap_err()), "overlap-booked");
    assert_eq!(run(other.state(&digest)).unwrap(), None, "another contract's bill is not told of");

    let mut gap = House::empty();
    gap.install(4, 100, 0..DAYS, None, Some(march(3) + 5 * HOUR));
    let third = service.client(4);
    enrol(&desk, &third, "4713", &gap);
    assert_eq!(rejected(run(third.submit(&gap.bill(&desk, days(2, 9)))).unwrap_err()), "incomplete");
    let lenient = Service::start(&desk, &["--allow-incomplete"]);
    run(lenient.client(4).submit(&gap.bill(&desk, days(2, 9)))).unwrap();

    let hash = desk.json(&["tariff", "published"]).1["tariffs"][0]["hash"].as_str().unwrap().to_owned();
    assert_eq!(desk.json(&["tariff", "withdraw", &hash]).0, 0);
    assert_eq!(run(client.tariffs()).unwrap(), []);
    let later = house.bill(&desk, days(12, 15));
    assert_eq!(rejected(run(client.submit(&later)).unwrap_err()), "withdrawn-tariff");
    run(client.submit(&bill)).unwrap();
    assert_eq!(desk.json(&["tariff", "publish", "import.tariff"]).1["new"], true);
    run(client.submit(&later)).unwrap();
}

#[test]
fn readings_under_a_revoked_certificate_count_no_more() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let (client, house) = (service.client(1), House::new(1, 200));
    enrol(&desk, &client, "4711", &house);
    let meter = house.meters[0].certificates()[0].certificate.identity_key;
    // The UTC day that the revocation begins with is the 9th: a block of that day is sealed at its end.
    let revoke =
        ["meter", "revoke", &hex::encode(meter), "--epoch", "0", "--since", "2026-03-09", "--reason", "stolen"];
    let before = run(client.revocations()).unwrap();
    assert!(before.epochs.is_empty());
    assert_eq!(desk.json(&revoke).0, 0);
    let list = run(client.revocations()).unwrap();
    assert!(list.number > before.number);
    let entry = list.epoch(&house.meters[0].certificates()[0].hash).unwrap();
    assert_eq!((entry.since, entry.reason.as_str()), (march(9) + HOUR, "stolen"));
    let late = house.bill(&desk, days(8, 11));
    assert_eq!(rejected(run(client.submit(&late)).unwrap_err()), "revoked-certificate");
    run(client.submit(&house.bill(&desk, days(2, 8)))).unwrap();
    assert_eq!(desk.outcome(&late, &[]), (1, "revoked-certificate".into()), "by hand, too");
}

#[test]
fn a_hundred_at_once_are_all_booked() {
    let desk = desk();
    let service = Service::start(&desk, &[]);
    let (client, house) = (service.client(1), House::new(1, 200));
    enrol(&desk, &client, "4711", &house);
    let bills: Vec<_> = (2..22).map(|day| house.make(&desk, "import", days(day, day + 1), None, None)).collect();
    let answers = run(async {
        let all: Vec<_> = (0..100)
            .map(|place| {
                let (client, (bill, digest)) = (client.clone(), bills[place % bills.len()].clone());
                tokio::spawn(async move {
                    loop {
                        match client.submit(&bill).await {
                            Ok(answer) => return (digest, answer.receipt_bytes),
                            // The queue may be full on a slow machine; that is an answer, too.
                            Err(error) => assert_ne!(error.retry(), Retry::Never, "{error}"),
                        }
                        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                    }
                })
            })
            .collect();
        let mut answers = Vec::new();
        for one in all {
            answers.push(one.await.unwrap());
        }
        answers
    });
    for (digest, receipt) in &answers {
        assert!(answers.iter().all(|(other, bytes)| other != digest || bytes == receipt));
    }
    assert_eq!(answers.len(), 100);
    assert_eq!(desk.json(&["ledger", "list"]).1["accepted"], 20);
}
