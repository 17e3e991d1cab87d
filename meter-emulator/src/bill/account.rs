//! What one register's slots come to, as a sealer would split them into readings and residual.

use metrology::label::{Register, Status};
use metrology::seal::{PARTS, Sample};
use protocol::meter_bill::MeterRegister;
use zeroize::Zeroizing;

use crate::course::Course;

/// A register over a billing period. It does not print, and what it holds is erased when it is dropped.
pub(super) struct Account {
    /// Whole units of every slot.
    pub readings: Zeroizing<Vec<u16>>,
    /// What missing and overflowing slots left over.
    pub residuals: Zeroizing<Vec<u32>>,
    /// What the register shows at the end, in 10⁻⁴ units.
    pub total: u64,
    missing: u32,
    estimated: u32,
    tamper: u32,
    events: u16,
}

impl Account {
    /// Runs the course's slots of one series through a register that shows `total`.
    pub(super) fn of(course: &Course, place: usize, total: u64) -> Self {
        let length = usize::try_from(course.load.length()).unwrap_or(0);
        let mut account = Self {
            // Room for all: a list that grows leaves copies behind.
            readings: Zeroizing::new(Vec::with_capacity(length)),
            residuals: Zeroizing::new(Vec::with_capacity(length)),
            total,
            missing: 0,
            estimated: 0,
            tamper: 0,
            events: 0,
        };
        for slot in course.load.first()..course.load.first() + course.load.length() {
            let (sample, events) = course.sample(place, slot);
            account.events |= events;
            account.take(sample);
        }
        account
    }

    /// One slot: the register's advance in whole units, where what is missing or beyond 16 bits is left over.
    fn take(&mut self, sample: Sample) {
        let after = self.total.saturating_add(u64::from(sample.advance));
        let whole = after / PARTS - self.total / PARTS;
        self.total = after;
        let missing = sample.status == Status::Missing;
        let reading = if missing { 0 } else { u16::try_from(whole).unwrap_or(u16::MAX) };
        let rest = whole - u64::from(reading);
        // An advance of 32 bits leaves no more than 32 bits over.
        self.residuals.push(u32::try_from(rest).unwrap_or(u32::MAX));
        self.readings.push(reading);
        match sample.status {
            Status::Missing => self.missing += 1,
            Status::Tamper => self.tamper += 1,
            Status::Measured if rest == 0 => {}
            Status::Measured | Status::Estimated => self.estimated += 1,
        }
    }

    /// What the bill says of it.
    pub(super) fn state(&self, register: &Register) -> MeterRegister {
        MeterRegister {
            code: register.code,
            slots: u32::try_from(self.readings.len()).unwrap_or(u32::MAX),
            missing: self.missing,
            estimated: self.estimated,
            tamper: self.tamper,
            events: self.events,
        }
    }
}
