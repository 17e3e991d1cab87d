//! A signed tariff as a person reads it: who, when, which lines at which prices.

use std::fmt;

use protocol::money::{Mode, Rounding};
use protocol::show;
use protocol::tariff::{Charge, Per, Prices, Schedule, SignedTariff, Tariff};
use serde::Serialize;

use super::account_algebra::{self as algebra, ValueAccount};
use super::decimal::Decimal;
use super::zone::{shown, shown_utc};

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

/// A price in the unit people know: per kWh, km or m³ rather than per Wh, m or L.
fn price_text(nano: i64, unit: &str, tariff: &Tariff) -> String {
    let (exponent, per) = match unit {
        "L" => (-6, "m³".to_owned()),
        "Wh" | "varh" | "VAh" | "m" | "g" => (-6, format!("k{unit}")),
        _ => (-9, unit.to_owned()),
    };
    format!("{} {}/{per}", money(nano, exponent, tariff), tariff.currency.code)
}

/// An amount with at least the decimals of the currency.
pub(super) fn money(value: i64, exponent: i32, tariff: &Tariff) -> String {
    let text = Decimal::new(i128::from(value), exponent).map(|d| d.to_string()).unwrap_or_default();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let places = usize::from(tariff.currency.exponent);
    if decimals.is_empty() && places == 0 { whole.to_owned() } else { format!("{whole}.{decimals:0<places$}") }
}

fn rate_text(numerator: u64, denominator: u64) -> String {
    let (numerator, denominator) = (u128::from(numerator), u128::from(denominator.max(1)));
    let exact = (0..=18).find_map(|places: u32| {
        let scaled = numerator * 100 * 10u128.pow(places);
        let whole = scaled.is_multiple_of(denominator).then_some(scaled / denominator)?;
        Decimal::new(i128::try_from(whole).ok()?, -i32::try_from(places).ok()?)
    });
    exact.map_or_else(|| format!("{numerator}/{denominator}"), |percent| format!("{percent} %"))
}

/// A line aside need not be money: its step is a number of whatever it counts.
fn rounding_of(rounding: Rounding, line: &protocol::tariff::Line, tariff: &Tariff) -> String {
    if line.is_charged() {
        rounding_text(rounding, tariff)
    } else {
        format!("to {}, {}", rounding.step, mode_text(rounding.mode))
    }
}

fn rounding_text(rounding: Rounding, tariff: &Tariff) -> String {
    let mode = mode_text(rounding.mode);
    let step = i64::try_from(rounding.step).map(|step| money(step, -9, tariff)).unwrap_or_default();
    format!("to {step} {}, {mode}", tariff.currency.code)
}

fn mode_text(mode: Mode) -> &'static str {
    match mode {
        Mode::HalfEven => "halves to even",
        Mode::HalfAway => "halves away from zero",
        Mode::HalfUp => "halves up",
        Mode::Floor => "downwards",
        Mode::Ceiling => "upwards",
        Mode::Truncate => "towards zero",
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({})", self.name, self.id)?;
        writeln!(f, "  set by      {}", self.provider)?;
        writeln!(f, "  fingerprint {}", self.fingerprint)?;
        writeln!(f, "  hash        {}", self.hash)?;
        let changes = match self.clock_changes {
            1 => "1 clock change".to_owned(),
            n => format!("{n} clock changes"),
        };
        writeln!(f, "  valid       {} until {}, {} ({changes})", self.valid_from, self.valid_until, self.zone)?;
        for code in &self.rounded_readings {
            writeln!(
                f,
                "  readings    of register {code} are rounded to tens, halves to even, before they are priced"
            )?;
        }
        for (title, list) in [("quantities", &self.quantities), ("carried over", &self.cells)] {
            if !list.is_empty() {
                writeln!(f, "  {title}")?;
            }
            list.iter().try_for_each(|value| writeln!(f, "    {}: {}", value.name, value.words))?;
        }
        writeln!(f, "  lines")?;
        for line in &self.lines {
            write!(f, "    {}: ", line.name)?;
            line.charge.show(f)?;
            if let Some(rounding) = &line.rounding {
                writeln!(f, "      rounded {rounding}")?;
            }
            if line.aside {
                writeln!(f, "      for other lines alone: it is no part of the amount due")?;
            }
            for season in &line.seasons {
                writeln!(f, "      in periods that begin {season}")?;
            }
        }
        write!(f, "  amount due  rounded {}", self.total_rounding)
    }
}

impl ChargeAccount {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standing { amount } => writeln!(f, "{amount}"),
            Self::Tax { rate, on } => writeln!(f, "{rate} on {}", on.join(", ")),
            Self::Form { of } => writeln!(f, "{of}"),
            Self::Excess { of } => writeln!(f, "{of}, or nothing when that is below zero"),
            Self::Greater { of, or } => writeln!(f, "the greater of {of} and {or}"),
            Self::Lesser { of, or } => writeln!(f, "the lesser of {of} and {or}"),
            Self::Steps { of, table } => {
                writeln!(f, "by a table on {of}")?;
                table.iter().try_for_each(|row| writeln!(f, "      {row}"))
            }
            Self::Energy { register, unit, meter_minutes, prices, fallback } => {
                let minutes = meter_minutes.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
                writeln!(f, "register {register} in {unit}, for meters with slots of {minutes} minutes")?;
                prices.show(f)?;
                writeln!(f, "      {fallback} for what cannot be placed in time")
            }
        }
    }
}

impl PricesAccount {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bands(bands) => {
                bands.iter().try_for_each(|b| writeln!(f, "      {} {}, {} of the time", b.name, b.price, b.share))
            }
            Self::Series { prices, lowest, highest, below_zero } => {
                writeln!(f, "      {prices} prices, {below_zero} of them below zero")?;
                writeln!(f, "      from {} (first {})", lowest.price, lowest.first_at)?;
                writeln!(f, "      to {} (first {})", highest.price, highest.first_at)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_cent_where_they_can_be() {
        for (numerator, denominator, shown) in
            [(1, 20, "5 %"), (1_997_147, 39_062_500, "5.11269632 %"), (0, 1, "0 %"), (3, 1, "300 %"), (1, 3, "1/3")]
        {
            assert_eq!(rate_text(numerator, denominator), shown);
        }
    }
}
