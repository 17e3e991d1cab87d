//! From the readings of a record to telegrams: what was read at one moment, good and of the meter's own registers.

#![deny(clippy::indexing_slicing)]

use super::record::{Reading, Record};
use super::verify::Verdict;
use crate::plain::registers::{Obis, Registers};
use crate::plain::{Fault, Moment, Telegram};

/// What holds on from one reading to the next.
#[derive(Default)]
struct Held<'a> {
    time: Option<&'a str>,
    transaction: Option<&'a str>,
    unit: Option<&'a str>,
    state: Option<&'a str>,
    errors: Option<&'a str>,
    /// The registers read at this moment.
    codes: Vec<&'a str>,
}

/// One telegram for each moment.
pub(super) fn telegrams(record: &Record) -> Result<Vec<Telegram>, Fault> {
    let mut telegrams = Vec::new();
    let mut held = Held::default();
    let mut registers = Registers::default();
    let mut at = None;
    for reading in &record.readings {
        if held.begins(reading) {
            telegrams.extend(told(record, std::mem::take(&mut registers), at.take())?);
            held.codes.clear();
        }
        held.take(reading);
        at = reading.at().or(at);
        let Some(code) = reading.register.as_deref() else { continue };
        held.codes.push(code);
        let Some(code) = register(code) else { continue };
        match (reading.value.filter(|_| held.good()), held.unit.and_then(watt_hours)) {
            (Some(number), Some(power)) => {
                registers.take(code, Some(number.shifted(power)), None)?;
            }
            // The meter does not vouch for it, or it is no energy.
            _ => registers.leave_out(code),
        }
    }
    telegrams.extend(told(record, registers, at)?);
    if telegrams.is_empty() { Err(Fault::Nothing) } else { Ok(telegrams) }
}

fn told(record: &Record, registers: Registers, at: Option<crate::plain::Stamp>) -> Result<Option<Telegram>, Fault> {
    let mut telegram = Telegram {
        meter: record.meter.clone(),
        maker: record.maker.clone(),
        at: at.map(Moment::Clock),
        signed: record.verdict == Verdict::Fits,
        checked: record.verdict == Verdict::Fits,
        ..Telegram::default()
    };
    Ok(registers.finish(&mut telegram)?.then_some(telegram))
}

impl<'a> Held<'a> {
    /// Whether a reading is of another moment than those before it.
    fn begins(&self, reading: &Reading) -> bool {
        let other = |held: Option<&str>, now: Option<&str>| now.is_some() && held.is_some() && now != held;
        other(self.time, reading.time.as_deref())
            || other(self.transaction, reading.transaction.as_deref())
            || reading.register.as_deref().is_some_and(|code| self.codes.contains(&code))
    }

    fn take(&mut self, reading: &'a Reading) {
        self.time = reading.time.as_deref().or(self.time);
        self.transaction = reading.transaction.as_deref().or(self.transaction);
        self.unit = reading.unit.as_deref().or(self.unit);
        self.state = reading.state.as_deref().or(self.state);
        self.errors = reading.errors.as_deref().or(self.errors);
    }

    /// Whether the meter vouches for the reading: state good, and energy not among the errors.
    fn good(&self) -> bool {
        self.state.is_none_or(|state| state.trim() == "G") && !self.errors.is_some_and(|errors| errors.contains('E'))
    }
}

/// The power of ten of watt-hours.
fn watt_hours(unit: &str) -> Option<i8> {
    match unit.trim() {
        "Wh" => Some(0),
        "kWh" => Some(3),
        "MWh" => Some(6),
        _ => None,
    }
}

/// The register of a code, where it is the meter's own total or a rate: `1-0:1.8.0`, `1-b:1.8.e`, `01-00:01.08.00.FF`,
/// and the specification's own `01-00:B0.08.00*FF` and `01-00:C0.08.00*FF`, taken at the mains. A code that ends in a
/// number other than 255 is of one transaction.
fn register(code: &str) -> Option<Obis> {
    let (_, code) = code.split_once(':')?;
    let mut parts = code.split(['.', '*']);
    let quantity = match parts.next()?.trim_start_matches('0') {
        "1" | "B0" | "b0" => 1,
        "2" | "C0" | "c0" => 2,
        _ => return None,
    };
    if parts.next()?.trim_start_matches('0') != "8" {
        return None;
    }
    let rate = match parts.next()?.trim_start_matches('0') {
        "" | "e" | "E" => 0,
        rate => rate.parse().ok()?,
    };
    matches!(parts.next(), None | Some("255" | "FF" | "ff" | "f")).then_some(Obis([1, 0, quantity, 8, rate, 255]))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::plain::{Decimal, Energy};

    fn reading(time: Option<&str>, code: &str, value: i64, unit: Option<&str>, state: Option<&str>) -> Reading {
        Reading {
            time: time.map(str::to_owned),
            register: Some(code.to_owned()),
            value: Some(Decimal::whole(value)),
            unit: unit.map(str::to_owned),
            state: state.map(str::to_owned),
            ..Reading::default()
        }
    }

    type Totals = (Option<Energy>, Option<Energy>);

    fn read(readings: Vec<Reading>) -> Result<Vec<Totals>, Fault> {
        let verdict = Verdict::Fits;
        let record = Record { meter: None, maker: None, page: None, readings, verdict };
        let telegrams = telegrams(&record)?;
        Ok(telegrams.iter().map(|telegram| (telegram.import, telegram.export)).collect())
    }

    #[test]
    fn readings_of_one_moment_are_one_telegram() {
        let (begin, end) = ("2024-01-01T00:00:00,000+0000 S", "2024-01-01T01:00:00,000+0000 S");
        let readings = vec![
            reading(Some(begin), "1-0:1.8.0", 5, Some("kWh"), Some("G")),
            reading(None, "1-0:2.8.0", 7, None, None),
            reading(Some(end), "1-0:1.8.0", 6, None, None),
            reading(None, "1-0:2.8.0", 7, None, None),
        ];
        let kwh = |number: i64| Some(Energy(number * 10_000_000));
        assert_eq!(read(readings), Ok(vec![(kwh(5), kwh(7)), (kwh(6), kwh(7))]));
    }

    #[test]
    fn what_the_meter_does_not_vouch_for_is_left_out() {
        let time = Some("2024-01-01T00:00:00,000+0000 S");
        assert_eq!(read(vec![reading(time, "1-0:1.8.0", 5, Some("kWh"), Some("E"))]), Err(Fault::Nothing));
        let mut flagged = reading(time, "1-0:1.8.0", 5, Some("kWh"), Some("G"));
        flagged.errors = Some("Et".to_owned());
        assert_eq!(read(vec![flagged]), Err(Fault::Nothing));
        let rate = |code, value, state| reading(time, code, value, Some("kWh"), Some(state));
        let rates = |state| read(vec![rate("1-0:1.8.1", 5, "G"), rate("1-0:1.8.2", 7, state)]);
        assert_eq!(rates("G"), Ok(vec![(Some(Energy(120_000_000)), None)]));
        assert_eq!(rates("E"), Err(Fault::Nothing), "half a sum is none");
        let besides = read(vec![rate("1-0:1.8.2", 7, "E"), rate("1-0:2.8.1", 5, "G"), rate("1-0:1.8.0", 9, "G")]);
        assert_eq!(besides, Ok(vec![(Some(Energy(90_000_000)), Some(Energy(50_000_000)))]));
        assert_eq!(read(vec![reading(time, "1-0:1.8.0*198", 5, Some("kWh"), Some("G"))]), Err(Fault::Nothing));
        assert_eq!(read(vec![reading(time, "01-00:00.08.06.FF", 5, Some("sec"), Some("G"))]), Err(Fault::Nothing));
    }

    #[test]
    fn registers_are_named_in_many_ways() {
        let import = |rate| Some(Obis([1, 0, 1, 8, rate, 255]));
        for code in ["1-0:1.8.0", "1-b:1.8.e", "1-b:1.8.0", "01-00:01.08.00.FF", "1-0:1.8.0*255", "01-00:B0.08.00*FF"] {
            assert_eq!(register(code), import(0), "{code}");
        }
        assert_eq!(register("1-0:1.8.1"), import(1));
        assert_eq!(register("01-00:C0.08.00*FF"), Some(Obis([1, 0, 2, 8, 0, 255])));
        for other in ["", "1.8.0", "1-0:1.8.0*198", "01-00:B2.08.00*FF", "1-b:1.9.0", "1-0:1.8.x", "1-0:16.7.0"] {
            assert_eq!(register(other), None, "{other}");
        }
    }
}
