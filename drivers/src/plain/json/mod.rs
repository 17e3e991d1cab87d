//! MQTT JSON: what bridges publish, read by a [`Map`] that names topic, path, unit and scale of each value.
//!
//! ```text
//! topic + payload ─► Map: which values stand here ─► walk: the leaves ─► number: exact ─► meter::State ─► Telegram
//! ```
//!
//! Some bridges publish each value on a topic of its own. A telegram says what its publication says and nothing
//! older, save where a sum needs a part that came on another topic: a total of two rates, a power of both ways.
//!
//! Bytes of a stream are noise here: JSON comes in publications. A decoder hears one device and nothing that others
//! which speak alike publish.

#![deny(clippy::indexing_slicing)]

mod entry;
mod guess;
mod map;
mod meter;
mod number;
mod set;
#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::cloned_ref_to_slice_refs)]
mod tests;
mod walk;

use std::fmt;

use super::telegram::Telegram;
use super::{Decode, Fault, MAX_TELEGRAM};
use crate::dialect::{Damage, Found};
use crate::transport::Chunk;
use map::{Meter, Topics};
use meter::State;
use set::Set;

pub(crate) use entry::{Bridge, Entry};
pub use guess::{Guess, guess};
pub use map::{Map, MapError};

/// Reads what one device publishes, by its map. Holds the last part of each sum.
pub struct Decoder {
    map: Map,
    whose: Whose,
    /// What stands on the topics that are read.
    topics: Topics,
    /// One for each meter of the map.
    states: Vec<State>,
}

/// Which publications are read.
enum Whose {
    /// Those on the topics that stand below a device's.
    Device(String),
    /// Those on one topic, of which nothing is known.
    Topic(String),
}

impl Decoder {
    /// A decoder for what the device of this topic says.
    #[must_use]
    pub fn new(map: Map, device: &str) -> Self {
        Self::of(map, Whose::Device(device.into()))
    }

    /// A decoder for payloads on a topic of which nothing is known, such as one out of a file: all values that have a
    /// path are looked for.
    #[must_use]
    pub fn anywhere(map: Map, topic: &str) -> Self {
        Self::of(map, Whose::Topic(topic.into()))
    }

    fn of(map: Map, whose: Whose) -> Self {
        let topics = match whose {
            Whose::Device(_) => map.topics(),
            Whose::Topic(_) => map.anywhere(),
        };
        let states = map.meters.iter().map(|_| State::default()).collect();
        Self { map, whose, topics, states }
    }

    /// The device that is heard, where it is known.
    #[must_use]
    pub fn device(&self) -> Option<&str> {
        match &self.whose {
            Whose::Device(device) => Some(device),
            Whose::Topic(_) => None,
        }
    }

    /// The name of its map.
    #[must_use]
    pub fn bridge(&self) -> &str {
        &self.map.name
    }

    /// What of a topic stands below what is read.
    fn below<'t>(&self, topic: &'t str) -> Option<&'t str> {
        match &self.whose {
            Whose::Topic(known) => (known == topic).then_some(""),
            Whose::Device(device) if device == topic => Some(""),
            Whose::Device(device) => topic.strip_prefix(device.as_str())?.strip_prefix('/'),
        }
    }

    /// Bytes of a stream.
    fn nothing_but_publications(chunk: &Chunk) -> Vec<Found<Telegram>> {
        match chunk {
            Chunk::Bytes(bytes) if !bytes.is_empty() => vec![Found::Noise(bytes.len() as u64)],
            _ => Vec::new(),
        }
    }

    fn publication(&mut self, topic: &str, payload: &[u8]) -> Vec<Found<Telegram>> {
        // An empty publication clears a retained one; it says nothing.
        let below = self.below(topic).filter(|_| !payload.is_empty());
        let Some(here) = below.and_then(|below| self.topics.get(below)) else { return Vec::new() };
        let told = if payload.len() > MAX_TELEGRAM {
            Err(Fault::TooLong)
        } else {
            read(&self.map.meters, here, &mut self.states, payload)
        };
        told.unwrap_or_else(|fault| vec![Found::Damaged(Damage::Plain(fault))])
    }
}

/// Reads a payload for each meter: those of its values that stand here.
fn read(meters: &[Meter], here: &[Set], states: &mut [State], payload: &[u8]) -> Result<Vec<Found<Telegram>>, Fault> {
    let text = std::str::from_utf8(payload).map_err(|_| Fault::Malformed)?;
    let (mut found, mut understood, mut json) = (Vec::new(), false, None);
    for ((meter, here), state) in meters.iter().zip(here).zip(states).filter(|((_, here), _)| !here.is_empty()) {
        let leaves = meter.leaves(*here, text, &mut json).ok_or(Fault::Malformed)?;
        let heard = state.hear(meter, &leaves);
        understood |= heard.understood;
        if let Some(telegram) = heard.telegram {
            // Nearly always the only one; four at once, as a vector grows by itself, are a slower allocation.
            found.reserve_exact(1);
            found.push(Found::Message(telegram));
        }
    }
    // A bridge of several inputs tells those without a clamp too.
    if found.len() > 1 && !found.iter().all(is_idle) {
        found.retain(|found| !is_idle(found));
    }
    if found.is_empty() && !understood { Err(Fault::Nothing) } else { Ok(found) }
}

/// True for an input that has never measured anything.
fn is_idle(found: &Found<Telegram>) -> bool {
    let Found::Message(telegram) = found else { return false };
    let zero = |number: Option<i64>| number.unwrap_or_default() == 0;
    zero(telegram.import.map(|energy| energy.0))
        && zero(telegram.export.map(|energy| energy.0))
        && zero(telegram.power.map(|power| power.0))
        && telegram.channels.is_empty()
        && telegram.rates.is_empty()
        && telegram.apparent.is_none()
}

impl fmt::Debug for Decoder {
    /// The name of its map, nothing of what it holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("map", &self.map.name).finish_non_exhaustive()
    }
}

impl Decode for Decoder {
    fn begin(&mut self) {
        self.states.iter_mut().for_each(|state| *state = State::default());
    }

    fn hear(&mut self, chunk: &Chunk) -> Vec<Found<Telegram>> {
        match chunk {
            Chunk::Bytes(_) => Self::nothing_but_publications(chunk),
            Chunk::Datagram { topic, payload } => self.publication(topic, payload),
        }
    }

    fn end(&mut self) -> Vec<Found<Telegram>> {
        Vec::new()
    }
}
