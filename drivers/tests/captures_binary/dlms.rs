//! DLMS push: the HAN of the north, Austria and Slovenia.

use std::collections::BTreeMap;

use drivers::plain::dlms::Dlms;
use drivers::plain::{MeterKey, Telegram};
use serde_json::Value;

use super::{Heard, captures, heard, number, shown};

fn key(expected: &Value) -> Option<MeterKey> {
    let encryption = expected["key_hex"].as_str()?;
    Some(MeterKey::from_hex(encryption, expected["auth_key_hex"].as_str()).unwrap())
}

#[test]
fn dlms_han() {
    let Some(captures) = captures("dlms-han") else { return };
    let by_name: BTreeMap<_, _> = captures.iter().map(|(name, what, file)| (name.as_str(), (what, file))).collect();
    println!(
        "{:56} {:>6} {:>4} {:>6}  import, export, power, time, meter of the first",
        "dlms-han", "frames", "bad", "noise"
    );
    for (name, expected, file) in &captures {
        let key = key(expected);
        let all = heard(&mut Dlms::new(key.clone()), file, 65_536);
        for piece in [1, 7, 100] {
            assert_eq!(heard(&mut Dlms::new(key.clone()), file, piece), all, "{name} in pieces of {piece}");
        }
        let row = all.telegrams.first().map(row).unwrap_or_default();
        println!("{name:56} {:>6} {:>4} {:>6}  {row}", all.telegrams.len(), all.faults.len(), all.noise);
        if expected["kind"] == "hdlc_stream" {
            stream(name, expected, file, &all);
            continue;
        }
        assert_eq!((all.telegrams.len(), all.faults.len()), (1, 0), "{name}: {:?}", all.faults);
        let plain = expected["plaintext"].as_str().map(|name| by_name[name].0);
        telegram(name, plain.unwrap_or(expected), &all.telegrams[0]);
        if key.is_some() {
            let locked = heard(&mut Dlms::new(None), file, 100);
            assert_eq!(locked.faults, [drivers::plain::Fault::Encrypted], "{name} without a key");
        }
    }
}

/// What is not told of a capture is not compared: some peers tell no time or number where there is one.
fn telegram(name: &str, expected: &Value, told: &Telegram) {
    let values = [
        ("import_wh", told.import.map(|energy| energy.to_string())),
        ("export_wh", told.export.map(|energy| energy.to_string())),
        ("power_w", told.power.map(|power| power.to_string())),
    ];
    for (field, value) in values {
        if let Some(what) = expected.get(field) {
            // The peer that gives these as absent does not read power of the list.
            let unread = what.is_null() && field == "power_w";
            assert!(unread || value == number(what), "{name}: {field} is {what}, not {value:?}");
        }
    }
    if let Some(time) = expected["timestamp"].as_str() {
        let local = if time.len() == 24 { octets(time) } else { time.replace('T', " ").chars().take(19).collect() };
        assert_eq!(shown(told), Some(local), "{name}");
    }
    for (field, value) in [("meter_id", &told.meter), ("manufacturer", &told.maker)] {
        // A list of one power holds neither number nor maker.
        if let (Some(what), Some(_)) = (expected[field].as_str(), value) {
            assert_eq!(value.as_deref(), Some(what), "{name}");
        }
        assert!(expected["meter_id"].is_null() || told.meter.is_some(), "{name}");
    }
}

/// A date-time in hexadecimal digits.
fn octets(text: &str) -> String {
    let byte = |at: usize| u16::from_str_radix(&text[at..at + 2], 16).unwrap();
    let year = byte(0) << 8 | byte(2);
    format!("{year}-{:02}-{:02} {:02}:{:02}:{:02}", byte(4), byte(6), byte(10), byte(12), byte(14))
}

/// Frames whose length and checksum fit, counted in the plainest way.
fn good_frames(file: &[u8]) -> usize {
    let crc = crc::Crc::<u16>::new(&crc::CRC_16_IBM_SDLC);
    let (mut at, mut good) = (0, 0);
    while let [0x7e, kind @ 0xa0..=0xaf, low, ..] = file[at.min(file.len())..] {
        let length = usize::from(kind & 7) << 8 | usize::from(low);
        let frame = file.get(at + 1..at + 1 + length).filter(|frame| frame.len() > 10);
        let fits = frame.is_some_and(|frame| {
            let (checked, sum) = frame.split_last_chunk::<2>().unwrap();
            crc.checksum(checked) == u16::from_le_bytes(*sum)
        });
        good += usize::from(fits);
        at += if fits { length + 1 } else { 1 };
        at +=
            file[at..].windows(2).position(|pair| pair[0] == 0x7e && pair[1] & 0xf0 == 0xa0).unwrap_or(file.len() - at);
    }
    good
}

fn stream(name: &str, expected: &Value, file: &[u8], all: &Heard) {
    // The peer that was asked loses some good frames after a damaged one: it believes a changed length.
    let peer = usize::try_from(expected["frames_valid"].as_u64().unwrap()).unwrap();
    let begin = file.windows(2).position(|pair| pair == [0x7e, 0xa0]).unwrap();
    assert_eq!(all.telegrams.len(), good_frames(&file[begin..]), "{name}");
    assert!(all.telegrams.len() >= peer && (all.faults.is_empty() || all.telegrams.len() > peer), "{name}");
    let ends = [all.telegrams.first(), all.telegrams.last()].map(|telegram| telegram.and_then(shown));
    assert_eq!(ends[0].as_deref(), expected["first_timestamp"].as_str(), "{name}");
    assert_eq!(ends[1].as_deref(), expected["last_timestamp"].as_str(), "{name}");
    let hourly: Vec<_> = all.telegrams.iter().filter(|telegram| telegram.import.is_some()).collect();
    let told = expected["hourly"].as_array().unwrap();
    assert_eq!(hourly.len(), told.len(), "{name}");
    for (hour, told) in hourly.iter().zip(told) {
        telegram(name, told, hour);
    }
    let powers = || all.telegrams.iter().filter_map(|telegram| telegram.power);
    assert_eq!(powers().min().map(|power| power.to_string()), number(&expected["power_w_min"]), "{name}");
    assert_eq!(powers().max().map(|power| power.to_string()), number(&expected["power_w_max"]), "{name}");
}

fn row(told: &Telegram) -> String {
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let values = [
        text(told.import.map(|energy| energy.to_string())),
        text(told.export.map(|energy| energy.to_string())),
        text(told.power.map(|power| power.to_string())),
        text(shown(told)),
        text(told.meter.clone()),
        text(told.maker.clone()),
    ];
    values.join(" | ")
}
