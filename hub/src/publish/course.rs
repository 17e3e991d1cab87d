//! From what the meters show to messages: what is new, believed, due, and agreed to. No clock and no broker in here.
//!
//! States are not retained: the broker would hand a reading to whoever comes later, and Home Assistant would take an old
//! one for new after its start. Descriptions and availability are, since an entity is nothing without them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gateway_core::store::PublishedTopic;
use tokio::time::Instant;

use super::discovery::{self, AGAIN, OFFLINE, ONLINE, Topics};
use super::entity::{Entity, Scale};
use super::guard::{Guard, Seen};
use crate::api::{NowRegister, What};
use crate::lines::{Shown, When};

/// Meters, and values of each, that are published; no home has more.
const MOST_METERS: usize = 64;
const MOST_VALUES: usize = 32;
/// Home Assistant listens to a topic so long after its description at the latest.
const SETTLING: Duration = Duration::from_secs(3);

/// A message on its way to the broker.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Where.
    pub topic: String,
    /// What; a reading, perhaps.
    pub payload: String,
    /// What is noted of a message that the broker is to keep; none for one that it is not.
    pub kept: Option<PublishedTopic>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({:?}, {})", self.topic, self.payload.len())
    }
}

/// What was told of the meters, and what is to be told next.
pub(crate) struct Course {
    topics: Topics,
    what: BTreeSet<What>,
    every: u32,
    gateway_told: bool,
    meters: BTreeMap<[u8; 32], Meter>,
}

#[derive(Default)]
struct Meter {
    /// The availability that was told last.
    told: Option<bool>,
    values: BTreeMap<Entity, Value>,
}

struct Value {
    scale: Scale,
    guard: Guard,
    /// When it was heard that was looked at last: the same is no witness of itself, and no news.
    seen: Option<Instant>,
    /// When it was described; none when it is to be described.
    described: Option<Instant>,
    /// What is to be published when it is due.
    next: Option<String>,
    sent: Option<Instant>,
}

impl Course {
    /// Of these kinds, each value every so many seconds at most. `before` was retained earlier.
    pub(crate) fn new(topics: Topics, what: BTreeSet<What>, every: u32, before: &[PublishedTopic]) -> Self {
        let known = before.iter().filter_map(|row| row.meter).map(|meter| (meter, Meter::default()));
        Self { topics, what, every, gateway_told: false, meters: known.take(MOST_METERS).collect() }
    }

    /// The broker may know nothing any more, or Home Assistant: all but states is told anew.
    pub(crate) fn tell_anew(&mut self) {
        self.gateway_told = false;
        for meter in self.meters.values_mut() {
            meter.told = None;
            meter.values.values_mut().for_each(|value| value.described = None);
        }
    }

    /// Whether something that was retained earlier still belongs to what was agreed to.
    pub(crate) fn wants(&self, row: &PublishedTopic) -> bool {
        let Some(identity) = &row.meter else { return row.topic == self.topics.gateway() };
        let entity = match (&row.code, &row.unit) {
            (Some(code), Some(unit)) => Entity::of(code, unit, row.device).map(|(entity, _)| entity),
            _ => Some(Entity::POWER),
        };
        let entity = entity.filter(|entity| self.what.contains(&entity.what));
        row.topic == self.topics.meter(identity)
            || entity.is_some_and(|entity| row.topic == self.topics.config(identity, &entity))
    }

    /// Looks at what the meters show; what is to be published now.
    pub(crate) fn look(&mut self, at: Instant, shown: &[Shown]) -> Vec<Message> {
        let mut messages = Vec::new();
        if !std::mem::replace(&mut self.gateway_told, true) {
            let topic = self.topics.gateway();
            messages.push(kept(topic, ONLINE, None));
        }
        let mut speaking = BTreeSet::new();
        for one in shown {
            let Some(identity) = identity(one.identity.as_deref()) else { continue };
            if speaking.insert(identity) && (self.meters.contains_key(&identity) || self.meters.len() < MOST_METERS) {
                self.show(at, identity, one, &mut messages);
            }
        }
        for (identity, meter) in &mut self.meters {
            let speaks = speaking.contains(identity);
            if !speaks {
                meter.values.values_mut().for_each(|value| value.next = None);
            }
            if meter.told != Some(speaks) {
                meter.told = Some(speaks);
                let word = if speaks { ONLINE } else { OFFLINE };
                messages.push(kept(self.topics.meter(identity), word, Some(*identity)));
            }
        }
        messages
    }

    fn show(&mut self, at: Instant, identity: [u8; 32], shown: &Shown, messages: &mut Vec<Message>) {
        let meter = self.meters.entry(identity).or_default();
        let mut told = BTreeSet::new();
        for Told { entity, scale, when, decimal, register } in values(shown) {
            let room = meter.values.len() < MOST_VALUES || meter.values.contains_key(&entity);
            if !room || !self.what.contains(&entity.what) || !told.insert(entity.clone()) {
                continue;
            }
            let value = meter.values.entry(entity.clone()).or_insert_with(|| Value::new(scale));
            if value.scale != scale {
                // Another unit has another description, and totals that do not follow from those before.
                *value = Value::new(scale);
            }
            let new = value.seen.replace(when.heard) != Some(when.heard);
            let ready = match register {
                Some(register) => new && value.guard.believes(Seen { total: register.total, heard: when.heard }),
                None => new || value.sent.is_none_or(|sent| at - sent >= Duration::from_secs(AGAIN.into())),
            };
            if ready {
                value.next = Some(discovery::state(&decimal, when.at));
            }
            if value.next.is_none() {
                continue;
            }
            let Some(described) = value.described else {
                value.described = Some(at);
                let config = discovery::config(&self.topics, &identity, &entity, scale, self.every);
                let topic = self.topics.config(&identity, &entity);
                messages.push(described_as(topic, config, identity, register));
                continue;
            };
            let pause = Duration::from_secs(self.every.into());
            if at - described >= SETTLING && value.sent.is_none_or(|sent| at - sent >= pause) {
                value.sent = Some(at);
                let payload = value.next.take().unwrap_or_default();
                messages.push(Message { topic: self.topics.state(&identity, &entity), payload, kept: None });
            }
        }
        // What is not shown any more is not told later either.
        let gone = meter.values.iter_mut().filter(|(entity, _)| !told.contains(entity));
        gone.for_each(|(_, value)| value.next = None);
    }
}

impl Value {
    fn new(scale: Scale) -> Self {
        Self { scale, guard: Guard::new(scale.parts()), seen: None, described: None, next: None, sent: None }
    }
}

/// A value as a meter shows it.
struct Told<'a> {
    entity: Entity,
    scale: Scale,
    when: When,
    decimal: String,
    /// The register behind it; none for power.
    register: Option<&'a NowRegister>,
}

/// What of a meter can be published at all.
fn values(shown: &Shown) -> impl Iterator<Item = Told<'_>> {
    let power = shown.power.map(|power| {
        let (entity, scale, decimal) = (Entity::POWER, Scale::POWER, power.value.to_string());
        Told { entity, scale, when: power.when, decimal, register: None }
    });
    let totals = shown.registers.iter().filter_map(|register| {
        let (when, register) = (register.when, &register.value);
        let (entity, scale) = Entity::of(&register.code, &register.unit, register.device)?;
        Some(Told { entity, scale, when, decimal: scale.decimal(register.total), register: Some(register) })
    });
    power.into_iter().chain(totals)
}

/// The key for life of a meter that shows something, out of its hex digits; none as long as it has none.
pub(crate) fn identity(digits: Option<&str>) -> Option<[u8; 32]> {
    let mut identity = [0; 32];
    hex::decode_to_slice(digits?, &mut identity).ok()?;
    Some(identity)
}

fn kept(topic: String, payload: &str, meter: Option<[u8; 32]>) -> Message {
    let kept = PublishedTopic { topic: topic.clone(), meter, code: None, unit: None, device: None };
    Message { kept: Some(kept), payload: payload.to_owned(), topic }
}

fn described_as(topic: String, config: String, meter: [u8; 32], register: Option<&NowRegister>) -> Message {
    let kept = PublishedTopic {
        topic: topic.clone(),
        meter: Some(meter),
        code: register.map(|register| register.code.clone()),
        unit: register.map(|register| register.unit.clone()),
        device: register.and_then(|register| register.device),
    };
    Message { kept: Some(kept), payload: config, topic }
}

#[cfg(test)]
mod tests;
