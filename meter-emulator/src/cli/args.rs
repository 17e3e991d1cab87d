//! What can be said on the command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use metrology::certificate::SealClass;
use metrology::label::{Interval, MeterId, RegisterCode, Unit};
use protocol::time::Span;

use crate::household::DEFAULT_PV_WATTS;
use crate::time::{parse_moment, parse_span};

/// The emulated meter.
#[derive(Parser)]
#[command(name = "wattseal-meter", version, about = "Seals readings as a certified meter would")]
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
}

const EXAMPLES: &str = "\
Examples:
  Seal a year of half-hours:
    wattseal-meter seal --csv house.csv --column import_wh --register 1-0:1.8.0 --interval 1800 --out meter

  Import and export beside each other, quarter-hours:
    wattseal-meter seal --csv house.csv --column import_wh --register 1-0:1.8.0 \\
        --column export_wh --register 1-0:2.8.0 --interval 900 --out meter

  No file at hand: a month of a built-in household with panels, and a day with the cover open:
    wattseal-meter seal --household 7 --from 2025-06-01 --days 30 --out meter \\
        --tamper 2025-06-10..2025-06-11

The file: a first line utc_start,<column>…, then one line an interval: 2013-01-31T23:30Z,292.5
(start of the interval in UTC, amount with up to 4 decimals, empty when missing). Finer lines are summed.

Calling it again with the same --out goes on with the same meter. DIR/meter.cert is for everyone, DIR/blocks may be
stored anywhere; DIR/pairing.key lets whoever holds it read the readings, and DIR/flash is the meter's own memory.

Exit codes: 0 done, 1 refused or invalid, 2 wrong usage, 3 could not (file, lock).";

/// Arguments of `seal`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct SealArgs {
    /// CSV file with the readings
    #[arg(long, value_name = "FILE", required_unless_present = "household", requires_all = ["column", "register"])]
    pub csv: Option<PathBuf>,
    /// Column to seal; may repeat, each with a --register
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

    /// Leave out what is before; RFC 3339 or YYYY-MM-DD (UTC). The household begins there [default: 2025-01-01]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub from: Option<u64>,
    /// Leave out what is from here on
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<u64>,
    /// Seconds of a slot: 900, 1800 or 3600
    #[arg(long, value_name = "SECONDS", default_value = "1800", value_parser = interval)]
    pub interval: Interval,

    /// Directory of the meter; made when it is not there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Name of a new meter [default: after its key]
    #[arg(long, value_name = "NAME", value_parser = meter_id)]
    pub meter_id: Option<MeterId>,
    /// Where a new meter's sealing claims to run [default: certified]
    #[arg(long)]
    pub class: Option<Class>,
    /// What a new register shows at the start; may repeat, in the order of the registers [default: 0]
    #[arg(long, value_name = "AMOUNT")]
    pub register_start: Vec<String>,
    /// FOR TESTS ONLY: make all keys from these 32 bytes; whoever knows them has the meter
    #[arg(long, value_name = "HEX")]
    pub seed: Option<String>,

    /// The cover is open from…until: slots are flagged; may repeat
    #[arg(long, value_name = "FROM..UNTIL", value_parser = span)]
    pub tamper: Vec<Span>,
    /// The meter is off from…until: slots are missing; may repeat
    #[arg(long, value_name = "FROM..UNTIL", value_parser = span)]
    pub outage: Vec<Span>,
    /// What passes during an outage is found in the residual instead of being lost
    #[arg(long, requires = "outage")]
    pub outage_counted: bool,
    /// Close the block and start a new epoch with new keys; may repeat
    #[arg(long, value_name = "TIME", value_parser = moment, action = ArgAction::Append)]
    pub rotate_at: Vec<u64>,

    /// Print the summary as one JSON object
    #[arg(long)]
    pub json: bool,
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

fn meter_id(text: &str) -> Result<MeterId, &'static str> {
    MeterId::new(text).ok_or("a meter's name has 1 to 32 printable ASCII characters")
}

fn moment(text: &str) -> Result<u64, &'static str> {
    parse_moment(text).ok_or("write 2013-01-31 or 2013-01-31T23:30Z")
}

fn span(text: &str) -> Result<Span, &'static str> {
    parse_span(text).ok_or("write 2013-01-30..2013-01-31T23:30Z; the end must be later than the beginning")
}

fn interval(text: &str) -> Result<Interval, &'static str> {
    text.parse().ok().and_then(Interval::from_seconds).ok_or("a slot lasts 900, 1800 or 3600 seconds")
}
