//! Making it durable: blocks with the flash, the open day slot by slot.

use std::time::Duration;

use super::{Failure, Moment, Recorder};
use crate::archive::KEPT_DAYS;
use crate::event::Event;
use crate::record::{Record, Stamp};
use crate::store::SaveError;

/// A memory that did not take something is asked again after this long.
const RETRY: Duration = Duration::from_secs(1);

impl Recorder {
    /// Makes what is sealed durable, then puts it on offer. When there is no space it waits.
    ///
    /// # Errors
    /// [`Failure::Unsure`] when it is not certain what the disk holds: the meter must be opened again.
    pub(super) fn save(&mut self, moment: Moment) -> Result<(), Failure> {
        self.tried = Some(moment.real);
        if self.store.is_full() {
            self.memory(true);
            return Ok(());
        }
        let path = self.store.open_day_after(self.store.generation() + 1);
        let next = match self.day.next(&path, moment.real) {
            Ok(next) => next,
            Err(_) => {
                self.memory(true);
                return Ok(());
            }
        };
        match self.store.save(&self.unsaved, &self.meter) {
            Ok(()) => {}
            Err(SaveError::Unchanged(_)) => {
                // A later attempt erases it as well.
                let _ = next.erase();
                self.memory(true);
                return Ok(());
            }
            Err(SaveError::Unsure(error)) => return Err(Failure::Unsure(error)),
        }
        // What cannot be erased now is erased when the meter is opened next.
        let _ = std::mem::replace(&mut self.day, next).erase();
        for block in std::mem::take(&mut self.unsaved) {
            self.archive.add(&block);
            self.events.push(Event::sealed(&block));
        }
        self.archive.keep(KEPT_DAYS);
        self.tried = None;
        self.memory(false);
        Ok(())
    }

    /// Saves when blocks wait.
    pub(super) fn save_waiting(&mut self, moment: Moment) -> Result<(), Failure> {
        let soon = self.tried.is_some_and(|tried| moment.real.saturating_sub(tried) < RETRY);
        if self.unsaved.is_empty() || soon { Ok(()) } else { self.save(moment) }
    }

    /// Writes the open day's records. When there is no space they wait in memory.
    pub(super) fn flush(&mut self, moment: Moment) {
        if self.store.is_full() || self.day.flush(moment.real).is_err() {
            self.memory(true);
        } else if self.unsaved.is_empty() {
            self.memory(false);
        }
    }

    /// Forces the open day to disk; says whether that worked.
    pub(super) fn sync(&mut self, moment: Moment) -> bool {
        let full = self.store.is_full() || self.day.sync(moment.real).is_err();
        if full {
            self.memory(true);
        }
        !full
    }

    /// Notes that the meter runs, so that a restart knows for how long it did not.
    pub(super) fn note_alive(&mut self, moment: Moment) {
        let stamp = Stamp { at: self.at, seen: moment.seen };
        self.day.note(&Record::Alive { stamp, pending: self.pending(), credit: self.orders.credit });
    }

    /// Makes all durable before the process ends.
    ///
    /// # Errors
    /// When the disk does not take it: what is lost then is an outage when the meter goes on.
    pub fn stop(&mut self, moment: Moment) -> Result<(), Failure> {
        self.tried = None;
        if self.ended && !self.meter.is_open() {
            // Nothing is open: the flash alone says everything.
            self.remember(moment.seen);
            self.day.close();
            self.save(moment)?;
            if !self.full {
                return Ok(());
            }
        }
        self.save_waiting(moment)?;
        self.note_alive(moment);
        if self.sync(moment) && self.unsaved.is_empty() {
            return Ok(());
        }
        Err(Failure::Store(crate::store::StoreError::Full(self.store.root().to_owned())))
    }

    fn memory(&mut self, full: bool) {
        if self.full != full {
            self.full = full;
            self.events.push(Event::Memory { full, waiting: self.unsaved.len() });
        }
    }
}
