//! SML's GetList response: what the meter measured, with the ways in which makers differ.

#![deny(clippy::indexing_slicing)]

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::server::Server;
use super::tree::{Cursor, Field};
use crate::plain::registers::{Obis, Registers};
use crate::plain::{Decimal, Fault, Moment, Stamp, Telegram};

/// The meter's number, where its list holds it beside the address: 0-0:96.1.0, or 1-0:96.1.0 with DZG.
const NUMBERS: [Obis; 4] =
    [Obis([1, 0, 96, 1, 0, 255]), Obis([0, 0, 96, 1, 0, 255]), Obis([1, 0, 0, 0, 9, 255]), Obis([0, 0, 0, 0, 9, 255])];
/// The maker's three letters: 1-0:96.50.1 and, before 2013, 129-129:199.130.3.
const MAKERS: [Obis; 2] = [Obis([1, 0, 96, 50, 1, 255]), Obis([129, 129, 199, 130, 3, 255])];
/// Net power of all phases.
const POWER: Obis = Obis([1, 0, 16, 7, 0, 255]);

/// Reads the body of a GetList response.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Telegram, Fault> {
    cursor.list_of(7)?;
    cursor.skip()?; // client
    let server = cursor.field()?.octets().map(Server);
    cursor.skip()?; // name of the list
    let mut at = time(cursor)?;
    let Field::List(entries) = cursor.field()? else { return Err(Fault::Malformed) };
    // The transport's checksum fits, or nothing would be read.
    let mut telegram = Telegram { checked: true, ..Telegram::default() };
    let mut registers = Registers::default();
    let mut number = None;
    for _ in 0..entries {
        let entry = Entry::read(cursor)?;
        at = at.or(entry.at);
        let Some(code) = Obis::of(entry.name) else { continue };
        match entry.value {
            Field::Octets(octets) if NUMBERS.contains(&code) => number = number.or(Some(Server(octets))),
            Field::Octets(octets) if MAKERS.contains(&code) => telegram.maker = super::server::letters(octets),
            Field::Signed(..) | Field::Unsigned(..) => {
                let value = match (entry.value, entry.value.number(), &server) {
                    (Field::Signed(_, width), Some(value), Some(server)) if code == POWER => server.power(value, width),
                    (_, value, _) => value,
                };
                let number = value.zip(entry.scaler).map(|(mantissa, exponent)| Decimal { mantissa, exponent });
                registers.take(code, number, entry.unit)?;
            }
            _ => {}
        }
    }
    cursor.skip()?; // signature
    let gateway = time(cursor)?;
    telegram.at = at.or(gateway);
    let named = server.filter(|server| !server.0.is_empty()).or(number);
    telegram.meter = named.map(|server| server.to_string());
    telegram.maker = telegram.maker.take().or_else(|| named.and_then(|server| server.maker()));
    if registers.finish(&mut telegram)? { Ok(telegram) } else { Err(Fault::Nothing) }
}

struct Entry<'a> {
    name: &'a [u8],
    at: Option<Moment>,
    unit: Option<u8>,
    /// A power of ten, 0 where none is sent. `None` for one that is none: then the value is not known.
    scaler: Option<i8>,
    value: Field<'a>,
}

impl<'a> Entry<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        cursor.list_of(7)?;
        let name = cursor.field()?.octets().unwrap_or_default();
        cursor.skip()?; // status
        let at = time(cursor)?;
        let unit = cursor.field()?.number().and_then(|unit| u8::try_from(unit).ok());
        let scaler = match cursor.field()? {
            Field::Absent => Some(0),
            field => {
                cursor.pass(field)?;
                field.number().and_then(|scaler| i8::try_from(scaler).ok())
            }
        };
        let value = cursor.field()?;
        cursor.pass(value)?;
        cursor.skip()?; // signature
        Ok(Self { name, at, unit, scaler, value })
    }
}

/// A time: seconds since the meter was made, seconds of the epoch, or those with the offset of the place. Holley's
/// DTZ541 leaves the choice out and sends the seconds alone.
fn time(cursor: &mut Cursor<'_>) -> Result<Option<Moment>, Fault> {
    let field = cursor.field()?;
    if field != Field::List(2) {
        cursor.pass(field)?;
        let seconds = if let Field::Unsigned(seconds, _) = field { u32::try_from(seconds).ok() } else { None };
        return Ok(seconds.map(Moment::Seconds));
    }
    let choice = cursor.field()?.number();
    let said = cursor.field()?;
    match (choice, said) {
        (Some(1), Field::Unsigned(seconds, _)) => Ok(u32::try_from(seconds).ok().map(Moment::Seconds)),
        (Some(2), Field::Unsigned(seconds, _)) => Ok(clock(seconds, 0)),
        (Some(3), Field::List(3)) => {
            let seconds = cursor.field()?;
            let (offset, season) = (cursor.field()?.number(), cursor.field()?.number());
            let ahead = offset.zip(season).and_then(|(offset, season)| i16::try_from(offset.checked_add(season)?).ok());
            Ok(if let Field::Unsigned(seconds, _) = seconds { clock(seconds, ahead.unwrap_or(0)) } else { None })
        }
        _ => {
            cursor.pass(said)?;
            Ok(None)
        }
    }
}

/// What a clock shows that is so many minutes ahead of UTC.
fn clock(seconds: u64, ahead: i16) -> Option<Moment> {
    let local = i64::try_from(seconds).ok()?.checked_add(i64::from(ahead) * 60)?;
    let shown = TimeZone::UTC.to_datetime(Timestamp::from_second(local).ok()?);
    Some(Moment::Clock(Stamp { shown, ahead: Some(ahead) }))
}
