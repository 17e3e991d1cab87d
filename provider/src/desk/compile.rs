//! From a source to a tariff: texts become numbers, names become places, local time becomes UTC.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use protocol::metrology::label::{RegisterCode, Unit};
use protocol::money::{Currency, Mode, Rounding};
use protocol::tariff::{Algebra, Cell, Line, Provider, TENS, Tariff, TariffRegister, VERSION, VERSION_ALGEBRA};
use protocol::time::{Span, Zone};
use toml::Spanned;

use super::counted;
use super::currency::currency;
use super::error::{DeskError, Place, Problem};
use super::source::{self, Quoted, Source};
use super::values::Values;
use super::{amount, lines, quantities, zone};

/// Fifty years: a century mistyped would otherwise become a million slots.
const MAX_VALIDITY: u64 = 50 * 366 * 86_400;

/// Reads a file that a source names.
pub type Load<'a> = dyn FnMut(&str) -> io::Result<Vec<u8>> + 'a;

/// Compiles a source. `load` reads the price files that it names.
///
/// The amount due is rounded to the currency's minor unit, halves away from zero, unless the source says otherwise.
///
/// # Errors
/// The first thing that is wrong or cannot be said in a tariff; nothing is approximated.
pub fn compile(source: &str, load: &mut Load<'_>, provider: &Provider) -> Result<Tariff, DeskError> {
    let read = source::read(source)?;
    let mut desk = Desk::new(source, &read, load)?;
    let mut compiled: Vec<Line> = Vec::with_capacity(read.line.len());
    for cell in read.cell.iter().flatten() {
        let place = source::place(source, &cell.name, "`name` of a cell");
        desk.values.add_cell(&cell.name.get_ref().0).map_err(|p| p.at(place))?;
    }
    for quantity in read.quantity.iter().flatten() {
        quantities::compile(&mut desk, quantity)?;
    }
    for line in &read.line {
        let next = lines::compile(&mut desk, &compiled, line)?;
        compiled.extend(next);
    }
    let cells = read.cell.iter().flatten().map(|cell| desk.cell(cell)).collect::<Result<Vec<_>, _>>()?;
    desk.refuse_idle_registers(&read)?;
    let total = match &read.total {
        Some(total) => desk.rounding(&total.rounding, "`rounding` of [total]")?,
        None => minor_unit(&desk.currency),
    };
    let quantities = std::mem::take(&mut desk.values.quantities);
    let algebra = (!quantities.is_empty() || !cells.is_empty()).then_some(Algebra { quantities, cells });
    let version = least_version(&algebra, &compiled, desk.registers.iter().map(|(_, register)| register));
    if version == VERSION_ALGEBRA && *read.format.get_ref() == source::FORMAT {
        let place = source::place(source, &read.format, "`format`");
        let problem = "quantities, forms, seasons, cells and rounded readings are of format 2; write format = 2";
        return Err(Problem::new(problem).at(place));
    }
    let tariff = Tariff {
        version,
        id: read.id.get_ref().0.clone(),
        name: read.name.get_ref().0.clone(),
        provider: provider.clone(),
        currency: desk.currency,
        valid: desk.valid,
        zone: desk.zone,
        registers: desk.registers.into_iter().map(|(_, register)| register).collect(),
        lines: compiled,
        total,
        algebra,
    };
    tariff.check()?;
    Ok(tariff)
}

/// There is one way to write a tariff: the version is the least that says everything.
fn least_version<'r>(
    algebra: &Option<Algebra>,
    lines: &[Line],
    mut registers: impl Iterator<Item = &'r TariffRegister>,
) -> u8 {
    use protocol::tariff::Charge::{Energy, Standing, Tax};
    let plain =
        |line: &Line| line.rule.is_none() && matches!(line.charge, Energy { .. } | Standing { .. } | Tax { .. });
    let first = algebra.is_none() && lines.iter().all(plain) && registers.all(|register| register.rounding.is_none());
    if first { VERSION } else { VERSION_ALGEBRA }
}

/// Rounding to the minor unit, halves away from zero: what bills use unless they say otherwise.
#[must_use]
pub fn minor_unit(currency: &Currency) -> Rounding {
    Rounding { step: currency.minor().unwrap_or(1), mode: Mode::HalfAway }
}

/// What the lines of a source have in common.
pub(super) struct Desk<'s, 'l, 'f> {
    pub(super) text: &'s str,
    pub(super) currency: Currency,
    pub(super) valid: Span,
    pub(super) zone: Zone,
    pub(super) tz: TimeZone,
    /// What forms may name.
    pub(super) values: Values,
    /// `None` when the source has no list: then no window may speak of holidays.
    pub(super) holidays: Option<BTreeSet<Date>>,
    pub(super) load: &'l mut Load<'f>,
    declared: &'s BTreeMap<String, source::Register>,
    /// Registers that lines have used so far, in that order.
    registers: Vec<(&'s str, TariffRegister)>,
}

impl<'s, 'l, 'f> Desk<'s, 'l, 'f> {
    fn new(text: &'s str, source: &'s Source, load: &'l mut Load<'f>) -> Result<Self, DeskError> {
        let at = |value: &Spanned<Quoted>, key: &str| source::place(text, value, key);
        let code = &source.currency;
        let currency = currency(&code.get_ref().0, source.exponent).map_err(|p| p.at(at(code, "`currency`")))?;
        let tz = zone::named(&source.zone.get_ref().0).map_err(|p| p.at(at(&source.zone, "`zone`")))?;
        let (valid, zone) = validity(text, source, &tz)?;
        let holidays = source.holidays.as_ref().map(|dates| {
            let read = |date: &Spanned<source::Moment>| {
                zone::date(&date.get_ref().0).map_err(|p| p.at(source::place(text, date, "`holidays`")))
            };
            dates.iter().map(read).collect::<Result<BTreeSet<Date>, DeskError>>()
        });
        Ok(Self {
            text,
            currency,
            valid,
            zone,
            tz,
            values: Values::default(),
            holidays: holidays.transpose()?,
            load,
            declared: &source.registers,
            registers: Vec::new(),
        })
    }

    /// The place of a register, by the name a line uses; a source with one register need not name it.
    pub(super) fn register(&mut self, named: Option<&Spanned<Quoted>>, line: Place) -> Result<(u8, Unit), DeskError> {
        let place = named.map_or(line, |name| source::place(self.text, name, "`register`"));
        let known = || self.declared.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let found = match named {
            Some(name) => self.declared.get_key_value(&name.get_ref().0),
            None => self.declared.iter().next().filter(|_| self.declared.len() == 1),
        };
        let Some((name, register)) = found else {
            let problem = format!("an energy line names its register, one of: {}", known());
            return Err(Problem::new(problem).at(place));
        };
        if let Some(used) = self.registers.iter().position(|(used, _)| *used == name) {
            let unit = self.registers.get(used).map(|(_, register)| register.unit);
            return self.place_of(used).zip(unit).ok_or_else(|| Problem::new("too many registers").at(place));
        }
        let malformed = |value: &Spanned<Quoted>, key: &str, most: usize| {
            Problem::new(format!("it is 1 to {most} printable ASCII characters")).at(source::place(
                self.text,
                value,
                format!("`{key}` of register \"{name}\""),
            ))
        };
        let code = RegisterCode::new(&register.code.get_ref().0);
        let code = code.ok_or_else(|| malformed(&register.code, "code", 24))?;
        let unit = Unit::new(&register.unit.get_ref().0).ok_or_else(|| malformed(&register.unit, "unit", 8))?;
        let rounding = register.rounding.as_ref().map(|rounding| {
            let problem =
                "readings can be rounded to tens, half to even, and in no other way; write rounding = \"tens\"";
            let place = source::place(self.text, rounding, format!("`rounding` of register \"{name}\""));
            if rounding.get_ref().0 == "tens" { Ok(TENS) } else { Err(Problem::new(problem).at(place)) }
        });
        let rounding = rounding.transpose()?;
        let used = self.place_of(self.registers.len()).ok_or_else(|| Problem::new("too many registers").at(place))?;
        self.registers.push((name, TariffRegister { code, unit, rounding }));
        Ok((used, unit))
    }

    fn place_of(&self, place: usize) -> Option<u8> {
        u8::try_from(place).ok()
    }

    /// A cell, when all lines are known.
    fn cell(&self, cell: &source::Cell) -> Result<Cell, DeskError> {
        let name = &cell.name.get_ref().0;
        let at =
            |value: &Spanned<Quoted>, key: &str| source::place(self.text, value, format!("`{key}` of cell \"{name}\""));
        let next = &cell.next.get_ref().0;
        let (next, _) = self.values.find(next).ok_or_else(|| {
            Problem::new(format!("\"{next}\" is no quantity, cell or line")).at(at(&cell.next, "next"))
        })?;
        let first = cell.first.as_ref().map(|first| {
            let wrong = |problem: Problem| problem.at(at(first, "first"));
            let read = counted::constant(&first.get_ref().0, counted::Counted::Number, &self.currency);
            let whole = read.map_err(wrong)?.0.whole().and_then(|whole| i64::try_from(whole).ok());
            whole.ok_or_else(|| wrong(Problem::new("a cell is a whole number")))
        });
        Ok(Cell { name: name.clone(), first: first.transpose()?.unwrap_or(0), next })
    }

    fn refuse_idle_registers(&self, source: &Source) -> Result<(), DeskError> {
        let idle = source.registers.iter().find(|(name, _)| self.registers.iter().all(|(used, _)| used != name));
        idle.map_or(Ok(()), |(name, register)| {
            let place = source::place(self.text, &register.code, format!("register \"{name}\""));
            Err(Problem::new("no line bills this register; remove it, or add a line").at(place))
        })
    }

    /// A rounding; the step is the minor unit and halves go away from zero unless it says otherwise.
    pub(super) fn rounding(&self, rounding: &source::Rounding, key: &str) -> Result<Rounding, DeskError> {
        let usual = minor_unit(&self.currency);
        let step = rounding
            .to
            .as_ref()
            .map(|to| amount::step(&to.get_ref().0).map_err(|p| p.at(source::place(self.text, to, key))));
        Ok(Rounding {
            step: step.transpose()?.unwrap_or(usual.step),
            mode: rounding.mode.map_or(usual.mode, Mode::from),
        })
    }
}

fn validity(text: &str, source: &Source, tz: &TimeZone) -> Result<(Span, Zone), DeskError> {
    let read = |moment: &Spanned<source::Moment>, key: &str| {
        zone::moment(&moment.get_ref().0, tz).map_err(|p| p.at(source::place(text, moment, key)))
    };
    let (from, to) = (&source.valid.from, &source.valid.to);
    let valid = Span { from: read(from, "`from` of the validity")?, until: read(to, "`to` of the validity")? };
    span(valid, tz).map_err(|p| p.at(source::place(text, to, "`to` of the validity")))
}

/// Checks a validity, and compiles the time zone for it.
pub(super) fn span(valid: Span, tz: &TimeZone) -> Result<(Span, Zone), Problem> {
    if valid.from >= valid.until {
        return Err(Problem::new("the validity ends before it begins; `to` is the first day after it"));
    }
    if valid.seconds() > MAX_VALIDITY {
        return Err(Problem::new("a tariff is valid for at most 50 years"));
    }
    Ok((valid, zone::compile(tz, valid)?))
}
