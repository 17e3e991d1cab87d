//! Real telegrams of meters that speak text, where they are at hand: the folder is named by WATTSEAL_DATA, or stands
//! beside the repository. Every value that `expected.json` names is compared, energies to the last digit, and what was
//! found must not depend on how the bytes were cut.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use drivers::plain::{Decimal, Decode, Energy, MeterKey, Moment, Power, Telegram, Volume, d0, json, p1, tic};
use drivers::profile::Profiles;
use drivers::{Chunk, Damage, Found};
use serde_json::Value;

/// One capture: its name, its bytes, what is expected.
type Capture = (String, Vec<u8>, Value);

/// The captures of a folder; `None` when they are not at hand.
fn captures(folder: &str) -> Option<Vec<Capture>> {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared"));
    let path = std::env::var_os("WATTSEAL_DATA").map_or(beside, PathBuf::from).join("captures").join(folder);
    let Ok(expected) = std::fs::read(path.join("expected.json")) else {
        println!("SKIPPED: {} is not at hand; set WATTSEAL_DATA", path.display());
        return None;
    };
    let expected: serde_json::Map<String, Value> = serde_json::from_slice(&expected).unwrap();
    let read = |(name, value): (String, Value)| (name.clone(), std::fs::read(path.join(name)).unwrap(), value);
    Some(expected.into_iter().map(read).collect())
}

/// What a decoder finds, whole and in pieces.
fn decoded<D: Decode>(make: impl Fn() -> D, bytes: &[u8]) -> Vec<Found<Telegram>> {
    let cut = |size: usize| {
        let mut decoder = make();
        let parts = bytes.chunks(size);
        let mut found: Vec<_> = parts.flat_map(|part| decoder.hear(&Chunk::Bytes(part.to_vec()))).collect();
        found.extend(decoder.end());
        found.retain(|one| !matches!(one, Found::Noise(_)));
        found
    };
    let whole = cut(usize::MAX);
    for size in [1, 7, 64] {
        assert_eq!(cut(size), whole, "in pieces of {size}");
    }
    whole
}

/// An expected number, exactly.
fn number(expected: &Value, key: &str) -> Option<Decimal> {
    let number = expected.get(key).filter(|value| !value.is_null())?;
    Some(Decimal::parse(number.to_string().as_bytes()).expect(key))
}

fn shown(telegram: &Telegram) -> Option<String> {
    match telegram.at? {
        Moment::Clock(stamp) => Some(stamp.to_string()),
        Moment::Seconds(_) => panic!(),
    }
}

fn rate(telegram: &Telegram, number: u8, export: bool) -> Option<Energy> {
    telegram.rates.iter().find(|rate| (rate.number, rate.export) == (number, export)).map(|rate| rate.total)
}

/// Compares what is expected by name; counts the values compared.
fn compare(name: &str, telegram: &Telegram, expected: &Value) -> usize {
    let mut compared = 0;
    let energies = [
        ("import_wh", telegram.import),
        ("export_wh", telegram.export),
        ("import_t1_wh", rate(telegram, 1, false)),
        ("import_t2_wh", rate(telegram, 2, false)),
        ("t1_import_wh", rate(telegram, 1, false)),
        ("t2_import_wh", rate(telegram, 2, false)),
        ("export_t1_wh", rate(telegram, 1, true)),
        ("export_t2_wh", rate(telegram, 2, true)),
    ];
    for (key, found) in energies {
        if let Some(number) = number(expected, key) {
            assert_eq!(found, Energy::new(number), "{name}: {key}");
            compared += 1;
        } else if matches!(key, "import_wh" | "export_wh") && expected.get(key).is_some() {
            assert_eq!(found, None, "{name}: {key}");
            compared += 1;
        }
    }
    if let Some(watts) = number(expected, "power_w") {
        assert_eq!(telegram.power, Power::new(watts), "{name}: power");
        compared += 1;
    }
    if let Some(apparent) = number(expected, "power_va") {
        assert_eq!(telegram.apparent.map(i64::from), apparent.in_units_of(0), "{name}: apparent power");
        compared += 1;
    }
    if let Some(gas) = number(expected, "gas_m3") {
        let channel = telegram.channels.iter().find(|channel| channel.unit == "m3").expect(name);
        assert_eq!(Some(channel.total), Volume::new(gas), "{name}: gas");
        let at = expected.get("gas_timestamp_raw").and_then(Value::as_str).unwrap();
        assert_eq!(
            channel.at.map(|at| at.shown.strftime("%y%m%d%H%M%S").to_string()).as_deref(),
            at.get(..12),
            "{name}"
        );
        compared += 2;
    }
    if let Some(meter) = expected.get("meter_id").and_then(Value::as_str) {
        assert_eq!(telegram.meter.as_deref(), Some(meter), "{name}: meter");
        compared += 1;
    }
    compared
}

fn row(name: &str, compared: usize, said: &str) {
    println!("| {name:60} | {compared:3} | {said:12} |");
}

#[test]
fn dsmr_p1() {
    let Some(captures) = captures("dsmr-p1") else { return };
    println!("| P1 capture{:50} | values | outcome |", "");
    for (name, bytes, expected) in &captures {
        let encrypted = expected.get("key_hex").and_then(Value::as_str);
        let (found, expected) = match encrypted {
            Some(key) => {
                let digits: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
                let frame: Vec<u8> = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
                let of = |authentication| MeterKey::from_hex(key, authentication).unwrap();
                let with = |key: Option<MeterKey>| decoded(|| p1::Decoder::new(key.clone()), &frame);
                let damaged = |fault| [Found::Damaged(Damage::Plain(fault))];
                assert_eq!(with(None), damaged(drivers::plain::Fault::Encrypted), "{name}");
                let other = Some("00000000000000000000000000000000");
                assert_eq!(with(Some(of(other))), damaged(drivers::plain::Fault::WrongKey), "{name}");
                let plain = expected.get("plaintext").and_then(Value::as_str).unwrap();
                let (_, _, values) = captures.iter().find(|(name, _, _)| name == plain).unwrap();
                (with(Some(of(expected.get("auth_key_hex").and_then(Value::as_str)))), values)
            }
            None => (decoded(p1::Decoder::default, bytes), expected),
        };
        if encrypted.is_none() && expected.get("must").and_then(Value::as_str) == Some("reject_on_crc") {
            assert_eq!(found, [Found::Damaged(Damage::Plain(drivers::plain::Fault::Checksum))], "{name}");
            row(name, 1, "refused");
            continue;
        }
        let [Found::Message(telegram)] = found.as_slice() else { panic!("{name}: {found:?}") };
        let compared = compare(name, telegram, expected);
        let at = expected.get("timestamp").and_then(Value::as_str);
        assert_eq!(shown(telegram).as_deref(), at, "{name}: time");
        if expected.get("crc").and_then(Value::as_str) == Some("valid") {
            changed(name, bytes, telegram);
        }
        row(name, compared + 1, "accepted");
    }
}

/// A changed byte never makes another telegram of one that a CRC protects.
fn changed(name: &str, bytes: &[u8], telegram: &Telegram) {
    for at in 0..bytes.len() {
        for mask in [0x01, 0x10, 0x80] {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= mask;
            let mut decoder = p1::Decoder::default();
            let mut found = decoder.hear(&Chunk::Bytes(bytes));
            found.extend(decoder.end());
            let other = |one: &Found<Telegram>| matches!(one, Found::Message(other) if other != telegram);
            assert!(!found.iter().any(other), "{name}: byte {at} changed by {mask:#x}");
        }
    }
}

#[test]
fn d0() {
    let Some(captures) = captures("d0") else { return };
    println!("| D0 capture{:50} | values | outcome |", "");
    for (name, bytes, expected) in &captures {
        let found = decoded(d0::Decoder::default, bytes);
        let [Found::Message(telegram)] = found.as_slice() else { panic!("{name}: {found:?}") };
        let mut compared = compare(name, telegram, expected);
        if let Some(at) = expected.get("timestamp_raw").and_then(Value::as_str) {
            assert_eq!(shown(telegram), Some(format!("20{}", at.replace(' ', "T"))), "{name}: time");
            compared += 1;
        }
        row(name, compared, "accepted");
    }
}

#[test]
fn teleinfo() {
    let Some(captures) = captures("teleinfo") else { return };
    println!("| TIC capture{:49} | values | outcome |", "");
    for (name, bytes, expected) in &captures {
        let found = decoded(tic::Decoder::default, bytes);
        let [Found::Message(telegram)] = found.as_slice() else { panic!("{name}: {found:?}") };
        let mut compared = compare(name, telegram, expected);
        let mut decoder = tic::Decoder::default();
        decoder.hear(&Chunk::Bytes(bytes.clone()));
        decoder.end();
        let groups = (decoder.groups().good, decoder.groups().bad);
        let count = |key: &str| expected.get(key).and_then(Value::as_u64).unwrap();
        assert_eq!(groups, (count("groups_ok"), count("groups_bad")), "{name}: groups");
        assert_eq!(u64::from(telegram.damaged_groups), count("groups_bad"), "{name}");
        // H261225235959: the season, then the time.
        let at = telegram.at.map(|at| match at {
            Moment::Clock(stamp) => {
                let season = if stamp.ahead == Some(60) { 'H' } else { 'E' };
                format!("{season}{}", stamp.shown.strftime("%y%m%d%H%M%S"))
            }
            Moment::Seconds(_) => panic!(),
        });
        assert_eq!(at.as_deref(), expected.get("timestamp").and_then(Value::as_str), "{name}: time");
        let indexes = expected.get("indexes").and_then(Value::as_object).unwrap();
        let mut totals: Vec<_> = indexes.values().map(|value| value.as_i64().unwrap() * 10_000).collect();
        let mut rates: Vec<_> = telegram.rates.iter().map(|rate| rate.total.0).collect();
        totals.sort_unstable();
        rates.sort_unstable();
        // One index alone is the total and no rate.
        assert!(rates == totals || totals.len() == 1, "{name}: rates");
        compared += 3 + rates.len();
        row(name, compared, "accepted");
    }
}

#[test]
fn mqtt() {
    let Some(captures) = captures("mqtt") else { return };
    println!("| MQTT capture{:48} | values | outcome |", "");
    for (name, bytes, expected) in &captures {
        let topic = expected.get("topic").and_then(Value::as_str).unwrap();
        let mut decoder = json::guess(&Profiles::built_in().maps(), topic, bytes).expect(name);
        let said = decoder.bridge().to_owned();
        let found = decoder.hear(&Chunk::Datagram { topic: topic.into(), payload: bytes.clone() });
        let [Found::Message(telegram)] = found.as_slice() else { panic!("{name}: {found:?}") };
        let compared = compare(name, telegram, expected);
        let at = expected.get("timestamp").and_then(Value::as_str).unwrap();
        let at = match at.strip_prefix("unix ") {
            Some(seconds) => jiff::Timestamp::from_second(seconds.parse().unwrap()).unwrap().to_string(),
            None => at.split(' ').next().unwrap().into(),
        };
        assert_eq!(shown(telegram), Some(at), "{name}: time");
        row(name, compared + 1, &said);
        split(name, bytes, telegram);
    }
}

/// The same status as the bridge publishes it, each part on a topic of its own, says the same.
fn split(name: &str, bytes: &[u8], whole: &Telegram) {
    let status: serde_json::Map<String, Value> = serde_json::from_slice(bytes).unwrap();
    let label = whole.meter.clone().unwrap_or_default();
    let Some(data) = label.strip_prefix("em1:").map(|input| format!("em1data:{input}")) else { return };
    let map = Profiles::built_in().named("shelly-em1").unwrap().map.clone().unwrap();
    let mut decoder = json::Decoder::new(map, "prefix");
    let mut say = |part: &str| {
        let payload = serde_json::to_vec(&status[part]).unwrap();
        match decoder.hear(&Chunk::Datagram { topic: format!("prefix/status/{part}"), payload }).as_slice() {
            [Found::Message(telegram)] => telegram.clone(),
            other => panic!("{name}: {other:?}"),
        }
    };
    let (power, energy) = (say(&label), say(&data));
    assert_eq!((power.power, power.meter), (whole.power, whole.meter.clone()), "{name}");
    assert_eq!(
        (energy.import, energy.export, energy.meter),
        (whole.import, whole.export, whole.meter.clone()),
        "{name}"
    );
}
