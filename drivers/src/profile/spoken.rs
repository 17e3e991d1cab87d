//! A plain meter's dialect: the decoder of its protocol as its profile sets it up, for a [`Reader`](crate::Reader).

use std::convert::Infallible;
use std::fmt;

use super::{Need, Profile};
use crate::address::{Address, Bits};
use crate::dialect::{Dialect, Found};
use crate::plain::json;
use crate::plain::{Decode, Keys, Moment, Protocol, Stamp, Telegram};
use crate::transport::{Chunk, Manner, Mode};

/// What the letters S and W of P1 stand for where nothing else is known: Central European time, in minutes.
const CENTRAL: i16 = 60;

/// Why a meter cannot be read as it was named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialectError {
    /// It encrypts, and no key was given.
    #[error("{id}: this meter encrypts; give the key from the grid operator with --meter-key-file")]
    Key {
        /// Name of the profile.
        id: String,
    },
    /// A bridge at an address that is no topic.
    #[error("{id} is read from a broker: its address is the topic of the device, such as {example}")]
    Broker {
        /// Name of the profile.
        id: String,
        /// An address.
        example: String,
    },
    /// A meter that is asked, where nobody can ask it.
    #[error("{id} speaks when it is asked, which goes over a serial port or an adapter: an address such as {example}")]
    Asked {
        /// Name of the profile.
        id: String,
        /// An address.
        example: String,
    },
}

/// A plain meter's dialect. It says nothing but what the line's own conversation says.
pub struct Spoken {
    decoder: Box<dyn Decode>,
    manner: Manner,
    /// Minutes to add to what a stamp says it is ahead of UTC.
    shift: i16,
    /// The meter sends seven bits: an adapter that takes eight leaves the parity bit in, which is not the meter's.
    seven: bool,
}

impl Profile {
    /// What this meter speaks at an address. Over a broker, the topic of the address is the device's: what stands below
    /// other devices is not heard.
    ///
    /// # Errors
    /// [`DialectError`], which says what to give.
    pub fn dialect(&self, keys: Keys, address: &Address) -> Result<Spoken, DialectError> {
        if self.needs(Need::Key) && keys.meter.is_none() {
            return Err(DialectError::Key { id: self.id.clone() });
        }
        let mut manner = Manner::hearing([""]);
        let decoder: Box<dyn Decode> = match (&self.map, address) {
            (Some(map), Address::Mqtt(mqtt)) => {
                manner.heard = map.suffixes();
                Box::new(json::Decoder::new(map.clone(), &mqtt.topic))
            }
            (Some(_), _) => return Err(DialectError::Broker { id: self.id.clone(), example: self.example() }),
            (None, _) => self.protocol.decoder(keys),
        };
        if self.needs(Need::Request) {
            match address {
                Address::Mqtt(_) => {
                    return Err(DialectError::Asked { id: self.id.clone(), example: self.example() });
                }
                // What was recorded was asked for already.
                Address::File(_) => {}
                Address::Serial(_) | Address::Tcp(_) => manner.asked = Some(self.cadence),
            }
        }
        let shift = self.winter.filter(|_| self.protocol == Protocol::P1).map_or(0, |winter| winter - CENTRAL);
        let seven = self.serial.first().is_some_and(|wire| wire.bits == Bits::Seven);
        Ok(Spoken { decoder, manner, shift, seven })
    }
}

impl Dialect for Spoken {
    type Heard = Telegram;
    type Said = Infallible;

    fn manner(&self) -> Manner {
        self.manner.clone()
    }

    fn begin(&mut self) {
        self.decoder.begin();
    }

    fn hear(&mut self, chunk: &Chunk) -> Vec<Found<Telegram>> {
        let mut found = match chunk {
            Chunk::Bytes(bytes) if self.seven => {
                self.decoder.hear(&Chunk::Bytes(bytes.iter().map(|byte| byte & 0x7f).collect()))
            }
            _ => self.decoder.hear(chunk),
        };
        if self.shift != 0 {
            found.iter_mut().for_each(|found| {
                if let Found::Message(telegram) = found {
                    moved(telegram, self.shift);
                }
            });
        }
        found
    }

    fn say(said: &Infallible, _: Mode) -> Option<Vec<u8>> {
        match *said {}
    }
}

/// Tells the stamps of a telegram in the zone in which the meter hangs.
fn moved(telegram: &mut Telegram, shift: i16) {
    let moved = |stamp: &mut Stamp| stamp.ahead = stamp.ahead.map(|ahead| ahead.saturating_add(shift));
    if let Some(Moment::Clock(stamp)) = &mut telegram.at {
        moved(stamp);
    }
    telegram.channels.iter_mut().filter_map(|channel| channel.at.as_mut()).for_each(moved);
}

impl fmt::Debug for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spoken").field("manner", &self.manner).finish_non_exhaustive()
    }
}
