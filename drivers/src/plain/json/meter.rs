//! One meter behind a bridge: the leaves of a publication that are its values, and the telegram they make.

use std::borrow::Cow;

use super::super::number::{Decimal, Energy, Power, Volume};
use super::super::telegram::{Channel, Moment, Rate, Telegram};
use super::map::{Is, Meter, Place, Value, Way};
use super::number::{number, time, times};

/// Longest number or name of a meter that is kept.
const MAX_NAME: usize = 64;

/// The texts that were found for the values of one meter, in the order of its map.
pub(super) struct Leaves<'m> {
    values: Vec<(&'m Value, Option<String>)>,
}

impl Meter {
    /// The values that stand at this place, not found yet.
    pub(super) fn leaves(&self, place: Place<'_>) -> Leaves<'_> {
        let here = self.values.iter().filter(|value| value.stands(place));
        Leaves { values: here.map(|value| (value, None)).collect() }
    }
}

impl Leaves<'_> {
    /// True when a value stands within a JSON text, and none may be the whole payload.
    pub(super) fn needs_json(&self) -> bool {
        !self.values.is_empty() && self.values.iter().all(|(value, _)| value.path.is_some())
    }

    /// Takes the leaf at this path if a value stands there; the first leaf counts.
    pub(super) fn offer(&mut self, path: &[Cow<'_, str>], leaf: &str) {
        for (value, text) in &mut self.values {
            let fits = value.path.as_ref().is_some_and(|names| {
                names.len() == path.len() && names.iter().zip(path).all(|(name, part)| name == "*" || name == part)
            });
            if fits && text.is_none() {
                *text = Some(leaf.into());
            }
        }
    }

    /// Takes the payload for the values that are the whole of it.
    pub(super) fn offer_whole(&mut self, payload: &str) {
        for (_, text) in self.values.iter_mut().filter(|(value, _)| value.path.is_none()) {
            *text = Some(payload.into());
        }
    }
}

/// The last parts of sums, which may come on topics of their own.
#[derive(Default)]
pub(super) struct State {
    rates: Vec<Rate>,
    power_in: Option<Power>,
    power_out: Option<Power>,
}

/// What a publication said about one meter.
pub(super) struct Heard {
    pub(super) telegram: Option<Telegram>,
    /// It said something, be it only half of a sum or a time.
    pub(super) understood: bool,
}

impl State {
    /// Makes a telegram of what was found.
    pub(super) fn hear(&mut self, meter: &Meter, leaves: &Leaves<'_>) -> Heard {
        let mut telegram = Telegram::default();
        let (mut understood, mut flows) = (false, false);
        for (value, text) in &leaves.values {
            let Some(text) = text.as_deref() else { continue };
            let quantity = || number(text).and_then(|number| times(number, value.scale));
            let taken = match value.is {
                Is::Energy { export, rate: 0 } => {
                    let total = if export { &mut telegram.export } else { &mut telegram.import };
                    keep(total, quantity().and_then(energy))
                }
                Is::Energy { export, rate } => quantity().and_then(energy).is_some_and(|total| {
                    let rate = Rate { number: rate, export, total };
                    let first = !telegram.rates.iter().any(|known| same(known, &rate));
                    first.then(|| telegram.rates.push(rate)).is_some()
                }),
                Is::Power(Way::Net) => keep(&mut telegram.power, quantity().and_then(Power::new)),
                Is::Power(way) => {
                    let side = if way == Way::In { &mut self.power_in } else { &mut self.power_out };
                    let power = quantity().and_then(Power::new);
                    *side = power.or(*side);
                    flows |= power.is_some();
                    power.is_some()
                }
                Is::Apparent => {
                    let apparent = quantity().and_then(|number| number.in_units_of(0));
                    keep(&mut telegram.apparent, apparent.and_then(|apparent| u32::try_from(apparent).ok()))
                }
                Is::Volume => {
                    let total = quantity().and_then(Volume::new);
                    telegram.channels.extend(total.filter(|_| telegram.channels.is_empty()).map(|total| Channel {
                        code: "0-1:24.2.1".into(),
                        meter: None,
                        device: None,
                        total,
                        unit: "m3".into(),
                        at: None,
                    }));
                    total.is_some()
                }
                Is::Time => keep(&mut telegram.at, time(text, value.clock).map(Moment::Clock)),
                Is::Meter => keep(&mut telegram.meter, name(text)),
            };
            understood |= taken;
        }
        self.add_up(meter, &mut telegram, flows);
        let says = telegram.import.is_some() || telegram.export.is_some() || telegram.power.is_some();
        let says = says || telegram.apparent.is_some() || !telegram.rates.is_empty() || !telegram.channels.is_empty();
        telegram.input.clone_from(&meter.label);
        telegram.meter = telegram.meter.or_else(|| meter.label.clone());
        Heard { telegram: says.then_some(telegram), understood }
    }

    /// Adds the sums of which a part came: totals of all rates of the map, and the power of both ways.
    fn add_up(&mut self, meter: &Meter, telegram: &mut Telegram, flows: bool) {
        for rate in &telegram.rates {
            self.rates.retain(|known| !same(known, rate));
            self.rates.push(*rate);
        }
        for export in [false, true] {
            let came = telegram.rates.iter().any(|rate| rate.export == export);
            let total = if export { &mut telegram.export } else { &mut telegram.import };
            if came && total.is_none() {
                *total = self.total(meter, export);
            }
        }
        if flows && telegram.power.is_none() {
            let tells = |way| meter.values.iter().any(|value| value.is == Is::Power(way));
            let side = |power: Option<Power>, way| if tells(way) { power } else { Some(Power(0)) };
            let (taken, given) = (side(self.power_in, Way::In), side(self.power_out, Way::Out));
            telegram.power = taken.zip(given).and_then(|(taken, given)| taken.0.checked_sub(given.0).map(Power));
        }
    }

    /// The sum over the rates that the map names, when all of them are known.
    fn total(&self, meter: &Meter, export: bool) -> Option<Energy> {
        let mut named: Vec<u8> = meter
            .values
            .iter()
            .filter_map(|value| match value.is {
                Is::Energy { export: way, rate } if rate > 0 && way == export => Some(rate),
                _ => None,
            })
            .collect();
        named.sort_unstable();
        named.dedup();
        named.into_iter().try_fold(Energy::default(), |sum, number| {
            let known = self.rates.iter().find(|rate| rate.export == export && rate.number == number)?;
            sum.plus(known.total)
        })
    }
}

fn same(one: &Rate, other: &Rate) -> bool {
    (one.number, one.export) == (other.number, other.export)
}

/// A counter never stands below nought.
fn energy(number: Decimal) -> Option<Energy> {
    Energy::new(number).filter(|energy| energy.0 >= 0)
}

fn keep<T>(slot: &mut Option<T>, found: Option<T>) -> bool {
    let taken = found.is_some();
    if slot.is_none() {
        *slot = found;
    }
    taken
}

fn name(text: &str) -> Option<String> {
    let text = text.trim();
    let says = (1..=MAX_NAME).contains(&text.len()) && !text.chars().any(char::is_control) && text != "null";
    says.then(|| text.into())
}
