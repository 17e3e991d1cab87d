//! Unit rates as Octopus Energy's REST interface gives them: JSON, pence per kWh, newest first.
//!
//! Numbers are taken as the text they are in the file, so no price passes through a float.

use std::collections::BTreeSet;

use protocol::tariff::{Prices, Schedule};
use protocol::time::Span;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::decimal::Decimal;
use super::error::{DeskError, Problem};
use super::price::Conversion;
use super::series::PublishedPrices;
use super::zone::{QUARTER, shown_utc};

/// The unit of all rates.
pub const UNIT: &str = "p/kWh";

/// Which of the published rates are meant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice<'a> {
    /// `DIRECT_DEBIT` or `NON_DIRECT_DEBIT`, when rates differ by it.
    pub payment_method: Option<&'a str>,
    /// The values without VAT instead of those with it.
    pub exclude_vat: bool,
}

/// Unit rates in order of time, without overlaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitRates {
    file: String,
    rates: Vec<Rate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate {
    from: u64,
    /// `None`: until further notice.
    until: Option<u64>,
    value: Decimal,
}

/// A page of the interface; what else it holds (count, links to other pages) does not matter.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    results: Vec<Published<'a>>,
}

#[derive(Deserialize)]
struct Published<'a> {
    #[serde(borrow)]
    value_exc_vat: &'a RawValue,
    #[serde(borrow)]
    value_inc_vat: &'a RawValue,
    valid_from: String,
    valid_to: Option<String>,
    payment_method: Option<String>,
}

impl UnitRates {
    /// Reads one or more pages, given by name and content.
    ///
    /// # Errors
    /// When a page is malformed, rates overlap, or the payment method must be chosen and is not.
    pub fn from_json(pages: &[(String, Vec<u8>)], choice: Choice<'_>) -> Result<Self, DeskError> {
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        let file = names.join(", ");
        let whole = |problem| DeskError::File { file: file.clone(), problem };
        let mut published = Vec::new();
        for (name, bytes) in pages {
            let page: Page<'_> = serde_json::from_slice(bytes).map_err(|cause| DeskError::File {
                file: name.clone(),
                problem: Problem::new(format!("this is not a page of Octopus unit rates: {cause}")),
            })?;
            published.extend(page.results);
        }
        check_method(&published, choice.payment_method).map_err(whole)?;
        let mut rates = published
            .iter()
            .filter(|rate| {
                choice.payment_method.is_none()
                    || rate.payment_method.is_none()
                    || rate.payment_method.as_deref() == choice.payment_method
            })
            .map(|rate| rate.read(choice.exclude_vat))
            .collect::<Result<Vec<_>, _>>()
            .map_err(whole)?;
        rates.sort_by_key(|rate| rate.from);
        for pair in rates.windows(2) {
            if let [earlier, later] = pair
                && earlier.until.is_none_or(|until| until > later.from)
            {
                let at = shown_utc(later.from);
                return Err(whole(Problem::new(format!("two rates hold at {at}; remove the one that does not apply"))));
            }
        }
        if rates.is_empty() {
            return Err(whole(Problem::new("there are no rates in it")));
        }
        Ok(Self { file, rates })
    }
}

/// Rates that differ by payment method are two price lists in one file: somebody has to say which is meant.
fn check_method(published: &[Published<'_>], chosen: Option<&str>) -> Result<(), Problem> {
    let methods: BTreeSet<&str> = published.iter().filter_map(|rate| rate.payment_method.as_deref()).collect();
    let listed = methods.iter().copied().collect::<Vec<_>>().join(" and ");
    match chosen {
        None if methods.len() > 1 => {
            Err(Problem::new(format!("it has rates for {listed}; choose one with --payment-method")))
        }
        Some(chosen) if !methods.contains(chosen) => Err(Problem::new(if methods.is_empty() {
            "its rates name no payment method; leave --payment-method out".to_owned()
        } else {
            format!("it has no rates for {}, only for {listed}", chosen.escape_debug())
        })),
        _ => Ok(()),
    }
}

impl Published<'_> {
    fn read(&self, exclude_vat: bool) -> Result<Rate, Problem> {
        let value = if exclude_vat { self.value_exc_vat } else { self.value_inc_vat };
        let rate = Rate {
            from: moment(&self.valid_from)?,
            until: self.valid_to.as_deref().map(moment).transpose()?,
            value: value.get().parse()?,
        };
        if rate.until.is_some_and(|until| until <= rate.from) {
            return Err(Problem::new(format!("the rate from {} ends before it begins", self.valid_from)));
        }
        Ok(rate)
    }
}

fn moment(text: &str) -> Result<u64, Problem> {
    let seconds = text.parse::<jiff::Timestamp>().ok().and_then(|t| u64::try_from(t.as_second()).ok());
    seconds
        .filter(|s| s.is_multiple_of(QUARTER))
        .ok_or_else(|| Problem::new(format!("\"{}\" is not a time on a quarter of an hour", text.escape_debug())))
}

impl PublishedPrices for UnitRates {
    fn begins(&self) -> Option<u64> {
        self.rates.first().map(|rate| rate.from)
    }

    fn ends(&self) -> Option<u64> {
        self.rates.last().and_then(|rate| rate.until)
    }

    fn schedule(&self, valid: Span, conversion: &Conversion) -> Result<Schedule, DeskError> {
        let wrong = |problem| DeskError::File { file: self.file.clone(), problem };
        let inside = |at: &u64| (valid.from + 1..valid.until).contains(at);
        let boundaries: Vec<u64> = self.rates.iter().map(|rate| rate.from).filter(inside).collect();
        let fits = |base: &u64| boundaries.iter().all(|at| at.is_multiple_of(*base));
        let base = [3600, 1800].into_iter().find(fits).unwrap_or(QUARTER);
        let first = valid.from / base;
        let mut prices = Vec::new();
        let mut at = valid.from;
        for rate in &self.rates {
            let until = rate.until.unwrap_or(u64::MAX).min(valid.until);
            if until <= at {
                continue;
            }
            if rate.from > at {
                break;
            }
            let price = conversion.price(rate.value).map_err(wrong)?;
            let units = usize::try_from(until.div_ceil(base) - first).unwrap_or(usize::MAX);
            prices.resize(units, price);
            at = until;
        }
        if at < valid.until {
            let problem =
                format!("there is no rate at {}; add the page that has it, or choose another validity", shown_utc(at));
            return Err(wrong(Problem::new(problem)));
        }
        Ok(Schedule { base: u32::try_from(base).unwrap_or(0), first, prices: Prices::Series(prices) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::currency::currency;
    use crate::desk::price::PriceUnit;
    use protocol::metrology::label::Unit;

    const START: u64 = 1_672_531_200; // 2023-01-01T00:00Z

    /// Newest first, as the interface answers.
    const HALF_HOURS: &str = r#"{"count":3,"next":null,"previous":null,"results":[
        {"value_exc_vat":-4.2,"value_inc_vat":-4.41,"valid_from":"2023-01-01T01:00:00Z","valid_to":"2023-01-01T01:30:00Z","payment_method":null},
        {"value_exc_vat":13.25,"value_inc_vat":13.9125,"valid_from":"2023-01-01T00:30:00Z","valid_to":"2023-01-01T01:00:00Z","payment_method":null},
        {"value_exc_vat":20.0,"value_inc_vat":21.0,"valid_from":"2023-01-01T00:00:00Z","valid_to":"2023-01-01T00:30:00Z","payment_method":null}]}"#;

    const FIXED: &str = r#"{"results":[
        {"value_exc_vat":28.5,"value_inc_vat":29.925,"valid_from":"2023-01-02T00:00:00Z","valid_to":null,"payment_method":"DIRECT_DEBIT"},
        {"value_exc_vat":30.5,"value_inc_vat":32.025,"valid_from":"2023-01-02T00:00:00Z","valid_to":null,"payment_method":"NON_DIRECT_DEBIT"},
        {"value_exc_vat":20,"value_inc_vat":21,"valid_from":"2022-06-01T00:00:00+01:00","valid_to":"2023-01-02T00:00:00Z","payment_method":"DIRECT_DEBIT"},
        {"value_exc_vat":22,"value_inc_vat":23.1,"valid_from":"2022-06-01T00:00:00+01:00","valid_to":"2023-01-02T00:00:00Z","payment_method":"NON_DIRECT_DEBIT"}]}"#;

    fn read(text: &str, choice: Choice<'_>) -> Result<UnitRates, String> {
        UnitRates::from_json(&[("x.json".to_owned(), text.as_bytes().to_vec())], choice).map_err(|e| e.to_string())
    }

    fn schedule(rates: &UnitRates, from: u64, until: u64) -> Result<(u32, Vec<i64>), String> {
        let unit = PriceUnit::parse(UNIT, &currency("GBP", None).unwrap(), &Unit::new("Wh").unwrap()).unwrap();
        let valid = Span { from: START + from, until: START + until };
        let schedule = rates.schedule(valid, &Conversion::plain(unit, None, false)).map_err(|e| e.to_string())?;
        match schedule.prices {
            Prices::Series(prices) => Ok((schedule.base, prices)),
            Prices::Bands { .. } => panic!("bands"),
        }
    }

    #[test]
    fn half_hours_in_any_order() {
        let rates = read(HALF_HOURS, Choice::default()).unwrap();
        assert_eq!((rates.begins(), rates.ends()), (Some(START), Some(START + 5400)));
        assert_eq!(schedule(&rates, 0, 5400), Ok((1800, vec![210_000, 139_125, -44_100])));
        assert_eq!(schedule(&rates, 1800, 3600), Ok((3600, vec![139_125])));
        let without = read(HALF_HOURS, Choice { exclude_vat: true, ..Choice::default() }).unwrap();
        assert_eq!(schedule(&without, 0, 5400), Ok((1800, vec![200_000, 132_500, -42_000])));
        assert!(schedule(&rates, 0, 7200).unwrap_err().contains("no rate at 2023-01-01T01:30Z"));
        assert!(schedule(&rates, 86_400, 90_000).unwrap_err().contains("no rate at 2023-01-02T00:00Z"));
    }

    #[test]
    fn a_payment_method_is_chosen_never_guessed() {
        assert!(read(FIXED, Choice::default()).unwrap_err().contains("DIRECT_DEBIT and NON_DIRECT_DEBIT; choose"));
        let chosen = |method| Choice { payment_method: Some(method), ..Choice::default() };
        let direct = read(FIXED, chosen("DIRECT_DEBIT")).unwrap();
        let (base, prices) = schedule(&direct, 0, 2 * 86_400).unwrap();
        assert_eq!((base, prices.len(), prices[23], prices[24]), (3600, 48, 210_000, 299_250));
        assert_eq!(direct.ends(), None, "the last rate is open");
        let other = read(FIXED, chosen("NON_DIRECT_DEBIT")).unwrap();
        assert_eq!(schedule(&other, 0, 3600), Ok((3600, vec![231_000])));
        assert!(read(FIXED, chosen("PREPAYMENT")).unwrap_err().contains("only for"));
        assert!(read(HALF_HOURS, chosen("DIRECT_DEBIT")).unwrap_err().contains("leave --payment-method out"));
    }

    #[test]
    fn overlaps_and_gaps_are_refused() {
        let longer =
            HALF_HOURS.replace("\"valid_to\":\"2023-01-01T00:30:00Z\"", "\"valid_to\":\"2023-01-01T00:45:00Z\"");
        assert!(read(&longer, Choice::default()).unwrap_err().contains("two rates hold at 2023-01-01T00:30Z"));
        let shorter =
            HALF_HOURS.replace("\"valid_to\":\"2023-01-01T00:30:00Z\"", "\"valid_to\":\"2023-01-01T00:15:00Z\"");
        let rates = read(&shorter, Choice::default()).unwrap();
        assert!(schedule(&rates, 0, 5400).unwrap_err().contains("no rate at 2023-01-01T00:15Z"));
        let open = HALF_HOURS.replace("\"valid_to\":\"2023-01-01T00:30:00Z\"", "\"valid_to\":null");
        assert!(read(&open, Choice::default()).unwrap_err().contains("two rates hold"));
    }

    #[test]
    fn a_number_is_the_text_it_is() {
        let odd = HALF_HOURS.replace("13.9125", "13.912500000000001");
        let problem = schedule(&read(&odd, Choice::default()).unwrap(), 0, 5400).unwrap_err();
        assert!(problem.contains("13.912500000000001 p/kWh") && problem.contains("price_rounding"), "{problem}");
    }

    #[test]
    fn what_is_no_page_says_so() {
        for (text, why) in [
            ("{}", "not a page"),
            ("[1]", "not a page"),
            ("{\"results\":[]}", "no rates"),
            (&HALF_HOURS.replace("21.0", "\"21.0\"")[..], "not a decimal"),
            (&HALF_HOURS.replace("21.0", "null")[..], "not a decimal"),
            (&HALF_HOURS.replace("2023-01-01T00:00:00Z", "2023-01-01T00:00:01Z")[..], "quarter"),
            (
                &HALF_HOURS.replace("\"valid_to\":\"2023-01-01T01:30:00Z\"", "\"valid_to\":\"2023-01-01T01:00:00Z\"")[..],
                "ends before",
            ),
        ] {
            let problem = read(text, Choice::default()).unwrap_err();
            assert!(problem.contains(why), "{problem}");
        }
    }
}
