//! `run` and `broker`: programs that go on until they are told to stop, and say what happens meanwhile.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use protocol::money::Currency;
use zeroize::Zeroizing;

use super::args::{BrokerArgs, RunArgs};
use super::device;
use super::error::CliError;
use super::source::source;
use crate::live::run::Options;
use crate::live::{Setup, World};
use sealer::Event;
use sealer::port::{Broker, BrokerError, Lines};

/// Digits behind the point of the currencies that meters are prepaid in.
const EXPONENT: u8 = 2;

/// Runs a live meter.
pub(super) fn run(args: &RunArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let entropy = device::entropy(&args.made)?;
    let operator = args.operator.as_deref().map(key).transpose()?;
    let lines = lines(args)?;
    let source = source(&args.source)?;
    let setup = Arc::new(Setup {
        root: args.dir.clone(),
        source: Arc::new(World::new(source.load).map_err(CliError::Household)?),
        intakes: source.intakes,
        id: args.made.meter_id,
        class: device::class(&args.made),
        start: args.start,
        cadence: args.cadence,
        operator,
        price: args.prepay,
        currency: Currency { code: args.currency.clone(), exponent: EXPONENT },
        entropy,
    });
    if let Some((_, meter)) = sealer::store::Store::open_live(&args.dir)? {
        device::check_same(&args.made, &setup.entropy, &meter)?;
        if args.mqtt.is_some() {
            check_topic(meter.id().as_str())?;
        }
    } else if let Some(id) = args.made.meter_id.filter(|_| args.mqtt.is_some()) {
        check_topic(id.as_str())?;
    }
    let options = Options {
        speed: args.speed,
        catch_up: args.catch_up,
        outage_limit: args.outage_limit,
        faults: args.fault.clone(),
        fault_seed: args.fault_seed,
        pair_at_start: args.pair_at_start,
        code_file: args.code_file.clone(),
        lines,
    };
    // When nobody listens any more the meter goes on.
    let mut say = |event: &Event| drop(tell(event, args.json, out));
    Ok(crate::live::run::run(&setup, &options, &mut say)?)
}

/// Runs a broker.
pub(super) fn broker(args: &BrokerArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let failed = |source| CliError::Listen { address: args.listen, source };
    let address = crate::live::broker::start(args.listen).map_err(failed)?;
    let event = Event::Listening { transport: "mqtt", address: format!("mqtt://{address}") };
    tell(&event, args.json, out).map_err(failed)?;
    loop {
        // Until a signal ends the process: it has nothing to put in order.
        std::thread::park();
    }
}

pub(super) fn tell(event: &Event, json: bool, out: &mut dyn Write) -> std::io::Result<()> {
    if json {
        writeln!(out, "{}", serde_json::to_string(event)?)?;
    } else {
        writeln!(out, "{event}")?;
    }
    out.flush()
}

fn lines(args: &RunArgs) -> Result<Lines, CliError> {
    let user = args.mqtt_user.as_deref();
    let mqtt = client(args.mqtt.as_deref(), args.mqtt_ca.as_deref(), user, args.mqtt_password_file.as_deref())?;
    Ok(Lines { serial: args.serial.clone(), tcp: args.tcp, mqtt, baud: args.baud })
}

/// The broker that a command names, if it does.
pub(super) fn client(
    url: Option<&str>,
    authority: Option<&Path>,
    user: Option<&str>,
    password_file: Option<&Path>,
) -> Result<Option<Broker>, CliError> {
    let password = password_file.map(password).transpose()?;
    let broker = url.map(|url| Broker::new(url, authority, user.map(str::to_owned), password));
    Ok(broker.transpose()?)
}

fn password(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let read = fs::read_to_string(path).map_err(|source| CliError::File { path: path.to_owned(), source })?;
    let read = Zeroizing::new(read);
    Ok(Zeroizing::new(read.trim_end_matches(['\r', '\n']).to_owned()))
}

fn key(text: &str) -> Result<[u8; 32], CliError> {
    let mut key = [0; 32];
    hex::decode_to_slice(text, &mut key)
        .map_err(|_| CliError::Usage("--operator needs the operator's key, 64 hexadecimal digits".into()))?;
    Ok(key)
}

/// A meter's name stands in topics, where some signs have a meaning.
fn check_topic(meter: &str) -> Result<(), CliError> {
    if meter.contains(['/', '+', '#']) { Err(CliError::Broker(BrokerError::Name)) } else { Ok(()) }
}
