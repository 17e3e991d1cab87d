//! One meter behind a bridge: the leaves of a publication that are its values, and the telegram they make.

use std::borrow::Cow;

use super::super::number::{Decimal, Energy, Power, Volume};
use super::super::telegram::{Channel, Moment, Rate, Telegram};
use super::map::{GAS, Is, Meter, Value, Way};
use super::number::{number, time, times};
use super::set::Set;
use super::walk::Json;

/// Longest number or name of a meter that is kept.
const MAX_NAME: usize = 64;

/// The texts that were found for the values of one meter.
pub(super) struct Leaves<'p> {
    /// The values that stand on the publication's topic.
    here: Set,
    /// What stands for values that are the whole payload.
    whole: &'p str,
    /// What stands at the path of each other; empty where none has one.
    at_path: Vec<Option<Cow<'p, str>>>,
}

impl Meter {
    /// Looks for these values in a payload; `None` when it should be JSON and is not. Where a value may be the whole of
    /// it, none is looked for within. `json` keeps what it is as JSON for the next meter.
    pub(super) fn leaves<'p>(&self, here: Set, payload: &'p str, json: &mut Option<Json<'p>>) -> Option<Leaves<'p>> {
        let mut leaves = Leaves { here, whole: payload.trim(), at_path: Vec::new() };
        if here.each(&self.values).all(|(_, value)| value.path.is_some()) {
            let json = match *json {
                Some(json) => json,
                None => *json.insert(Json::new(payload)?),
            };
            leaves.at_path = json.find(&self.values, here)?;
        }
        Some(leaves)
    }
}

impl Leaves<'_> {
    /// The values that stand here and their texts, in the order of the map.
    fn found<'m>(&self, meter: &'m Meter) -> impl Iterator<Item = (&'m Value, &str)> {
        self.here.each(&meter.values).filter_map(|(number, value)| {
            let text = match value.path {
                None => Some(self.whole),
                Some(_) => self.at_path.get(number)?.as_deref(),
            };
            text.map(|text| (value, text))
        })
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
        for (value, text) in leaves.found(meter) {
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
                Is::Volume { device } => {
                    let total = quantity().and_then(Volume::new);
                    let known = telegram.channels.iter().any(|channel| channel.device == Some(device));
                    telegram.channels.extend(total.filter(|_| !known).map(|total| Channel {
                        code: if device == GAS { "0-1:24.2.1" } else { "0-2:24.2.1" }.into(),
                        meter: None,
                        device: Some(device),
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
        if !says {
            return Heard { telegram: None, understood };
        }
        telegram.input.clone_from(&meter.label);
        telegram.meter = telegram.meter.or_else(|| meter.label.clone());
        Heard { telegram: Some(telegram), understood }
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
            let [told_in, told_out] = meter.ways;
            let side = |power: Option<Power>, told: bool| if told { power } else { Some(Power(0)) };
            let (taken, given) = (side(self.power_in, told_in), side(self.power_out, told_out));
            telegram.power = taken.zip(given).and_then(|(taken, given)| taken.0.checked_sub(given.0).map(Power));
        }
    }

    /// The sum over the rates that the map names, when all of them are known.
    fn total(&self, meter: &Meter, export: bool) -> Option<Energy> {
        let [import, exported] = &meter.rates;
        let mut named = if export { exported } else { import }.iter();
        named.try_fold(Energy::default(), |sum, number| {
            let known = self.rates.iter().find(|rate| rate.export == export && rate.number == *number)?;
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
