//! `wattseal detect`: what speaks on the ports of this machine or on a broker. Nothing is saved, and no home is needed.
//!
//! ```text
//! ports ─► port: each setting in turn ─► drivers::detect::Ear ──┐
//! broker ─► broker: every topic ───────► drivers::detect::Crowd ┴─► told: for people, for programs
//! ```
//!
//! Readings go to whoever typed the command, on standard output; how far it is goes to standard error.

mod broker;
mod holder;
mod port;
mod told;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use drivers::plain::{Keys, MeterKey};
use drivers::{Address, Mqtt};
use serde_json::json;
use zeroize::Zeroizing;

use super::meters::profiles;
use super::{Answer, Outcome};
use crate::Failure;
use told::Told;

/// What `wattseal detect` takes.
#[derive(Args)]
pub struct DetectArgs {
    /// Only this serial port; may be given several times. Without it, all of this machine
    #[arg(long, value_name = "PATH")]
    port: Vec<PathBuf>,
    /// Look on this broker instead: mqtt://[USER@]HOST[:PORT] or mqtts://…
    #[arg(long, value_name = "URL", value_parser = broker)]
    mqtt: Option<Mqtt>,
    /// File with the password at the broker
    #[arg(long, value_name = "FILE", requires = "mqtt")]
    password_file: Option<PathBuf>,
    /// File with the certificate of the broker's authority
    #[arg(long, value_name = "FILE", requires = "mqtt")]
    ca_file: Option<PathBuf>,
    /// On the broker, listen to every topic, not to those alone on which known bridges publish unless told otherwise
    #[arg(long, requires = "mqtt")]
    all_topics: bool,
    /// File with the key that opens encrypted telegrams
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    meter_key_file: Option<PathBuf>,
    /// File with the authentication key beside it
    #[arg(long, value_name = "FILE", requires = "meter_key_file")]
    meter_auth_key_file: Option<PathBuf>,
    /// The key itself, 32 hexadecimal digits; others may see it
    #[arg(long, value_name = "HEX")]
    key: Option<String>,
    /// The authentication key beside it
    #[arg(long, value_name = "HEX", requires = "key")]
    auth_key: Option<String>,
    /// Take at most so long, for each port or on the broker
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: Option<u32>,
    /// Send nothing, not even the question that some meters wait for
    #[arg(long)]
    listen_only: bool,
}

/// A broker without a topic.
fn broker(text: &str) -> Result<Mqtt, String> {
    let bare = text.strip_suffix('/').unwrap_or(text);
    if !bare.starts_with("mqtt://") && !bare.starts_with("mqtts://") {
        return Err("a broker is named mqtt://[USER@]HOST[:PORT] or mqtts://…".into());
    }
    match format!("{bare}/any").parse() {
        Ok(Address::Mqtt(mqtt)) if mqtt.topic == "any" => Ok(Mqtt { topic: String::new(), ..mqtt }),
        Ok(_) => Err("name the broker alone, without a topic".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// Looks for meters.
///
/// # Errors
/// When nothing could be listened to: no port opens, or the broker refuses.
pub async fn detect(home: &Path, mut args: DetectArgs) -> Outcome {
    let profiles = profiles(home)?;
    let keys = Keys { meter: key(&mut args)?, public: None };
    let seconds = args.seconds.map(|seconds| Duration::from_secs(seconds.into()));
    let told = match &args.mqtt {
        Some(mqtt) => {
            let way = broker::Way {
                mqtt,
                password_file: args.password_file.as_deref(),
                ca_file: args.ca_file.as_deref(),
                all_topics: args.all_topics,
                patience: seconds,
            };
            broker::look(&profiles, keys, way).await?
        }
        None => {
            let ports = if args.port.is_empty() {
                drivers::ports().into_iter().map(|port| port.path).collect()
            } else {
                args.port
            };
            port::look(&profiles, &keys, ports, seconds, args.listen_only).await?
        }
    };
    Ok(answer(&told))
}

fn answer(told: &Told<'_>) -> Answer {
    let found: Vec<_> = told.found.iter().map(told::Found::value).collect();
    let others: Vec<_> = told.others.iter().map(told::Other::value).collect();
    let mut parts: Vec<_> = told.found.iter().map(told::Found::text).collect();
    parts.extend(told.others.iter().map(ToString::to_string));
    if !found.is_empty() {
        parts.push("Compare with the meter's own display, then add it by the command above.".into());
    }
    Answer { refused: found.is_empty(), text: parts.join("\n"), json: json!({ "found": found, "others": others }) }
}

/// The key that was given, by whichever way.
fn key(args: &mut DetectArgs) -> Result<Option<MeterKey>, Failure> {
    let key = one_key(args.key.take(), args.meter_key_file.as_deref())?;
    let authentication = one_key(args.auth_key.take(), args.meter_auth_key_file.as_deref())?;
    let Some(key) = key else { return Ok(None) };
    let key = MeterKey::from_hex(&key, authentication.as_ref().map(|key| key.as_str()));
    key.map(Some).map_err(|error| Failure::refused("meter-key", error.to_string()))
}

fn one_key(text: Option<String>, file: Option<&Path>) -> Result<Option<Zeroizing<String>>, Failure> {
    let from_file = |path| std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error));
    let text = text.map_or_else(|| file.map(from_file).transpose(), |text| Ok(Some(text)))?;
    Ok(text.map(Zeroizing::new))
}

/// Something that never repeats: the name of an MQTT session.
fn random() -> u64 {
    rand_core::RngCore::next_u64(&mut rand_core::OsRng)
}
