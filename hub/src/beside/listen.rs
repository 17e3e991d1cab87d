//! The half that listens to the plain meter, and what it keeps over a restart.

use std::fs;
use std::path::{Path, PathBuf};

use drivers::plain::Telegram;
use drivers::slots::{Mark, Marks, Slot, Slots, Terms, Way};
use protocol::metrology::label::Interval;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::heard::Word;
use crate::Failure;
use crate::custody::files;

/// Of [`Kept`].
const VERSION: u32 = 1;
const FILE: &str = "marks.json";
/// Seconds of the slots that tell what may be shown as now: a reading is believed in them as in those that are sealed.
const MINUTE: u32 = 60;
pub(super) const WAYS: [Way; 2] = [Way::Import, Way::Export];

/// What is kept over a restart. It holds what the registers showed: its file is private.
#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    interval: u32,
    marks: Marks,
    /// The input of a bridge that is the meter's.
    #[serde(default)]
    input: Option<String>,
}

/// Telegrams becoming slots.
pub(super) struct Listening {
    slots: Slots,
    /// The same of minutes: where the registers stand within the slot, as far as that is believed.
    minutes: Slots,
    interval: u32,
    path: PathBuf,
    kept: Marks,
    /// The input of a bridge that is the meter's.
    input: Option<String>,
}

impl Listening {
    /// Goes on where the device ended that has this directory.
    ///
    /// # Errors
    /// When the file of it cannot be read: without it, what passed meanwhile would be lost.
    pub(super) fn open(directory: &Path, interval: Interval) -> Result<Self, Failure> {
        let (path, seconds) = (directory.join(FILE), u32::try_from(interval.seconds()).unwrap_or(u32::MAX));
        let terms = Terms::for_interval(seconds);
        let (marks, input) = match fs::read(&path).map(Zeroizing::new) {
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
                (if kept.interval == seconds { kept.marks } else { Marks::default() }, kept.input)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (Marks::default(), None),
            Err(error) => return Err(Failure::file(&path, &error)),
        };
        let minute = |mark: Mark| Mark { slot: mark.slot * u64::from(seconds / MINUTE), ..mark };
        let minutes =
            Marks { meter: marks.meter.clone(), import: marks.import.map(minute), export: marks.export.map(minute) };
        let minutes = Slots::resume(Terms::for_interval(MINUTE), &minutes);
        Ok(Self { slots: Slots::resume(terms, &marks), minutes, interval: seconds, path, kept: marks, input })
    }

    /// The input of a bridge that is the meter's.
    pub(super) fn input(&self) -> Option<&str> {
        self.input.as_deref()
    }

    /// Listens to this input of a bridge for as long as the device lives.
    ///
    /// # Errors
    /// When another was chosen before: a device seals one meter.
    pub(super) fn choose(&mut self, input: &str) -> Result<(), Failure> {
        match self.input.as_deref() {
            Some(chosen) if chosen == input => Ok(()),
            Some(chosen) => Err(Failure::refused(
                "input",
                format!("this device seals input {chosen} of its bridge; seal input {input} with a --dir of its own"),
            )),
            None => {
                self.input = Some(input.to_owned());
                Ok(())
            }
        }
    }

    /// Keeps which input was chosen.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn keep_input(&mut self) -> Result<(), Failure> {
        if self.input.is_some() { self.write(self.kept.clone()) } else { Ok(()) }
    }

    /// Takes a telegram that was heard at this Unix millisecond.
    pub(super) fn hear(&mut self, at: u64, telegram: &Telegram) -> Vec<(Way, Slot)> {
        self.minutes.hear(at, telegram);
        self.slots.hear(at, telegram)
    }

    /// Whether this telegram came under the number of the meter that is believed to hang there, or without one.
    pub(super) fn is_of_meter(&self, telegram: &Telegram) -> bool {
        telegram.meter.is_none() || telegram.meter == self.slots.marks().meter
    }

    /// What is known of each way that a believed reading came of.
    pub(super) fn words(&self) -> Vec<Word> {
        let (slots, minutes) = (self.slots.marks(), self.minutes.marks());
        let word = |way: Way| {
            let (edge, minute) = (slots.of(way), minutes.of(way));
            let ends = |mark: &Mark, seconds: u32| mark.slot * u64::from(seconds);
            let newer =
                minute.filter(|minute| edge.is_none_or(|edge| ends(minute, MINUTE) > ends(&edge, self.interval)));
            let believed = newer.or(edge).map(|mark| mark.total);
            believed.is_some().then_some(Word { way, edge, believed })
        };
        WAYS.into_iter().filter_map(word).collect()
    }

    /// The moment at which the slots begin that were not told yet, of the register that is furthest.
    pub(super) fn until(&self) -> Option<u64> {
        let marks = self.slots.marks();
        let slots = [marks.import, marks.export].into_iter().flatten().map(|mark| mark.slot);
        slots.max().map(|slot| slot * u64::from(self.interval))
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
        self.write(marks)
    }

    fn write(&mut self, marks: Marks) -> Result<(), Failure> {
        let kept = Kept { version: VERSION, interval: self.interval, marks, input: self.input.clone() };
        let bytes = Zeroizing::new(serde_json::to_vec(&kept).unwrap_or_default());
        files::replace(&self.path, &bytes)?;
        self.kept = kept.marks;
        Ok(())
    }
}
