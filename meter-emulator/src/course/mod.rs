//! What happens to a meter in one run: a load on its registers, and faults, gaps and new epochs on the way.
//!
//! [`Course::prepare`] checks the whole run against the meter before a slot is recorded; [`Course::run`] then feeds
//! every slot in order. Times are those at which the meter seals.

mod error;

pub use error::CourseError;

use std::collections::BTreeSet;

use metrology::label::{DAY_SECONDS, Register, RegisterCode, Status, events};
use metrology::seal::Sample;
use protocol::time::Span;

use crate::load::Load;
use sealer::Entropy;
use sealer::{Block, Intake, MeterError, SealingMeter};

/// What goes wrong during the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The cover is open: slots are flagged.
    pub tamper: Vec<Span>,
    /// The meter is off: slots are missing.
    pub outages: Vec<Span>,
    /// Whether the register moves on while the meter is off, so that the energy is found in the residual afterwards.
    pub outage_counted: bool,
}

/// A run of the meter.
#[derive(Clone, Debug)]
pub struct Course {
    /// What passes.
    pub load: Load,
    /// The registers, one for each series of the load, in its order.
    pub intakes: Vec<Intake>,
    /// What goes wrong.
    pub faults: Faults,
    /// Unix seconds at which new epochs begin.
    pub rotations: Vec<u64>,
}

/// A course that fits its meter.
#[derive(Clone, Debug)]
pub struct Outline {
    /// First slot of each register: the load's, or an earlier one when a short gap is to be filled.
    starts: Vec<u64>,
    /// Unix seconds of new epochs.
    epochs: BTreeSet<u64>,
    /// Whether the first of them is there because the clock stepped.
    pub clock_step: bool,
}

/// What was sealed of one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The register.
    pub register: Register,
    /// Blocks.
    pub blocks: u64,
    /// Slots in them.
    pub slots: u64,
    /// Of these, slots without a measurement.
    pub missing: u64,
    /// Of the missing ones, those between the last sealed slot and the load.
    pub filled: u64,
}

impl Course {
    /// Checks the run against the meter and adds the registers that it does not have yet. The meter is in memory: when
    /// this fails it is thrown away, and nothing has happened.
    ///
    /// # Errors
    /// See [`CourseError`].
    pub fn prepare(&self, meter: &mut SealingMeter) -> Result<Outline, CourseError> {
        if self.intakes.len() != self.load.series().len() {
            return Err(CourseError::Columns);
        }
        let mut codes = BTreeSet::new();
        if let Some(intake) = self.intakes.iter().find(|intake| !codes.insert(intake.register.code)) {
            return Err(CourseError::Repeated { register: intake.register.code });
        }
        let mut clock_step = false;
        let mut starts = Vec::new();
        for intake in &self.intakes {
            let resumed = self.resume(meter, intake)?;
            starts.push(resumed.unwrap_or(self.load.first()));
            clock_step |= resumed.is_none();
        }
        let span = self.load.span();
        let mut epochs = BTreeSet::new();
        if clock_step {
            epochs.insert(span.from);
        }
        for at in &self.rotations {
            if !(span.from..span.until).contains(at) {
                return Err(CourseError::RotationOutside { at: *at, load: span });
            }
            if at % self.load.interval().seconds() != 0 {
                return Err(CourseError::RotationOffGrid { at: *at, interval: self.load.interval().seconds() });
            }
            epochs.insert(*at);
        }
        for at in &epochs {
            meter.check_epoch(*at)?;
        }
        self.check_faults()?;
        Ok(Outline { starts, epochs, clock_step })
    }

    /// Every fault touches the load.
    pub(crate) fn check_faults(&self) -> Result<(), CourseError> {
        let load = self.load.span();
        match self.faults.tamper.iter().chain(&self.faults.outages).find(|fault| !fault.overlaps(&load)) {
            Some(fault) => Err(CourseError::FaultOutside { fault: *fault, load }),
            None => Ok(()),
        }
    }

    /// The slot at which a register goes on; none when its clock stepped.
    fn resume(&self, meter: &mut SealingMeter, intake: &Intake) -> Result<Option<u64>, CourseError> {
        let (span, code) = (self.load.span(), intake.register.code);
        if span.from < meter.epoch_first() {
            let coverage = meter.coverage(&code).unwrap_or_default();
            let hit = coverage.ranges().iter().rev().find(|range| span.from < range.1 && range.0 < span.until);
            return Err(match hit {
                Some(&(_, until)) => CourseError::AlreadySealed { register: code, until, load: span },
                None => CourseError::BeforeEpoch { first: meter.epoch_first(), load: span },
            });
        }
        let Some(known) = meter.register(&code) else {
            meter.add_register(intake.register, intake.start.unwrap_or(0))?;
            return Ok(Some(self.load.first()));
        };
        if *known != intake.register {
            return Err(CourseError::RegisterDiffers { register: *known });
        }
        if intake.start.is_some() {
            return Err(CourseError::StartGiven { register: code });
        }
        let Some(due) = meter.expected(&code) else {
            // An epoch without blocks may have time that the meter billed itself.
            let end = meter.coverage(&code).and_then(|coverage| coverage.ranges().last().map(|range| range.1));
            return match end.filter(|until| span.from < *until) {
                Some(until) => Err(CourseError::AlreadySealed { register: code, until, load: span }),
                None => Ok(Some(self.load.first())),
            };
        };
        let due_time = due * self.load.interval().seconds();
        match span.from.checked_sub(due_time) {
            None => Err(CourseError::AlreadySealed { register: code, until: due_time, load: span }),
            Some(gap) if gap > DAY_SECONDS => Ok(None),
            Some(_) => Ok(Some(due)),
        }
    }

    /// Feeds the load to the meter and hands out every block. A line that the meter ran on goes on after the load.
    ///
    /// # Errors
    /// When the meter or the receiver of blocks refuses.
    pub fn run<E: From<MeterError>>(
        &self,
        outline: &Outline,
        meter: &mut SealingMeter,
        entropy: &Entropy,
        mut hand_out: impl FnMut(Block) -> Result<(), E>,
    ) -> Result<Vec<Tally>, E> {
        let seconds = self.load.interval().seconds();
        let mut tallies: Vec<Tally> = self.intakes.iter().map(|intake| Tally::new(intake.register)).collect();
        let begin = outline.starts.iter().min().copied().unwrap_or(self.load.first());
        let end = self.load.first() + self.load.length();
        let mut bounds: Vec<u64> = outline.epochs.iter().map(|at| at / seconds).collect();
        bounds.push(end);
        let mut from = begin;
        for until in bounds {
            for (place, tally) in tallies.iter_mut().enumerate() {
                let start = outline.starts.get(place).copied().unwrap_or(end).max(from);
                for slot in start..until {
                    let block = self.record(meter, place, slot, tally)?;
                    block.map_or(Ok(()), |block| tally.hand_out(block, &mut hand_out))?;
                }
                let block = meter.close(&tally.register.code)?;
                block.map_or(Ok(()), |block| tally.hand_out(block, &mut hand_out))?;
            }
            if until < end {
                // Every chain is closed, so the rotation itself has no blocks to hand out.
                meter.rotate(entropy, until * seconds)?;
                if outline.clock_step && until == self.load.first() {
                    for intake in &self.intakes {
                        meter.report(&intake.register.code, events::CLOCK_SET)?;
                    }
                }
            }
            from = until;
        }
        tallies.iter().filter(|tally| tally.blocks > 0).for_each(|tally| meter.pass(&tally.register.code));
        Ok(tallies)
    }

    /// Records one slot of one register.
    fn record(
        &self,
        meter: &mut SealingMeter,
        place: usize,
        slot: u64,
        tally: &mut Tally,
    ) -> Result<Option<Block>, MeterError> {
        let code: RegisterCode = tally.register.code;
        let (sample, events) = self.sample(place, slot);
        tally.slots += 1;
        tally.missing += u64::from(sample.status == Status::Missing);
        tally.filled += u64::from(slot < self.load.first());
        meter.report(&code, events)?;
        meter.record(&code, slot, sample)
    }

    /// What the meter measures in a slot, and what it has to report.
    pub(crate) fn sample(&self, place: usize, slot: u64) -> (Sample, u16) {
        let seconds = self.load.interval().seconds();
        let span = Span { from: slot * seconds, until: (slot + 1) * seconds };
        let amounts = self.load.series().get(place).map_or(&[][..], |series| &series.amounts);
        let within = slot.checked_sub(self.load.first()).and_then(|at| usize::try_from(at).ok());
        let amount = within.and_then(|at| amounts.get(at).copied().flatten());
        let hit = |faults: &[Span]| faults.iter().any(|fault| fault.overlaps(&span));
        let (tamper, outage) = (hit(&self.faults.tamper), hit(&self.faults.outages));
        let events = if tamper { events::COVER_OPENED } else { 0 } | if outage { events::OUTAGE } else { 0 };
        let sample = match amount {
            Some(advance) if outage && self.faults.outage_counted => Sample { advance, status: Status::Missing },
            Some(advance) if !outage && tamper => Sample { advance, status: Status::Tamper },
            Some(advance) if !outage => Sample { advance, status: Status::Measured },
            _ => Sample { advance: 0, status: Status::Missing },
        };
        (sample, events)
    }
}

impl Tally {
    fn new(register: Register) -> Self {
        Self { register, blocks: 0, slots: 0, missing: 0, filled: 0 }
    }

    fn hand_out<E>(&mut self, block: Block, to: &mut impl FnMut(Block) -> Result<(), E>) -> Result<(), E> {
        self.blocks += 1;
        to(block)
    }
}

#[cfg(test)]
mod tests;
