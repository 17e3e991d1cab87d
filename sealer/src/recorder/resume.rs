//! Taking up a meter: a new one, one that `seal` made, or one whose power was cut within a day.

use std::sync::Arc;

use metrology::label::{DAY_SECONDS, events};

use super::{Failure, Moment, Recorder, Setup, registers};
use crate::archive::Archive;
use crate::event::Event;
use crate::meter::{Orders, Remembered, SealingMeter};
use crate::open_day::OpenDay;
use crate::record::{Advance, Record, Stamp};
use crate::store::Store;

impl Recorder {
    /// Opens the meter in the set-up's directory, or makes one that nobody is paired with. What the open day's file has
    /// is recorded again. Says when it was last known to run.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn open(setup: &Arc<Setup>, moment: Moment) -> Result<(Self, Stamp), Failure> {
        let opened = Store::open_live(&setup.root)?;
        let is_new = opened.is_none();
        let (store, mut meter) = match opened {
            Some(opened) => opened,
            None => {
                let first = first_slot_start(setup);
                let meter = SealingMeter::unpaired(&setup.entropy, setup.id, setup.class, first)?;
                (Store::create(&setup.root)?, meter)
            }
        };
        let added = registers::add(setup, &mut meter)?;
        let remembered = meter.remembered.clone().unwrap_or_else(|| first_memory(setup, &meter));
        store.remove_stale_days()?;
        let path = store.open_day();
        let (day, records) = OpenDay::open(&path).map_err(|source| Failure::Io { path, source })?;
        let codes = meter.registers().map(|register| register.code);
        let archive = Archive::open(store.root(), codes)
            .map_err(|source| Failure::Io { path: store.root().to_owned(), source })?;
        let registers = registers::running(setup, &meter, |code| {
            let pending = remembered.pending.iter().filter(|(known, _)| known == code).map(|(_, amount)| amount).sum();
            (pending, meter.total(code).unwrap_or(0))
        });
        let mut recorder = Self {
            setup: Arc::clone(setup),
            store,
            day,
            archive,
            registers,
            at: remembered.at,
            offset: remembered.offset,
            whole: remembered.whole,
            orders: remembered.orders.clone(),
            used: 0,
            confirmed: remembered.confirmed,
            unsaved: Vec::new(),
            full: false,
            tried: None,
            begun: false,
            ended: false,
            events: Vec::new(),
            witness: None,
            meter,
        };
        let mut last = Stamp { at: remembered.at, seen: remembered.seen };
        recorder.meter.remembered = Some(remembered);
        for running in &mut recorder.registers {
            running.total = running.total.saturating_add(running.pending);
        }
        recorder.replay(&records, &mut last)?;
        recorder.begun = last.seen > 0;
        if is_new || added || !recorder.unsaved.is_empty() {
            recorder.save(moment)?;
        }
        if is_new || added {
            // Nobody may see a meter that a power cut would take back.
            recorder.check_space()?;
        }
        recorder.identify();
        Ok((recorder, last))
    }

    /// Goes on at a moment of the world. What lies between it and the last that was recorded is an outage: those slots
    /// are missing, and what passed meanwhile is found in the residual, since the registers kept counting.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn resume(&mut self, at: u64, moment: Moment) -> Result<(), Failure> {
        let from = self.at;
        let at = at.max(from);
        let seconds = self.interval().seconds();
        let due = self.due();
        if due.is_none() && !self.begun {
            // Nothing was ever measured: the meter begins here, and a part of a slot is no slot.
            let start = at.div_ceil(seconds) * seconds;
            (self.at, self.whole) = (start, Some(self.slot_at(start)));
            return self.begin(moment);
        }
        let slot = self.slot_at(at);
        if due.is_some_and(|due| slot > due && slot - due > DAY_SECONDS / seconds) {
            self.settle(at);
            self.new_epoch(slot * seconds, moment)?;
        }
        if self.begun || at > from {
            self.report(events::OUTAGE)?;
            self.events.push(Event::PowerCut { from, until: at });
        }
        if self.whole.is_some_and(|whole| whole < slot) {
            self.whole = None;
        }
        self.go(at, moment, false)?;
        self.begin(moment)
    }

    /// From here on a restart knows when the meter ran.
    fn begin(&mut self, moment: Moment) -> Result<(), Failure> {
        self.note_alive(moment);
        self.flush(moment);
        Ok(())
    }

    /// Records again what the open day's file says.
    fn replay(&mut self, records: &[Record], last: &mut Stamp) -> Result<(), Failure> {
        let mut end = 0;
        for record in records {
            end += record.write().len();
            match record {
                Record::Slot { stamp, slot, advances, credit, running } => {
                    self.show_again(*slot, advances);
                    self.at = stamp.at;
                    self.whole = running.then_some(slot + 1);
                    self.orders.credit = *credit;
                    *last = *stamp;
                    if self.take(*slot, advances, stamp.seen)? {
                        self.day.close_at(end);
                    }
                }
                Record::Report { events } => self.report_quietly(*events)?,
                Record::Clock { stamp, offset, pending } => {
                    (self.at, self.offset, self.whole) = (stamp.at, *offset, None);
                    *last = *stamp;
                    self.set_pending(pending);
                }
                Record::Alive { stamp, pending, credit } => {
                    (self.at, self.orders.credit) = (stamp.at, *credit);
                    *last = *stamp;
                    self.set_pending(pending);
                }
                Record::Order { stamp, sequence, command, receipt, disconnected, credit, pending } => {
                    self.at = stamp.at;
                    *last = *stamp;
                    self.set_pending(pending);
                    let orders =
                        Orders { last: *sequence, disconnected: *disconnected, credit: *credit, ..Orders::default() };
                    self.obeyed(orders, **command, receipt.to_vec());
                }
            }
        }
        Ok(())
    }

    /// Sets what the registers show after a slot: what they had counted before it is part of the slot's advance. A block
    /// that became durable already holds the slot, and the register's total with it.
    fn show_again(&mut self, slot: u64, advances: &[Advance]) {
        for running in &mut self.registers {
            let Some(advance) = advances.iter().find(|advance| advance.code == running.code) else { continue };
            running.total = running.total.saturating_sub(running.pending);
            running.pending = 0;
            if self.meter.earliest(&running.code).is_none_or(|earliest| earliest <= slot) {
                running.total = running.total.saturating_add(advance.advance.into());
            }
        }
    }

    fn identify(&mut self) {
        let identity = self.meter.identity_key();
        self.events.push(Event::Meter {
            meter: self.meter.id().as_str().to_owned(),
            fingerprint: protocol::show::fingerprint(&identity),
            identity_key: hex::encode(identity),
            pairing: self.meter.household.counter,
            at: self.at,
        });
    }
}

/// Start of the first slot that a new meter can measure whole.
fn first_slot_start(setup: &Setup) -> u64 {
    let seconds = setup.source.interval().seconds();
    setup.start.unwrap_or(0).max(setup.source.from()).div_ceil(seconds) * seconds
}

/// What is remembered of a meter that has not run on a line.
fn first_memory(setup: &Setup, meter: &SealingMeter) -> Remembered {
    let ends = meter.registers().filter_map(|register| Some(meter.coverage(&register.code)?.ranges().last()?.1));
    let at = ends.max().unwrap_or_else(|| first_slot_start(setup));
    let whole = Some(at / setup.source.interval().seconds());
    Remembered { at, whole, ..Remembered::default() }
}
