//! What the groups of one TIC frame say together. Of a label that comes twice, the last counts.

use super::super::number::{Decimal, Energy};
use super::super::telegram::{Moment, Rate, Stamp, Telegram};
use super::super::text;
use super::group::Group;

/// The counters of each tariff in historique: all of one tariff make the total.
const TARIFFS: [&[&[u8]]; 4] = [
    &[b"BASE"],
    &[b"HCHC", b"HCHP"],
    &[b"EJPHN", b"EJPHPM"],
    &[b"BBRHCJB", b"BBRHPJB", b"BBRHCJW", b"BBRHPJW", b"BBRHCJR", b"BBRHPJR"],
];
/// The counters by rate of the supplier in standard.
const SUPPLIER: usize = 10;

#[derive(Default)]
pub(super) struct Frame {
    meter: Option<String>,
    at: Option<Stamp>,
    apparent: Option<u32>,
    import: Option<Energy>,
    export: Option<Energy>,
    /// By the tariffs of historique.
    old: [[Option<Energy>; 6]; TARIFFS.len()],
    /// By the rates of standard.
    new: [Option<Energy>; SUPPLIER],
}

impl Frame {
    /// Takes a group; false when its value cannot be one.
    pub(super) fn take(&mut self, group: &Group<'_>) -> bool {
        let known = match group.label {
            b"PAPP" | b"SINSTS" => {
                number(group.value).and_then(|power| u32::try_from(power).ok()).map(|power| self.apparent = Some(power))
            }
            b"EAST" => energy(group.value).map(|total| self.import = Some(total)),
            b"EAIT" => energy(group.value).map(|total| self.export = Some(total)),
            // A number or a clock that was never set is no damage; a number has digits alone.
            b"ADCO" | b"ADSC" => {
                self.meter =
                    text::plain_name(group.value).filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
                Some(())
            }
            b"DATE" => {
                self.at = group.date.and_then(clock);
                Some(())
            }
            label => match self.counter(label) {
                Some(counter) => energy(group.value).map(|total| *counter = Some(total)),
                None => Some(()),
            },
        };
        known.is_some()
    }

    fn counter(&mut self, label: &[u8]) -> Option<&mut Option<Energy>> {
        if let Some(number) = label.strip_prefix(b"EASF") {
            let rate = number_of(number, 2)?;
            return self.new.get_mut(usize::try_from(rate).ok()?.checked_sub(1)?);
        }
        let counters = TARIFFS.iter().zip(&mut self.old).flat_map(|(labels, counters)| labels.iter().zip(counters));
        counters.into_iter().find(|(known, _)| **known == label).map(|(_, counter)| counter)
    }

    /// What it says; `None` when it holds no total and no power.
    pub(super) fn telegram(self, damaged_groups: u32) -> Option<Telegram> {
        let mut tariffs = TARIFFS.iter().zip(&self.old).filter(|(_, counters)| counters.iter().any(Option::is_some));
        let tariff = match (tariffs.next(), tariffs.next()) {
            (Some((labels, counters)), None) => counters.get(..labels.len()).unwrap_or_default(),
            _ => &[],
        };
        let import = self.import.or_else(|| sum(&self.new)).or_else(|| sum(tariff));
        let by_rate = if tariff.len() > 1 { tariff } else { &self.new };
        let rates =
            (1..).zip(by_rate).filter_map(|(number, total)| Some(Rate { number, export: false, total: (*total)? }));
        let telegram = Telegram {
            meter: self.meter,
            at: self.at.map(Moment::Clock),
            import,
            export: self.export,
            rates: rates.collect(),
            apparent: self.apparent,
            damaged_groups,
            ..Telegram::default()
        };
        (import.is_some() || self.export.is_some() || self.apparent.is_some()).then_some(telegram)
    }
}

/// The sum of counters, when none of them is missing.
fn sum(counters: &[Option<Energy>]) -> Option<Energy> {
    let mut sum = Energy::default();
    for counter in counters {
        sum = sum.plus((*counter)?)?;
    }
    (!counters.is_empty()).then_some(sum)
}

fn number(value: &[u8]) -> Option<i64> {
    number_of(value, 12)
}

fn number_of(value: &[u8], digits: usize) -> Option<i64> {
    let written = value.len() <= digits && value.iter().all(u8::is_ascii_digit);
    Decimal::parse(value).filter(|_| written).map(|number| number.mantissa)
}

fn energy(value: &[u8]) -> Option<Energy> {
    number(value).and_then(|watt_hours| Energy::new(Decimal::whole(watt_hours)))
}

/// `H261225235959`: the season, in small letters while the meter doubts its clock, then the time of Paris.
fn clock(date: &[u8]) -> Option<Stamp> {
    let (season, digits) = date.split_first()?;
    let ahead = match season {
        b'E' | b'e' => Some(120),
        b'H' | b'h' => Some(60),
        b' ' => None,
        _ => return None,
    };
    text::stamp(digits).map(|stamp| Stamp { ahead, ..stamp })
}
