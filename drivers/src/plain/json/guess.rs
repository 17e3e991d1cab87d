//! A bridge that is not known yet: the first publication that a map reads decides which it is, and which device.

use super::super::telegram::Telegram;
use super::super::{Decode, Fault};
use super::{Decoder, Map};
use crate::dialect::{Damage, Found};
use crate::transport::Chunk;

/// Reads publications by whichever map fits the first that any of them fits, and from then on those of that device
/// alone.
#[derive(Debug)]
pub struct Guess {
    /// Those that may be; none once it is known.
    maps: Vec<Map>,
    decoder: Option<Decoder>,
}

impl Guess {
    /// Nothing is known but these maps.
    #[must_use]
    pub fn new(maps: Vec<Map>) -> Self {
        Self { maps, decoder: None }
    }

    /// The decoder, once it is known.
    #[must_use]
    pub fn decoder(&self) -> Option<&Decoder> {
        self.decoder.as_ref()
    }
}

/// The decoder that finds a reading in this publication, if one does: first by its topic, then by the payload alone, as
/// householders choose topics as they like.
#[must_use]
pub fn guess(maps: &[Map], topic: &str, payload: &[u8]) -> Option<Decoder> {
    let mut by_topic: Vec<(&Map, &str)> = Vec::new();
    for map in maps {
        by_topic.extend(map.devices(topic).into_iter().map(|device| (map, device)));
    }
    // The one that says most about the topic first: where devices of its kind stand, then by the longest name.
    by_topic.sort_by_key(|(map, device)| (!map.is_usual(device), device.len()));
    let by_topic = by_topic.into_iter().map(|(map, device)| Decoder::new(map.clone(), device));
    let by_payload = maps.iter().map(|map| Decoder::anywhere(map.clone(), topic));
    by_topic.chain(by_payload).find_map(|mut decoder| {
        let found = decoder.publication(topic, payload);
        decoder.begin();
        found.iter().any(|found| matches!(found, Found::Message(_))).then_some(decoder)
    })
}

impl Decode for Guess {
    fn begin(&mut self) {
        if let Some(decoder) = &mut self.decoder {
            decoder.begin();
        }
    }

    fn hear(&mut self, chunk: &Chunk) -> Vec<Found<Telegram>> {
        let Chunk::Datagram { topic, payload } = chunk else {
            return Decoder::nothing_but_publications(chunk);
        };
        if self.decoder.is_none() {
            self.decoder = guess(&self.maps, topic, payload);
            if self.decoder.is_some() {
                self.maps = Vec::new();
            }
        }
        match &mut self.decoder {
            Some(decoder) => decoder.publication(topic, payload),
            None if payload.is_empty() => Vec::new(),
            None => vec![Found::Damaged(Damage::Plain(Fault::Nothing))],
        }
    }

    fn end(&mut self) -> Vec<Found<Telegram>> {
        Vec::new()
    }
}
