//! Sources that are refused: each says where, why and what to do, and none is approximated.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use protocol::tariff::{Provider, Tariff};
use provider::desk::{self, DeskError};

const HEAD: &str = r#"format = 1
id = "x"
name = "X"
currency = "EUR"
zone = "Europe/Brussels"
valid = { from = "2024-01-01", to = "2025-01-01" }
[registers.import]
code = "1-0:1.8.0"
unit = "Wh"
"#;

const FLAT: &str = r#"[[line]]
name = "Energy"
kind = "energy"
price = "0.30 EUR/kWh"
"#;

const BANDS: &str = r#"[[line]]
name = "Energy"
kind = "energy"
fallback = "0.30 EUR/kWh"
[[line.band]]
name = "day"
price = "0.30 EUR/kWh"
when = [{ from = "07:00", to = "22:00" }]
[[line.band]]
name = "night"
price = "0.20 EUR/kWh"
"#;

const SERIES: &str = r#"[[line]]
name = "Energy"
kind = "energy"
fallback = "0.30 EUR/kWh"
series = { file = "x.csv", column = "p", unit = "EUR/MWh" }
"#;

const VAT: &str = r#"[[line]]
name = "VAT"
kind = "tax"
rate = "6 %"
on = ["Energy"]
"#;

const STANDING: &str = r#"[[line]]
name = "Standing"
kind = "standing"
amount = "5 EUR/month"
"#;

fn compile(text: &str) -> Result<Tariff, DeskError> {
    let provider = Provider { name: "Fern Energy".into(), key: [7; 32] };
    let mut load = |file: &str| match file {
        "x.csv" => Ok(b"utc_start,p\n2024-01-01T00:00Z,1\n2024-01-01T01:00Z,2\n".to_vec()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    };
    desk::compile(text, &mut load, &provider)
}

/// Compiles parts with a replacement, and expects a code and words in the message.
fn refused(parts: &[&str], from: &str, to: &str, code: &str, words: &[&str]) {
    let whole = [&[HEAD], parts].concat().concat();
    assert!(whole.contains(from), "{from:?} is not in the source");
    let error = compile(&whole.replacen(from, to, 1)).map(|t| t.id).expect_err(&format!("{from:?} -> {to:?}"));
    let message = error.to_string();
    for word in words {
        assert!(message.contains(word), "{from:?} -> {to:?}: {word:?} is not in: {message}");
    }
    assert_eq!(error.code(), code, "{message}");
}

#[test]
fn the_unchanged_sources_compile() {
    for parts in [&[HEAD, FLAT][..], &[HEAD, BANDS, VAT], &[HEAD, FLAT, STANDING, VAT]] {
        compile(&parts.concat()).unwrap();
    }
}

#[test]
fn what_is_beyond_sums_is_named_and_never_approximated() {
    for (text, needs) in [
        ("tiers = [{ upto = \"3000 kWh\", price = \"0.2 EUR/kWh\" }]", "`tiers` needs block tiers"),
        ("blocks = 3", "block tiers"),
        ("demand = \"4 EUR/kW\"", "a demand charge"),
        ("peak = \"4 EUR/kW\"", "the peak"),
        ("capacity = \"40 EUR/kW\"", "a capacity charge"),
        ("minimum = \"10 EUR\"", "a minimum charge"),
        ("maximum = \"10 EUR\"", "a cap"),
        ("cap = \"35 ct/kWh\"", "a cap"),
        ("formula = \"price * 1.2\"", "a formula"),
        ("netting = true", "netting"),
        ("ratchet = \"80 %\"", "state carried"),
        ("baseline = 10", "a baseline"),
        ("round-readings = \"10 Wh\"", "rounding of readings"),
    ] {
        let to = format!("{text}\nprice = ");
        let words = [needs, "line 13", "which its format does not have; nothing was approximated"];
        refused(&[FLAT], "price = ", &to, "beyond-linear", &words);
    }
    refused(&[FLAT], "kind = \"energy\"", "kind = \"demand\"", "beyond-linear", &["line 12", "`demand` needs"]);
    refused(&[FLAT, "[demand]\nx = 1\n"], "[demand]", "[demand]", "beyond-linear", &["line 14"]);
    refused(&[BANDS], "to = \"22:00\"", "to = \"22:00\", max = 3", "beyond-linear", &["`max` needs a cap", "line 17"]);
    // A register's name is the source's own.
    compile(&[HEAD, FLAT].concat().replace("registers.import", "registers.peak")).unwrap();
}

#[test]
fn the_head_is_checked() {
    for (from, to, code, words) in [
        ("format = 1", "format = 3", "source-syntax", &["line 1", "format 3"][..]),
        ("format = 1", "format =", "source-syntax", &["line 1"]),
        ("id = \"x\"", "ident = \"x\"", "source-syntax", &["line 2", "unknown field `ident`"]),
        ("name = \"X\"\n", "", "source-syntax", &["missing field `name`"]),
        ("name = \"X\"", "name = \"\"", "bad-tariff", &["a name is empty"]),
        ("name = \"X\"", "name = 1", "source-syntax", &["line 3", "a text in quotes"]),
        ("\"EUR\"", "\"XTS\"", "bad-value", &["line 4", "`currency`", "exponent = 2"]),
        ("zone = \"Europe/Brussels\"", "zone = \"Brussels\"", "bad-value", &["line 5", "`zone`", "Europe/London"]),
        ("from = \"2024-01-01\"", "from = \"1.1.2024\"", "bad-value", &["line 6", "`from` of the validity"]),
        ("from = \"2024-01-01\"", "from = 1", "source-syntax", &["line 6", "a date such as"]),
        ("2025-01-01", "2024-01-01", "bad-value", &["line 6", "ends before it begins"]),
        ("2025-01-01", "2525-01-01", "bad-value", &["line 6", "50 years"]),
        ("1-0:1.8.0", "", "bad-value", &["line 8", "`code` of register \"import\""]),
        ("\"Wh\"", "\"kilowatthours\"", "bad-value", &["line 9", "`unit` of register \"import\""]),
        ("\n[registers", "\nholidays = [\"25 Dec\"]\n[registers", "bad-value", &["line 7", "`holidays`"]),
    ] {
        refused(&[FLAT], from, to, code, words);
    }
    refused(
        &[FLAT, "[registers.gas]\ncode = \"g\"\nunit = \"L\"\n"],
        "[registers.gas]",
        "[registers.gas]",
        "bad-value",
        &["`register` of \"Energy\"", "gas, import"],
    );
    refused(
        &["[registers.gas]\ncode = \"g\"\nunit = \"L\"\n", FLAT],
        "price =",
        "register = \"import\"\nprice =",
        "bad-value",
        &["register \"gas\"", "no line bills"],
    );
    refused(&[FLAT, "[total]\nrounding = { to = \"0.001\" }\n"], "[total]", "[total]", "bad-tariff", &["minor unit"]);
    refused(
        &[FLAT, "[total]\nrounding = { to = \"x\" }\n"],
        "[total]",
        "[total]",
        "bad-value",
        &["line 15", "`rounding` of [total]"],
    );
}

#[test]
fn energy_lines_are_checked() {
    for (from, to, code, words) in [
        (
            "price = \"0.30 EUR/kWh\"\n",
            "",
            "bad-value",
            &["\"Energy\"", "one of `price`, [[line.band]] or `series`"][..],
        ),
        ("\"0.30 EUR/kWh\"", "0.30", "source-syntax", &["line 13", "in quotes"]),
        ("\"0.30 EUR/kWh\"", "\"0,30 EUR/kWh\"", "bad-value", &["line 13", "`price` of \"Energy\"", "point"]),
        ("\"0.30 EUR/kWh\"", "\"0.1234567 EUR/kWh\"", "bad-value", &["price_rounding"]),
        ("kind = \"energy\"", "kind = \"fee\"", "source-syntax", &["unknown variant `fee`"]),
        ("price =", "register = \"export\"\nprice =", "bad-value", &["line 13", "one of: import"]),
        ("price =", "clock = \"utc+0\"\nprice =", "bad-value", &["line 13", "only bands"]),
        ("price =", "amount = \"1 EUR/day\"\nprice =", "bad-value", &["`amount` of \"Energy\"", "kind standing"]),
        ("price =", "rate = \"1 %\"\nprice =", "bad-value", &["`rate` of \"Energy\"", "kind tax"]),
        ("price =", "price_rounding = \"bankers\"\nprice =", "source-syntax", &["unknown variant `bankers`"]),
        ("price =", "rounding = { to = \"0\" }\nprice =", "bad-value", &["`rounding` of \"Energy\""]),
    ] {
        refused(&[FLAT], from, to, code, words);
    }
    refused(&[FLAT, FLAT], "format", "format", "bad-value", &["line 15", "two lines have this name"]);
    let second = FLAT.replace("\"Energy\"", "\"More\"");
    assert_eq!(compile(&[HEAD, FLAT, &second].concat()).unwrap().registers.len(), 1);
}

#[test]
fn bands_are_checked() {
    for (from, to, code, words) in [
        ("fallback = \"0.30 EUR/kWh\"\n", "", "bad-value", &["`fallback` of \"Energy\"", "cannot place in time"][..]),
        ("\"0.20 EUR/kWh\"", "\"0.20\"", "bad-value", &["line 20", "band \"night\" of \"Energy\""]),
        ("22:00", "22:10", "bad-value", &["line 17", "`when` of \"Energy\"", "quarter of an hour"]),
        ("to = \"22:00\"", "to = \"22:00\", holidays = true", "bad-value", &["line 17", "no list of holidays"]),
        ("to = \"22:00\"", "till = \"22:00\"", "source-syntax", &["line 17", "unknown field `till`"]),
        ("[{ from = \"07:00\", to = \"22:00\" }]", "[]", "bad-value", &["never"]),
        (
            "when = [{ from = \"07:00\", to = \"22:00\" }]\n",
            "",
            "bad-value",
            &["band \"night\"", "only one band can be the rest"],
        ),
        ("kind = \"energy\"", "kind = \"energy\"\nclock = \"GMT\"", "bad-value", &["`clock`", "utc+0"]),
        (
            "price = \"0.20 EUR/kWh\"",
            "price = \"0.20 EUR/kWh\"\nwhen = [{ from = \"22:00\", to = \"06:30\" }]",
            "bad-value",
            &["at 2024-01-01 06:30 by Europe/Brussels time no band holds"],
        ),
        (
            "price = \"0.20 EUR/kWh\"",
            "price = \"0.20 EUR/kWh\"\nwhen = [{ from = \"21:30\", to = \"07:00\" }]",
            "bad-value",
            &["line 19", "at 2024-01-01 21:30", "\"day\" and \"night\" both hold"],
        ),
        ("name = \"night\"", "name = \"day\"", "bad-tariff", &["a band is named twice"]),
    ] {
        refused(&[BANDS], from, to, code, words);
    }
}

#[test]
fn series_are_checked() {
    for (from, to, code, words) in [
        ("x.csv", "y.csv", "cannot-read", &["y.csv"][..]),
        ("\"p\"", "\"q\"", "bad-prices", &["x.csv", "no column \"q\"; there are utc_start, p"]),
        ("EUR/MWh", "EUR/km", "bad-value", &["line 14", "`series.unit`"]),
        ("unit = \"EUR/MWh\"", "unit = \"EUR/MWh\", factor = \"x\"", "bad-value", &["`series.factor`"]),
        ("unit = \"EUR/MWh\"", "unit = \"EUR/MWh\", add = \"1 USD/MWh\"", "bad-value", &["`series.add`"]),
        ("unit = \"EUR/MWh\"", "unit = \"EUR/MWh\", shift_years = 1", "source-syntax", &["shift_years"]),
        ("format", "format", "bad-prices", &["x.csv, line 1", "the price for 2023-12-31T23:00Z is missing", "covers"]),
    ] {
        refused(&[SERIES], from, to, code, words);
    }
}

#[test]
fn standing_amounts_and_taxes_are_checked() {
    for (from, to, code, words) in [
        ("amount = \"5 EUR/month\"\n", "", "bad-value", &["`amount` of \"Standing\"", "missing"][..]),
        ("5 EUR/month", "5 EUR/week", "bad-value", &["line 17", "per day, month, year or bill"]),
        ("5 EUR/month", "5 USD/month", "bad-value", &["currency EUR"]),
        ("5 EUR/month", "2000000000 EUR/year", "bad-value", &["out of range"]),
        ("6 %", "0.06", "bad-value", &["line 21", "per cent"]),
        ("rate = \"6 %\"\n", "", "bad-value", &["`rate` of \"VAT\"", "missing"]),
        ("on = [\"Energy\"]\n", "", "bad-value", &["`on` of \"VAT\"", "missing"]),
        ("[\"Energy\"]", "[]", "bad-value", &["name the taxed lines"]),
        ("[\"Energy\"]", "[\"VAT\"]", "bad-value", &["line 22", "not a line above"]),
        ("[\"Energy\"]", "[\"Energy\", \"Energy\"]", "bad-value", &["named twice"]),
        ("amount =", "price = \"1 EUR/kWh\"\namount =", "bad-value", &["`price` of \"Standing\"", "kind energy"]),
        ("amount =", "band = []\namount =", "bad-value", &["line 16", "`band` of \"Standing\""]),
    ] {
        refused(&[FLAT, STANDING, VAT], from, to, code, words);
    }
}

const PEAK: &str = r#"[[quantity]]
name = "Peak"
kind = "greatest"
window = 60
[[line]]
name = "Demand"
kind = "form"
of = { sum = [{ of = "Peak", times = "12 EUR/kW" }] }
"#;

#[test]
fn quantities_and_forms_are_checked_where_they_stand() {
    let second = |from: &str, to: &str, words: &[&str]| {
        let source = [HEAD.replace("format = 1", "format = 2").as_str(), FLAT, PEAK].concat();
        assert!(compile(&source).is_ok());
        let whole = source.replacen(from, to, 1);
        assert_ne!(whole, source, "{from:?} is not in the source");
        let message = compile(&whole).map(|t| t.id).expect_err(to).to_string();
        for word in words {
            assert!(message.contains(word), "{to:?}: {word:?} is not in: {message}");
        }
    };
    second("format = 2", "format = 1", &["line 1, `format`", "write format = 2"]);
    second("of = \"Peak\"", "of = \"Pike\"", &["line 21", "\"Pike\" is no quantity"]);
    second("12 EUR/kW\"", "12 EUR/km\"", &["line 21", "counts Wh"]);
    second("times = \"12 EUR/kW\"", "times = \"2\"", &["line 20", "counts Wh, which is no money"]);
    second("}] }", "}], add = \"3 kWh\" }", &["line 21", "does not count what stands beside it"]);
    second("window = 60", "window = 45", &["15, 30 or 60 minutes"]);
    second("window = 60", "window = 60\nlimit = \"3 kWh\"", &["line 18", "quantity of kind beyond"]);
    second("name = \"Demand\"", "name = \"Peak\"", &["line 19", "has the name \"Peak\" already"]);
    second("unit = \"Wh\"", "unit = \"Wh\"\nrounding = \"ones\"", &["line 10", "rounded to tens"]);
    second(
        "kind = \"form\"",
        "kind = \"form\"\nseasons = [{ months = \"may\", from = 2024-01-01 }]",
        &["line 21", "or `months`"],
    );
    second("kind = \"form\"", "kind = \"form\"\nformula = \"x\"", &["line 21", "never evaluated"]);
}
