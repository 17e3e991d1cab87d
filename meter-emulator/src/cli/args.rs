//! What can be said on the command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;
use metrology::certificate::SealClass;
use metrology::label::{Interval, MeterId, RegisterCode, Unit};
use protocol::time::{Span, Zone};

pub use super::plain_args::PlainArgs;
pub use super::run_args::{BrokerArgs, RunArgs};

use super::examples::{BILL_EXAMPLES, SEAL_EXAMPLES};
use crate::course::Faults;
use crate::household::DEFAULT_PV_WATTS;
use sealer::time::{parse_moment, parse_span, parse_time};

/// The emulated meter.
#[derive(Parser)]
#[command(name = "wattseal-meter", version, about = "Seals readings, or bills them, as a certified meter would")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Commands.
#[derive(Subcommand)]
pub enum Command {
    /// Seal readings from a file, or from a built-in household, into signed and encrypted day blocks
    Seal(Box<SealArgs>),
    /// Let the meter bill itself: one signed fee leaves, and no reading is kept
    Bill(Box<BillArgs>),
    /// Run as a meter on a line: seal as time passes, pair with a household, and answer it
    Run(Box<RunArgs>),
    /// Play a plain market meter: P1, SML, DLMS, TIC, D0, OCMF, or a bridge to a broker
    Plain(Box<PlainArgs>),
    /// Run a small MQTT broker, for demonstrations and tests: anyone who reaches it may speak
    Broker(BrokerArgs),
}

/// Arguments of `seal`.
#[derive(Args)]
#[command(after_help = SEAL_EXAMPLES)]
pub struct SealArgs {
    /// Where readings come from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Which meter.
    #[command(flatten)]
    pub device: DeviceArgs,
    /// What goes wrong.
    #[command(flatten)]
    pub faults: FaultArgs,
    /// Close the block and start a new epoch with new keys; may repeat
    #[arg(long, value_name = "TIME", value_parser = moment, action = ArgAction::Append)]
    pub rotate_at: Vec<u64>,

    /// Print the summary as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `bill`.
#[derive(Args)]
#[command(after_help = BILL_EXAMPLES)]
pub struct BillArgs {
    /// The provider's signed tariff
    #[arg(long, value_name = "FILE")]
    pub tariff: PathBuf,
    /// The provider that this meter bills for: its key, or its provider.pub
    #[arg(long, value_name = "HEX|FILE")]
    pub provider_key: String,
    /// Start of the billing period: RFC 3339, or YYYY-MM-DD for the start of that day in the tariff's zone
    #[arg(long, value_name = "TIME", value_parser = bound)]
    pub bill_from: Bound,
    /// End of the billing period: the first moment that is not billed
    #[arg(long, value_name = "TIME", value_parser = bound)]
    pub bill_to: Bound,
    /// Where readings come from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Which meter.
    #[command(flatten)]
    pub device: DeviceArgs,
    /// What goes wrong.
    #[command(flatten)]
    pub faults: FaultArgs,
    /// Start a new epoch with new keys where the period begins
    #[arg(long)]
    pub rotate: bool,

    /// Print the summary as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Where readings come from.
#[derive(Args, Clone)]
pub struct SourceArgs {
    /// CSV file with the readings
    #[arg(long, value_name = "FILE", required_unless_present = "household", requires_all = ["column", "register"])]
    pub csv: Option<PathBuf>,
    /// Column to read; may repeat, each with a --register
    #[arg(long, value_name = "NAME", conflicts_with = "household")]
    pub column: Vec<String>,
    /// Code of the register that counts the column, such as 1-0:1.8.0
    #[arg(long, value_name = "CODE", conflicts_with = "household", value_parser = register)]
    pub register: Vec<RegisterCode>,
    /// Unit of the columns [default: Wh]
    #[arg(long, conflicts_with = "household", value_parser = unit)]
    pub unit: Option<Unit>,
    /// Move the readings by whole calendar years (after cutting)
    #[arg(long, value_name = "N", conflicts_with = "household", allow_negative_numbers = true)]
    pub shift_years: Option<i32>,

    /// Instead of a file: the built-in household with this number
    #[arg(long, value_name = "SEED", conflicts_with = "csv")]
    pub household: Option<u64>,
    /// Days of the household [default: 365]
    #[arg(long, conflicts_with_all = ["csv", "until"])]
    pub days: Option<u32>,
    /// Peak power of its panels, 0 for none
    #[arg(long, value_name = "WATTS", conflicts_with = "csv", default_value_t = DEFAULT_PV_WATTS)]
    pub pv: u32,

    /// Give the household a gas heating with this number: register 7-0:3.0.0 in litres
    #[arg(long, value_name = "SEED", requires = "household")]
    pub gas: Option<u64>,

    /// Leave out what is before; RFC 3339 or YYYY-MM-DD (UTC). The household begins there [default: 2025-01-01]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub from: Option<u64>,
    /// Leave out what is from here on
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<u64>,
    /// Seconds of a slot: 900, 1800 or 3600
    #[arg(long, value_name = "SECONDS", default_value = "1800", value_parser = interval)]
    pub interval: Interval,
    /// What a new register shows at the start; may repeat, in the order of the registers [default: 0]
    #[arg(long, value_name = "AMOUNT")]
    pub register_start: Vec<String>,
}

/// Which meter.
#[derive(Args)]
pub struct DeviceArgs {
    /// Directory of the meter; made when it is not there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// What a new meter is.
    #[command(flatten)]
    pub made: MadeArgs,
}

/// What a new meter is; of one that is there it must be true.
#[derive(Args)]
pub struct MadeArgs {
    /// Name of a new meter [default: after its key]
    #[arg(long, value_name = "NAME", value_parser = meter_id)]
    pub meter_id: Option<MeterId>,
    /// Where a new meter's sealing claims to run [default: certified]
    #[arg(long)]
    pub class: Option<Class>,
    /// FOR TESTS ONLY: make all keys from these 32 bytes; whoever knows them has the meter
    #[arg(long, value_name = "HEX")]
    pub seed: Option<String>,
}

/// What goes wrong.
#[derive(Args)]
pub struct FaultArgs {
    /// The cover is open from…until: slots are flagged; may repeat
    #[arg(long, value_name = "FROM..UNTIL", value_parser = span)]
    pub tamper: Vec<Span>,
    /// The meter is off from…until: slots are missing; may repeat
    #[arg(long, value_name = "FROM..UNTIL", value_parser = span)]
    pub outage: Vec<Span>,
    /// What passes during an outage is found in the residual instead of being lost
    #[arg(long, requires = "outage")]
    pub outage_counted: bool,
}

impl FaultArgs {
    /// As a course takes them.
    #[must_use]
    pub fn faults(&self) -> Faults {
        Faults { tamper: self.tamper.clone(), outages: self.outage.clone(), outage_counted: self.outage_counted }
    }
}

/// A bound of a billing period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A moment in Unix seconds.
    Time(u64),
    /// The start of a local day.
    Day(Date),
}

impl Bound {
    /// The moment in a zone. `None` before 1970.
    #[must_use]
    pub fn at(self, zone: &Zone) -> Option<u64> {
        match self {
            Self::Time(time) => Some(time),
            Self::Day(date) => zone.start_of(date),
        }
    }
}

/// Where the sealing claims to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Class {
    /// In the certified meter
    Certified,
    /// On a device of its own beside a plain meter
    Beside,
    /// In the household's gateway
    #[value(name = "self")]
    SelfSealed,
}

impl Class {
    /// As certificates name it.
    #[must_use]
    pub fn seal_class(self) -> SealClass {
        match self {
            Self::Certified => SealClass::Certified,
            Self::Beside => SealClass::BesideMeter,
            Self::SelfSealed => SealClass::SelfSealed,
        }
    }

    /// The word for a class.
    #[must_use]
    pub fn name(class: SealClass) -> &'static str {
        match class {
            SealClass::Certified => "certified",
            SealClass::BesideMeter => "beside",
            SealClass::SelfSealed => "self",
        }
    }
}

fn register(text: &str) -> Result<RegisterCode, &'static str> {
    RegisterCode::new(text).ok_or("a register code has 1 to 24 printable ASCII characters, such as 1-0:1.8.0")
}

fn unit(text: &str) -> Result<Unit, &'static str> {
    Unit::new(text).ok_or("a unit has 1 to 8 printable ASCII characters, such as Wh")
}

pub(super) fn meter_id(text: &str) -> Result<MeterId, &'static str> {
    MeterId::new(text).ok_or("a meter's name has 1 to 32 printable ASCII characters")
}

pub(super) fn moment(text: &str) -> Result<u64, &'static str> {
    parse_moment(text).ok_or("write 2013-01-31 or 2013-01-31T23:30Z")
}

fn bound(text: &str) -> Result<Bound, &'static str> {
    let day = || text.parse().ok().filter(|_| text.len() == "YYYY-MM-DD".len()).map(Bound::Day);
    parse_time(text)
        .map(Bound::Time)
        .or_else(day)
        .ok_or("write 2025-03-01 for local midnight, or 2025-03-01T00:00+01:00")
}

fn span(text: &str) -> Result<Span, &'static str> {
    parse_span(text).ok_or("write 2013-01-30..2013-01-31T23:30Z; the end must be later than the beginning")
}

fn interval(text: &str) -> Result<Interval, &'static str> {
    text.parse().ok().and_then(Interval::from_seconds).ok_or("a slot lasts 900, 1800 or 3600 seconds")
}
