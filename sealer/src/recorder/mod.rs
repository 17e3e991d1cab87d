//! The measuring half of a live meter: time and load in, durable blocks out.
//!
//! Slots are recorded as they end, noted in the open day's file, and sealed when the UTC day is complete. Blocks and the
//! new state become durable together ([`Store::save`]); only then do the blocks stand in the [`Archive`], from which the
//! line is served. So no label can be used twice where anyone saw it, and nothing that was announced can be lost.

mod advance;
mod clock;
mod error;
mod pair;
mod registers;
mod resume;
mod save;
mod source;
mod status;
mod supply;

pub use error::Failure;
pub use source::{Begins, Source, Witness};
pub use status::Totals;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use metrology::certificate::SealClass;
use metrology::label::{Interval, MeterId, RegisterCode};
use protocol::money::Currency;

use crate::archive::Archive;
use crate::entropy::Entropy;
use crate::event::Event;
use crate::meter::Intake;
use crate::meter::{Block, Orders, SealingMeter};
use crate::open_day::OpenDay;
use crate::store::Store;

/// What a meter is set up with. Nothing but its registers changes while the meter runs ([`Recorder::extend`]).
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its directory.
    pub root: PathBuf,
    /// What passes.
    pub source: Arc<dyn Source>,
    /// The registers, one for each series of the source, in its order.
    pub intakes: Vec<Intake>,
    /// Where keys come from.
    pub entropy: Entropy,
    /// Name of a new meter.
    pub id: Option<MeterId>,
    /// Class of a new meter.
    pub class: SealClass,
    /// World time at which the meter begins to run, unless it has run until later.
    pub start: Option<u64>,
    /// Seconds of the meter's clock between current readings.
    pub cadence: u16,
    /// Who may command it.
    pub operator: Option<[u8; 32]>,
    /// Price of prepaid energy in 10⁻⁹ currency units a Wh.
    pub price: Option<u32>,
    /// Currency of the credit.
    pub currency: Currency,
}

/// A moment of the process: for how long it has run, and what the computer's clock shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    /// Since any fixed beginning; never goes back.
    pub real: Duration,
    /// Unix milliseconds.
    pub seen: u64,
}

/// A register while the meter runs.
#[derive(Debug)]
struct Running {
    code: RegisterCode,
    /// Which series of the source it counts; none when this run has nothing for it.
    series: Option<usize>,
    /// What has passed since its last slot.
    pending: u64,
    /// What it shows.
    total: u64,
}

/// The measuring half of a live meter.
pub struct Recorder {
    setup: Arc<Setup>,
    store: Store,
    pub(super) meter: SealingMeter,
    day: OpenDay,
    archive: Archive,
    /// In order of code, as the meter names them.
    registers: Vec<Running>,
    /// World time up to which the registers have counted.
    at: u64,
    offset: i64,
    /// The slot since whose beginning the meter has run without a break.
    whole: Option<u64>,
    orders: Orders,
    /// Credit within 10⁻⁹ currency units: 10⁻⁴ of them.
    used: u64,
    confirmed: Option<[u8; 32]>,
    /// Sealed blocks that are not durable yet.
    unsaved: Vec<Block>,
    /// Whether storing failed the last time.
    full: bool,
    /// When storing was last tried in vain.
    tried: Option<Duration>,
    /// Whether it has run on a line before.
    begun: bool,
    ended: bool,
    events: Vec<Event>,
    /// Who sees what is sealed.
    witness: Option<Box<dyn Witness>>,
}

impl Recorder {
    /// What it was set up with.
    #[must_use]
    pub fn setup(&self) -> &Arc<Setup> {
        &self.setup
    }

    /// The blocks it holds.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// What happened since this was last asked.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// World time up to which it has counted.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The meter's clock.
    #[must_use]
    pub fn clock(&self) -> u64 {
        self.setup.source.clock(self.at).saturating_add_signed(self.offset)
    }

    /// Whether the source is over.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Whether blocks cannot be stored for now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full || self.store.is_full()
    }

    /// Switches a full memory on or off.
    pub fn set_full(&mut self, full: bool) {
        self.store.set_full(full);
        self.tried = None;
    }

    /// Lets someone see what is sealed from now on, or no one.
    pub fn set_witness(&mut self, witness: Option<Box<dyn Witness>>) {
        self.witness = witness;
    }

    /// Who sees what is sealed.
    #[must_use]
    pub fn witness(&self) -> Option<&dyn Witness> {
        self.witness.as_deref()
    }

    fn interval(&self) -> Interval {
        self.setup.source.interval()
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recorder({:?}, at {}, {} blocks wait)", self.meter, self.at, self.unsaved.len())
    }
}

#[cfg(test)]
mod tests;
