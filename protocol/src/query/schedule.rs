//! Schedules over the time asked about: one value, or one within some stretches and none without.

use crate::tariff::{Band, Prices, Run, Schedule, TariffError};
use crate::time::Span;

/// Quarter-hours are on every meter's grid.
const BASE: u64 = 900;

/// One value throughout.
pub(super) fn always(period: &Span, value: i64) -> Result<Schedule, TariffError> {
    let bands = vec![Band { name: "all".into(), price: value }];
    schedule(period, bands, vec![Run { units: units(period.from, period.until)?, band: 0 }])
}

/// One within some stretches of the period, which follow each other, and zero elsewhere.
pub(super) fn during(period: &Span, spans: &[Span]) -> Result<Schedule, TariffError> {
    let mut runs: Vec<Run> = Vec::new();
    let mut at = period.from;
    for span in spans {
        if span.from < at || span.until <= span.from || span.until > period.until {
            return Err(TariffError::Invalid("the stretches asked about are not in order, or not within the period"));
        }
        extend(&mut runs, units(at, span.from)?, 0);
        extend(&mut runs, units(span.from, span.until)?, 1);
        at = span.until;
    }
    extend(&mut runs, units(at, period.until)?, 0);
    let bands = [("left out", 0), ("counted", 1)].map(|(name, price)| Band { name: name.into(), price });
    schedule(period, bands.to_vec(), runs)
}

/// Neighbouring runs differ, and none is empty.
fn extend(runs: &mut Vec<Run>, units: u32, band: u8) {
    match runs.last_mut() {
        _ if units == 0 => {}
        Some(last) if last.band == band => last.units += units,
        _ => runs.push(Run { units, band }),
    }
}

fn schedule(period: &Span, bands: Vec<Band>, runs: Vec<Run>) -> Result<Schedule, TariffError> {
    let base = u32::try_from(BASE).map_err(|_| off_grid())?;
    Ok(Schedule { base, first: period.from / BASE, prices: Prices::Bands { bands, runs } })
}

fn units(from: u64, until: u64) -> Result<u32, TariffError> {
    if !from.is_multiple_of(BASE) || !until.is_multiple_of(BASE) {
        return Err(off_grid());
    }
    u32::try_from(until.saturating_sub(from) / BASE).map_err(|_| off_grid())
}

fn off_grid() -> TariffError {
    TariffError::Invalid("the time asked about does not begin and end on quarter-hours, or is too long")
}
