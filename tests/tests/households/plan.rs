//! What is billed: every household file, at which intervals, moved by how many years, under which tariffs.
//!
//! Everything follows from the files themselves, so that other files of the same form are billed too.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::tariffs::{self, Price};
use crate::terms::Terms;

const MINUTE: i64 = 60;

/// A household file.
pub struct Home {
    pub path: PathBuf,
    pub name: String,
    pub country: String,
    pub zone: &'static str,
    /// Each meter's name and its registers: name and column.
    pub meters: Vec<(String, Vec<(&'static str, String)>)>,
    step: i64,
    span: (i64, i64),
    leap_day: bool,
}

/// One way in which meters of a file are read and billed.
pub struct Setting {
    pub home: usize,
    /// Seconds of a slot.
    pub interval: i64,
    pub years: i64,
    /// Places of the meters.
    pub meters: Vec<usize>,
    pub tariffs: Vec<Terms>,
}

impl Setting {
    /// The oracle's job.
    pub fn job(&self, home: &Home) -> Value {
        let meters = self.meters.iter().map(|place| {
            let (name, registers) = &home.meters[*place];
            (name.clone(), registers.iter().map(|(r, c)| ((*r).to_owned(), Value::from(c.clone()))).collect())
        });
        json!({
            "zone": home.zone,
            "load": { "csv": home.path, "interval_minutes": self.interval / MINUTE, "shift_years": self.years },
            "meters": meters.collect::<serde_json::Map<String, Value>>(),
            "tariffs": self.tariffs.iter().map(Terms::json).collect::<Vec<_>>(),
        })
    }

    pub fn title(&self) -> String {
        let moved = if self.years == 0 { String::new() } else { format!(", {:+} years", self.years) };
        format!("{} min{moved}", self.interval / MINUTE)
    }
}

/// The files of a folder, in order of name; of those that cannot be billed, why.
pub fn homes(folder: &Path) -> (Vec<Home>, Vec<String>) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "csv"));
    paths.sort();
    let (mut homes, mut refused) = (Vec::new(), Vec::new());
    for path in paths {
        match home(&path) {
            Ok(home) => {
                homes.extend(home.leap_day.then(|| from_march(&home)).flatten());
                homes.push(home);
            }
            Err(why) => refused.push(format!("{}: {why}", path.display())),
        }
    }
    (homes, refused)
}

/// A load with a 29 February cannot move to another year; what comes after it can. The copy lies in Cargo's folder for
/// tests, never in the project.
fn from_march(home: &Home) -> Option<Home> {
    let text = fs::read_to_string(&home.path).ok()?;
    let early = |line: &str| line.get(4..7).is_some_and(|month| month == "-01" || month == "-02");
    let lines: Vec<&str> = text.lines().filter(|line| !early(line)).collect();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.csv", home.name));
    fs::write(&path, lines.join("\n") + "\n").ok()?;
    let mut rest = self::home(&path).ok()?;
    rest.name = format!("{} (from March)", home.name);
    Some(rest)
}

fn home(path: &Path) -> Result<Home, String> {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let country = name.split('_').next().unwrap_or_default().to_owned();
    let zone = match country.as_str() {
        "uk" => "Europe/London",
        "nl" => "Europe/Amsterdam",
        "au" => "Australia/Sydney",
        "be" => "Europe/Brussels",
        "de" => "Europe/Berlin",
        "fr" => "Europe/Paris",
        _ => return Err(format!("no time zone is known for the country {country:?}")),
    };
    let text = fs::read_to_string(path).map_err(|e| e.to_string())?;
    let (step, span) = extent(&text)?;
    let columns: Vec<String> = text.lines().next().unwrap().split(',').skip(1).map(str::to_owned).collect();
    let meters = match columns.as_slice() {
        [import, export] if import.starts_with("import") && export.starts_with("export") => {
            vec![("home".to_owned(), vec![("import", import.clone()), ("export", export.clone())])]
        }
        _ => columns.into_iter().map(|column| (column.clone(), vec![("import", column)])).collect(),
    };
    let leap_day = text.contains("-02-29T");
    Ok(Home { path: path.to_owned(), name, country, zone, meters, step, span, leap_day })
}

/// The shortest step between lines, and the time from the first to the end of the last.
fn extent(text: &str) -> Result<(i64, (i64, i64)), String> {
    let times: Vec<i64> = text.lines().skip(1).filter_map(|line| unix(line.split(',').next()?)).collect();
    let step = times.windows(2).map(|w| w[1] - w[0]).min().ok_or("it has no two lines with a time")?;
    Ok((step, (times[0], times[times.len() - 1] + step)))
}

/// Unix seconds of a time such as 2013-01-31T23:30Z.
fn unix(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let day = days(number(0..4)?, number(5..7)?, number(8..10)?);
    Some(day * 86_400 + number(11..13)? * 3600 + number(14..16)? * MINUTE)
}

/// Days from 1970 to a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469
}

/// Every setting, with what was left out.
pub fn settings(homes: &[Home], prices: &Path) -> (Vec<Setting>, Vec<String>) {
    let (mut settings, mut left_out) = (Vec::new(), Vec::new());
    for (place, home) in homes.iter().enumerate() {
        let own = home.step.max(15 * MINUTE);
        for interval in [15, 30, 60].map(|minutes| minutes * MINUTE).into_iter().filter(|i| *i >= own) {
            let first = settings.len();
            // At the file's own interval all meters are billed; elsewhere the first and the last stand for them.
            let setting = |years, at| {
                let last = home.meters.len() - 1;
                let meters = (0..=last).filter(|m| interval == own && at == first || [0, last].contains(m)).collect();
                Setting { home: place, interval, years, meters, tariffs: tariffs::fixed(home, interval) }
            };
            for price in tariffs::choose(&home.country, interval, prices) {
                let Some(years) = shift(home, &price) else {
                    left_out
                        .push(format!("{}: moved by whole years it does not meet the prices {}", home.name, price.id));
                    continue;
                };
                let known = settings.iter().skip(first).position(|s: &Setting| s.years == years);
                let at = known.map_or(settings.len(), |known| first + known);
                if known.is_none() {
                    settings.push(setting(years, at));
                }
                settings[at].tariffs.push(tariffs::dynamic(home, &price));
            }
            if interval == own {
                settings.extend(hourly(place, home, interval, prices, &settings[first..]));
            }
            let unmoved = settings[first..].iter().any(|s| s.years == 0);
            if settings.len() == first || interval == own && !unmoved {
                settings.push(setting(0, settings.len()));
            }
        }
    }
    (settings, left_out)
}

/// Hourly prices serve every interval, and theirs is the longest series: all meters of a file, moved to each year in which
/// it meets them for a month or more, so that no complete month is left without prices that change by the hour.
fn hourly(place: usize, home: &Home, interval: i64, prices: &Path, known: &[Setting]) -> Vec<Setting> {
    let Some(price) = tariffs::choose("fi", 3600, prices).into_iter().next() else { return Vec::new() };
    let terms = tariffs::dynamic(home, &price);
    let month = 27 * 86_400;
    let met = shifts(home, &price).into_iter().filter(|(_, overlap)| *overlap >= month).map(|(years, _)| years);
    met.filter(|years| !known.iter().any(|s| s.years == *years && s.tariffs.iter().any(|t| t.id == terms.id)))
        .map(|years| Setting {
            home: place,
            interval,
            years,
            meters: (0..home.meters.len()).collect(),
            tariffs: vec![terms.clone()],
        })
        .collect()
}

/// By how many calendar years a load moves so that most of it meets the prices; none when it cannot meet them.
fn shift(home: &Home, price: &Price) -> Option<i64> {
    shifts(home, price)
        .into_iter()
        .max_by_key(|(years, overlap)| (overlap / 86_400 / 7, -years.abs()))
        .map(|(years, _)| years)
}

/// All whole years by which a load can move to meet prices, with the seconds for which it does. A load with a 29 February
/// moves by multiples of four years only.
fn shifts(home: &Home, price: &Price) -> Vec<(i64, i64)> {
    let Ok((_, prices)) = fs::read_to_string(&price.file).map_err(|e| e.to_string()).and_then(|text| extent(&text))
    else {
        return Vec::new();
    };
    let year = |at: i64| 1970 + at.div_euclid(86_400) * 400 / 146_097;
    let spread = year(prices.0) - year(home.span.1)..=year(prices.1) - year(home.span.0);
    let overlap = |years: i64| {
        let moved = |at: i64| at + years * 31_556_952;
        moved(home.span.1).min(prices.1) - moved(home.span.0).max(prices.0)
    };
    spread
        .filter(|years| !home.leap_day || years % 4 == 0)
        .map(|years| (years, overlap(years)))
        .filter(|(_, overlap)| *overlap > 0)
        .collect()
}
