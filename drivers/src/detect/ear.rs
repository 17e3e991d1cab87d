//! Listens at one setting with every decoder at once.

use std::time::Duration;

use super::verdict::{DAMAGED, Verdict};
use super::{Heard, SevenBits, add};
use crate::address::{Bits, Parity};
use crate::dialect::{Damage, Found};
use crate::plain::{Decode, Fault, Keys, Protocol, Telegram};
use crate::profile::Wire;
use crate::transport::Chunk;

/// Those that speak on a stream of bytes, in the order in which they are believed.
const SPOKEN: [Protocol; 6] =
    [Protocol::P1, Protocol::Dlms, Protocol::Sml, Protocol::Tic, Protocol::D0, Protocol::Ocmf];
/// Those that are text, which may come with seven bits.
const TEXT: [Protocol; 3] = [Protocol::P1, Protocol::Tic, Protocol::D0];
/// After the first telegram without a total, so long is waited for one; and after one that encrypts, whether it stands
/// in a frame.
const GRACE: Duration = Duration::from_secs(3);
/// Bytes after a pause of this length begin anew.
const PAUSE: Duration = Duration::from_millis(300);
/// A meter that is joined within a telegram gives one burst that cannot be read, at the right setting no more.
const BURSTS: u32 = 4;
/// The same of a meter that never pauses.
const LONG: (u64, Duration) = (3000, Duration::from_secs(4));

/// One setting, and what was heard at it.
pub struct Ear {
    wire: Wire,
    asked: bool,
    bytes: u64,
    begun: Option<Duration>,
    last: Duration,
    bursts: u32,
    bits: SevenBits,
    /// The bytes as they come.
    whole: Vec<Listener>,
    /// The bytes without their highest bit.
    seven: Vec<Listener>,
    first: Option<Duration>,
    /// When the first telegram came that no key opens.
    locked: Option<Duration>,
}

struct Listener {
    protocol: Protocol,
    decoder: Box<dyn Decode>,
    told: Option<Telegram>,
    faults: Vec<(Fault, u64)>,
}

impl Listener {
    fn all(protocols: &[Protocol], keys: &Keys) -> Vec<Self> {
        let of = |protocol: &Protocol| Self {
            protocol: *protocol,
            decoder: protocol.decoder(keys.clone()),
            told: None,
            faults: Vec::new(),
        };
        protocols.iter().map(of).collect()
    }

    fn take(&mut self, found: Vec<Found<Telegram>>) {
        for found in found {
            match found {
                Found::Message(telegram) => add(self.told.get_or_insert_default(), telegram),
                Found::Damaged(Damage::Plain(fault)) => match self.faults.iter_mut().find(|(known, _)| *known == fault)
                {
                    Some((_, count)) => *count += 1,
                    None => self.faults.push((fault, 1)),
                },
                Found::Damaged(_) | Found::Noise(_) => {}
            }
        }
    }

    fn count(&self, fault: Fault) -> u64 {
        self.faults.iter().find(|(known, _)| *known == fault).map_or(0, |(_, count)| *count)
    }

    fn is_locked_out(&self) -> bool {
        self.count(Fault::Encrypted) + self.count(Fault::WrongKey) > 0
    }
}

impl Ear {
    /// Listens with these keys.
    #[must_use]
    pub fn new(wire: Wire, asked: bool, keys: &Keys) -> Self {
        let seven = if wire.bits == Bits::Eight { &TEXT[..] } else { &[] };
        Self {
            wire,
            asked,
            bytes: 0,
            begun: None,
            last: Duration::ZERO,
            bursts: 0,
            bits: SevenBits::default(),
            whole: Listener::all(&SPOKEN, keys),
            seven: Listener::all(seven, keys),
            first: None,
            locked: None,
        }
    }

    /// Takes what came. `now` counts from any moment, the same for all calls.
    pub fn hear(&mut self, bytes: &[u8], now: Duration) {
        if bytes.is_empty() {
            return;
        }
        if self.begun.is_none() || now.saturating_sub(self.last) >= PAUSE {
            self.bursts = self.bursts.saturating_add(1);
        }
        self.begun.get_or_insert(now);
        self.last = now;
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.bits.hear(bytes);
        let whole = Chunk::Bytes(bytes.to_vec());
        self.whole.iter_mut().for_each(|listener| {
            let found = listener.decoder.hear(&whole);
            listener.take(found);
        });
        let seven = Chunk::Bytes(bytes.iter().map(|byte| byte & 0x7f).collect());
        self.seven.iter_mut().for_each(|listener| {
            let found = listener.decoder.hear(&seven);
            listener.take(found);
        });
        if !self.heard().is_empty() {
            self.first.get_or_insert(now);
        }
        if self.locked_out().is_some() {
            self.locked.get_or_insert(now);
        }
    }

    /// Whether more bytes would not say more.
    #[must_use]
    pub fn is_done(&self, now: Duration) -> bool {
        if let Some(first) = self.first {
            let total = |heard: &Heard| heard.telegram.import.is_some() || heard.telegram.export.is_some();
            return self.heard().iter().any(total) || now.saturating_sub(first) >= GRACE;
        }
        let parity = self.bits.parity();
        let spoken = |listener: &Listener| self.damaged(listener, parity) >= DAMAGED;
        let seven = self.seven.iter().filter(|_| parity.is_some());
        if self.whole.iter().chain(seven).any(spoken) {
            return true;
        }
        if let (Some((listener, _)), Some(locked)) = (self.locked_out(), self.locked) {
            return listener.protocol == Protocol::Dlms || now.saturating_sub(locked) >= GRACE;
        }
        // In a conversation the echo and the identification are bursts of their own.
        let lasts = self.begun.is_some_and(|begun| now.saturating_sub(begun) >= LONG.1);
        !self.asked && lasts && (self.bursts > BURSTS || self.bytes >= LONG.0)
    }

    /// What was heard.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let heard = self.heard();
        if !heard.is_empty() {
            return Verdict::Found(heard);
        }
        let parity = self.bits.parity();
        if let Some((listener, wire)) = self.locked_out() {
            let wrong_key = listener.count(Fault::WrongKey) > 0;
            return Verdict::Encrypted { protocol: listener.protocol, wire, wrong_key };
        }
        let seven = self.seven.iter().filter(|_| parity.is_some()).map(|listener| (listener, self.stripped(parity)));
        let all: Vec<_> = self.whole.iter().map(|listener| (listener, self.wire)).chain(seven).collect();
        let damaged = |listener: &Listener| self.damaged(listener, parity);
        if let Some((listener, wire)) =
            all.iter().filter(|(listener, _)| damaged(listener) > 0).max_by_key(|(listener, _)| damaged(listener))
        {
            return Verdict::Damaged { protocol: listener.protocol, wire: *wire, count: damaged(listener) };
        }
        match (parity, self.bytes) {
            (Some(_), _) => Verdict::SevenBits { wire: self.stripped(parity) },
            (None, 0) => Verdict::Silent,
            (None, bytes) => Verdict::Noise { bytes },
        }
    }

    /// Who hears telegrams that no key opens. What stands bare in P1 stands in a frame in DLMS: whoever sees the frame is
    /// right.
    fn locked_out(&self) -> Option<(&Listener, Wire)> {
        let locked = self.whole.iter().filter(|listener| listener.is_locked_out());
        locked.max_by_key(|listener| listener.protocol == Protocol::Dlms).map(|listener| (listener, self.wire))
    }

    /// How many telegrams the line changed. The marks around a block of text stand in any noise: among bytes that are no
    /// text they mean nothing, and one binary frame may stand there by chance.
    fn damaged(&self, listener: &Listener, parity: Option<Parity>) -> u64 {
        let text = TEXT.contains(&listener.protocol);
        let count = listener.count(Fault::Checksum) + listener.count(Fault::Signature);
        let means = if text { parity.is_some() || self.bits.is_text() } else { count > 1 };
        if means { count } else { 0 }
    }

    /// The setting of a line whose bytes carry a parity bit.
    fn stripped(&self, parity: Option<Parity>) -> Wire {
        match parity {
            Some(parity) => Wire { bits: Bits::Seven, parity, ..self.wire },
            None => self.wire,
        }
    }

    /// What each protocol made of it, in the order in which they are believed.
    fn heard(&self) -> Vec<Heard> {
        let parity = self.bits.parity();
        let of = |listener: &Listener, wire| {
            let telegram = listener.told.clone()?;
            Some(Heard { protocol: listener.protocol, wire, asked: self.asked, telegram })
        };
        let wire = self.stripped(parity);
        let seven = self.seven.iter().filter(|_| parity.is_some()).filter_map(|listener| of(listener, wire));
        // With a parity bit in them, bytes that could be read as they are were text without one by chance.
        let heard: Vec<_> = seven.collect();
        if heard.is_empty() {
            self.whole.iter().filter_map(|listener| of(listener, self.wire)).collect()
        } else {
            heard
        }
    }
}
