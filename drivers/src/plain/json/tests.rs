use proptest::prelude::*;

use std::path::Path;

use super::super::{Energy, Moment, Power};
use super::*;
use crate::profile::{Profile, ProfileError, Profiles};

const MAP: &str = r#"
title = "Own"
protocol = "mqtt"
cadence = 1
gives = ["import"]

[mqtt]
device = "a/+"

[[value]]
is = "import"
topic = "b"
path = ["/x/*/total", "/x/sum"]
unit = "kWh"

[[value]]
is = "power"
topic = "b"
path = "/p"
unit = "W"
scale = "-0.5"

[[value]]
is = "meter"
topic = "b"
path = "/list/1/i~1d"

[[value]]
is = "time"
topic = "b"
path = "/at"
clock = "unix-ms"
"#;

fn parse(text: &str) -> Result<Map, ProfileError> {
    Profile::parse("own", Path::new("own.toml"), text).map(|profile| profile.map.unwrap())
}

fn own() -> Decoder {
    Decoder::new(parse(MAP).unwrap(), "a/1")
}

fn map(name: &str, device: &str) -> Decoder {
    Decoder::new(Profiles::built_in().named(name).unwrap().map.clone().unwrap(), device)
}

fn say(decoder: &mut Decoder, topic: &str, payload: &str) -> Vec<Found<Telegram>> {
    decoder.hear(&Chunk::Datagram { topic: topic.into(), payload: payload.into() })
}

fn one(decoder: &mut Decoder, topic: &str, payload: &str) -> Telegram {
    match say(decoder, topic, payload).as_slice() {
        [Found::Message(telegram)] => telegram.clone(),
        other => panic!("{other:?}"),
    }
}

fn damaged(fault: Fault) -> Vec<Found<Telegram>> {
    vec![Found::Damaged(Damage::Plain(fault))]
}

fn wh(ten_thousandths: i64) -> Option<Energy> {
    Some(Energy(ten_thousandths))
}

#[test]
fn a_map_tells_where_to_listen() {
    let glow = Profiles::built_in().named("glow").unwrap().map.clone().unwrap();
    assert_eq!(
        (glow.device(), glow.suffixes().join(" ")),
        ("glow/+", "/SENSOR/electricitymeter /SENSOR/gasmeter".into())
    );
    assert_eq!(glow.devices("glow/AB12/SENSOR/gasmeter"), ["glow/AB12"]);
    assert_eq!(glow.devices("my/own/SENSOR/gasmeter"), ["my/own"]);
    assert_eq!(glow.devices("SENSOR/gasmeter").len() + glow.devices("glow/AB12/STATE").len(), 0);
    assert!(
        glow.is_usual("glow/x") && !glow.is_usual("glow") && !glow.is_usual("glow/x/y") && !glow.is_usual("flow/x")
    );
}

#[test]
fn values_are_found_by_path_unit_and_scale() {
    let mut decoder = own();
    let json = r#"{"p": 25e1, "x": {"sum": 9, "any": {"total": 1.00001e2, "more": []}},
        "list": [{}, {"i/d": "n\u00b07"}],
        "at": 1783231628750, "x2": {"total": 4}}"#;
    let telegram = one(&mut decoder, "a/1/b", json);
    assert_eq!(telegram.import, wh(1_000_010_000));
    assert_eq!(telegram.power, Some(Power(-1_250_000)));
    assert_eq!(telegram.meter.as_deref(), Some("n°7"));
    let Some(Moment::Clock(stamp)) = telegram.at else { panic!() };
    assert_eq!(stamp.to_string(), "2026-07-05T06:07:08Z");
    let mut anywhere = Decoder::anywhere(parse(MAP).unwrap(), "");
    assert_eq!(one(&mut anywhere, "", json), telegram, "a topic that is not known");
    assert_eq!(one(&mut decoder, "a/1/b", r#"{"x":{"sum":"7.5"}}"#).import, wh(75_000_000), "a number in a string");
    for elsewhere in ["", "a/b", "a/1/b/c", "b/1/b", "a/1/c", "a/2/b", "a/11/b", "a/1b"] {
        assert_eq!(say(&mut decoder, elsewhere, json), []);
    }
    assert_eq!(say(&mut decoder, "a/1/b", ""), []);
    assert_eq!(say(&mut decoder, "a/1/b", "{\"p\":1"), damaged(Fault::Malformed));
    assert_eq!(
        decoder.hear(&Chunk::Datagram { topic: "a/1/b".into(), payload: vec![0xff] }),
        damaged(Fault::Malformed)
    );
    for nothing in ["{}", "[]", "7", "\"x\"", r#"{"p":null}"#, r#"{"p":"on"}"#, r#"{"x":{"sum":-1}}"#, r#"{"p":1e99}"#]
    {
        assert_eq!(say(&mut decoder, "a/1/b", nothing), damaged(Fault::Nothing), "{nothing}");
    }
    assert_eq!(say(&mut decoder, "a/1/b", r#"{"at":1783231628750}"#), [], "a time alone is no reading and no damage");
    assert_eq!(say(&mut decoder, "a/1/b", &format!("[{}1]", "1,".repeat(20_000))), damaged(Fault::TooLong));
    let deep = format!("{}{}", "[".repeat(16_000), "]".repeat(16_000));
    assert!(matches!(say(&mut decoder, "a/1/b", &deep).as_slice(), [Found::Damaged(_)]));
    assert_eq!(decoder.hear(&Chunk::Bytes(b"{}".to_vec())), [Found::Noise(2)]);
    assert_eq!(decoder.end(), []);
}

#[test]
fn parts_of_a_sum_come_on_topics_of_their_own() {
    let mut decoder = map("dsmr-reader", "dsmr");
    let telegram = one(&mut decoder, "dsmr/reading/electricity_delivered_1", "000100.500");
    assert_eq!((telegram.import, telegram.rates.len()), (None, 1), "half of a sum is none");
    let telegram = one(&mut decoder, "dsmr/reading/electricity_delivered_2", "50.25");
    assert_eq!((telegram.import, telegram.export), (wh(1_507_500_000), None));
    assert_eq!(say(&mut decoder, "dsmr/reading/electricity_currently_delivered", "0.000"), []);
    let telegram = one(&mut decoder, "dsmr/reading/electricity_currently_returned", "1.5");
    assert_eq!(
        (telegram.power, telegram.import),
        (Some(Power(-15_000_000)), None),
        "nothing older than its publication"
    );
    decoder.begin();
    assert_eq!(say(&mut decoder, "dsmr/reading/electricity_currently_returned", "1.5"), []);
    let json = r#"{"electricity_delivered_1": "1.000", "electricity_delivered_2": "2.000",
        "timestamp": "2026-05-04T03:02:01+02:00", "extra_device_delivered": "7.125",
        "electricity_currently_delivered": "0.250", "electricity_currently_returned": "0.000"}"#;
    let telegram = one(&mut decoder, "dsmr/json", json);
    assert_eq!((telegram.import, telegram.power), (wh(30_000_000), Some(Power(2_500_000))));
    assert_eq!((telegram.channels[0].total.0, telegram.channels[0].unit.as_str()), (7_125, "m3"));

    let mut decoder = map("esphome", "p1");
    assert_eq!(say(&mut decoder, "p1/sensor/power_consumed/state", "nan"), damaged(Fault::Nothing));
    assert_eq!(one(&mut decoder, "p1/sensor/energy_produced_luxembourg/state", "3.5").export, wh(35_000_000));
}

#[test]
fn a_bridge_of_several_inputs_is_several_meters() {
    let mut decoder = map("shelly-em1", "attic/shelly");
    let telegram = one(&mut decoder, "attic/shelly/status/em1:1", r#"{"id":1,"act_power":-12.25}"#);
    assert_eq!(telegram.input.as_deref(), Some("em1:1"));
    assert_eq!((telegram.power, telegram.meter.as_deref()), (Some(Power(-122_500)), Some("em1:1")));
    let counters = r#"{"id":0,"total_act_energy":6.0e3,"total_act_ret_energy":0.25}"#;
    let telegram = one(&mut decoder, "attic/shelly/status/em1data:0", counters);
    assert_eq!((telegram.import, telegram.export), (wh(60_000_000), wh(2_500)));
    let whole = |first: &str| {
        format!(
            r#"{{"params":{{"ts":1783231628.5,"em1:0":{{"act_power":{first}}},"em1:1":{{"act_power":7.0}},
            "em1data:0":{{"total_act_energy":0.0,"total_act_ret_energy":0.0}}}}}}"#
        )
    };
    let meters = |found: Vec<Found<Telegram>>| -> Vec<_> {
        found.into_iter().map(|one| if let Found::Message(one) = one { one.meter } else { panic!() }).collect()
    };
    let (first, second) = (Some("em1:0".into()), Some("em1:1".into()));
    assert_eq!(meters(say(&mut decoder, "attic/shelly/events/rpc", &whole("1.0"))), [first.clone(), second.clone()]);
    assert_eq!(
        meters(say(&mut decoder, "attic/shelly/events/rpc", &whole("0.0"))),
        [second],
        "an input without a clamp"
    );
    assert_eq!(
        meters(say(&mut decoder, "attic/shelly/status/em1:0", r#"{"act_power":0.0}"#)),
        [first],
        "unless it is alone"
    );
}

#[test]
fn the_map_and_the_device_are_guessed() {
    let maps = Profiles::built_in().maps();
    for (topic, payload, told) in [
        ("tele/meter/SENSOR", r#"{"Time":"2026-05-04T03:02:01","SML":{"Total_in":1.5}}"#, "tasmota tele/meter"),
        ("meter/tele/SENSOR", r#"{"Time":"2026-05-04T03:02:01","SML":{"Total_in":1.5}}"#, "tasmota meter/tele"),
        ("zigbee2mqtt/head", r#"{"energy":5.5,"power":3,"linkquality":90}"#, "zigbee2mqtt zigbee2mqtt/head"),
        ("home/head", r#"{"energy":5.5,"power":3,"linkquality":90}"#, "zigbee2mqtt home/head"),
        ("my/own/shelly/status/em:0", r#"{"total_act_power":5}"#, "shelly-em my/own/shelly"),
        ("my/own/shelly/state", r#"{"em:0":{"total_act_power":5}}"#, "shelly-em "),
        ("x/sensor/power_delivered/state", "5", ""),
        ("x/sensor/energy_consumed_luxembourg/state", "5", "esphome x"),
        ("x", r#"{"temperature":20}"#, ""),
    ] {
        let guessed = guess(&maps, topic, payload.as_bytes());
        let guessed = guessed.map(|decoder| format!("{} {}", decoder.bridge(), decoder.device().unwrap_or_default()));
        assert_eq!(guessed.unwrap_or_default(), told, "{topic}");
    }
}

/// Two that speak alike, on topics beside each other: nothing of one may be taken for the other's.
#[test]
fn devices_that_speak_alike_are_not_mixed() {
    let publication = |device: &str, kwh| {
        let payload = format!(r#"{{"Time":"2026-05-04T03:02:01","SML":{{"Total_in":{kwh}}}}}"#);
        Chunk::Datagram { topic: format!("tele/{device}/SENSOR"), payload: payload.into_bytes() }
    };
    for mut decoder in
        [Box::new(map("tasmota", "tele/attic")) as Box<dyn Decode>, Box::new(Guess::new(Profiles::built_in().maps()))]
    {
        for round in 1..5 {
            let [Found::Message(telegram)] = &decoder.hear(&publication("attic", round))[..] else { panic!() };
            assert_eq!(telegram.import, wh(i64::from(round) * 10_000_000));
            assert_eq!(decoder.hear(&publication("cellar", 900)), []);
            let stray = Chunk::Datagram { topic: "x".into(), payload: br#"{"SML":{"Total_in":800}}"#.to_vec() };
            assert_eq!(decoder.hear(&stray), []);
        }
    }
}

#[test]
fn what_is_no_map_is_refused_with_a_reason_and_its_line() {
    let with = |from: &str, to: &str| parse(&MAP.replacen(from, to, 1)).unwrap_err().to_string();
    for (from, to, said) in [
        ("is = \"power\"", "is = \"might\"", "own.toml, line 17: unknown variant `might`"),
        ("clock =", "klock =", "own.toml, line 32: unknown field `klock`"),
        ("unit = \"W\"", "unit = \"Wh\"", "own.toml, line 16: this value needs a unit: Wh"),
        ("unit = \"kWh\"\n", "", "own.toml, line 10: this value needs a unit: Wh"),
        ("-0.5", "half", "own.toml, line 16: the scale half is no decimal number"),
        ("topic = \"b\"", "topic = \"+/b\"", "own.toml, line 10: the topic \"+/b\" is not one below"),
        ("a/+", "a/#", "own.toml, line 7: device is the topic"),
    ] {
        let error = with(from, to);
        assert!(error.starts_with(said), "{error}");
    }
}

proptest! {
    #[test]
    fn any_payload_is_safe(
        payload in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            prop::collection::vec(prop::sample::select(&b"{}[]\":,0123e.-p\\u x"[..]), 0..200),
            "-?[0-9]{1,30}(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?".prop_map(|n| format!("{{\"p\":{n}}}").into_bytes()),
        ],
        topic in "[a-z/+]{0,12}",
    ) {
        let maps = Profiles::built_in().maps();
        for map in &maps {
            let mut decoder = Decoder::anywhere(map.clone(), &topic);
            let _ = decoder.hear(&Chunk::Datagram { topic: topic.clone(), payload: payload.clone() });
        }
        let _ = guess(&maps, &topic, &payload);
        let _ = own().hear(&Chunk::Datagram { topic: "a/1/b".into(), payload });
    }
}
