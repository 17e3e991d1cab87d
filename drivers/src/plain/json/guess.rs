//! A bridge that is not known yet: the first publication that a built-in map reads decides which it is.

use super::super::telegram::Telegram;
use super::super::{Decode, Fault};
use super::Decoder;
use crate::dialect::{Damage, Found};
use crate::transport::Chunk;

/// Reads publications by whichever built-in map fits the first that any of them fits.
#[derive(Debug, Default)]
pub struct Guess(Option<Decoder>);

impl Guess {
    /// Short name of the bridge, once it is known.
    #[must_use]
    pub fn bridge(&self) -> Option<&str> {
        self.0.as_ref().map(|decoder| decoder.map.name.as_str())
    }
}

impl Decode for Guess {
    fn begin(&mut self) {
        if let Some(decoder) = &mut self.0 {
            decoder.begin();
        }
    }

    fn hear(&mut self, chunk: &Chunk) -> Vec<Found<Telegram>> {
        let Chunk::Datagram { topic, payload } = chunk else {
            return Decoder::nothing_but_publications(chunk);
        };
        if self.0.is_none() {
            self.0 = Decoder::guess(topic, payload).map(Decoder::new);
        }
        let Some(decoder) = &mut self.0 else {
            let unread = || vec![Found::Damaged(Damage::Plain(Fault::Nothing))];
            return if payload.is_empty() { Vec::new() } else { unread() };
        };
        let found = decoder.publication(topic, payload);
        // Householders choose topics as they like; then the payload alone tells.
        if found.is_empty() { decoder.publication("", payload) } else { found }
    }

    fn end(&mut self) -> Vec<Found<Telegram>> {
        Vec::new()
    }
}
