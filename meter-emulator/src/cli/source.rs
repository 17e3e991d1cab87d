//! From arguments to a load and the registers that count it, with remarks on what was done to it.

use std::fs::File;
use std::io::BufReader;

use metrology::label::{DAY_SECONDS, Interval, Register, RegisterCode, RegisterKind, Text};

use super::args::SourceArgs;
use super::error::CliError;
use crate::amount::parse_parts;
use crate::household::{Household, MAX_DAYS, MAX_PV_WATTS, gas};
use crate::load::{Load, LoadError, Series, read_csv};
use sealer::Intake;
use sealer::time::show;

/// 2025-01-01: where a household begins when nothing is said.
const HOUSEHOLD_FROM: u64 = 1_735_689_600;
/// Register of gas, in litres.
const GAS: &str = "7-0:3.0.0";
/// Days of a household when nothing is said.
const HOUSEHOLD_DAYS: u32 = 365;

/// What passes through the registers.
pub(super) struct Source {
    pub load: Load,
    pub intakes: Vec<Intake>,
    /// What a person should know about it.
    pub remarks: Vec<String>,
}

/// Reads or generates the load.
pub(super) fn source(args: &SourceArgs) -> Result<Source, CliError> {
    let (load, codes, remarks) = match args.household {
        Some(seed) => household(args, seed)?,
        None => file(args)?,
    };
    if args.register_start.len() > codes.len() {
        return Err(CliError::Usage("--register-start is given more often than there are registers".into()));
    }
    let mut starts = args.register_start.iter();
    let mut intakes = Vec::new();
    for code in codes {
        let start = starts.next().map(|text| parse_parts(text)).transpose();
        let start = start.map_err(|reason| CliError::Usage(format!("--register-start: {reason}")))?;
        let usual = Text::new(if code.as_str() == GAS { "L" } else { "Wh" });
        let unit = args.unit.or(usual).ok_or_else(|| CliError::Usage("no unit".into()))?;
        let register = Register { code, unit, kind: RegisterKind::Cumulative, interval: args.interval };
        intakes.push(Intake { register, start });
    }
    Ok(Source { load, intakes, remarks })
}

type Columns = (Load, Vec<RegisterCode>, Vec<String>);

fn file(args: &SourceArgs) -> Result<Columns, CliError> {
    if args.column.len() != args.register.len() {
        return Err(CliError::Usage(format!(
            "{} --column and {} --register; give one register for each column",
            args.column.len(),
            args.register.len()
        )));
    }
    let path = args.csv.clone().ok_or_else(|| CliError::Usage("give --csv or --household".into()))?;
    let refused = |source| CliError::Load { path: path.clone(), source };
    let file = File::open(&path).map_err(|error| refused(LoadError::Io(error)))?;
    let import = read_csv(BufReader::new(file), &args.column, args.interval).map_err(refused)?;
    let mut remarks = Vec::new();
    if import.cadence < args.interval.seconds() {
        let (cadence, slot) = (import.cadence, args.interval.seconds());
        remarks.push(format!("the file's intervals of {cadence} s were summed to slots of {slot} s"));
    }
    for (count, end) in [(import.dropped.first, "first"), (import.dropped.last, "last")] {
        if count > 0 {
            remarks.push(format!("the {end} {count} lines were left out: their slot is not covered whole"));
        }
    }
    let mut load = import.load.cut(args.from, args.until).map_err(refused)?;
    if let Some(years) = args.shift_years.filter(|years| *years != 0) {
        let (from, length) = (load.span().from, load.length());
        load = load.shift_years(years).map_err(refused)?;
        remarks.push(format!(
            "the readings were moved by {years} years: {} became {}",
            show(from),
            show(load.span().from)
        ));
        if load.length() > length {
            let days = (load.length() - length) / load.interval().slots_per_day();
            remarks.push(format!("{days} days that the readings do not have (29 February) are missing"));
        }
    }
    Ok((load, args.register.clone(), remarks))
}

fn household(args: &SourceArgs, seed: u64) -> Result<Columns, CliError> {
    let from = args.from.unwrap_or(HOUSEHOLD_FROM);
    let days = match (args.days, args.until) {
        (Some(days), _) => u64::from(days),
        (None, Some(until)) => until.div_ceil(DAY_SECONDS).saturating_sub(from / DAY_SECONDS),
        (None, None) => u64::from(HOUSEHOLD_DAYS),
    };
    let too_much = || {
        CliError::Usage(format!(
            "a household runs for 1 to {MAX_DAYS} days and its panels have at most {MAX_PV_WATTS} W; \
             give other --days, --from, --until or --pv"
        ))
    };
    let first = u32::try_from(from / DAY_SECONDS).map_err(|_| too_much())?;
    let whole = u32::try_from(days)
        .ok()
        .and_then(|days| Household { seed, pv_watts: args.pv }.generate(first, days, args.interval));
    let load = whole.ok_or_else(too_much)?.cut(Some(from), args.until).map_err(CliError::Household)?;
    let code = |text| RegisterCode::new(text).ok_or_else(too_much);
    let mut codes = vec![code("1-0:1.8.0")?];
    let mut series: Vec<Series> = load.series().to_vec();
    if args.pv == 0 {
        series.truncate(1);
    } else {
        codes.push(code("1-0:2.8.0")?);
    }
    let interval: Interval = args.interval;
    if let Some(gas) = args.gas {
        let days = load.length().div_ceil(interval.slots_per_day()) + 1;
        let day = u32::try_from(load.span().from / DAY_SECONDS).map_err(|_| too_much())?;
        let days = u32::try_from(days).map_err(|_| too_much())?;
        let heating = gas::generate(gas, day, days, interval).ok_or_else(too_much)?;
        let heating = heating.cut(Some(load.span().from), Some(load.span().until)).map_err(CliError::Household)?;
        codes.push(code(GAS)?);
        series.extend(heating.series().iter().cloned());
    }
    let load = Load::new(interval, load.first(), series).ok_or_else(too_much)?;
    Ok((load, codes, vec![format!("the readings are of built-in household {seed}: nobody used this energy")]))
}
