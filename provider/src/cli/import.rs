//! `tariff import`: published prices into a signed tariff, published tariffs into sources.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use protocol::money::Mode;
use provider::desk::octopus::{self, Choice, UnitRates};
use provider::desk::{EnergyImport, Import as Terms, PriceSeries};
use provider::identity::Identity;

use super::Home;
use super::answer::{Answer, Failure};
use super::source::{self, Nettleie, Urdb};
use super::tariff::{publish, read};

const CSV_EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern tariff import csv prices.csv --column imp --unit p/kWh \\
    --currency GBP --zone Europe/London --id fern-spot-2023 --name \"Fern Spot 2023\" \\
    --from 2023-01-01 --to 2023-07-01 --standing \"45.25 p/day\" --vat \"5 %\" --out spot.tariff

The file has a column utc_start with times such as 2023-01-01T00:00Z, a price for each 15, 30 or 60 minutes.
Prices become column * factor + addition.";

const OCTOPUS_EXAMPLE: &str = "\
Example:
  wattseal-provider --home ~/fern tariff import octopus page1.json page2.json \\
    --id agile-2023 --name \"Agile 2023\" --standing \"45.25 p/day\" --out agile.tariff";

#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// Prices from a CSV file
    #[command(after_help = CSV_EXAMPLE)]
    Csv(Box<Csv>),
    /// Unit rates as Octopus Energy's REST interface gives them
    #[command(after_help = OCTOPUS_EXAMPLE, mut_arg("vat", |arg| arg.requires("exc_vat")))]
    Octopus(Box<Octopus>),
    /// A rate of the US Utility Rate Database, as a source to read and compile
    #[command(after_help = source::URDB_EXAMPLE)]
    Urdb(Box<Urdb>),
    /// A Norwegian network tariff of fri-nettleie, as a source to read and compile
    #[command(after_help = source::NETTLEIE_EXAMPLE)]
    Nettleie(Box<Nettleie>),
}

/// What every import says beside its prices.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// The provider's own name for the tariff
    #[arg(long)]
    id: String,
    /// The tariff's name for people
    #[arg(long)]
    name: String,
    /// Code of the register that counts import
    #[arg(long, default_value = "1-0:1.8.0")]
    register: String,
    /// A standing charge per day, month, year or bill, as in "45.25 p/day"
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    standing: Option<String>,
    /// VAT on energy and standing charge, as in "5 %"
    #[arg(long, value_name = "RATE")]
    vat: Option<String>,
    /// Price of energy that the meter cannot place in time; without it, the highest of the prices
    #[arg(long, value_name = "PRICE", allow_hyphen_values = true)]
    fallback: Option<String>,
    /// First local date, or time, of the tariff; without it, as the prices begin
    #[arg(long)]
    from: Option<String>,
    /// First local date, or time, after the tariff; without it, as the prices end
    #[arg(long)]
    to: Option<String>,
    /// How prices finer than 10⁻⁹ of the currency are rounded; without it they are refused
    #[arg(long, value_name = "MODE")]
    price_rounding: Option<Rounding>,
    /// Where the signed tariff goes
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Csv {
    /// The file
    file: PathBuf,
    /// Column with the prices of import
    #[arg(long)]
    column: String,
    /// Unit of the prices, as in p/kWh or EUR/MWh
    #[arg(long)]
    unit: String,
    /// Currency, as in EUR
    #[arg(long)]
    currency: String,
    /// IANA time zone, as in Europe/London
    #[arg(long)]
    zone: String,
    /// Column with the prices that are paid for export
    #[arg(long, value_name = "COLUMN")]
    export_column: Option<String>,
    /// Code of the register that counts export
    #[arg(long, value_name = "CODE", default_value = "1-0:2.8.0")]
    export_register: String,
    /// Price of export that the meter cannot place in time; without it, the lowest of the prices
    #[arg(long, value_name = "PRICE", requires = "export_column", allow_hyphen_values = true)]
    export_fallback: Option<String>,
    /// VAT is on export too
    #[arg(long, requires = "export_column", requires = "vat")]
    vat_on_export: bool,
    /// What prices of import are multiplied by
    #[arg(long, allow_hyphen_values = true)]
    factor: Option<String>,
    /// What is added to prices of import after that, as in "2.1 p/kWh"
    #[arg(long, value_name = "PRICE", allow_hyphen_values = true)]
    add: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Octopus {
    /// Pages of unit rates, in any order
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// DIRECT_DEBIT or NON_DIRECT_DEBIT, when rates differ by it
    #[arg(long, value_name = "METHOD")]
    payment_method: Option<String>,
    /// Take the rates without VAT; --vat then adds it as a line
    #[arg(long)]
    exc_vat: bool,
    /// IANA time zone
    #[arg(long, default_value = "Europe/London")]
    zone: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rounding {
    HalfEven,
    HalfAway,
    HalfUp,
    Floor,
    Ceiling,
    Truncate,
}

impl From<Rounding> for Mode {
    fn from(rounding: Rounding) -> Self {
        match rounding {
            Rounding::HalfEven => Self::HalfEven,
            Rounding::HalfAway => Self::HalfAway,
            Rounding::HalfUp => Self::HalfUp,
            Rounding::Floor => Self::Floor,
            Rounding::Ceiling => Self::Ceiling,
            Rounding::Truncate => Self::Truncate,
        }
    }
}

impl Import {
    pub(super) fn run(&self, home: &Home) -> Result<Answer, Failure> {
        match self {
            Self::Csv(command) => command.run(&home.identity()?),
            Self::Octopus(command) => command.run(&home.identity()?),
            Self::Urdb(command) => command.run(),
            Self::Nettleie(command) => command.run(),
        }
    }
}

impl Csv {
    fn run(&self, identity: &Identity) -> Result<Answer, Failure> {
        let bytes = read(&self.file)?;
        let file = self.file.display().to_string();
        let import = PriceSeries::from_csv(&file, &bytes, &self.column)?;
        let export =
            self.export_column.as_ref().map(|column| PriceSeries::from_csv(&file, &bytes, column)).transpose()?;
        let common = &self.common;
        let energy = EnergyImport {
            name: "Energy",
            register: &common.register,
            prices: &import,
            unit: &self.unit,
            factor: self.factor.as_deref(),
            add: self.add.as_deref(),
            rounding: common.price_rounding.map(Mode::from),
            credit: false,
            fallback: common.fallback.as_deref(),
        };
        let mut lines = vec![energy];
        lines.extend(export.as_ref().map(|prices| EnergyImport {
            name: "Export",
            register: &self.export_register,
            prices,
            factor: None,
            add: None,
            credit: true,
            fallback: self.export_fallback.as_deref(),
            ..energy
        }));
        let terms = Terms { vat_on_export: self.vat_on_export, ..common.terms(&self.currency, &self.zone) };
        publish(identity, &terms.tariff(&lines, &identity.provider())?, &common.out)
    }
}

impl Octopus {
    fn run(&self, identity: &Identity) -> Result<Answer, Failure> {
        let page = |path: &PathBuf| Ok((path.display().to_string(), read(path)?));
        let pages = self.files.iter().map(page).collect::<Result<Vec<_>, Failure>>()?;
        let choice = Choice { payment_method: self.payment_method.as_deref(), exclude_vat: self.exc_vat };
        let rates = UnitRates::from_json(&pages, choice)?;
        let common = &self.common;
        let energy = EnergyImport {
            name: "Energy",
            register: &common.register,
            prices: &rates,
            unit: octopus::UNIT,
            factor: None,
            add: None,
            rounding: common.price_rounding.map(Mode::from),
            credit: false,
            fallback: common.fallback.as_deref(),
        };
        publish(identity, &common.terms("GBP", &self.zone).tariff(&[energy], &identity.provider())?, &common.out)
    }
}

impl Common {
    fn terms<'a>(&'a self, currency: &'a str, zone: &'a str) -> Terms<'a> {
        Terms {
            id: &self.id,
            name: &self.name,
            currency,
            zone,
            from: self.from.as_deref(),
            to: self.to.as_deref(),
            standing: self.standing.as_deref(),
            vat: self.vat.as_deref(),
            vat_on_export: false,
        }
    }
}
