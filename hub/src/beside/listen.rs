//! The half that listens to the plain meter, and what it keeps over a restart.

use std::fs;
use std::path::{Path, PathBuf};

use drivers::plain::Telegram;
use drivers::slots::{Marks, Slot, Slots, Terms, Way};
use protocol::metrology::label::Interval;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Failure;
use crate::custody::files;

/// Of [`Kept`].
const VERSION: u32 = 1;
const FILE: &str = "marks.json";

/// What is kept over a restart. It holds what the registers showed: its file is private.
#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    interval: u32,
    marks: Marks,
}

/// Telegrams becoming slots.
pub(super) struct Listening {
    slots: Slots,
    interval: u32,
    path: PathBuf,
    kept: Marks,
}

impl Listening {
    /// Goes on where the device ended that has this directory.
    ///
    /// # Errors
    /// When the file of it cannot be read: without it, what passed meanwhile would be lost.
    pub(super) fn open(directory: &Path, interval: Interval) -> Result<Self, Failure> {
        let (path, seconds) = (directory.join(FILE), u32::try_from(interval.seconds()).unwrap_or(u32::MAX));
        let terms = Terms::for_interval(seconds);
        let marks = match fs::read(&path).map(Zeroizing::new) {
            Ok(bytes) => {
                let kept = serde_json::from_slice::<Kept>(&bytes).ok().filter(|kept| kept.version == VERSION);
                let damaged = || {
                    let message = format!(
                        "{}: damaged, or written by another version; remove it to go on without what passed since",
                        path.display()
                    );
                    Failure::could_not("marks", message)
                };
                let kept = kept.ok_or_else(damaged)?;
                if kept.interval == seconds { kept.marks } else { Marks::default() }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Marks::default(),
            Err(error) => return Err(Failure::file(&path, &error)),
        };
        Ok(Self { slots: Slots::resume(terms, &marks), interval: seconds, path, kept: marks })
    }

    /// The ways that the meter counts, as far as is known.
    pub(super) fn ways(&self, telegram: Option<&Telegram>) -> Vec<Way> {
        let counts = |way: &Way| {
            let told = telegram.is_some_and(|telegram| match way {
                Way::Import => telegram.import.is_some(),
                Way::Export => telegram.export.is_some(),
            });
            told || self.kept.of(*way).is_some()
        };
        [Way::Import, Way::Export].into_iter().filter(counts).collect()
    }

    /// The meter's number.
    pub(super) fn number(&self) -> Option<&str> {
        self.kept.meter.as_deref()
    }

    /// Takes a telegram that was heard at this Unix millisecond.
    pub(super) fn hear(&mut self, at: u64, telegram: &Telegram) -> Vec<(Way, Slot)> {
        self.slots.hear(at, telegram)
    }

    /// The moment at which the slots begin that were not told yet, of the register that is furthest.
    pub(super) fn until(&self) -> Option<u64> {
        let marks = self.slots.marks();
        let slots = [marks.import, marks.export].into_iter().flatten().map(|mark| mark.slot);
        slots.max().map(|slot| slot * u64::from(self.interval))
    }

    /// Where the registers stand.
    pub(super) fn marks(&self) -> Marks {
        self.slots.marks()
    }

    /// Keeps where the registers stand: to be called when the device has recorded the slots before.
    ///
    /// # Errors
    /// When the system refuses; the file before stays.
    pub(super) fn keep(&mut self) -> Result<(), Failure> {
        let marks = self.slots.marks();
        if marks == self.kept {
            return Ok(());
        }
        let kept = Kept { version: VERSION, interval: self.interval, marks };
        let bytes = Zeroizing::new(serde_json::to_vec(&kept).unwrap_or_default());
        files::replace(&self.path, &bytes)?;
        self.kept = kept.marks;
        Ok(())
    }
}
