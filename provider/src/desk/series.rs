//! Price series from CSV: a `utc_start` column, and a column for each price.

use protocol::tariff::{Prices, Schedule};
use protocol::time::Span;

use super::decimal::Decimal;
use super::error::{DeskError, Problem};
use super::price::Conversion;
use super::zone::shown_utc;

/// The column that says when a price begins.
const TIME_COLUMN: &str = "utc_start";
/// Seconds for which a price may stand.
const INTERVALS: [u64; 3] = [900, 1800, 3600];

/// Prices published for spans of time, in the publisher's unit.
pub trait PublishedPrices {
    /// The time at which the first price begins.
    fn begins(&self) -> Option<u64>;

    /// The time at which the last price ends; `None` when it holds until further notice.
    fn ends(&self) -> Option<u64>;

    /// The schedule for a validity.
    ///
    /// # Errors
    /// When a part of the validity has no price, or a price does not convert.
    fn schedule(&self, valid: Span, conversion: &Conversion) -> Result<Schedule, DeskError>;
}

/// One column of a price file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceSeries {
    file: String,
    base: u64,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    start: u64,
    /// Line in the file.
    line: u64,
    /// `None` where the file leaves it empty.
    value: Option<Decimal>,
}

impl PriceSeries {
    /// Reads a column. The interval, 15, 30 or 60 minutes, is the shortest step between two rows.
    ///
    /// Empty values and missing rows are noted, and matter only when a validity asks for them.
    ///
    /// # Errors
    /// When the file is not such a CSV, a row is twice or out of order, or a value is no number.
    pub fn from_csv(file: &str, bytes: &[u8], column: &str) -> Result<Self, DeskError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let whole = |problem: String| DeskError::File { file: file.to_owned(), problem: Problem::new(problem) };
        let headers = reader.headers().map_err(|e| whole(format!("this is not CSV: {e}")))?.clone();
        let place = |name: &str| {
            let mut places = headers.iter().enumerate().filter(|(_, header)| *header == name).map(|(place, _)| place);
            match (places.next(), places.next()) {
                (Some(place), None) => Ok(place),
                (Some(_), Some(_)) => Err(whole(format!("there are two columns \"{name}\"; rename one"))),
                (None, _) => {
                    let known = headers.iter().collect::<Vec<_>>().join(", ");
                    Err(whole(format!("there is no column \"{name}\"; there are {known}")))
                }
            }
        };
        let (time, column) = (place(TIME_COLUMN)?, place(column)?);
        let mut rows: Vec<Row> = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|e| whole(format!("this is not CSV: {e}")))?;
            let line = record.position().map_or(0, csv::Position::line);
            let wrong = |problem| DeskError::Row { file: file.to_owned(), line, problem };
            let start = start(record.get(time).unwrap_or_default()).map_err(wrong)?;
            let value = match record.get(column).unwrap_or_default() {
                "" => None,
                text => Some(text.parse().map_err(wrong)?),
            };
            if let Some(last) = rows.last() {
                let at = shown_utc(start);
                if start == last.start {
                    return Err(wrong(Problem::new(format!("{at} stands here and on line {}", last.line))));
                }
                if start < last.start {
                    return Err(wrong(Problem::new(format!("{at} comes after a later time; sort the rows by time"))));
                }
            }
            rows.push(Row { start, line, value });
        }
        let step = rows.windows(2).filter_map(|w| if let [a, b] = w { Some(b.start - a.start) } else { None }).min();
        let base = step.filter(|step| INTERVALS.contains(step)).ok_or_else(|| match step {
            None => whole("two rows at least are needed to see how long a price stands".into()),
            Some(step) => whole(format!("prices stand for 15, 30 or 60 minutes, not {} seconds", step)),
        })?;
        if let Some(row) = rows.iter().find(|row| !row.start.is_multiple_of(base)) {
            let problem = Problem::new(format!("{} is not on the grid of {} minutes", shown_utc(row.start), base / 60));
            return Err(DeskError::Row { file: file.to_owned(), line: row.line, problem });
        }
        Ok(Self { file: file.to_owned(), base, rows })
    }

    fn row(&self, line: u64, problem: Problem) -> DeskError {
        DeskError::Row { file: self.file.clone(), line, problem }
    }

    fn missing(&self, at: u64, valid: Span) -> DeskError {
        let advice = match self.begins().zip(self.ends()) {
            Some((from, until)) if !(Span { from, until }).contains(&valid) => {
                format!("the file covers {} to {}", shown_utc(from), shown_utc(until))
            }
            _ => "add it, or choose a validity without it".to_owned(),
        };
        // An empty value stands on its own line; a missing row, after the one before.
        let line = self.rows.iter().rev().find(|row| row.start <= at).map_or(1, |row| row.line);
        self.row(line, Problem::new(format!("the price for {} is missing; {advice}", shown_utc(at))))
    }
}

impl PublishedPrices for PriceSeries {
    fn begins(&self) -> Option<u64> {
        self.rows.first().map(|row| row.start)
    }

    fn ends(&self) -> Option<u64> {
        self.rows.last().map(|row| row.start + self.base)
    }

    fn schedule(&self, valid: Span, conversion: &Conversion) -> Result<Schedule, DeskError> {
        let first = valid.from / self.base;
        let mut rest =
            self.rows.get(self.rows.partition_point(|row| row.start < first * self.base)..).unwrap_or_default();
        let mut prices = Vec::new();
        for unit in first..valid.until.div_ceil(self.base) {
            let (row, value) = match rest {
                [row, ..] if row.start == unit * self.base => (row, row.value),
                _ => return Err(self.missing(unit * self.base, valid)),
            };
            let value = value.ok_or_else(|| self.missing(unit * self.base, valid))?;
            prices.push(conversion.price(value).map_err(|problem| self.row(row.line, problem))?);
            rest = rest.get(1..).unwrap_or_default();
        }
        Ok(Schedule { base: u32::try_from(self.base).unwrap_or(0), first, prices: Prices::Series(prices) })
    }
}

/// A time of the first column: UTC, or with its offset.
fn start(text: &str) -> Result<u64, Problem> {
    let timestamp = text.parse::<jiff::Timestamp>().ok().filter(|t| t.subsec_nanosecond() == 0);
    timestamp
        .and_then(|t| u64::try_from(t.as_second()).ok())
        .ok_or_else(|| Problem::new(format!("\"{}\" is not a time such as \"2013-01-01T00:00Z\"", text.escape_debug())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::currency::currency;
    use crate::desk::price::PriceUnit;
    use protocol::metrology::label::Unit;

    const GOOD: &str = "utc_start,imp,exp\n2013-01-01T00:00Z,4.41,1\n2013-01-01T00:30Z,-1e-05,2\n2013-01-01T01:00Z,,3\n2013-01-01T01:30Z,15.44,\n";
    const START: u64 = 1_356_998_400;

    fn read(text: &str, column: &str) -> Result<PriceSeries, String> {
        PriceSeries::from_csv("x.csv", text.as_bytes(), column).map_err(|e| e.to_string())
    }

    fn prices(series: &PriceSeries, from: u64, until: u64) -> Result<Vec<i64>, String> {
        let unit = PriceUnit::parse("ct/kWh", &currency("EUR", None).unwrap(), &Unit::new("Wh").unwrap()).unwrap();
        let valid = Span { from: START + from, until: START + until };
        match series.schedule(valid, &Conversion::plain(unit, None, false)).map_err(|e| e.to_string())?.prices {
            Prices::Series(prices) => Ok(prices),
            Prices::Bands { .. } => panic!("bands"),
        }
    }

    #[test]
    fn a_gap_matters_only_when_asked_for() {
        let series = read(GOOD, "imp").unwrap();
        assert_eq!((series.base, series.begins(), series.ends()), (1800, Some(START), Some(START + 7200)));
        let problem = prices(&series, 3600, 7200).unwrap_err();
        assert!(problem.starts_with("x.csv, line 4: the price for 2013-01-01T01:00Z is missing"), "{problem}");
        let problem = prices(&series, 0, 3600).unwrap_err();
        assert!(problem.contains("line 3") && problem.contains("not whole"), "{problem}");
        assert_eq!(prices(&series, 0, 1800), Ok(vec![44_100]));
        assert_eq!(prices(&series, 5400, 7200), Ok(vec![154_400]));
        assert_eq!(prices(&read(GOOD, "exp").unwrap(), 0, 5400), Ok(vec![10_000, 20_000, 30_000]));
        let problem = prices(&series, 5400, 9000).unwrap_err();
        assert!(
            problem.contains("line 5") && problem.contains("covers 2013-01-01T00:00Z to 2013-01-01T02:00Z"),
            "{problem}"
        );
        let without_row = read(&GOOD.replace("2013-01-01T01:00Z,,3\n", ""), "imp").unwrap();
        let problem = prices(&without_row, 3600, 5400).unwrap_err();
        assert!(problem.starts_with("x.csv, line 3: the price for 2013-01-01T01:00Z"), "{problem}");
        assert_eq!(prices(&without_row, 5400, 7200), Ok(vec![154_400]));
    }

    #[test]
    fn a_validity_between_prices_takes_the_ones_around() {
        let hourly = "utc_start,p\n2013-01-01T00:00Z,1\n2013-01-01T01:00Z,2\n2013-01-01T02:00Z,3\n";
        assert_eq!(prices(&read(hourly, "p").unwrap(), 1800, 5400), Ok(vec![10_000, 20_000]));
    }

    #[test]
    fn damaged_files_are_refused_by_line() {
        for (text, why) in [
            ("time,imp\n", "no column \"utc_start\""),
            ("utc_start,exp\n", "no column \"imp\"; there are utc_start, exp"),
            ("utc_start,imp,imp\n", "two columns \"imp\""),
            ("utc_start,imp\n2013-01-01T00:00Z,1\n", "two rows"),
            (
                "utc_start,imp\n2013-01-01T00:00Z,1\n2013-01-01T00:00Z,2\n",
                "line 3: 2013-01-01T00:00Z stands here and on line 2",
            ),
            ("utc_start,imp\n2013-01-01T01:00Z,1\n2013-01-01T00:00Z,2\n", "line 3: 2013-01-01T00:00Z comes after"),
            ("utc_start,imp\n2013-01-01T00:00Z,1\n2013-01-01T00:10Z,2\n", "not 600 seconds"),
            (
                "utc_start,imp\n2013-01-01T00:10Z,1\n2013-01-01T00:40Z,2\n",
                "line 2: 2013-01-01T00:10Z is not on the grid",
            ),
            ("utc_start,imp\n2013-01-01T00:00Z,1\n2013-01-01T00:30Z,n/a\n", "line 3: \"n/a\" is not a decimal"),
            ("utc_start,imp\n2013-01-01 00:00,1\n2013-01-01T00:30Z,1\n", "line 2: \"2013-01-01 00:00\" is not a time"),
            ("utc_start,imp\n2013-01-01T00:00Z,1,7\n", "not CSV"),
            ("", "no column"),
        ] {
            let problem = read(text, "imp").unwrap_err();
            assert!(problem.contains(why), "{text:?}: {problem}");
        }
    }

    #[test]
    fn offsets_and_a_byte_order_mark_are_read() {
        let text = "\u{feff}utc_start,imp\r\n2013-01-01T01:00:00+01:00, 1\r\n2013-01-01T00:15:00Z,2\r\n";
        assert_eq!(prices(&read(text, "imp").unwrap(), 0, 1800), Ok(vec![10_000, 20_000]));
    }
}
