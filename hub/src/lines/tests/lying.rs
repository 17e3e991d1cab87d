//! The line lies, floods, or repeats itself.

use std::collections::BTreeSet;
use std::time::Instant;

use protocol::certificate::VerifiedCertificate;
use protocol::line::{BlockName, Holdings, MAX_RUNS, Message, Refused, Run};
use protocol::metrology::label::MeterId;

use super::{Bench, meter, power, register};
use crate::api::Event;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_rubbish_is_told_in_a_few_sentences() {
    let mut bench = Bench::new().await;
    let identity = bench.met().await;
    bench.told("the meter", |e| matches!(e, Event::MeterFound { .. })).await;
    let begun = Instant::now();
    for _ in 0..1000 {
        bench
            .say(&[
                Message::Block(vec![1, 2, 3].into()),
                Message::Receipt(vec![4].into()),
                Message::Refused(Refused::Unsupported),
                Message::Refused(Refused::NotPairing),
                Message::Identity(Box::new(identity.clone())),
            ])
            .await;
    }
    let told = bench.settled().await;
    // Once for each of five kinds, and a sum of each for every minute that the machine stood still.
    let most = 5 * (1 + begun.elapsed().as_secs() / 60);
    assert!(told.len() as u64 <= most, "{} events: {:?}", told.len(), told.iter().take(8).collect::<Vec<_>>());
    let codes: Vec<_> = told
        .iter()
        .filter_map(|e| if let Event::Refused { code, .. } = e { Some(code.as_str()) } else { None })
        .collect();
    for code in ["malformed", "bad-receipt", "meter-unsupported", "not-pairing"] {
        assert!(codes.contains(&code), "{code} is not told: {codes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_identity_for_each_nonce() {
    let mut bench = Bench::new().await;
    let identity = bench.met().await;
    let mut session = bench.meter.session(&identity);
    let telegrams: Vec<_> = [100, 200].map(|watts| Message::Now(session.seal(&power(watts)).unwrap())).into();
    bench.say(&telegrams).await;
    bench.settled().await;
    assert_eq!(bench.shared.now()[0].power, Some(200));
    // The same answer again, in another's name, and the telegrams with it.
    let mut again = identity;
    again.meter = MeterId::new("M-2").unwrap();
    bench.say(&[Message::Identity(Box::new(again)), telegrams[0].clone(), Message::Refused(Refused::WrongCode)]).await;
    bench.told("the mark", |e| matches!(e, Event::Refused { code, .. } if code == "wrong-code")).await;
    let now = bench.shared.now().remove(0);
    assert_eq!((now.power, now.meter.as_str()), (Some(200), "M-1"), "an old telegram opened again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holdings_are_an_answer_and_have_pages() {
    let mut bench = Bench::new().await;
    let nonce = bench.hello().await;
    let holdings = |first: u64, count: u64| {
        let runs = (0..count).map(|n| Run { first: first + 2 * n, last: first + 2 * n, pairing: 1 }).collect();
        Message::Holdings(Holdings { register: register(), runs, next: 1000 })
    };
    let identity = bench.meter.identity(nonce, "M-1");
    // Before anything was asked.
    bench.say(&[holdings(700, 3), Message::Identity(Box::new(identity)), holdings(0, MAX_RUNS as u64)]).await;
    let asked = |message: &Message| if let Message::AskHoldings(name) = message { Some(*name) } else { None };
    assert_eq!(bench.heard("a question", asked).await, BlockName { register: register(), block: 0 });
    let next = 2 * MAX_RUNS as u64 - 1;
    assert_eq!(bench.heard("the next page", asked).await, BlockName { register: register(), block: next });
    bench.say(&[holdings(0, MAX_RUNS as u64), holdings(next + 1, 2)]).await;
    // Every number is asked for, and none that was told unasked.
    let mut wanted: BTreeSet<u64> = (0..MAX_RUNS as u64 + 2).map(|n| 2 * n).collect();
    while !wanted.is_empty() {
        let ask = |message: &Message| if let Message::AskBlocks(ask) = message { Some(*ask) } else { None };
        let ask = bench.heard("a question for blocks", ask).await;
        assert!(ask.first < 700 && ask.count == 1, "{ask:?}");
        wanted.remove(&ask.first);
        bench.say(&[Message::Refused(Refused::NotHeld)]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_meter_signed_and_was_refused_is_asked_for_once() {
    let mut bench = Bench::new().await;
    let asked =
        |message: &Message| if let Message::AskBlocks(ask) = message { Some((ask.first, ask.count)) } else { None };
    let compare = |message: &Message| matches!(message, Message::AskHoldings(_)).then_some(());
    let runs = vec![Run { first: 0, last: 2, pairing: 1 }];
    let holdings = Message::Holdings(Holdings { register: register(), runs, next: 3 });
    let mut wanted = (0, 3);
    // Blocks 0 and 1 are another household's; 2 comes damaged, which is not the meter's word.
    let foreign = [0, 1].map(|number| bench.meter.block(number, [9; 32]));
    let Message::Block(mut damaged) = bench.meter.block(2, [9; 32]) else { panic!() };
    let end = damaged.len() - 60;
    damaged[end] ^= 1;
    for _ in 0..2 {
        let identity = bench.met().await;
        bench.heard("what it asks of holdings", compare).await;
        bench.say(std::slice::from_ref(&holdings)).await;
        assert_eq!(bench.heard("what it asks for", asked).await, wanted);
        bench.say(&foreign).await;
        bench.say(&[Message::Block(damaged.clone())]).await;
        if wanted == (0, 3) {
            bench.told("why", |e| matches!(e, Event::Refused { code, .. } if code == "other-household")).await;
        }
        // The meter says that it started anew: everything is compared again.
        let mut anew = identity;
        anew.answers = [0; 16];
        bench.say(&[Message::Identity(Box::new(anew))]).await;
        wanted = (2, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_certificate_for_a_known_epoch_is_told_and_so_is_one_that_went_back() {
    // Another certificate for epoch 0, signed by the same meter: a copy, or a stolen key.
    let mut bench = Bench::new().await;
    let other = bench.meter.another(0, 1800);
    let code = "forked-epoch";
    present(&mut bench, &other, &[&other], code).await;
    // The home knows epoch 1 and the meter shows epoch 0.
    let known = meter();
    let later = known.another(1, 86_400);
    let chain = [known.certificate.clone(), later];
    let mut bench = Bench::with(|store| {
        gateway_core::ingest::learn(store, &chain).unwrap();
    })
    .await;
    present(&mut bench, &chain[0], &[&chain[0]], "meter-behind").await;
}

/// The meter names a certificate as its newest and shows these; what it is told of as, and no session begins.
async fn present(bench: &mut Bench, newest: &VerifiedCertificate, shown: &[&VerifiedCertificate], told: &str) {
    let nonce = bench.hello().await;
    let mut identity = bench.meter.identity(nonce, "M-1");
    identity.certificate = newest.hash;
    bench.say(&[Message::Identity(Box::new(identity))]).await;
    let asked = |message: &Message| if let Message::AskCertificates(from) = message { Some(*from) } else { None };
    loop {
        let from = bench.heard("a question for certificates", asked).await;
        let list = shown.iter().filter(|entry| entry.certificate.epoch >= from);
        bench.say(&[Message::Certificates(list.map(|entry| entry.message.clone().into()).collect())]).await;
        if from == 0 {
            break;
        }
    }
    let events = bench.told(told, |e| matches!(e, Event::Refused { code, .. } if code == told)).await;
    assert!(!events.iter().any(|e| matches!(e, Event::Stored { .. })), "{events:?}");
}
