//! Pairing with somebody on the line, with wrong codes, twice, and across a power cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use protocol::line::handshake::{Asking, Offering};
use protocol::line::{ConfirmPairing, Message, Offer};
use protocol::metrology::keys::{AgreementKey, PairingCode};
use serde_json::{Value, json};

use crate::process::Running;
use crate::relay::{Deed, Mind, Relay, honest};
use crate::stored::{blocks, chain, held};
use crate::world::Town;

pub const METER: [&str; 8] = ["--household", "7", "--pv", "0", "--days", "64", "--outage-limit", "0"];

/// A meter on TCP that nobody is paired with, and its address.
pub fn meter(town: &Town) -> (Running, String) {
    let mut meter = town.meter("m", &[&METER[..], &["--tcp", "127.0.0.1:0"]].concat());
    let tcp = meter.wait("a line", |e| e["event"] == "listening")["address"].as_str().unwrap().to_owned();
    (meter, tcp)
}

pub fn pair(town: &Town, line: i64, code: &str) -> (Option<i32>, Value) {
    town.run(&["wattseal", "--home", "home", "pair", "--line", &line.to_string()], code)
}

fn refused(town: &Town, line: i64, code: &str) -> String {
    let (exit, answer) = pair(town, line, code);
    assert_eq!(exit, Some(1), "{answer}");
    assert_eq!(town.status("home")["meters"], json!([]), "a failed pairing left something");
    answer["error"]["code"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// A middleman who asks the meter with keys of his own, and answers the household with keys of his own.
fn with_own_keys() -> Mind {
    let (mine, guess) = (AgreementKey::from_bytes([5; 32]), PairingCode::from_bytes([6; 16]));
    let mut asked = None;
    Box::new(move |_, message| match message {
        Message::AskPairing(ask) => {
            asked = Some(ask);
            Deed::Pass(Message::AskPairing(Asking::new(AgreementKey::from_bytes([7; 32]), [8; 16]).ask()))
        }
        Message::Offer(offer) => {
            let ask = asked.clone().unwrap();
            let made = Offering::new(&mine, &offer.certificate, offer.counter, &guess, &ask, offer.nonce);
            Deed::Pass(Message::Offer(made.unwrap().1))
        }
        other => Deed::Pass(other),
    })
}

#[test]
fn a_middleman_gets_nowhere_and_an_honest_relay_does() {
    let town = Town::new();
    let (mut meter, tcp) = meter(&town);
    let relay = Relay::before(&tcp, honest());
    let gateway = town.home("home");
    let line = town.line("home", &format!("tcp://{}", relay.address));
    let code = town.press(&mut meter);

    let key_swapped: Mind = Box::new(|_, message| match message {
        Message::AskPairing(mut ask) => {
            ask.household = Asking::new(AgreementKey::from_bytes([7; 32]), [8; 16]).ask().household;
            Deed::Pass(Message::AskPairing(ask))
        }
        other => Deed::Pass(other),
    });
    let offer_forged: Mind = Box::new(|_, message| match message {
        Message::Offer(offer) => Deed::Pass(Message::Offer(Offer { tag: [9; 32], ..offer })),
        other => Deed::Pass(other),
    });
    let counter_raised: Mind = Box::new(|_, message| match message {
        Message::Offer(offer) => Deed::Pass(Message::Offer(Offer { counter: offer.counter + 1, ..offer })),
        other => Deed::Pass(other),
    });
    for mind in [with_own_keys(), key_swapped, offer_forged, counter_raised] {
        relay.change(mind);
        assert_eq!(refused(&town, line, &code), "wrong-code");
    }
    // The last step: the meter does not take a changed confirmation either.
    relay.change(Box::new(|_, message| match message {
        Message::ConfirmPairing(c) => Deed::Pass(Message::ConfirmPairing(ConfirmPairing { tag: [9; 32], ..c })),
        other => Deed::Pass(other),
    }));
    assert_eq!(refused(&town, line, &code), "wrong-code");
    assert_eq!(meter.all().iter().filter(|e| e["event"] == "paired").count(), 0);

    // The same code is good for the household still: nothing of it was learnt or used up.
    relay.change(honest());
    assert_eq!(pair(&town, line, &code).1["answer"], "paired");
    meter.wait("the pairing", |e| e["event"] == "paired");
    assert_eq!(town.status("home")["meters"].as_array().unwrap().len(), 1);
    assert!(gateway.stop().success());
}

#[test]
fn codes_that_are_wrong_used_up_or_not_there() {
    let town = Town::new();
    let (mut meter, tcp) = meter(&town);
    let relay = Relay::before(&tcp, honest());
    let gateway = town.home("home");
    let line = town.line("home", &format!("tcp://{}", relay.address));

    let earlier = town.press(&mut meter);
    let code = town.press(&mut meter);
    assert_eq!(refused(&town, line, &earlier), "wrong-code");
    // A slip of the finger is found before anything is sent.
    let slip: String = code.chars().rev().collect();
    assert_eq!(refused(&town, line, &slip), "bad-code");

    // Somebody on the line uses up the tries: the meter takes the code away.
    relay.change(Box::new(|_, message| match message {
        Message::ConfirmPairing(c) => Deed::Pass(Message::ConfirmPairing(ConfirmPairing { tag: [9; 32], ..c })),
        other => Deed::Pass(other),
    }));
    for _ in 1..10 {
        assert_eq!(refused(&town, line, &code), "wrong-code");
    }
    assert_eq!(refused(&town, line, &code), "too-many-tries");
    meter.wait("the end of the code", |e| e["event"] == "pairing_ended");
    relay.change(honest());
    assert_eq!(refused(&town, line, &code), "not-pairing");

    // A code is for one use.
    let code = town.press(&mut meter);
    assert_eq!(pair(&town, line, &code).1["answer"], "paired");
    let (exit, answer) = pair(&town, line, &code);
    assert_eq!((exit, &answer["error"]["code"]), (Some(1), &"not-pairing".into()), "{answer}");
    assert_eq!(town.status("home")["meters"].as_array().unwrap().len(), 1, "the pairing that is there stays");
    assert!(gateway.stop().success());
}

#[test]
fn a_power_cut_between_confirmation_and_answer() {
    let town = Town::new();
    let (mut meter, tcp) = meter(&town);
    let (confirmed, answered) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let (sent, got) = (Arc::clone(&confirmed), Arc::clone(&answered));
    let relay = Relay::before(
        &tcp,
        Box::new(move |_, message| match message {
            Message::ConfirmPairing(_) => {
                sent.fetch_add(1, Ordering::SeqCst);
                Deed::Hold
            }
            other => Deed::Pass(other),
        }),
    );
    let gateway = town.home("home");
    let line = town.line("home", &format!("tcp://{}", relay.address));
    let code = town.press(&mut meter);
    let ask = |code: &str, when: &dyn Fn() -> bool, gateway: Running| {
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| pair(&town, line, code));
            let deadline = std::time::Instant::now() + crate::process::PATIENCE;
            while !when() {
                assert!(std::time::Instant::now() < deadline, "the handshake does not get so far");
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            gateway.kill();
            let (exit, answer) = asked.join().unwrap();
            assert_eq!(exit, Some(3), "{answer}");
        });
    };

    // The confirmation never reaches the meter: nobody is paired, and the same code still pairs.
    ask(&code, &|| confirmed.load(Ordering::SeqCst) > 0, gateway);
    let mut gateway = town.gateway("home");
    gateway.wait("the meter", |e| e["event"] == "meter-found" && e["paired"] == false);
    assert_eq!(town.status("home")["meters"], json!([]));

    // The meter takes it, and its answers are lost.
    relay.change(Box::new(move |_, message| match message {
        Message::Paired(_) => {
            got.store(true, Ordering::SeqCst);
            Deed::Hold
        }
        other => Deed::Pass(other),
    }));
    ask(&code, &|| answered.load(Ordering::SeqCst), gateway);
    assert_eq!(town.status("home")["meters"], json!([]), "not in force before the meter has shown it");
    // By itself: nothing is typed any more.
    relay.change(honest());
    let mut gateway = town.gateway("home");
    gateway.wait("the pairing", |e| e["event"] == "paired" && e["pairing"] == 1);
    assert_eq!(town.status("home")["meters"].as_array().unwrap().len(), 1);
    assert!(meter.stop().success());
    let caught_up = ["--tcp", &tcp, "--catch-up", "2026-03-08"];
    let mut meter = town.meter("m", &[&METER[..], &caught_up].concat());
    meter.wait("a line again", |e| e["event"] == "listening");
    town.until("its blocks", &["wattseal", "--home", "home", "status"], |s| blocks(s) == held(&town.path("m")));
    assert!(gateway.stop().success());
    town.same("home", &["m"]);
}

#[test]
fn after_a_move_each_household_has_its_own_part() {
    let town = Town::new();
    let mut broker = town.start(&["wattseal-meter", "broker"]);
    let mqtt = broker.wait("a broker", |e| e["event"] == "listening")["address"].as_str().unwrap().to_owned();
    let on = [&METER[..], &["--cadence", "1", "--mqtt", &mqtt]].concat();
    let line = format!("{mqtt}/wattseal/m");
    let until = |time: &'static str| [&on[..], &["--catch-up", time]].concat();

    let mut meter = town.meter("m", &on);
    let mut before = town.home("before");
    town.pair("before", &line, &mut meter);
    assert!(meter.stop().success());
    // In the middle of a slot of the ninth day the next household moves in.
    let mut meter = town.meter("m", &until("2026-03-09T10:17:00Z"));
    meter.wait("the line", |e| e["event"] == "line" && e["up"] == true);
    let after = town.home("after");
    town.pair("after", &line, &mut meter);
    before.wait("word that it is over", |e| e["event"] == "paired-elsewhere");
    let first = held(&town.path("m"));
    town.until("its own last block", &["wattseal", "--home", "before", "status"], |s| blocks(s) == first);
    assert_eq!(blocks(&town.status("after")), 0, "nothing from before");
    assert!(meter.stop().success());

    let mut meter = town.meter("m", &until("2026-03-20T05:00:00Z"));
    meter.wait("the line", |e| e["event"] == "line" && e["up"] == true);
    let all = held(&town.path("m"));
    town.until("the later blocks", &["wattseal", "--home", "after", "status"], |s| blocks(s) == all - first);
    // The first household asks on, and gets nothing: its home is told again who the meter belongs to.
    assert!(before.stop().success());
    let mut before = town.gateway("before");
    before.wait("word again", |e| e["event"] == "paired-elsewhere");
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(blocks(&town.status("before")), first);
    assert!(before.stop().success() && after.stop().success());
    for (home, expected) in [("before", 0), ("after", first)] {
        let imported = town.run(&["wattseal", "--home", home, "import", "m"], "").1;
        assert_eq!(imported["stored"], 0, "{home}: {imported}");
        let foreign = imported["refused"].as_array().unwrap();
        let expected = if home == "before" { all - first } else { expected };
        assert_eq!(foreign.len() as u64, expected, "{home}: {imported}");
        assert!(foreign.iter().all(|file| file["code"] == "other-household"), "{imported}");
    }
    assert_eq!(chain(&town.path("m")), all, "one chain over both");

    // Each bills its own part, to the slot.
    town.tariff_by_energy();
    let end = |home: &str, which: &str| {
        let register = &town.status(home)["meters"][0]["registers"][0];
        register[which].as_str().unwrap().to_owned()
    };
    assert_eq!(end("before", "until"), end("after", "from"), "no time between the households");
    for (home, from, to) in [
        ("before", "2026-03-01T00:00:00Z".to_owned(), end("before", "until")),
        ("after", end("after", "from"), "2026-03-20T00:00:00Z".to_owned()),
    ] {
        assert!(town.billed(home, "m", &from, &to, &[]));
        // A slot of the other household in the period, and there is no bill.
        let too_far = ["--from", "2026-03-01T00:00:00Z", "--to", "2026-03-20T00:00:00Z", "--out", "both.bill"];
        let both = [&["wattseal", "--home", home, "bill", "--tariff", "energy.tariff"][..], &too_far].concat();
        assert_eq!(town.run(&both, "").0, Some(1));
    }
}
