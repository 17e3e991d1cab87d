//! Conversations with a live meter as a value: pairing, blocks, power cuts, clocks, a full memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap
)]

mod common;

use common::live::{Bench, DAY, SLOT, START, amount, export, import, readings, setup, statuses};
use meter_emulator::live::Event;
use metrology::exchange::{Course, live_key};
use metrology::keys::{AgreementKey, PairingCode, PairingContext};
use metrology::label::{Status, events};
use protocol::block::BlockFile;
use protocol::line::handshake::{Asking, HandshakeError};
use protocol::line::live::{Receiving, Terms};
use protocol::line::{AskBlocks, AskPairing, BlockName, ConfirmPairing, Hello, Message, Refused};
use protocol::pairing::Pairing;

fn bench(days: u64) -> (tempfile::TempDir, Bench) {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(setup(&dir.path().join("meter"), days));
    (dir, bench)
}

#[test]
fn a_household_reads_what_passed_and_nothing_else_tells() {
    let (_dir, mut bench) = bench(4);
    let (pairing, _) = bench.pair(7);
    let said = bench.advance(3 * DAY + 5 * SLOT + 700);
    let sealed = said.iter().filter(|message| matches!(message, Message::Sealed(_))).count();
    assert_eq!(sealed, 6, "three days of two registers");
    assert_eq!(bench.check().len(), 3);
    for (register, times) in [(import(), 1), (export(), 2)] {
        let opened = bench.open(register, &pairing);
        let expected: Vec<_> = (0..3 * 48).map(|place| times * amount(place)).collect();
        assert_eq!(readings(&opened), expected);
        assert!(statuses(&opened).iter().all(|status| *status == Status::Measured));
        assert_eq!(bench.holdings(register).next, 3);
    }
    assert!(bench.events.iter().all(|event| serde_json::to_string(event).unwrap().len() < 300));
}

#[test]
fn current_readings_open_in_their_session_alone() {
    let (_dir, mut bench) = bench(2);
    assert!(matches!(bench.one(&Message::Hello(Hello { nonce: [1; 16] })), Message::Identity(_)));
    assert!(bench.device().now().is_none(), "nobody is paired");
    let (pairing, _) = bench.pair(7);
    assert!(bench.device().now().is_none(), "nobody has said hello");
    bench.advance(10 * SLOT + 900);
    let Message::Identity(identity) = bench.one(&Message::Hello(Hello { nonce: [9; 16] })) else { panic!() };
    assert_eq!((identity.answers, identity.pairing, identity.clock), ([9; 16], 1, bench.at));
    let household = pairing.household();
    let context = PairingContext { certificate: &identity.certificate, counter: 1, household: &household };
    let course = Course { context, household_nonce: [9; 16], meter_nonce: identity.nonce };
    let epoch = &pairing.certificates[0].certificate;
    let key = live_key(&pairing.household_key, &epoch.agreement_key, &pairing.code, &course).unwrap();
    let mut session = Receiving::new(key, Terms::of(&identity));
    let Some(Message::Now(now)) = bench.device().now() else { panic!() };
    let live = session.open(&now).unwrap();
    let passed: u64 = (0..10).map(amount).sum::<u64>() * 10_000 + amount(10) * 5000;
    assert_eq!((live.at, live.supply, live.credit), (bench.at, true, None));
    assert_eq!(live.totals, [passed, 2 * passed]);
    assert_eq!(live.power, Some(-2 * amount(10) as i32), "import less export, in a half-hour");
    let Some(Message::Now(next)) = bench.device().now() else { panic!() };
    assert!(session.open(&next).is_ok() && session.open(&now).is_err());
}

#[test]
fn what_the_line_asks_wrongly_is_refused() {
    let (_dir, mut bench) = bench(2);
    let other = common::live::register("1-0:9.9.9").code;
    let ask = |register, first| Message::AskBlocks(AskBlocks { register, first, count: 3 });
    for (message, why) in [
        (Message::AskHoldings(BlockName { register: other, block: 0 }), Refused::NoRegister),
        (ask(other, 0), Refused::NoRegister),
        (ask(import(), 0), Refused::NotHeld),
        (ask(import(), u64::MAX), Refused::NotHeld),
        (Message::AskPairing(AskPairing { household: [1; 32], nonce: [2; 16] }), Refused::NotPairing),
        (Message::ConfirmPairing(ConfirmPairing { counter: 1, tag: [0; 32] }), Refused::NotPairing),
        (Message::Command(vec![1, 2, 3].into()), Refused::Unsupported),
    ] {
        assert_eq!(bench.one(&message), Message::Refused(why));
    }
    for silent in [Message::Refused(Refused::WrongCode), Message::Sealed(BlockName { register: import(), block: 1 })] {
        assert!(bench.ask(&silent).is_empty(), "what only a meter says");
    }
    assert!(matches!(bench.one(&Message::AskCertificates(9)), Message::Certificates(list) if list.is_empty()));
}

#[test]
fn a_code_is_good_for_ten_minutes_and_ten_tries() {
    let (_dir, mut bench) = bench(2);
    let ask = Message::AskPairing(Asking::new(AgreementKey::from_bytes([7; 32]), [1; 16]).ask());
    bench.press();
    bench.real += 599;
    assert!(matches!(bench.one(&ask), Message::Offer(_)));
    bench.real += 1;
    assert_eq!(bench.one(&ask), Message::Refused(Refused::NotPairing));
    assert!(bench.events.iter().any(|event| matches!(event, Event::PairingEnded { .. })));

    bench.press();
    assert!(matches!(bench.one(&ask), Message::Offer(_)));
    let wrong = |n: u8| Message::ConfirmPairing(ConfirmPairing { counter: 1, tag: [n; 32] });
    for n in 0..9 {
        assert_eq!(bench.one(&wrong(n)), Message::Refused(Refused::WrongCode));
    }
    assert_eq!(bench.one(&wrong(9)), Message::Refused(Refused::TooManyTries));
    assert_eq!(bench.one(&wrong(10)), Message::Refused(Refused::NotPairing));
    assert_eq!(bench.one(&ask), Message::Refused(Refused::NotPairing));
}

#[test]
fn a_wrong_code_stops_at_the_household() {
    let (_dir, mut bench) = bench(2);
    let old = bench.press();
    let code = bench.press();
    let asking = Asking::new(AgreementKey::from_bytes([7; 32]), [1; 16]);
    let certificates = bench.certificates();
    let Message::Offer(offer) = bench.one(&Message::AskPairing(asking.ask())) else { panic!() };
    for wrong in [old, PairingCode::from_bytes([0; 16])] {
        assert_eq!(asking.confirm(&offer, &certificates, &wrong).unwrap_err(), HandshakeError::WrongCode);
    }
    assert!(asking.confirm(&offer, &certificates, &code).is_ok());
}

#[test]
fn a_confirmation_whose_answer_was_lost_is_answered_again() {
    let (_dir, mut bench) = bench(2);
    let (pairing, confirmation) = bench.pair(7);
    bench.advance(3 * SLOT);
    for _ in 0..2 {
        assert!(matches!(bench.one(&confirmation), Message::Paired(paired) if paired.counter == pairing.counter));
        let at = bench.at;
        bench.power_off();
        bench.power_on(at);
    }
    bench.pair(8);
    assert_eq!(bench.one(&confirmation), Message::Refused(Refused::NotPairing), "another household is paired");
}

#[test]
fn a_new_household_reads_from_its_pairing_on_and_the_old_until_then() {
    let (_dir, mut bench) = bench(4);
    bench.advance(DAY / 2);
    let (first, _) = bench.pair(7);
    bench.advance(DAY + SLOT / 2);
    let (second, _) = bench.pair(8);
    bench.advance(2 * DAY);
    let headers = bench.check();
    let pairings: Vec<_> = headers.iter().map(|header| (header.pairing, header.count)).collect();
    // Half a day for nobody; half a day and half of the next for the first; the rest for the second.
    assert_eq!(pairings, [(0, 24), (1, 24), (1, 24), (2, 24), (2, 48)]);
    let (own, new) = (bench.open(import(), &first), bench.open(import(), &second));
    let expected: Vec<_> = (0..144).map(amount).collect();
    assert_eq!([readings(&own), readings(&new)].concat(), expected[24..]);
    assert!(statuses(&own).iter().chain(&statuses(&new)).all(|status| *status == Status::Measured));
    assert_eq!(own.last().unwrap().after, new.first().unwrap().before, "the register goes on");
    let runs: Vec<_> = bench.holdings(import()).runs.iter().map(|run| (run.first, run.last, run.pairing)).collect();
    assert_eq!(runs, [(0, 0, 0), (1, 2, 1), (3, 4, 2)]);
    // Neither key opens the other's blocks, whatever number and household one claims.
    for (pairing, other) in [(&first, &second), (&second, &first)] {
        let disguised = Pairing { counter: other.counter, ..pairing.clone() };
        let (files, certificates) = (bench.blocks(import()), bench.certificates());
        for file in files {
            let block = file.verify(&certificates[0].certificate.signing_key).unwrap();
            if block.header.pairing == other.counter {
                let (mut day, mut key) = disguised.register_key(&certificates[0], &import()).unwrap();
                while day < block.header.day {
                    (day, key) = (day + 1, key.next());
                }
                let tried =
                    std::panic::catch_unwind(|| common::open(&file, &block.header, &block.hash, &key.day_seed()));
                assert!(tried.is_err(), "opened with another household's key");
            }
        }
    }
}

#[test]
fn power_cuts_at_every_moment_of_a_day_lose_nothing() {
    let (_dir, mut bench) = bench(3);
    let (pairing, _) = bench.pair(7);
    for _ in 0..2 * 48 * 2 {
        bench.advance(SLOT / 2);
        let at = bench.at;
        bench.power_off();
        bench.power_on(at);
    }
    let opened = bench.open(import(), &pairing);
    assert_eq!(readings(&opened), (0..96).map(amount).collect::<Vec<_>>());
    assert!(statuses(&opened).iter().all(|status| *status == Status::Measured), "it ran at the end of every slot");
    assert!(bench.check().iter().all(|header| header.events == events::OUTAGE));
}

#[test]
fn an_outage_is_missing_and_its_energy_is_found_in_the_residual() {
    let (_dir, mut bench) = bench(2);
    let (pairing, _) = bench.pair(7);
    bench.advance(10 * SLOT + 60);
    bench.power_off();
    bench.power_on(START + 14 * SLOT + 600);
    // A second cut within the slot in which the power came back.
    bench.advance(60);
    let at = bench.at;
    bench.power_off();
    bench.power_on(at);
    bench.advance(DAY);
    let opened = bench.open(import(), &pairing);
    let expected: Vec<_> =
        (0..48).map(|place| if (10..15).contains(&place) { Status::Missing } else { Status::Measured }).collect();
    assert_eq!(opened[0].statuses(), expected);
    assert_eq!(u64::from(opened[0].residual), (10..15).map(amount).sum::<u64>());
    assert_eq!(opened[0].after, (0..48).map(amount).sum::<u64>() * 10_000);
    assert_eq!(opened[0].header.events, events::OUTAGE);
}

#[test]
fn more_than_a_day_without_power_begins_an_epoch() {
    let (_dir, mut bench) = bench(5);
    let (pairing, _) = bench.pair(7);
    bench.advance(10 * SLOT);
    bench.power_off();
    bench.power_on(START + 2 * DAY + 60);
    bench.advance(DAY);
    assert_eq!(bench.certificates().len(), 2);
    let headers = bench.check();
    assert_eq!(headers.iter().map(|header| (header.epoch, header.count)).collect::<Vec<_>>(), [(0, 10), (1, 48)]);
    let opened = bench.open(import(), &pairing);
    assert_eq!(opened[1].statuses()[0], Status::Missing, "what passed meanwhile");
    assert_eq!(opened[1].after, (0..3 * 48).map(amount).sum::<u64>() * 10_000, "no energy is lost");
}

#[test]
fn thirteen_months_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(setup(&dir.path().join("meter"), 410));
    bench.advance(410 * DAY);
    let holdings = bench.holdings(import());
    let runs: Vec<_> = holdings.runs.iter().map(|run| (run.first, run.last)).collect();
    // By the end of day 409 the clock shows day 410; 396 days before it are kept.
    assert_eq!((runs, holdings.next), (vec![(14, 409)], 410));
    assert_eq!(
        bench.one(&Message::AskBlocks(AskBlocks { register: import(), first: 0, count: 14 })),
        Message::Refused(Refused::NotHeld)
    );
    assert_eq!(std::fs::read_dir(dir.path().join("meter/blocks/1-0_1.8.0")).unwrap().count(), 396);
    assert_eq!(bench.check().len(), 396);
    assert!(bench.events.iter().any(|event| matches!(event, Event::LoadEnded { .. })));
}

#[test]
fn a_full_memory_waits_and_catches_up() {
    let (_dir, mut bench) = bench(8);
    let (pairing, _) = bench.pair(7);
    bench.advance(DAY + SLOT);
    bench.device().set_full(true);
    let said = bench.advance(2 * DAY);
    assert!(said.is_empty(), "nothing is announced that is not durable");
    assert_eq!(bench.holdings(import()).next, 1);
    let ask = Message::AskBlocks(AskBlocks { register: import(), first: 1, count: 5 });
    assert_eq!(bench.one(&ask), Message::Refused(Refused::Memory));
    let code = bench.press();
    let asking = Asking::new(AgreementKey::from_bytes([8; 32]), [1; 16]);
    let certificates = bench.certificates();
    let Message::Offer(offer) = bench.one(&Message::AskPairing(asking.ask())) else { panic!() };
    let (confirmation, _) = asking.confirm(&offer, &certificates, &code).unwrap();
    assert_eq!(bench.one(&Message::ConfirmPairing(confirmation)), Message::Refused(Refused::Memory));
    bench.device().set_full(false);
    assert_eq!(bench.advance(SLOT).len(), 4, "what waited is announced");
    bench.advance(DAY);
    let opened = bench.open(import(), &pairing);
    assert_eq!(readings(&opened), (0..4 * 48).map(amount).collect::<Vec<_>>());
    assert!(statuses(&opened).iter().all(|status| *status == Status::Measured));
    let memory: Vec<_> = bench.events.iter().filter(|event| matches!(event, Event::Memory { .. })).collect();
    assert_eq!(memory.len(), 2);
}

#[test]
fn a_memory_that_stays_full_costs_slots_and_no_energy() {
    let (_dir, mut bench) = bench(200);
    let (pairing, _) = bench.pair(7);
    bench.device().set_full(true);
    bench.advance(150 * DAY + 10 * SLOT);
    bench.device().set_full(false);
    bench.advance(3 * DAY);
    let opened = bench.open(import(), &pairing);
    assert_eq!(bench.check().len(), 153);
    let missing = statuses(&opened).iter().filter(|status| **status == Status::Missing).count();
    // 128 days of two registers wait; then nothing is recorded.
    assert_eq!(missing, 22 * 48 + 12);
    assert_eq!(opened.last().unwrap().after, (0..153 * 48).map(amount).sum::<u64>() * 10_000);
}

#[test]
fn what_waits_for_memory_is_sealed_again_after_a_power_cut() {
    let (_dir, mut bench) = bench(8);
    let (pairing, _) = bench.pair(7);
    bench.advance(10 * SLOT);
    bench.device().set_full(true);
    bench.advance(DAY - 4 * SLOT);
    let at = bench.at;
    bench.power_off();
    bench.power_on(at);
    bench.advance(DAY);
    let opened = bench.open(import(), &pairing);
    let statuses = statuses(&opened);
    assert_eq!(statuses.len(), 2 * 48);
    assert!(statuses[..10].iter().chain(&statuses[55..]).all(|status| *status == Status::Measured));
    assert!(statuses[10..55].iter().all(|status| *status == Status::Missing), "it was in memory alone");
    assert_eq!(opened.last().unwrap().after, (0..2 * 48).map(amount).sum::<u64>() * 10_000);
}

#[test]
fn a_lying_meter_signs_two_blocks_with_one_number() {
    let (_dir, mut bench) = bench(4);
    bench.pair(7);
    bench.device().set_witness(Some(Box::<meter_emulator::live::fault::Lies>::default()));
    let said = bench.advance(2 * DAY);
    assert_eq!(said.iter().filter(|message| matches!(message, Message::Block(_))).count(), 4);
    let certificates = bench.certificates();
    let blocks = bench.blocks(import());
    assert_eq!(blocks.len(), 4);
    let verified: Vec<_> = blocks
        .iter()
        .map(|block: &BlockFile| block.verify(&certificates[0].certificate.signing_key).unwrap())
        .collect();
    for pair in verified.chunks(2) {
        assert_eq!(pair[0].header.block, pair[1].header.block);
        assert_ne!(pair[0].hash, pair[1].hash);
        assert_eq!(pair[0].header.previous, pair[1].header.previous);
    }
    bench.device().set_witness(None);
    assert_eq!(bench.check().len(), 2, "the true chain is whole");
}
