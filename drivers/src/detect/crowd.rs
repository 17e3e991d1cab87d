//! Tells the devices of a broker apart: each publication goes to the decoder of its device, and to no other.

use std::collections::{BTreeMap, BTreeSet};

use super::add;
use crate::dialect::{Damage, Found};
use crate::plain::json::{self, Map};
use crate::plain::{Decode, Fault, Keys, Protocol, Telegram};
use crate::transport::Chunk;

/// Devices that are told apart; more publish on no home's broker.
const MAX_DEVICES: usize = 256;
/// Topics that are remembered as saying nothing.
const MAX_TOPICS: usize = 4096;
/// Protocols whose telegrams some bridges publish as they are.
const WHOLE: [Protocol; 6] = [Protocol::P1, Protocol::Dlms, Protocol::Sml, Protocol::Tic, Protocol::D0, Protocol::Ocmf];

/// A device that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What stands in the address of its line.
    pub topic: String,
    /// What it speaks.
    pub protocol: Protocol,
    /// The bridge it is, where it is one.
    pub bridge: Option<String>,
    /// What it said: one for each meter behind it.
    pub telegrams: Vec<Telegram>,
}

/// All who publish on a broker.
pub struct Crowd {
    maps: Vec<Map>,
    keys: Keys,
    /// By topic and by what it speaks: a device may be two bridges' names at once.
    devices: BTreeMap<String, (Device, Option<json::Decoder>)>,
    /// Topics on which encrypted telegrams stand.
    encrypted: Vec<String>,
    /// Topics heard of which nothing was understood.
    other: BTreeSet<String>,
}

impl Crowd {
    /// Nobody was heard yet.
    #[must_use]
    pub fn new(maps: Vec<Map>, keys: Keys) -> Self {
        Self { maps, keys, devices: BTreeMap::new(), encrypted: Vec::new(), other: BTreeSet::new() }
    }

    /// The filters on which such devices publish unless told otherwise.
    #[must_use]
    pub fn filters(maps: &[Map]) -> Vec<String> {
        let of = |map: &Map| {
            map.suffixes().into_iter().map(|suffix| format!("{}{suffix}", map.device())).collect::<Vec<_>>()
        };
        let mut filters: Vec<_> = maps.iter().flat_map(of).collect();
        filters.sort_unstable();
        filters.dedup();
        filters
    }

    /// Takes a publication.
    pub fn hear(&mut self, topic: &str, payload: &[u8]) {
        let chunk = Chunk::Datagram { topic: topic.to_owned(), payload: payload.to_vec() };
        let mut known = false;
        for (device, decoder) in self.devices.values_mut() {
            let found = decoder.as_mut().map(|decoder| decoder.hear(&chunk)).unwrap_or_default();
            known |= found.iter().any(|found| matches!(found, Found::Message(_)));
            found.into_iter().for_each(|found| keep(device, found));
        }
        if known || payload.is_empty() {
            return;
        }
        let full = self.devices.len() >= MAX_DEVICES;
        if let Some(mut decoder) = json::guess(&self.maps, topic, payload).filter(|_| !full) {
            // A topic of its own: its line hears that topic alone, which a map with a topic below it could not.
            if let Some(place) = decoder.device().map(str::to_owned) {
                let mut device = Device {
                    topic: place.clone(),
                    protocol: Protocol::Json,
                    bridge: Some(decoder.bridge().to_owned()),
                    telegrams: Vec::new(),
                };
                decoder.hear(&chunk).into_iter().for_each(|found| keep(&mut device, found));
                self.devices.insert(format!("{place} {}", decoder.bridge()), (device, Some(decoder)));
                return;
            }
        }
        self.whole(topic, &chunk, full);
    }

    /// A telegram that is published as the meter sent it.
    fn whole(&mut self, topic: &str, chunk: &Chunk, full: bool) {
        for protocol in WHOLE {
            for found in protocol.decoder(self.keys.clone()).hear(chunk) {
                match found {
                    Found::Message(_) if !full || self.devices.contains_key(topic) => {
                        let new = || Device { topic: topic.into(), protocol, bridge: None, telegrams: Vec::new() };
                        let (device, _) = self.devices.entry(topic.into()).or_insert_with(|| (new(), None));
                        keep(device, found);
                        return;
                    }
                    Found::Damaged(Damage::Plain(Fault::Encrypted | Fault::WrongKey)) => {
                        if self.encrypted.len() < MAX_DEVICES && !self.encrypted.iter().any(|known| known == topic) {
                            self.encrypted.push(topic.into());
                        }
                        return;
                    }
                    _ => {}
                }
            }
        }
        let of = |device: &Device| topic.strip_prefix(&device.topic).is_some_and(|rest| rest.starts_with('/'));
        if self.other.len() < MAX_TOPICS && !self.devices().any(of) {
            self.other.insert(topic.into());
        }
    }

    /// Who was heard, by topic.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.values().map(|(device, _)| device)
    }

    /// Topics on which encrypted telegrams stand.
    #[must_use]
    pub fn encrypted(&self) -> &[String] {
        &self.encrypted
    }

    /// How many topics were heard on which no meter speaks.
    #[must_use]
    pub fn others(&self) -> usize {
        self.other.len()
    }
}

/// Adds what a telegram says to what its meter said before.
fn keep(device: &mut Device, found: Found<Telegram>) {
    let Found::Message(telegram) = found else { return };
    match device.telegrams.iter_mut().find(|known| known.input == telegram.input) {
        Some(known) => add(known, telegram),
        None => device.telegrams.push(telegram),
    }
}
