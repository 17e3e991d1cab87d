//! What may be said to `wattseal seal-live`, and what it says.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use protocol::metrology::label::MeterId;
use sealer::port::{Broker, Lines, Serial};
use serde_json::json;

use super::print::Printer;
use super::{first_line, whole};
use crate::Failure;
use crate::api::{LineAdd, PlainMeter};
use crate::beside::{self, Beside};

/// A device beside a plain meter.
#[derive(Args)]
#[command(
    group(ArgGroup::new("side").required(true).multiple(true).args(["serial", "tcp", "mqtt"])),
    after_help = "Example, on the device beside the meter:\n  wattseal seal-live serial:/dev/serial/by-id/usb-FTDI_P1-if00-port0 --meter dsmr-5 --dir /var/lib/seal --tcp 0.0.0.0:4059 --pair\nand at home:\n  wattseal line add tcp://pi-zero.local:4059\n  wattseal pair\n\nThe pairing button is pressed by --pair, by the word pair on standard input, or by the signal SIGUSR1."
)]
pub struct BesideArgs {
    /// Where the plain meter is read: serial:/dev/…, tcp://host:port, mqtt://[user@]host[:port]/TOPIC or mqtts://…
    pub address: String,
    /// The meter's profile, as `wattseal meters` lists them
    #[arg(long, value_name = "PROFILE")]
    pub meter: String,
    /// Directory of the device; made when it is not there. It holds keys and the open day
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Minutes of a slot: 15, 30 or 60
    #[arg(long, value_name = "MINUTES")]
    pub interval: Option<u32>,
    /// File with the key that opens the meter's telegrams, in hexadecimal digits
    #[arg(long, value_name = "FILE")]
    pub meter_key_file: Option<PathBuf>,
    /// File with the authentication key beside it
    #[arg(long, value_name = "FILE", requires = "meter_key_file")]
    pub meter_auth_key_file: Option<PathBuf>,
    /// File with the password at the broker where the meter is read
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// File with the certificate of that broker's authority
    #[arg(long, value_name = "FILE")]
    pub authority: Option<PathBuf>,

    /// Talk with a home over this serial device
    #[arg(long, value_name = "PATH")]
    pub serial: Option<PathBuf>,
    /// Talk with a home over TCP; listens here
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub tcp: Option<SocketAddr>,
    /// Talk with a home over a broker: mqtt://host:1883, or mqtts://host:8883 with --mqtt-ca
    #[arg(long, value_name = "URL")]
    pub mqtt: Option<String>,
    /// Certificate authority (PEM) that this broker's certificate is checked against
    #[arg(long, value_name = "FILE", requires = "mqtt")]
    pub mqtt_ca: Option<PathBuf>,
    /// User at this broker
    #[arg(long, value_name = "NAME", requires = "mqtt")]
    pub mqtt_user: Option<String>,
    /// File with the password at this broker
    #[arg(long, value_name = "FILE", requires = "mqtt")]
    pub mqtt_password_file: Option<PathBuf>,

    /// Name of a new device [default: the meter's number]
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub id: Option<MeterId>,
    /// Which input of a bridge is the meter, where the bridge has inputs; kept in the directory
    #[arg(long, value_name = "LABEL")]
    pub input: Option<String>,
    /// Press the pairing button at the start
    #[arg(long)]
    pub pair: bool,
    /// Write the pairing code here as well while it is good (mode 0600)
    #[arg(long, value_name = "FILE")]
    pub code_file: Option<PathBuf>,
}

fn name(text: &str) -> Result<MeterId, &'static str> {
    beside::name(text).ok_or("write up to 32 letters, digits and marks, without / + #")
}

/// Runs the device.
pub(super) fn run(
    runtime: &tokio::runtime::Runtime,
    args: BesideArgs,
    json: bool,
    out: &Printer,
) -> Result<(), Failure> {
    let plain = PlainMeter {
        profile: args.meter,
        interval: args.interval,
        key: args.meter_key_file.as_deref().map(first_line).transpose()?,
        authentication_key: args.meter_auth_key_file.as_deref().map(first_line).transpose()?,
        public_key: None,
    };
    let line = LineAdd {
        address: args.address,
        password: args.password_file.as_deref().map(first_line).transpose()?,
        authority: args.authority.as_deref().map(whole).transpose()?,
        plain: Some(plain),
    };
    let password = args.mqtt_password_file.as_deref().map(first_line).transpose()?;
    let broker = args.mqtt.map(|url| Broker::new(&url, args.mqtt_ca.as_deref(), args.mqtt_user, password)).transpose();
    let mqtt = broker.map_err(|error| Failure::refused("broker", error.to_string()))?;
    let lines = Lines { serial: args.serial.map(Serial::Path), tcp: args.tcp, mqtt, baud: None };
    let BesideArgs { dir: directory, id, input, pair, code_file, .. } = args;
    let options = beside::Options { directory, lines, id, input, pair, code_file };
    let mut say = |told: &Beside| out.line(&told_line(told, json));
    runtime.block_on(beside::run(line, options, &mut say))
}

fn told_line(told: &Beside, json: bool) -> String {
    match (told, json) {
        (Beside::Device(event), true) => serde_json::to_string(event).unwrap_or_default(),
        (Beside::Device(event), false) => event.to_string(),
        (Beside::Meter { code, message }, true) => {
            json!({ "event": "meter_line", "code": code, "message": message }).to_string()
        }
        (Beside::Meter { message, .. }, false) => format!("meter: {message}"),
    }
}
