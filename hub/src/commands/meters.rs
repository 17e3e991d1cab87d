//! `wattseal meters`: which meters and bridges can be read, and how each is connected. No home is needed; one that has
//! profiles of its own adds them.

use std::path::Path;

use drivers::profile::{Need, Profile, ProfileError, Profiles, UnknownProfile};
use serde_json::{Value, json};

use super::{Answer, Outcome};
use crate::Failure;

/// The folder of a home that holds profiles of its own.
const FOLDER: &str = "meters";

/// The profiles that are known in a home.
///
/// # Errors
/// When a file of the home's own cannot be used.
pub fn profiles(home: &Path) -> Result<Profiles, Failure> {
    Ok(Profiles::with_folder(&home.join(FOLDER))?)
}

/// Lists the profiles, or shows all of one.
///
/// # Errors
/// When there is none of that name, or a file of the home's own cannot be used.
pub fn meters(home: &Path, country: Option<&str>, name: Option<&str>) -> Outcome {
    let all = profiles(home)?;
    if let Some(name) = name {
        let profile = all.named(name)?;
        return Ok(Answer::done(told(profile), value(profile)));
    }
    let country = country.map(str::to_ascii_uppercase);
    let here = |profile: &&Profile| {
        let Some(country) = &country else { return true };
        profile.countries.is_empty() || profile.countries.contains(country)
    };
    let listed: Vec<_> = all.iter().filter(here).collect();
    let width = listed.iter().map(|profile| profile.id.len()).max().unwrap_or_default();
    let lines = listed.iter().map(|profile| {
        let countries = profile.countries.join(" ");
        format!(
            "{:<width$}  {}{}",
            profile.id,
            profile.title,
            if countries.is_empty() { countries } else { format!("  [{countries}]") }
        )
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    text.push_str("\n\nwattseal meters NAME tells how one is connected; wattseal detect looks for those that are.");
    let list: Vec<_> = listed.iter().map(|profile| value(profile)).collect();
    Ok(Answer::done(text, json!({ "meters": list })))
}

/// The command that adds a meter at an address.
#[must_use]
pub fn line_add(address: &str, profile: &Profile) -> String {
    let mut command = format!("wattseal line add '{address}' --meter {}", profile.id);
    for (need, option) in [(Need::Key, "--meter-key-file KEY"), (Need::AuthenticationKey, "--meter-auth-key-file KEY")]
    {
        if profile.needs(need) {
            command.push(' ');
            command.push_str(option);
        }
    }
    command
}

fn told(profile: &Profile) -> String {
    let mut lines = vec![profile.title.clone()];
    let mut line = |name: &str, text: String| {
        if !text.is_empty() {
            lines.push(format!("  {name:<9} {text}"));
        }
    };
    line("makers", profile.makers.join(", "));
    line("countries", profile.countries.join(", "));
    line("speaks", format!("{}, every {} s", profile.protocol, profile.cadence.as_secs()));
    let serial: Vec<_> = profile.serial.iter().map(ToString::to_string).collect();
    line("port", serial.join(", or "));
    let suffixes = profile.map.as_ref().map(|map| map.suffixes()).unwrap_or_default();
    let device = profile.map.as_ref().map(|map| map.device().replace('+', "NAME")).unwrap_or_default();
    line("topics", suffixes.iter().map(|suffix| format!("{device}{suffix}")).collect::<Vec<_>>().join(", "));
    line("tells", profile.gives.iter().map(|gives| gives.name()).collect::<Vec<_>>().join(", "));
    for need in &profile.needs {
        line("needs", need.text().into());
    }
    line("connect", profile.connect.clone());
    for quirk in &profile.quirks {
        line("note", quirk.clone());
    }
    lines.push(format!("Next: {}", line_add(&profile.example(), profile)));
    lines.join("\n")
}

fn value(profile: &Profile) -> Value {
    json!({
        "name": profile.id,
        "title": profile.title,
        "makers": profile.makers,
        "countries": profile.countries,
        "protocol": profile.protocol.name(),
        "serial": profile.serial.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "device": profile.map.as_ref().map(|map| map.device()),
        "cadence_s": profile.cadence.as_secs(),
        "gives": profile.gives.iter().map(|gives| gives.name()).collect::<Vec<_>>(),
        "needs": profile.needs.iter().map(|need| need.name()).collect::<Vec<_>>(),
        "connect": profile.connect,
        "quirks": profile.quirks,
        "address": profile.example(),
        "next": line_add(&profile.example(), profile),
    })
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::Unreadable { .. } => Self::could_not("meter-file", error.to_string()),
            ProfileError::Line { .. } => Self::refused("meter-file", error.to_string()),
        }
    }
}

impl From<UnknownProfile> for Failure {
    fn from(error: UnknownProfile) -> Self {
        Self::refused("no-such-meter", error.to_string())
    }
}
