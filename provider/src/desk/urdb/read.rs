//! A record of the database: its fields by name, numbers as the text they are.

use std::collections::BTreeMap;

use protocol::money::Mode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Terms;
use crate::desk::decimal::Decimal;
use crate::desk::error::Problem;

/// What a tariff is made of.
#[derive(Debug)]
pub(super) struct Record {
    pub name: String,
    pub energy: Structure,
    pub demand: Option<Structure>,
    /// Tiers by period, and the period of each month.
    pub flat: Option<(Vec<Vec<Tier>>, Vec<usize>)>,
    pub window: u16,
    /// Amount and what it is for.
    pub fixed: Vec<(Decimal, &'static str)>,
    pub minimum: Option<(Decimal, &'static str)>,
}

/// Tiers by period, and the period of each hour of weekdays and weekends by month.
#[derive(Debug)]
pub(super) struct Structure {
    pub tiers: Vec<Vec<Tier>>,
    pub weekday: Vec<Vec<usize>>,
    pub weekend: Vec<Vec<usize>>,
}

/// A tier: up to where, at which rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tier {
    pub max: Option<Decimal>,
    pub unit: String,
    pub rate: Decimal,
}

#[derive(Deserialize)]
struct RawTier<'a> {
    #[serde(borrow)]
    max: Option<&'a RawValue>,
    #[serde(borrow)]
    rate: Option<&'a RawValue>,
    #[serde(borrow)]
    adj: Option<&'a RawValue>,
    unit: Option<String>,
}

type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// Limits from here on are the database's way to write none.
const NO_LIMIT: i128 = 100_000_000_000_000;

/// Fields that would change an amount and have no one meaning here.
const REFUSED: [(&str, &str); 8] = [
    ("demandreactivepowercharge", "a charge on reactive power, which another register measures"),
    ("demandreactpwrcharge", "a charge on reactive power, which another register measures"),
    ("coincidentratestructure", "hours that are named after the fact; write them as a source of their own"),
    ("annualmincharge", "a minimum of a year, and not when that year begins"),
    ("lookbackpercent", "a ratchet on earlier months, and not which of them; write it with cells"),
    ("demandratchetpercentage", "a ratchet on earlier months, and not which of them; write it with cells"),
    ("lookbackrange", "a ratchet on earlier months, and not which of them; write it with cells"),
    ("minchargemonths", "months of a minimum"),
];

pub(super) fn record(bytes: &[u8], terms: &Terms<'_>) -> Result<Record, Problem> {
    let wrong = |cause: serde_json::Error| Problem::new(format!("this is not a record of the rate database: {cause}"));
    let mut fields: Fields<'_> = serde_json::from_slice(bytes).map_err(wrong)?;
    if let Some(items) = fields.get("items") {
        let list: Vec<&RawValue> = serde_json::from_str(items.get()).map_err(wrong)?;
        let [one] = list.as_slice() else {
            return Err(Problem::new(format!("it holds {} records; keep the one that is meant", list.len())));
        };
        fields = serde_json::from_str(one.get()).map_err(wrong)?;
    }
    // Names are written in small and in mixed case.
    let fields: Fields<'_> = fields.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let out = |name: &str| terms.leave_out.iter().any(|left| left.eq_ignore_ascii_case(name));
    for (name, needs) in REFUSED {
        if let Some(value) = fields.get(name).filter(|value| says_something(value) && !out(name)) {
            let problem =
                format!("the field {name} ({}) asks for {needs}; leave it out if it is billed otherwise", short(value));
            return Err(Problem::new(problem));
        }
    }
    for name in ["flatdemandunit", "flatdemandunits", "demandrateunit", "demandrateunits", "demandunits"] {
        if let Some(unit) = text(&fields, name)?.filter(|unit| unit != "kW") {
            return Err(Problem::new(format!("the field {name} is {unit}; a load is billed by the kW")));
        }
    }
    let Some(energy) = structure(&fields, "energy")? else {
        return Err(Problem::new("the field energyratestructure is missing"));
    };
    let flat = tiers(&fields, "flatdemandstructure")?.filter(|_| !out("flatdemandstructure"));
    let flat = flat.map(|list| {
        let months = whole_list(&fields, "flatdemandmonths", list.len())?;
        let months = months.ok_or_else(|| Problem::new("the field flatdemandmonths is missing"))?;
        if months.len() == 12 {
            Ok((list, months))
        } else {
            Err(Problem::new("the field flatdemandmonths has no 12 months"))
        }
    });
    let said = fields.get("demandwindow").and_then(|value| number("demandwindow", value).ok()).and_then(Decimal::whole);
    let window = terms.window.or_else(|| said.and_then(|minutes| u16::try_from(minutes).ok()));
    let demand = structure(&fields, "demand")?.filter(|_| !out("demandratestructure"));
    let needs_window = flat.is_some() || demand.is_some();
    let window = window.or(if needs_window { None } else { Some(60) }).filter(|minutes| [15, 30, 60].contains(minutes));
    let window = window.ok_or_else(|| {
        Problem::new("the record has no demandwindow of 15, 30 or 60 minutes; say over which time a load is measured")
    })?;
    Ok(Record {
        name: text(&fields, "name")?.unwrap_or_else(|| terms.id.to_owned()),
        energy,
        demand,
        flat: flat.transpose()?,
        window,
        fixed: amounts(
            &fields,
            &out,
            [("fixedchargefirstmeter", Some("fixedchargeunits")), ("fixedmonthlycharge", None)],
        )?,
        minimum: amounts(&fields, &out, [("mincharge", Some("minchargeunits")), ("minmonthlycharge", None)])?.pop(),
    })
}

fn short(value: &RawValue) -> String {
    value.get().chars().filter(|c| !c.is_whitespace()).take(40).collect()
}

/// Whether a value is more than zeros.
fn says_something(value: &RawValue) -> bool {
    value.get().chars().any(|c| c.is_ascii_digit() && c != '0')
}

fn text(fields: &Fields<'_>, name: &str) -> Result<Option<String>, Problem> {
    let wrong = |_| Problem::new(format!("the field {name} is not a text"));
    fields.get(name).map(|value| serde_json::from_str(value.get()).map_err(wrong)).transpose()
}

fn number(name: &str, value: &RawValue) -> Result<Decimal, Problem> {
    let wrong = || Problem::new(format!("the field {name} has {}, which is not a number", short(value)));
    value.get().trim().parse().map_err(|_: Problem| wrong())
}

fn amounts(
    fields: &Fields<'_>,
    out: &dyn Fn(&str) -> bool,
    names: [(&str, Option<&str>); 2],
) -> Result<Vec<(Decimal, &'static str)>, Problem> {
    let mut found = Vec::new();
    for (name, units) in names {
        let Some(value) = fields.get(name).filter(|value| says_something(value) && !out(name)) else { continue };
        let per = match units.map(|units| text(fields, units)).transpose()?.flatten().as_deref() {
            None | Some("$/month") => "month",
            Some("$/day") => "day",
            Some("$/year") => "year",
            Some(other) => {
                return Err(Problem::new(format!("the field {} is {other}", units.unwrap_or_default())));
            }
        };
        found.push((number(name, value)?, per));
    }
    if found.len() > 1 {
        let [(new, _), (old, _)] = names;
        return Err(Problem::new(format!("the fields {new} and {old} both have an amount; keep the one that holds")));
    }
    Ok(found)
}

fn structure(fields: &Fields<'_>, sort: &str) -> Result<Option<Structure>, Problem> {
    let Some(tiers) = tiers(fields, &format!("{sort}ratestructure"))? else { return Ok(None) };
    let schedule = |days: &str| {
        let name = format!("{sort}{days}schedule");
        let value = fields.get(&name).ok_or_else(|| Problem::new(format!("the field {name} is missing")))?;
        let wrong = |_| Problem::new(format!("the field {name} is no table of 12 months and 24 hours"));
        let rows: Vec<Vec<&RawValue>> = serde_json::from_str(value.get()).map_err(wrong)?;
        if rows.len() != 12 || rows.iter().any(|row| row.len() != 24) {
            return Err(Problem::new(format!("the field {name} is no table of 12 months and 24 hours")));
        }
        let place = |cell: &&RawValue| period(&name, cell, tiers.len());
        rows.iter().map(|row| row.iter().map(place).collect()).collect::<Result<Vec<Vec<usize>>, Problem>>()
    };
    let (weekday, weekend) = (schedule("weekday")?, schedule("weekend")?);
    Ok(Some(Structure { weekday, weekend, tiers }))
}

fn period(name: &str, value: &RawValue, periods: usize) -> Result<usize, Problem> {
    let place = number(name, value)?.whole().and_then(|whole| usize::try_from(whole).ok());
    place
        .filter(|place| *place < periods)
        .ok_or_else(|| Problem::new(format!("the field {name} names period {}, which is not there", short(value))))
}

fn whole_list(fields: &Fields<'_>, name: &str, periods: usize) -> Result<Option<Vec<usize>>, Problem> {
    let Some(value) = fields.get(name) else { return Ok(None) };
    let wrong = |_| Problem::new(format!("the field {name} is not a list"));
    let list: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(wrong)?;
    list.iter().map(|value| period(name, value, periods)).collect::<Result<_, _>>().map(Some)
}

fn tiers(fields: &Fields<'_>, name: &str) -> Result<Option<Vec<Vec<Tier>>>, Problem> {
    let Some(value) = fields.get(name) else { return Ok(None) };
    let wrong = |cause| Problem::new(format!("the field {name} is no list of periods and tiers: {cause}"));
    let raw: Vec<Vec<RawTier<'_>>> = serde_json::from_str(value.get()).map_err(wrong)?;
    // Energy is priced to 10⁻⁹ for a watt-hour; loads a thousand times finer.
    let places = if name.starts_with("energy") { 6 } else { 9 };
    let tier = |tier: &RawTier<'_>| {
        let decimal = |value: Option<&RawValue>| value.map_or(Ok(Decimal::ZERO), |value| number(name, value));
        let rate = decimal(tier.rate)?.plus(decimal(tier.adj)?);
        let max = tier.max.map(|max| number(name, max)).transpose()?;
        let endless = |max: &Decimal| max.rounded(Mode::Floor).is_none_or(|whole| whole >= NO_LIMIT);
        Ok(Tier {
            max: max.filter(|max| !endless(max)),
            unit: tier.unit.clone().unwrap_or_else(|| if name.starts_with("energy") { "kWh" } else { "kW" }.into()),
            rate: rate
                .and_then(|rate| to_places(rate, places))
                .ok_or_else(|| Problem::new(format!("the field {name} has a rate out of range")))?,
        })
    };
    let mut list =
        raw.iter().map(|period| period.iter().map(tier).collect()).collect::<Result<Vec<Vec<Tier>>, Problem>>()?;
    for period in &mut list {
        // A single tier's limit limits nothing, nor does that of the last.
        if let Some(last) = period.last_mut() {
            last.max = None;
        }
        if period.is_empty() || period.iter().rev().skip(1).any(|tier| tier.max.is_none()) {
            return Err(Problem::new(format!(
                "the field {name} has a period without tiers, or tiers after an endless one"
            )));
        }
    }
    Ok(Some(list))
}

/// To a number of decimals, half to even: what is finer is an artefact of the database's floats.
fn to_places(value: Decimal, places: i32) -> Option<Decimal> {
    Decimal::new(value.shifted(places)?.rounded(Mode::HalfEven)?, -places)
}
