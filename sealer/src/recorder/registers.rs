//! The registers that a meter has: those it was set up with, and those that are found to be there later.

use std::sync::Arc;

use metrology::label::RegisterCode;

use super::{Failure, Moment, Recorder, Running, Setup};
use crate::meter::SealingMeter;
use crate::store::StoreError;

impl Recorder {
    /// Goes on with a set-up that differs in its registers alone: the meter gets those that it does not have yet, durably, in
    /// its current epoch. Says whether there were any.
    ///
    /// # Errors
    /// When the memory is full, and nothing has changed. [`Failure::Unsure`] when the memory failed on the way, and others
    /// when a register does not fit the meter: it must be opened again.
    pub fn extend(&mut self, setup: &Arc<Setup>, moment: Moment) -> Result<bool, Failure> {
        self.check_space()?;
        let added = add(setup, &mut self.meter)?;
        let before = std::mem::take(&mut self.registers);
        self.registers = running(setup, &self.meter, |code| {
            let known = before.iter().find(|running| running.code == *code);
            known.map_or_else(|| (0, self.meter.total(code).unwrap_or(0)), |running| (running.pending, running.total))
        });
        self.setup = Arc::clone(setup);
        if added {
            self.save(moment)?;
            // Nobody may see a register that a power cut would take back.
            self.check_space().map_err(|_| Failure::Unsure(StoreError::Full(self.store.root().to_owned())))?;
        }
        Ok(added)
    }
}

/// A meter's registers while it runs; `counted` gives what is pending in one, and what it shows.
pub(super) fn running(
    setup: &Setup,
    meter: &SealingMeter,
    counted: impl Fn(&RegisterCode) -> (u64, u64),
) -> Vec<Running> {
    let of = |code: RegisterCode| {
        let series = setup.intakes.iter().position(|intake| intake.register.code == code);
        let (pending, total) = counted(&code);
        Running { code, series, pending, total }
    };
    meter.registers().map(|register| of(register.code)).collect()
}

/// Gives the meter the registers that it does not have yet; says whether there were any.
pub(super) fn add(setup: &Setup, meter: &mut SealingMeter) -> Result<bool, Failure> {
    let mut added = false;
    for (place, intake) in setup.intakes.iter().enumerate() {
        let code = intake.register.code;
        if setup.intakes.iter().take(place).any(|other| other.register.code == code) {
            return Err(Failure::Repeated(code));
        }
        match meter.register(&code) {
            Some(known) if *known != intake.register => return Err(Failure::RegisterDiffers(*known)),
            Some(_) => {}
            None => {
                meter.add_register(intake.register, intake.start.unwrap_or(0))?;
                added = true;
            }
        }
    }
    Ok(added)
}
