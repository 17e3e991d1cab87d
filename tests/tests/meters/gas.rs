//! A gas meter that speaks through a P1 port, for a day over a bad line.

use drivers::plain::{Decode, Protocol};
use drivers::slots::{ChannelSlots, How, Terms};
use drivers::{Chunk, Found};
use meter_emulator::plain::{Plan, Play, Protocol as Spoken};

/// 28 March 2026, 12:00 UTC: clocks change within the day.
const START: u64 = 1_774_699_200;
const HOUR: u64 = 3600;
/// The emulated gas meter is read every five minutes.
const READ_EVERY: u64 = 300;

fn day(dialect: &str) -> Play {
    let spoken = Spoken::named("p1", Some(dialect)).unwrap();
    let mut plan = Plan::new(spoken, 5, START, START + 24 * HOUR);
    (plan.gas, plan.damage, plan.interval) = (true, 10, Some(10));
    Play::new(plan).unwrap()
}

/// Litres, as the telegram shows them.
fn shown(play: &Play, at: u64) -> u64 {
    play.truth(at).gas.unwrap() / 10_000
}

#[test]
fn hours_of_gas_are_what_the_meter_counted_in_them() {
    for dialect in ["dsmr5", "dsmr4", "fluvius", "dsmr2"] {
        let mut decoder: Box<dyn Decode> = Protocol::P1.decoder(drivers::plain::Keys::default());
        let mut slots: Option<ChannelSlots> = None;
        let mut told = Vec::new();
        for sent in day(dialect) {
            for found in sent.bytes.chunks(61).flat_map(|part| decoder.hear(&Chunk::Bytes(part.to_vec()))) {
                let Found::Message(telegram) = found else { continue };
                let Some(code) = telegram.channels.first().map(|channel| channel.code.clone()) else { continue };
                let slots = slots.get_or_insert_with(|| ChannelSlots::new(Terms::for_interval(3600), &code));
                told.extend(slots.hear(sent.at * 1000, &telegram));
            }
        }
        let truth = day(dialect);
        for slot in &told {
            let litres = shown(&truth, (slot.number + 1) * HOUR) - shown(&truth, slot.number * HOUR);
            assert_eq!(
                (u64::from(slot.advance), slot.how),
                (litres * 10_000, How::Measured),
                "{dialect}: hour {}",
                slot.number
            );
        }
        println!("p1 {dialect}: {} hours of gas measured", told.len());
        assert!(told.len() >= 22, "{dialect}: {} hours of gas", told.len());
        assert!(shown(&truth, START + 24 * HOUR) > shown(&truth, START + READ_EVERY), "{dialect}: nothing was burnt");
    }
}
