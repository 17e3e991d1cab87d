//! What the lines of a P1 telegram say.
//!
//! Codes and values after DSMR P1 2.2 to 5.0.2 and e-MUCS P1 1.7.1. A line that says nothing known here is passed over.

use super::super::Fault;
use super::super::number::Volume;
use super::super::telegram::{Channel, Moment, Stamp, Telegram};
use super::super::text::{self, Code, Registers, Sets, Values, lines};
use super::frame::is_ident;

/// Other meters that speak through this one: M-Bus channels 1 to 9. The standards know four.
const CHANNELS: usize = 9;
/// Values of one line that are looked at.
const VALUES: usize = 8;

/// What one M-Bus channel says, put together over several lines.
#[derive(Default)]
struct Other {
    meter: Option<String>,
    device: Option<u8>,
    read: Option<(String, Volume, String, Option<Stamp>)>,
}

/// A value announced on one line that stands on the next (DSMR 2 and 3).
struct Announced {
    channel: u8,
    code: String,
    unit: String,
    at: Option<Stamp>,
}

#[derive(Default)]
struct Said {
    registers: Registers,
    at: Option<Stamp>,
    /// The numbers by how well they name the meter, best first.
    names: [Option<String>; 4],
    others: [Other; CHANNELS],
    announced: Option<Announced>,
}

/// Reads a telegram from its slash to before its exclamation mark. `whole` when it is known to be as it was sent;
/// otherwise it must begin as telegrams do, since a slash may be a changed byte in the middle of one, and a line that
/// cannot be read forbids a sum of rates, as one of them may be missing.
///
/// # Errors
/// [`Fault`] when it cannot be used.
pub(super) fn read(telegram: &[u8], whole: bool) -> Result<Telegram, Fault> {
    if !whole && !is_ident(telegram) {
        return Err(Fault::Malformed);
    }
    let mut said = Said::default();
    for line in lines(telegram).skip(1) {
        for set in Sets::new(line) {
            let Some((code, values)) = set else {
                said.registers.doubtful |= !whole;
                break;
            };
            if code.is_empty() {
                said.goes_on(values);
            } else if let Some(code) = Code::read(code) {
                said.take(&code, values)?;
            } else {
                said.registers.doubtful |= !whole;
            }
        }
    }
    said.fill(telegram, whole)
}

impl Said {
    fn take(&mut self, code: &Code, mut values: Values<'_>) -> Result<(), Fault> {
        self.announced = None;
        match (code.a, code.b, code.cde()) {
            (Some(1) | None, _, (_, 7 | 8, _)) => self.registers.take(code, values.next().unwrap_or_default())?,
            (Some(0), Some(0), (1, 0, 0)) => self.at = self.at.or(values.next().and_then(text::stamp)),
            (Some(0), Some(0), (96, 1, 1)) => self.name(0, values),
            (Some(0), Some(0), (96, 1, 0)) => self.name(1, values),
            (Some(0), Some(0), (42, 0, 0)) => self.name(2, values),
            (Some(1), Some(0), (0, 0, 0)) => self.name(3, values),
            (Some(0), Some(channel @ 1..), (c, d, e)) => self.other(channel, (c, d, e), values),
            _ => {}
        }
        Ok(())
    }

    fn name(&mut self, rank: usize, mut values: Values<'_>) {
        if let Some(slot @ None) = self.names.get_mut(rank) {
            *slot = values.next().and_then(text::name);
        }
    }

    fn slot(&mut self, channel: u8) -> Option<&mut Other> {
        self.others.get_mut(usize::from(channel).checked_sub(1)?)
    }

    fn other(&mut self, channel: u8, code: (u8, u8, u8), mut values: Values<'_>) {
        match code {
            (96, 1, 0 | 1) => {
                if let Some(other) = self.slot(channel).filter(|other| other.meter.is_none()) {
                    other.meter = values.next().and_then(text::name);
                }
            }
            (24, 1, 0) => {
                let device = values.next().and_then(text::quantity).and_then(|(number, _)| number.in_units_of(0));
                if let Some(other) = self.slot(channel) {
                    other.device = device.and_then(|device| u8::try_from(device).ok());
                }
            }
            (24, 2, e) => {
                let (first, second) = (values.next().unwrap_or_default(), values.next());
                let code = format!("0-{channel}:24.2.{e}");
                match second {
                    Some(value) => self.counts(channel, code, value, "", text::stamp(first)),
                    None if first.contains(&b'*') => self.counts(channel, code, first, "", None),
                    None => {
                        self.announced = Some(Announced { channel, code, unit: String::new(), at: text::stamp(first) })
                    }
                }
            }
            (24, 3, 0) => self.profile(channel, values),
            _ => {}
        }
    }

    /// The hourly values of DSMR 2 and 3: time, status, period, how many, then code and unit of each, then the values,
    /// commonly on the next line. Meters send one.
    fn profile(&mut self, channel: u8, values: Values<'_>) {
        let mut held: [&[u8]; VALUES] = [&[]; VALUES];
        held.iter_mut().zip(values).for_each(|(to, from)| *to = from);
        let [at, _, _, _, code, unit, value, _] = held;
        let (Ok(code), Ok(unit)) = (std::str::from_utf8(code), std::str::from_utf8(unit)) else { return };
        let announced = Announced { channel, code: code.into(), unit: unit.into(), at: text::stamp(at) };
        if Code::read(code.as_bytes()).is_none() {
            return;
        }
        if value.is_empty() {
            self.announced = Some(announced);
        } else {
            self.counts(channel, announced.code, value, unit, announced.at);
        }
    }

    /// A line without a code: the value that the line before announced.
    fn goes_on(&mut self, mut values: Values<'_>) {
        if let (Some(told), Some(value)) = (self.announced.take(), values.next()) {
            self.counts(told.channel, told.code, value, &told.unit, told.at);
        }
    }

    /// A value without a unit is the placeholder of a channel where no meter hangs.
    fn counts(&mut self, channel: u8, code: String, value: &[u8], unit: &str, at: Option<Stamp>) {
        let Some((number, written)) = text::quantity(value) else { return };
        let unit = std::str::from_utf8(written).ok().filter(|written| !written.is_empty()).unwrap_or(unit);
        let named = (1..=8).contains(&unit.len()) && unit.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let Some(total) = Volume::new(number).filter(|_| named) else { return };
        if let Some(other) = self.slot(channel).filter(|other| other.read.is_none()) {
            other.read = Some((code, total, unit.into(), at));
        }
    }

    fn fill(self, text: &[u8], whole: bool) -> Result<Telegram, Fault> {
        let mut telegram = Telegram {
            meter: self.names.into_iter().flatten().next(),
            maker: text::maker(text),
            at: self.at.map(Moment::Clock),
            checked: whole,
            ..Telegram::default()
        };
        for other in self.others {
            if let Some((code, total, unit, at)) = other.read {
                telegram.channels.push(Channel { code, meter: other.meter, device: other.device, total, unit, at });
            }
        }
        self.registers.fill(&mut telegram, whole)?;
        Ok(telegram)
    }
}
