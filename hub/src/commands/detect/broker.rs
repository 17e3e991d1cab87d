//! A broker: everything that is published for a while, sorted by device.

use std::path::Path;
use std::time::Duration;

use drivers::detect::Crowd;
use drivers::plain::Keys;
use drivers::profile::Profiles;
use drivers::{Address, Chunk, Dial, LineError, Manner, Mqtt, Secret};
use tokio::time::{Instant, timeout_at};

use super::random;
use super::told::{Found, Other, Told};
use crate::Failure;

/// How long is listened when nothing more is said.
const PATIENCE: Duration = Duration::from_secs(60);
/// Once a device was heard, others have so long to speak up.
const ENOUGH: Duration = Duration::from_secs(12);
/// Longest publication that does not end the session: bridges publish lists of all their devices.
const LONGEST: usize = 4 << 20;

/// Where, and how long.
pub(super) struct Way<'a> {
    pub(super) mqtt: &'a Mqtt,
    pub(super) password_file: Option<&'a Path>,
    pub(super) ca_file: Option<&'a Path>,
    pub(super) all_topics: bool,
    pub(super) patience: Option<Duration>,
}

/// Listens on a broker.
///
/// # Errors
/// When it cannot be listened to.
pub(super) async fn look<'p>(profiles: &'p Profiles, keys: Keys, way: Way<'_>) -> Result<Told<'p>, Failure> {
    let mut dial = Dial::new(Address::Mqtt(way.mqtt.clone()));
    dial.ca_file = way.ca_file.map(Path::to_path_buf);
    if let Some(path) = way.password_file {
        let text = zeroize::Zeroizing::new(std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?);
        dial.password = Some(Secret::new(text.lines().next().unwrap_or_default().to_owned()));
    }
    let maps = profiles.maps();
    let filters = if way.all_topics { vec!["#".into()] } else { Crowd::filters(&maps) };
    let manner = Manner { longest: LONGEST, ..Manner::hearing(filters) };
    let patience = way.patience.unwrap_or(PATIENCE);
    eprintln!("Listening on the broker for at most {} s.", patience.as_secs());
    let could_not = |why: LineError| Failure::could_not("broker", format!("{}: {why}", way.mqtt.host));
    let keyed = keys.meter.is_some();
    let mut line = drivers::open(&dial, &manner, random()).await.map_err(could_not)?;
    let mut crowd = Crowd::new(maps, keys);
    let begun = Instant::now();
    let mut until = begun + patience;
    while let Ok(chunk) = timeout_at(until, line.recv()).await {
        if let Chunk::Datagram { topic, payload } = chunk.map_err(could_not)? {
            crowd.hear(&topic, &payload);
        }
        if crowd.devices().next().is_some() {
            until = until.min(begun + patience.min(ENOUGH));
        }
    }
    line.close(Vec::new()).await;
    let mut told = Told::default();
    for device in crowd.devices() {
        for telegram in &device.telegrams {
            told.found.push(Found::on_broker(profiles, &way, device, telegram.clone(), keyed));
        }
    }
    told.others.extend(crowd.encrypted().iter().map(|topic| Other::encrypted_topic(topic)));
    if told.found.is_empty() {
        told.others.push(Other::quiet_broker(&way.mqtt.host, crowd.others(), way.all_topics));
    }
    Ok(told)
}
