//! Time passes: registers count, slots end, days are sealed.

use metrology::label::Status;
use zeroize::Zeroize;

use super::{Begins, Failure, Moment, Recorder};
use crate::event::Event;
use crate::meter::Remembered;
use crate::record::{Advance, Pending, Record, Stamp};

/// Blocks that are made durable together when time passes fast.
const TOGETHER: usize = 64;
/// Blocks that a meter whose memory is full keeps for later; after that, its slots are missing.
pub(super) const MOST_WAITING: usize = 256;

/// For how much of a slot the meter ran.
#[derive(Clone, Copy)]
struct Ran {
    /// From its beginning to its end, under one clock.
    whole: bool,
    /// When it ended.
    on: bool,
}

impl Recorder {
    /// Lets the world go on to a moment: every slot that ends until then is recorded, every day that is complete is
    /// sealed and made durable.
    ///
    /// # Errors
    /// See [`Failure`]. A full memory is none: what is sealed waits.
    pub fn advance(&mut self, to: u64, moment: Moment) -> Result<(), Failure> {
        self.go(to, moment, true)
    }

    /// As [`Recorder::advance`]; a meter that is off lets time pass without measuring.
    pub(super) fn go(&mut self, to: u64, moment: Moment, on: bool) -> Result<(), Failure> {
        let until = self.setup.source.until();
        let to = to.min(until);
        let seconds = self.interval().seconds();
        while self.at < to {
            let slot = self.slot_at(self.at);
            let end = ((slot + 1) * seconds).saturating_add_signed(-self.offset);
            if end > to {
                self.settle(to);
                break;
            }
            self.settle(end);
            self.boundary(slot, moment, on)?;
            if self.unsaved.len() >= TOGETHER {
                self.save_waiting(moment)?;
            }
        }
        if self.at >= until && !self.ended {
            self.ended = true;
            self.close_all(moment)?;
            self.events.push(Event::LoadEnded { at: self.at });
        }
        self.save_waiting(moment)?;
        self.flush(moment);
        Ok(())
    }

    /// The slot of the meter's clock at a moment of the world.
    pub(super) fn slot_at(&self, at: u64) -> u64 {
        at.saturating_add_signed(self.offset) / self.interval().seconds()
    }

    /// The slot that is due first in any register that counts.
    pub(super) fn due(&self) -> Option<u64> {
        self.counting().filter_map(|code| self.meter.expected(&code)).min()
    }

    /// The slot before which no register records anything: the one that is due, or the first that may be. None when no
    /// register counts.
    pub(super) fn earliest(&self) -> Option<u64> {
        self.due().or_else(|| self.counting().filter_map(|code| self.meter.earliest(&code)).min())
    }

    fn counting(&self) -> impl Iterator<Item = metrology::label::RegisterCode> {
        self.registers.iter().filter(|running| running.series.is_some()).map(|running| running.code)
    }

    /// A slot has ended.
    fn boundary(&mut self, slot: u64, moment: Moment, on: bool) -> Result<(), Failure> {
        if self.unsaved.len() >= MOST_WAITING {
            // Nowhere to put it: the time is missing later, and what passed goes on to the next slot.
            self.whole = None;
            return Ok(());
        }
        self.start_registers(slot, moment)?;
        let whole = on && self.whole == Some(slot);
        let first = self.due().unwrap_or(slot).min(slot);
        // Slots that nobody recorded come first; what passed meanwhile is in the last.
        for between in first..slot {
            self.record(between, slot, Ran { whole: false, on }, moment)?;
        }
        self.whole = None;
        self.record(slot, slot, Ran { whole: whole && first == slot, on }, moment)
    }

    /// Registers that begin with this slot show what they showed then, where the source knows it.
    fn start_registers(&mut self, slot: u64, moment: Moment) -> Result<(), Failure> {
        let at = (slot * self.interval().seconds()).saturating_add_signed(-self.offset);
        let mut changed = false;
        for running in &mut self.registers {
            let Some(series) = running.series.filter(|_| self.meter.expected(&running.code).is_none()) else {
                continue;
            };
            let Begins::At(total) = self.setup.source.begins(series, at) else { continue };
            if self.meter.total(&running.code) != Some(total) && self.meter.set_total(&running.code, total)? {
                running.total = total.saturating_add(running.pending);
                changed = true;
            }
        }
        if changed { self.save(moment) } else { Ok(()) }
    }

    /// Records a slot in every register whose turn it is.
    fn record(&mut self, slot: u64, last: u64, ran: Ran, moment: Moment) -> Result<(), Failure> {
        let seconds = self.interval().seconds();
        let from = (slot * seconds).saturating_add_signed(-self.offset);
        let (mut advances, mut early) = (Vec::new(), false);
        for running in &mut self.registers {
            let Some(series) = running.series else { continue };
            // A clock that was set back shows times that are sealed, or that the epoch does not reach.
            let is_early = self.meter.earliest(&running.code).is_some_and(|earliest| earliest > slot);
            early |= is_early;
            let begins = self.meter.expected(&running.code).is_none();
            let source = &self.setup.source;
            if is_early || (begins && (slot < last || source.begins(series, from) == Begins::Later)) {
                continue;
            }
            let status = match ran.whole {
                true => source.status(series, self.at.saturating_sub(seconds), self.at),
                false => Status::Missing,
            };
            let advance = if slot == last { u32::try_from(running.pending).unwrap_or(u32::MAX) } else { 0 };
            running.pending -= u64::from(advance);
            advances.push(Advance { code: running.code, status: status.code(), advance });
        }
        if advances.is_empty() {
            // No register has begun yet: the first will find that the meter ran.
            self.whole = (ran.on && !early).then_some(slot + 1);
            return Ok(());
        }
        let stamp = Stamp { at: self.at, seen: moment.seen };
        let record =
            Record::Slot { stamp, slot, advances: advances.clone(), credit: self.orders.credit, running: ran.on };
        self.day.note(&record);
        self.whole = ran.on.then_some(slot + 1);
        let closed = self.take(slot, &advances, moment.seen);
        advances.iter_mut().for_each(|advance| advance.advance.zeroize());
        if closed? {
            self.day.close();
        }
        Ok(())
    }

    /// Feeds a slot to the sealers; says whether all days are closed now.
    pub(super) fn take(&mut self, slot: u64, advances: &[Advance], seen: u64) -> Result<bool, Failure> {
        let before = self.unsaved.len();
        for advance in advances {
            // A block that became durable already holds it.
            if self.meter.earliest(&advance.code).is_some_and(|earliest| earliest > slot) {
                continue;
            }
            if let Some(witness) = &mut self.witness {
                witness.slot(&self.meter, slot, advance);
            }
            let block = self.meter.record(&advance.code, slot, advance.sample())?;
            if let Some(block) = block {
                if let Some(witness) = &mut self.witness {
                    witness.block(&self.meter, &block);
                }
                self.unsaved.push(block);
            }
        }
        let closed = self.unsaved.len() > before && !self.meter.is_open();
        if closed {
            self.remember(seen);
        }
        Ok(closed)
    }

    /// Closes every block that is being filled, within a day.
    pub(super) fn close_all(&mut self, moment: Moment) -> Result<(), Failure> {
        let codes: Vec<_> = self.registers.iter().map(|running| running.code).collect();
        for code in codes {
            self.unsaved.extend(self.meter.close(&code)?);
        }
        self.remember(moment.seen);
        self.day.close();
        Ok(())
    }

    /// What the next write of the flash says besides the chains: all is closed now.
    pub(super) fn remember(&mut self, seen: u64) {
        self.meter.remembered = Some(Remembered {
            at: self.at,
            seen,
            offset: self.offset,
            whole: self.whole,
            pending: self.registers.iter().map(|running| (running.code, running.pending)).collect(),
            confirmed: self.confirmed,
            orders: self.orders.clone(),
        });
    }

    /// Lets the registers count up to a moment.
    pub(super) fn settle(&mut self, to: u64) {
        let (from, closed) = (self.at, self.supply());
        if from >= to {
            return;
        }
        self.at = to;
        if !closed {
            return;
        }
        let mut bought = 0u64;
        for running in &mut self.registers {
            let Some(series) = running.series else { continue };
            let passed = self.setup.source.passed(series, from, to);
            running.pending = running.pending.saturating_add(passed);
            running.total = running.total.saturating_add(passed);
            if super::status::is_import(&running.code) {
                bought = bought.saturating_add(passed);
            }
        }
        self.use_credit(bought);
    }

    pub(super) fn pending(&self) -> Vec<Pending> {
        self.registers.iter().map(|r| Pending { code: r.code, amount: r.pending }).collect()
    }

    pub(super) fn set_pending(&mut self, pending: &[Pending]) {
        for running in &mut self.registers {
            let amount = pending.iter().filter(|p| p.code == running.code).map(|p| p.amount).sum();
            running.total = running.total.saturating_sub(running.pending).saturating_add(amount);
            running.pending = amount;
        }
    }

    /// Reports events in the blocks that are being filled.
    pub(super) fn report(&mut self, events: u16) -> Result<(), Failure> {
        self.day.note(&Record::Report { events });
        self.report_quietly(events)
    }

    pub(super) fn report_quietly(&mut self, events: u16) -> Result<(), Failure> {
        for running in &self.registers {
            self.meter.report(&running.code, events)?;
        }
        Ok(())
    }
}
