//! From what the meters show to messages: what is new, believed, due, and agreed to. No clock and no broker in here.
//!
//! States are not retained: the broker would hand a reading to whoever comes later, and Home Assistant would take an old
//! one for new after its start. Descriptions and availability are, since an entity is nothing without them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gateway_core::store::PublishedTopic;
use tokio::time::Instant;

use super::discovery::{self, AGAIN, OFFLINE, ONLINE, Topics};
use super::entity::{Entity, Register};
use super::guard::{Guard, Seen};
use crate::api::{NowMeter, What};

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
    seen: Option<NowMeter>,
    /// The availability that was told last.
    told: Option<bool>,
    values: BTreeMap<Entity, Value>,
}

struct Value {
    guard: Guard,
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
            (Some(code), Some(unit)) => Entity::new(code.clone(), unit.clone(), row.device),
            _ => Some(Entity::POWER),
        };
        let entity = entity.filter(|entity| self.what.contains(&entity.what));
        row.topic == self.topics.meter(identity)
            || entity.is_some_and(|entity| row.topic == self.topics.config(identity, &entity))
    }

    /// Looks at what the meters show; what is to be published now.
    pub(crate) fn look(&mut self, at: Instant, shown: &[NowMeter]) -> Vec<Message> {
        let mut messages = Vec::new();
        if !std::mem::replace(&mut self.gateway_told, true) {
            let topic = self.topics.gateway();
            messages.push(kept(topic, ONLINE.into(), None, None));
        }
        let mut speaking = BTreeSet::new();
        for now in shown {
            let Some(identity) = identity(now) else { continue };
            if speaking.insert(identity) && (self.meters.contains_key(&identity) || self.meters.len() < MOST_METERS) {
                self.show(at, identity, now, &mut messages);
            }
        }
        for (identity, meter) in &mut self.meters {
            let speaks = speaking.contains(identity);
            if !speaks {
                meter.seen = None;
                meter.values.values_mut().for_each(|value| value.next = None);
            }
            if meter.told != Some(speaks) {
                meter.told = Some(speaks);
                let word = if speaks { ONLINE } else { OFFLINE };
                messages.push(kept(self.topics.meter(identity), word.into(), Some(*identity), None));
            }
        }
        messages
    }

    fn show(&mut self, at: Instant, identity: [u8; 32], now: &NowMeter, messages: &mut Vec<Message>) {
        let meter = self.meters.entry(identity).or_default();
        let new = meter.seen.as_ref() != Some(now);
        let power = now.power.map(|watts| (Entity::POWER, watts.to_string(), None));
        let totals = now.registers.iter().filter_map(|register| {
            let entity = Entity::of(register)?;
            let decimal = entity.scale()?.decimal(register.total);
            Some((entity, decimal, Some(register.total)))
        });
        for (entity, decimal, total) in power.into_iter().chain(totals) {
            let room = meter.values.len() < MOST_VALUES || meter.values.contains_key(&entity);
            let Some(scale) = entity.scale().filter(|_| room && self.what.contains(&entity.what)) else { continue };
            let fresh = || Value { guard: Guard::new(scale.parts()), described: None, next: None, sent: None };
            let value = meter.values.entry(entity.clone()).or_insert_with(fresh);
            let ready = match total {
                Some(total) => new && value.guard.believes(Seen { total, heard: at, at: now.at }),
                None => new || value.sent.is_none_or(|sent| at - sent >= Duration::from_secs(AGAIN.into())),
            };
            if ready {
                value.next = Some(discovery::state(&decimal, now.at));
            }
            if value.next.is_none() {
                continue;
            }
            let Some(described) = value.described else {
                if let Some(config) = discovery::config(&self.topics, &identity, &entity, self.every) {
                    value.described = Some(at);
                    let topic = self.topics.config(&identity, &entity);
                    messages.push(kept(topic, config, Some(identity), entity.register));
                }
                continue;
            };
            let pause = Duration::from_secs(self.every.into());
            if at - described >= SETTLING && value.sent.is_none_or(|sent| at - sent >= pause) {
                value.sent = Some(at);
                let payload = value.next.take().unwrap_or_default();
                messages.push(Message { topic: self.topics.state(&identity, &entity), payload, kept: None });
            }
        }
        meter.seen = Some(now.clone());
    }
}

/// The key for life of a meter that shows something; none as long as it has none.
pub(crate) fn identity(now: &NowMeter) -> Option<[u8; 32]> {
    let mut identity = [0; 32];
    hex::decode_to_slice(now.identity.as_ref()?, &mut identity).ok()?;
    Some(identity)
}

fn kept(topic: String, payload: String, meter: Option<[u8; 32]>, register: Option<Register>) -> Message {
    let (code, unit, device) = register.map_or((None, None, None), |r| (Some(r.code), Some(r.unit), r.device));
    Message { kept: Some(PublishedTopic { topic: topic.clone(), meter, code, unit, device }), topic, payload }
}

#[cfg(test)]
mod tests;
