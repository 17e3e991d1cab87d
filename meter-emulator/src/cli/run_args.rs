//! What can be said to `run` and `broker`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, ArgGroup, Args};

use super::args::{MadeArgs, SourceArgs, moment};
use super::examples::RUN_EXAMPLES;
use crate::live::Speed;
use crate::live::fault::Fault;
use sealer::port::Serial;

/// Arguments of `run`.
#[derive(Args)]
#[command(after_help = RUN_EXAMPLES, group(ArgGroup::new("line").required(true).multiple(true).args(["serial", "tcp", "mqtt"])))]
pub struct RunArgs {
    /// Directory of the meter; made when it is not there
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Where readings come from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// What a new meter is.
    #[command(flatten)]
    pub made: MadeArgs,

    /// Speak over a new pseudo-terminal (auto, its path is printed) or over a serial device
    #[arg(long, value_name = "auto|PATH", value_parser = serial)]
    pub serial: Option<Serial>,
    /// Speak over TCP; listens here, port 0 for a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub tcp: Option<SocketAddr>,
    /// Speak over a broker: mqtt://host:1883, or mqtts://host:8883 with --mqtt-ca
    #[arg(long, value_name = "URL")]
    pub mqtt: Option<String>,
    /// Certificate authority (PEM) that the broker's certificate is checked against
    #[arg(long, value_name = "FILE", requires = "mqtt")]
    pub mqtt_ca: Option<PathBuf>,
    /// User at the broker
    #[arg(long, value_name = "NAME", requires = "mqtt")]
    pub mqtt_user: Option<String>,
    /// File with the password at the broker
    #[arg(long, value_name = "FILE", requires = "mqtt")]
    pub mqtt_password_file: Option<PathBuf>,
    /// Let the pseudo-terminal and TCP carry no more than a serial line of so many bits a second
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u32).range(300..=100_000_000))]
    pub baud: Option<u32>,

    /// How many seconds pass in one, 1 to 1000000, or max for as fast as possible
    #[arg(long, value_name = "N", default_value = "1")]
    pub speed: Speed,
    /// Begin here instead of where the readings begin or the meter stopped
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub start: Option<u64>,
    /// Seal everything up to here at once, before the line opens
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub catch_up: Option<u64>,
    /// A meter that is started again was off for as long as it was, at --speed, but not longer than this
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    pub outage_limit: u64,
    /// Seconds of the meter's time between current readings
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    pub cadence: u16,

    /// Press the pairing button at the start
    #[arg(long)]
    pub pair_at_start: bool,
    /// Write the pairing code here as well while it is good (mode 0600)
    #[arg(long, value_name = "FILE")]
    pub code_file: Option<PathBuf>,
    /// Key of the operator who may command this meter
    #[arg(long, value_name = "HEX")]
    pub operator: Option<String>,
    /// Keep a prepaid credit: price of a Wh in billionths of the currency; without credit the supply opens
    #[arg(long, value_name = "PRICE")]
    pub prepay: Option<u32>,
    /// Currency of the credit
    #[arg(long, value_name = "CODE", default_value = "EUR", value_parser = currency)]
    pub currency: String,

    /// What goes wrong: drop:P, duplicate:P, reorder:P, corrupt:P, replay:P, equivocate, clock:±SECONDS,
    /// power-cut:EVERY:LASTING (once the line is open, not while it catches up), full-flash; may repeat
    #[arg(long, value_name = "KIND[:ARG]", action = ArgAction::Append)]
    pub fault: Vec<Fault>,
    /// Chances of the line's faults, to repeat them
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub fault_seed: u64,

    /// Print events as JSON, one object a line
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `broker`.
#[derive(Args)]
pub struct BrokerArgs {
    /// Where to listen, port 0 for a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Print where it listens as JSON
    #[arg(long)]
    pub json: bool,
}

pub(super) fn serial(text: &str) -> Result<Serial, &'static str> {
    match text {
        "" => Err("write auto, or the path of a serial device"),
        "auto" => Ok(Serial::Auto),
        path => Ok(Serial::Path(path.into())),
    }
}

fn currency(text: &str) -> Result<String, &'static str> {
    let good = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if good { Ok(text.to_owned()) } else { Err("write three capitals, such as EUR") }
}
