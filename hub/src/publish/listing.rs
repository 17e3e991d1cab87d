//! The list of exactly what is published: every topic, what is on it, how often, and what it tells whoever reads it.

use std::collections::BTreeMap;

use gateway_core::store::{MeterRow, Publication, PublishedTopic};

use super::course::identity;
use super::discovery::{AGAIN, Topics, device_name};
use super::entity::{Entity, Scale};
use super::local::is_here;
use super::terms::{Terms, ready};
use crate::Failure;
use crate::api::{NowMeter, PublicationInfo, PublishState, TopicInfo, What};

/// Power that is told more often than this shows who does what when.
const FINE: u32 = 300;

/// What a list is made of, beside the row.
pub(crate) struct Known {
    /// What the broker was asked to keep.
    pub published: Vec<PublishedTopic>,
    /// This home's meters.
    pub meters: Vec<MeterRow>,
}

/// One publication and everything that it publishes, or would with what the meters show now.
///
/// # Errors
/// When the store's row is none.
pub(crate) fn list(
    row: &Publication,
    known: &Known,
    shown: &[NowMeter],
    state: PublishState,
) -> Result<PublicationInfo, Failure> {
    let terms = ready(row)?;
    let ended = row.ended_at.is_some();
    let shown = if ended { &[] } else { shown };
    let mut meters: BTreeMap<[u8; 32], BTreeMap<Entity, Scale>> = BTreeMap::new();
    for topic in &known.published {
        let Some(identity) = topic.meter else { continue };
        let values = meters.entry(identity).or_default();
        match (&topic.code, &topic.unit) {
            (Some(code), Some(unit)) => values.extend(Entity::of(code, unit, topic.device)),
            _ if topic.topic == terms.topics.config(&identity, &Entity::POWER) => {
                values.insert(Entity::POWER, Scale::POWER);
            }
            _ => {}
        }
    }
    for now in shown {
        let Some(identity) = identity(now.identity.as_deref()) else { continue };
        let values = meters.entry(identity).or_default();
        values.extend(now.power.map(|_| (Entity::POWER, Scale::POWER)));
        values.extend(now.registers.iter().filter_map(|one| Entity::of(&one.code, &one.unit, one.device)));
    }
    let name = |identity: &[u8; 32]| {
        let here = known.meters.iter().find(|meter| meter.identity == *identity);
        here.map_or_else(|| device_name(identity), |meter| meter.name.clone())
    };
    let mut topics = vec![gateway(&terms.topics)];
    for (identity, values) in &meters {
        let meter = Meter { name: name(identity), identity, terms: &terms };
        topics.push(meter.availability());
        for (entity, scale) in values.iter().filter(|(entity, _)| terms.what.contains(&entity.what)) {
            topics.push(meter.value(entity, *scale));
            topics.push(meter.description(entity));
        }
    }
    if ended {
        topics.retain(|topic| known.published.iter().any(|kept| kept.topic == topic.topic));
    }
    Ok(PublicationInfo {
        publication: row.id,
        address: broker(&row.address, &terms.topics.prefix),
        prefix: terms.topics.prefix.clone(),
        what: terms.what.iter().copied().collect(),
        every: terms.every,
        ended,
        state,
        warnings: if ended { Vec::new() } else { warnings(&terms, shown) },
        topics,
    })
}

/// An address without the prefix that the store keeps with it.
fn broker(address: &str, prefix: &str) -> String {
    address.strip_suffix(prefix).and_then(|rest| rest.strip_suffix('/')).unwrap_or(address).to_owned()
}

fn warnings(terms: &Terms, shown: &[NowMeter]) -> Vec<String> {
    let mut warnings = vec![
        "whoever may read this broker sees all of this at once and can keep it: Home Assistant, its add-ons, and every \
         other program, device or person with access to it"
            .to_owned(),
    ];
    if terms.what.contains(&What::Power) && terms.every < FINE {
        warnings.push(format!(
            "power every {} s shows when people are home, get up and go to bed, and which appliances they use",
            terms.every
        ));
    }
    if terms.every < FINE && terms.what.iter().any(|what| *what != What::Power) {
        warnings.push(format!(
            "a total that is told every {} s shows by its steps nearly what power shows; with --every 3600 much less",
            terms.every
        ));
    }
    if !terms.mqtt.tls && !is_here(&terms.mqtt.host) {
        warnings.push(
            "this connection is not encrypted: whoever is in your network can read along. mqtts:// with the file of the \
             broker's authority prevents that"
                .into(),
        );
    }
    if terms.not_local {
        warnings.push(
            "this broker may be outside of your home: whoever runs it reads all of this. You allowed that with --not-local"
                .into(),
        );
    }
    if shown.iter().any(|now| now.identity.is_none()) {
        warnings.push(
            "a plain meter is published once its first slot was sealed, a quarter of an hour to an hour after it was first \
             heard: from then on it has a lasting name"
                .into(),
        );
    }
    warnings
}

fn gateway(topics: &Topics) -> TopicInfo {
    TopicInfo {
        meter: None,
        device: None,
        topic: topics.gateway(),
        entity: "availability".into(),
        unit: None,
        when: "when it changes".into(),
        retained: true,
        tells: "whether this gateway runs".into(),
    }
}

struct Meter<'a> {
    name: String,
    identity: &'a [u8; 32],
    terms: &'a Terms,
}

impl Meter<'_> {
    fn topic(&self, topic: String, entity: &str, when: &str, tells: &str) -> TopicInfo {
        TopicInfo {
            meter: Some(self.name.clone()),
            device: Some(device_name(self.identity)),
            topic,
            entity: entity.to_owned(),
            unit: None,
            when: when.to_owned(),
            retained: true,
            tells: tells.to_owned(),
        }
    }

    fn availability(&self) -> TopicInfo {
        let topic = self.terms.topics.meter(self.identity);
        self.topic(topic, "availability", "when it changes", "whether the meter is heard")
    }

    fn description(&self, entity: &Entity) -> TopicInfo {
        let topic = self.terms.topics.config(self.identity, entity);
        let tells =
            "that there is such a value, and under which name; neither a reading nor what is printed on the meter";
        self.topic(topic, &entity.title(), "when this gateway or Home Assistant starts", tells)
    }

    fn value(&self, entity: &Entity, scale: Scale) -> TopicInfo {
        let every = self.terms.every;
        let (when, tells) = match entity.what {
            What::Power if every < FINE => (
                format!("every {every} s at most, every {} s at least while the meter shows it", AGAIN.max(every)),
                "how much the house draws or feeds in at this moment, with the meter's time: when people are home and what \
                 they do",
            ),
            What::Power => (
                format!("every {every} s"),
                "how much the house draws or feeds in at this moment, with the meter's time: at which hours people are home",
            ),
            What::Import => (at_most(every), "all energy ever taken, with the meter's time: use by hours and days"),
            What::Export => (at_most(every), "all energy ever fed in, with the meter's time"),
            What::Gas => {
                (at_most(every), "all gas ever taken, with the meter's time: when is heated, cooked, showered")
            }
            What::Water => (at_most(every), "all water ever taken, with the meter's time: when people are home"),
            What::Heat => (at_most(every), "all heat ever taken, with the meter's time: when is heated"),
        };
        let topic = self.terms.topics.state(self.identity, entity);
        let info = self.topic(topic, &entity.title(), &when, tells);
        TopicInfo { unit: Some(scale.unit.to_owned()), retained: false, ..info }
    }
}

fn at_most(every: u32) -> String {
    format!("with the meter's telegrams, every {every} s at most")
}

#[cfg(test)]
mod tests {
    use super::super::terms::settle;
    use super::*;
    use crate::api::{Answer, NowRegister, Publications, PublishAdd, text};

    fn add(address: &str, what: &[What], every: u32) -> Publication {
        let add = PublishAdd {
            address: address.into(),
            password: None,
            authority: None,
            what: what.to_vec(),
            prefix: None,
            every: Some(every),
            not_local: false,
        };
        settle(add, "a1b2c3d4".into()).unwrap()
    }

    fn shown() -> NowMeter {
        let register =
            |code: &str, unit: &str| NowRegister { code: code.into(), unit: unit.into(), total: 42, device: None };
        NowMeter {
            meter: "E0012345".into(),
            identity: Some(hex::encode([7; 32])),
            received_at: 1,
            at: 1,
            power: Some(4711),
            supply: true,
            credit: Some(815),
            registers: vec![register("1-0:1.8.0", "Wh"), register("0-1:96.1.0", "Wh")],
        }
    }

    fn known(published: Vec<PublishedTopic>) -> Known {
        Known { published, meters: vec![MeterRow { id: 1, identity: [7; 32], name: "E0012345".into() }] }
    }

    #[test]
    fn the_list_is_what_was_published_and_what_would_be() {
        let row = add("mqtt://192.168.1.9", &[What::Power, What::Import, What::Gas], 10);
        let terms = ready(&row).unwrap();
        let (gas, _) = Entity::of("0-1:24.2.1", "m3", Some(3)).unwrap();
        let before = PublishedTopic {
            topic: terms.topics.config(&[7; 32], &gas),
            meter: Some([7; 32]),
            code: Some("0-1:24.2.1".into()),
            unit: Some("m3".into()),
            device: Some(3),
        };
        let list = list(&row, &known(vec![before]), &[shown()], PublishState::default()).unwrap();
        assert_eq!(list.address, "mqtt://192.168.1.9:1883");
        let topics: Vec<_> = list.topics.iter().map(|topic| (topic.topic.as_str(), topic.retained)).collect();
        let value = |slug: &str| format!("wattseal/a1b2c3d4/fe7314fed822/{slug}");
        let config = |slug: &str| format!("homeassistant/sensor/wattseal_fe7314fed822/{slug}/config");
        assert_eq!(
            topics,
            [
                ("wattseal/a1b2c3d4/availability", true),
                (&value("availability"), true),
                (&value("power"), false),
                (&config("power"), true),
                (&value("import_1-0_1_8_0"), false),
                (&config("import_1-0_1_8_0"), true),
                (&value("gas_0-1_24_2_1"), false),
                (&config("gas_0-1_24_2_1"), true),
            ]
        );
        let text = text::text(&Answer::Publications(Publications { publications: vec![list.clone()] }));
        for part in
            ["when people are home", "not encrypted", "E0012345 (there: Meter fe73)", "in kWh", "no gateway is running"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        let json = serde_json::to_string(&list).unwrap();
        assert!(["4711", "815", "42,"].iter().all(|reading| !text.contains(reading) && !json.contains(reading)));
    }

    #[test]
    fn of_an_ended_one_it_is_what_the_broker_keeps() {
        let row = Publication { ended_at: Some(1), ..add("mqtt://192.168.1.9", &What::ALL, 10) };
        let (import, _) = Entity::of("1-0:1.8.0", "Wh", None).unwrap();
        let topic = ready(&row).unwrap().topics.config(&[7; 32], &import);
        let (code, unit) = (Some("1-0:1.8.0".into()), Some("Wh".into()));
        let kept = PublishedTopic { topic: topic.clone(), meter: Some([7; 32]), code, unit, device: None };
        let list = list(&row, &known(vec![kept]), &[shown()], PublishState::default()).unwrap();
        assert_eq!(list.topics.iter().map(|topic| &topic.topic).collect::<Vec<_>>(), [&topic]);
        let text = text::text(&Answer::Publications(Publications { publications: vec![list] }));
        assert!(text.contains("ended; nothing is published") && text.contains(&topic), "{text}");
        assert!(!text.contains("sees all of this"), "{text}");
    }

    #[test]
    fn it_says_less_where_there_is_less_to_say() {
        let list =
            |row: &Publication, shown: &[NowMeter]| list(row, &known(Vec::new()), shown, PublishState::default());
        let here = list(&add("mqtt://localhost", &[What::Import], 3600), &[]).unwrap();
        assert_eq!((here.warnings.len(), here.topics.len()), (1, 1), "{:?}", here.warnings);
        let unnamed = NowMeter { identity: None, ..shown() };
        let waiting = list(&add("mqtt://localhost", &[What::Import], 3600), &[unnamed]).unwrap();
        assert!(waiting.warnings[1].contains("first slot"), "{:?}", waiting.warnings);
        let nothing = text::text(&Answer::Publications(Publications { publications: Vec::new() }));
        assert!(nothing.contains("Nothing is published"));
    }
}
