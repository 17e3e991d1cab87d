//! A house: real meters that sealed some days, and the household's store of their blocks.

use ed25519_dalek::SigningKey;
use gateway_core::{Store, StoreKey, ingest};
use meter_emulator::{Block, Entropy, MeterSeed, SealingMeter};
use metrology::certificate::SealClass;
use metrology::label::{Interval, Register, RegisterCode, RegisterKind, Status, Text};
use metrology::seal::Sample;
use protocol::time::Span;

/// 28 February 2026, UTC: the first sealed day.
pub const START: u64 = 1_772_236_800;
/// Days sealed.
pub const DAYS: u64 = 26;
pub const HOUR: u64 = 3600;
pub const DAY: u64 = 24 * HOUR;

/// Local midnight of a day of March 2026 in Amsterdam, before the clocks change.
pub fn march(day: u64) -> u64 {
    START + day * DAY - HOUR
}

/// Days of March, half-open.
pub fn days(from: u64, until: u64) -> Span {
    Span { from: march(from), until: march(until) }
}

pub fn code(text: &str) -> RegisterCode {
    Text::new(text).unwrap()
}

/// A household: its store and its meters.
pub struct House {
    pub meters: Vec<SealingMeter>,
    pub store: Store,
    _folder: tempfile::TempDir,
}

pub fn entropy(seed: u8) -> Entropy {
    Entropy::Seeded(MeterSeed::from_bytes([seed; 32]))
}

impl House {
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&folder.path().join("store.db"), &StoreKey::from_bytes([1; 32])).unwrap();
        Self { meters: Vec::new(), store, _folder: folder }
    }

    /// A house with one meter over all days. The same seed is the same meter; another load makes it contradict itself.
    pub fn new(seed: u8, load: u64) -> Self {
        let mut house = Self::empty();
        house.install(seed, load, 0..DAYS, None, None);
        house
    }

    /// A meter that seals some days, with a new epoch from a second on, or with one unmeasured hour.
    pub fn install(
        &mut self,
        seed: u8,
        load: u64,
        days: std::ops::Range<u64>,
        rotation: Option<u64>,
        missing: Option<u64>,
    ) {
        let from = START + days.start * DAY;
        let (mut meter, pairing) = SealingMeter::new(&entropy(seed), None, SealClass::Certified, from).unwrap();
        let registers = ["1-0:1.8.0", "1-0:2.8.0"].map(code);
        for code in registers {
            let unit = Text::new("Wh").unwrap();
            let register = Register { code, unit, kind: RegisterKind::Cumulative, interval: Interval::HOUR };
            meter.add_register(register, 0).unwrap();
        }
        let mut blocks: Vec<Block> = Vec::new();
        for second in (from..START + days.end * DAY).step_by(usize::try_from(HOUR).unwrap()) {
            if rotation == Some(second) {
                blocks.extend(meter.rotate(&entropy(seed), second).unwrap());
            }
            for code in &registers {
                let status = if missing == Some(second) { Status::Missing } else { Status::Measured };
                let amount = if status == Status::Missing { 0 } else { load + second / HOUR % 7 };
                let sample = Sample { advance: u32::try_from(amount * 10_000).unwrap(), status };
                blocks.extend(meter.record(code, second / HOUR, sample).unwrap());
            }
        }
        ingest::pair(&self.store, &pairing, 0).unwrap();
        ingest::learn(&self.store, meter.certificates()).unwrap();
        let mut arrivals = ingest::Ingest::new(&self.store);
        for block in blocks {
            arrivals.block(&block.bytes()).unwrap();
        }
        arrivals.finish().unwrap();
        self.meters.push(meter);
    }
}

/// The key that signs the first epoch of the meter of a seed.
pub fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&entropy(seed).draw::<32>("epoch", 0).unwrap())
}
