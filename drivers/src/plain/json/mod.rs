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
#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::cloned_ref_to_slice_refs)]
mod tests;
mod walk;

use std::fmt;

use super::telegram::Telegram;
use super::{Decode, Fault, MAX_TELEGRAM};
use crate::dialect::{Damage, Found};
use crate::transport::Chunk;
use map::Place;
use meter::State;

pub(crate) use entry::{Bridge, Entry};
pub use guess::{Guess, guess};
pub use map::{Map, MapError};

/// Reads what one device publishes, by its map. Holds the last part of each sum.
pub struct Decoder {
    map: Map,
    whose: Whose,
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
        let states = map.meters.iter().map(|_| State::default()).collect();
        Self { map, whose, states }
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

    /// Where a topic stands as seen from here.
    fn place<'t>(&self, topic: &'t str) -> Option<Place<'t>> {
        match &self.whose {
            Whose::Topic(known) => (known == topic).then_some(Place::Anywhere),
            Whose::Device(device) if device == topic => Some(Place::Below("")),
            Whose::Device(device) => Some(Place::Below(topic.strip_prefix(device.as_str())?.strip_prefix('/')?)),
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
        let place = self.place(topic).filter(|place| !payload.is_empty() && self.map.speaks(*place));
        let Some(place) = place else { return Vec::new() };
        let told = if payload.len() > MAX_TELEGRAM { Err(Fault::TooLong) } else { self.read(place, payload) };
        match told {
            Ok(telegrams) => telegrams.into_iter().map(Found::Message).collect(),
            Err(fault) => vec![Found::Damaged(Damage::Plain(fault))],
        }
    }

    fn read(&mut self, place: Place<'_>, payload: &[u8]) -> Result<Vec<Telegram>, Fault> {
        let text = std::str::from_utf8(payload).map_err(|_| Fault::Malformed)?;
        let (mut telegrams, mut understood) = (Vec::new(), false);
        for (meter, state) in self.map.meters.iter().zip(&mut self.states) {
            let mut leaves = meter.leaves(place);
            if leaves.needs_json() {
                walk::walk(text, &mut |path, leaf| leaves.offer(path, leaf)).map_err(|_| Fault::Malformed)?;
            }
            leaves.offer_whole(text.trim());
            let heard = state.hear(meter, &leaves);
            understood |= heard.understood;
            telegrams.extend(heard.telegram);
        }
        // A bridge of several inputs tells those without a clamp too.
        if telegrams.iter().any(|telegram| !is_idle(telegram)) {
            telegrams.retain(|telegram| !is_idle(telegram));
        }
        if telegrams.is_empty() && !understood { Err(Fault::Nothing) } else { Ok(telegrams) }
    }
}

/// True for an input that has never measured anything.
fn is_idle(telegram: &Telegram) -> bool {
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
