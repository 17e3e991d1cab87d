//! What of a telegram is counted in slots: the meter's own energy, or a gas or water meter that speaks through it.

use drivers::plain::{Channel, Telegram};
use drivers::slots::{ChannelSlots, Marks, Slot, Slots, Terms, Way};
use protocol::metrology::label::{Interval, RegisterCode, Unit};

/// What is counted, and as which registers it is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// Energy taken from the grid and given to it.
    Energy,
    /// What another meter counts that speaks through this one.
    Channel {
        /// What telegrams call it by.
        channel: String,
        /// Its register.
        code: RegisterCode,
        /// A thousandth of the unit that telegrams tell.
        unit: Unit,
    },
}

impl Counted {
    /// A channel of which it is known what it counts: gas and water in cubic metres, sealed as litres.
    pub(super) fn channel(channel: &Channel) -> Option<Self> {
        let code = match channel.device? {
            3 => "7-0:3.0.0",
            6 => "9-0:1.0.0",
            7 => "8-0:1.0.0",
            _ => return None,
        };
        if !channel.unit.eq_ignore_ascii_case("m3") {
            return None;
        }
        let (code, unit) = (RegisterCode::new(code)?, Unit::new("L")?);
        Some(Self::Channel { channel: channel.code.clone(), code, unit })
    }

    /// Slots of the line, but hours of a channel: such meters are read once an hour.
    pub(super) fn interval(&self, line: Interval) -> Interval {
        if *self == Self::Energy { line } else { Interval::HOUR }
    }

    /// The meter's number, as a telegram tells it.
    pub(super) fn number<'a>(&self, telegram: &'a Telegram) -> Option<&'a str> {
        match self {
            Self::Energy => telegram.meter.as_deref(),
            Self::Channel { channel, .. } => {
                telegram.channels.iter().find(|of| of.code == *channel).and_then(|of| of.meter.as_deref())
            }
        }
    }

    /// Register and unit of a way; a channel counts one way alone, as it were taken from a grid.
    pub(super) fn register(&self, way: Way) -> Option<(RegisterCode, Unit)> {
        let code = match (self, way) {
            (Self::Channel { code, unit, .. }, Way::Import) => return Some((*code, *unit)),
            (Self::Channel { .. }, Way::Export) => return None,
            (Self::Energy, Way::Import) => "1-0:1.8.0",
            (Self::Energy, Way::Export) => "1-0:2.8.0",
        };
        Some((RegisterCode::new(code)?, Unit::new("Wh")?))
    }

    /// The most that can pass in an hour, in the register's 10⁻⁴.
    pub(super) fn most_an_hour(terms: Terms) -> u64 {
        u64::from(terms.most) * 10_000
    }

    /// Counts from here on, or from marks on.
    pub(super) fn counter(&self, terms: Terms, marks: Option<&Marks>) -> Counter {
        match (self, marks) {
            (Self::Energy, None) => Counter::Energy(Box::new(Slots::new(terms).apart(terms))),
            (Self::Energy, Some(marks)) => Counter::Energy(Box::new(Slots::resume(terms, marks).apart(terms))),
            (Self::Channel { channel, .. }, None) => Counter::Channel(Box::new(ChannelSlots::new(terms, channel))),
            (Self::Channel { channel, .. }, Some(marks)) => {
                Counter::Channel(Box::new(ChannelSlots::resume(terms, channel, marks)))
            }
        }
    }
}

/// What counts it.
pub(super) enum Counter {
    Energy(Box<Slots>),
    Channel(Box<ChannelSlots>),
}

impl Counter {
    /// Takes a telegram that was heard at this Unix millisecond; gives the slots that it completes.
    pub(super) fn hear(&mut self, at: u64, telegram: &Telegram) -> Vec<(Way, Slot)> {
        match self {
            Self::Energy(slots) => slots.hear(at, telegram),
            Self::Channel(slots) => slots.hear(at, telegram).into_iter().map(|slot| (Way::Import, slot)).collect(),
        }
    }

    /// Where the registers stood at the end of the last slots.
    pub(super) fn marks(&self) -> Marks {
        match self {
            Self::Energy(slots) => slots.marks(),
            Self::Channel(slots) => slots.marks(),
        }
    }
}
