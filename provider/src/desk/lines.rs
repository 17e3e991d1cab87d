//! Lines of a source: energy at one price, in bands or by a series; standing amounts; taxes.

use protocol::metrology::label::Unit;
use protocol::money::{Mode, Rounding};
use protocol::tariff::{Charge, Line, Rule, Schedule};
use toml::Spanned;

use super::amount;
use super::bands;
use super::compile::Desk;
use super::counted::{self, Counted};
use super::decimal::Decimal;
use super::error::{DeskError, Place, Problem};
use super::price::{self, Conversion, PriceUnit};
use super::series::{PriceSeries, PublishedPrices};
use super::source::{self, Kind, Quoted};
use super::timetable::{WrittenBand, timetable};
use super::{forms, seasons};

/// Compiles a line; `earlier` are the lines before it, which taxes refer to.
pub(super) fn compile(
    desk: &mut Desk<'_, '_, '_>,
    earlier: &[Line],
    line: &source::Line,
) -> Result<Vec<Line>, DeskError> {
    let name = &line.name.get_ref().0;
    let entry = Entry { text: desk.text, name };
    entry.refuse_foreign_keys(line)?;
    if earlier.iter().any(|known| known.name == *name) {
        return Err(
            Problem::new("two lines have this name; name each line differently").at(entry.place(&line.name, "name"))
        );
    }
    let mut before = Vec::new();
    let mut counted = Counted::Money;
    let charge = match line.kind.get_ref() {
        Kind::Energy => energy(desk, &entry, line)?,
        Kind::Standing => {
            let amount = entry.needed(line, line.amount.as_ref(), "amount", "\"0.45 EUR/day\"")?;
            let (amount, per) = amount::standing(&amount.get_ref().0, &desk.currency, mode(line))
                .map_err(|p| p.at(entry.place(amount, "amount")))?;
            Charge::Standing { amount, per }
        }
        Kind::Tax => tax(desk, &entry, earlier, line)?,
        _ => {
            let formed = forms::compile(desk, &entry, line)?;
            (before, counted) = (formed.before, formed.counted);
            formed.charge
        }
    };
    let aside = line.aside.as_ref().is_some_and(|aside| *aside.get_ref());
    if let (false, Counted::Units { unit, .. }) = (aside, counted) {
        let problem = format!("it counts {unit}, which is no money; give it a price, or write aside = true");
        return Err(Problem::new(problem).at(entry.place(&line.kind, "kind")));
    }
    let when = line.seasons.as_ref().map(|seasons| seasons::spans(desk, &entry, seasons)).transpose()?;
    let rule = (aside || when.is_some()).then(|| Rule { aside, when: when.unwrap_or_default() });
    let rounding = line.rounding.as_ref().map(|r| rounding(desk, &entry, r, counted)).transpose()?;
    let own = Line { name: name.clone(), charge, rounding, rule };
    for above in &before {
        desk.values.add_line(&above.name, Counted::Number).map_err(|p| p.at(entry.place(&line.name, "name")))?;
    }
    desk.values.add_line(name, counted).map_err(|p| p.at(entry.place(&line.name, "name")))?;
    before.push(own);
    Ok(before)
}

/// A line's rounding: of money as everywhere, of anything else to a number of its units.
fn rounding(
    desk: &Desk<'_, '_, '_>,
    entry: &Entry<'_>,
    rounding: &source::Rounding,
    counted: Counted,
) -> Result<Rounding, DeskError> {
    let key = format!("`rounding` of \"{}\"", entry.name);
    let in_units = rounding.to.as_ref().filter(|_| counted != Counted::Money);
    let Some(to) = in_units else { return desk.rounding(rounding, &key) };
    let wrong = |problem: Problem| problem.at(entry.place(to, "rounding"));
    let (exact, _, _) = counted::constant(&to.get_ref().0, counted, &desk.currency).map_err(wrong)?;
    let step = exact.whole().and_then(|whole| u64::try_from(whole).ok()).filter(|step| *step > 0);
    let step = step.ok_or_else(|| wrong(Problem::new("it is no whole number of units to round to, such as \"1\"")))?;
    Ok(Rounding { step, mode: rounding.mode.map_or(Mode::HalfAway, Mode::from) })
}

fn mode(line: &source::Line) -> Option<Mode> {
    line.price_rounding.as_ref().map(|mode| Mode::from(*mode.get_ref()))
}

/// Reads a price of a line; the place is for refusing it.
type ReadPrice<'a> = dyn Fn(&Spanned<Quoted>, Place) -> Result<i64, DeskError> + 'a;

/// A line of the source, for naming its keys.
pub(super) struct Entry<'a> {
    pub(super) text: &'a str,
    pub(super) name: &'a str,
}

impl Entry<'_> {
    pub(super) fn place<T>(&self, value: &Spanned<T>, key: &str) -> Place {
        source::place(self.text, value, format!("`{key}` of \"{}\"", self.name))
    }

    pub(super) fn band<T>(&self, value: &Spanned<T>, band: &str) -> Place {
        source::place(self.text, value, format!("band \"{band}\" of \"{}\"", self.name))
    }

    pub(super) fn needed<'v, T>(
        &self,
        line: &source::Line,
        value: Option<&'v Spanned<T>>,
        key: &str,
        example: &str,
    ) -> Result<&'v Spanned<T>, DeskError> {
        value.ok_or_else(|| {
            let problem = format!("it is missing; write it as in {key} = {example}");
            Problem::new(problem).at(self.place(&line.kind, key))
        })
    }

    /// A key that says nothing for this kind of line was meant to say something: it is not passed over.
    fn refuse_foreign_keys(&self, line: &source::Line) -> Result<(), DeskError> {
        use Kind::{Blocks, Energy, Excess, Form, Greater, Lesser, Standing, Steps, Tax};
        fn at<T>(value: &Option<Spanned<T>>) -> Option<usize> {
            value.as_ref().map(|value| value.span().start)
        }
        let first = |bands: &Vec<source::Band>| bands.first().map_or(line.kind.span().start, |b| b.name.span().start);
        let keys: [(&str, Option<usize>, &[Kind]); 16] = [
            ("register", at(&line.register), &[Energy, Blocks]),
            ("price", at(&line.price), &[Energy]),
            ("series", at(&line.series), &[Energy]),
            ("band", line.band.as_ref().map(first), &[Energy]),
            ("credit", at(&line.credit), &[Energy]),
            ("fallback", at(&line.fallback), &[Energy]),
            ("clock", at(&line.clock), &[Energy]),
            ("price_rounding", at(&line.price_rounding), &[Energy, Standing, Blocks]),
            ("amount", at(&line.amount), &[Standing]),
            ("rate", at(&line.rate), &[Tax]),
            ("on", at(&line.on), &[Tax]),
            ("of", at(&line.of), &[Form, Excess, Greater, Lesser, Steps, Blocks]),
            ("or", at(&line.or), &[Greater, Lesser]),
            ("base", at(&line.base), &[Steps]),
            ("step", at(&line.step), &[Steps]),
            ("tier", at(&line.tier), &[Blocks]),
        ];
        let kind = *line.kind.get_ref();
        let found = keys
            .into_iter()
            .find_map(|(key, at, kinds)| at.filter(|_| !kinds.contains(&kind)).map(|at| (key, at, kinds)));
        found.map_or(Ok(()), |(key, at, kinds)| {
            let belongs = kinds.iter().map(|kind| format!("{kind:?}").to_lowercase()).collect::<Vec<_>>().join(" or ");
            let place =
                Place::Source { line: source::line_of(self.text, at), key: format!("`{key}` of \"{}\"", self.name) };
            Err(Problem::new(format!("it belongs to a line of kind {belongs}")).at(place))
        })
    }
}

fn energy(desk: &mut Desk<'_, '_, '_>, entry: &Entry<'_>, line: &source::Line) -> Result<Charge, DeskError> {
    let whole = entry.place(&line.name, "register");
    let (register, unit) = desk.register(line.register.as_ref(), whole)?;
    let credit = line.credit.as_ref().is_some_and(|credit| *credit.get_ref());
    let currency = desk.currency.clone();
    let read = |text: &Spanned<Quoted>, place: Place| {
        price::price(&text.get_ref().0, &currency, &unit, mode(line), credit).map_err(|p| p.at(place))
    };
    if let Some(clock) = line.clock.as_ref().filter(|_| line.band.is_none()) {
        return Err(Problem::new("only bands have a clock; remove it").at(entry.place(clock, "clock")));
    }
    let (schedule, flat) = match (&line.price, &line.series, &line.band) {
        (Some(text), None, None) => {
            let price = read(text, entry.place(text, "price"))?;
            let schedule = bands::flat(price, desk.valid).map_err(|_| too_many(entry.place(text, "price")))?;
            (schedule, Some(price))
        }
        (None, Some(series), None) => (from_series(desk, entry, mode(line), series, &unit, credit)?, None),
        (None, None, Some(bands)) => (from_bands(desk, entry, line, bands, &read)?, None),
        _ => {
            let problem = "an energy line has one of `price`, [[line.band]] or `series`";
            return Err(Problem::new(problem).at(entry.place(&line.name, "price")));
        }
    };
    let fallback = match (&line.fallback, flat) {
        (Some(text), _) => read(text, entry.place(text, "fallback"))?,
        (None, Some(price)) => price,
        (None, None) => {
            let problem = format!(
                "it is missing; energy that the meter cannot place in time needs one price, as in fallback = \"0.30 {}/kWh\"",
                desk.currency.code
            );
            return Err(Problem::new(problem).at(entry.place(&line.name, "fallback")));
        }
    };
    Ok(Charge::Energy { register, schedule, fallback })
}

/// Prices of a file as a schedule.
pub(super) fn from_series(
    desk: &mut Desk<'_, '_, '_>,
    entry: &Entry<'_>,
    mode: Option<Mode>,
    series: &Spanned<source::Series>,
    unit: &Unit,
    credit: bool,
) -> Result<Schedule, DeskError> {
    let keys = series.get_ref();
    let price_unit = PriceUnit::parse(&keys.unit.get_ref().0, &desk.currency, unit)
        .map_err(|p| p.at(entry.place(&keys.unit, "series.unit")))?;
    let factor = keys.factor.as_ref().map(|factor| {
        factor.get_ref().0.trim().parse::<Decimal>().map_err(|p| p.at(entry.place(factor, "series.factor")))
    });
    let add = keys.add.as_ref().map(|add| {
        price::addition(&add.get_ref().0, &price_unit, &desk.currency, unit)
            .map_err(|p| p.at(entry.place(add, "series.add")))
    });
    let conversion = Conversion {
        factor: factor.transpose()?.unwrap_or(Decimal::ONE),
        add: add.transpose()?.unwrap_or(Decimal::ZERO),
        ..Conversion::plain(price_unit, mode, credit)
    };
    let file = &keys.file.get_ref().0;
    let bytes = (desk.load)(file).map_err(|cause| DeskError::Load { file: file.clone(), cause })?;
    PriceSeries::from_csv(file, &bytes, &keys.column.get_ref().0)?.schedule(desk.valid, &conversion)
}

fn from_bands(
    desk: &Desk<'_, '_, '_>,
    entry: &Entry<'_>,
    line: &source::Line,
    bands: &[source::Band],
    read: &ReadPrice<'_>,
) -> Result<Schedule, DeskError> {
    let mut written = Vec::with_capacity(bands.len());
    for band in bands {
        let price = read(&band.price, entry.band(&band.price, &band.name.get_ref().0))?;
        written.push(WrittenBand { name: &band.name, when: band.when.as_ref(), price });
    }
    timetable(desk, entry, &line.name, line.clock.as_ref(), &written)
}

fn tax(desk: &Desk<'_, '_, '_>, entry: &Entry<'_>, earlier: &[Line], line: &source::Line) -> Result<Charge, DeskError> {
    let rate = entry.needed(line, line.rate.as_ref(), "rate", "\"5 %\"")?;
    let (numerator, denominator) = amount::rate(&rate.get_ref().0).map_err(|p| p.at(entry.place(rate, "rate")))?;
    let on = entry.needed(line, line.on.as_ref(), "on", "[\"Energy\"]")?;
    let mut base = Vec::with_capacity(on.get_ref().len());
    for name in on.get_ref() {
        let wrong =
            |problem: &str| Problem::new(format!("\"{}\" {problem}", name.get_ref().0)).at(entry.place(name, "on"));
        let place = earlier.iter().position(|known| known.name == name.get_ref().0);
        let place = place.ok_or_else(|| wrong("is not a line above this one; a tax is on lines before it"))?;
        let place = u8::try_from(place).map_err(|_| too_many(entry.place(on, "on")))?;
        if let Counted::Units { unit, .. } = desk.values.line(usize::from(place)) {
            return Err(wrong(&format!("counts {unit}, which is no money to tax")));
        }
        if base.contains(&place) {
            return Err(wrong("is named twice"));
        }
        base.push(place);
    }
    if base.is_empty() {
        return Err(Problem::new("the list is empty; name the taxed lines").at(entry.place(on, "on")));
    }
    base.sort_unstable();
    Ok(Charge::Tax { numerator, denominator, base })
}

/// More of something than a tariff can carry.
pub(super) fn too_many(place: Place) -> DeskError {
    Problem::new("there is more of it than a tariff can carry").at(place)
}
