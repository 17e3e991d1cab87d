//! Prepaid credit and the switch: commands from outside that never need a reading.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap
)]

mod common;

use common::live::{Bench, DAY, SLOT, amount, import, readings, setup};
use ed25519_dalek::SigningKey;
use meter_emulator::live::Event;
use metrology::cose::public_key;
use protocol::line::{Message, Refused};
use protocol::money::Currency;
use protocol::service::command::{Action, Command, CommandReceipt, Outcome};

/// 10⁻⁹ euro a Wh: 30 cents a kWh.
const PRICE: u32 = 300_000;

fn operator() -> SigningKey {
    SigningKey::from_bytes(&[0x51; 32])
}

fn credit(amount_minor: u64) -> Action {
    Action::Credit { amount_minor, currency: Currency { code: "EUR".into(), exponent: 2 } }
}

fn bench(price: Option<u32>) -> (tempfile::TempDir, Bench) {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = setup(&dir.path().join("meter"), 10);
    (setup.operator, setup.price) = (Some(public_key(&operator())), price);
    let bench = Bench::new(setup);
    (dir, bench)
}

fn command(bench: &mut Bench, sequence: u64, action: Action) -> Message {
    let meter = bench.device().recorder().meter().identity_key();
    let command = Command::new(meter, sequence, bench.at, bench.at + 3600, action);
    Message::Command(command.sign(&operator()).into())
}

fn outcome(bench: &mut Bench, message: &Message) -> Outcome {
    let Message::Receipt(bytes) = bench.one(message) else { panic!() };
    let receipt = CommandReceipt::read(&bytes).unwrap();
    assert_eq!(receipt.meter, bench.device().recorder().meter().identity_key());
    receipt.outcome
}

fn supply(bench: &mut Bench) -> bool {
    bench.device().recorder().supply()
}

#[test]
fn the_switch_opens_and_closes_by_order_alone() {
    let (_dir, mut bench) = bench(None);
    let (pairing, _) = bench.pair(7);
    bench.advance(4 * SLOT);
    let disconnect = command(&mut bench, 1, Action::Disconnect);
    let first = bench.one(&disconnect);
    assert!(!supply(&mut bench));
    bench.advance(2 * SLOT);
    assert_eq!(bench.device().recorder().power(), Some(0));
    assert_eq!(bench.one(&disconnect), first, "the same command, the same receipt");
    let at = bench.at;
    bench.power_off();
    bench.power_on(at);
    assert!(!supply(&mut bench), "it stays open through a power cut");
    assert_eq!(bench.one(&disconnect), first);
    bench.advance(2 * SLOT);
    let reconnect = command(&mut bench, 2, Action::Reconnect);
    assert_eq!(outcome(&mut bench, &reconnect), Outcome::Done);
    bench.advance(DAY);
    let expected: Vec<_> = (0..48).map(|place| if (4..8).contains(&place) { 0 } else { amount(place) }).collect();
    assert_eq!(readings(&bench.open(import(), &pairing))[..48], expected, "measured, and nothing passed");
    assert!(bench.events.iter().any(|event| matches!(event, Event::Supply { closed: false, reason: "disconnect" })));
}

#[test]
fn what_may_not_be_is_not_obeyed() {
    let (_dir, mut bench) = bench(None);
    bench.advance(SLOT);
    let (at, meter) = (bench.at, bench.device().recorder().meter().identity_key());
    let forged = Command::new(meter, 1, at, at + 60, Action::Disconnect).sign(&SigningKey::from_bytes(&[1; 32]));
    assert_eq!(bench.one(&Message::Command(forged.into())), Message::Refused(Refused::Unsupported));
    let elsewhere = Command::new([9; 32], 1, at, at + 60, Action::Disconnect).sign(&operator());
    assert_eq!(bench.one(&Message::Command(elsewhere.into())), Message::Refused(Refused::Unsupported));
    let late = Command::new(meter, 1, at - 60, at, Action::Disconnect).sign(&operator());
    assert_eq!(outcome(&mut bench, &Message::Command(late.into())), Outcome::Expired);
    let unpaid = command(&mut bench, 1, credit(100));
    assert_eq!(outcome(&mut bench, &unpaid), Outcome::NotAuthorised, "this meter keeps no credit");
    assert!(supply(&mut bench));
    let reconnect = command(&mut bench, 5, Action::Reconnect);
    assert_eq!(outcome(&mut bench, &reconnect), Outcome::Done);
    for sequence in [4, 5] {
        let old = command(&mut bench, sequence, Action::Disconnect);
        assert_eq!(outcome(&mut bench, &old), Outcome::OutOfSequence);
    }
    assert!(supply(&mut bench));
    bench.device().set_full(true);
    let disconnect = command(&mut bench, 6, Action::Disconnect);
    assert_eq!(bench.one(&disconnect), Message::Refused(Refused::Memory), "it could not remember");
    assert!(supply(&mut bench));
    bench.device().set_full(false);
    bench.advance(SLOT);
    assert_eq!(outcome(&mut bench, &disconnect), Outcome::Done);
    assert!(!supply(&mut bench));
}

#[test]
fn credit_falls_with_use_and_opens_the_switch_at_its_end() {
    let (_dir, mut bench) = bench(Some(PRICE));
    let (pairing, _) = bench.pair(7);
    assert!(!supply(&mut bench), "no credit yet");
    bench.advance(2 * SLOT);
    // 30 cents a kWh: 200 Wh cost 6 cents.
    let buy = command(&mut bench, 1, credit(20));
    assert_eq!(outcome(&mut bench, &buy), Outcome::Done);
    assert_eq!((bench.device().recorder().credit(), supply(&mut bench)), (Some(20), true));
    let other = Action::Credit { amount_minor: 5, currency: Currency { code: "GBP".into(), exponent: 2 } };
    let other = command(&mut bench, 2, other);
    assert_eq!(outcome(&mut bench, &other), Outcome::NotAuthorised);
    bench.advance(2 * SLOT);
    let used = amount(2) + amount(3);
    // Rounded down to whole cents.
    assert_eq!(bench.device().recorder().credit(), Some((200_000_000 - (used * u64::from(PRICE)) as i64) / 10_000_000));
    let at = bench.at;
    bench.power_off();
    bench.power_on(at);
    assert_eq!(outcome(&mut bench, &buy), Outcome::Done, "again, and not booked again");
    assert!(bench.device().recorder().credit().unwrap() < 20);
    for _ in 0..20 {
        bench.advance(SLOT);
    }
    assert!(!supply(&mut bench));
    assert!(bench.events.iter().any(|event| matches!(event, Event::Supply { closed: false, reason: "credit" })));
    let more = command(&mut bench, 3, credit(1000));
    assert_eq!(outcome(&mut bench, &more), Outcome::Done);
    assert!(supply(&mut bench));
    bench.advance(DAY);
    let opened = readings(&bench.open(import(), &pairing));
    // The slot in which the credit ends is the last in which something passes.
    assert_eq!(opened[..9], [0, 0, 102, 103, 104, 105, 106, 107, 108]);
    assert_eq!(opened[9..24], [0; 15]);
}
