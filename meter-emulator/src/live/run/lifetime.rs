//! The device through its power cuts, and the clock it runs by.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocol::line::Message;

use super::{Options, RunError};
use crate::live::clock::{Clock, Speed};
use crate::live::fault::{Fault, Lies};
use sealer::Device;
use sealer::Event;
use sealer::record::Stamp;
use sealer::recorder::{Failure, Moment, Setup};
use sealer::store::StoreError;

pub(super) struct Life<'a> {
    setup: &'a Arc<Setup>,
    options: &'a Options,
    began: Instant,
    device: Option<Device>,
    clock: Clock,
    speed: Speed,
    /// Power is cut every so many seconds, for so many; and when next.
    cuts: Option<(u64, u64, u64)>,
    lying: bool,
    full: bool,
    /// What devices said that are gone.
    events: Vec<Event>,
}

impl<'a> Life<'a> {
    pub(super) fn begin(setup: &'a Arc<Setup>, options: &'a Options) -> Result<Self, RunError> {
        let began = Instant::now();
        let clock = Clock::new(options.speed, 0, Duration::ZERO);
        let mut life = Self {
            setup,
            options,
            began,
            device: None,
            clock,
            speed: options.speed,
            cuts: None,
            lying: false,
            full: false,
            events: Vec::new(),
        };
        let (mut device, last) = Device::open(setup, life.moment())?;
        let at = life.wakes(last);
        device.resume(at, life.moment())?;
        life.device = Some(device);
        life.go_live();
        Ok(life)
    }

    /// World time at which a meter goes on that last ran then: its clock ran on, for as long as an outage may last.
    fn wakes(&self, last: Stamp) -> u64 {
        let off = Duration::from_millis(self.moment().seen.saturating_sub(last.seen));
        let passed = if last.seen == 0 { 0 } else { self.options.speed.world_millis(off) / 1000 };
        let awaited = self.options.catch_up.is_some_and(|until| last.at < until);
        let at = if awaited { last.at } else { last.at.saturating_add(passed.min(self.options.outage_limit)) };
        at.max(self.setup.start.unwrap_or(0)).max(self.setup.source.from())
    }

    /// The clock begins to run where the meter is.
    pub(super) fn go_live(&mut self) {
        let at = self.device.as_ref().map_or(0, |device| device.recorder().at());
        self.clock = Clock::new(self.options.speed, at, self.real());
        if let Some((every, _, next)) = &mut self.cuts {
            *next = at.saturating_add(*every);
        }
    }

    pub(super) fn real(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn moment(&self) -> Moment {
        let seen = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Moment { real: self.real(), seen: u64::try_from(seen).unwrap_or(u64::MAX) }
    }

    pub(super) fn cadence(&self) -> u64 {
        self.setup.cadence.into()
    }

    pub(super) fn device(&self) -> Result<&Device, RunError> {
        self.device.as_ref().ok_or(RunError::Closed)
    }

    pub(super) fn device_mut(&mut self) -> Result<&mut Device, RunError> {
        self.device.as_mut().ok_or(RunError::Closed)
    }

    /// Seals a part of what is to be there before a line is opened; false when it is all there.
    pub(super) fn catch_up(&mut self, stride: u64) -> Result<bool, RunError> {
        let Some(until) = self.options.catch_up else { return Ok(false) };
        let until = until.min(self.setup.source.until());
        let at = self.device()?.recorder().at();
        if at >= until {
            return Ok(false);
        }
        // In larger steps blocks are made durable together.
        let to = until.min(at.saturating_add(stride * 8));
        self.attempt(|device, moment| device.advance(to, moment))?;
        if to == until {
            self.events.push(Event::CaughtUp { at: to });
        }
        Ok(true)
    }

    /// Lets time pass faster or slower from where the meter is.
    pub(super) fn set_speed(&mut self, speed: Speed) -> Result<(), RunError> {
        let at = self.device()?.recorder().at();
        self.speed = speed;
        self.clock = Clock::new(speed, at, self.real());
        Ok(())
    }

    /// Lets the world go on to where the clock is, by one stride at most.
    pub(super) fn advance(&mut self, stride: u64) -> Result<Vec<Message>, RunError> {
        let at = self.device()?.recorder().at();
        let mut to = self.clock.world(self.real(), at).min(at.saturating_add(stride));
        let cut = self.cuts.filter(|(_, _, next)| *next <= to && !self.ended());
        if let Some((_, _, next)) = cut {
            to = next;
        }
        let mut messages = self.attempt(|device, moment| device.advance(to, moment))?;
        if let Some((every, lasting, next)) = cut {
            messages.extend(self.power_cut(lasting)?);
            self.cuts = Some((every, lasting, next.saturating_add(lasting).saturating_add(every)));
        }
        Ok(messages)
    }

    fn ended(&self) -> bool {
        self.device.as_ref().is_none_or(|device| device.recorder().ended())
    }

    /// Whether the meter has not yet reached its clock.
    pub(super) fn is_behind(&self) -> bool {
        let Some(device) = &self.device else { return false };
        let at = device.recorder().at();
        let due = self.clock.world(self.real(), at);
        !device.recorder().ended() && (self.speed == Speed::Max || due > at.saturating_add(86_400))
    }

    /// Answers a message; bytes that are none are refused.
    pub(super) fn answer(&mut self, message: Option<&Message>) -> Result<Vec<Message>, RunError> {
        match message {
            Some(message) => self.attempt(|device, moment| device.handle(message, moment)),
            None => Ok(vec![self.device_mut()?.not_understood()]),
        }
    }

    pub(super) fn press_button(&mut self) -> Result<Event, RunError> {
        let moment = self.moment();
        Ok(self.device_mut()?.press_button(moment)?)
    }

    /// Sets the clock. What the meter does not let happen is said, no more.
    pub(super) fn set_clock(&mut self, step: i64) -> Result<Vec<Message>, RunError> {
        let set = self.attempt(|device, moment| device.set_clock(step, moment));
        match set {
            Err(RunError::Failure(
                error @ (Failure::ClockBack
                | Failure::ClockRange
                | Failure::Meter(_)
                | Failure::Store(StoreError::Full(_))),
            )) => {
                self.events.push(Event::Refused { request: "clock", reason: error.to_string() });
                Ok(Vec::new())
            }
            other => other,
        }
    }

    /// Cuts the power: what is in memory is gone, and the meter begins anew from what its disk holds.
    pub(super) fn power_cut(&mut self, lasting: u64) -> Result<Vec<Message>, RunError> {
        self.clock.skip(lasting);
        let at = self.device()?.recorder().at().saturating_add(lasting);
        self.open_again(Some(at))
    }

    pub(super) fn switch(&mut self, fault: Fault) -> Result<(), RunError> {
        match fault {
            Fault::Equivocate => self.lying = true,
            Fault::FullFlash => self.full = true,
            Fault::PowerCut { every, lasting } => {
                let at = self.device()?.recorder().at();
                self.cuts = Some((every, lasting, at.saturating_add(every)));
            }
            Fault::None => (self.lying, self.full, self.cuts) = (false, false, None),
            _ => {}
        }
        self.apply();
        Ok(())
    }

    fn apply(&mut self) {
        let (lying, full) = (self.lying, self.full);
        if let Some(device) = &mut self.device {
            if device.recorder().witness().is_some() != lying {
                device.set_witness(lying.then(|| Box::<Lies>::default() as _));
            }
            device.set_full(full);
        }
    }

    pub(super) fn stop(&mut self) -> Result<Vec<Message>, RunError> {
        let moment = self.moment();
        Ok(self.device_mut()?.stop(moment)?)
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.events);
        events.extend(self.device.iter_mut().flat_map(Device::take_events));
        events
    }

    /// Does something with the device. When its memory leaves it unsure, it begins anew from what its disk holds.
    fn attempt<F>(&mut self, act: F) -> Result<Vec<Message>, RunError>
    where
        F: FnOnce(&mut Device, Moment) -> Result<Vec<Message>, Failure>,
    {
        let moment = self.moment();
        match act(self.device_mut()?, moment) {
            Err(Failure::Unsure(_)) => self.open_again(None),
            other => Ok(other?),
        }
    }

    fn open_again(&mut self, at: Option<u64>) -> Result<Vec<Message>, RunError> {
        if let Some(mut device) = self.device.take() {
            self.events.append(&mut device.take_events());
            if device.is_pairing() {
                // The code was in memory alone.
                self.events.push(Event::PairingEnded { reason: "the power was cut" });
            }
        }
        let (mut device, last) = Device::open(self.setup, self.moment())?;
        let at = at.unwrap_or_else(|| self.wakes(last));
        let messages = device.resume(at, self.moment())?;
        self.device = Some(device);
        self.apply();
        Ok(messages)
    }
}
