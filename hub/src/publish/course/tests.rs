use super::*;
use crate::api::NowMeter;

const METER: [u8; 32] = [7; 32];

struct World {
    course: Course,
    start: Instant,
    second: u64,
    shown: NowMeter,
}

impl World {
    fn new(what: &[What], every: u32) -> Self {
        let topics = Topics { prefix: "homeassistant".into(), name: "n".into() };
        let register =
            |code: &str, unit: &str, total, device| NowRegister { code: code.into(), unit: unit.into(), total, device };
        let shown = NowMeter {
            meter: "E0012345".into(),
            identity: Some(hex::encode(METER)),
            received_at: 1000,
            at: 1000,
            power: Some(300),
            supply: true,
            credit: Some(4242),
            registers: vec![
                register("1-0:1.8.0", "Wh", 50_000_000, None),
                register("1-0:2.8.0", "Wh", 0, None),
                register("0-1:24.2.1", "m3", 12_345_670, Some(3)),
            ],
        };
        let course = Course::new(topics, what.iter().copied().collect(), every, &[]);
        Self { course, start: Instant::now(), second: 0, shown }
    }

    /// A second passes in which the meter speaks: topics without what they have in common, and payloads.
    fn second(&mut self) -> Vec<(String, String)> {
        self.shown.received_at += 1;
        self.shown.at += 1;
        self.pass(true)
    }

    fn pass(&mut self, shown: bool) -> Vec<(String, String)> {
        self.second += 1;
        let list = if shown { vec![self.heard()] } else { Vec::new() };
        self.look(&list)
    }

    /// What was heard at once with the last telegram.
    fn heard(&self) -> Shown {
        Shown::at_once(self.shown.clone(), self.start + Duration::from_secs(self.shown.received_at.abs_diff(1000)))
    }

    fn look(&mut self, list: &[Shown]) -> Vec<(String, String)> {
        let messages = self.course.look(self.start + Duration::from_secs(self.second), list);
        let name = super::super::entity::meter_name(&METER);
        let short = |topic: String| topic.replace(&name, "M").replace("homeassistant/sensor/", "ha/");
        messages.into_iter().map(|message| (short(message.topic), message.payload)).collect()
    }

    fn topics(messages: &[(String, String)]) -> Vec<&str> {
        messages.iter().map(|(topic, _)| topic.as_str()).collect()
    }
}

#[test]
fn described_once_then_said_at_the_pace_agreed() {
    let mut world = World::new(&What::ALL, 10);
    let first = world.second();
    let want = ["wattseal/n/availability", "ha/wattseal_M/power/config", "wattseal/n/M/availability"];
    assert_eq!(World::topics(&first), want, "a total waits for its witness");
    assert_eq!((first[0].1.as_str(), first[2].1.as_str()), ("online", "online"));
    let second = world.second();
    assert_eq!(
        World::topics(&second),
        ["import_1-0_1_8_0", "export_1-0_2_8_0", "gas_0-1_24_2_1"].map(|slug| format!("ha/wattseal_M/{slug}/config"))
    );
    let mut said: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut payloads = BTreeMap::new();
    for _ in 0..58 {
        for (topic, payload) in world.second() {
            said.entry(topic.clone()).or_default().push(world.second);
            payloads.insert(topic, payload);
        }
    }
    let at = |second: i64| jiff::Timestamp::from_second(1000 + second).unwrap();
    assert_eq!(said["wattseal/n/M/power"], [4, 14, 24, 34, 44, 54]);
    assert_eq!(said["wattseal/n/M/import_1-0_1_8_0"], [5, 15, 25, 35, 45, 55]);
    assert_eq!(payloads["wattseal/n/M/power"], format!("{{\"value\":300,\"meter_time\":\"{}\"}}", at(54)));
    assert_eq!(payloads["wattseal/n/M/import_1-0_1_8_0"], format!("{{\"value\":5,\"meter_time\":\"{}\"}}", at(55)));
    assert_eq!(
        payloads["wattseal/n/M/gas_0-1_24_2_1"],
        format!("{{\"value\":1234.567,\"meter_time\":\"{}\"}}", at(55))
    );
    assert_eq!(said.len(), 4, "neither credit nor switch, and nothing told twice: {said:?}");
    assert!(payloads.iter().all(|(topic, payload)| !format!("{topic}{payload}").contains("12345\"")));
}

#[test]
fn only_what_was_agreed_to() {
    let mut world = World::new(&[What::Gas], 1);
    let all: Vec<String> = (0..10).flat_map(|_| world.second()).map(|(topic, _)| topic).collect();
    let gas = all.iter().filter(|topic| topic.contains("gas_0-1_24_2_1")).count();
    assert_eq!((gas, all.len()), (1 + 6, 1 + 6 + 2), "{all:?}");
}

#[test]
fn the_unknown_is_no_zero_and_silence_is_told() {
    let mut world = World::new(&[What::Power, What::Import], 1);
    for _ in 0..6 {
        world.second();
    }
    (world.shown.power, world.shown.registers) = (None, Vec::new());
    assert_eq!(world.second(), []);
    // A telegram that still stands is shown again now and then; it is no witness of its own.
    world.shown.power = Some(5);
    assert_eq!(world.second().len(), 1);
    let again = (0..130).filter(|_| !world.pass(true).is_empty()).count();
    assert_eq!(again, 2, "once a minute");
    assert_eq!(world.pass(false), [("wattseal/n/M/availability".to_owned(), "offline".to_owned())]);
    assert_eq!(world.pass(false), []);
    let back = world.second();
    assert!(back.contains(&("wattseal/n/M/availability".into(), "online".into())), "{back:?}");
}

#[test]
fn a_counter_that_shows_zero_for_a_moment_is_not_repeated() {
    let mut world = World::new(&[What::Import], 1);
    let mut said = Vec::new();
    for second in 0..40_u64 {
        world.shown.registers[0].total = if (20..25).contains(&second) { 0 } else { 50_000_000 + second };
        said.extend(world.second().into_iter().filter(|(topic, _)| topic.ends_with("/import_1-0_1_8_0")));
    }
    assert!(said.len() > 25 && said.iter().all(|(_, payload)| payload.starts_with("{\"value\":5")), "{said:?}");
}

#[test]
fn a_meters_clock_says_nothing_of_how_much_can_have_passed() {
    let mut world = World::new(&[What::Import], 1);
    for _ in 0..6 {
        world.second();
    }
    // Its clock is set by half a year; a digit is changed in the same telegram.
    world.shown.at += 180 * 86_400;
    world.shown.registers[0].total += 90_000_000_000;
    assert_eq!(world.second(), []);
    world.shown.registers[0].total -= 90_000_000_000;
    assert_eq!(world.second().len(), 1);
    // Set back, it makes nothing old.
    world.shown.at = 7;
    assert_eq!(world.second().len(), 1);
}

#[test]
fn values_that_come_alone_are_said_each_with_its_own_time() {
    let mut world = World::new(&[What::Power, What::Import], 1);
    world.shown.registers.truncate(1);
    let mut shown = world.heard();
    let pass = |world: &mut World, shown: &Shown| {
        world.second += 1;
        let said = world.look(std::slice::from_ref(shown));
        (World::topics(&said).join(" "), said)
    };
    // Power comes each second, the total came once: it is no witness of itself.
    for second in 1..10 {
        let when = When { heard: world.start + Duration::from_secs(second), received_at: 0, at: 1000 + second };
        (shown.last, shown.power.as_mut().unwrap().when) = (when, when);
        assert!(!pass(&mut world, &shown).0.contains("import"), "{second}");
    }
    let when = When { heard: world.start + Duration::from_secs(10), received_at: 0, at: 1009 };
    shown.registers[0].when = when;
    assert!(pass(&mut world, &shown).0.contains("ha/wattseal_M/import_1-0_1_8_0/config"));
    (0..2).for_each(|_| drop(pass(&mut world, &shown)));
    shown.last.at = 1013;
    let (topics, said) = pass(&mut world, &shown);
    assert_eq!(topics, "wattseal/n/M/import_1-0_1_8_0");
    let time = jiff::Timestamp::from_second(1009).unwrap();
    assert_eq!(said[0].1, format!("{{\"value\":5,\"meter_time\":\"{time}\"}}"));
    assert_eq!(pass(&mut world, &shown).0, "", "once");
}

#[test]
fn what_is_not_shown_any_more_is_not_said_later() {
    let mut world = World::new(&[What::Power, What::Import], 10);
    for _ in 0..8 {
        world.second();
    }
    // The total was said in second 5: another waits for its pace, and is gone before that.
    let registers = std::mem::take(&mut world.shown.registers);
    world.second();
    world.shown.registers = registers;
    world.shown.registers[0].total = 0;
    let later: Vec<_> = (0..20).flat_map(|_| world.second()).map(|(topic, _)| topic).collect();
    assert!(!later.contains(&"wattseal/n/M/import_1-0_1_8_0".to_owned()), "{later:?}");
}

#[test]
fn one_register_is_one_value_and_two_are_two() {
    let mut world = World::new(&[What::Import, What::Gas], 1);
    // Their codes differ in a character that no topic can hold.
    let total = |total| NowRegister { code: "1-0:1.8*0".into(), total, ..world.shown.registers[0].clone() };
    let (twin, again) = (total(70_000_000), NowRegister { total: 1, ..world.shown.registers[0].clone() });
    world.shown.registers.extend([twin, again]);
    let mut heard = BTreeMap::new();
    for _ in 0..6 {
        heard.extend(world.second());
    }
    let value = |slug: &str| heard[&format!("wattseal/n/M/{slug}")].split_once(',').unwrap().0.to_owned();
    assert_eq!(value("import_1-0_1_8_0"), "{\"value\":5", "the first of a code counts");
    assert_eq!(value(&world_slug("1-0:1.8*0")), "{\"value\":7");
    assert!(heard.len() == 8, "{heard:?}");
    // The gas meter does not tell what it counts in every telegram: it is the same value.
    world.shown.registers[2].device = None;
    assert_eq!(World::topics(&world.second()).iter().filter(|topic| topic.contains("gas")).count(), 1);
    // In another unit it is described anew, and nothing follows from what was believed before.
    world.shown.registers[2].unit = "L".into();
    assert_eq!(World::topics(&world.second()).iter().filter(|topic| topic.contains("gas")).count(), 0);
    assert_eq!(world.second().iter().filter(|(topic, _)| topic == "ha/wattseal_M/gas_0-1_24_2_1/config").count(), 1);
}

fn world_slug(code: &str) -> String {
    Entity::of(code, "Wh", None).unwrap().0.slug()
}

#[test]
fn home_assistant_begins_anew() {
    let mut world = World::new(&[What::Power], 10);
    for _ in 0..5 {
        world.second();
    }
    world.course.tell_anew();
    let told = world.second();
    let want = ["wattseal/n/availability", "ha/wattseal_M/power/config", "wattseal/n/M/availability"];
    assert_eq!(World::topics(&told), want);
}

#[test]
fn a_meter_without_a_key_is_not_published() {
    let mut world = World::new(&What::ALL, 1);
    for identity in [None, Some("short".to_owned()), Some("zz".repeat(32))] {
        world.shown.identity = identity;
        assert!(world.second().iter().all(|(topic, _)| topic == "wattseal/n/availability"));
    }
}

#[test]
fn after_a_start_known_meters_are_away_until_they_speak_and_what_is_not_wanted_is_found() {
    let world = World::new(&[What::Power], 10);
    let row = |topic: String, code: Option<&str>| PublishedTopic {
        topic,
        meter: Some(METER),
        code: code.map(str::to_owned),
        unit: code.map(|_| "Wh".to_owned()),
        device: None,
    };
    let (import, _) = Entity::of("1-0:1.8.0", "Wh", None).unwrap();
    let topics = world.course.topics.clone();
    let other = Topics { prefix: "other".into(), ..topics.clone() };
    let gateway = PublishedTopic { topic: topics.gateway(), meter: None, code: None, unit: None, device: None };
    let rows = [
        gateway,
        row(topics.meter(&METER), None),
        row(topics.config(&METER, &Entity::POWER), None),
        row(topics.config(&METER, &import), Some("1-0:1.8.0")),
        row(other.config(&METER, &Entity::POWER), None),
    ];
    assert_eq!(rows.each_ref().map(|row| world.course.wants(row)), [true, true, true, false, false]);
    let mut course = Course::new(topics.clone(), [What::Power].into(), 10, &rows);
    let first = course.look(Instant::now(), &[]);
    let told: Vec<_> = first.iter().map(|message| (message.topic.as_str(), message.payload.as_str())).collect();
    assert_eq!(told, [(&*topics.gateway(), "online"), (&*topics.meter(&METER), "offline")]);
    assert!(!format!("{first:?}").contains("offline"), "payloads are not shown");
}
