//! What can be said to `plain`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, ArgGroup, Args};

use super::args::moment;
use super::examples::PLAIN_EXAMPLES;
use super::run_args::serial;
use crate::household::DEFAULT_PV_WATTS;
use crate::live::Speed;
use crate::plain::Quirk;
use sealer::port::Serial;

/// Arguments of `plain`.
#[derive(Args)]
#[command(after_help = PLAIN_EXAMPLES, group(
    ArgGroup::new("line").required(true).multiple(true).args(["serial", "tcp", "mqtt", "at_once"])
))]
pub struct PlainArgs {
    /// What it speaks: p1, sml, dlms, tic, d0, ocmf or json
    #[arg(long, value_name = "NAME")]
    pub protocol: String,
    /// In which dialect
    #[arg(long, value_name = "NAME")]
    pub dialect: Option<String>,

    /// Speak over a new pseudo-terminal (auto, its path is printed) or over a serial device
    #[arg(long, value_name = "auto|PATH", value_parser = serial)]
    pub serial: Option<Serial>,
    /// Speak over TCP; listens here, port 0 for a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub tcp: Option<SocketAddr>,
    /// Publish on a broker: mqtt://host:1883, or mqtts://host:8883 with --mqtt-ca
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
    /// Let the pseudo-terminal and TCP carry no more than a serial line of so many bits a second; a reader of the
    /// pseudo-terminal that is set to another speed hears noise
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u32).range(300..=100_000_000))]
    pub baud: Option<u32>,
    /// Instead of a line: write all frames at once, as JSON lines with their times
    #[arg(long = "virtual", conflicts_with_all = ["serial", "tcp", "mqtt", "speed", "baud"])]
    pub at_once: bool,
    /// Write the frames here instead of to standard output
    #[arg(long, value_name = "FILE", requires = "at_once")]
    pub out: Option<PathBuf>,
    /// Write their bytes alone, as a line would carry them
    #[arg(long, requires = "at_once")]
    pub raw: bool,

    /// The built-in household with this number
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub household: u64,
    /// Peak power of its panels, 0 for none
    #[arg(long, value_name = "WATTS", default_value_t = DEFAULT_PV_WATTS)]
    pub pv: u32,
    /// Give it a gas meter
    #[arg(long)]
    pub gas: bool,
    /// Begin here; RFC 3339 or YYYY-MM-DD (UTC) [default: now on a line, 2025-01-01 with --virtual]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub from: Option<u64>,
    /// Stop after so many hours of the meter's time [default: 24 with --virtual, otherwise a year]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=400_000))]
    pub hours: Option<u32>,
    /// How many seconds pass in one, 1 to 1000000, or max for as fast as the line takes frames
    #[arg(long, value_name = "N", default_value = "1")]
    pub speed: Speed,
    /// Seconds of the meter's time between frames [default: the protocol's own]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub interval: Option<u32>,

    /// Key of encrypted frames (32 hexadecimal digits), or of signed records (64)
    #[arg(long, value_name = "HEX")]
    pub key: Option<String>,
    /// Authentication key of encrypted frames [p1: the one that operators publish; dlms: none, and no tag]
    #[arg(long, value_name = "HEX", requires = "key")]
    pub auth_key: Option<String>,
    /// Damage so many frames in a hundred
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub damage: u8,
    /// What the meter does otherwise than its standard: clock-reset, momentary-zero, hourly-totals, stale-repeat,
    /// non-ascii, unsigned-power, pin-locked, short-crc, merged-lines, parity-bits; may repeat
    #[arg(long, value_name = "KIND", action = ArgAction::Append)]
    pub quirk: Vec<Quirk>,
    /// Write what the registers hold at every quarter-hour here, as JSON lines (10⁻⁴ Wh)
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,

    /// Print events as JSON, one object a line
    #[arg(long)]
    pub json: bool,
}
