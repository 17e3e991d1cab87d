//! A signed tariff as a person reads it: who, when, which lines at which prices.

mod display;
mod words;

use protocol::show;
use protocol::tariff::{Charge, Per, Prices, Schedule, SignedTariff, Tariff};
use serde::Serialize;

use super::account_algebra::{self as algebra, ValueAccount};
use super::zone::{shown, shown_utc};

pub(super) use words::money;
use words::{price_text, rate_text, rounding_of, rounding_text};

/// An account of a tariff, for showing; money is text, never a float.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    id: String,
    name: String,
    provider: String,
    key: String,
    fingerprint: String,
    hash: String,
    currency: String,
    zone: String,
    clock_changes: usize,
    valid_from: String,
    valid_until: String,
    valid_from_utc: String,
    valid_until_utc: String,
    rounded_readings: Vec<String>,
    quantities: Vec<ValueAccount>,
    cells: Vec<ValueAccount>,
    lines: Vec<LineAccount>,
    total_rounding: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct LineAccount {
    name: String,
    #[serde(flatten)]
    charge: ChargeAccount,
    rounding: Option<String>,
    /// It is computed for other lines alone.
    aside: bool,
    /// Periods that begin at other times are not charged it; empty is always.
    seasons: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum ChargeAccount {
    Energy {
        register: String,
        unit: String,
        meter_minutes: Vec<u32>,
        #[serde(flatten)]
        prices: PricesAccount,
        fallback: String,
    },
    Standing {
        amount: String,
    },
    Tax {
        rate: String,
        on: Vec<String>,
    },
    Form {
        of: String,
    },
    Excess {
        of: String,
    },
    Greater {
        of: String,
        or: String,
    },
    Lesser {
        of: String,
        or: String,
    },
    Steps {
        of: String,
        table: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum PricesAccount {
    Bands(Vec<BandAccount>),
    Series { prices: usize, lowest: Extreme, highest: Extreme, below_zero: usize },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct BandAccount {
    name: String,
    price: String,
    /// Of the validity, in per cent.
    share: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Extreme {
    price: String,
    first_at: String,
}

impl Account {
    /// The account of a tariff that was read and checked.
    #[must_use]
    pub fn of(signed: &SignedTariff) -> Self {
        let tariff = &signed.tariff;
        let (from, until) = (tariff.valid.from, tariff.valid.until);
        Self {
            id: tariff.id.clone(),
            name: tariff.name.clone(),
            provider: tariff.provider.name.clone(),
            key: show::hex(&tariff.provider.key),
            fingerprint: show::fingerprint(&tariff.provider.key),
            hash: show::hex(&signed.hash),
            currency: tariff.currency.code.clone(),
            zone: tariff.zone.name.clone(),
            clock_changes: tariff.zone.changes.iter().filter(|c| (from..until).contains(&c.at)).count(),
            valid_from: shown(from, &tariff.zone),
            valid_until: shown(until, &tariff.zone),
            valid_from_utc: shown_utc(from),
            valid_until_utc: shown_utc(until),
            rounded_readings: tariff
                .registers
                .iter()
                .filter(|register| register.rounding.is_some())
                .map(|register| register.code.to_string())
                .collect(),
            quantities: algebra::quantities(tariff),
            cells: algebra::cells(tariff),
            lines: tariff
                .lines
                .iter()
                .map(|line| LineAccount {
                    name: line.name.clone(),
                    charge: charge(tariff, &line.charge),
                    rounding: line.rounding.map(|rounding| rounding_of(rounding, line, tariff)),
                    aside: !line.is_charged(),
                    seasons: algebra::seasons(tariff, line.rule.as_ref().map_or(&[], |rule| &rule.when)),
                })
                .collect(),
            total_rounding: rounding_text(tariff.total, tariff),
        }
    }
}

fn charge(tariff: &Tariff, charge: &Charge) -> ChargeAccount {
    match charge {
        Charge::Energy { register, schedule, fallback } => {
            let register = tariff.registers.get(usize::from(*register));
            let unit = register.map_or_else(String::new, |r| r.unit.to_string());
            let price = |nano| price_text(nano, &unit, tariff);
            ChargeAccount::Energy {
                register: register.map_or_else(String::new, |r| r.code.to_string()),
                meter_minutes: [900, 1800, 3600].into_iter().filter(|s| serves(schedule, *s)).map(|s| s / 60).collect(),
                prices: prices(schedule, tariff, &price),
                fallback: price(*fallback),
                unit,
            }
        }
        Charge::Standing { amount, per } => {
            let per = match per {
                Per::Day => "day",
                Per::Month => "month",
                Per::Year => "year",
                Per::Bill => "bill",
            };
            ChargeAccount::Standing { amount: format!("{} {}/{per}", money(*amount, -9, tariff), tariff.currency.code) }
        }
        Charge::Tax { numerator, denominator, base } => ChargeAccount::Tax {
            rate: rate_text(*numerator, *denominator),
            on: base
                .iter()
                .filter_map(|place| tariff.lines.get(usize::from(*place)))
                .map(|line| line.name.clone())
                .collect(),
        },
        Charge::Form(of) => ChargeAccount::Form { of: algebra::form(tariff, of) },
        Charge::Excess(of) => ChargeAccount::Excess { of: algebra::form(tariff, of) },
        Charge::Greater(of, or) => {
            ChargeAccount::Greater { of: algebra::form(tariff, of), or: algebra::form(tariff, or) }
        }
        Charge::Lesser(of, or) => {
            ChargeAccount::Lesser { of: algebra::form(tariff, of), or: algebra::form(tariff, or) }
        }
        Charge::Steps { of, base, steps } => {
            ChargeAccount::Steps { of: algebra::form(tariff, of), table: algebra::table(tariff, *base, steps) }
        }
    }
}

/// Whether no price changes within the slots of a meter.
fn serves(schedule: &Schedule, interval: u32) -> bool {
    if interval <= schedule.base {
        return true;
    }
    match &schedule.prices {
        Prices::Bands { runs, .. } => runs.len() == 1,
        Prices::Series(prices) => prices.windows(2).all(|w| matches!(w, [a, b] if a == b)),
    }
}

fn prices(schedule: &Schedule, tariff: &Tariff, price: &dyn Fn(i64) -> String) -> PricesAccount {
    let base = u64::from(schedule.base);
    let start = schedule.first * base;
    match &schedule.prices {
        Prices::Bands { bands, runs } => {
            let mut seconds = vec![0u64; bands.len()];
            let mut at = start;
            for run in runs {
                let next = at + u64::from(run.units) * base;
                if let Some(sum) = seconds.get_mut(usize::from(run.band)) {
                    *sum += next.min(tariff.valid.until).saturating_sub(at.max(tariff.valid.from));
                }
                at = next;
            }
            let total = tariff.valid.seconds().max(1);
            let share = |seconds: u64| {
                let tenths = (seconds * 1000 + total / 2) / total;
                format!("{}.{} %", tenths / 10, tenths % 10)
            };
            let accounts = bands.iter().zip(seconds).map(|(band, seconds)| BandAccount {
                name: band.name.clone(),
                price: price(band.price),
                share: share(seconds),
            });
            PricesAccount::Bands(accounts.collect())
        }
        Prices::Series(prices) => {
            let extreme = |found: Option<i64>| {
                let value = found.unwrap_or(0);
                let place = prices.iter().position(|p| *p == value).unwrap_or(0);
                Extreme { price: price(value), first_at: shown(start + base * place as u64, &tariff.zone) }
            };
            PricesAccount::Series {
                prices: prices.len(),
                lowest: extreme(prices.iter().copied().min()),
                highest: extreme(prices.iter().copied().max()),
                below_zero: prices.iter().filter(|p| **p < 0).count(),
            }
        }
    }
}
