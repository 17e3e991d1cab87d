//! What the device is set up with.

use std::path::PathBuf;
use std::sync::Arc;

use drivers::profile::{Profile, Spoken};
use drivers::slots::Way;
use drivers::{Dial, Secret};
use protocol::metrology::certificate::SealClass;
use protocol::metrology::label::{Interval, MeterId, Register, RegisterCode, RegisterKind, Unit};
use protocol::money::Currency;
use sealer::port::Lines;
use sealer::{Entropy, Intake, Setup};

use super::heard::Heard;
use crate::Failure;
use crate::api::LineAdd;
use crate::lines;

/// What the device is asked to do.
#[derive(Debug)]
pub struct Options {
    /// Its directory.
    pub directory: PathBuf,
    /// Where a home talks with it.
    pub lines: Lines,
    /// What a new device is called; the meter's own number otherwise.
    pub id: Option<MeterId>,
    /// Which of a bridge's inputs is the meter's, where it has several.
    pub input: Option<String>,
    /// Whether the pairing button is pressed at the start.
    pub pair: bool,
    /// Where the pairing code is written as well while it is good.
    pub code_file: Option<PathBuf>,
}

/// The line to the plain meter.
pub(super) struct Line {
    /// Where it leads.
    pub(super) dial: Dial,
    /// What is spoken there.
    pub(super) spoken: Spoken,
    /// The meter.
    pub(super) profile: Profile,
    /// Its slots.
    pub(super) interval: Interval,
}

/// Sets the line up.
///
/// # Errors
/// When the address, the profile or a key is none.
pub(super) fn line(add: LineAdd, options: &Options) -> Result<Line, Failure> {
    let address = lines::address(&add.address)?;
    let plain =
        add.plain.ok_or_else(|| Failure::refused("meter", "which meter is it? Name its profile with --meter"))?;
    let (ready, _) = lines::set_up(plain, address, &options.directory.join("meters"))?;
    if options.input.is_some() && ready.profile.map.is_none() {
        return Err(Failure::refused("input", "this meter is no bridge and has no inputs: leave --input away"));
    }
    let mut dial = Dial::new(ready.address);
    dial.password = add.password.map(|password| Secret::new(password.as_str().to_owned()));
    dial.ca_file = add.authority;
    Ok(Line { dial, spoken: ready.spoken, profile: ready.profile, interval: ready.interval })
}

/// The device's set-up, with a register for each way that is known. A new one begins with the slot that follows `now`, a Unix
/// second, and has the meter's number when it was given no name.
pub(super) fn device(options: &Options, terms: &Terms, heard: Arc<Heard>, number: Option<&str>, now: u64) -> Parts {
    let seconds = terms.interval.seconds();
    let setup = Setup {
        root: options.directory.clone(),
        source: Arc::clone(&heard) as _,
        intakes: intakes(&heard, terms),
        entropy: Entropy::System,
        id: options.id.or_else(|| number.and_then(name)),
        class: SealClass::BesideMeter,
        start: Some(now.div_ceil(seconds) * seconds),
        cadence: terms.cadence,
        operator: None,
        price: None,
        currency: Currency { code: "EUR".into(), exponent: 2 },
    };
    Parts { heard, setup: Arc::new(setup) }
}

/// A name that can stand in a broker's topics.
pub fn name(text: &str) -> Option<MeterId> {
    MeterId::new(text).filter(|_| !text.is_empty() && !text.contains(['/', '+', '#']))
}

/// What the device goes by for as long as it runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Its slots.
    pub(super) interval: Interval,
    /// Seconds between current readings.
    pub(super) cadence: u16,
}

impl Line {
    /// What the device goes by.
    pub(super) fn terms(&self) -> Terms {
        let cadence = u16::try_from(self.profile.cadence.as_secs().max(1)).unwrap_or(u16::MAX);
        Terms { interval: self.interval, cadence }
    }
}

/// What measures, and what it is set up with.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) heard: Arc<Heard>,
    pub(super) setup: Arc<Setup>,
}

impl Parts {
    /// With a register for each way that is known now.
    pub(super) fn with_registers(self, terms: &Terms) -> Self {
        let intakes = intakes(&self.heard, terms);
        Self { setup: Arc::new(Setup { intakes, ..(*self.setup).clone() }), heard: self.heard }
    }
}

fn intakes(heard: &Heard, terms: &Terms) -> Vec<Intake> {
    heard.ways().into_iter().filter_map(|way| intake(way, terms.interval)).collect()
}

/// The register of a way.
pub(super) fn register(way: Way) -> Option<RegisterCode> {
    RegisterCode::new(match way {
        Way::Import => "1-0:1.8.0",
        Way::Export => "1-0:2.8.0",
    })
}

fn intake(way: Way, interval: Interval) -> Option<Intake> {
    let (code, unit) = (register(way)?, Unit::new("Wh")?);
    Some(Intake { register: Register { code, unit, kind: RegisterKind::Cumulative, interval }, start: None })
}
