//! `plain`: a meter of the market, on a line or all at once.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use zeroize::Zeroizing;

use super::args::PlainArgs;
use super::error::CliError;
use super::run::{client, tell};
use crate::plain::live::{PlainError, TruthFile, run};
use crate::plain::ocmf::Signer256;
use crate::plain::{Keys, Plan, PlanError, Play, Protocol, Quirks, Sent};
use sealer::Event;
use sealer::port::Lines;

/// 2025-01-01: where frames begin that are written at once.
const VIRTUAL_FROM: u64 = 1_735_689_600;
const HOUR: u64 = 3600;

/// A frame as a line of JSON.
#[derive(Serialize)]
struct Frame<'a> {
    at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    hex: String,
    damaged: bool,
}

/// Plays a plain meter.
pub(super) fn plain(args: &PlainArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let play = Play::new(plan(args)?)?;
    let mut truth = args.truth.clone().map(|path| TruthFile::create(path, &play)).transpose()?;
    if args.at_once {
        return at_once(args, play, truth.as_mut(), out);
    }
    let lines = lines(args, play.plan().protocol)?;
    // When nobody listens any more the meter goes on.
    let mut say = |event: &Event| drop(tell(event, args.json, out));
    Ok(run(play, &lines, args.speed, truth, &mut say)?)
}

fn plan(args: &PlainArgs) -> Result<Plan, CliError> {
    let protocol = Protocol::named(&args.protocol, args.dialect.as_deref())?;
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(VIRTUAL_FROM, |since| since.as_secs());
    let from = args.from.unwrap_or_else(|| if args.at_once { VIRTUAL_FROM } else { now() });
    let hours = args.hours.unwrap_or(if args.at_once { 24 } else { 24 * 365 });
    let until = from.saturating_add(u64::from(hours) * HOUR);
    let mut plan = Plan::new(protocol, args.household, from, until);
    (plan.pv_watts, plan.gas, plan.interval, plan.damage) = (args.pv, args.gas, args.interval, args.damage);
    plan.quirks = args.quirk.iter().copied().collect::<Quirks>();
    if let Some(text) = &args.key {
        if matches!(protocol, Protocol::Ocmf(_)) {
            if args.auth_key.is_some() {
                return Err(CliError::Usage("--auth-key goes with encrypted frames; signed records have none".into()));
            }
            plan.signing = Some(Signer256::new(&*key::<32>("--key", text)?).ok_or(PlanError::Signing)?);
        } else {
            let authentication = args.auth_key.as_deref().map(|text| key::<16>("--auth-key", text)).transpose()?;
            plan.keys = Some(Keys::new(*key::<16>("--key", text)?, authentication.map(|key| *key)));
        }
    }
    Ok(plan)
}

/// The key is not repeated in the error.
fn key<const N: usize>(name: &str, text: &str) -> Result<Zeroizing<[u8; N]>, CliError> {
    let mut key = Zeroizing::new([0; N]);
    hex::decode_to_slice(text, &mut *key)
        .map_err(|_| CliError::Usage(format!("{name} needs {} hexadecimal digits", 2 * N)))?;
    Ok(key)
}

fn lines(args: &PlainArgs, protocol: Protocol) -> Result<Lines, CliError> {
    if matches!(protocol, Protocol::Json(_)) && (args.serial.is_some() || args.tcp.is_some()) {
        return Err(CliError::Usage("json is what bridges publish; give --mqtt".into()));
    }
    if args.mqtt.is_some() && (protocol.name(), protocol.dialect()) == ("d0", "mode-c") {
        return Err(CliError::Usage(
            "a meter in mode C is asked, which a broker cannot; give --serial or --tcp".into(),
        ));
    }
    let user = args.mqtt_user.as_deref();
    let mqtt = client(args.mqtt.as_deref(), args.mqtt_ca.as_deref(), user, args.mqtt_password_file.as_deref())?;
    Ok(Lines { serial: args.serial.clone(), tcp: args.tcp, mqtt, baud: args.baud })
}

/// Writes all frames, and when they go to a file, a summary.
fn at_once(
    args: &PlainArgs,
    mut play: Play,
    truth: Option<&mut TruthFile>,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let until = play.plan().until;
    let path = args.out.as_deref().unwrap_or(Path::new("standard output"));
    let failed = |source| PlainError::File { path: path.to_owned(), source };
    let (mut sent, mut damaged) = (0, 0);
    let mut write = |target: &mut dyn Write| {
        for frame in &mut play {
            (sent, damaged) = (sent + 1, damaged + u64::from(frame.damaged));
            put(&frame, args.raw, target)?;
        }
        target.flush()
    };
    match &args.out {
        Some(path) => File::create(path).map(BufWriter::new).and_then(|mut file| write(&mut file)),
        None => write(&mut BufWriter::new(&mut *out)),
    }
    .map_err(failed)?;
    if let Some(truth) = truth {
        truth.pass(&play, until)?;
    }
    if args.out.is_some() {
        tell(&Event::Played { sent, damaged, lost: 0, at: until }, args.json, out).map_err(failed)?;
    }
    Ok(())
}

fn put(frame: &Sent, raw: bool, target: &mut dyn Write) -> std::io::Result<()> {
    if raw {
        return target.write_all(&frame.bytes);
    }
    let Sent { at, topic, bytes, damaged } = frame;
    let line = Frame { at: *at, topic: topic.as_deref(), hex: hex::encode(bytes), damaged: *damaged };
    serde_json::to_writer(&mut *target, &line)?;
    target.write_all(b"\n")
}
