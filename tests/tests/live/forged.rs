//! Whoever is on the line answers in the meter's place, loses its answers, or sends the home elsewhere: a pairing is in
//! force when the meter has shown it and not before, no key is lost meanwhile, and the person is told what happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protocol::code::{self, Purpose};
use protocol::line::{Message, Paired, Refused};
use protocol::metrology::keys::household_fingerprint;
use serde_json::{Value, json};

use crate::pairing::{METER, meter, pair};
use crate::process::{PATIENCE, Running};
use crate::relay::{Deed, Mind, Relay, honest};
use crate::stored::{blocks, held};
use crate::world::Town;

/// Takes the confirmation for himself, answers it, and lets every Identity of the meter say the same.
fn impostor() -> Mind {
    let (mut household, mut counter) = ([0; 32], 0);
    Box::new(move |_, message| match message {
        Message::AskPairing(ask) => {
            household = household_fingerprint(&ask.household);
            Deed::Pass(Message::AskPairing(ask))
        }
        Message::ConfirmPairing(confirmation) => {
            counter = confirmation.counter;
            Deed::Say { on: Vec::new(), back: vec![Message::Paired(Paired { counter, household })] }
        }
        Message::Identity(mut identity) => {
            if counter > 0 {
                (identity.pairing, identity.household) = (counter, household);
            }
            Deed::Pass(Message::Identity(identity))
        }
        other => Deed::Pass(other),
    })
}

/// The meter seals some days, and the home reads them all.
fn reads_everything(town: &Town, tcp: &str, meter: Running, gateway: Running) {
    assert!(meter.stop().success());
    let mut meter = town.meter("m", &[&METER[..], &["--tcp", tcp, "--catch-up", "2026-03-08"]].concat());
    meter.wait("a line again", |e| e["event"] == "listening");
    let all = held(&town.path("m"));
    assert!(all > 5, "{all} blocks");
    town.until("its blocks", &["wattseal", "--home", "home", "status"], |s| blocks(s) == all);
    assert!(gateway.stop().success());
    town.same("home", &["m"]);
}

#[test]
fn an_answer_in_the_meter_s_place_pairs_nobody_and_spoils_nothing() {
    let town = Town::new();
    let (mut meter, tcp) = meter(&town);
    let relay = Relay::before(&tcp, impostor());
    let gateway = town.home("home");
    let line = town.line("home", &format!("tcp://{}", relay.address));
    let code = town.press(&mut meter);
    let (exit, answer) = pair(&town, line, &code);
    assert_eq!((exit, &answer["error"]["code"]), (Some(3), &"no-proof".into()), "{answer}");
    assert_eq!(town.status("home")["meters"], json!([]), "in force on the line's word");
    assert!(gateway.all().iter().all(|e| e["event"] != "paired"));
    assert!(meter.all().iter().all(|e| e["event"] != "paired"));

    // The meter offers the same number again, for other keys.
    relay.change(honest());
    let (exit, answer) = pair(&town, line, &code);
    assert_eq!((exit, &answer["answer"], &answer["pairing"]), (Some(0), &"paired".into(), &1.into()), "{answer}");
    let on_it = town.meter_s_number(&mut meter);
    assert_eq!(on_it, 1);
    assert!(gateway.all().iter().all(|e| e["event"] != "refused" && e["event"] != "attention"), "{:?}", gateway.all());
    reads_everything(&town, &tcp, meter, gateway);
}

impl Town {
    /// The number of the meter's own pairing.
    fn meter_s_number(&self, meter: &mut Running) -> u64 {
        meter.wait("the pairing", |e| e["event"] == "paired")["pairing"].as_u64().unwrap()
    }

    /// Asks for a pairing on a line, and takes the line away once `when` says so.
    fn pair_and_remove(&self, address: &str, code: &str, when: &AtomicBool) {
        let line = self.line("home", address);
        let (exit, answer) = std::thread::scope(|scope| {
            let asked = scope.spawn(|| pair(self, line, code));
            let deadline = Instant::now() + PATIENCE;
            while !when.load(Ordering::SeqCst) {
                assert!(Instant::now() < deadline, "the handshake does not get so far");
                std::thread::sleep(Duration::from_millis(5));
            }
            self.done(&["wattseal", "--home", "home", "line", "remove", &line.to_string()]);
            asked.join().unwrap()
        });
        assert_eq!((exit, &answer["error"]["code"]), (Some(3), &"line-closed".into()), "{answer}");
    }
}

/// Passes on until the confirmation; lets it through or not, and nothing of the meter after it.
fn silent_after_confirmation(through: bool, said: &Arc<AtomicBool>) -> Mind {
    let said = Arc::clone(said);
    Box::new(move |from_household, message| match message {
        Message::ConfirmPairing(_) if !through => {
            said.store(true, Ordering::SeqCst);
            Deed::Hold
        }
        Message::Paired(_) => {
            said.store(true, Ordering::SeqCst);
            Deed::Hold
        }
        _ if !from_household && said.load(Ordering::SeqCst) => Deed::Hold,
        other => Deed::Pass(other),
    })
}

#[test]
fn keys_outlive_the_line_and_later_attempts() {
    let town = Town::new();
    let (mut meter, tcp) = meter(&town);
    let relay = Relay::before(&tcp, honest());
    let mut gateway = town.home("home");
    let address = format!("tcp://{}", relay.address);
    // One that the meter never hears of, one that it takes, one that it never hears of: each time the line is removed.
    let mut code = town.press(&mut meter);
    for (through, press) in [(false, false), (true, true), (false, false)] {
        let said = Arc::new(AtomicBool::new(false));
        relay.change(silent_after_confirmation(through, &said));
        town.pair_and_remove(&address, &code, &said);
        if press {
            code = town.press(&mut meter);
        }
    }
    assert_eq!(town.meter_s_number(&mut meter), 1);
    assert_eq!(town.status("home")["meters"], json!([]));
    // Another line to the same meter, and nothing is typed.
    town.line("home", &format!("tcp://{tcp}"));
    gateway.wait("the pairing that the meter took", |e| e["event"] == "paired" && e["pairing"] == 1);
    reads_everything(&town, &tcp, meter, gateway);
}

#[test]
fn blocks_alone_show_a_pairing() {
    let town = Town::new();
    let (mut meter, tcp) = meter(&town);
    let said = Arc::new(AtomicBool::new(false));
    let relay = Relay::before(&tcp, silent_after_confirmation(true, &said));
    let mut gateway = town.home("home");
    let code = town.press(&mut meter);
    town.pair_and_remove(&format!("tcp://{}", relay.address), &code, &said);
    // No telegram ever comes through; the blocks do.
    relay.change(Box::new(|_, message| match message {
        Message::Now(_) => Deed::Hold,
        other => Deed::Pass(other),
    }));
    town.line("home", &format!("tcp://{}", relay.address));
    gateway.wait("the meter", |e| e["event"] == "meter-found");
    assert!(meter.stop().success());
    let mut meter = town.meter("m", &[&METER[..], &["--tcp", &tcp, "--catch-up", "2026-03-05"]].concat());
    meter.wait("a line again", |e| e["event"] == "listening");
    gateway.wait("the pairing", |e| e["event"] == "paired" && e["pairing"] == 1);
    reads_everything(&town, &tcp, meter, gateway);
}

#[test]
fn the_person_hears_what_became_of_it() {
    let town = Town::new();
    let (mut meter, tcp) = meter(&town);
    // Refusals that belong to other requests come in between, and the line is cut once the meter has taken it.
    let mut cut = false;
    let relay = Relay::before(
        &tcp,
        Box::new(move |_, message| match message {
            Message::ConfirmPairing(confirmation) => Deed::Say {
                on: vec![Message::ConfirmPairing(confirmation)],
                back: vec![Message::Refused(Refused::Memory), Message::Refused(Refused::Unsupported)],
            },
            Message::Paired(_) if !cut => {
                cut = true;
                Deed::Cut
            }
            other => Deed::Pass(other),
        }),
    );
    let gateway = town.home("home");
    let line = town.line("home", &format!("tcp://{}", relay.address));
    let code = town.press(&mut meter);
    let (exit, answer) = pair(&town, line, &code);
    assert_eq!((exit, &answer["answer"]), (Some(0), &"paired".into()), "{answer}");
    assert!(gateway.all().iter().any(|e| e["event"] == "line-down"), "the line was not cut");

    // On a line that is closed the answer comes all the same.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let line = town.line("home", &format!("tcp://{closed}"));
    let asked = Instant::now();
    let (exit, answer) = pair(&town, line, &code::write(Purpose::Pairing, &[7; 16]));
    assert_eq!((exit, &answer["error"]["code"]), (Some(3), &Value::from("line-down")), "{answer}");
    assert!(asked.elapsed() < PATIENCE);
    reads_everything(&town, &tcp, meter, gateway);
}
