//! Publishing to Home Assistant over mosquitto: nothing unasked, exactly what the list says, and nothing left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::mosquitto::Broker;
use crate::process::PATIENCE;
use crate::tap::Tap;
use crate::world::Town;

const PUBLISH: [&str; 4] = ["wattseal", "--home", "home", "publish"];
/// What is printed on the meter; it stays at home.
const PRINTED: &str = "PRINTED-4711";

fn publish(town: &Town, more: &[&str]) -> (Option<i32>, Value) {
    town.run(&[&PUBLISH[..], more].concat(), "")
}

/// What a tap has heard, the newest of each topic.
fn newest(tap: &Tap) -> BTreeMap<String, String> {
    tap.recording().into_iter().map(|(topic, payload)| (topic, String::from_utf8(payload).unwrap())).collect()
}

/// Waits until a tap has heard what fits.
fn hears(tap: &Tap, what: &str, fits: impl Fn(&BTreeMap<String, String>) -> bool) -> BTreeMap<String, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let heard = newest(tap);
        if fits(&heard) {
            return heard;
        }
        assert!(Instant::now() < deadline, "no {what}: {heard:#?}");
        sleep(Duration::from_millis(50));
    }
}

/// What a broker keeps for whoever comes later: what it says at once to one who subscribes, marked as retained.
fn kept(broker: &Broker) -> BTreeMap<String, String> {
    let mut line = TcpStream::connect(("127.0.0.1", broker.plain)).unwrap();
    line.write_all(&[0x10, 16, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 4, b'l', b'a', b't', b'e']).unwrap();
    line.write_all(&[0x82, 6, 0, 1, 0, 1, b'#', 0]).unwrap();
    // What is kept comes before the answer to a ping that is asked after the subscription.
    line.write_all(&[0xc0, 0]).unwrap();
    line.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut kept = BTreeMap::new();
    let byte = |line: &mut TcpStream| {
        let mut byte = [0];
        line.read_exact(&mut byte).unwrap();
        byte[0]
    };
    loop {
        let kind = byte(&mut line);
        let (mut length, mut shift) = (0, 0);
        loop {
            let part = byte(&mut line);
            length |= usize::from(part & 0x7f) << shift;
            shift += 7;
            if part & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        line.read_exact(&mut body).unwrap();
        match kind {
            0xd0 => return kept,
            0x31 => {
                let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                let payload = body.split_off(2 + topic);
                kept.insert(String::from_utf8(body.split_off(2)).unwrap(), String::from_utf8(payload).unwrap());
            }
            _ => {}
        }
    }
}

/// Somebody else publishes short messages, none retained.
fn say(broker: &Broker, messages: &[(&str, &str)]) {
    let mut line = TcpStream::connect(("127.0.0.1", broker.plain)).unwrap();
    line.write_all(&[0x10, 14, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 2, b'h', b'a']).unwrap();
    for (topic, payload) in messages {
        let length = |length: usize| u8::try_from(length).unwrap();
        line.write_all(&[0x30, length(2 + topic.len() + payload.len()), 0, length(topic.len())]).unwrap();
        line.write_all(&[topic.as_bytes(), payload.as_bytes()].concat()).unwrap();
    }
    line.write_all(&[0xe0, 0]).unwrap();
    sleep(Duration::from_millis(100));
}

/// The topics of a list, all and those that the broker keeps.
fn listed(list: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let topics = list["publications"][0]["topics"].as_array().unwrap();
    let names = |kept: bool| {
        let chosen = topics.iter().filter(|topic| !kept || topic["retained"] == true);
        chosen.map(|topic| topic["topic"].as_str().unwrap().to_owned()).collect()
    };
    (names(false), names(true))
}

/// A decimal number of kWh in 10⁻⁷ of them, digit by digit.
fn parts(text: &str) -> u64 {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{rest:0<7}").parse().unwrap()
}

/// Whether a state says what the gateway showed at the same moment of the meter.
fn agrees(heard: &BTreeMap<String, String>, base: &str, now: &Value) -> bool {
    let at = jiff_text(now["at"].as_u64().unwrap());
    let value = |slug: &str| {
        let payload = heard.get(&format!("{base}/{slug}"))?;
        let (value, time) = payload.strip_prefix("{\"value\":")?.split_once(",\"meter_time\":")?;
        (time == format!("\"{at}\"}}")).then(|| value.to_owned())
    };
    let total = |code: &str| {
        let registers = now["registers"].as_array().unwrap().iter();
        registers.filter(|register| register["code"] == code).find_map(|register| register["total"].as_u64()).unwrap()
    };
    let (power, import, export) = (value("power"), value("import_1-0_1_8_0"), value("export_1-0_2_8_0"));
    let (Some(power), Some(import), Some(export)) = (power, import, export) else { return false };
    assert_eq!(power, now["power"].to_string());
    assert_eq!((parts(&import), parts(&export)), (total("1-0:1.8.0"), total("1-0:2.8.0")));
    true
}

/// A time as the state has it.
fn jiff_text(at: u64) -> String {
    let (day, second) = (at / 86_400, at % 86_400);
    let date = protocol::time::date_of_day(i64::try_from(day).unwrap());
    format!("{date}T{:02}:{:02}:{:02}Z", second / 3600, second % 3600 / 60, second % 60)
}

#[test]
fn home_assistant_gets_exactly_what_was_agreed_to() {
    let town = Town::new();
    let mut broker = Broker::new(&town);
    let tap = Tap::on(&format!("127.0.0.1:{}", broker.plain));
    let csv = town.csv("use.csv", 30, |_| 321);
    let columns = ["--column", "load", "--register", "1-0:1.8.0", "--column", "load", "--register", "1-0:2.8.0"];
    let kind =
        [&["--csv", &csv, "--outage-limit", "0", "--cadence", "1", "--tcp", "127.0.0.1:0"][..], &columns].concat();
    let mut meter = town.meter(PRINTED, &kind);
    let tcp = meter.wait("a line", |e| e["event"] == "listening")["address"].as_str().unwrap().to_owned();
    let gateway = town.home("home");
    town.pair("home", &format!("tcp://{tcp}"), &mut meter);
    let now = ["wattseal", "--home", "home", "now"];
    let shown = |n: &Value| n["meters"][0]["power"].is_i64();
    town.until("current readings", &now, shown);

    // Nothing is published that nobody asked for, and not where nobody can have meant it.
    assert_eq!(publish(&town, &["list"]), (Some(0), json!({"answer": "publications", "publications": []})));
    for (address, more, code) in [
        ("mqtt://broker.example.org", &[][..], "not-local"),
        ("mqtt://broker.example.org", &["--not-local"], "not-encrypted"),
        ("mqtt://home@192.168.1.2", &["--password-file", "home.password"], "clear-password"),
        ("mqtt://home:hunter2@localhost", &[], "address"),
    ] {
        let (exit, told) = publish(&town, &[&["add", address][..], more].concat());
        assert_eq!((exit, &told["error"]["code"]), (Some(1), &code.into()), "{told}");
    }
    assert_eq!(tap.recording(), [], "something was published unasked");

    // Only energy first: the list is exact.
    let url = format!("mqtts://home@localhost:{}", broker.tls);
    let add = ["add", &url, "--authority", "ca.pem", "--password-file", "home.password", "--every", "1", "--what"];
    let (exit, list) = publish(&town, &[&add[..], &["import"]].concat());
    assert_eq!(exit, Some(0), "{list}");
    assert!(!list.to_string().contains("of the home"), "the password is shown");
    hears(&tap, "imported energy", |heard| heard.keys().any(|topic| topic.ends_with("/import_1-0_1_8_0")));
    let (all, _) = listed(&publish(&town, &["list"]).1);
    assert_eq!(newest(&tap).into_keys().collect::<BTreeSet<_>>(), all);
    assert_eq!(all.iter().filter(|topic| topic.contains("import")).count(), 2);
    assert_eq!(all.len(), 4, "{all:?}");

    // Everything: the same numbers as the gateway shows, and no other topic than the list has.
    let (exit, _) = publish(&town, &[&add[..], &["now"]].concat());
    assert_eq!(exit, Some(0));
    let list = town.until("a connection", &[&PUBLISH[..], &["list"]].concat(), |l| l["publications"][0]["up"] == true);
    let (all, retained) = listed(&list);
    let base = all.iter().find_map(|topic| topic.strip_suffix("/import_1-0_1_8_0")).unwrap().to_owned();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = town.until("current readings", &now, shown);
        sleep(Duration::from_millis(1200));
        let at = now["meters"][0]["at"].as_u64().unwrap();
        // Among all that was heard, what has this moment of the meter.
        let moment = jiff_text(at);
        let heard = tap.recording().into_iter().map(|(topic, payload)| (topic, String::from_utf8(payload).unwrap()));
        let heard: BTreeMap<_, _> = heard.filter(|(_, payload)| payload.contains(&moment)).collect();
        if agrees(&heard, &base, &now["meters"][0]) {
            break;
        }
        assert!(Instant::now() < deadline, "no state of a moment that the gateway showed: {heard:?}");
    }
    let heard = newest(&tap);
    assert_eq!(heard.keys().cloned().collect::<BTreeSet<_>>(), all);
    for (topic, payload) in &heard {
        assert!(!format!("{topic}{payload}").contains(PRINTED), "what is printed on the meter is told");
        if topic.ends_with("/config") {
            let config: Value = serde_json::from_str(payload).unwrap();
            assert!(all.contains(config["state_topic"].as_str().unwrap()), "{config}");
        }
    }

    // Home Assistant starts: descriptions come again. The tap hears Home Assistant as well.
    let before = tap.recording().len();
    say(&broker, &[("homeassistant/status", "online")]);
    let again = || tap.recording().into_iter().skip(before).filter(|(topic, _)| topic.ends_with("/config")).count();
    let deadline = Instant::now() + PATIENCE;
    while again() < 3 {
        assert!(Instant::now() < deadline, "no descriptions after a start of Home Assistant");
        sleep(Duration::from_millis(50));
    }

    // The gateway dies: its will says so, and the broker keeps no reading.
    let availability = all.iter().find(|topic| topic.matches('/').count() == 2 && topic.ends_with("/availability"));
    let availability = availability.unwrap().clone();
    gateway.kill();
    hears(&tap, "the will", |heard| heard[&availability] == "offline");
    let left = kept(&broker);
    assert_eq!(left.keys().cloned().collect::<BTreeSet<_>>(), retained);
    assert!(left.values().all(|payload| !payload.contains("\"value\":")), "a reading is retained");

    // It comes back by itself; a meter that is gone is told.
    let gateway = town.gateway("home");
    hears(&tap, "the gateway", |heard| heard[&availability] == "online");
    let of_meter = format!("{base}/availability");
    hears(&tap, "the meter", |heard| heard[&of_meter] == "online");
    assert!(meter.stop().success());
    hears(&tap, "the meter's silence", |heard| heard[&of_meter] == "offline");

    // While the broker is away nothing can be taken back, and that is said; nothing is published all the same.
    broker.end("-KILL");
    let (exit, told) = publish(&town, &["remove", "1"]);
    assert_eq!((exit, &told["error"]["code"]), (Some(3), &"not-taken-back".into()), "{told}");
    assert_eq!(publish(&town, &["list"]).1["publications"][0]["ended"], true);
    let before = tap.recording().len();
    broker.start(&town);
    let (exit, _) = publish(&town, &[&add[..], &["now"]].concat());
    assert_eq!(exit, Some(0), "it is begun again under its name");
    hears(&tap, "the gateway", |_| tap.recording().len() >= before + 2 && kept(&broker).contains_key(&of_meter));

    // Removed, it leaves nothing behind.
    let before = tap.recording().len();
    let (exit, told) = publish(&town, &["remove", "1"]);
    assert_eq!((exit, &told["publications"]), (Some(0), &json!([])), "{told}");
    assert_eq!(kept(&broker), BTreeMap::new());
    let emptied = || -> BTreeSet<String> {
        let since = tap.recording().into_iter().skip(before);
        since.filter(|(_, payload)| payload.is_empty()).map(|(topic, _)| topic).collect()
    };
    hears(&tap, "empty messages", |_| emptied().len() >= retained.len());
    assert_eq!(emptied(), retained);
    let noted = town.status("home")["refusals"].to_string();
    assert!(noted.contains("publish-added") && noted.contains("publish-removed"), "{noted}");
    assert!(gateway.stop().success());
}

#[test]
fn what_a_bridge_says_value_by_value_is_shown_together() {
    let town = Town::new();
    let broker = Broker::new(&town);
    let gateway = town.home("home");
    let address = format!("mqtt://127.0.0.1:{}/dsmr", broker.plain);
    town.done(&["wattseal", "--home", "home", "line", "add", &address, "--meter", "dsmr-reader"]);
    let topic = |name: &str| format!("dsmr/reading/{name}");
    let said = [
        (topic("electricity_delivered_1"), "1000.5"),
        (topic("electricity_delivered_2"), "2000.25"),
        (topic("electricity_currently_delivered"), "0.3"),
        (topic("electricity_currently_returned"), "0"),
        (topic("extra_device_delivered"), "42.125"),
    ];
    let said = said.each_ref().map(|(topic, payload)| (topic.as_str(), *payload));
    let now = town.until("all values", &["wattseal", "--home", "home", "now"], |now| {
        say(&broker, &said);
        now["meters"][0]["power"] == 300 && now["meters"][0]["registers"].as_array().is_some_and(|all| all.len() == 2)
    });
    let registers = now["meters"][0]["registers"].clone();
    let import = json!({"code": "1-0:1.8.0", "unit": "Wh", "total": 30_007_500_000_u64});
    assert_eq!(registers, json!([import, {"code": "0-1:24.2.1", "unit": "m3", "total": 421_250, "device": 3}]));
    assert!(gateway.stop().success());
}
