//! The clock is set: a little, and slots are missing; by more than a day, and a new epoch begins.

use metrology::label::{DAY_SECONDS, events};

use super::{Failure, Moment, Recorder};
use crate::event::Event;
use crate::record::{Record, Stamp};
use crate::store::StoreError;

impl Recorder {
    /// Sets the clock by some seconds. What is sealed stays sealed: time that a step back repeats is not recorded again,
    /// what passes in it is found in the residual.
    ///
    /// # Errors
    /// [`Failure::ClockBack`] and [`Failure::ClockRange`], and nothing has changed; otherwise as
    /// [`Recorder::advance`].
    pub fn set_clock(&mut self, step: i64, moment: Moment) -> Result<(), Failure> {
        let seconds = self.interval().seconds();
        let per_day = DAY_SECONDS / seconds;
        let before = self.slot_at(self.at);
        let offset = self.offset.checked_add(step).ok_or(Failure::ClockRange)?;
        let clock = self.at.checked_add_signed(offset).ok_or(Failure::ClockRange)?;
        let slot = clock / seconds;
        if u32::try_from(clock / DAY_SECONDS).is_err() {
            return Err(Failure::ClockRange);
        }
        if self.earliest().is_some_and(|earliest| earliest.saturating_sub(slot) > per_day) {
            return Err(Failure::ClockBack);
        }
        // Where nothing is due yet the step alone counts: no first slot may lie further off than a chain can leap.
        let leaps = slot.saturating_sub(self.due().unwrap_or(before)) > per_day;
        if leaps {
            self.check_space()?;
            // The old epoch ends under the old clock; nothing but the offset has changed when this is refused.
            self.meter.check_epoch(slot * seconds)?;
        }
        self.offset = offset;
        if slot != before {
            self.whole = None;
        }
        if leaps {
            self.new_epoch(slot * seconds, moment)?;
        }
        let stamp = Stamp { at: self.at, seen: moment.seen };
        self.day.note(&Record::Clock { stamp, offset, pending: self.pending() });
        self.report(events::CLOCK_SET)?;
        self.sync(moment);
        self.events.push(Event::Clock { step, clock, epoch: self.meter.epoch.number });
        Ok(())
    }

    /// Passes over the time until a slot begins, of which nothing was measured and nothing will be: none of it is recorded, and
    /// a new epoch begins with that slot.
    ///
    /// # Errors
    /// When the memory is full, or the slot lies before what is sealed, and nothing has changed; otherwise as
    /// [`Recorder::advance`].
    pub fn pass_over(&mut self, until: u64, moment: Moment) -> Result<(), Failure> {
        let slot = self.slot_at(until);
        let first = slot * self.interval().seconds();
        self.check_space()?;
        self.meter.check_epoch(first)?;
        self.settle(until);
        self.new_epoch(first, moment)?;
        // What passed before is not the first slot's.
        self.whole = self.registers.iter().all(|running| running.pending == 0).then_some(slot);
        Ok(())
    }

    /// Closes what is open and begins an epoch.
    pub(super) fn new_epoch(&mut self, first: u64, moment: Moment) -> Result<(), Failure> {
        self.check_space()?;
        self.meter.check_epoch(first)?;
        self.close_all(moment)?;
        // Everything is closed: the rotation has no blocks of its own.
        self.meter.rotate(&self.setup.entropy, first)?;
        self.whole = None;
        self.remember(moment.seen);
        self.save(moment)?;
        // The line must not see a certificate that a power cut would take back.
        self.check_space().map_err(|_| Failure::Unsure(StoreError::Full(self.store.root().to_owned())))
    }

    /// What cannot be kept in memory alone needs space now.
    pub(super) fn check_space(&self) -> Result<(), Failure> {
        if self.is_full() { Err(StoreError::Full(self.store.root().to_owned()).into()) } else { Ok(()) }
    }
}
