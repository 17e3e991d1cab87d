//! Slots of a meter that speaks through another: gas, water, heat.
//!
//! Such a meter is read once an hour or every five minutes, and what it said then is repeated in every telegram until it is
//! read again. So a value counts for the moment at which it was read, and that is found without trusting any clock: a
//! telegram shows the meter's clock and the time of the value, and the value is as old as they are apart. Where the telegram
//! shows no clock (DSMR 2 and 3), a value is as old as the minutes since its time are within the hour, if it is new and
//! telegrams came without a break. A value without a time may be old: slots of such are estimated at best.

use super::register::{Register, Scale};
use super::who::{Who, Word};
use super::{How, Marks, Slot, Terms};
use crate::plain::{Channel, Moment, Stamp, Telegram};

/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;
/// A value that is older was read before something broke.
const OLDEST: i64 = 24 * HOUR;
/// The two clocks of a telegram may be so far apart the wrong way.
const AHEAD: i64 = 60_000;

/// Parts of a thousandth, as registers of energy have of a watt-hour.
const PARTS: i64 = 10_000;

/// What a telegram said of the channel.
#[derive(Clone, Copy)]
struct Said {
    /// When it was heard, and when it was read, by the listener's clock.
    heard: u64,
    at: u64,
    total: i64,
    checked: bool,
    dated: bool,
}

/// One channel's telegrams, becoming slots in 10⁻⁴ of a thousandth of its unit: of cubic metres, 10⁻⁴ litres.
#[derive(Clone)]
pub struct ChannelSlots {
    code: String,
    terms: Terms,
    register: Register,
    who: Who<Said>,
    /// The last value with its time that came with a checksum or twice alike.
    known: Option<(Stamp, i64)>,
    /// One that came once, without.
    unsure: Option<(Stamp, i64)>,
    /// When the channel was heard last.
    heard: Option<u64>,
    /// When the last value that counted was heard and read.
    taken: Option<(u64, u64)>,
}

impl core::fmt::Debug for ChannelSlots {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ChannelSlots").field("code", &self.code).finish_non_exhaustive()
    }
}

impl ChannelSlots {
    /// Nothing heard yet of the channel with this code, as [`Channel::code`] tells it.
    #[must_use]
    pub fn new(terms: Terms, code: &str) -> Self {
        Self {
            code: code.to_owned(),
            terms,
            register: Register::new(terms, Scale::VOLUME),
            who: Who::default(),
            known: None,
            unsure: None,
            heard: None,
            taken: None,
        }
    }

    /// Goes on after these marks: what nobody listened to is missing, with what passed meanwhile. A channel counts one way
    /// alone, which is kept as the import.
    #[must_use]
    pub fn resume(terms: Terms, code: &str, marks: &Marks) -> Self {
        let new = Self::new(terms, code);
        let register = marks.import.map(|mark| Register::resume(terms, Scale::VOLUME, mark));
        Self { register: register.unwrap_or(new.register), who: Who::known(marks.meter.clone()), ..new }
    }

    /// Where the register stood at the end of the last slots that were told; see [`ChannelSlots::resume`].
    #[must_use]
    pub fn marks(&self) -> Marks {
        let meter = self.who.meter().map(ToOwned::to_owned);
        Marks { meter, import: self.register.mark(), export: None }
    }

    /// Takes a telegram that was heard at this moment, Unix milliseconds by the listener's clock; gives the slots that it
    /// completes, in order.
    pub fn hear(&mut self, at: u64, telegram: &Telegram) -> Vec<Slot> {
        let Some(channel) = telegram.channels.iter().find(|channel| channel.code == self.code) else {
            return Vec::new();
        };
        let said = self.said(at, telegram, channel);
        self.heard = Some(at);
        match self.who.hear(at, channel.meter.as_deref(), said) {
            Word::Doubtful => Vec::new(),
            Word::Known(said) => said.map_or_else(Vec::new, |said| self.take(said)),
            Word::Exchanged(held) => {
                // It has a chain of its own.
                self.register = Register::new(self.terms, Scale::VOLUME);
                self.taken = None;
                held.into_iter().flat_map(|said| self.take(said)).collect()
            }
        }
    }

    fn take(&mut self, said: Said) -> Vec<Slot> {
        // A value that was read before the last is none of now, as long as the listener's own clock goes on.
        if self.taken.is_some_and(|(heard, at)| said.heard >= heard && said.at <= at) {
            return Vec::new();
        }
        self.taken = Some((said.heard, said.at));
        let mut slots = self.register.read(said.at, said.total, said.checked);
        for slot in slots.iter_mut().filter(|slot| !said.dated && slot.how == How::Measured) {
            slot.how = How::Estimated;
        }
        slots
    }

    /// What the channel says that it did not say before. What nothing checks must be said twice alike: it is repeated
    /// anyway.
    fn said(&mut self, at: u64, telegram: &Telegram, channel: &Channel) -> Option<Said> {
        let total = channel.total.0.saturating_mul(PARTS);
        let Some(stamp) = channel.at else {
            return Some(Said { heard: at, at, total, checked: telegram.checked, dated: false });
        };
        let value = Some((stamp, total));
        let again = std::mem::replace(&mut self.unsure, value) == value;
        if self.known == value || !(telegram.checked || again) {
            return None;
        }
        let before = std::mem::replace(&mut self.known, value);
        let age = match telegram.at {
            Some(Moment::Clock(now)) => between(stamp, now)?,
            _ => {
                // The first value of all may be days old, and so may one after a break.
                let heard = self.heard.filter(|heard| *heard <= at && at - heard < HOUR.unsigned_abs());
                before.zip(heard).filter(|((before, _), _)| *before != stamp)?;
                within_the_hour(at, stamp)?
            }
        };
        let age = if (-AHEAD..0).contains(&age) { 0 } else { age };
        let age = u64::try_from(age).ok().filter(|_| age <= OLDEST)?;
        Some(Said { heard: at, at: at.checked_sub(age)?, total, checked: true, dated: true })
    }
}

/// How old a value is whose telegram shows no clock.
fn within_the_hour(at: u64, stamp: Stamp) -> Option<i64> {
    let shown = (i64::from(stamp.shown.minute()) * 60 + i64::from(stamp.shown.second())) * 1000;
    let age = (i64::try_from(at).ok()? - shown).rem_euclid(HOUR);
    Some(if age >= HOUR - AHEAD { 0 } else { age })
}

/// Milliseconds from one stamp to another. Where both tell how far they are ahead of UTC, the change of summer time
/// between them does not count.
fn between(from: Stamp, to: Stamp) -> Option<i64> {
    let seconds = to.shown.since((jiff::Unit::Second, from.shown)).ok()?.get_seconds();
    let ahead = from.ahead.zip(to.ahead).map_or(0, |(from, to)| i64::from(to) - i64::from(from));
    seconds.checked_sub(ahead * 60)?.checked_mul(1000)
}
