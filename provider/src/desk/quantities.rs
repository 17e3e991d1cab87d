//! Quantities of a source: which readings count how much, by the same bands and series as prices.

use protocol::metrology::label::Unit;
use protocol::tariff::{Limit, Measure, Per, Quantity, Schedule, Within};
use toml::Spanned;

use super::compile::Desk;
use super::counted::{self, Counted};
use super::error::{DeskError, Place, Problem};
use super::lines::{self, Entry};
use super::shape::{self, QuantityBand, QuantityKind, WithinName};
use super::source::{self, Quoted};
use super::timetable::{WrittenBand, timetable};
use super::{bands, price};

/// Compiles a quantity, and makes it known to forms.
pub(super) fn compile(desk: &mut Desk<'_, '_, '_>, quantity: &shape::Quantity) -> Result<(), DeskError> {
    let name = &quantity.name.get_ref().0;
    let entry = Entry { text: desk.text, name };
    let place = entry.place(&quantity.name, "name");
    refuse_foreign_keys(&entry, quantity)?;
    let (register, unit) = desk.register(quantity.register.as_ref(), place.clone())?;
    let window = quantity.window.as_ref().map(|window| *window.get_ref());
    let seconds = window.map(|minutes| minutes.saturating_mul(60));
    let own = Counted::Units { unit, window: seconds };
    let (measure, counted) = match quantity.kind.get_ref() {
        QuantityKind::Sum => {
            let (weights, counted, flat) = weights(desk, &entry, quantity, &unit)?;
            let fallback = match (&quantity.residual, flat) {
                (Some(residual), _) => {
                    weight(residual, desk, &unit).map_err(|p| p.at(entry.place(residual, "residual")))?.0
                }
                (None, Some(flat)) => flat,
                (None, None) => {
                    let problem = "it is missing; energy that the meter cannot place in time needs one weight, as in residual = \"1\"";
                    return Err(Problem::new(problem).at(entry.place(&quantity.kind, "residual")));
                }
            };
            (Measure::Sum { weights, fallback }, counted)
        }
        QuantityKind::Beyond => {
            let (weights, counted, _) = weights(desk, &entry, quantity, &unit)?;
            let limit = needed(&entry, quantity, quantity.limit.as_ref(), "limit", "\"350 kWh/month\"")?;
            let counts = aspect(desk, &entry, quantity, &|band| {
                Ok(band.and_then(|band| band.counts.as_ref()).is_none_or(|counts| *counts.get_ref()).into())
            })?;
            (Measure::Beyond { counts, limit: whole_limit(desk, &entry, limit, own)?, weights }, counted)
        }
        QuantityKind::Greatest => {
            let (weights, counted, _) = weights(desk, &entry, quantity, &unit)?;
            if counted == Counted::Money {
                let problem = "a load weighs 0 to 4; the form that takes it has the price";
                return Err(Problem::new(problem).at(entry.place(&quantity.kind, "weight")));
            }
            let minutes = quantity.window.as_ref().filter(|window| [15, 30, 60].contains(window.get_ref()));
            let window = seconds.filter(|_| minutes.is_some()).ok_or_else(|| {
                Problem::new("it is missing or no meter's; a load is measured over 15, 30 or 60 minutes")
                    .at(entry.place(&quantity.kind, "window"))
            })?;
            let within = match quantity.within.as_ref().map(Spanned::get_ref) {
                None | Some(WithinName::Period) => Within::Period,
                Some(WithinName::Day) => Within::Day,
                Some(WithinName::Week) => Within::Week,
            };
            let number = |value: &Option<Spanned<u8>>| value.as_ref().map_or(1, |value| *value.get_ref());
            let (picks, best) = (number(&quantity.picks), number(&quantity.best));
            (Measure::Greatest { weights, window, within, picks, best }, own)
        }
        QuantityKind::Over => over(desk, &entry, quantity, &unit)?,
    };
    let compiled = Quantity { name: name.clone(), unit: unit_of(counted, unit, desk), register, measure };
    desk.values.add_quantity(compiled, counted).map(|_| ()).map_err(|p| p.at(place))
}

/// What a quantity is counted in, as the tariff says it.
fn unit_of(counted: Counted, own: Unit, desk: &Desk<'_, '_, '_>) -> Unit {
    match counted {
        Counted::Money => Unit::new(&desk.currency.code).unwrap_or(own),
        Counted::Units { .. } | Counted::Number => own,
    }
}

fn needed<'v, T>(
    entry: &Entry<'_>,
    quantity: &shape::Quantity,
    value: Option<&'v Spanned<T>>,
    key: &str,
    example: &str,
) -> Result<&'v Spanned<T>, DeskError> {
    value.ok_or_else(|| {
        Problem::new(format!("it is missing; write it as in {key} = {example}")).at(entry.place(&quantity.kind, key))
    })
}

fn whole_limit(
    desk: &Desk<'_, '_, '_>,
    entry: &Entry<'_>,
    limit: &Spanned<Quoted>,
    own: Counted,
) -> Result<Limit, DeskError> {
    let wrong = |problem: Problem| problem.at(entry.place(limit, "limit"));
    let (exact, per, _) = counted::constant(&limit.get_ref().0, own, &desk.currency).map_err(wrong)?;
    let amount = exact.whole().and_then(|whole| i64::try_from(whole).ok());
    let amount = amount.ok_or_else(|| wrong(Problem::new("a limit is a whole number of the register's units")))?;
    Ok(Limit { amount, per: if amount == 0 { Per::Bill } else { per } })
}

/// A weight and whether it is a price: `1`, `0.30 EUR/kWh`, `0.002 EUR/kWh²`, `0.10 EUR` for each slot.
fn weight(text: &Spanned<Quoted>, desk: &Desk<'_, '_, '_>, unit: &Unit) -> Result<(i64, bool), Problem> {
    let text = &text.get_ref().0;
    if let Some(number) = counted::bare(text) {
        let whole = number?.whole().and_then(|whole| i64::try_from(whole).ok());
        return whole.map(|whole| (whole, false)).ok_or_else(|| Problem::new("a weight is a whole number, or a price"));
    }
    let (number, per) = price::split(text)?;
    let exact = match per.split_once('/') {
        None => number.shifted(price::money_shift(per, &desk.currency)?),
        Some(_) => match per.strip_suffix('²').or_else(|| per.strip_suffix('2')) {
            Some(once) => {
                let of_one = price::PriceUnit::parse(once, &desk.currency, unit)?;
                let (own, asked) =
                    (price::quantity(unit.as_str()), price::quantity(once.split_once('/').map_or("", |p| p.1)));
                of_one.nano(number).and_then(|nano| nano.shifted(own.1 - asked.1))
            }
            None => price::PriceUnit::parse(per, &desk.currency, unit)?.nano(number),
        },
    };
    let whole = exact.and_then(|exact| exact.whole()).and_then(|whole| i64::try_from(whole).ok());
    let problem = || {
        Problem::new(format!(
            "{text} is no whole number of 10⁻⁹ {} for the unit; write fewer digits",
            desk.currency.code
        ))
    };
    whole.map(|whole| (whole, true)).ok_or_else(problem)
}

/// The weights of slots: what they count in, and the one weight when there is only one.
fn weights(
    desk: &mut Desk<'_, '_, '_>,
    entry: &Entry<'_>,
    quantity: &shape::Quantity,
    unit: &Unit,
) -> Result<(Schedule, Counted, Option<i64>), DeskError> {
    let window = quantity.window.as_ref().map(|window| window.get_ref().saturating_mul(60));
    if let Some(series) = &quantity.series {
        if quantity.band.is_some() || quantity.weight.is_some() {
            return Err(
                Problem::new("it has a series, or bands and a weight; not both").at(entry.place(series, "series"))
            );
        }
        let mode = quantity.price_rounding.as_ref().map(|mode| (*mode.get_ref()).into());
        let schedule = lines::from_series(desk, entry, mode, series, unit, false)?;
        return Ok((schedule, Counted::Money, None));
    }
    let one = |text: Option<&Spanned<Quoted>>| match text {
        Some(text) => weight(text, desk, unit).map_err(|p| p.at(entry.place(text, "weight"))),
        None => Ok((1, false)),
    };
    let of = |band: Option<&QuantityBand>| one(band.and_then(|band| band.weight.as_ref()).or(quantity.weight.as_ref()));
    let listed = quantity.band.as_deref().unwrap_or_default();
    let sorts = listed.iter().map(|band| of(Some(band)).map(|(value, money)| (value == 0, money)));
    let sorts = sorts.collect::<Result<Vec<_>, _>>()?;
    let flat = if listed.is_empty() { Some(of(None)?) } else { None };
    // A zero is a zero in every unit.
    let telling: Vec<bool> = sorts.iter().filter(|(zero, _)| !zero).map(|(_, money)| *money).collect();
    let money = flat.map_or_else(|| telling.first().copied().unwrap_or(false), |(_, money)| money);
    if telling.iter().any(|other| *other != money) {
        let problem = "some bands have a price and some a plain weight; give all the same";
        return Err(Problem::new(problem).at(entry.place(&quantity.name, "band")));
    }
    let schedule = aspect(desk, entry, quantity, &|band| of(band).map(|(value, _)| value))?;
    let counted = if money { Counted::Money } else { Counted::Units { unit: *unit, window } };
    Ok((schedule, counted, flat.map(|(value, _)| value)))
}

/// One value for each slot: that of its band, or the one of the quantity.
fn aspect(
    desk: &Desk<'_, '_, '_>,
    entry: &Entry<'_>,
    quantity: &shape::Quantity,
    value: &dyn Fn(Option<&QuantityBand>) -> Result<i64, DeskError>,
) -> Result<Schedule, DeskError> {
    let Some(list) = &quantity.band else {
        if let Some(clock) = &quantity.clock {
            return Err(Problem::new("only bands have a clock; remove it").at(entry.place(clock, "clock")));
        }
        let too_long = |_| Problem::new("the validity is too long").at(entry.place(&quantity.name, "name"));
        return bands::flat(value(None)?, desk.valid).map_err(too_long);
    };
    let mut written = Vec::with_capacity(list.len());
    for band in list {
        written.push(WrittenBand { name: &band.name, when: band.when.as_ref(), price: value(Some(band))? });
    }
    timetable(desk, entry, &quantity.name, quantity.clock.as_ref(), &written)
}

fn over(
    desk: &Desk<'_, '_, '_>,
    entry: &Entry<'_>,
    quantity: &shape::Quantity,
    unit: &Unit,
) -> Result<(Measure, Counted), DeskError> {
    let own = Counted::Units { unit: *unit, window: None };
    let thresholds = aspect(desk, entry, quantity, &|band| {
        let text = band.and_then(|band| band.threshold.as_ref()).or(quantity.threshold.as_ref());
        let text = needed(entry, quantity, text, "threshold", "\"3 kWh\"")?;
        whole_limit(desk, entry, text, own).map(|limit| limit.amount)
    })?;
    type Of = for<'b> fn(&'b QuantityBand) -> Option<&'b Spanned<Quoted>>;
    let money = std::cell::Cell::new(None);
    let read = |of_band: Of, own: Option<&Spanned<Quoted>>, default: i64| {
        aspect(desk, entry, quantity, &|band| {
            let Some(text) = band.and_then(of_band).or(own) else { return Ok(default) };
            let (value, priced) = weight(text, desk, unit).map_err(|p| p.at(entry.place(text, "weight")))?;
            if value != 0 && money.replace(Some(priced)).is_some_and(|before| before != priced) {
                let problem = "some weights are prices and some are not; give all the same";
                return Err(Problem::new(problem).at(entry.place(text, "weight")));
            }
            Ok(value)
        })
    };
    let said = |of: Of, own: Option<&Spanned<Quoted>>| {
        own.is_some() || quantity.band.iter().flatten().any(|band| of(band).is_some())
    };
    let (square, count): (Of, Of) = (|band| band.square.as_ref(), |band| band.count.as_ref());
    let only_linear = !said(square, quantity.square.as_ref()) && !said(count, quantity.count.as_ref());
    let linear = read(|band| band.weight.as_ref(), quantity.weight.as_ref(), i64::from(only_linear))?;
    let optional = |of: Of, own: Option<&Spanned<Quoted>>| said(of, own).then(|| read(of, own, 0)).transpose();
    let square = optional(square, quantity.square.as_ref())?;
    let count = optional(count, quantity.count.as_ref())?;
    let counted = match (money.get(), only_linear) {
        (Some(true), _) => Counted::Money,
        (_, true) => own,
        _ => Counted::Number,
    };
    Ok((Measure::Over { thresholds, linear, square, count }, counted))
}

/// A key that says nothing for this kind of quantity was meant to say something.
fn refuse_foreign_keys(entry: &Entry<'_>, quantity: &shape::Quantity) -> Result<(), DeskError> {
    use QuantityKind::{Beyond, Greatest, Over, Sum};
    fn at<T>(value: &Option<Spanned<T>>) -> Option<usize> {
        value.as_ref().map(|value| value.span().start)
    }
    fn first<'b, T: 'b>(values: impl Iterator<Item = &'b Option<Spanned<T>>>) -> Option<usize> {
        values.filter_map(at).next()
    }
    let listed = || quantity.band.iter().flatten();
    let keys: [(&str, Option<usize>, &[QuantityKind]); 11] = [
        ("series", at(&quantity.series), &[Sum, Beyond]),
        ("price_rounding", at(&quantity.price_rounding), &[Sum, Beyond]),
        ("residual", at(&quantity.residual), &[Sum]),
        ("limit", at(&quantity.limit), &[Beyond]),
        ("window", at(&quantity.window), &[Greatest]),
        ("within", at(&quantity.within), &[Greatest]),
        ("picks", at(&quantity.picks), &[Greatest]),
        ("best", at(&quantity.best), &[Greatest]),
        ("threshold", at(&quantity.threshold).or(first(listed().map(|b| &b.threshold))), &[Over]),
        ("square", at(&quantity.square).or(first(listed().map(|b| &b.square))), &[Over]),
        ("count", at(&quantity.count).or(first(listed().map(|b| &b.count))), &[Over]),
    ];
    let kind = *quantity.kind.get_ref();
    let counts = ("counts", first(listed().map(|b| &b.counts)), &[Beyond][..]);
    let found = keys
        .into_iter()
        .chain([counts])
        .find_map(|(key, at, kinds)| at.filter(|_| !kinds.contains(&kind)).map(|at| (key, at, kinds)));
    found.map_or(Ok(()), |(key, at, kinds)| {
        let belongs = kinds.iter().map(|kind| format!("{kind:?}").to_lowercase()).collect::<Vec<_>>().join(" or ");
        let key = format!("`{key}` of \"{}\"", entry.name);
        let place = Place::Source { line: source::line_of(entry.text, at), key };
        Err(Problem::new(format!("it belongs to a quantity of kind {belongs}")).at(place))
    })
}
