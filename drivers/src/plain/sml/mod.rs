//! German meters: Smart Message Language over its transport protocol, as an optical head hears it.
//!
//! ```text
//! bytes ──► transport: files whose checksum fits ──► tree: messages ──► list: GetList responses ──► Telegram
//! ```
//!
//! The crate `sml-rs` reads the same and is the reference of the tests. It is not in the path of a line, as its memory
//! is not bounded: it reserves what a list's length says, and counts noise in sixteen bits.

#![deny(clippy::indexing_slicing)]

mod list;
mod server;
mod transport;
mod tree;

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests;

use super::{Chunk, Decode, Fault, Found, Telegram};
use crate::dialect::Damage;

pub use server::printed;

use transport::{Part, Transport};

/// The kind of a GetList response.
const GET_LIST_RESPONSE: u32 = 0x0701;

/// Decoder of SML. A telegram's `meter` is the meter's address in hexadecimal digits; [`printed`] tells the number on
/// its plate.
#[derive(Default)]
pub struct Sml {
    transport: Transport,
}

impl Decode for Sml {
    fn begin(&mut self) {
        self.transport.clear();
    }

    fn hear(&mut self, chunk: &Chunk) -> Vec<Found<Telegram>> {
        match chunk {
            Chunk::Bytes(bytes) => self.transport.hear(bytes).into_iter().flat_map(understood).collect(),
            // A datagram holds what it holds: nothing of another completes it.
            Chunk::Datagram { payload, .. } => {
                let mut transport = Transport::default();
                let mut parts = transport.hear(payload);
                parts.extend(transport.end());
                parts.into_iter().flat_map(understood).collect()
            }
        }
    }

    fn end(&mut self) -> Vec<Found<Telegram>> {
        self.transport.end().into_iter().flat_map(understood).collect()
    }
}

fn understood(part: Part) -> Vec<Found<Telegram>> {
    let damaged = |fault| vec![Found::Damaged(Damage::Plain(fault))];
    match part {
        Part::Noise(bytes) => vec![Found::Noise(bytes)],
        Part::Damaged(fault) => damaged(fault),
        Part::File(file) => telegrams(&file).map_or_else(damaged, |all| all.into_iter().map(Found::Message).collect()),
    }
}

/// What the lists of a file say. A file in which none holds a reading is a fault.
fn telegrams(file: &[u8]) -> Result<Vec<Telegram>, Fault> {
    let mut telegrams = Vec::new();
    for (kind, mut body) in tree::messages(file)? {
        if kind != GET_LIST_RESPONSE {
            continue;
        }
        match list::read(&mut body) {
            Ok(telegram) => telegrams.push(telegram),
            Err(Fault::Nothing) => {}
            Err(fault) => return Err(fault),
        }
    }
    if telegrams.is_empty() { Err(Fault::Nothing) } else { Ok(telegrams) }
}
