//! Published prices made into a tariff: an energy line for each series, and at most a standing charge and VAT.
//!
//! What a publisher leaves out, the caller says in terms of the command's options; anything more is for a source.

use protocol::metrology::label::{RegisterCode, Unit};
use protocol::money::{Currency, Mode};
use protocol::tariff::{Charge, Line, Prices, Provider, Schedule, Tariff, TariffRegister, VERSION};
use protocol::time::Span;

use super::amount;
use super::compile::{minor_unit, span};
use super::currency::currency;
use super::decimal::Decimal;
use super::error::{DeskError, Place, Problem};
use super::price::{self, Conversion, PriceUnit};
use super::series::PublishedPrices;
use super::zone;

/// The unit that registers of imported tariffs count.
const UNIT: &str = "Wh";

/// What a tariff says beside its prices.
#[derive(Clone, Copy)]
pub struct Import<'a> {
    /// The provider's own name for it.
    pub id: &'a str,
    /// For people.
    pub name: &'a str,
    /// ISO 4217 code.
    pub currency: &'a str,
    /// IANA name.
    pub zone: &'a str,
    /// First local date, or time; `None`: as the prices begin.
    pub from: Option<&'a str>,
    /// First local date, or time, after it; `None`: as the prices end.
    pub to: Option<&'a str>,
    /// A standing amount.
    pub standing: Option<&'a str>,
    /// VAT on energy and standing amount.
    pub vat: Option<&'a str>,
    /// Whether VAT is on export too.
    pub vat_on_export: bool,
}

/// A line of prices times readings.
#[derive(Clone, Copy)]
pub struct EnergyImport<'a> {
    /// The line's name.
    pub name: &'a str,
    /// The register's code.
    pub register: &'a str,
    /// The prices.
    pub prices: &'a dyn PublishedPrices,
    /// Their unit.
    pub unit: &'a str,
    /// What they are multiplied by.
    pub factor: Option<&'a str>,
    /// What is added after that.
    pub add: Option<&'a str>,
    /// How prices finer than 10⁻⁹ are rounded; `None` refuses them.
    pub rounding: Option<Mode>,
    /// Whether the line pays the household.
    pub credit: bool,
    /// Price of what cannot be placed in time; `None`: the one of the series that favours the household least.
    pub fallback: Option<&'a str>,
}

impl Import<'_> {
    /// Makes the tariff.
    ///
    /// # Errors
    /// When an option is malformed, or the prices do not cover the validity or do not convert.
    pub fn tariff(&self, energy: &[EnergyImport<'_>], provider: &Provider) -> Result<Tariff, DeskError> {
        let currency = currency(self.currency, None).map_err(|p| p.at(Place::Option("--currency")))?;
        let tz = zone::named(self.zone).map_err(|p| p.at(Place::Option("--zone")))?;
        let prices = energy.first().map(|line| line.prices);
        let end = |text: Option<&str>, option: &'static str, published: Option<u64>, open: &str| match (text, published)
        {
            (Some(text), _) => zone::moment(text, &tz).map_err(|p| p.at(Place::Option(option))),
            (None, Some(published)) => Ok(published),
            (None, None) => Err(Problem::new(open).at(Place::Option(option))),
        };
        let valid = Span {
            from: end(self.from, "--from", prices.and_then(|p| p.begins()), "say where the tariff begins")?,
            until: end(
                self.to,
                "--to",
                prices.and_then(|p| p.ends()),
                "the last price holds until further notice; say where the tariff ends",
            )?,
        };
        let (valid, zone) = span(valid, &tz).map_err(|p| p.at(Place::Option("--to")))?;

        let mut registers = Vec::with_capacity(energy.len());
        let mut lines = Vec::with_capacity(energy.len() + 2);
        for (place, line) in energy.iter().enumerate() {
            let register = u8::try_from(place).map_err(|_| Problem::new("too many").at(Place::Option("--register")))?;
            lines.push(Line {
                name: line.name.to_owned(),
                charge: line.charge(register, valid, &currency)?,
                rounding: None,
                rule: None,
            });
            registers.push(line.register()?);
        }
        self.add_standing(&mut lines, &currency)?;
        self.add_vat(&mut lines, energy)?;
        let tariff = Tariff {
            version: VERSION,
            id: self.id.to_owned(),
            name: self.name.to_owned(),
            provider: provider.clone(),
            total: minor_unit(&currency),
            currency,
            valid,
            zone,
            registers,
            lines,
            algebra: None,
        };
        tariff.check()?;
        Ok(tariff)
    }

    fn add_standing(&self, lines: &mut Vec<Line>, currency: &Currency) -> Result<(), DeskError> {
        let Some(text) = self.standing else { return Ok(()) };
        let (amount, per) = amount::standing(text, currency, None).map_err(|p| p.at(Place::Option("--standing")))?;
        let charge = Charge::Standing { amount, per };
        lines.push(Line { name: "Standing charge".into(), charge, rounding: None, rule: None });
        Ok(())
    }

    fn add_vat(&self, lines: &mut Vec<Line>, energy: &[EnergyImport<'_>]) -> Result<(), DeskError> {
        let Some(text) = self.vat else { return Ok(()) };
        let (numerator, denominator) = amount::rate(text).map_err(|p| p.at(Place::Option("--vat")))?;
        let taxed = |place: &usize| self.vat_on_export || energy.get(*place).is_none_or(|line| !line.credit);
        let base = (0..lines.len()).filter(taxed).filter_map(|place| u8::try_from(place).ok()).collect();
        let charge = Charge::Tax { numerator, denominator, base };
        lines.push(Line { name: "VAT".into(), charge, rounding: None, rule: None });
        Ok(())
    }
}

impl EnergyImport<'_> {
    fn register(&self) -> Result<TariffRegister, DeskError> {
        let code = RegisterCode::new(self.register);
        code.zip(Unit::new(UNIT)).map(|(code, unit)| TariffRegister { code, unit, rounding: None }).ok_or_else(|| {
            Problem::new(format!("\"{}\" is not 1 to 24 printable ASCII characters", self.register.escape_debug()))
                .at(Place::Option(if self.credit { "--export-register" } else { "--register" }))
        })
    }

    fn charge(&self, register: u8, valid: Span, currency: &Currency) -> Result<Charge, DeskError> {
        let unit = self.register()?.unit;
        let price_unit = PriceUnit::parse(self.unit, currency, &unit).map_err(|p| p.at(Place::Option("--unit")))?;
        let factor =
            self.factor.map(|text| text.trim().parse::<Decimal>().map_err(|p| p.at(Place::Option("--factor"))));
        let add = self
            .add
            .map(|text| price::addition(text, &price_unit, currency, &unit).map_err(|p| p.at(Place::Option("--add"))));
        let conversion = Conversion {
            factor: factor.transpose()?.unwrap_or(Decimal::ONE),
            add: add.transpose()?.unwrap_or(Decimal::ZERO),
            ..Conversion::plain(price_unit, self.rounding, self.credit)
        };
        let schedule = self.prices.schedule(valid, &conversion)?;
        let fallback = match self.fallback {
            Some(text) => price::price(text, currency, &unit, self.rounding, self.credit)
                .map_err(|p| p.at(Place::Option(if self.credit { "--export-fallback" } else { "--fallback" })))?,
            None => highest(&schedule),
        };
        Ok(Charge::Energy { register, schedule, fallback })
    }
}

/// The price that favours the household least: the highest, and for credits, which are negative, the smallest credit.
fn highest(schedule: &Schedule) -> i64 {
    match &schedule.prices {
        Prices::Series(prices) => prices.iter().copied().max(),
        Prices::Bands { bands, .. } => bands.iter().map(|band| band.price).max(),
    }
    .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::series::PriceSeries;
    use protocol::tariff::Per;

    const PRICES: &str = "utc_start,imp,exp\n2023-03-26T00:00Z,10,4\n2023-03-26T00:30Z,-2,1\n2023-03-26T01:00Z,30,-3\n";

    fn provider() -> Provider {
        Provider { name: "Fern Energy".into(), key: [7; 32] }
    }

    fn import() -> Import<'static> {
        Import {
            id: "agile-ish",
            name: "Agile-ish",
            currency: "GBP",
            zone: "Europe/London",
            from: None,
            to: None,
            standing: Some("45.25 p/day"),
            vat: Some("5 %"),
            vat_on_export: false,
        }
    }

    fn line<'a>(prices: &'a PriceSeries, credit: bool) -> EnergyImport<'a> {
        EnergyImport {
            name: if credit { "Export" } else { "Energy" },
            register: if credit { "1-0:2.8.0" } else { "1-0:1.8.0" },
            prices,
            unit: "p/kWh",
            factor: None,
            add: None,
            rounding: None,
            credit,
            fallback: None,
        }
    }

    #[test]
    fn import_and_export_with_vat() {
        let column = |name| PriceSeries::from_csv("x.csv", PRICES.as_bytes(), name).unwrap();
        let (bought, sold) = (column("imp"), column("exp"));
        let energy = EnergyImport { factor: Some("1.2"), add: Some("2.1 p/kWh"), ..line(&bought, false) };
        let tariff = import().tariff(&[energy, line(&sold, true)], &provider()).unwrap();
        let charges: Vec<_> = tariff.energy_lines().map(|(_, l)| (l.schedule.prices.clone(), l.fallback)).collect();
        assert_eq!(
            charges,
            [
                (Prices::Series(vec![141_000, -3_000, 381_000]), 381_000),
                (Prices::Series(vec![-40_000, -10_000, 30_000]), 30_000)
            ]
        );
        assert_eq!(tariff.lines[2].charge, Charge::Standing { amount: 452_500_000, per: Per::Day });
        assert_eq!(tariff.lines[3].charge, Charge::Tax { numerator: 1, denominator: 20, base: vec![0, 2] });
        assert_eq!(tariff.valid.seconds(), 5400);
        let taxed =
            Import { vat_on_export: true, ..import() }.tariff(&[energy, line(&sold, true)], &provider()).unwrap();
        assert_eq!(taxed.lines[3].charge, Charge::Tax { numerator: 1, denominator: 20, base: vec![0, 1, 2] });
    }

    #[test]
    fn wrong_options_are_named() {
        let prices = PriceSeries::from_csv("x.csv", PRICES.as_bytes(), "imp").unwrap();
        let good = line(&prices, false);
        let problem =
            |import: Import<'_>, line: EnergyImport<'_>| import.tariff(&[line], &provider()).unwrap_err().to_string();
        for (import, line, why) in [
            (Import { currency: "pounds", ..import() }, good, "--currency"),
            (Import { zone: "London", ..import() }, good, "--zone"),
            (Import { from: Some("March"), ..import() }, good, "--from"),
            (Import { to: Some("2023-03-01"), ..import() }, good, "--to"),
            (
                Import { from: Some("2023-03-25"), ..import() },
                good,
                "line 1: the price for 2023-03-25T00:00Z is missing",
            ),
            (Import { standing: Some("45 p"), ..import() }, good, "--standing"),
            (Import { vat: Some("0.05"), ..import() }, good, "--vat"),
            (Import { id: "", ..import() }, good, "a name is empty"),
            (import(), EnergyImport { unit: "p/km", ..good }, "--unit"),
            (import(), EnergyImport { factor: Some("x"), ..good }, "--factor"),
            (import(), EnergyImport { add: Some("2 EUR/kWh"), ..good }, "--add"),
            (import(), EnergyImport { fallback: Some("30"), ..good }, "--fallback"),
            (import(), EnergyImport { register: "", ..good }, "--register"),
        ] {
            let problem = problem(import, line);
            assert!(problem.contains(why), "{why}: {problem}");
        }
    }
}
