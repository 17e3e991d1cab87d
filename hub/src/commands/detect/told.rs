//! What was found, for people and for programs; and what was not, with what to do about it.

use std::fmt;

use drivers::detect::{Device, Heard, Verdict, encrypting};
use drivers::plain::{Decimal, Energy, Moment, Protocol, Telegram};
use drivers::profile::{Fit, Profile, Profiles, Wire};
use drivers::{Address, Bits, LineError, Mqtt};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::broker::Way;
use crate::commands::meters::line_add;

/// All that is told.
#[derive(Default)]
pub(super) struct Told<'p> {
    pub(super) found: Vec<Found<'p>>,
    pub(super) others: Vec<Other>,
}

/// A meter that was found.
pub(super) struct Found<'p> {
    place: String,
    address: Address,
    options: String,
    protocol: Protocol,
    /// Of a serial port.
    wire: Option<Wire>,
    fits: Vec<(&'p Profile, Fit)>,
    telegram: Telegram,
    locked: bool,
    at: Timestamp,
}

impl<'p> Found<'p> {
    pub(super) fn on_port(path: &str, heard: Heard, fits: Vec<(&'p Profile, Fit)>) -> Self {
        Self {
            place: path.into(),
            address: Address::Serial(heard.wire.at(path)),
            options: String::new(),
            protocol: heard.protocol,
            wire: Some(heard.wire),
            fits,
            locked: heard.is_locked(),
            telegram: heard.telegram,
            at: Timestamp::now(),
        }
    }

    pub(super) fn on_broker(
        profiles: &'p Profiles,
        way: &Way<'_>,
        device: &Device,
        telegram: Telegram,
        keyed: bool,
    ) -> Self {
        let fits = match &device.bridge {
            Some(bridge) => profiles.named(bridge).map(|profile| vec![(profile, Fit::Named)]).unwrap_or_default(),
            None => {
                // A topic has no speed: any will do.
                let wire = Wire::of(&drivers::Serial::new(""));
                Heard { protocol: device.protocol, wire, asked: false, telegram: telegram.clone() }
                    .fits(profiles, keyed)
            }
        };
        let mut options = String::new();
        for (option, file) in [("--password-file", way.password_file), ("--authority", way.ca_file)] {
            if let Some(file) = file {
                options.push_str(&format!(" {option} '{}'", file.display()));
            }
        }
        Self {
            place: format!("{} on {}", device.topic, way.mqtt.host),
            address: Address::Mqtt(Mqtt { topic: device.topic.clone(), ..way.mqtt.clone() }),
            options,
            protocol: device.protocol,
            wire: None,
            fits,
            locked: false,
            telegram,
            at: Timestamp::now(),
        }
    }

    /// Those that fit best; the others are named beside them.
    fn best(&self) -> (Vec<&'p Profile>, Vec<&'p Profile>) {
        let most = self.fits.iter().map(|(_, fit)| *fit).max();
        let (best, others): (Vec<_>, Vec<_>) = self.fits.iter().partition(|(_, fit)| Some(*fit) == most);
        let profiles = |list: Vec<&(&'p Profile, Fit)>| list.into_iter().map(|(profile, _)| *profile).collect();
        (profiles(best), profiles(others))
    }

    fn next(&self) -> String {
        let address = self.address.to_string();
        match self.fits.first() {
            Some((profile, _)) => format!("{}{}", line_add(&address, profile), self.options),
            None => format!(
                "add a file for this meter (docs/adding-a-meter.md), then: wattseal line add '{address}' --meter NAME"
            ),
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let (best, others) = self.best();
        let names = |list: &[&Profile]| list.iter().map(|profile| profile.id.as_str()).collect::<Vec<_>>().join(", ");
        let mut lines = vec![format!("Found at {}: a meter that speaks {}", self.place, self.protocol)];
        let mut line = |name: &str, text: String| {
            if !text.is_empty() {
                lines.push(format!("  {name:<9} {text}"));
            }
        };
        for profile in &best {
            line("fits", format!("{}: {}", profile.id, profile.title));
        }
        line("or", names(&others));
        line("port", self.wire.map(|wire| wire.to_string()).unwrap_or_default());
        let told = &self.telegram;
        line("meter", told.meter.clone().unwrap_or_default());
        line("input", told.input.clone().unwrap_or_default());
        let quantities = [
            told.import.map(|energy| format!("import {} kWh", kwh(energy))),
            told.export.map(|energy| format!("export {} kWh", kwh(energy))),
            told.power.map(|power| format!("power {power} W")),
            told.apparent.map(|apparent| format!("apparent power {apparent} VA")),
        ];
        let mut quantities: Vec<_> = quantities.into_iter().flatten().collect();
        quantities
            .extend(told.channels.iter().map(|channel| format!("{} {} {}", channel.code, channel.total, channel.unit)));
        line("now", quantities.join(", "));
        line("heard", format!("{:.0}", self.at));
        line("its clock", clock(told).unwrap_or_default());
        if self.wire.is_some_and(|wire| wire.bits == Bits::Seven) {
            line("note", "it sends seven bits and a parity bit, as the address says".into());
        }
        if self.locked {
            line("note", LOCKED.into());
        }
        if let [profile] = best.as_slice() {
            profile.quirks.iter().for_each(|quirk| line("note", quirk.clone()));
        }
        line("next", self.next());
        lines.join("\n")
    }

    /// For programs.
    pub(super) fn value(&self) -> Value {
        let told = &self.telegram;
        let (best, others) = self.best();
        let ids = |list: &[&Profile]| list.iter().map(|profile| profile.id.clone()).collect::<Vec<_>>();
        json!({
            "place": self.place,
            "address": self.address.to_string(),
            "protocol": self.protocol.name(),
            "wire": self.wire.map(|wire| wire.to_string()),
            "fits": ids(&best),
            "may_fit": ids(&others),
            "meter_id": told.meter,
            "input": told.input,
            "maker": told.maker,
            "import_kwh": told.import.map(kwh),
            "export_kwh": told.export.map(kwh),
            "power_w": told.power.map(|power| power.to_string()),
            "apparent_va": told.apparent,
            "clock": clock(told),
            "heard": format!("{:.0}", self.at),
            "locked": self.locked,
            "next": self.next(),
        })
    }
}

const LOCKED: &str = "it tells whole kWh and no power: it waits for its PIN. Ask the meter's operator for it, enter it by torch light \
     or button, and switch the full data on (InF)";

/// Exactly, in kWh.
fn kwh(energy: Energy) -> String {
    Decimal { mantissa: energy.0, exponent: -7 }.to_string()
}

fn clock(telegram: &Telegram) -> Option<String> {
    match telegram.at? {
        Moment::Clock(stamp) => Some(stamp.to_string()),
        Moment::Seconds(_) => None,
    }
}

/// A place where no meter was found, and why.
pub(super) struct Other {
    place: String,
    code: String,
    message: String,
    may_be: Vec<String>,
}

impl Other {
    fn new(place: &str, code: &str, message: String) -> Self {
        Self { place: place.into(), code: code.into(), message, may_be: Vec::new() }
    }

    pub(super) fn no_port() -> Self {
        let message =
            "no serial port was found: plug the meter's cable in, or name a port with --port or a broker with --mqtt";
        Self::new("this machine", "no-port", message.into())
    }

    pub(super) fn verdict(profiles: &Profiles, path: &str, verdict: &Verdict) -> Self {
        let mut other = Self::new(path, verdict.code(), verdict.to_string());
        if let Verdict::Encrypted { protocol, wire, .. } = verdict {
            other.may_be = encrypting(profiles, *protocol, *wire).iter().map(|profile| profile.id.clone()).collect();
        }
        other
    }

    pub(super) fn refused(path: &str, why: &LineError, holders: &[String]) -> Self {
        let mut message = why.to_string();
        if !holders.is_empty() {
            message.push_str(&format!("; it is open in {}", holders.join(", ")));
        }
        Self::new(path, why.code(), message)
    }

    pub(super) fn encrypted_topic(topic: &str) -> Self {
        let message = "encrypted telegrams are published there. Ask the grid operator for the meter's key, then try again \
                       with --meter-key-file";
        Self::new(topic, "encrypted", message.into())
    }

    pub(super) fn quiet_broker(host: &str, topics: usize, all_topics: bool) -> Self {
        let message = match (topics, all_topics) {
            (0, _) => {
                "nothing was published meanwhile that may be a meter's. Look whether the bridge is switched on and set \
                       to this broker, and whether this user may read its topics; bridges with topics of their own are \
                       found with --all-topics; some speak every five minutes: --seconds 310"
                    .into()
            }
            (topics, _) => format!(
                "publications on {topics} topics were heard, and none says what a known meter says. A file of one's own \
                 tells where the values stand: docs/adding-a-meter.md"
            ),
        };
        Self::new(host, if topics == 0 { "silent" } else { "unknown-topics" }, message)
    }

    pub(super) fn value(&self) -> Value {
        json!({ "place": self.place, "verdict": self.code, "message": self.message, "may_be": self.may_be })
    }
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}.", self.place, self.message)?;
        if !self.may_be.is_empty() {
            write!(f, " It may be one of: {}.", self.may_be.join(", "))?;
        }
        Ok(())
    }
}
