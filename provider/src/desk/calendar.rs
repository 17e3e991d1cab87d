//! Windows of a band: times of day on certain weekdays, months and holidays, by a local clock.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::error::Problem;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAY_MINUTES: u32 = 24 * 60;

/// A window of time: everything it says must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First minute of the day.
    from: u32,
    /// First minute after; at or before `from` the window runs over midnight.
    to: u32,
    /// Bit 0 is Monday.
    days: u16,
    /// Bit 0 is January.
    months: u16,
    /// Only on holidays, or never on holidays.
    holidays: Option<bool>,
}

/// The texts of a window as the source has them; what is left out does not matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written<'a> {
    /// `07:00`
    pub from: Option<&'a str>,
    /// `23:00`
    pub to: Option<&'a str>,
    /// `mon-fri`, `sat,sun`
    pub days: Option<&'a str>,
    /// `nov-mar`
    pub months: Option<&'a str>,
    /// Only on holidays, or never on holidays.
    pub holidays: Option<bool>,
}

impl Window {
    /// Reads a window.
    ///
    /// # Errors
    /// When a part is malformed, a time is not on the quarter-hour, or the window runs over midnight although only
    /// certain days count: then it is not said which day the hours after midnight belong to.
    pub fn read(written: Written<'_>) -> Result<Self, Problem> {
        let from = written.from.map_or(Ok(0), minute)?;
        let to = match written.to.map_or(Ok(DAY_MINUTES), minute)? {
            0 => DAY_MINUTES,
            to => to,
        };
        if from == to || from == DAY_MINUTES {
            return Err(Problem::new("the window is empty; leave from and to out for the whole day"));
        }
        let chosen = written.days.is_some() || written.months.is_some() || written.holidays.is_some();
        if from > to && chosen {
            return Err(Problem::new(
                "a window over midnight does not say to which day its hours after midnight belong; write two windows, one until \"24:00\" and one from \"00:00\"",
            ));
        }
        Ok(Self {
            from,
            to,
            days: written.days.map_or(Ok(u16::MAX), |text| set(text, &DAYS, "days", "mon-fri"))?,
            months: written.months.map_or(Ok(u16::MAX), months)?,
            holidays: written.holidays,
        })
    }

    /// Whether a local time lies in it.
    #[must_use]
    pub fn holds(&self, date: Date, seconds: u32, holidays: &BTreeSet<Date>) -> bool {
        let minute = seconds / 60;
        let in_day = if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        };
        in_day
            && bit(self.days, date.weekday().to_monday_zero_offset())
            && bit(self.months, date.month() - 1)
            && self.holidays.is_none_or(|only| only == holidays.contains(&date))
    }
}

/// The months of a text such as `nov-mar`.
///
/// # Errors
/// When it names none.
pub(super) fn months(text: &str) -> Result<u16, Problem> {
    set(text, &MONTHS, "months", "nov-mar")
}

/// Whether a set of months has one, by its number from 1.
pub(super) fn has_month(set: u16, month: i8) -> bool {
    bit(set, month - 1)
}

fn bit(set: u16, place: i8) -> bool {
    u32::try_from(place).is_ok_and(|place| set.checked_shr(place).unwrap_or(0) & 1 == 1)
}

/// Minutes since midnight of `07:15`; `24:00` is the end of the day.
fn minute(text: &str) -> Result<u32, Problem> {
    let digits = |text: &str| {
        (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<u32>().ok()).flatten()
    };
    let (hours, minutes) = text
        .split_once(':')
        .and_then(|(h, m)| Some((digits(h)?, digits(m)?)))
        .filter(|(h, m)| *m < 60 && h * 60 + m <= DAY_MINUTES)
        .ok_or_else(|| {
            Problem::new(format!("\"{}\" is not a time of day between \"00:00\" and \"24:00\"", text.escape_debug()))
        })?;
    if minutes % 15 != 0 {
        return Err(Problem::new(format!(
            "{text} is not on a quarter of an hour, and no meter has slots that end there"
        )));
    }
    Ok(hours * 60 + minutes)
}

/// A set of names: `mon-fri`, `sat,sun`, `nov-mar`. A range may run over the end of the week or year.
fn set(text: &str, names: &[&str], what: &str, example: &str) -> Result<u16, Problem> {
    let wrong = || Problem::new(format!("\"{}\" does not name {what}, as \"{example}\" does", text.escape_debug()));
    let place = |name: &str| {
        let name = name.trim().to_ascii_lowercase();
        names.iter().position(|known| *known == name).ok_or_else(wrong)
    };
    let mut chosen = 0u16;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut at, last) = (place(first)?, place(last)?);
        loop {
            chosen |= 1 << at;
            if at == last {
                break;
            }
            at = (at + 1) % names.len();
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(written: Written<'_>, date: &str, time: &str) -> bool {
        let holidays = BTreeSet::from(["2013-12-25".parse().unwrap()]);
        Window::read(written).unwrap().holds(date.parse().unwrap(), minute(time).unwrap() * 60, &holidays)
    }

    #[test]
    fn every_part_must_hold() {
        let peak = Written {
            from: Some("07:00"),
            to: Some("23:00"),
            days: Some("Mon-Fri"),
            months: Some("nov-feb, jun"),
            holidays: Some(false),
        };
        for (date, time, expected) in [
            ("2013-12-24", "07:00", true),
            ("2013-12-24", "22:45", true),
            ("2013-12-24", "23:00", false),
            ("2013-12-24", "06:45", false),
            ("2013-12-25", "12:00", false), // a holiday
            ("2013-12-28", "12:00", false), // a Saturday
            ("2013-06-03", "12:00", true),
            ("2013-07-01", "12:00", false),
        ] {
            assert_eq!(holds(peak, date, time), expected, "{date} {time}");
        }
    }

    #[test]
    fn a_night_runs_over_midnight() {
        let night = Written { from: Some("22:30"), to: Some("07:00"), ..Written::default() };
        for (time, expected) in [("22:15", false), ("22:30", true), ("00:00", true), ("06:45", true), ("07:00", false)]
        {
            assert_eq!(holds(night, "2013-01-01", time), expected, "{time}");
        }
        let late = Written { from: Some("22:00"), to: Some("00:00"), days: Some("sun"), ..Written::default() };
        assert!(holds(late, "2013-01-06", "23:45") && !holds(late, "2013-01-06", "00:00"));
    }

    #[test]
    fn malformed_windows_are_refused() {
        let time = |from, to| Written { from: Some(from), to: Some(to), ..Written::default() };
        for (written, why) in [
            (time("7:00", "23:00"), "time of day"),
            (time("07:00", "25:00"), "time of day"),
            (time("07:00", "24:15"), "time of day"),
            (time("07:00", "22:60"), "time of day"),
            (time("07:00", "22:50"), "quarter"),
            (time("07:00", "07:00"), "empty"),
            (time("24:00", "07:00"), "empty"),
            (Written { days: Some("mon-fri"), ..time("22:00", "07:00") }, "two windows"),
            (Written { days: Some("monday"), ..Written::default() }, "days"),
            (Written { days: Some(""), ..Written::default() }, "days"),
            (Written { months: Some("jun-"), ..Written::default() }, "months"),
        ] {
            let problem = Window::read(written).unwrap_err().to_string();
            assert!(problem.contains(why), "{written:?}: {problem}");
        }
    }
}
