//! A CSV file of readings: `utc_start,<column>…`, one line an interval, empty where nothing was measured.
//!
//! The file is read and checked whole before anything is done with it; the first fault refuses it.

use std::collections::BTreeMap;
use std::io::Read;

use metrology::label::Interval;

use super::rebin::{Dropped, rebin};
use super::{Load, LoadError};
use crate::amount::{AmountError, parse_parts};
use sealer::time::parse_time;

/// Name of the first column.
const TIME_COLUMN: &str = "utc_start";

/// A file as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its load on the grid of slots.
    pub load: Load,
    /// Seconds from line to line.
    pub cadence: u64,
    /// Lines that belong to slots which the file covers only in part, at its start and end.
    pub dropped: Dropped,
}

/// The lines of a file, before they are put into slots.
pub(super) struct Table {
    /// Names of the chosen columns.
    pub columns: Vec<String>,
    /// Number of each line in the file.
    pub lines: Vec<u64>,
    /// Start of each line's interval.
    pub times: Vec<u64>,
    /// Amounts in 10⁻⁴ units, line by line, the chosen columns beside each other.
    pub amounts: Vec<Option<u32>>,
}

/// Reads the chosen columns of a file into slots of `interval`. A series has the name of its column.
///
/// A finer file is summed: a slot is missing when any part of it is. Lines that are absent inside the file are missing.
///
/// # Errors
/// The first fault found; see [`LoadError`].
pub fn read_csv(file: impl Read, columns: &[String], interval: Interval) -> Result<Import, LoadError> {
    let table = read_table(file, columns)?;
    let cadence = cadence(&table, interval.seconds())?;
    let (load, dropped) = rebin(table, cadence, interval)?;
    Ok(Import { load, cadence, dropped })
}

fn read_table(file: impl Read, columns: &[String]) -> Result<Table, LoadError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(file);
    let header = reader.headers().map_err(csv_error)?.clone();
    if header.iter().all(str::is_empty) {
        return Err(LoadError::Empty);
    }
    if header.get(0).map(|name| name.trim_start_matches('\u{feff}')) != Some(TIME_COLUMN) {
        return Err(LoadError::Header);
    }
    let places = columns.iter().map(|wanted| place(&header, wanted)).collect::<Result<Vec<_>, _>>()?;

    let mut table = Table { columns: columns.to_vec(), lines: Vec::new(), times: Vec::new(), amounts: Vec::new() };
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(csv_error)? {
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != header.len() {
            return Err(LoadError::Fields { line, found: record.len(), expected: header.len() });
        }
        let time = record.get(0).and_then(parse_time).ok_or(LoadError::Time { line })?;
        match table.times.last() {
            Some(last) if *last == time => return Err(LoadError::Duplicate { line }),
            Some(last) if *last > time => return Err(LoadError::Disorder { line }),
            _ => {}
        }
        table.lines.push(line);
        table.times.push(time);
        for (place, column) in places.iter().zip(columns) {
            let amount = amount(record.get(*place).unwrap_or(""));
            table.amounts.push(amount.map_err(|reason| LoadError::Amount { line, column: column.clone(), reason })?);
        }
    }
    Ok(table)
}

/// Where a column stands.
fn place(header: &csv::StringRecord, wanted: &str) -> Result<usize, LoadError> {
    let mut found = header.iter().enumerate().skip(1).filter(|(_, name)| *name == wanted).map(|(place, _)| place);
    match (found.next(), found.next()) {
        (Some(place), None) => Ok(place),
        (Some(_), Some(_)) => Err(LoadError::AmbiguousColumn(wanted.to_owned())),
        (None, _) => {
            let there = header.iter().skip(1).collect::<Vec<_>>().join(", ");
            Err(LoadError::UnknownColumn { wanted: wanted.to_owned(), there })
        }
    }
}

/// A field: empty is missing.
fn amount(text: &str) -> Result<Option<u32>, AmountError> {
    if text.is_empty() {
        return Ok(None);
    }
    u32::try_from(parse_parts(text)?).map(Some).map_err(|_| AmountError::TooLarge)
}

fn csv_error(error: csv::Error) -> LoadError {
    let line = error.position().map_or(0, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(error) => LoadError::Io(error),
        _ => LoadError::NotText { line },
    }
}

/// The file's own step: the smallest, which must also be the most frequent (a stray line makes a small step that is
/// not the file's), and every time must lie on its grid.
fn cadence(table: &Table, interval: u64) -> Result<u64, LoadError> {
    let mut steps: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for (pair, line) in table.times.windows(2).zip(table.lines.iter().skip(1)) {
        if let [before, after] = pair {
            steps.entry(after - before).or_insert((0, *line)).0 += 1;
        }
    }
    let Some((&smallest, &(count, line))) = steps.first_key_value() else {
        return Err(if table.times.is_empty() { LoadError::Empty } else { LoadError::OneLine });
    };
    if let Some((&usual, _)) = steps.iter().find(|(_, (other, _))| *other > count) {
        return Err(LoadError::OffGrid { line, cadence: usual });
    }
    let off = |time: &u64| !time.is_multiple_of(smallest);
    if interval.is_multiple_of(smallest) {
        return match table.times.iter().position(off).and_then(|place| table.lines.get(place)) {
            Some(line) => Err(LoadError::OffGrid { line: *line, cadence: smallest }),
            None => Ok(smallest),
        };
    }
    if smallest > interval {
        return Err(LoadError::TooCoarse { cadence: smallest, interval });
    }
    Err(LoadError::Cadence { line, cadence: smallest, interval })
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrology::label::Interval;

    fn read(text: &str) -> Result<Import, LoadError> {
        read_csv(text.as_bytes(), &["a".into()], Interval::HALF)
    }

    #[test]
    fn a_plain_file() {
        let import =
            read("utc_start,b,a\n2013-01-01T00:00Z,9,292\n2013-01-01T00:30Z,9,\n2013-01-01T01:30:00Z,9,0.0001\n\n")
                .unwrap();
        assert_eq!((import.cadence, import.dropped), (1800, Dropped::default()));
        assert_eq!(import.load.first(), 1_356_998_400 / 1800);
        assert_eq!(import.load.series()[0].amounts, [Some(2_920_000), None, None, Some(1)]);
    }

    #[test]
    fn bytes_that_programs_add_do_not_matter() {
        let plain = read("utc_start,a\n2013-01-01T00:00Z,1\n2013-01-01T00:30Z,2\n").unwrap();
        let windows =
            read("\u{feff}utc_start, a\r\n\"2013-01-01T00:00Z\", 1\r\n2013-01-01T01:30+01:00 ,\"2\"\r\n").unwrap();
        assert_eq!(plain, windows);
    }

    #[test]
    fn refusals() {
        let row = |minutes: u32, value: &str| format!("2013-01-01T{:02}:{:02}Z,{value}\n", minutes / 60, minutes % 60);
        let file = |rows: &[(u32, &str)]| {
            format!("utc_start,a\n{}", rows.iter().map(|(minutes, value)| row(*minutes, value)).collect::<String>())
        };
        for (text, code, line) in [
            (String::new(), "empty", None),
            ("utc_start,a\n".into(), "empty", None),
            (file(&[(0, "1")]), "one_line", None),
            ("time,a\n2013-01-01T00:00Z,1\n".into(), "header", Some(1)),
            ("a,utc_start\n1,2013-01-01T00:00Z\n".into(), "header", Some(1)),
            ("utc_start,b,c\n2013-01-01T00:00Z,1,2\n".into(), "unknown_column", None),
            ("utc_start,a,a\n2013-01-01T00:00Z,1,2\n".into(), "ambiguous_column", None),
            (file(&[(0, "1"), (30, "1,2")]), "fields", Some(3)),
            ("utc_start,a\n2013-01-01T00:00Z\n".into(), "fields", Some(2)),
            ("utc_start,a\n2013-01-01 00:00,1\n".into(), "time", Some(2)),
            ("utc_start,a\n1969-12-31T23:30Z,1\n".into(), "time", Some(2)),
            (file(&[(0, "1"), (30, "1"), (30, "1")]), "duplicate", Some(4)),
            (file(&[(0, "1"), (60, "1"), (30, "1")]), "disorder", Some(4)),
            (file(&[(0, "1"), (30, "-1")]), "negative", Some(3)),
            (file(&[(0, "1"), (30, "x")]), "not_a_number", Some(3)),
            (file(&[(0, "NaN"), (30, "1")]), "not_a_number", Some(2)),
            (file(&[(0, "1"), (30, "1.00001")]), "too_fine", Some(3)),
            (file(&[(0, "1"), (30, "429496.7296")]), "too_large", Some(3)),
            (file(&[(0, "1"), (60, "1")]), "too_coarse", None),
            (file(&[(0, "1"), (7, "1"), (14, "1"), (21, "1")]), "cadence", Some(3)),
            (file(&[(0, "1"), (30, "1"), (60, "1"), (67, "1"), (90, "1")]), "off_grid", Some(5)),
            (file(&[(10, "1"), (40, "1"), (70, "1")]), "off_grid", Some(2)),
            (file(&[(1, "1"), (2, "1")]), "no_whole_slot", None),
            (file(&[(0, "1"), (30, "1")]) + "2103-01-01T00:00Z,1\n", "too_long", Some(4)),
        ] {
            let error = read(&text).expect_err(code);
            assert_eq!(error.code(), code, "{text}: {error}");
            if let Some(line) = line {
                assert!(error.to_string().contains(&format!("line {line}")), "{error}");
            }
        }
        let columns = read("utc_start,b,c\n").unwrap_err().to_string();
        assert!(columns.contains("b, c"), "{columns}");
        let broken = read_csv(&b"utc_start,a\n2013-01-01T00:00Z,\xff\n"[..], &["a".into()], Interval::HALF);
        assert_eq!(broken.unwrap_err().code(), "not_text");
    }

    #[test]
    fn a_refusal_names_the_place_and_not_the_reading() {
        let error = read("utc_start,a\n2013-01-01T00:00Z,1\n2013-01-01T00:30Z,-31415.9\n").unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("\"a\"") && !error.contains("31415"), "{error}");
    }
}
