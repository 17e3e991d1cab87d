//! The tariffs themselves: one price, two bands by the clock on the wall, and published prices; each with standing
//! charge and VAT, each with other roundings. Homes that feed in are credited for it on the same bill.

use std::fs;
use std::path::{Path, PathBuf};

use crate::plan::Home;
use crate::terms::{Charge, Line, Prices, Rounding, Terms, Turned, Window};

/// Published prices.
#[derive(Clone)]
pub struct Price {
    pub id: String,
    pub file: PathBuf,
    column: &'static str,
    export_column: &'static str,
    unit: &'static str,
    currency: &'static str,
    turned: Option<Turned>,
}

const CENT: &str = "0.01";

/// Price files whose resolution fits an interval, for a country.
pub fn choose(country: &str, interval: i64, folder: &Path) -> Vec<Price> {
    let markup = Some(Turned { factor: "1.03", add: "1.1 c/kWh", mode: "half-even" });
    let found = |prefix: &str, id: &str, columns: [&'static str; 2], unit, currency, turned| -> Vec<Price> {
        let [column, export_column] = columns;
        let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix));
        files.retain(|path| has_columns(path, columns));
        files.sort();
        let id = |place: usize| if place == 0 { id.to_owned() } else { format!("{id}-{}", place + 1) };
        let price = |(place, file)| Price { id: id(place), file, column, export_column, unit, currency, turned };
        files.into_iter().enumerate().map(price).collect()
    };
    let agile = || found("uk_agile", "agile", ["imp", "exp"], "p/kWh", "GBP", None);
    let peaks = || found("uk_lcl_dtou", "dtou", ["p_per_kwh"; 2], "p/kWh", "GBP", None);
    let finland = || found("fi_dayahead", "fi-hourly", ["c_per_kwh_inc_vat"; 2], "c/kWh", "EUR", markup);
    let belgium = || found("be_dayahead", "be-hourly", ["eur_per_kwh"; 2], "EUR/kWh", "EUR", markup);
    let czech = || found("cz_dayahead", "cz-quarters", ["price_eur_mwh"; 2], "EUR/MWh", "EUR", markup);
    match (country, interval) {
        ("be", _) => belgium(),
        ("uk", 1800) => [agile(), peaks()].concat(),
        ("de", 900) => czech(),
        ("fr", 3600) => [finland(), belgium()].concat(),
        (_, 3600) => finland(),
        _ => agile(),
    }
}

/// Whether a price file has the columns: others of the same name may be of another form.
fn has_columns(path: &Path, columns: [&str; 2]) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    let header: Vec<&str> = text.lines().next().unwrap_or_default().split(',').collect();
    columns.iter().all(|column| header.contains(column))
}

/// A country's words for its prices.
struct Words {
    currency: &'static str,
    flat: &'static str,
    window: [&'static str; 2],
    sold: &'static str,
    day: &'static str,
    month: &'static str,
    vat: &'static str,
    total: Option<Rounding>,
}

fn words(country: &str) -> Words {
    let euro = Words {
        currency: "EUR",
        flat: "0.2985 EUR/kWh",
        window: ["0.34127 EUR/kWh", "0.2213 EUR/kWh"],
        sold: "7.735 c/kWh",
        day: "16.43 c",
        month: "5.995 EUR",
        vat: "21",
        total: None,
    };
    match country {
        "uk" => Words {
            currency: "GBP",
            flat: "24.37 p/kWh",
            window: ["8.75 p/kWh", "29.413 p/kWh"],
            sold: "4.1 p/kWh",
            day: "45.25 p",
            month: "12.333 GBP",
            vat: "5",
            ..euro
        },
        // Cash is rounded to five cents.
        "au" => Words {
            currency: "AUD",
            flat: "27.5 c/kWh",
            window: ["48.62 c/kWh", "23.1 c/kWh"],
            day: "91.3 c",
            month: "9.755 AUD",
            vat: "10",
            total: Some(("0.05", "half-away")),
            ..euro
        },
        "be" => Words { vat: "6", ..euro },
        "de" => Words { vat: "19", total: Some((CENT, "half-even")), ..euro },
        // The exact rate of Spain's electricity tax: a fraction that no cent divides.
        "fr" => Words { vat: "5.11269632", ..euro },
        _ => euro,
    }
}

/// The tariffs that need no price file.
pub fn fixed(home: &Home, interval: i64) -> Vec<Terms> {
    let words = words(&home.country);
    let window = match (home.country.as_str(), interval) {
        // A night, every day: it runs over midnight, and over the hours when clocks change.
        ("uk" | "fr", 3600) => Window { from: "23:00", to: "07:00", weekdays_only: false },
        ("uk" | "fr", _) => Window { from: "23:30", to: "06:30", weekdays_only: false },
        (_, 900) => Window { from: "06:45", to: "22:15", weekdays_only: true },
        _ => Window { from: "07:00", to: "22:00", weekdays_only: true },
    };
    let standing = |amount, per, rounding| Line::new("Standing charge", Charge::Standing { amount, per }, rounding);
    let flat = terms(home, "flat", words.currency, |register| match register {
        "import" => (energy(register, Prices::Flat(words.flat), words.flat), None),
        _ => (energy(register, Prices::Flat(words.sold), words.sold), Some((CENT, "half-up"))),
    });
    let bands = terms(home, "bands", words.currency, |register| match register {
        "import" => {
            let [named, rest] = words.window;
            (energy(register, Prices::Bands { named, window, rest }, rest), Some((CENT, "half-even")))
        }
        _ => (energy(register, Prices::Flat(words.sold), words.sold), Some(("0.001", "truncate"))),
    });
    vec![
        close(
            flat,
            standing(words.day, "day", Some((CENT, "half-even"))),
            (words.vat, Some((CENT, "half-even"))),
            words.total,
        ),
        close(bands, standing(words.month, "month", None), (words.vat, None), words.total),
    ]
}

/// The tariff of published prices. No line is rounded: only the total is.
pub fn dynamic(home: &Home, price: &Price) -> Terms {
    let words = words(&home.country);
    let standing = Line::new("Standing charge", Charge::Standing { amount: "59.95 EUR", per: "year" }, None);
    let standing = if price.currency == "EUR" {
        standing
    } else {
        Line::new("Standing charge", Charge::Standing { amount: "47.11 p", per: "day" }, None)
    };
    let fallback = if price.currency == "EUR" { "0.41 EUR/kWh" } else { "41 p/kWh" };
    let terms = terms(home, &price.id, price.currency, |register| {
        let series = |column, turned| Prices::Series { file: price.file.clone(), column, unit: price.unit, turned };
        let sold = Turned { factor: "0.95", add: "-0.905 c/kWh", mode: "half-away" };
        let prices = match register {
            "import" => series(price.column, price.turned),
            _ => series(price.export_column, price.turned.map(|_| sold)),
        };
        (energy(register, prices, fallback), None)
    });
    close(terms, standing, (words.vat, None), None)
}

fn energy(register: &'static str, prices: Prices, fallback: &'static str) -> Charge {
    Charge::Energy { register, prices, credit: register == "export", fallback }
}

/// A tariff with an energy line for each register of the home's meters.
fn terms(
    home: &Home,
    id: &str,
    currency: &'static str,
    line: impl Fn(&'static str) -> (Charge, Option<Rounding>),
) -> Terms {
    let lines = home.meters[0].1.iter().map(|(register, _)| {
        let (charge, rounding) = line(register);
        Line::new(if *register == "import" { "Energy" } else { "Sold" }, charge, rounding)
    });
    Terms { id: id.to_owned(), currency, lines: lines.collect(), total: None }
}

/// Adds standing charge, VAT on what is bought, and the total's rounding.
fn close(mut terms: Terms, standing: Line, vat: (&'static str, Option<Rounding>), total: Option<Rounding>) -> Terms {
    terms.lines.push(standing);
    let on = vec!["Energy", "Standing charge"];
    terms.lines.push(Line::new("VAT", Charge::Tax { rate: vat.0, on }, vat.1));
    terms.total = total;
    terms
}
