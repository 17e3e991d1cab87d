//! A month of prices for the examples whose own file holds some days: published ones where they are at hand, made-up ones
//! otherwise.

use std::fmt::Write as _;

use super::data;

/// A month of prices for an example.
#[derive(Clone, Copy)]
pub struct Month {
    /// The line of its source that says for when it is, and what stands there instead.
    valid: (&'static str, &'static str),
    /// UTC, first slot and the one after the last.
    slots: (&'static str, &'static str),
    seconds: i64,
    /// Column in the example's file.
    column: &'static str,
    prices: Prices,
}

#[derive(Clone, Copy)]
enum Prices {
    /// A file, its column from 1, and by how many places the decimal point moves to the right.
    Published(&'static str, usize, usize),
    /// Tempo's: blue, white and red days, one letter each.
    Colours(&'static str),
}

const MONTHS: [(&str, Month); 4] = [
    (
        "agile.toml",
        Month {
            valid: ("{ from = 2025-01-14, to = 2025-01-16 }", "{ from = 2023-01-01, to = 2023-02-01 }"),
            slots: ("2023-01-01T00:00Z", "2023-02-01T00:00Z"),
            seconds: 1800,
            column: "price",
            prices: Prices::Published("uk_agile_2023_30min_p_per_kwh_incVAT.csv", 1, 0),
        },
    ),
    (
        // The month of which the source has the day with 23 hours; from EUR/kWh to EUR/MWh.
        "spot.toml",
        Month {
            valid: ("{ from = \"2024-03-31\", to = \"2024-04-01\" }", "{ from = \"2024-03-01\", to = \"2024-04-01\" }"),
            slots: ("2024-02-29T23:00Z", "2024-03-31T22:00Z"),
            seconds: 3600,
            column: "day_ahead",
            prices: Prices::Published("be_dayahead_2024Q1_60min_eur_per_kwh.csv", 1, 3),
        },
    ),
    (
        // Cents a kilowatt-hour, taken as tens of crowns a megawatt-hour. The month had hours far below zero.
        "nordic-spot.toml",
        Month {
            valid: ("{ from = 2024-03-31, to = 2024-04-01 }", "{ from = 2023-11-01, to = 2023-12-01 }"),
            slots: ("2023-10-31T23:00Z", "2023-11-30T23:00Z"),
            seconds: 3600,
            column: "day_ahead",
            prices: Prices::Published("fi_dayahead_2023-01_2024-02_60min_c_per_kwh_incVAT.csv", 1, 1),
        },
    ),
    (
        // The day before the first counts until 06:00. Red days are from Monday to Friday.
        "tempo.toml",
        Month {
            valid: ("{ from = 2025-01-13, to = 2025-01-18 }", "{ from = 2025-01-01, to = 2025-02-01 }"),
            slots: ("2024-12-31T23:00Z", "2025-01-31T23:00Z"),
            seconds: 3600,
            column: "price",
            prices: Prices::Colours("bbwrwbbrrrwwbbrrrrwbbwrrbwbbwwbb"),
        },
    ),
];

/// The month for an example; `None` when its own prices reach as far.
pub fn of(name: &str) -> Option<Month> {
    MONTHS.iter().find(|(of, _)| *of == name).map(|(_, month)| *month)
}

impl Month {
    /// The source, for the month.
    pub fn dated(&self, source: &str) -> String {
        assert!(source.contains(self.valid.0), "{}", self.valid.0);
        source.replace(self.valid.0, self.valid.1)
    }

    /// The file of prices.
    pub fn prices(&self) -> Vec<u8> {
        let second = |text: &str| text.replace('Z', ":00Z").parse::<jiff::Timestamp>().unwrap().as_second();
        let (first, end) = (second(self.slots.0), second(self.slots.1));
        let slots = (first..end).step_by(usize::try_from(self.seconds).unwrap());
        let published = match self.prices {
            Prices::Published(file, column, places) => {
                let text = data::read(&format!("prices/{file}")).map(|bytes| String::from_utf8(bytes).unwrap());
                text.map(|text| {
                    let rows = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
                    let rows = rows.filter(|row| (first..end).contains(&second(row[0])));
                    rows.map(|row| moved(row[column], places)).collect::<Vec<_>>()
                })
            }
            Prices::Colours(_) => None,
        };
        let mut file = format!("utc_start,{}\n", self.column);
        for (slot, at) in slots.clone().enumerate() {
            let price = match (&published, self.prices) {
                (Some(prices), _) => prices[slot].clone(),
                (None, Prices::Colours(days)) => tempo(days, slot).to_owned(),
                (None, Prices::Published(..)) => made_up(slot),
            };
            let at = jiff::Timestamp::from_second(at).unwrap().strftime("%Y-%m-%dT%H:%MZ").to_string();
            writeln!(file, "{at},{price}").unwrap();
        }
        if let Some(prices) = published {
            assert_eq!(prices.len(), slots.count(), "the file has every slot of the month");
        }
        file.into_bytes()
    }
}

/// What a price of France's hours is: local time is an hour before the slots' count.
fn tempo(days: &str, slot: usize) -> &'static str {
    let hour = slot % 24;
    // Each day lasts from six to six.
    let day = slot / 24 + usize::from(hour >= 6);
    let full = (6..22).contains(&hour);
    match (days.as_bytes()[day], full) {
        (b'b', false) => "12.96",
        (b'b', true) => "16.09",
        (b'w', false) => "14.86",
        (b'w', true) => "18.94",
        (_, false) => "15.68",
        (_, true) => "75.62",
    }
}

/// A price with two decimals, at times below zero.
fn made_up(slot: usize) -> String {
    let mixed = (slot as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 51;
    let hundredths = i64::try_from(mixed).unwrap() - 700;
    format!("{}{}.{:02}", if hundredths < 0 { "-" } else { "" }, hundredths.abs() / 100, hundredths.abs() % 100)
}

/// A decimal number with its point moved to the right; what a spreadsheet wrote as 1e-05 is written out.
fn moved(text: &str, places: usize) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, after) = digits.split_once('.').unwrap_or((digits, ""));
    let point = i64::try_from(whole.len() + places).unwrap() + exponent.parse::<i64>().unwrap();
    let mut all = format!("{whole}{after}");
    let point = match usize::try_from(point) {
        Ok(point) => point,
        Err(_) => {
            all.insert_str(0, &"0".repeat(usize::try_from(-point).unwrap()));
            0
        }
    };
    all.extend(std::iter::repeat_n('0', point.saturating_sub(all.len())));
    let (whole, after) = all.split_at(point);
    format!("{sign}{}.{}", if whole.is_empty() { "0" } else { whole }, if after.is_empty() { "0" } else { after })
}
