//! The side of the plain meter: what a telegram says becomes what the device records, and what it shows as now.
//!
//! ```text
//! telegram ─► of our input, by a good clock ─► Listening ─ believed ─► registers
//!                                                  └─ slots, words ─► Heard ─► the device records, and shows
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use drivers::plain::Telegram;
use drivers::slots::Way;
use protocol::metrology::label::DAY_SECONDS;
use sealer::SealingMeter;
use sealer::time::show;

use super::listen::WAYS;
use super::run::Run;
use super::setup::register;
use crate::Failure;

/// Least time for which what the meter said is shown as of now.
const LEAST_SHOWN: Duration = Duration::from_secs(30);

/// What is known of the plain meter beside its registers.
#[derive(Default)]
pub(super) struct State {
    /// When it spoke last.
    heard_at: Option<Instant>,
    /// When it told its power last.
    power_at: Option<Instant>,
    /// Other inputs of the bridge that spoke; their names are the profile's.
    others: BTreeSet<String>,
}

impl Run<'_> {
    /// Takes a telegram that was heard at this Unix millisecond.
    ///
    /// # Errors
    /// When the meter's input is to be named, or the device cannot go on.
    pub(super) async fn telegram(&mut self, at: u64, telegram: &Telegram) -> Result<(), Failure> {
        if !self.is_ours(telegram)? || !self.clock_is_good(at) {
            return Ok(());
        }
        let completed = self.listening.hear(at, telegram);
        if self.device.is_none() && (telegram.import.is_some() || telegram.export.is_some()) {
            self.open(Some(telegram)).await?;
        }
        self.add_registers()?;
        let Some(open) = &self.device else { return Ok(()) };
        open.parts.heard.hear(&completed, &self.listening.words());
        if !completed.is_empty() {
            self.record()?;
        }
        self.show(telegram);
        Ok(())
    }

    /// Whether a telegram is of the input of a bridge that this device seals. What another says is told once.
    fn is_ours(&mut self, telegram: &Telegram) -> Result<bool, Failure> {
        let refused = |message: String| Err(Failure::refused("input", message));
        match (&telegram.input, self.listening.input()) {
            (None, None) => Ok(true),
            (None, Some(_)) => refused("this meter is no input of a bridge: leave --input away".into()),
            (Some(input), None) => refused(format!(
                "behind this bridge may be several meters, and a device seals one: input {input} speaks. Say --input {input}, \
                 or the name of the input that is the meter"
            )),
            (Some(input), Some(chosen)) if input == chosen => Ok(true),
            (Some(input), Some(chosen)) => {
                let message = format!(
                    "input {input} of this bridge speaks as well; this device seals {chosen}, and another device, with a \
                     --dir of its own, could seal {input}"
                );
                if self.plain.others.insert(input.clone()) {
                    self.meter("input", message);
                }
                Ok(false)
            }
        }
    }

    /// Gives the device the registers that are believed to be there. A code that a bad line made up comes to none.
    fn add_registers(&mut self) -> Result<(), Failure> {
        let Some(open) = &mut self.device else { return Ok(()) };
        let there = |way: &Way| {
            let code = register(*way);
            open.parts.setup.intakes.iter().any(|intake| Some(intake.register.code) == code)
        };
        let words = self.listening.words();
        let added: Vec<_> = words.iter().map(|word| word.way).filter(|way| !there(way)).collect();
        // A register needs space on the disk; it is asked for again with the next telegram.
        if added.is_empty() || open.device.recorder().is_full() {
            return Ok(());
        }
        added.iter().for_each(|way| open.parts.heard.add(*way));
        let setup = open.parts.clone().with_registers(&self.terms).setup;
        let pushes = self.attempt(|device, moment| device.extend(&setup, moment))?;
        if let Some(open) = &mut self.device {
            // A device that began anew from its disk may not have them.
            open.parts.setup = Arc::clone(open.device.recorder().setup());
        }
        self.push(&pushes);
        Ok(())
    }

    /// Lets the device record what was told.
    fn record(&mut self) -> Result<(), Failure> {
        let Some(open) = &self.device else { return Ok(()) };
        let (heard, recorder) = (Arc::clone(&open.parts.heard), open.device.recorder());
        let Some(until) = heard.until() else { return Ok(()) };
        let at = recorder.at();
        if let Some(next) = heard.next(at).filter(|next| next.saturating_sub(at) > DAY_SECONDS) {
            // An epoch needs space on the disk; what was told waits.
            if recorder.is_full() || !self.pass_over(at, next)? {
                return Ok(());
            }
        }
        let pushes = self.attempt(|device, moment| device.advance(until, moment))?;
        if let Some(open) = &self.device {
            heard.begun(&ways_of(open.device.recorder().meter()));
            heard.recorded(open.device.recorder().at());
        }
        self.push(&pushes);
        self.keep();
        Ok(())
    }

    /// Passes over time of which no slot was told, not even as missing: the clock leapt, or was silent for longer than slots
    /// are missing. Says whether that is done.
    fn pass_over(&mut self, at: u64, next: u64) -> Result<bool, Failure> {
        let pushes = self.attempt(|device, moment| device.pass_over(next, moment))?;
        self.push(&pushes);
        let done = self.device.as_ref().is_some_and(|open| open.device.recorder().at() >= next);
        if done {
            self.meter(
                "gap",
                format!(
                    "nothing is known of the time from {} to {}: it is not sealed, and a new epoch begins",
                    show(at),
                    show(next)
                ),
            );
        }
        Ok(done)
    }

    /// Keeps where the plain registers stand, once the device has recorded all that they told: a restart goes on from there.
    /// What cannot be kept now is with the next slot.
    fn keep(&mut self) {
        let Some(open) = &self.device else { return };
        let recorder = open.device.recorder();
        if recorder.is_full() || self.listening.until() > Some(recorder.at()) {
            return;
        }
        if let Err(failure) = self.listening.keep() {
            self.meter("not-kept", failure.to_string());
        }
    }

    /// Shows the power that a telegram tells, when it is the meter's, and what is known beside it.
    fn show(&mut self, telegram: &Telegram) {
        let now = Instant::now();
        let is_meters = self.listening.is_of_meter(telegram);
        if let Some(open) = &self.device
            && (!is_meters || telegram.power.is_some())
        {
            open.parts.heard.set_power(telegram.power.filter(|_| is_meters));
            self.plain.power_at = Some(now);
        }
        self.plain.heard_at = Some(now);
        self.push_now();
    }

    /// What the meter shows now, while it speaks: what is old is not shown as of now.
    pub(super) fn push_now(&mut self) {
        let while_new = Duration::from_secs(3 * u64::from(self.terms.cadence)).max(LEAST_SHOWN);
        let is_new = |since: Option<Instant>| since.is_some_and(|since| since.elapsed() <= while_new);
        let Some(open) = &mut self.device else { return };
        if !is_new(self.plain.power_at) {
            open.parts.heard.set_power(None);
        }
        if is_new(self.plain.heard_at) {
            let now: Vec<_> = open.device.now().into_iter().collect();
            self.push(&now);
        }
    }
}

/// The ways that a meter has registers for.
pub(super) fn ways_of(meter: &SealingMeter) -> Vec<Way> {
    let has = |way: &Way| register(*way).is_some_and(|code| meter.register(&code).is_some());
    WAYS.into_iter().filter(has).collect()
}

#[cfg(test)]
mod tests;
