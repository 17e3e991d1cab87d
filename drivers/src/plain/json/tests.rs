use proptest::prelude::*;

use super::super::{Energy, Moment, Power};
use super::*;

const MAP: &str = r#"
name = "own"
title = "Own"
kind = "json"

[[value]]
is = "import"
topic = "a/+/b"
path = ["/x/*/total", "/x/sum"]
unit = "kWh"

[[value]]
is = "power"
topic = "a/+/b"
path = "/p"
unit = "W"
scale = "-0.5"

[[value]]
is = "meter"
topic = "a/+/b"
path = "/list/1/i~1d"

[[value]]
is = "time"
topic = "a/+/b"
path = "/at"
clock = "unix-ms"
"#;

fn map(name: &str) -> Decoder {
    Decoder::new(Map::built_in(name).unwrap())
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
fn all_built_in_maps_are_maps() {
    for (name, text) in BUILT_IN {
        assert_eq!(Map::parse(text).map(|map| map.name).as_deref(), Ok(name));
        assert_eq!(Map::built_in(name).map(|map| map.name).as_deref(), Some(name));
    }
    assert_eq!(Map::built_in("none"), None);
    let topics = ["glow/+/SENSOR/electricitymeter", "glow/+/SENSOR/gasmeter"];
    assert_eq!(Map::built_in("glow").map(|map| map.topics()), Some(topics.map(str::to_owned).to_vec()));
}

#[test]
fn values_are_found_by_path_unit_and_scale() {
    let mut decoder = Decoder::new(Map::parse(MAP).unwrap());
    let json = r#"{"p": 25e1, "x": {"sum": 9, "any": {"total": 1.00001e2, "more": []}},
        "list": [{}, {"i/d": "n\u00b07"}],
        "at": 1783231628750, "x2": {"total": 4}}"#;
    let telegram = one(&mut decoder, "a/anything/b", json);
    assert_eq!(telegram.import, wh(1_000_010_000));
    assert_eq!(telegram.power, Some(Power(-1_250_000)));
    assert_eq!(telegram.meter.as_deref(), Some("n°7"));
    let Some(Moment::Clock(stamp)) = telegram.at else { panic!() };
    assert_eq!(stamp.to_string(), "2026-07-05T06:07:08Z");
    assert_eq!(one(&mut decoder, "", json), telegram, "a topic that is not known");
    assert_eq!(one(&mut decoder, "a/1/b", r#"{"x":{"sum":"7.5"}}"#).import, wh(75_000_000), "a number in a string");
    for elsewhere in ["a/b", "a/1/b/c", "b/1/b", "a/1/c"] {
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
    let mut decoder = map("dsmr-reader");
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

    let mut decoder = map("esphome");
    assert_eq!(say(&mut decoder, "p1/sensor/power_consumed/state", "nan"), damaged(Fault::Nothing));
    assert_eq!(one(&mut decoder, "p1/sensor/energy_produced_luxembourg/state", "3.5").export, wh(35_000_000));
}

#[test]
fn a_bridge_of_several_inputs_is_several_meters() {
    let mut decoder = map("shelly-em1");
    let telegram = one(&mut decoder, "shellypro/status/em1:1", r#"{"id":1,"act_power":-12.25}"#);
    assert_eq!((telegram.power, telegram.meter.as_deref()), (Some(Power(-122_500)), Some("em1:1")));
    let counters = r#"{"id":0,"total_act_energy":6.0e3,"total_act_ret_energy":0.25}"#;
    let telegram = one(&mut decoder, "shellypro/status/em1data:0", counters);
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
    assert_eq!(meters(say(&mut decoder, "s/events/rpc", &whole("1.0"))), [first.clone(), second.clone()]);
    assert_eq!(meters(say(&mut decoder, "s/events/rpc", &whole("0.0"))), [second], "an input without a clamp");
    assert_eq!(meters(say(&mut decoder, "s/status/em1:0", r#"{"act_power":0.0}"#)), [first], "unless it is alone");
}

#[test]
fn the_map_is_guessed() {
    for (topic, payload, name) in [
        ("tele/meter/SENSOR", r#"{"Time":"2026-05-04T03:02:01","SML":{"Total_in":1.5}}"#, Some("tasmota")),
        ("zigbee2mqtt/head", r#"{"energy":5.5,"power":3,"linkquality":90}"#, Some("zigbee2mqtt")),
        ("home/head", r#"{"energy":5.5,"power":3,"linkquality":90}"#, Some("zigbee2mqtt")),
        ("my/own/shelly/status/em:0", r#"{"total_act_power":5}"#, Some("shelly-em")),
        ("x/sensor/power_delivered/state", "5", None),
        ("x/sensor/energy_consumed_luxembourg/state", "5", Some("esphome")),
        ("x", r#"{"temperature":20}"#, None),
    ] {
        assert_eq!(Decoder::guess(topic, payload.as_bytes()).map(|map| map.name).as_deref(), name, "{topic}");
    }
}

#[test]
fn what_is_no_map_is_refused_with_a_reason() {
    let with = |from: &str, to: &str| Map::parse(&MAP.replace(from, to)).unwrap_err();
    assert!(matches!(with("is = \"power\"", "is = \"might\""), MapError::Keys(_)));
    assert!(matches!(with("clock =", "klock ="), MapError::Keys(_)));
    assert_eq!(with("unit = \"W\"", "unit = \"Wh\""), MapError::Unit("a/+/b".into()));
    assert_eq!(with("unit = \"kWh\"\n", ""), MapError::Unit("a/+/b".into()));
    assert_eq!(with("-0.5", "half"), MapError::Scale("half".into()));
    assert_eq!(Map::parse("name = \"x\"\ntitle = \"x\"\nkind = \"json\""), Err(MapError::Size));
    assert!(Map::parse(&format!("{MAP}\n[serial]\nbaud = 9600")).is_ok(), "other parts of the file are for others");
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
        for (name, _) in BUILT_IN {
            let mut decoder = map(name);
            for topic in ["", topic.as_str()] {
                let _ = decoder.hear(&Chunk::Datagram { topic: topic.into(), payload: payload.clone() });
            }
        }
        let mut own = Decoder::new(Map::parse(MAP).unwrap());
        let _ = own.hear(&Chunk::Datagram { topic: String::new(), payload });
    }
}
