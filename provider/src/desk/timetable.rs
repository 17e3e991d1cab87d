//! Bands that a source writes, of a price or of a weight, as a schedule; refused where they stand.

use protocol::tariff::{Band, Schedule};
use toml::Spanned;

use super::bands::{self, BandError, BandRule};
use super::calendar::{Window, Written};
use super::compile::Desk;
use super::error::{DeskError, Problem};
use super::lines::{Entry, too_many};
use super::source::{self, Quoted};
use super::zone;

/// A band of a price or of a weight.
pub(super) struct WrittenBand<'s> {
    pub(super) name: &'s Spanned<Quoted>,
    pub(super) when: Option<&'s Spanned<Vec<Spanned<source::When>>>>,
    pub(super) price: i64,
}

/// Bands by a clock as a schedule.
pub(super) fn timetable(
    desk: &Desk<'_, '_, '_>,
    entry: &Entry<'_>,
    whole: &Spanned<Quoted>,
    clock: Option<&Spanned<Quoted>>,
    bands: &[WrittenBand<'_>],
) -> Result<Schedule, DeskError> {
    let mut rules = Vec::with_capacity(bands.len());
    for band in bands {
        let windows = band.when.map(|when| {
            if when.get_ref().is_empty() {
                let problem = "an empty list is never; leave `when` out for the rest of the time";
                return Err(Problem::new(problem).at(entry.place(when, "when")));
            }
            when.get_ref().iter().map(|when| window(desk, entry, when)).collect::<Result<Vec<_>, _>>()
        });
        let name = band.name.get_ref().0.clone();
        rules.push(BandRule { band: Band { name, price: band.price }, windows: windows.transpose()? });
    }
    let fixed = match clock {
        Some(clock) => zone::clock(&clock.get_ref().0).map_err(|p| p.at(entry.place(clock, "clock")))?,
        None => None,
    };
    let clock = fixed.as_ref().unwrap_or(&desk.zone);
    let holidays = desk.holidays.clone().unwrap_or_default();
    bands::schedule(&rules, desk.valid, clock, &holidays).map_err(|error| {
        let name = |place: usize| rules.get(place).map_or("", |rule| &rule.band.name);
        let at_band = |place: usize| {
            let band = bands.get(place).map_or(whole, |band| band.name);
            entry.band(band, name(place))
        };
        let when = |at| format!("{} by {} time", zone::shown(at, clock), clock.name);
        match error {
            BandError::Overlap { first, second, at } => Problem::new(format!(
                "at {} the bands \"{}\" and \"{}\" both hold; change their windows so that one does",
                when(at),
                name(first),
                name(second)
            ))
            .at(at_band(second)),
            BandError::Uncovered { at } => {
                Problem::new(format!("at {} no band holds; add a band without `when` for the rest", when(at)))
                    .at(entry.place(whole, "band"))
            }
            BandError::TwoRests { second } => {
                Problem::new("only one band can be the rest; give this one a `when`").at(at_band(second))
            }
            BandError::OffGrid { at } => Problem::new(format!(
                "on {} this clock is not on a quarter of an hour of UTC, and no meter has slots that end there",
                when(at)
            ))
            .at(entry.place(whole, "band")),
            BandError::TooMany => too_many(entry.place(whole, "band")),
        }
    })
}

fn window(desk: &Desk<'_, '_, '_>, entry: &Entry<'_>, when: &Spanned<source::When>) -> Result<Window, DeskError> {
    fn text(quoted: &Option<Quoted>) -> Option<&str> {
        quoted.as_ref().map(|quoted| quoted.0.as_str())
    }
    let keys = when.get_ref();
    let place = || entry.place(when, "when");
    if keys.holidays.is_some() && desk.holidays.is_none() {
        let problem = "the source has no list of holidays; add one at its top, as in holidays = [\"2013-12-25\"]";
        return Err(Problem::new(problem).at(place()));
    }
    let written = Written {
        from: text(&keys.from),
        to: text(&keys.to),
        days: text(&keys.days),
        months: text(&keys.months),
        holidays: keys.holidays,
    };
    Window::read(written).map_err(|p| p.at(place()))
}
