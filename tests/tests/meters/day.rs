//! Twenty-four hours of every protocol in every dialect.

use std::collections::{BTreeMap, BTreeSet};

use drivers::plain::{Decode, Keys, MeterKey, Protocol};
use drivers::slots::{How, Slot, Slots, Terms, Way};
use drivers::{Chunk, Damage, Found};
use meter_emulator::plain::{Keys as MeterKeys, Plan, Play, Protocol as Spoken};

/// 28 March 2026, 12:00 UTC: clocks change within the day.
pub const START: u64 = 1_774_699_200;
pub const HOUR: u64 = 3600;
/// The line says nothing: 40 minutes, from within a slot to within another.
pub const SILENT: std::ops::Range<u64> = START + 7 * HOUR + 300..START + 7 * HOUR + 2700;
/// Another meter hangs there from then on.
pub const EXCHANGED: u64 = START + 15 * HOUR + 1234;
pub const END: u64 = START + 24 * HOUR;

/// The decoder for what the emulator speaks.
pub fn decoder(spoken: Spoken) -> Box<dyn Decode> {
    let protocol: Protocol = spoken.read_as().parse().unwrap();
    let meter = spoken.is_encrypted().then(|| MeterKey::new(MeterKeys::EXAMPLE, Some(MeterKeys::PUBLISHED)));
    protocol.decoder(Keys { meter, public: None })
}

/// A day of two meters, the second in the place of the first: behind the same bridge, where there is one.
pub fn plays(spoken: Spoken) -> [Play; 2] {
    let plan = |household, from, until| {
        let mut plan = Plan::new(spoken, household, from, until);
        plan.damage = 10;
        plan.keys = spoken.example_keys();
        plan
    };
    let first = Play::new(plan(5, START, EXCHANGED - 1)).unwrap();
    let second = Plan { bridge: Some(first.number()), ..plan(6, EXCHANGED, END) };
    [first, Play::new(second).unwrap()]
}

/// What was heard of a day.
struct Heard {
    slots: BTreeMap<(Way, u64), Slot>,
    /// Moments at which a total was read, with a checksum, or without one and with no damage near it: next to a frame that
    /// was changed, one without a checksum is not believed for certain.
    read: BTreeMap<Way, Vec<u64>>,
    sent: u32,
    telegrams: u32,
    damaged: u32,
}

fn hear(spoken: Spoken, interval: u64, plays: &mut [Play]) -> Heard {
    let mut decoder = decoder(spoken);
    let mut slots = Slots::new(Terms::for_interval(u32::try_from(interval).unwrap()));
    let mut heard = Heard { slots: BTreeMap::new(), read: BTreeMap::new(), sent: 0, telegrams: 0, damaged: 0 };
    let mut last = 0;
    // Totals that were read without a checksum, by the number of their frame, and the frames that were damaged.
    let (mut unchecked, mut damaged) = (Vec::new(), BTreeSet::new());
    for sent in plays.iter_mut().flatten() {
        if SILENT.contains(&sent.at) {
            continue;
        }
        if sent.at - last > 600 {
            // The reader opened the line anew meanwhile.
            decoder.begin();
        }
        last = sent.at;
        heard.sent += 1;
        if sent.damaged {
            damaged.insert(heard.sent);
        }
        let chunks = match sent.topic {
            Some(topic) => vec![Chunk::Datagram { topic, payload: sent.bytes }],
            // A stream is cut anywhere.
            None => sent.bytes.chunks(61).map(|part| Chunk::Bytes(part.to_vec())).collect(),
        };
        for found in chunks.iter().flat_map(|chunk| decoder.hear(chunk)) {
            match found {
                Found::Message(telegram) => {
                    heard.telegrams += 1;
                    for (way, total) in [(Way::Import, telegram.import), (Way::Export, telegram.export)] {
                        match total {
                            Some(_) if telegram.checked => heard.read.entry(way).or_default().push(sent.at),
                            Some(_) => unchecked.push((way, sent.at, heard.sent)),
                            None => {}
                        }
                    }
                    for (way, slot) in slots.hear(sent.at * 1000, &telegram) {
                        let before = heard.slots.insert((way, slot.number), slot);
                        assert!(before.is_none(), "slot {} was told twice", slot.number);
                    }
                }
                Found::Damaged(Damage::Plain(_)) => heard.damaged += 1,
                Found::Damaged(_) => panic!("not a plain meter's"),
                Found::Noise(_) => {}
            }
        }
    }
    for (way, at, number) in unchecked {
        if damaged.range(number - 2.min(number)..=number + 2).next().is_none() {
            heard.read.entry(way).or_default().push(at);
        }
    }
    heard
}

/// What a register shows at a moment, as the meter of that moment counts.
fn shown(plays: &[Play], way: Way, at: u64) -> i64 {
    let truth = plays[usize::from(at >= EXCHANGED)].truth(at);
    let shown = if way == Way::Import { truth.import_shown } else { truth.export_shown.unwrap_or(0) };
    i64::try_from(shown).unwrap()
}

#[test]
fn a_day_of_every_protocol_over_a_bad_line() {
    println!("| meter | sent | telegrams | damaged | measured | of them exactly | estimated | missing |");
    for spoken in Spoken::all() {
        if spoken.name() == "ocmf" {
            continue; // transactions, no register of a home
        }
        let hourly = spoken.name() == "dlms" && matches!(spoken.dialect(), "aidon" | "kaifa" | "kamstrup");
        let interval = if hourly { HOUR } else { 900 };
        let heard = hear(spoken, interval, &mut plays(spoken));
        let truth = plays(spoken);
        let reach = u64::from(Terms::for_interval(u32::try_from(interval).unwrap()).reach);
        let name = format!("{} {}", spoken.name(), spoken.dialect());
        let mut count = [0, 0, 0, 0];
        for ((way, number), slot) in &heard.slots {
            let (from, until) = (number * interval, (number + 1) * interval);
            let advance = i64::from(slot.advance);
            // Never more than a home can use, whatever happened in it; a silence of hours stands in one slot.
            assert!(advance < 10_000 * 60_000, "{name}: a phantom of {advance}");
            let crosses = |at: u64| from <= at && at < until;
            match slot.how {
                How::Measured => {
                    count[0] += 1;
                    assert!(!crosses(EXCHANGED), "{name}: measured across an exchange");
                    let least = shown(&truth, *way, until - reach) - shown(&truth, *way, from + reach);
                    let most =
                        shown(&truth, *way, until + reach) - shown(&truth, *way, from.saturating_sub(reach).max(START));
                    assert!((least..=most).contains(&advance), "{name}: {advance} is not within {least} to {most}");
                    let read = |at: u64| heard.read.get(way).is_some_and(|read| read.binary_search(&at).is_ok());
                    // Where each value has a topic of its own, a sum holds parts of different moments.
                    let apart = matches!(spoken.dialect(), "dsmr-reader" | "esphome");
                    if !hourly && !apart && read(from) && read(until) {
                        count[1] += 1;
                        let exactly = shown(&truth, *way, until) - shown(&truth, *way, from);
                        assert_eq!(advance, exactly, "{name}: slot {number}");
                    }
                }
                How::Estimated => {
                    count[2] += 1;
                    let read = |at: u64| heard.read.get(way).is_some_and(|read| read.binary_search(&at).is_ok());
                    assert!(!read(from) || !read(until), "{name}: estimated although it was read at both edges");
                }
                How::Missing => count[3] += 1,
            }
        }
        let silent = |way: Way| {
            let slots = (SILENT.start / interval..SILENT.end / interval + 1).map(|number| (way, number));
            slots.filter_map(|slot| heard.slots.get(&slot)).filter(|slot| slot.how == How::Missing).count()
        };
        // An hour's list comes after the silence.
        assert!(hourly || silent(Way::Import) > 0, "{name}: the silence does not show");
        let changed = heard.slots.get(&(Way::Import, EXCHANGED / interval)).map(|slot| slot.how);
        assert_eq!(changed, Some(How::Missing), "{name}: the exchange does not show");
        println!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} |",
            heard.sent, heard.telegrams, heard.damaged, count[0], count[1], count[2], count[3]
        );
        // 24 hours less 40 minutes and the slot of the exchange; an hourly list that is lost costs two hours.
        let all = 24 * HOUR / interval;
        let most_missing = if hourly { 14 } else { 10 };
        let known = heard.slots.iter().filter(|((way, _), slot)| *way == Way::Import && slot.how != How::Missing);
        assert!(known.count() as u64 + most_missing >= all, "{name}: too little is known");
        // A total a minute leaves edges between; all others come every ten seconds or oftener.
        let minutely = matches!((spoken.name(), spoken.dialect()), ("d0", "mode-c") | ("json", "shelly"));
        assert!(minutely || count[2] * 20 <= count[0], "{name}: too much is estimated");
    }
}

/// Nobody opens a line between two frames. What stands in the rest of a frame makes nobody deaf to the next ones.
#[test]
fn whoever_joins_within_a_frame_hears_the_next() {
    for spoken in Spoken::all() {
        if spoken.name() == "json" {
            continue; // publications come whole
        }
        let mut plan = Plan::new(spoken, 5, START, START + HOUR);
        plan.keys = spoken.example_keys();
        let frames: Vec<Vec<u8>> = Play::new(plan).unwrap().take(60).map(|sent| sent.bytes).collect();
        let mut deafest = 0;
        for (number, frame) in frames.iter().take(frames.len().saturating_sub(6)).enumerate() {
            let from = 1 + (number * 37) % (frame.len() - 1);
            let mut decoder = decoder(spoken);
            let is_telegram = |found: &Found<_>| matches!(found, Found::Message(_));
            decoder.hear(&Chunk::Bytes(frame[from..].to_vec()));
            let later = frames[number + 1..].iter();
            let heard = later.map(|frame| decoder.hear(&Chunk::Bytes(frame.clone())).iter().any(is_telegram));
            let missed = heard.take_while(|heard| !heard).count();
            deafest = deafest.max(missed);
        }
        println!("{} {}: at most {deafest} frames missed", spoken.name(), spoken.dialect());
        assert!(deafest <= 2, "{} {}: {deafest} frames are missed", spoken.name(), spoken.dialect());
    }
}
