//! The tariff desk: from what people write or publish to the tariff that a provider signs.
//!
//! ```text
//! source.toml ─ source ─ compile ─ lines ─ bands, calendar ─┐
//! prices.csv ─── series ────────────────────────────────────┼─► protocol::tariff::Tariff ─► sign
//! rates.json ─── octopus ── import ─────────────────────────┘
//! ```
//!
//! Everything is exact: numbers are decimals or integers and never floats, local time is compiled to the UTC grid, and
//! what a tariff cannot say is refused by name.
//!
//! ```
//! let source = r#"
//!     format = 1
//!     id = "fern-flat"
//!     name = "Fern Flat"
//!     currency = "EUR"
//!     zone = "Europe/Brussels"
//!     valid = { from = "2024-01-01", to = "2025-01-01" }
//!
//!     [registers.import]
//!     code = "1-0:1.8.0"
//!     unit = "Wh"
//!
//!     [[line]]
//!     name = "Energy"
//!     kind = "energy"
//!     price = "0.30 EUR/kWh"
//! "#;
//! let provider = protocol::tariff::Provider { name: "Fern Energy".into(), key: [7; 32] };
//! let no_files = &mut |_: &str| Err(std::io::ErrorKind::NotFound.into());
//! let tariff = provider::desk::compile(source, no_files, &provider)?;
//! assert_eq!(tariff.energy_lines().count(), 1);
//! # Ok::<(), provider::desk::DeskError>(())
//! ```

mod account;
mod account_algebra;
mod amount;
mod bands;
mod calendar;
mod compile;
mod counted;
mod currency;
mod decimal;
mod error;
mod forms;
mod import;
mod lines;
pub mod nettleie;
pub mod octopus;
mod price;
mod quantities;
mod refused;
mod seasons;
mod series;
mod shape;
mod source;
mod timetable;
pub mod urdb;
mod values;
mod zone;

pub use account::Account;
pub use compile::{Load, compile};
pub use currency::currency;
pub use decimal::Decimal;
pub use error::{DeskError, Place, Problem};
pub use import::{EnergyImport, Import};
pub use price::{Conversion, PriceUnit, addition};
pub use series::{PriceSeries, PublishedPrices};
pub use source::{FORMAT, FORMAT_ALGEBRA};
pub use zone::{moment, named};
