//! Finds out what speaks on a line of which nothing is known, without I/O: bytes of one setting after the other in, a
//! verdict out.
//!
//! ```text
//! Profiles ─► plan: settings, commonest first ─► (hub opens each) ─► Ear: all decoders at once ─► Verdict
//! broker's publications ──────────────────────────────────────────► Crowd: one decoder a device ─► Device
//! ```
//!
//! An ear of eight bits also hears meters that send seven and a parity bit: the bits tell, and the telegrams are read
//! without them. So each speed is tried once, not once for every parity.

mod crowd;
mod ear;
mod parity;
mod plan;
#[cfg(test)]
mod tests;
mod verdict;

pub use crowd::{Crowd, Device};
pub use ear::Ear;
pub use parity::SevenBits;
pub use plan::{Attempt, plan};
pub use verdict::{Verdict, conclude};

use crate::plain::{Protocol, Telegram};
use crate::profile::{Fit, Need, Profile, Profiles, Wire};

/// 1 kWh in 10⁻⁴ Wh.
const KWH: i64 = 10_000_000;

/// What was heard of a meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What it speaks.
    pub protocol: Protocol,
    /// How its line is set.
    pub wire: Wire,
    /// Whether it was asked.
    pub asked: bool,
    /// What it said, put together over its telegrams.
    pub telegram: Telegram,
}

impl Heard {
    /// Whether it looks like a meter whose PIN was not entered: whole kWh and no power.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        let told = &self.telegram;
        let whole = |energy: Option<crate::plain::Energy>| energy.is_none_or(|energy| energy.0 % KWH == 0);
        let whole = told.import.is_some() && whole(told.import) && whole(told.export);
        self.protocol == Protocol::Sml && told.power.is_none() && whole
    }

    /// The profiles that fit, best first. Those that need a key fit only where one was used (`keyed`).
    #[must_use]
    pub fn fits<'p>(&self, profiles: &'p Profiles, keyed: bool) -> Vec<(&'p Profile, Fit)> {
        let could = |profile: &&Profile| {
            profile.protocol == self.protocol
                && profile.needs(Need::Request) == self.asked
                && (keyed || !profile.needs(Need::Key))
        };
        let mut fits: Vec<_> =
            profiles.iter().filter(could).map(|profile| (profile, profile.fit(&self.telegram))).collect();
        fits.retain(|(_, fit)| *fit != Fit::Not);
        // A pseudo-terminal has no speed: then the speeds tell nothing.
        if fits.iter().any(|(profile, _)| profile.has_speed(self.wire)) {
            fits.retain(|(profile, _)| profile.has_speed(self.wire));
        }
        fits.sort_by_key(|(profile, fit)| (std::cmp::Reverse(*fit), !profile.serial.contains(&self.wire)));
        fits
    }
}

/// The reading of a meter that a profile fits best, and those that fit it; the first where none fits any.
#[must_use]
pub fn best(heard: Vec<Heard>, profiles: &Profiles, keyed: bool) -> Option<(Heard, Vec<(&Profile, Fit)>)> {
    let rated = heard.into_iter().map(|heard| {
        let fits = heard.fits(profiles, keyed);
        let rate = fits.first().map(|(profile, fit)| (profile.has_speed(heard.wire), *fit));
        (rate, heard, fits)
    });
    // Of equals the first is believed.
    let best = rated.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, heard, fits)| (heard, fits))
}

/// The profiles of a protocol that encrypt, at a speed.
#[must_use]
pub fn encrypting(profiles: &Profiles, protocol: Protocol, wire: Wire) -> Vec<&Profile> {
    let all = profiles.iter().filter(|profile| profile.protocol == protocol && profile.needs(Need::Key));
    let (here, elsewhere): (Vec<_>, Vec<_>) = all.partition(|profile| profile.has_speed(wire));
    if here.is_empty() { elsewhere } else { here }
}

/// Adds what a telegram says to what the ones before said.
fn add(known: &mut Telegram, telegram: Telegram) {
    let Telegram { meter, input, maker, at, import, export, rates, power, apparent, channels, .. } = telegram;
    known.meter = meter.or(known.meter.take());
    known.input = input.or(known.input.take());
    known.maker = maker.or(known.maker.take());
    known.at = at.or(known.at);
    known.import = import.or(known.import);
    known.export = export.or(known.export);
    known.power = power.or(known.power);
    known.apparent = apparent.or(known.apparent);
    if !rates.is_empty() {
        known.rates = rates;
    }
    if !channels.is_empty() {
        known.channels = channels;
    }
}
