//! Topics, and the descriptions by which Home Assistant makes entities of them
//! (<https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery>): one retained message for each entity, so that every
//! version and other programs that read this format understand it, and each can be taken back by itself.

use std::collections::BTreeMap;

use serde::Serialize;

use super::entity::{Entity, Scale, meter_name};
use crate::api::What;

/// What stands before all topics that are not descriptions.
const ROOT: &str = "wattseal";
/// Said on topics of availability; the words that Home Assistant expects.
pub(crate) const ONLINE: &str = "online";
pub(crate) const OFFLINE: &str = "offline";

/// Power is said again after so many seconds as long as the meter shows it, however rarely it speaks.
pub(crate) const AGAIN: u32 = 60;
/// Messages that may be missed before a value is unavailable.
const MISSED: u32 = 3;
/// For how many seconds a total holds at least: meters that tell it once an hour, one of these missed.
const TOTAL_HOLDS: u32 = 2 * 3600 + 600;

/// Topics of one publication.
#[derive(Clone, Debug)]
pub(crate) struct Topics {
    /// What Home Assistant calls discovery prefix.
    pub prefix: String,
    /// The publication's own name.
    pub name: String,
}

impl Topics {
    /// Whether this gateway publishes.
    pub(crate) fn gateway(&self) -> String {
        format!("{ROOT}/{}/availability", self.name)
    }

    /// Whether a meter speaks.
    pub(crate) fn meter(&self, identity: &[u8; 32]) -> String {
        format!("{ROOT}/{}/{}/availability", self.name, meter_name(identity))
    }

    /// A value.
    pub(crate) fn state(&self, identity: &[u8; 32], entity: &Entity) -> String {
        format!("{ROOT}/{}/{}/{}", self.name, meter_name(identity), entity.slug())
    }

    /// Its description.
    pub(crate) fn config(&self, identity: &[u8; 32], entity: &Entity) -> String {
        format!("{}/sensor/{ROOT}_{}/{}/config", self.prefix, meter_name(identity), entity.slug())
    }

    /// Where Home Assistant says that it has started.
    pub(crate) fn birth(&self) -> String {
        format!("{}/status", self.prefix)
    }
}

#[derive(Serialize)]
struct Config<'a> {
    name: String,
    unique_id: String,
    state_topic: &'a str,
    value_template: &'a str,
    json_attributes_topic: &'a str,
    json_attributes_template: &'a str,
    device_class: &'a str,
    state_class: &'a str,
    unit_of_measurement: &'a str,
    expire_after: u32,
    availability: [BTreeMap<&'a str, String>; 2],
    availability_mode: &'a str,
    qos: u8,
    device: Device<'a>,
    origin: Origin<'a>,
}

#[derive(Serialize)]
struct Device<'a> {
    identifiers: [String; 1],
    name: String,
    manufacturer: &'a str,
    model: &'a str,
}

#[derive(Serialize)]
struct Origin<'a> {
    name: &'a str,
    sw_version: &'a str,
}

/// What Home Assistant calls a meter: not what is printed on it, which is the householder's to tell.
pub(crate) fn device_name(identity: &[u8; 32]) -> String {
    let name = meter_name(identity);
    format!("Meter {}", name.get(..4).unwrap_or(&name))
}

/// The description of an entity that is published in this unit, every so many seconds at most.
pub(crate) fn config(topics: &Topics, identity: &[u8; 32], entity: &Entity, scale: Scale, every: u32) -> String {
    let id = format!("{ROOT}_{}", meter_name(identity));
    let topic = |topic: String| BTreeMap::from([("topic", topic)]);
    let (device_class, state_class, holds) = match entity.what {
        What::Power => ("power", "measurement", 0),
        What::Import | What::Export | What::Heat => ("energy", "total_increasing", TOTAL_HOLDS),
        What::Gas => ("gas", "total_increasing", TOTAL_HOLDS),
        What::Water => ("water", "total_increasing", TOTAL_HOLDS),
    };
    let config = Config {
        name: entity.title(),
        unique_id: format!("{id}_{}", entity.slug()),
        state_topic: &topics.state(identity, entity),
        value_template: "{{ value_json.value }}",
        json_attributes_topic: &topics.state(identity, entity),
        json_attributes_template: "{{ {'meter_time': value_json.meter_time} | tojson }}",
        device_class,
        state_class,
        unit_of_measurement: scale.unit,
        expire_after: every.max(AGAIN).saturating_mul(MISSED).max(holds),
        availability: [topic(topics.gateway()), topic(topics.meter(identity))],
        availability_mode: "all",
        qos: 0,
        device: Device {
            identifiers: [id],
            name: device_name(identity),
            manufacturer: "Wattseal",
            model: "Meter read by a Wattseal gateway",
        },
        origin: Origin { name: "Wattseal", sw_version: env!("CARGO_PKG_VERSION") },
    };
    // Text and numbers alone: there is nothing that could not be written.
    serde_json::to_string(&config).unwrap_or_default()
}

/// A value with the meter's own time. `value` is a number in decimal digits.
pub(crate) fn state(value: &str, at: u64) -> String {
    let at = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
    let at = at.map_or_else(|| "null".to_owned(), |at| format!("\"{at}\""));
    format!("{{\"value\":{value},\"meter_time\":{at}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Home Assistant has stored refers to these words: a change makes new entities, or breaks old ones.
    #[test]
    fn descriptions_are_frozen() {
        let topics = Topics { prefix: "homeassistant".into(), name: "a1b2c3d4".into() };
        let (import, scale) = Entity::of("1-0:1.8.0", "Wh", None).unwrap();
        let version = env!("CARGO_PKG_VERSION");
        let frozen = format!(
            "{{\"name\":\"Energy imported\",\"unique_id\":\"wattseal_fe7314fed822_import_1-0_1_8_0\",\
             \"state_topic\":\"wattseal/a1b2c3d4/fe7314fed822/import_1-0_1_8_0\",\
             \"value_template\":\"{{{{ value_json.value }}}}\",\
             \"json_attributes_topic\":\"wattseal/a1b2c3d4/fe7314fed822/import_1-0_1_8_0\",\
             \"json_attributes_template\":\"{{{{ {{'meter_time': value_json.meter_time}} | tojson }}}}\",\
             \"device_class\":\"energy\",\"state_class\":\"total_increasing\",\"unit_of_measurement\":\"kWh\",\
             \"expire_after\":7800,\"availability\":[{{\"topic\":\"wattseal/a1b2c3d4/availability\"}},\
             {{\"topic\":\"wattseal/a1b2c3d4/fe7314fed822/availability\"}}],\"availability_mode\":\"all\",\"qos\":0,\
             \"device\":{{\"identifiers\":[\"wattseal_fe7314fed822\"],\"name\":\"Meter fe73\",\
             \"manufacturer\":\"Wattseal\",\"model\":\"Meter read by a Wattseal gateway\"}},\
             \"origin\":{{\"name\":\"Wattseal\",\"sw_version\":\"{version}\"}}}}"
        );
        assert_eq!(config(&topics, &[7; 32], &import, scale, 10), frozen);
        assert_eq!(
            topics.config(&[7; 32], &import),
            "homeassistant/sensor/wattseal_fe7314fed822/import_1-0_1_8_0/config"
        );
        let of = |(entity, scale): (Entity, Scale), every| -> serde_json::Value {
            serde_json::from_str(&config(&topics, &[7; 32], &entity, scale, every)).unwrap()
        };
        let power = of((Entity::POWER, Scale::POWER), 10);
        assert_eq!(
            ["unique_id", "device_class", "state_class", "unit_of_measurement"]
                .map(|name| power[name].as_str().unwrap()),
            ["wattseal_fe7314fed822_power", "power", "measurement", "W"]
        );
        assert_eq!(
            (&power["expire_after"], &of((Entity::POWER, Scale::POWER), 900)["expire_after"]),
            (&180.into(), &2700.into())
        );
        let gas = of(Entity::of("0-1:24.2.1", "m3", Some(3)).unwrap(), 10);
        assert_eq!(
            ["device_class", "state_class", "unit_of_measurement"].map(|name| gas[name].as_str().unwrap()),
            ["gas", "total_increasing", "m³"]
        );
    }

    #[test]
    fn states_carry_the_meters_time() {
        assert_eq!(state("-300", 1_784_592_000), "{\"value\":-300,\"meter_time\":\"2026-07-21T00:00:00Z\"}");
        assert_eq!(state("0.0000001", u64::MAX), "{\"value\":0.0000001,\"meter_time\":null}");
    }
}
