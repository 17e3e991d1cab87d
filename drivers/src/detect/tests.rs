use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::address::{Bits, Parity, Serial, Stop};
use crate::plain::Keys;

const TEXT: &[u8] = b"/ESY5Q3DA1004 V3.04\r\n\r\n1-0:0.0.0*255(0112233)\r\n1-0:1.8.0*255(00001.5000000*kWh)\r\n\
    1-0:1.7.0*255(000345.67*W)\r\n!\r\n";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn wire(baud: u32) -> Wire {
    Wire { baud, ..Wire::of(&Serial::new("/dev/x")) }
}

fn ear(baud: u32) -> Ear {
    Ear::new(wire(baud), false, &Keys::default())
}

fn with_parity(bytes: &[u8], odd: bool) -> Vec<u8> {
    let bit = |byte: &u8| u8::from((byte.count_ones() % 2 == 1) != odd) << 7;
    bytes.iter().map(|byte| byte | bit(byte)).collect()
}

/// Knuth's generator: the same every time.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn the_bits_tell_a_parity() {
    let parity = |bytes: &[u8]| {
        let mut bits = SevenBits::default();
        bits.hear(bytes);
        bits.parity()
    };
    assert_eq!(parity(&with_parity(TEXT, false)), Some(Parity::Even));
    assert_eq!(parity(&with_parity(TEXT, true)), Some(Parity::Odd));
    assert_eq!(parity(TEXT), None, "text of eight bits");
    assert_eq!(parity(&with_parity(TEXT, false)[..40]), None, "too little to tell");
    let mut changed = with_parity(TEXT, false);
    changed[7] ^= 1;
    assert_eq!(parity(&changed), Some(Parity::Even), "one byte that the line changed");
    for seed in 0..50 {
        assert_eq!(parity(&noise(seed, 500)), None);
        // Binary telegrams are no text, whatever their bits.
        assert_eq!(parity(&with_parity(&noise(seed, 500), false)), None);
    }
}

#[test]
fn every_setting_is_tried_once_and_the_commonest_first() {
    let profiles = Profiles::built_in();
    let attempts = plan(&profiles, None);
    let said: Vec<_> = attempts.iter().map(|one| format!("{}{}", one.wire, if one.asked { "?" } else { "" })).collect();
    assert_eq!(said, ["9600 8N1", "115200 8N1", "2400 8E1", "2400 8N1", "1200 8N1", "300 7E1?"]);
    let whole: Duration = attempts.iter().map(|attempt| attempt.patience).sum();
    assert!(whole <= seconds(90), "{whole:?}");
    let cut: Duration = plan(&profiles, Some(seconds(10))).iter().map(|attempt| attempt.patience).sum();
    assert!(cut <= seconds(10) && cut > seconds(9), "{cut:?}");
    assert_eq!(plan(&profiles, Some(seconds(3600))), attempts, "more time than is needed");
}

#[test]
fn a_meter_is_heard_with_and_without_its_parity_bit() {
    let profiles = Profiles::built_in();
    for (bytes, bits, parity) in [
        (TEXT.to_vec(), Bits::Eight, Parity::None),
        (with_parity(TEXT, false), Bits::Seven, Parity::Even),
        (with_parity(TEXT, true), Bits::Seven, Parity::Odd),
    ] {
        let mut ear = ear(9600);
        assert!(!ear.is_done(seconds(5)));
        for (number, piece) in bytes.chunks(7).enumerate() {
            ear.hear(piece, Duration::from_millis(u64::try_from(number).unwrap()));
        }
        assert!(ear.is_done(seconds(1)));
        let Verdict::Found(heard) = ear.verdict() else { panic!("{:?}", ear.verdict()) };
        let (heard, fits) = best(heard, &profiles, false).unwrap();
        assert_eq!(heard.wire, Wire { baud: 9600, bits, parity, stop: Stop::One });
        assert_eq!((heard.protocol, fits[0].0.id.as_str(), fits[0].1), (Protocol::D0, "easymeter-q3d", Fit::Named));
        assert_eq!(heard.telegram.import.map(|energy| energy.0), Some(15_000_000));
    }
}

#[test]
fn noise_is_called_noise_and_left_soon() {
    for seed in 0..200 {
        let mut ear = ear(9600);
        for second in 0..6 {
            assert!(second < 5 || ear.is_done(seconds(second)));
            ear.hear(&noise(seed * 100 + second, 400), seconds(second));
        }
        let verdict = ear.verdict();
        assert_eq!(verdict, Verdict::Noise { bytes: 2400 }, "{seed}");
        assert!(verdict.to_string().contains("2400 bytes came"));
    }
    let quiet = ear(9600);
    assert_eq!(quiet.verdict(), Verdict::Silent);
    assert!(!quiet.is_done(seconds(100)) && quiet.verdict().to_string().contains("cable"));
    // One burst is what is left of a telegram that was joined.
    let mut joined = ear(9600);
    joined.hear(&noise(1, 400), seconds(0));
    assert!(!joined.is_done(seconds(9)));
}

#[test]
fn text_with_a_parity_bit_that_says_nothing_known() {
    let mut ear = ear(2400);
    ear.hear(&with_parity(&b"temperature 21.5 degrees, humidity 40 percent\r\n".repeat(3), false), seconds(0));
    let verdict = ear.verdict();
    assert_eq!(verdict, Verdict::SevenBits { wire: Wire { bits: Bits::Seven, parity: Parity::Even, ..wire(2400) } });
    assert!(verdict.to_string().contains("the line is set to 2400 7E1"));
}

#[test]
fn changed_telegrams_are_told_from_noise() {
    let mut ear = ear(115_200);
    let telegram = b"/ISK5\\2M550\r\n\r\n1-0:1.8.1(000001.000*kWh)\r\n!0000\r\n";
    for second in 0..3 {
        ear.hear(telegram, seconds(second));
    }
    let verdict = ear.verdict();
    assert_eq!(verdict, Verdict::Damaged { protocol: Protocol::P1, wire: wire(115_200), count: 3 });
    assert!(ear.is_done(seconds(3)) && verdict.to_string().contains("each of its 3 telegrams"));
}

#[test]
fn what_says_most_is_concluded() {
    let encrypted = Verdict::Encrypted { protocol: Protocol::Dlms, wire: wire(2400), wrong_key: false };
    let noise = Verdict::Noise { bytes: 5 };
    let damaged = Verdict::Damaged { protocol: Protocol::Sml, wire: wire(9600), count: 1 };
    assert_eq!(conclude([]), Verdict::Silent);
    assert_eq!(conclude([Verdict::Silent, noise.clone()]), noise);
    assert_eq!(conclude([noise, encrypted.clone(), damaged]), encrypted);
    let told = encrypted.to_string();
    assert!(told.contains("grid operator") && told.contains("--meter-key-file"), "{told}");
    let profiles = Profiles::built_in();
    let ids: Vec<_> =
        encrypting(&profiles, Protocol::Dlms, wire(2400)).into_iter().map(|profile| &profile.id).collect();
    assert_eq!(ids, ["austria-mbus", "kamstrup-denmark", "sagemcom-t210"]);
}

fn crowd() -> Crowd {
    Crowd::new(Profiles::built_in().maps(), Keys::default())
}

#[test]
fn devices_of_a_broker_are_told_apart() {
    let mut crowd = crowd();
    for (device, kwh) in [("attic", "1.5"), ("cellar", "2.5"), ("attic", "1.6")] {
        let payload = format!(r#"{{"Time":"2026-05-04T03:02:01","SML":{{"Total_in":{kwh}}}}}"#);
        crowd.hear(&format!("tele/{device}/SENSOR"), payload.as_bytes());
    }
    crowd.hear("shed/status/em1:0", br#"{"act_power":5.0}"#);
    crowd.hear("shed/status/em1data:0", br#"{"total_act_energy":7.0,"total_act_ret_energy":0.5}"#);
    crowd.hear("shed/status/em1data:1", br#"{"total_act_energy":9.0,"total_act_ret_energy":0.5}"#);
    crowd.hear("dsmr/reading/electricity_delivered_1", b"1.000");
    crowd.hear("dsmr/reading/electricity_delivered_2", b"2.000");
    crowd.hear("garden/weather", br#"{"temperature":20}"#);
    crowd.hear("garden/weather", b"");
    crowd.hear("relay/p1", TEXT);
    let told: Vec<_> = crowd
        .devices()
        .flat_map(|device| {
            let bridge = device.bridge.clone().unwrap_or_else(|| device.protocol.to_string());
            let meters = device.telegrams.iter().map(move |telegram| {
                let wh = telegram.import.map_or_else(|| "?".into(), |energy| energy.to_string());
                format!("{} {bridge} {} {wh}", device.topic, telegram.input.clone().unwrap_or_default())
            });
            meters.collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(
        told,
        [
            "dsmr dsmr-reader  3000",
            "relay/p1 dsmr-p1  1500",
            "shed shelly-em1 em1:0 7",
            "shed shelly-em1 em1:1 9",
            "tele/attic tasmota  1600",
            "tele/cellar tasmota  2500",
        ]
    );
    assert_eq!((crowd.others(), crowd.encrypted().len()), (1, 0));
    let filters = Crowd::filters(&Profiles::built_in().maps());
    for filter in ["tele/+/SENSOR", "+/status/em:0", "zigbee2mqtt/+", "dsmr/json", "glow/+/SENSOR/gasmeter"] {
        assert!(filters.iter().any(|known| known == filter), "{filter}");
    }
}

#[test]
fn a_broker_that_never_ends_is_bounded() {
    let mut crowd = crowd();
    for number in 0..6000 {
        crowd.hear(&format!("tele/{number}/SENSOR"), br#"{"SML":{"Total_in":1.5}}"#);
        crowd.hear(&format!("x/{number}"), br#"{"a":1}"#);
    }
    assert_eq!(crowd.devices().count(), 256);
    assert_eq!(crowd.others(), 4096);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_are_safe(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8)) {
        let (mut ear, mut crowd) = (ear(9600), crowd());
        for (number, chunk) in chunks.iter().enumerate() {
            let now = seconds(u64::try_from(number).unwrap());
            ear.hear(chunk, now);
            let _ = (ear.is_done(now), ear.verdict().to_string());
            crowd.hear("any/topic", chunk);
        }
    }
}
