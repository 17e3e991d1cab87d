//! When lines count: local dates, or months of every year, as spans of time.

use jiff::civil::Date;
use protocol::time::{Span, Zone};
use toml::Spanned;

use super::calendar;
use super::compile::Desk;
use super::error::{DeskError, Problem};
use super::lines::Entry;
use super::shape::Season;
use super::zone;

/// The spans of a list of seasons, in order and joined where they touch.
pub(super) fn spans(
    desk: &Desk<'_, '_, '_>,
    entry: &Entry<'_>,
    seasons: &Spanned<Vec<Season>>,
) -> Result<Vec<Span>, DeskError> {
    let mut spans = Vec::new();
    let wrong = |problem: Problem| problem.at(entry.place(seasons, "seasons"));
    for season in seasons.get_ref() {
        match (&season.from, &season.to, &season.months) {
            (Some(from), Some(to), None) => {
                let read = |moment: &Spanned<super::source::Moment>| {
                    zone::moment(&moment.get_ref().0, &desk.tz).map_err(|p| p.at(entry.place(moment, "seasons")))
                };
                let span = Span { from: read(from)?, until: read(to)? };
                if span.from >= span.until {
                    let problem = "the season ends before it begins; `to` is the first day after it";
                    return Err(Problem::new(problem).at(entry.place(to, "seasons")));
                }
                spans.push(span);
            }
            (None, None, Some(months)) => {
                let set = calendar::months(&months.get_ref().0).map_err(|p| p.at(entry.place(months, "seasons")))?;
                spans.extend(every_year(&desk.zone, desk.valid, set));
            }
            _ => {
                let problem = "a season has `from` and `to`, or `months`, as in { months = \"jun-sep\" }";
                return Err(wrong(Problem::new(problem)));
            }
        }
    }
    spans.sort_by_key(|span| span.from);
    let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.from < last.until => return Err(wrong(Problem::new("two seasons overlap"))),
            Some(last) if span.from == last.until => last.until = span.until,
            _ => joined.push(span),
        }
    }
    if joined.is_empty() {
        return Err(wrong(Problem::new("the line never counts; leave `seasons` out for always")));
    }
    Ok(joined)
}

/// The months of a set within a validity, whole where they reach over its ends.
fn every_year(zone: &Zone, valid: Span, set: u16) -> Vec<Span> {
    let mut spans = Vec::new();
    let (first, _) = zone.local(valid.from);
    let mut month: Option<Date> = Some(first.first_of_month());
    while let Some(date) = month {
        let next = date.last_of_month().tomorrow().ok();
        let start = zone.start_of(date).unwrap_or(valid.from);
        if start >= valid.until {
            break;
        }
        let until = next.and_then(|next| zone.start_of(next)).unwrap_or(valid.until);
        if calendar::has_month(set, date.month()) {
            spans.push(Span { from: start, until });
        }
        month = next;
    }
    spans
}
